//! Carries a test out: makes the pool, its job and its task, waits for the end, and removes all of them however it ends.
//!
//! One loop: look, let `next` say what comes next, do that one thing, look again. A refused or lost write is just another
//! look.

use tokio::time::Instant;

use super::{
    PlannedTest, Tested, ending, left,
    next::{Look, Next, next},
};
use crate::{
    batch::{
        job::{self, TaskEnd},
        node::{self, Node},
        pool::{self, Pool, PoolLife},
    },
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::resource::ImageVersionId,
    one_line::one_line,
    progress::Event,
    publish::{cleanup, plan::Goal},
    replication::{self, Details, Wanted},
    request::Request,
    tags::{Tag, TestMark, TestOutcome},
    trial::{self, TESTS},
    wait::Pace,
    write::Tries,
};

/// The only task of the job.
const TASK: &str = "test";

/// How often the pool is made when it vanishes.
const MOST_POOLS: u32 = 3;

/// One test that is being made.
struct Test<'a> {
    client: &'a Client,
    test: &'a PlannedTest,
    version: &'a ImageVersionId,
    run: &'a str,
    /// How often the pool was asked for, and how often that failed.
    made: u32,
    refused: u32,
    /// Since when the pool is there.
    since: Instant,
}

impl Test<'_> {
    /// What the command wrote, when it was this run that had it run.
    async fn reach(&mut self) -> Result<Option<String>> {
        let doing = format!("test image version {}", version::title(self.version));
        let mut tries = Tries::new(self.client, &doing);
        loop {
            let look = self.look().await?;
            let next = next(&look, self.version, self.since.elapsed(), self.test.longest);
            let creates = matches!(next, Next::CreatePool);
            let deed = match next {
                Next::CreatePool => {
                    if self.made > 0 && self.is_passed().await? {
                        return Ok(None);
                    }
                    self.create_pool()?
                }
                Next::CreateJob => self.create_job(),
                Next::AddTask => self.add_task(),
                Next::Wait(what) => {
                    let pause = Pace::COPY.pause(self.since.elapsed(), None, 0.5);
                    self.client.run().pause(pause, what).await?;
                    continue;
                }
                Next::Over(end) => return self.judge(end).await.map(Some),
                Next::NoNode => return Err(ending::no_node(self.version, self.test, look.pool.as_ref())),
                Next::BadNode(why) => return Err(ending::bad_node(self.version, &why)),
                Next::NotOurs => return Err(ending::not_ours(self.test)),
            };
            match self.client.send(&deed).await {
                Ok(_) => tries = Tries::new(self.client, &doing),
                // The resource manager says 412 where the data plane says 409: another run has made the pool.
                Err(error) if [404, 409, 412].into_iter().any(|status| error.has_status(status)) => {
                    self.client.run().pause(Pace::COPY.least, "another run").await?;
                    tries.after(error).await?;
                }
                Err(error) => {
                    // A pool that was refused has not vanished; one whose answer was lost is there at the next look.
                    self.refused += u32::from(creates);
                    tries.after(error).await?;
                }
            }
        }
    }

    async fn look(&self) -> Result<Look> {
        let (client, endpoint, id) = (self.client, &self.test.endpoint, &self.test.pool);
        let found = client.find(&pool::get(endpoint, id)).await?;
        let pool = found.map(|answer| Pool::new(answer.value()));
        let is_there = pool.as_ref().is_some_and(|pool| pool.life == PoolLife::Active);
        if !is_there {
            return Ok(Look {
                pool,
                ..Look::default()
            });
        }
        let tasks = match client.list(&job::tasks(endpoint, id.as_str())).await {
            Ok(items) => Some(items.iter().map(TaskEnd::read).collect()),
            Err(error) if error.has_status(404) => None,
            Err(error) => return Err(error),
        };
        let nodes = client.list(&node::list(endpoint, id)).await?;
        Ok(Look {
            pool,
            nodes: nodes.iter().map(Node::new).collect(),
            tasks,
        })
    }

    /// Whether another run of the same has tested the version meanwhile.
    async fn is_passed(&self) -> Result<bool> {
        let found = version::find(self.client, self.version).await?;
        Ok(found.is_some_and(|version| self.test.is_passed_by(&version)))
    }

    fn create_pool(&mut self) -> Result<Request> {
        if self.made - self.refused == MOST_POOLS {
            let text = format!(
                "pool {} was made {MOST_POOLS} times, and each time it went",
                self.test.pool
            );
            return Err(Error::new(ErrorKind::Azure, text).with_hint("see who deletes it, then run again"));
        }
        self.made += 1;
        self.since = Instant::now();
        let body = self.test.pool_body(self.version, self.run, self.client.run().now());
        self.client.tell(Event::Created {
            id: format!("pool {}", self.test.pool),
        });
        Ok(self.test.creation(body))
    }

    fn create_job(&self) -> Request {
        let of = (TESTS, self.version.to_string());
        job::create(
            &self.test.endpoint,
            self.test.pool.as_str(),
            &self.test.pool,
            (of.0, &of.1),
        )
    }

    fn add_task(&self) -> Request {
        let task = trial::task(TASK, &self.test.line, 1, self.test.longest);
        job::add_task(&self.test.endpoint, self.test.pool.as_str(), task)
    }

    async fn judge(&self, end: TaskEnd) -> Result<String> {
        let job = self.test.pool.as_str();
        let ends = [end];
        let tasks = trial::outputs(self.client, &self.test.endpoint, job, &ends).await;
        let output = tasks.into_iter().next().map(|task| task.output).unwrap_or_default();
        match ends.first().filter(|end| !end.is_success()).map(trial::how) {
            Some(how) => Err(ending::failed_command(self.version, &how, &output)),
            None => {
                let wrote = one_line(&output);
                self.client
                    .note(format!("The test ended with exit code 0; it wrote: {wrote}"));
                Ok(output)
            }
        }
    }
}

/// Tests the version and writes into its tag how that ended.
///
/// # Errors
/// `Returned` when the image is bad; when the pool cannot be made, Azure refuses, or the run ends.
pub(in crate::publish) async fn run(
    client: &Client,
    run_id: &str,
    (goal, test): (&Goal, &PlannedTest),
) -> Result<Tested> {
    let mut testing = Test {
        client,
        test,
        version: &goal.version,
        run: run_id,
        made: 0,
        refused: 0,
        since: Instant::now(),
    };
    left::before(client, test, &goal.version).await;
    let ended = testing.reach().await;
    let cleaning = client.for_cleanup(cleanup::LIMIT);
    let removed = trial::remove(&cleaning, &test.endpoint, &test.pool, &goal.version.to_string()).await;
    let title = version::title(&goal.version);
    match ended {
        // A version that has passed is not tested again, so what is left now no later run would look for.
        Ok(output) => {
            removed.map_err(|error| error.while_doing(format!("cannot remove what tested image version {title}")))?;
            client.note(format!("Image version {title} passed its test"));
            let version = mark(client, goal, &test.mark(TestOutcome::Passed, None)).await?;
            Ok(Tested { version, output })
        }
        Err(error) => {
            if let Err(error) = removed {
                left::say(client, &test.pool, &error);
            }
            let error = if error.kind() == ErrorKind::Returned {
                failed(client, goal, test, error).await
            } else {
                error
            };
            // Whoever says what to do about it has named the version.
            Err(match error.has_next() {
                true => error,
                false => error.while_doing(format!("cannot go on with image version {title}")),
            })
        }
    }
}

/// Writes on a version that it failed, and says what is left of it.
async fn failed(client: &Client, goal: &Goal, test: &PlannedTest, error: Error) -> Error {
    let why = ending::why(&error, &goal.version);
    let marked = mark(client, goal, &test.mark(TestOutcome::Failed, why)).await;
    if let Err(unmarked) = &marked {
        client.warn(format!("that it failed its test is not written on it: {unmarked}"));
    }
    ending::with_rest(error, &goal.version, marked.as_ref().ok())
}

/// Writes into the version's tag how its test ended.
async fn mark(client: &Client, goal: &Goal, mark: &TestMark) -> Result<ImageVersion> {
    let wanted = Wanted {
        details: Details {
            tags: [(Tag::Tested.name().to_owned(), mark.text())].into(),
            ..Details::default()
        },
        ..Wanted::default()
    };
    replication::ensure(client, &goal.version, &wanted).await
}
