//! How a change in place begins: whether it can, and what is remembered of the pool before anything is changed. Pure.
//!
//! What comes after is decided in `next`.

use jiff::{SignedDuration, Timestamp};

use crate::{
    batch::{
        autoscale,
        pool::{Pool, Scaling},
    },
    ids::NodeCounts,
    rollout::{
        as_found,
        decide::{ADOPTING, Intent, Refusal},
        former::NO_WAY_BACK,
        other,
        record::{Back, Over, Phase, Record, Remembered},
        spec::{Difference, Maker, Spec, When, formula_name, unrestorable},
    },
    settings::{Adopt, Canary},
};

const LOST: &str =
    "give that part in {pool_json} with its secrets, which Batch does not show, or roll out to a new pool id";
const TOO_LONG: &str =
    "shorten it in the pool (a long start task is a script that it downloads), or roll out to a new pool id";
const ANOTHER: &str =
    "run that roll-out again to its end, or go back with azure-batch-pool rollback; then run this one";

/// What to do about a change that another roll-out has taken over.
const TAKEN_OVER: &str =
    "that roll-out has taken this change over, with the jobs that it holds: let it come to its end";
const RETURNING: &str = "go on with its return with azure-batch-pool rollback; when nothing of the pool has moved for 30 \
                         minutes, this roll-out takes the change over";
const RESIZING: &str = "wait until the resize of the pool that is under way has ended, then run this one: it takes the \
                        change over";
const NEVER: &str = "give what the pool has, or roll out to a new {pool_id}";
const FORMULA: &str = "give the formula that the pool shall follow in {autoscale_formula}";
/// So long a return whose pool does not change is not taken over: nodes may take as long to start.
const STILL: SignedDuration = SignedDuration::from_mins(30);

/// What a run finds when it begins.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Begun {
    /// Nothing: this record is to be written.
    New(Record),
    /// A change that it goes on with.
    Already(Record),
}

/// What a roll-out finds of changes that have begun and not come to their end.
enum Standing {
    /// None is under way.
    None,
    /// It goes on with this one.
    Ours(Record),
    /// This one cannot end, or nobody goes on with it: the roll-out takes it over.
    Left(Record),
}

/// Begins to bring a pool to what was asked for, or goes on with it, also with a return that had begun. One that cannot
/// come to its end is taken over. `way_back` is about the change that is under way, or the one that begins.
pub(in crate::rollout) fn forward(
    (intent, spec): (&Intent, &Spec),
    (pool, way_back): (&Pool, Back),
    canary: &Canary,
    now: Timestamp,
) -> Result<Begun, Refusal> {
    let scale = intent.follows.as_ref().map(|follows| &follows.scale);
    let (size, difference) = ((intent.goal.targets, scale), spec.compare(pool));
    let is_ours = |record: &Record| spec.is_roll_out(&record.id, pool, size);
    let left = match standing(pool, is_ours, (way_back, now)) {
        Ok(Standing::Ours(record)) => return Ok(Begun::Already(record)),
        Ok(Standing::Left(record)) => Some(record),
        Ok(Standing::None) => None,
        Err((record, remedy)) => {
            let differs = begun_of(&record).differs((spec, pool), size);
            return Err(another(&record, &format!("; {differs}"), remedy));
        }
    };
    let id = spec.roll_out_id_on(pool, size);
    let refusal = as_found::changed(intent.adopt, size, Some(pool));
    let refusal = refusal.or_else(|| not_taken_over(left.as_ref()?, intent, &difference));
    if let Some(refusal) = refusal.or_else(|| lost(pool, spec)) {
        return Err(refusal);
    }
    let targets = intent.goal.targets;
    let canary = canary.of(base(targets, scale.map(|_| pool)));
    let was = spec.was(pool, &difference);
    let was = match &left {
        Some(left) => was.before(&left.was),
        None => was,
    };
    let mut record = Record::begin(id, spec.version().to_string(), (targets, canary), was, now);
    record.follows = scale.map(formula_name);
    if let Some(left) = &left {
        take_over(&mut record, left, (pool, &difference));
    }
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

/// What a change of the image would lose.
fn lost(pool: &Pool, spec: &Spec) -> Option<Refusal> {
    let part = unrestorable(pool, Some(spec))?;
    Some(Refusal {
        why: format!(
            "would lose {part}: it holds secrets that Batch does not show, and a change of the image sends it whole"
        ),
        remedy: LOST,
    })
}

/// Why a roll-out cannot take over the change that is under way. What is checked here was checked of that one when it
/// began.
fn not_taken_over(left: &Record, intent: &Intent, difference: &Difference) -> Option<Refusal> {
    let never = difference.naming(When::NewPool);
    let (why, remedy) = if difference.maker == Maker::Another && intent.adopt == Adopt::No {
        ("was not made by a roll-out".to_owned(), ADOPTING)
    } else if !never.is_empty() {
        (format!("exists and differs in {}", never.join(", ")), NEVER)
    } else if left.was.autoscale.is_some() && intent.follows.is_none() {
        (
            "had an autoscale formula before the change that has not come to its end".to_owned(),
            FORMULA,
        )
    } else {
        return None;
    };
    Some(Refusal { why, remedy })
}

/// Puts the pool as it was left into the record of the change that goes on with it.
fn take_over(record: &mut Record, left: &Record, (pool, difference): (&Pool, &Difference)) {
    record.before = left.before;
    let is_as_asked = difference.image.is_none()
        && [When::Empty, When::AnyTime]
            .into_iter()
            .all(|when| difference.of(when).next().is_none());
    let has_our_size = pool.scaling == Scaling::Fixed && record.sizes().contains(&pool.targets);
    let former = left.former_image();
    let is_former = former.is_some_and(|image| pool.image_id().is_some_and(|found| found.eq_ignore_ascii_case(image)));
    if is_as_asked && has_our_size {
        record.swapped = true;
    } else if left.over.is_some() || left.swapped || !is_former {
        record.over = Some(Over {
            image: pool.image_id().map(str::to_owned),
            targets: pool.targets,
            follows: autoscale::of(pool).as_ref().map(formula_name),
        });
    }
}

/// A change that has been taken over by another roll-out.
pub(in crate::rollout) fn taken_over(record: &Record) -> Refusal {
    another(record, "", TAKEN_OVER)
}

/// What becomes of the change that is under way with a pool; of one that stays another's, it with what works instead.
fn standing(
    pool: &Pool,
    is_ours: impl Fn(&Record) -> bool,
    (way_back, now): (Back, Timestamp),
) -> Result<Standing, (Box<Record>, &'static str)> {
    let record = match Record::of(pool) {
        Remembered::Change(record) if record.is_under_way() => record,
        Remembered::Change(_) | Remembered::Nothing | Remembered::Unreadable => return Ok(Standing::None),
    };
    let can_return = way_back == Back::Possible;
    if is_ours(&record) && (can_return || record.phase == Phase::Forward) {
        return Ok(Standing::Ours(*record));
    }
    let is_left = !can_return || (record.phase == Phase::Back && is_still(pool, &record, now));
    match (is_left && !record.is_made(), pool.is_steady()) {
        (true, true) => Ok(Standing::Left(*record)),
        (true, false) => Err((record, RESIZING)),
        (false, _) if record.phase == Phase::Back && !record.is_made() => Err((record, RETURNING)),
        (false, _) => Err((record, ANOTHER)),
    }
}

/// Whether nothing of a pool has changed for so long that no run seems to be at work on it.
fn is_still(pool: &Pool, record: &Record, now: Timestamp) -> bool {
    let times = [Some(record.since), pool.modified, pool.allocation_since];
    let last = times.into_iter().flatten().max();
    last.is_some_and(|last| now.duration_since(last) >= STILL)
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
    if let Some(record) = under_way(pool, is_ours).map_err(|record| another(&record, "", ANOTHER))? {
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

/// A change of another roll-out.
fn another(record: &Record, differs: &str, remedy: &'static str) -> Refusal {
    Refusal {
        why: format!(
            "is being changed by another roll-out since {}, to {}{differs}",
            record.since,
            begun_of(record).brings()
        ),
        remedy,
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
        return Err(Refusal {
            why: "was on a managed image before, and Batch gives no pool such an image since 31 March 2026".to_owned(),
            remedy: NO_WAY_BACK,
        });
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
pub(in crate::rollout) fn kept_on_return(spec: &Spec, pool: &Pool, way_back: Back) -> Option<String> {
    match way_back {
        Back::Possible => kept_by_start_task(spec, pool).map(str::to_owned),
        Back::Retired => {
            Some("a return is not possible: Batch gives no pool a managed image since 31 March 2026".to_owned())
        }
        Back::Lost(lack) => Some(format!(
            "a return is not possible: the former image version {}",
            lack.why()
        )),
    }
}

fn kept_by_start_task(spec: &Spec, pool: &Pool) -> Option<&'static str> {
    let difference = spec.compare(pool);
    let was = spec.was(pool, &difference);
    let changes = difference
        .of(When::AnyTime)
        .any(|field| field.path.starts_with("startTask"));
    (changes && !was.fields.contains_key("/startTask")).then_some(
        "a return is possible and keeps the new start task, as the former one holds secrets that are not written down",
    )
}
