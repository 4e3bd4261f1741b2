//! What people see of whole runs on the emulator: the lines of a log, and the frame of a terminal from minute to minute.
//!
//! Each run's events are recorded with the time of a paused clock, and shown afterwards: in lines as both programs do
//! without a terminal, and in a frame as on terminals of several sizes.

use std::time::Duration;

use azure_batch_core::{
    frame::screen::{Colours, Screen, Window},
    progress::{Event, Stamp},
    publish, rollout,
    telling::{News, Show, Teller},
};
use azure_emulator::seed::Seed;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::settings as publishing,
    rollout::{settings as rolling, world},
    support::Azure,
};

/// A run's events with the time of each, and how long it took.
struct Recording {
    events: Vec<(Duration, Event)>,
    length: Duration,
}

/// So often both programs ask what to show.
const TICK: Duration = Duration::from_secs(1);

impl Recording {
    /// As it is shown without a terminal.
    fn lines(&self) -> Vec<String> {
        let mut teller = Teller::default();
        let mut lines = Vec::new();
        let mut add = |at: Duration, shown: Vec<Show>| lines.extend(shown.into_iter().map(|show| line(at, show)));
        let mut events = self.events.iter().peekable();
        let mut now = Duration::ZERO;
        while now <= self.length {
            while let Some((at, event)) = events.next_if(|(at, _)| *at <= now) {
                add(*at, teller.tell(News::of(event), *at));
            }
            add(now, teller.tick(now));
            now += TICK;
        }
        events.for_each(|(at, event)| add(*at, teller.tell(News::of(event), *at)));
        add(self.length, teller.finish(self.length));
        lines
    }

    /// The frame at these times.
    fn frames(&self, window: Window, limit: Duration, times: &[u64]) -> String {
        let mut screen = Screen::new(Colours::Off, Box::new(move || window));
        screen.begin("rollout", limit);
        let mut events = self.events.iter().peekable();
        let mut text = String::new();
        for seconds in times {
            let now = Duration::from_secs(*seconds);
            while let Some((at, event)) = events.next_if(|(at, _)| *at <= now) {
                screen.note(event, *at);
            }
            screen.pass(now);
            let drawn = screen.draw(&str::to_owned);
            let rows = drawn.rsplit_once("\u{1b}[J").map_or(drawn.as_str(), |(_, rows)| rows);
            assert!(rows.lines().all(|row| row.chars().count() < window.columns), "{rows}");
            assert!(rows.lines().count() <= 8, "{rows}");
            text.push_str(&format!("── {} ──\n{rows}", Stamp(now)));
        }
        text
    }

    /// The longest silence.
    fn silence(&self, lines: &[String]) -> Duration {
        let seconds = |line: &String| {
            let stamp = line.get(1..7).unwrap();
            let (minutes, seconds) = stamp.trim().split_once(':').unwrap();
            minutes.trim().parse::<u64>().unwrap() * 60 + seconds.parse::<u64>().unwrap()
        };
        let mut times: Vec<u64> = lines.iter().map(seconds).collect();
        times.push(self.length.as_secs());
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_secs(gaps.max().unwrap())
    }
}

async fn record(azure: &Azure, work: impl AsyncFnOnce(azure_batch_core::client::Client)) -> Recording {
    // Pauses are spread at random.
    fastrand::seed(7);
    let (client, mut heard) = azure.client(&CancellationToken::new()).await;
    let started = Instant::now();
    let listening = tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(event) = heard.recv().await {
            events.push((started.elapsed(), event));
        }
        events
    });
    work(client).await;
    let length = started.elapsed();
    Recording {
        events: listening.await.unwrap(),
        length,
    }
}

fn line(at: Duration, show: Show) -> String {
    let stamp = Stamp(at);
    match show {
        Show::Headline(text) | Show::StepBegins { what: text, .. } => format!("{stamp} {text}"),
        Show::Detail(text) | Show::StepEnds(text) | Show::Meanwhile(text) => format!("{stamp}   {text}"),
        Show::Warning { text, .. } => format!("{stamp} warning: {text}"),
        Show::Round { about, text } => format!("{stamp} warning: {about}: {text}"),
    }
}

const USUAL: Window = Window { columns: 80, rows: 24 };
const NARROW: Window = Window { columns: 40, rows: 20 };
const WIDE: Window = Window { columns: 200, rows: 50 };

/// A roll-out whose first resize brings too few nodes.
async fn short_roll_out() -> Recording {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 412, "code": "AllocationTimedout"}));
    record(&azure, async |client| {
        let ended = rollout::run(&client, &checked(&rolling("acct1", 700))).await;
        ended.result.unwrap();
    })
    .await
}

fn with_disks(count: u32) -> Seed {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let disk = |lun| json!({"lun": lun, "sizeGB": 64, "sku": "Premium_LRS"});
    seed["vms"][0]["dataDisks"] = (0..count).map(disk).collect();
    Seed::parse(&seed.to_string()).unwrap()
}

/// A publish of a machine to five regions.
async fn wide_publish(data_disks: u32) -> Recording {
    let azure = Azure::with_seed(&with_disks(data_disks));
    let mut settings = publishing();
    let like = settings.target_regions[0].clone();
    for region in ["westeurope", "northeurope", "japaneast"] {
        settings.target_regions.push(azure_batch_core::settings::TargetRegion {
            location: region.parse().unwrap(),
            ..like.clone()
        });
    }
    record(&azure, async |client| {
        let ended = publish::run(&client, &checked(&settings)).await;
        ended.result.unwrap();
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_roll_out_is_followed_line_by_line_and_round_by_round() {
    let recording = short_roll_out().await;
    let lines = recording.lines();
    insta::assert_snapshot!(lines.join("\n"), @"
    [  0:00] signing in to AzureCloud with the secret of application 00000000-0000-0000-0000-00000000c11e
    [  0:00] pool p1 in acct1 → def1 1.0.0, 700 nodes
    [  0:00] looking at account and image version
    [  0:00] looking at the pool
    [  0:00] checking rights and quotas
    [  0:00] checking the version's replicas
    [  0:00]   replicas: nothing to do, 4 are enough for 700 nodes
    [  0:00] bringing the pool to its size
    [  0:00]   resize round 1 of 5: 700 dedicated and 0 spot nodes, timeout 30 min
    [  0:00]   created pool p1
    [  0:00]   pool resizing: 0 of 700 nodes allocated
    [  5:00]   pool resizing: 0 of 700 nodes allocated
    [ 10:00]   pool resizing: 0 of 700 nodes allocated
    [ 15:00]   pool resizing: 0 of 700 nodes allocated
    [ 20:00]   pool resizing: 0 of 700 nodes allocated
    [ 25:00]   pool resizing: 0 of 700 nodes allocated
    [ 30:00]   pool resizing: 0 of 700 nodes allocated
    [ 30:08]   pool steady: 412 of 700 nodes allocated (412 creating)
    [ 30:08] warning: round 1 brought 412 of 700 nodes: AllocationTimedout: Desired number of dedicated nodes could not be allocated as the resize timeout was reached; not all nodes came within the resize timeout
    [ 30:08]   waiting 58 s before resize round 2
    [ 31:06]   resize round 2 of 5: 700 dedicated and 0 spot nodes, timeout 45 min
    [ 31:06]   pool resizing: 412 of 700 nodes allocated (412 idle)
    [ 32:36]   pool steady: 700 of 700 nodes allocated (288 creating, 412 idle)
    [ 32:36]   done in 32 min 36 s
    [ 32:36] waiting for the nodes
    [ 32:36]   412 of 700 nodes ready (288 creating, 412 idle)
    [ 32:46]   412 of 700 nodes ready (412 idle, 288 starting)
    [ 32:56]   700 of 700 nodes ready (700 idle)
    [ 32:56]   done in 20 s
    ");
    assert!(recording.silence(&lines) <= Duration::from_secs(5 * 60 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_roll_outs_frame_fits_terminals_of_all_sizes() {
    let recording = short_roll_out().await;
    let limit = Duration::from_secs(4 * 3600);
    let times = [0, 5, 20, 60, 1900];
    insta::assert_snapshot!("roll_out_80x24", recording.frames(USUAL, limit, &times));
    insta::assert_snapshot!("roll_out_40x20", recording.frames(NARROW, limit, &times));
    insta::assert_snapshot!("roll_out_200x50", recording.frames(WIDE, limit, &times));
}

#[tokio::test(start_paused = true)]
async fn a_publish_of_33_disks_to_five_regions_is_60_lines_at_most_and_never_silent_for_long() {
    let recording = wide_publish(32).await;
    let lines = recording.lines();
    insta::assert_snapshot!("publish_of_33_disks", lines.join("\n"));
    assert!(lines.len() <= 60, "{}", lines.len());
    assert!(recording.silence(&lines) <= Duration::from_secs(5 * 60 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_publishs_frame_fits_terminals_of_all_sizes() {
    let recording = wide_publish(2).await;
    let limit = Duration::from_secs(8 * 3600);
    let times = [1, 60, 600, 1500];
    insta::assert_snapshot!("publish_80x24", recording.frames(USUAL, limit, &times));
    insta::assert_snapshot!("publish_40x20", recording.frames(NARROW, limit, &times));
    insta::assert_snapshot!("publish_200x50", recording.frames(WIDE, limit, &times));
}
