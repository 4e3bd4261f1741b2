//! A local Azure in memory, a clock that only tokio's paused time moves, and what tests ask of both.

use std::{
    error::Error as StdError,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use azure_batch_core::{
    client::Client,
    clock::Clock,
    connect::connect,
    error::Result,
    ids::CloudChoice,
    options::sign_in,
    progress::{Event, Progress},
    run::Run,
    settings::{self, Login, Values},
    shell::Shell,
    transport::{ConnectFault, SendError, Transport},
};
use azure_emulator::{Emulator, Outcome, fault::Fault, http::Request, journal::Entry, seed::Seed};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};
use tokio_util::sync::CancellationToken;

/// The example seed's ids.
pub(crate) const TENANT: &str = "00000000-0000-0000-0000-00000000aaaa";
pub(crate) const APPLICATION: &str = "00000000-0000-0000-0000-00000000c11e";
pub(crate) const SECRET: &str = "example-secret-not-for-any-real-cloud";

/// Everything an id in the example's only group begins with.
pub(crate) const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images";

/// A day no token outlives: the emulated hours of a test pass in milliseconds of the real clock, which is what
/// `azure_identity` goes by, so it would never renew.
pub(crate) const TOKEN_LIFE_SECONDS: i64 = 30 * 24 * 3600;

/// One emulated Azure that several runs may use one after another.
#[derive(Clone, Debug)]
pub(crate) struct Azure {
    emulator: Arc<Mutex<Emulator>>,
    clock: Arc<TestClock>,
    /// By how many minutes the clocks of clients are ahead of its own.
    ahead: i64,
    /// Refuses the connection of the request with this number, as if there were no listener.
    refuse: Arc<Mutex<Refusal>>,
}

#[derive(Debug, Default)]
struct Refusal {
    at: Option<u64>,
    hits: u64,
    /// Cancels this once the request with that number was answered: the process is gone.
    gone_after: Option<(u64, CancellationToken)>,
    gone_hits: u64,
}

/// A fixed day plus tokio's time, which tests pause.
#[derive(Debug)]
struct TestClock {
    base: Timestamp,
    started: Instant,
}

/// A clock that is so many minutes ahead of the right one.
#[derive(Debug)]
struct WrongClock(Arc<TestClock>, i64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.base + passed
    }
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        self.0.now() + SignedDuration::from_mins(self.1)
    }
}

impl Azure {
    /// The example world.
    pub(crate) fn example() -> Self {
        Self::with_seed(&Seed::example())
    }

    /// A world of one's own.
    pub(crate) fn with_seed(seed: &Seed) -> Self {
        Self::with_token_life(seed, TOKEN_LIFE_SECONDS)
    }

    /// A world whose tokens live so long.
    pub(crate) fn with_token_life(seed: &Seed, seconds: i64) -> Self {
        let clock = TestClock {
            base: "2026-01-01T00:00:00Z".parse().expect("a date"),
            started: Instant::now(),
        };
        let mut seed = seed.clone();
        if let Some(tenant) = &mut seed.tenant {
            tenant.token_lifetime = Some(seconds);
        }
        let emulator = Emulator::from_seed(&seed, clock.now()).expect("the seed is valid");
        Self {
            emulator: Arc::new(Mutex::new(emulator)),
            clock: Arc::new(clock),
            ahead: 0,
            refuse: Arc::default(),
        }
    }

    /// The emulator itself, for a moment.
    pub(crate) fn emulator<T>(&self, ask: impl FnOnce(&mut Emulator, Timestamp) -> T) -> T {
        let mut emulator = self.emulator.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut emulator, self.clock.now())
    }

    /// The same world for clients whose clocks are so many minutes ahead of its own.
    pub(crate) fn seen_from_ahead(mut self, minutes: i64) -> Self {
        self.ahead = minutes;
        self
    }

    /// Its clock.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// Scripts a fault, written as its JSON form.
    pub(crate) fn fault(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).expect("the fault is well-formed");
        self.emulator(|emulator, _| emulator.add_fault(fault));
    }

    /// Refuses the connection of request number `at` instead of answering.
    pub(crate) fn refuse(&self, at: u64) {
        self.refuse.lock().unwrap_or_else(PoisonError::into_inner).at = Some(at);
    }

    /// Cancels `token` right after request number `at` was carried out.
    pub(crate) fn gone_after(&self, at: u64, token: CancellationToken) {
        self.refuse.lock().unwrap_or_else(PoisonError::into_inner).gone_after = Some((at, token));
    }

    /// The number of the first request so far whose method and path these are; a path is compared from its end.
    pub(crate) fn number_of(&self, method: &str, path: &str) -> u64 {
        let is_it = |entry: &Entry| entry.method == method && entry.path.ends_with(path);
        let at = self.journal().iter().position(is_it).expect("it was asked");
        u64::try_from(at).expect("a small number") + 1
    }

    /// How often the refused connection and the vanished process happened.
    pub(crate) fn outside_hits(&self) -> u64 {
        let refusal = self.refuse.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.hits + refusal.gone_hits
    }

    /// Everything that was asked so far.
    pub(crate) fn journal(&self) -> Vec<Entry> {
        self.emulator(|emulator, _| emulator.journal().to_vec())
    }

    /// Everything that was asked and was no read, as `VERB path`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let is_write =
            |entry: &Entry| entry.method != "GET" && entry.method != "HEAD" && !entry.path.contains("/oauth2/");
        self.journal()
            .iter()
            .filter(|entry| is_write(entry))
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// Starts a new journal and forgets faults.
    pub(crate) fn turn_the_page(&self) {
        self.emulator(|emulator, _| {
            emulator.clear_journal();
            emulator.clear_faults();
        });
        *self.refuse.lock().unwrap_or_else(PoisonError::into_inner) = Refusal::default();
    }

    /// All resources.
    pub(crate) fn resources(&self) -> Value {
        self.emulator(Emulator::resources)
    }

    /// A signed-in client for a new run, and the run's events.
    pub(crate) async fn client(&self, cancel: &CancellationToken) -> (Client, UnboundedReceiver<Event>) {
        self.client_with_limit(cancel, Duration::from_secs(6 * 3600)).await
    }

    /// The same with a deadline.
    pub(crate) async fn client_with_limit(
        &self,
        cancel: &CancellationToken,
        limit: Duration,
    ) -> (Client, UnboundedReceiver<Event>) {
        let (progress, events) = Progress::channel();
        let clock = Arc::new(WrongClock(Arc::clone(&self.clock), self.ahead));
        let run = Run::new(clock, limit, cancel.clone(), progress);
        (connected(Arc::new(self.clone()), run).await, events)
    }

    /// A signed-in client that sends by another transport, on a machine with that shell.
    pub(crate) async fn client_on(
        &self,
        transport: Arc<dyn Transport>,
        shell: Arc<dyn Shell>,
        (cancel, limit): (&CancellationToken, Duration),
    ) -> Client {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let run = Run::new(clock, limit, cancel.clone(), Progress::silent());
        let run = run.with_shell(shell).with_grace(Duration::from_millis(700));
        connected(transport, run).await
    }
}

#[async_trait]
impl Transport for Azure {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        let to = request.uri().authority().map_or_else(String::new, ToString::to_string);
        let number = self.emulator(|emulator, _| emulator.journal().len() as u64) + 1;
        if self.is_refused(number) {
            let source: Box<dyn StdError + Send + Sync> = "connection refused".into();
            return Err(SendError::NeverSent {
                to,
                fault: ConnectFault::Transient,
                source,
            });
        }
        let asked = as_asked(request, &to);
        let outcome = self.emulator(|emulator, now| emulator.respond(&asked, now));
        if self.vanish(number) {
            // Nothing here waits, so without this the process would go on to its next pause before it is gone.
            tokio::task::yield_now().await;
        }
        let broken = |to| SendError::UnknownEffect {
            to,
            source: "connection reset by peer".into(),
        };
        match outcome {
            Outcome::Answer(answer) => {
                let mut response = http::Response::new(answer.body);
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                Ok(response)
            }
            Outcome::ResetBeforeEffect | Outcome::ResetAfterEffect => Err(broken(to)),
            // A body without end is read for ever.
            Outcome::Hang | Outcome::EndlessBody(_) => std::future::pending().await,
        }
    }
}

impl Azure {
    fn is_refused(&self, number: u64) -> bool {
        let mut refusal = self.refuse.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = refusal.at == Some(number) && refusal.hits == 0;
        refusal.hits += u64::from(is_it);
        is_it
    }

    fn vanish(&self, number: u64) -> bool {
        let mut refusal = self.refuse.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, token)) = refusal.gone_after.clone()
            && at == number
        {
            refusal.gone_hits += 1;
            token.cancel();
            return true;
        }
        false
    }
}

async fn connected(transport: Arc<dyn Transport>, run: Run) -> Client {
    let cloud = CloudChoice::Known(azure_batch_core::ids::KnownCloud::Public);
    connect(&login(), &cloud, transport, run)
        .await
        .expect("a known cloud needs no network")
}

/// The example application's login.
pub(crate) fn login() -> Login {
    let values = Values::default()
        .with(sign_in::TENANT_ID, TENANT)
        .with(sign_in::CLIENT_ID, APPLICATION)
        .with(sign_in::CLIENT_SECRET, SecretString::from(SECRET));
    settings::connection(&values)
        .expect("the example's login is whole")
        .login
}

fn as_asked(request: http::Request<Bytes>, authority: &str) -> Request {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    Request {
        method: parts.method,
        authority: authority.to_owned(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
    }
}

/// All events so far, as their lines.
pub(crate) fn lines(events: &mut UnboundedReceiver<Event>) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv().ok())
        .map(|event| event.to_string())
        .collect()
}
