//! The verb `prune`: which versions may go, why each other one stays, and deleting them.
//!
//! What may go is core's to say; here are the words.

use azure_batch_core::{
    clock::{Clock as _, SystemClock},
    columns,
    compute::soft_deleted::Phase,
    options::{Door, Verb, versions::RETENTION_FILE},
    prune::{self, Fate, Judged, PrunedDefinition, Pruning, Remaining},
    settings,
};
use jiff::Timestamp;

use super::{
    Desk,
    answer::{self, Answer},
    arguments::{Act, Given},
    list::{age, day},
    settings::of_flags,
    terminal,
    work::with_client,
    written,
};

/// Shows what may go and why the rest stays; deletes when asked to.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn run(desk: &mut Desk<'_>, given: &Given, act: Act) -> Result<Answer, Answer> {
    let path = given.flags.iter().find(|(opt, _)| *opt == RETENTION_FILE);
    let file = path.map(|(opt, path)| written::read(&opt.spelled(Door::Flag), path));
    let file = file.transpose().map_err(|fault| Answer::wrong_input(&[fault]))?;
    let read = |values: &settings::Values| settings::prune(values, file.as_ref());
    let asked = of_flags(Verb::Prune, given, desk.lookup, read)?;
    let work = async |client| {
        let mut pruning = prune::plan(&client, &asked.settings).await?;
        let ended = match act {
            Act::Yes => prune::carry_out(&client, &asked.settings, &mut pruning).await,
            Act::No => Ok(()),
        };
        Ok((pruning, ended))
    };
    let worked = with_client(desk, &asked.connection, asked.deadline, work).await;
    let (pruning, ended) = worked.map_err(|error| Answer::failed(&error, Door::Flag))?;
    ended.map_err(|error| Answer::failed_after(&error, Door::Flag, &pruning))?;
    Ok(match act {
        Act::Yes => Answer::done(done(&pruning), &pruning),
        Act::No => Answer::planned(&pruning.plan, planned(&pruning), &pruning),
    })
}

fn planned(pruning: &Pruning) -> String {
    let now = SystemClock.now();
    let end = match pruning.plan.is_done() {
        true => "nothing to delete".to_owned(),
        false => format!(
            "{}; nothing was written. --yes carries it out",
            answer::summary(&pruning.plan)
        ),
    };
    let definitions = pruning.definitions.iter().map(|definition| shown(definition, now));
    let steps = answer::step_lines(&pruning.plan);
    let parts: Vec<String> = definitions.chain([steps, end]).collect();
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("\n\n")
}

/// A definition with all its versions, and those that were deleted.
fn shown(definition: &PrunedDefinition, now: Timestamp) -> String {
    let name = definition.definition.name();
    if definition.versions.is_empty() && definition.deleted.is_empty() {
        return format!("{name} has no versions");
    }
    let rows: Vec<[String; 5]> = definition.versions.iter().map(|judged| row(judged, now)).collect();
    let mut text = name.to_owned();
    if !rows.is_empty() {
        text.push('\n');
        let names = ["VERSION", "STATE", "AGE", "WHAT", "WHY"];
        text.push_str(&columns::table(&names, &rows, 1, terminal::of_result()));
    }
    for remaining in &definition.deleted {
        text.push('\n');
        text.push_str(&deleted(remaining));
    }
    text
}

fn row(judged: &Judged, now: Timestamp) -> [String; 5] {
    let what = match judged.fate {
        Fate::Kept => "stays",
        Fate::Deprecated { .. } => "is deprecated",
        Fate::Going | Fate::Deleted => "goes",
    };
    [
        judged.number.to_string(),
        judged.state.clone(),
        judged
            .published
            .map(|published| age(published, now))
            .unwrap_or_default(),
        what.to_owned(),
        judged.why.join("; "),
    ]
}

/// A deleted version in its phase, with who uses it all the same.
fn deleted(remaining: &Remaining) -> String {
    let number = remaining.version.number;
    let until = |time: Option<Timestamp>| time.map(|time| format!(" until {}", day(time))).unwrap_or_default();
    let phase = match remaining.phase {
        Phase::Usable => format!("usable by its id{}", until(remaining.version.usable_until)),
        Phase::Restorable => format!("only restorable{}", until(remaining.version.gone_at)),
        Phase::Gone => "gone".to_owned(),
    };
    let mut text = format!("{number} was deleted and is {phase}");
    for user in &remaining.used {
        text.push_str(&format!("\n  restore it, or move who uses it: {user}"));
    }
    text
}

fn done(pruning: &Pruning) -> String {
    let Some(done) = &pruning.done else {
        return String::new();
    };
    let steps = done.steps.iter().map(|step| format!("done: {step}"));
    let spared = done
        .spared
        .iter()
        .map(|kept| format!("left: {}: {}", kept.id, kept.why));
    let lines: Vec<String> = steps.chain(spared).collect();
    match lines.is_empty() {
        true => "nothing to delete".to_owned(),
        false => lines.join("\n"),
    }
}
