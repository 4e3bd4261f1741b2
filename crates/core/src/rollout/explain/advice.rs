//! What to do about a resize error: the table's words, what the error names, what a look showed, and commands that show more.

use super::{At, Ending, gone_version, short_image};
use crate::{
    error::Error,
    ids::{VersionNumber, resource::ImageVersionId},
    judge::Approved,
    options::pool,
    quota,
    rollout::{
        parts::{Part, PartKind, PartState},
        record::Back,
        size::classify::{ASSIGNMENTS, Judgement},
        verdict::Goal,
    },
    typing::az,
    words,
    words::{Part as Piece, Words, plural},
};

/// How many addresses of each subnet Azure keeps for itself.
const RESERVED: u64 = 5;

/// The codes that another VM size helps against.
const OF_SIZES: [&str; 3] = ["IncompatibleVMSize", "SkuNotAvailable", "UnsupportedVMSize"];

/// The codes that another zone helps against too.
const OF_ZONES: [&str; 2] = [
    "OverconstrainedAllocationRequest",
    "OverconstrainedAllocationRequestError",
];

/// Batch's word for a pool whose nodes are spread over zones.
const ZONAL: &str = "zonal";

/// What helps against a size that has no place, in a pool that is not spread over zones.
const OTHER_SIZE: &str = "choose another {vm_size} with {strategy=in-place} or a new {pool_id}, or another region";

/// So many versions are named.
const NUMBERS: usize = 8;

/// Why not all nodes came: what a look showed to be gone, else what the error means.
pub(super) fn reason(at: At<'_>, ending: &Ending<'_>) -> String {
    let gone: Vec<&str> = gone(&ending.parts).map(|part| part.kind.word()).collect();
    match (gone.as_slice(), ending.judged) {
        ([], Some(judged)) => match judged.named.policy.as_ref().and_then(|policy| policy.name.as_ref()) {
            Some(policy) => format!("the policy \"{policy}\" forbids them"),
            None => with_names(judged.meaning, at, ending),
        },
        ([], None) => "Batch gives no reason".to_owned(),
        (gone, _) => match gone_version(&ending.parts) {
            Some(version) => format!("image version {} is gone", short_image(&version.to_string())),
            None => format!("the pool's {} is gone", gone.join(" and ")),
        },
    }
}

/// A sentence of the table with the size and the region that it means, where they are known.
fn with_names(meaning: &str, at: At<'_>, ending: &Ending<'_>) -> String {
    let named = match ending.size {
        "" => meaning.to_owned(),
        size => meaning.replace("that VM size", size),
    };
    match at.account {
        Some(account) => named
            .replace("the region", &format!("region {}", account.location))
            .replace("that region", &format!("region {}", account.location)),
        None => named,
    }
}

/// What to do about it.
pub(super) fn advised(at: At<'_>, error: Error, (judged, ending): (&Judgement, &Ending<'_>), goal: Goal) -> Error {
    let error = of_parts(error, &ending.parts);
    let error = named(at, error, (judged, ending), goal);
    let error = of_quota(at, error, (judged, ending));
    let mut gone = gone(&ending.parts).peekable();
    let error = match gone.peek() {
        Some(_) => gone.fold(error, |error, part| brought_back(at, error, part, &ending.versions)),
        None => remedied(at, error, (judged, ending), goal),
    };
    error.with_page(judged.page())
}

/// How to go back from a bad image that a pool keeps, or what helps where a return is not possible.
pub(super) fn of_way_back(at: At<'_>, error: Error, (back, helps): (Back, &str)) -> Error {
    let why = match back {
        Back::Possible => return error.with_next("or bring back what was there before", at.rolling_back()),
        Back::Retired => {
            "it was on a managed image, and Batch gives no pool such an image since 31 March 2026".to_owned()
        }
        Back::Lost(lack) => format!("it cannot go back: its former image version {}", lack.why()),
    };
    error.with_fact(why).with_next(Words::naming(helps), None)
}

/// Whether a look showed that something is gone.
pub(super) fn is_gone(parts: &[Part]) -> bool {
    gone(parts).next().is_some()
}

pub(super) fn gone(parts: &[Part]) -> impl Iterator<Item = &Part> {
    parts.iter().filter(|part| part.state == PartState::Gone)
}

fn of_parts(error: Error, parts: &[Part]) -> Error {
    let error = parts.iter().fold(error, |error, part| error.with_fact(part.sentence()));
    match gone(parts).any(|part| part.kind == PartKind::Version) {
        true => error.with_fact("Azure's advice below, to replicate it, does not help, since it is gone"),
        false => error,
    }
}

fn brought_back(at: At<'_>, error: Error, part: &Part, has: &[VersionNumber]) -> Error {
    let text = match part.kind {
        PartKind::Version => return other_version(at, error, &part.id, has),
        PartKind::Definition => words![
            "publish the image again under another definition, and give that version in ",
            pool::IMAGE_VERSION,
            " with a new ",
            pool::POOL_ID
        ],
        PartKind::Subnet => words![
            "make the subnet again under the same id and run again; or give another subnet in ",
            pool::POOL_JSON,
            " and a new ",
            pool::POOL_ID
        ],
        PartKind::Address => words![
            "give public addresses that are there in ",
            pool::POOL_JSON,
            ", and a new ",
            pool::POOL_ID
        ],
    };
    error.with_next(text, None)
}

fn other_version(at: At<'_>, error: Error, gone: &str, has: &[VersionNumber]) -> Error {
    if let Some(newest) = has.first() {
        let listed: Vec<String> = has.iter().take(NUMBERS).map(ToString::to_string).collect();
        return error
            .with_fact(format!("the definition still has {}", listed.join(", ")))
            .with_next(
                words![
                    match has.len() {
                        1 => format!("run again with {newest} in "),
                        _ => format!("run again with {newest}, or another of these, in "),
                    },
                    pool::IMAGE_VERSION,
                    ", and with ",
                    Piece::set(pool::STRATEGY, "in-place"),
                    " or a new ",
                    pool::POOL_ID,
                    "; or publish the image again under another number"
                ],
                None,
            );
    }
    let text = words![
        "then give one of them in ",
        pool::IMAGE_VERSION,
        ", with ",
        Piece::set(pool::STRATEGY, "in-place"),
        " or a new ",
        pool::POOL_ID,
        "; or publish the image again under another number"
    ];
    let Ok(version) = gone.parse::<ImageVersionId>() else {
        return error.with_next(text, None);
    };
    let definition = version.definition();
    let (gallery, group) = (definition.gallery(), version.group());
    let values = [
        ("subscription", group.subscription()),
        ("group", group.name()),
        ("gallery", gallery.name()),
        ("definition", definition.name()),
    ];
    error
        .with_next(
            "to list the versions that the definition still has",
            at.az_with(az::IMAGE_VERSIONS, &values),
        )
        .with_next(text, None)
}

/// What the error names: the policy, or the subnet with its addresses.
fn named(at: At<'_>, error: Error, (judged, ending): (&Judgement, &Ending<'_>), goal: Goal) -> Error {
    let named = &judged.named;
    let mut error = error;
    if let Some(sentence) = named.policy.as_ref().and_then(|policy| policy.sentence()) {
        error = error.with_fact(sentence);
        if let Some(account) = at.account.filter(|_| !ending.size.is_empty()) {
            error = error.with_fact(format!("this pool asks for {} in {}", ending.size, account.location));
        }
    }
    if OF_ZONES.contains(&judged.code) {
        error = error.with_fact(match ending.placement {
            Some(policy) if policy == ZONAL => Words::from(
                "the pool's nodes are spread over zones (nodePlacementConfiguration.policy is zonal): Azure has no place \
                 for the size in so many of them",
            ),
            _ => "the pool names no zone, so Azure lacks the size where Batch wants to place it".into(),
        });
    }
    if let Some(approved) = &named.approved {
        error = error.with_fact(approved.to_string());
    }
    let room = named
        .prefix
        .as_deref()
        .and_then(|prefix| Some((prefix, quota::of_subnet("", prefix, 0)?.limit)));
    if let Some((prefix, limit)) = room {
        let missing = match named.missing {
            Some(missing) => format!("; {missing} more were asked for than were free"),
            None => String::new(),
        };
        error = error.with_fact(format!(
            "the subnet {prefix} has {limit} addresses for nodes, since Azure keeps 5 for itself; pool {} needs {}{missing}",
            at.pool,
            goal.targets.total(),
        ));
    }
    error
}

fn of_quota(at: At<'_>, error: Error, (judged, ending): (&Judgement, &Ending<'_>)) -> Error {
    if !ending.room.lines.is_empty() {
        return ending
            .room
            .lines
            .iter()
            .fold(error, |error, line| error.with_fact(line.clone()));
    }
    let account = at.account.filter(|_| judged.is_quota_of_account());
    match account.and_then(|account| Some((account, account.quotas.dedicated_cores?))) {
        Some((account, cores)) => error.with_fact(format!(
            "the account {} may have {} in all its pools together; where that is far away, the quota of the VM family is \
             the one that is used up",
            account.id.name(),
            plural(cores, "dedicated core")
        )),
        None => error,
    }
}

/// What to do where a subnet can never hold so many nodes.
fn larger_subnet(judged: &Judgement, goal: Goal) -> Option<Words> {
    let room = quota::of_subnet("", judged.named.prefix.as_deref()?, 0)?.limit;
    let wanted = u64::from(goal.targets.total());
    if wanted <= room || room == 0 || goal.targets.spot > 0 {
        return None;
    }
    // IPv4: a prefix of so many bits leaves 32 less of them for addresses.
    let bits = (0..=32)
        .rev()
        .find(|bits| (1_u64 << (32 - bits)) >= wanted + RESERVED)?;
    Some(words![
        "this subnet can never hold so many: run again with ",
        Piece::set(pool::TARGET_DEDICATED_NODES, room),
        format!(
            " (fewer where others use it too), or give a subnet of /{bits} or larger (networkConfiguration.subnetId in "
        ),
        pool::POOL_JSON,
        ") with ",
        Piece::set(pool::STRATEGY, "in-place"),
        " or a new ",
        pool::POOL_ID
    ])
}

/// What an error names more exactly than the table, else the table's remedy and a command that shows more.
fn remedied(at: At<'_>, error: Error, (judged, ending): (&Judgement, &Ending<'_>), goal: Goal) -> Error {
    let assignment = judged.named.policy.as_ref().and_then(|policy| policy.id.as_deref());
    if let Some((scope, name)) = assignment.and_then(|id| id.split_once(ASSIGNMENTS)) {
        let values = [("name", name), ("scope", scope)];
        return error
            .with_next(
                "see the parameters of the policy",
                at.az_with(az::POLICY_ASSIGNMENT, &values),
            )
            .with_next(
                words![
                    "then run again with what these allow, and with ",
                    Piece::set(pool::STRATEGY, "in-place"),
                    " or a new ",
                    pool::POOL_ID,
                    "; or ask the owner of the assignment for an exemption"
                ],
                None,
            );
    }
    if let Some(text) = larger_subnet(judged, goal) {
        return error.with_next(text, None);
    }
    let ask_for = ending.room.ask_for.as_ref();
    if let Some((enough, missing, what)) = ask_for.filter(|_| judged.is_quota_of_account()) {
        let text = format!(
            "to get all of them, ask for {enough} or more {what} (portal: Quotas of the Batch account), or free {missing} \
             of them in other pools; then run again"
        );
        return error.with_next(text, None);
    }
    // What the table says of zones is for pools that are spread over them.
    let is_regional = OF_ZONES.contains(&judged.code) && ending.placement.is_none_or(|policy| policy != ZONAL);
    let remedy = if is_regional { OTHER_SIZE } else { judged.remedy };
    shown_by_az(at, error.with_next(Words::naming(remedy), None), (judged, ending))
}

/// The command that shows more, where there is one.
fn shown_by_az(at: At<'_>, error: Error, (judged, ending): (&Judgement, &Ending<'_>)) -> Error {
    if let Some(account) = at.account.filter(|_| judged.is_quota_of_account()) {
        let group = account.id.group();
        let values = [("subscription", group.subscription()), ("group", group.name())];
        return error
            .with_next("to see which pools hold the cores", at.az(az::POOL_SIZES))
            .with_next(
                "to see what the account may use, in all and of each family",
                at.az_with(az::ACCOUNT_QUOTAS, &values),
            );
    }
    let of_cores = judged.named.approved.as_ref().and_then(Approved::region_of_cores);
    if let Some(location) = of_cores {
        let values = [("location", location)];
        return error.with_next(
            "to see what the subscription uses there of its quotas",
            at.az_with(az::SUBSCRIPTION_USAGE, &values),
        );
    }
    let Some(account) = at.account else { return error };
    let values = [
        ("subscription", account.id.group().subscription()),
        ("location", account.location.as_str()),
    ];
    if OF_ZONES.contains(&judged.code) && !ending.size.is_empty() {
        let values = [
            ("subscription", account.id.group().subscription()),
            ("location", account.location.as_str()),
            ("size", ending.size),
        ];
        return error.with_next(
            "to see in which zones the region offers that size",
            at.az_with(az::VM_ZONES, &values),
        );
    }
    if OF_SIZES.contains(&judged.code) {
        return error.with_next(
            "to see the sizes that the region offers to Batch",
            at.az_with(az::VM_SIZES, &values),
        );
    }
    error
}
