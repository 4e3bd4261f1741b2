//! The verb `gc`: what dead runs left, and removing it.
//!
//! What may go is core's to say; here are the words.

use azure_batch_core::{
    columns,
    gc::{self, Collection, LeftPool, Leftover},
    options::{Door, Verb},
    settings,
};

use super::{
    Desk,
    answer::{self, Answer},
    arguments::{Act, Given},
    settings::of_flags,
    terminal,
    work::with_client,
};

/// Shows what may go; removes it when asked to.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn run(desk: &mut Desk<'_>, given: &Given, act: Act) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::Gc, given, desk.lookup, settings::collection)?;
    let work = async |client| {
        let mut collection = gc::plan(&client, &asked.settings).await?;
        let ended = match act {
            Act::Yes => gc::carry_out(&client, &asked.settings, &mut collection).await,
            Act::No => Ok(()),
        };
        Ok((collection, ended))
    };
    let worked = with_client(desk, &asked.connection, asked.deadline, work).await;
    let (collection, ended) = worked.map_err(|error| Answer::failed(&error, Door::Flag))?;
    ended.map_err(|error| Answer::failed_after(&error, Door::Flag, &collection))?;
    for unseen in &collection.unseen {
        desk.terminal
            .say(&format!("warning: what runs left may be out of sight: {unseen}"));
    }
    Ok(match act {
        Act::Yes => Answer::done(done(&collection), &collection),
        Act::No => Answer::planned(&collection.plan, planned(&collection), &collection),
    })
}

fn planned(collection: &Collection) -> String {
    let end = match collection.plan.is_done() {
        true => "nothing to remove".to_owned(),
        false => format!(
            "{}; nothing was written. --yes carries it out",
            answer::summary(&collection.plan)
        ),
    };
    let parts = [found(collection), answer::step_lines(&collection.plan), end];
    let shown: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    shown.join("\n\n")
}

/// What was found, as a table; a sentence when there is nothing.
fn found(collection: &Collection) -> String {
    if collection.leftovers.is_empty() && collection.pools.is_empty() {
        return "no run has left a snapshot, a managed image or a pool there".to_owned();
    }
    let mut rows: Vec<[String; 5]> = collection.leftovers.iter().map(row).collect();
    rows.extend(collection.pools.iter().map(row_of_pool));
    // A leftover is known by its name.
    columns::table(
        &["KIND", "NAME", "MADE FOR", "WHAT", "WHY"],
        &rows,
        2,
        terminal::of_result(),
    )
}

fn row(leftover: &Leftover) -> [String; 5] {
    let mut parts = leftover.id.rsplit('/');
    let name = parts.next().unwrap_or_default().to_owned();
    let kind = match parts.next() {
        Some(kind) if kind.eq_ignore_ascii_case("snapshots") => "snapshot",
        _ => "managed image",
    };
    [
        kind.to_owned(),
        name,
        made_for(&leftover.version),
        fate(leftover.goes()),
        leftover.verdict.why().join("; "),
    ]
}

fn row_of_pool(left: &LeftPool) -> [String; 5] {
    let why = match (left.expires, left.goes) {
        (Some(time), true) => format!("it is of a test that was to end by {time}"),
        (Some(time), false) => format!("its test may go on until {time}"),
        (None, _) => "it does not say when its test ends".to_owned(),
    };
    [
        "pool".to_owned(),
        left.pool.to_string(),
        made_for(&left.version),
        fate(left.goes),
        why,
    ]
}

fn made_for(version: &str) -> String {
    let mut parts = version.rsplit('/');
    let number = parts.next().unwrap_or_default();
    let definition = parts.nth(1).unwrap_or_default();
    format!("{number} of {definition}")
}

fn fate(goes: bool) -> String {
    if goes { "goes" } else { "stays" }.to_owned()
}

fn done(collection: &Collection) -> String {
    let Some(done) = &collection.done else {
        return String::new();
    };
    let removed = done.removed.iter().map(|id| format!("removed: {id}"));
    let spared = done
        .spared
        .iter()
        .map(|kept| format!("left: {}: {}", kept.id, kept.why));
    let lines: Vec<String> = removed.chain(spared).collect();
    match lines.is_empty() {
        true => format!("{}\n\nnothing to remove", found(collection).trim_end()),
        false => lines.join("\n"),
    }
}
