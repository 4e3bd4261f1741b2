//! Why a pool is not good: what happened, counts, what stays and is billed, what to type, and the service's own words.
//!
//! It only words what others have decided. Text from nodes is made harmless.

mod advice;
mod specimens;
mod start_task;

use std::{collections::BTreeMap, time::Duration};

use super::{
    counted::{bare, counted},
    decide::{OTHER_SETTINGS, OTHER_STRATEGIES, Refusal, UNFINISHED},
    disks::{self, Disks},
    parts::{Part, PartKind},
    record::Back,
    size::{classify::Judgement, rounds::End},
    verdict::{Census, Goal, Verdict, Waited},
};
use crate::{
    batch::{
        account::Account,
        node::{Node, Outlook, StartTaskFailure},
    },
    error::{Error, ErrorKind, Next},
    ids::{BatchEndpoint, NodeCounts, PoolId, VersionNumber, resource::ImageVersionId},
    one_line::one_line,
    options::{fleet::ANY_POOL, pool},
    progress::Span,
    quota::Standing,
    settings::Healing,
    typing::{Command, az},
    words,
    words::{Part as Piece, Words, node_state, plural},
};
use start_task::{Alike, Failed};

pub(super) use start_task::Within;

/// Batch's code of a node whose disk is full.
const DISK_FULL: &str = "DiskFull";

/// What to do about nodes that are unusable where too many are.
const MANY: &str = "so many fail that new nodes would fail too: correct the image, publish it under another number, and roll \
                    that one out with {strategy=in-place}";

/// How a remedy says by which command of ours one goes back; the command itself is printed with its options.
const BY_ROLLBACK: &str = " with azure-batch-pool rollback";

/// Which pool, and where: what a command for it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    /// The pool.
    pub(super) pool: &'a PoolId,
    /// Where its account answers.
    pub(super) endpoint: &'a BatchEndpoint,
    /// The account, where ARM has described it.
    pub(super) account: Option<&'a Account>,
}

/// How the rounds ended.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    /// Why there is no further round.
    pub(super) end: End,
    /// What the last round failed with.
    pub(super) judged: Option<&'a Judgement>,
    /// How many rounds there were.
    pub(super) rounds: usize,
    /// What of the pool's parts was looked at afterwards.
    pub(super) parts: Vec<Part>,
    /// How the account's quotas stood afterwards; nothing where that was not looked at.
    pub(super) room: Standing,
    /// The VM size of the pool; empty where it is not known.
    pub(super) size: &'a str,
    /// How the pool's nodes are spread, in Batch's word; absent where the pool does not say.
    pub(super) placement: Option<&'a str>,
    /// What the definition of a version that is gone still has, the newest first.
    pub(super) versions: Vec<VersionNumber>,
}

/// Why nodes are not ready.
enum Cause<'a> {
    /// They are on another image.
    OtherImage(u32, &'a str),
    /// Their start task failed.
    StartTask(Failed<'a>),
    /// They are unusable; so many.
    Unusable(usize, &'a Node),
    /// There are none.
    None,
    /// They are in states that they do not leave.
    Lost,
    /// They are not done.
    Slow,
}

impl At<'_> {
    /// A command of az about the pool.
    pub(super) fn az(self, template: &str) -> Command {
        self.az_with(template, &[])
    }

    /// The same with further values.
    pub(super) fn az_with(self, template: &str, more: &[(&str, &str)]) -> Command {
        let (account, endpoint) = (self.endpoint.account(), self.endpoint.to_string());
        let mut values = vec![
            ("account", account),
            ("endpoint", endpoint.as_str()),
            ("pool", self.pool.as_str()),
        ];
        values.extend_from_slice(more);
        Command::new(template, &values)
    }

    /// Our command that brings the pool back to what it was.
    pub(super) fn rolling_back(self) -> Command {
        self.own("azure-batch-pool rollback")
    }

    /// Our command that shows what the deletion of a pool of others takes away.
    pub(super) fn deleting(self) -> Command {
        self.own("azure-batch-pool delete").with_flag(ANY_POOL)
    }

    /// A command of ours about the pool.
    fn own(self, verb: &str) -> Command {
        let (endpoint, pool) = (self.endpoint.to_string(), (pool::POOL_ID, self.pool.as_str()));
        let account = self.account.map(|account| account.id.to_string());
        let place = match &account {
            Some(account) => (pool::ACCOUNT, account.as_str()),
            None => (pool::ACCOUNT_ENDPOINT, endpoint.as_str()),
        };
        Command::own(verb, &[place, pool])
    }

    /// What becomes of nodes that are there.
    fn keeping(self, error: Error, nodes: NodeCounts) -> Error {
        match nodes.total() {
            0 => error.with_kept(format!("pool {} exists without nodes, so nothing is billed", self.pool)),
            1 => error.with_kept(format!("pool {} keeps its node, which is billed", self.pool)),
            _ => error.with_kept(format!(
                "pool {} keeps its {}, which are billed",
                self.pool,
                counted(nodes)
            )),
        }
    }

    fn releasing(self, error: Error, nodes: NodeCounts) -> Error {
        match nodes.total() {
            0 => error,
            1 => error.with_next("to remove its node, and pay no more", self.az(az::RELEASE_NODES)),
            all => error.with_next(
                format!("to remove all {all} nodes, ready or not, and pay no more"),
                self.az(az::RELEASE_NODES),
            ),
        }
    }
}

impl Ending<'_> {
    /// Why no more rounds were tried; `in_vain` is what they did not do.
    fn sentence(&self, in_vain: &str) -> String {
        let rounds = plural(u32::try_from(self.rounds).unwrap_or(u32::MAX), "round");
        match self.end {
            End::Stopped => format!("after {rounds} no further one was tried: it would end the same"),
            End::UsedUp if self.rounds == 1 => "the only round that was allowed is used".to_owned(),
            End::UsedUp => format!("all {rounds} that were allowed are used"),
            End::Fruitless => format!("after {rounds} no further one was tried: the last two {in_vain} no node"),
        }
    }
}

impl<'a> Cause<'a> {
    /// The first cause that applies, the plainest first.
    fn of(list: &'a [Node], census: &'a Census) -> Self {
        let failed: Vec<(&Node, &StartTaskFailure)> = list
            .iter()
            .filter(|node| node.state.as_str() == "starttaskfailed")
            .filter_map(|node| Some((node, node.start_task.as_ref()?)))
            .collect();
        let unusable: Vec<&Node> = list.iter().filter(|node| node.state.as_str() == "unusable").collect();
        if let Some(image) = &census.other_image {
            return Self::OtherImage(census.elsewhere, image);
        }
        if let Some((node, failure)) = failed.first() {
            let is_same = |(_, other): &(&Node, &StartTaskFailure)| other.exit_code == failure.exit_code;
            let alike = match failed.len() > 1 && failed.iter().all(is_same) {
                true => Alike::All(failed.len()),
                false => Alike::No,
            };
            let count = failed.len();
            return Self::StartTask(Failed {
                count,
                node,
                failure,
                alike,
            });
        }
        match unusable
            .iter()
            .find(|node| !node.errors.is_empty())
            .or(unusable.first())
        {
            Some(node) => Self::Unusable(unusable.len(), node),
            None if list.is_empty() => Self::None,
            None if census.coming.total() == 0 => Self::Lost,
            None => Self::Slow,
        }
    }

    fn happened(&self, census: &Census) -> String {
        let all = census.total.total();
        match self {
            Self::OtherImage(count, _) => format!("{count} of {all} nodes are on another image"),
            Self::StartTask(failed) => format!("the start task failed on {} of {all} nodes", failed.count),
            Self::Unusable(count, node) if node.errors.is_empty() => {
                format!("{count} of {all} nodes are unusable, and Batch gives no reason")
            }
            Self::Unusable(count, node) => {
                let code = node
                    .errors
                    .first()
                    .map_or_else(String::new, |error| one_line(&error.code));
                match code.as_str() {
                    DISK_FULL => format!("the disk is full on {count} of {all} nodes ({DISK_FULL})"),
                    _ => format!("{count} of {all} nodes are unusable: {code}"),
                }
            }
            Self::None => "the pool has no nodes".to_owned(),
            Self::Lost if census.late.total() > 0 => "too many nodes have not become ready in their time".to_owned(),
            Self::Lost => "too many nodes are in states that they do not leave by themselves".to_owned(),
            Self::Slow => "the nodes have not finished starting".to_owned(),
        }
    }

    fn told(&self, at: At<'_>, error: Error, (all, within): (u32, Within), (output, disks): (&str, &Disks)) -> Error {
        match self {
            Self::OtherImage(_, image) => error
                .with_fact(format!("they run {}", short_image(image)))
                .with_next(words!["nodes keep the image that they were made from: release them, then run again, or roll out to a new ", pool::POOL_ID], None),
            Self::StartTask(failed) => start_task::told(at, error, *failed, (all, within, output)),
            Self::Unusable(count, node) => unusable(at, error, (u32::try_from(*count).unwrap_or(u32::MAX), all), (node, disks)),
            Self::None => error.with_next("run again, which resizes the pool; if there are none again, look at the errors of its last resize", at.az(az::RESIZE_ERRORS)),
            Self::Lost => error.with_next("bring them back or remove them, then run again, which resizes the pool", None),
            Self::Slow => error.with_next("check that the image is generalized, that the node agent SKU is that of its system, and that the pool's network lets nodes reach Batch, then run again", None),
        }
    }
}

/// One error of each cause, for tests of those who show errors.
pub(super) fn specimens() -> Vec<(String, Error)> {
    specimens::all()
}

/// The version that a look showed to be gone.
pub(super) fn gone_version(parts: &[Part]) -> Option<ImageVersionId> {
    advice::gone(parts)
        .find(|part| part.kind == PartKind::Version)
        .and_then(|part| part.id.parse().ok())
}

/// What ends a roll-out whose image was found bad, and whose pools stay as they are all the same: what to look at, how to
/// go on, and how to go back, or what helps where that is not possible.
pub(super) fn kept(at: At<'_>, bad: Error, (stays, back, helps): (&'static str, Back, &str)) -> Error {
    let text = format!("the new image was found bad, and pool {} stays as it is", at.pool);
    let error = Error::plain(ErrorKind::Kept, text).with_kept(stays);
    let looks: Vec<Next> = bad.layers().find_map(steps_of).unwrap_or_default();
    let error = looks
        .into_iter()
        .fold(error, |error, Next { text, command }| error.with_next(text, command));
    let on = "look at the new nodes; to go on from here, run again";
    let error = error.with_next(on, None);
    advice::of_way_back(at, error, (back, helps)).because(bad.without_kept())
}

/// What a layer says is to be done.
fn steps_of(layer: &Error) -> Option<Vec<Next>> {
    let (_, _, reason) = layer.layer();
    reason.map(|reason| reason.next.clone()).filter(|next| !next.is_empty())
}

/// A pool that is left alone.
pub(super) fn refused(at: At<'_>, refusal: Refusal) -> Error {
    let happened = Words::naming(&format!("pool {} {}", at.pool, refusal.why));
    let error = Error::plain(ErrorKind::Refused, happened).with_kept("the pool was not changed");
    let error = match refusal.remedy {
        OTHER_STRATEGIES | OTHER_SETTINGS => error.with_fact(Words::naming(
            "a pool that exists keeps its image and its VM size unless {strategy=in-place} or {strategy=blue-green} is given",
        )),
        _ => error,
    };
    if refusal.remedy != UNFINISHED {
        let error = error.with_next(Words::naming(&refusal.remedy.replace(BY_ROLLBACK, "")), None);
        return match refusal.remedy.contains(BY_ROLLBACK) {
            true => error.with_next("to go back to what was before", at.rolling_back()),
            false => error,
        };
    }
    error
        .with_next(
            words![
                "to end that change, run the roll-out that began it again, with ",
                Piece::set(pool::STRATEGY, "in-place")
            ],
            None,
        )
        .with_next("to bring the pool back to what it was", at.rolling_back())
        .with_next(
            words![
                "where neither can end, roll out any version with ",
                Piece::set(pool::STRATEGY, "in-place"),
                ": it takes that change over"
            ],
            None,
        )
}

/// A pool that did not get its size: nodes are missing, or there are some that should go.
pub(super) fn other_size(at: At<'_>, goal: Goal, current: NodeCounts, ending: &Ending<'_>) -> Error {
    if goal.is_exceeded_by(current) {
        too_large(at, goal, current, ending)
    } else {
        too_small(at, goal, current, ending)
    }
}

/// A pool with nodes that should go.
fn too_large(at: At<'_>, goal: Goal, current: NodeCounts, ending: &Ending<'_>) -> Error {
    let stopped_by = ending.judged.filter(|_| ending.end == End::Stopped);
    let kind = stopped_by.map_or(ErrorKind::PartlyReached, |judged| judged.kind);
    let (wanted, reason) = (bare(goal.targets), advice::reason(at, ending));
    let happened = format!("{} are there and only {wanted} are wanted: {reason}", counted(current));
    let error = Error::plain(kind, happened).with_fact(ending.sentence("removed"));
    let error = at.keeping(error, current);
    match ending.judged {
        Some(judged) => error
            .with_next(Words::naming(judged.remedy), None)
            .with_words_of_service(format!("Batch: {}", judged.said))
            .with_page(judged.page()),
        None => error.with_next("run again, which asks for it again", None),
    }
}

/// A pool that did not get its nodes.
fn too_small(at: At<'_>, goal: Goal, current: NodeCounts, ending: &Ending<'_>) -> Error {
    let stopped_by = ending
        .judged
        .filter(|_| ending.end == End::Stopped)
        .map(|judged| judged.kind);
    let gone = advice::is_gone(&ending.parts).then_some(ErrorKind::Rejected);
    let kind = gone.or(stopped_by).unwrap_or(if current.total() > 0 {
        ErrorKind::PartlyReached
    } else {
        ErrorKind::Azure
    });
    let reason = advice::reason(at, ending);
    let (came, wanted) = (goal.counted(current), goal.counted(goal.targets));
    let happened = format!("{came} of {} came: {reason}", plural(wanted, "node"));
    let error = Error::plain(kind, happened);
    let error = if goal.needed == goal.targets {
        error
    } else {
        error.with_fact(format!("of these, {} are enough", bare(goal.needed)))
    };
    let error = at.keeping(error, current);
    let error = match ending.judged {
        Some(judged) => {
            advice::advised(at, error, (judged, ending), goal).with_words_of_service(format!("Batch: {}", judged.said))
        }
        None => error.with_next(
            "run again; if it fails again, give Azure support the pool's name and the time",
            None,
        ),
    };
    let error = match gone {
        Some(_) => error,
        None => error.with_fact(ending.sentence("brought")),
    };
    let is_of_account = ending.judged.is_some_and(Judgement::is_quota_of_account);
    let error = match kind == ErrorKind::Quota && is_of_account && current.dedicated > 0 && goal.targets.spot == 0 {
        true => error.with_next(
            words![
                "to go on with what came, run again with ",
                Piece::set(pool::TARGET_DEDICATED_NODES, current.dedicated)
            ],
            None,
        ),
        false => error,
    };
    at.releasing(error, current)
}

/// The first node whose start task failed, where that is why nodes are not ready.
pub(super) fn failed_start(waited: &Waited) -> Option<&str> {
    match Cause::of(&waited.nodes, &waited.census) {
        Cause::StartTask(failed) => Some(&failed.node.id),
        _ => None,
    }
}

/// The first ill node, where nodes are not ready because of those that are.
pub(super) fn ill_node(waited: &Waited) -> Option<&Node> {
    match Cause::of(&waited.nodes, &waited.census) {
        Cause::StartTask(Failed { node, .. }) | Cause::Unusable(_, node) => Some(node),
        Cause::Lost => waited.nodes.iter().find(|node| node.outlook() == Outlook::Lost),
        Cause::None | Cause::Slow | Cause::OtherImage(..) => None,
    }
}

/// Whether nodes are not ready because a disk is full.
pub(super) fn is_disk_full(waited: &Waited) -> bool {
    match Cause::of(&waited.nodes, &waited.census) {
        Cause::Unusable(_, node) => node.errors.first().is_some_and(|error| error.code == DISK_FULL),
        _ => false,
    }
}

/// A pool whose nodes are there but not ready; `stillness` is how long a node may stay as it is, `output` the end of what
/// the start task of [`failed_start`] wrote, `disks` those of the nodes when [`is_disk_full`].
pub(super) fn unready(
    at: At<'_>,
    waited: &Waited,
    (stillness, within): (Duration, Within),
    (output, disks): (&str, &Disks),
) -> Error {
    let (census, goal) = (&waited.census, waited.goal);
    let cause = Cause::of(&waited.nodes, census);
    let kind = match cause {
        // Nothing that the same run would do makes these nodes good.
        Cause::OtherImage(..) | Cause::StartTask(..) | Cause::Unusable(..) => ErrorKind::BadNodes,
        // Those that are late may come after all, as spot nodes do that were taken away.
        Cause::Lost if census.late.total() == 0 => ErrorKind::BadNodes,
        Cause::None | Cause::Slow | Cause::Lost if census.ready.total() > 0 => ErrorKind::PartlyReached,
        Cause::None | Cause::Slow | Cause::Lost => ErrorKind::Azure,
    };
    let counts = format!(
        "pool {}: {} ready, {}{}",
        at.pool,
        counted(census.ready),
        wish(goal),
        by_state(&census.states)
    );
    let mut error = Error::plain(kind, cause.happened(census)).with_fact(counts);
    if waited.verdict == Verdict::Pending {
        let still = format!("the others have stayed as they are for {}, ", Span(stillness.as_secs()));
        error = error.with_fact(words![
            still,
            "and the run waits no longer for them; ",
            pool::NODE_READY_TIMEOUT,
            " says how long"
        ]);
    }
    let error = cause.told(
        at,
        at.keeping(error, census.total),
        (census.total.total(), within),
        (output, disks),
    );
    at.releasing(error, census.total)
}

fn unusable(at: At<'_>, error: Error, (count, all): (u32, u32), (node, disks): (&Node, &Disks)) -> Error {
    // With more, healing would leave them alone too.
    let is_few = count <= Healing::default().max_unhealthy.of(all);
    let (Some(said), Some(first)) = (node.said(), node.errors.first()) else {
        return without_reason(at, error, is_few.then_some(all - count).filter(|others| *others > 0));
    };
    let error = error
        .with_next("see what each of them says", at.az(az::UNUSABLE_NODES))
        .with_words_of_service(format!("Batch, of {}: {}", one_line(&node.id), one_line(&said)));
    if first.code == DISK_FULL {
        return disks::advised(error, disks);
    }
    let text = match is_few {
        true => words![
            "then run again with ",
            Piece::set(pool::HEAL_NODES, true),
            ", which removes these nodes and brings new ones"
        ],
        false => Words::naming(MANY),
    };
    error.with_next(text, None)
}

/// Nodes of which Batch says only that they are unusable; the others, when most are not.
fn without_reason(at: At<'_>, error: Error, others: Option<u32>) -> Error {
    let Some(others) = others else {
        let first = "check first that the pool's network lets nodes reach Batch, then that the node agent SKU is the \
                     image's, then that the image is generalized";
        return error
            .with_next("see which nodes they are", at.az(az::UNUSABLE_NODES))
            .with_next(first, None)
            .with_next(Words::naming(MANY), None);
    };
    let same =
        format!("the other {others} have the same image, agent and network, so replace these first: run again with ");
    error
        .with_next(words![same, Piece::set(pool::HEAL_NODES, true)], None)
        .with_next(
            "if new ones become unusable too, suspect the network: nodes must reach the service tag BatchNodeManagement at \
             port 443; the ids of the unusable nodes",
            at.az(az::UNUSABLE_NODES),
        )
}

/// An image as people know it: definition and number of a version, else its id.
pub(super) fn short_image(image: &str) -> String {
    let version: Result<ImageVersionId, _> = image.parse();
    version.map_or_else(
        |_| one_line(image),
        |version| format!("{} {}", version.definition().name(), version.name()),
    )
}

/// What is needed and, where it is more, what is wanted.
fn wish(goal: Goal) -> String {
    let mut wish = format!("{} needed", bare(goal.needed));
    if goal.targets != goal.needed {
        wish.push_str(&format!(", {} wanted", bare(goal.targets)));
    }
    wish
}

fn by_state(states: &BTreeMap<String, u32>) -> String {
    let list: Vec<String> = states
        .iter()
        .map(|(state, count)| match state.as_str() {
            "starttaskfailed" => format!("{count} with a failed start task"),
            state => format!("{count} {}", one_line(node_state(state))),
        })
        .collect();
    if list.is_empty() {
        String::new()
    } else {
        format!(" ({})", list.join(", "))
    }
}

#[cfg(test)]
mod tests;
