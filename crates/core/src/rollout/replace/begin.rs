//! How a change in place begins: whether it can, and what is remembered of the pool before anything is changed. Pure.
//!
//! What comes after is decided in `next`.

use jiff::Timestamp;

use crate::{
    batch::{autoscale, pool::Pool},
    ids::NodeCounts,
    rollout::{
        as_found,
        decide::{Intent, Refusal},
        other,
        record::{Back, Phase, Record, Remembered, is_retired},
        spec::{Spec, When, formula_name, unrestorable},
    },
    settings::Canary,
};

const LOST: &str =
    "give that part in {pool_json} with its secrets, which Batch does not show, or roll out to a new pool id";
const TOO_LONG: &str =
    "shorten it in the pool (a long start task is a script that it downloads), or roll out to a new pool id";
const ANOTHER: &str =
    "run that roll-out again to its end, or go back with azure-batch-pool rollback; then run this one";

/// What a run finds when it begins.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Begun {
    /// Nothing: this record is to be written.
    New(Record),
    /// A change that it goes on with.
    Already(Record),
}

/// Begins to bring a pool to what was asked for, or goes on with it, also with a return that had begun.
pub(in crate::rollout) fn forward(
    (intent, spec): (&Intent, &Spec),
    pool: &Pool,
    canary: &Canary,
    now: Timestamp,
) -> Result<Begun, Refusal> {
    let scale = intent.follows.as_ref().map(|follows| &follows.scale);
    let size = (intent.goal.targets, scale);
    let is_ours = |record: &Record| spec.is_roll_out(&record.id, pool, size);
    match under_way(pool, is_ours) {
        Ok(Some(record)) => return Ok(Begun::Already(record)),
        Ok(None) => {}
        Err(record) => {
            let differs = begun_of(&record).differs((spec, pool), size);
            return Err(another(&record, &format!("; {differs}")));
        }
    }
    let id = spec.roll_out_id_on(pool, size);
    if let Some(refusal) = as_found::changed(intent.adopt, (intent.goal.targets, scale), Some(pool)) {
        return Err(refusal);
    }
    if let Some(part) = unrestorable(pool, Some(spec)) {
        return Err(Refusal {
            why: format!(
                "would lose {part}: it holds secrets that Batch does not show, and a change of the image sends it whole"
            ),
            remedy: LOST,
        });
    }
    let difference = spec.compare(pool);
    let targets = intent.goal.targets;
    let canary = canary.of(base(targets, scale.map(|_| pool)));
    let was = spec.was(pool, &difference);
    let mut record = Record::begin(id, spec.version().to_string(), (targets, canary), was, now);
    record.follows = scale.map(formula_name);
    if record.items().is_none() {
        let (what, letters) = record.was.longest();
        return Err(Refusal {
            why: format!(
                "has {what} of {letters} letters, with which its former settings do not fit into its metadata"
            ),
            remedy: TOO_LONG,
        });
    }
    Ok(Begun::New(record))
}

/// The number of nodes of which some try the image: of those asked for, or of those that a formula said last.
fn base(targets: NodeCounts, following: Option<&Pool>) -> u32 {
    let (nodes, least) = following.map_or((targets, 0), |pool| (pool.targets, 1));
    let of_kind = if nodes.dedicated > 0 {
        nodes.dedicated
    } else {
        nodes.spot
    };
    of_kind.max(least)
}

/// Begins to try an image on a new pool, or goes on with it. Nothing when the pool was tried, or others made it meanwhile.
pub(in crate::rollout) fn trial(made: &Record, pool: &Pool) -> Result<Option<Begun>, Refusal> {
    let is_ours = |record: &Record| record.id == made.id;
    if let Some(record) = under_way(pool, is_ours).map_err(|record| another(&record, ""))? {
        return Ok(Some(Begun::Already(record)));
    }
    let is_emptied = pool.targets.total() == 0
        && matches!(Record::of(pool), Remembered::Change(record) if record.is_made() && record.phase == Phase::Returned);
    Ok(is_emptied.then(|| Begun::New(made.clone())))
}

/// The change that this roll-out goes on with, or that of another one.
fn under_way(pool: &Pool, is_ours: impl Fn(&Record) -> bool) -> Result<Option<Record>, Box<Record>> {
    match Record::of(pool) {
        Remembered::Change(record) if record.is_under_way() && is_ours(&record) => Ok(Some(*record)),
        Remembered::Change(record) if record.is_under_way() => Err(record),
        Remembered::Change(_) | Remembered::Nothing | Remembered::Unreadable => Ok(None),
    }
}

fn begun_of(record: &Record) -> other::Begun<'_> {
    other::Begun {
        id: &record.id,
        to: &record.to,
        size: record.size,
        follows: record.follows.as_deref(),
    }
}

fn another(record: &Record, differs: &str) -> Refusal {
    Refusal {
        why: format!(
            "is being changed by another roll-out since {}, to {}{differs}",
            record.since,
            begun_of(record).brings()
        ),
        remedy: ANOTHER,
    }
}

/// Begins to bring a pool back to what it was, or goes on with it. Nothing when it is there.
pub(in crate::rollout) fn back(pool: &Pool) -> Result<Option<Begun>, Refusal> {
    let nothing = |why: &str| Refusal {
        why: why.to_owned(),
        remedy: "roll out the version that the pool shall have",
    };
    let record = match Record::of(pool) {
        Remembered::Nothing => return Err(nothing("was never changed in place, so there is nothing to go back to")),
        Remembered::Unreadable => return Err(nothing("has a record of a change that this version cannot read")),
        Remembered::Change(record) => *record,
    };
    if record.phase == Phase::Returned {
        return Ok(None);
    }
    if record.phase == Phase::Back {
        return Ok(Some(Begun::Already(record)));
    }
    if record.is_made() && record.phase == Phase::Done {
        return Err(nothing(
            "was made by a roll-out and never changed since, so there is nothing to go back to",
        ));
    }
    if record.way_back() == Back::Retired {
        return Err(nothing(
            "was on a managed image before, and Batch gives no pool such an image since 31 March 2026",
        ));
    }
    if let Some(part) = unrestorable(pool, None).filter(|_| !record.is_made()) {
        return Err(Refusal {
            why: format!("would lose {part}: it holds secrets that Batch does not show"),
            remedy: "roll out the former version with {pool_json} that holds them, and {strategy=in-place}",
        });
    }
    let mut record = record;
    if record.phase == Phase::Done {
        // Whoever resized the pool since the change was done was free to, and the return keeps that size.
        if record.is_resized(pool) {
            record.was.size = pool.targets;
        }
        record.size = pool.targets;
        record.follows = autoscale::of(pool).as_ref().map(formula_name);
    }
    Ok(Some(Begun::New(record.at(Phase::Back))))
}

/// What keeps a return from bringing all back, for the plan.
pub(in crate::rollout) fn kept_on_return(spec: &Spec, pool: &Pool) -> Option<&'static str> {
    if pool.image_id().is_some_and(is_retired) {
        return Some("there is no return: Batch gives no pool a managed image since 31 March 2026");
    }
    let difference = spec.compare(pool);
    let was = spec.was(pool, &difference);
    let changes = difference
        .of(When::AnyTime)
        .any(|field| field.path.starts_with("startTask"));
    (changes && !was.fields.contains_key("/startTask")).then_some(
        "a return is possible and keeps the new start task, as the former one holds secrets that are not written down",
    )
}
