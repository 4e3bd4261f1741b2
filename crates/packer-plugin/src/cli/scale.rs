//! The verb `scale`: how many replicas a version has, how many its pools need, and making the one the other.
//!
//! What changes is decided by core; here are the words.

use azure_batch_core::{
    options::{Door, Verb},
    scale::{self, Scaling},
    settings,
};

use super::{
    Desk,
    answer::{self, Answer},
    arguments::{Act, Given},
    settings::of_flags,
    work::with_client,
};

/// Shows what would change; carries it out when asked to.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn run(desk: &mut Desk<'_>, given: &Given, act: Act) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::Scale, given, desk.lookup, settings::scale)?;
    let work = async |client| {
        let mut scaling = scale::plan(&client, &asked.settings).await?;
        let ended = match act {
            Act::Yes if !scaling.plan.is_done() => scale::carry_out(&client, &asked.settings, &mut scaling).await,
            Act::Yes | Act::No => Ok(()),
        };
        Ok((scaling, ended))
    };
    let worked = with_client(desk, &asked.connection, asked.deadline, work).await;
    let (scaling, ended) = worked.map_err(|error| Answer::failed(&error, Door::Flag))?;
    ended.map_err(|error| Answer::failed_after(&error, Door::Flag, &scaling))?;
    for unseen in &scaling.unseen {
        desk.terminal.say(&format!(
            "warning: what could not be seen may need more replicas: {unseen}"
        ));
    }
    Ok(match act {
        Act::Yes => Answer::done(done(&scaling), &scaling),
        Act::No => Answer::planned(&scaling.plan, planned(&scaling), &scaling),
    })
}

fn planned(scaling: &Scaling) -> String {
    let end = match scaling.plan.is_done() {
        true => "nothing to change".to_owned(),
        false => format!(
            "{}; nothing was written. --yes carries it out",
            answer::summary(&scaling.plan)
        ),
    };
    let title = format!("image version {}", scaling.version);
    let absent: Vec<String> = scaling
        .absent
        .iter()
        .map(|region| format!("it is not in {region}"))
        .collect();
    let parts = [
        title,
        scaling.to_string(),
        absent.join("\n"),
        answer::step_lines(&scaling.plan),
        end,
    ];
    let shown: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    shown.join("\n\n")
}

fn done(scaling: &Scaling) -> String {
    let lines: Vec<String> = scaling.plan.steps.iter().map(|step| format!("done: {step}")).collect();
    match lines.is_empty() {
        true => format!("image version {}: nothing to change", scaling.version),
        false => lines.join("\n"),
    }
}
