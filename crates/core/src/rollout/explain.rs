//! Why a pool is not good, in one screen: counts, the first node's own words, and what to do.
//!
//! It only words what others have decided. Text from nodes is made harmless.

use std::{collections::BTreeMap, time::Duration};

use super::{
    counted::{bare, counted},
    decide::Refusal,
    size::{classify::Judgement, rounds::End},
    verdict::{Census, Goal, Verdict, Waited},
};
use crate::{
    batch::node::{Node, StartTaskFailure},
    error::{Error, ErrorKind},
    ids::{NodeCounts, PoolId},
    one_line::one_line,
    progress::Span,
    words::Words,
};

/// How the rounds ended.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    /// Why there is no further round.
    pub(super) end: End,
    /// What the last round failed with.
    pub(super) judged: Option<&'a Judgement>,
    /// How many rounds there were.
    pub(super) rounds: usize,
}

struct Reason {
    text: String,
    remedy: String,
}

/// A pool that is left alone.
pub(super) fn refused(pool: &PoolId, refusal: Refusal) -> Error {
    Error::new(ErrorKind::Refused, format!("pool {pool} {}", refusal.why)).with_hint(Words::naming(refusal.remedy))
}

/// A pool that did not get its nodes.
pub(super) fn too_small(pool: &PoolId, goal: Goal, current: NodeCounts, ending: &Ending<'_>) -> Error {
    let why = match ending.end {
        End::Stopped => "another round would end the same",
        End::UsedUp => "all rounds are used up",
        End::Fruitless => "the last two rounds brought no node",
    };
    let rounds = if ending.rounds == 1 {
        "1 round".to_owned()
    } else {
        format!("{} rounds", ending.rounds)
    };
    let text = format!(
        "pool {pool} is steady after {rounds}: {} there, {} ({why})",
        counted(current),
        wish(goal)
    );
    let stopped_by = ending
        .judged
        .filter(|_| ending.end == End::Stopped)
        .map(|judged| judged.kind);
    let kind = stopped_by.unwrap_or(if current.total() > 0 {
        ErrorKind::PartlyReached
    } else {
        ErrorKind::Azure
    });
    let error = Error::new(kind, text);
    match ending.judged {
        Some(judged) => error
            .because(judged.to_string())
            .with_hint(Words::naming(judged.remedy)),
        None => error
            .because("Batch gives no reason")
            .with_hint("run it again; if it stays, ask Azure support with the pool's name and the time"),
    }
}

/// A pool whose nodes are there but not ready; `stillness` is how long a node may stay as it is.
pub(super) fn unready(pool: &PoolId, goal: Goal, waited: &Waited, stillness: Duration) -> Error {
    let census = &waited.census;
    let kind = if census.ready.total() > 0 {
        ErrorKind::PartlyReached
    } else {
        ErrorKind::Azure
    };
    let text = format!(
        "pool {pool}: {} ready, {}{}",
        counted(census.ready),
        wish(goal),
        by_state(&census.states)
    );
    let reason = reason(pool, &waited.nodes, census);
    let error = match waited.verdict {
        Verdict::Pending => {
            let span = Span(stillness.as_secs());
            Error::new(ErrorKind::Azure, format!("no node has changed its state for {span}")).because(reason.text)
        }
        Verdict::Good | Verdict::Bad => return Error::new(kind, text).because(reason.text).with_hint(reason.remedy),
    };
    Error::new(kind, text).because(error).with_hint(reason.remedy)
}

/// The first reason that applies, the plainest first.
fn reason(pool: &PoolId, list: &[Node], census: &Census) -> Reason {
    let failed: Vec<(&Node, &StartTaskFailure)> = list
        .iter()
        .filter(|node| node.state.as_str() == "starttaskfailed")
        .filter_map(|node| Some((node, node.start_task.as_ref()?)))
        .collect();
    let unusable: Vec<&Node> = list.iter().filter(|node| node.state.as_str() == "unusable").collect();
    if let Some(image) = &census.other_image {
        return other_image(usize::try_from(census.elsewhere).unwrap_or(usize::MAX), image);
    }
    if let Some((node, failure)) = failed.first() {
        return start_task(pool, failed.len(), node, failure);
    }
    match unusable.iter().find(|node| !node.errors.is_empty()).or(unusable.first()) {
        Some(node) => broken(unusable.len(), node),
        None if list.is_empty() => Reason {
            text: "the pool has no nodes".to_owned(),
            remedy: "run it again: it resizes the pool; if it stays, look at the pool's resize errors".to_owned(),
        },
        None if census.coming.total() == 0 => Reason {
            text: "too many nodes are in states that they do not leave by themselves".to_owned(),
            remedy: "bring them back or remove them, then run it again: it resizes the pool".to_owned(),
        },
        None => Reason {
            text: "the nodes have not finished starting".to_owned(),
            remedy: "check that the image is generalized, that the node agent SKU is its system's, and that the pool's network lets nodes reach Batch".to_owned(),
        },
    }
}

fn other_image(count: usize, image: &str) -> Reason {
    Reason {
        text: format!("{} on another image: {}", nodes_are(count), one_line(image)),
        remedy: "nodes keep the image they were made from: remove them so that the pool makes new ones, or roll out to a new pool id".to_owned(),
    }
}

fn start_task(pool: &PoolId, count: usize, node: &Node, failure: &StartTaskFailure) -> Reason {
    let exit = failure
        .exit_code
        .map_or_else(String::new, |code| format!(" with exit code {code}"));
    let said = one_line(&format!("{}: {}", failure.code, failure.message));
    let id = one_line(&node.id);
    Reason {
        text: format!("the start task failed on {}; on {id}{exit}: {said}", nodes(count)),
        remedy: format!(
            "read what it wrote (az batch node file download --pool-id {pool} --node-id {id} --file-path startup/stderr.txt --destination stderr.txt), repair it, and roll out to a new pool id"
        ),
    }
}

fn broken(count: usize, node: &Node) -> Reason {
    let Some(error) = node.errors.first() else {
        return Reason {
            text: format!("Batch has no contact with {}; the first is {}", nodes(count), one_line(&node.id)),
            remedy: "check that the node agent SKU is the image's, that the image is generalized, and that the pool's network lets nodes reach Batch".to_owned(),
        };
    };
    Reason {
        text: format!(
            "{} unusable; {} says {}",
            nodes(count),
            one_line(&node.id),
            one_line(&format!("{}: {}", error.code, error.message))
        ),
        remedy: "repair what the node names, then remove the unusable nodes, which are billed, and run it again"
            .to_owned(),
    }
}

/// What is needed and, where it is more, what is wanted.
fn wish(goal: Goal) -> String {
    let mut wish = format!("{} needed", bare(goal.needed));
    if goal.targets != goal.needed {
        wish.push_str(&format!(", {} wanted", bare(goal.targets)));
    }
    wish
}

fn nodes_are(count: usize) -> String {
    if count == 1 {
        "1 node is".to_owned()
    } else {
        format!("{count} nodes are")
    }
}

fn nodes(count: usize) -> String {
    if count == 1 {
        "1 node".to_owned()
    } else {
        format!("{count} nodes")
    }
}

fn by_state(states: &BTreeMap<String, u32>) -> String {
    let list: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {}", one_line(state)))
        .collect();
    if list.is_empty() {
        String::new()
    } else {
        format!(" ({})", list.join(", "))
    }
}

#[cfg(test)]
mod tests;
