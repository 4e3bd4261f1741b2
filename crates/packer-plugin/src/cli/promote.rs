//! The verbs `promote` and `demote`: which version is latest, and who takes it.
//!
//! What changes is decided by core; here are the words, and whether it is carried out.

use azure_batch_core::{
    options::{Door, Verb},
    promotion::{self, Move, Promotion},
    settings::{self, Asked, PromotionSettings},
    tags::TestMark,
    users::Upgrade,
};

use super::{
    Desk,
    answer::{self, Answer},
    arguments::{Act, Given},
    list::warn_of_unseen,
    settings::of_flags,
    work::with_client,
};

/// Makes a version latest.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn promote(desk: &mut Desk<'_>, given: &Given, act: Act) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::Promote, given, desk.lookup, settings::promote)?;
    run(desk, &asked, act).await
}

/// Makes a version latest no more.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn demote(desk: &mut Desk<'_>, given: &Given, act: Act) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::Demote, given, desk.lookup, settings::demote)?;
    run(desk, &asked, act).await
}

/// Shows what would change and who takes it; carries it out when asked to.
async fn run(desk: &mut Desk<'_>, asked: &Asked<PromotionSettings>, act: Act) -> Result<Answer, Answer> {
    let work = async |client| {
        let mut promotion = promotion::plan(&client, &asked.settings).await?;
        let ended = match act {
            Act::Yes if !promotion.plan.is_done() => {
                promotion::carry_out(&client, &asked.settings, &mut promotion).await
            }
            Act::Yes | Act::No => Ok(()),
        };
        Ok((promotion, ended))
    };
    let worked = with_client(desk, &asked.connection, asked.deadline, work).await;
    let (promotion, ended) = worked.map_err(|error| Answer::failed(&error, Door::Flag))?;
    ended.map_err(|error| Answer::failed_after(&error, Door::Flag, &promotion))?;
    warn_of_unseen(desk, &promotion.unseen);
    Ok(match act {
        Act::Yes => Answer::done(done(&promotion), &promotion),
        Act::No => Answer::planned(&promotion.plan, planned(&promotion), &promotion),
    })
}

fn planned(promotion: &Promotion) -> String {
    let steps = answer::step_lines(&promotion.plan);
    let end = match promotion.plan.is_done() {
        true => "nothing to change".to_owned(),
        false => format!(
            "{}; nothing was written. --yes carries it out",
            answer::summary(&promotion.plan)
        ),
    };
    let moves = moves(promotion);
    let title = format!("image version {}{}", promotion.version, failed(promotion));
    let parts = [title, steps, moves, end];
    let shown: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    shown.join("\n\n")
}

fn done(promotion: &Promotion) -> String {
    let steps = promotion.plan.steps.iter().map(|step| format!("done: {step}"));
    let moves = moves(promotion);
    let failure = failed(promotion);
    let failure = (!failure.is_empty() && !promotion.plan.is_done())
        .then(|| format!("image version {}{failure}", promotion.version));
    let lines: Vec<String> = steps
        .chain(failure)
        .chain((!moves.is_empty()).then_some(moves))
        .collect();
    match lines.is_empty() {
        true => format!("image version {}: nothing to change", promotion.version),
        false => lines.join("\n"),
    }
}

/// That the version failed its test, when it is to be latest all the same.
fn failed(promotion: &Promotion) -> String {
    let failure = promotion.test.as_ref().and_then(TestMark::failure);
    failure.map(|failure| format!(" {failure}")).unwrap_or_default()
}

/// Where latest moves, and who follows; a sentence when it moves nowhere although the version changes.
fn moves(promotion: &Promotion) -> String {
    if promotion.plan.is_done() {
        return String::new();
    }
    if promotion.moves.is_empty() {
        return "no other version becomes latest anywhere".to_owned();
    }
    let lines: Vec<String> = promotion.moves.iter().map(moved).collect();
    lines.join("\n")
}

fn moved(one: &Move) -> String {
    let change = match (one.from, one.to) {
        (Some(from), Some(to)) => format!("latest moves from {from} to {to}"),
        (None, Some(to)) => format!("{to} becomes latest, where no version was"),
        (_, None) => "no version is latest any more: pools that follow the definition get no new nodes".to_owned(),
    };
    let mut lines = vec![format!("{}: {change}", one.region)];
    lines.extend(one.followers.iter().map(|pool| {
        let title = pool.title();
        match (pool.upgrade, one.to) {
            (_, None) => format!("  {title} follows the definition"),
            (Upgrade::Platform, Some(to)) => format!("  {title}: Azure moves its {} nodes to {to}", pool.size),
            (Upgrade::Nobody, Some(to)) => format!("  {title}: its new nodes get {to}"),
        }
    }));
    lines.join("\n")
}
