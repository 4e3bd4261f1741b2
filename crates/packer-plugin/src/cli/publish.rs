//! The verbs `plan` and `publish`: the pipeline of the post-processor without Packer.
//!
//! Both take the post-processor's attributes. What is published, and how, is core's.

use std::fmt::Write as _;

use azure_batch_core::{
    clock::{Clock as _, SystemClock},
    error::{Error, ErrorKind},
    options::{Door, image, pool::PRICE_FILE},
    publish::{self, CHECK_NAMES, PublishPlan, Published},
    settings::{self, Asked, PublishContext, PublishSettings, Reuse, Value, Values, fault},
    typing::Command,
    words::plural,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    Desk,
    answer::{Answer, step_lines, summary},
    arguments::{Force, Given},
    settings::of_publish,
    work::with_client,
    written,
};
use crate::{
    config::MANIFEST,
    manifest::{self, Manifest, Place},
    service::published,
};

/// A publish as it was asked for.
struct Request {
    asked: Asked<PublishSettings>,
    manifest: Place,
}

/// Shows what a publish would do.
///
/// # Errors
/// With the answer that says why it cannot be known.
pub(super) async fn plan(desk: &mut Desk<'_>, given: Given) -> Result<Answer, Answer> {
    let request = request(desk, &given, Force::No)?;
    let Asked {
        settings,
        connection,
        deadline,
    } = &request.asked;
    let work = async |client| publish::plan(&client, settings).await;
    let plan = with_client(desk, connection, *deadline, work).await;
    let plan = plan.map_err(|error| Answer::failed(&error, Door::Template))?;
    Ok(Answer::planned(&plan.steps, describe(&plan), &plan))
}

/// Publishes, and writes the manifest.
///
/// # Errors
/// With the answer that says why it was not published.
pub(super) async fn publish(desk: &mut Desk<'_>, given: Given, force: Force) -> Result<Answer, Answer> {
    let request = request(desk, &given, force)?;
    let Asked {
        settings,
        connection,
        deadline,
    } = &request.asked;
    request.manifest.check().map_err(|error| {
        let report = format!("{}; {}", crate::packer::log::chain(&error), manifest::HINT);
        Answer::wrong_input(&[report])
    })?;
    let work = async |client| {
        let ended = publish::run(&client, settings).await;
        Ok((ended.result?, ended.report))
    };
    let done = with_client(desk, connection, *deadline, work).await;
    let (result, course) = done.map_err(|error| Answer::failed(&error, Door::Template))?;
    let message = published(result.clone(), course.clone(), settings.run_id.clone());
    let manifest = Manifest::new(&message, "publish", SystemClock.now());
    let text = match request.manifest.write(&manifest) {
        Ok(()) => match request.manifest.path() {
            Some(path) => format!("{}\nmanifest: {path}", reached(&result)),
            None => reached(&result),
        },
        Err(error) => {
            desk.terminal
                .say(&format!("warning: {}", crate::packer::log::chain(&error)));
            reached(&result)
        }
    };
    Ok(Answer::done(
        text,
        &json!({"published": result, "kept": course.kept, "steps": course.steps}),
    ))
}

fn request(desk: &mut Desk<'_>, given: &Given, force: Force) -> Result<Request, Answer> {
    if given.file.is_none() && given.set.is_empty() {
        return Err(Answer::failed(&without_settings(desk.verb), Door::Flag));
    }
    let now = SystemClock.now();
    let prices = price_file(given);
    let read = of_publish(given, desk.lookup);
    let (mut values, prices) = match (read, prices) {
        (Ok(values), Ok(prices)) => (values, prices),
        (read, prices) => {
            let faults = read.err().into_iter().flatten().chain(prices.err());
            return Err(Answer::wrong_input(&faults.collect::<Vec<_>>()));
        }
    };
    desk.terminal.hide(values.secrets());
    if let Some(prices) = prices {
        values.set(PRICE_FILE, prices);
    }
    let manifest = take_manifest(&mut values);
    let context = PublishContext {
        run_id: &run_id(now),
        reuse: match force {
            Force::Yes => Reuse::Never,
            Force::No => Reuse::SameSource,
        },
        now,
        checks: &CHECK_NAMES,
    };
    let spelled = |faults: Vec<fault::Fault>| {
        // What a template does not take was given as a flag.
        let door = |fault: &fault::Fault| match fault.place.opt.is_taken_by(Door::Template) {
            true => Door::Template,
            false => Door::Flag,
        };
        let faults: Vec<String> = faults.iter().map(|fault| fault.spelled(door(fault))).collect();
        Answer::wrong_input(&faults)
    };
    let asked = settings::publish(&values, &context).map_err(spelled)?;
    Ok(Request { asked, manifest })
}

/// Nothing says what to publish: one sentence is of more use than a list of all that is missing.
fn without_settings(verb: &str) -> Error {
    let program = format!("packer-plugin-azure-batch {verb}");
    Error::plain(
        ErrorKind::BadInput,
        "nothing says what to publish: neither --settings nor --set was given",
    )
    .with_kept("Nothing was changed.")
    .with_next(
        "read which lines such a file needs",
        Command::new(&format!("{program} --help"), &[]),
    )
    .with_next(
        "write them into a file, and give it",
        Command::new(&format!("{program} --settings image.yaml"), &[]),
    )
}

/// The text of the file with prices.
fn price_file(given: &Given) -> Result<Option<String>, String> {
    let path = given.flags.iter().find(|(opt, _)| *opt == PRICE_FILE);
    path.map(|(opt, path)| written::text(&opt.spelled(Door::Flag), path))
        .transpose()
}

/// Takes out what is not core's.
fn take_manifest(values: &mut Values) -> Place {
    values.remove(image::DESTROY_DELETES_VERSION);
    match values.remove(image::MANIFEST) {
        Some(Value::Text(path)) if !path.is_empty() => Place::new(&path),
        _ => Place::new(MANIFEST),
    }
}

/// How this run is called in tags: when it was, and which process it was.
fn run_id(now: Timestamp) -> String {
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}

fn describe(plan: &PublishPlan) -> String {
    let (version, stored) = (&plan.version, &plan.stored);
    let mut text = format!(
        "image version {} of {}\n\n",
        version.name(),
        version.definition().name()
    );
    text.push_str(&step_lines(&plan.steps));
    text.push('\n');
    for fact in &plan.steps.facts {
        // Writing to a String does not fail.
        _ = writeln!(text, "{fact}");
    }
    text.push_str(&end_of_run(plan));
    for formula in &plan.replicas {
        _ = writeln!(text, "{formula}");
    }
    for line in &plan.permanent {
        _ = writeln!(text, "cannot be changed later: {line}");
    }
    for line in &plan.followers {
        _ = writeln!(text, "once it is latest: {line}");
    }
    if plan.mount_script.is_some() {
        text.push_str("its data disks arrive unmounted: mount_script in the manifest, and here with --json, mounts them in a start task\n");
    }
    if let Some(end) = plan.end_of_life {
        _ = writeln!(text, "its life ends at {end}");
    }
    _ = writeln!(
        text,
        "stored each month: {} × {} GiB = {} GiB at most",
        plural(stored.replicas(), "replica"),
        stored.gib_per_replica,
        stored.total_gib()
    );
    if let Some(cost) = &plan.cost {
        _ = writeln!(text, "{cost}");
    }
    _ = write!(text, "\n{}; nothing was written", summary(&plan.steps));
    text
}

/// Where a run ends that does not wait; nothing of one that waits.
fn end_of_run(plan: &PublishPlan) -> String {
    let Some(first) = plan.left.first() else {
        return String::new();
    };
    format!(
        "{} = true: the run ends before \"{first}\" and leaves {}; the verb wait waits for the version, and the next publish goes on\n\n",
        image::NO_WAIT,
        plural(plan.left.len(), "step")
    )
}

fn reached(published: &Published) -> String {
    let mut text = format!(
        "image version {} of {}: {}\n{}",
        published.number,
        published.definition.name(),
        published.outcome.as_str(),
        published.version
    );
    for region in &published.regions {
        _ = write!(
            text,
            "\n  {}: {}, {}",
            region.location,
            plural(region.replicas, "replica"),
            region.word()
        );
    }
    for step in &published.remaining.steps {
        _ = write!(text, "\nstill to do: {step}");
    }
    text
}
