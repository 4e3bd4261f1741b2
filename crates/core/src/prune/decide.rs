//! What becomes of each version of a definition, with all reasons. Pure.
//!
//! A version goes only when not one reason keeps it. Whether everything that may use it was seen is not known here.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    compute::{
        gallery::SoftDeletion,
        version::{ImageVersion, RegionState},
    },
    ids::{Location, VersionNumber},
    json,
    operation::Status,
    settings::RetentionRule,
    usage::{Claim, Claimed, How},
    versions::Versions,
};

/// How long a version that failed is left alone, in days: a publish that is run again takes it up.
const FAILED_REST_DAYS: u32 = 7;

/// How long a deprecated version stays when the rules do not say and the gallery keeps nothing, in days.
pub(super) const USUAL_GRACE_DAYS: u32 = 7;

/// A version with its fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its number.
    pub number: VersionNumber,
    /// Azure's word for its state.
    pub state: String,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// Every reason.
    pub why: Vec<String>,
}

/// What becomes of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "lowercase")]
pub enum Fate {
    /// It stays.
    Kept,
    /// It is excluded from latest now, and goes later.
    Deprecated {
        /// From when on it may be deleted.
        ends: Timestamp,
    },
    /// It is being deleted already.
    Going,
    /// It goes now.
    Deleted,
}

/// What the fate follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) versions: &'a Versions,
    pub(super) claims: &'a [Claim],
    pub(super) soft: Option<SoftDeletion>,
    pub(super) rule: &'a RetentionRule,
    /// The version whose deletion is asked for by its id, if its number is known to be used up without it.
    pub(super) asked: Option<VersionNumber>,
    pub(super) now: Timestamp,
}

/// What is true of the definition as a whole.
struct Standing {
    highest: Option<VersionNumber>,
    newest: BTreeSet<VersionNumber>,
    /// Which version is latest where, and which would be if that one were excluded.
    latest: Vec<(Location, VersionNumber)>,
    next: Vec<(Location, VersionNumber)>,
}

impl Standing {
    fn of(facts: &Facts<'_>) -> Self {
        let versions = facts.versions;
        let numbers = |version: &ImageVersion| version.id.number();
        let succeeded = versions
            .all
            .iter()
            .rev()
            .filter(|version| version.status() == Status::Succeeded);
        let keep = usize::try_from(facts.rule.keep_newest).unwrap_or(usize::MAX);
        let latest = latest(versions);
        Self {
            highest: versions.all.iter().filter_map(numbers).max(),
            newest: succeeded.filter_map(numbers).take(keep).collect(),
            next: next(versions, &latest),
            latest,
        }
    }

    fn reasons(&self, facts: &Facts<'_>, number: VersionNumber) -> Vec<String> {
        let mut why = Vec::new();
        if self.highest == Some(number) && facts.asked != Some(number) {
            why.push("it has the highest number".to_owned());
        }
        if let Some(regions) = regions(&self.latest, number) {
            why.push(format!("it is latest in {regions}"));
            why.extend(followers(facts).map(|claim| claim.why.clone()));
        }
        if let Some(regions) = regions(&self.next, number).filter(|_| followers(facts).next().is_some()) {
            why.push(format!(
                "it would be latest in {regions} again if the latest were excluded"
            ));
        }
        if self.newest.contains(&number) {
            why.push(match facts.rule.keep_newest {
                1 => "it is the newest that succeeded".to_owned(),
                count => format!("it is one of the {count} newest that succeeded"),
            });
        }
        why
    }
}

/// The fate of every version, in the order of their numbers.
pub(super) fn judge(facts: &Facts<'_>) -> Vec<Judged> {
    let standing = Standing::of(facts);
    let all = facts.versions.all.iter();
    all.filter_map(|version| judge_one(facts, &standing, version)).collect()
}

fn judge_one(facts: &Facts<'_>, standing: &Standing, version: &ImageVersion) -> Option<Judged> {
    let number = version.id.number()?;
    let judged = |fate, why| Judged {
        number,
        state: version.provisioning_state().to_owned(),
        published: version.published(),
        fate,
        why,
    };
    if version.provisioning_state().eq_ignore_ascii_case("Deleting") {
        return Some(judged(Fate::Going, vec!["it is being deleted already".to_owned()]));
    }
    let mut why = standing.reasons(facts, number);
    why.extend(of_claims(facts, number));
    why.extend(of_rule(facts, version, number));
    why.extend(of_itself(facts, version));
    let fate = if why.is_empty() {
        end(facts, version)
    } else {
        Fate::Kept
    };
    if why.is_empty() {
        why = why_it_may_go(facts, version);
    }
    Some(judged(fate, why))
}

fn latest(versions: &Versions) -> Vec<(Location, VersionNumber)> {
    let of = |region: Location| {
        let number = versions.latest_in(&region)?.id.number()?;
        Some((region, number))
    };
    versions.regions().into_iter().filter_map(of).collect()
}

/// Which version is latest in each region once the one that is now is excluded.
fn next(versions: &Versions, latest: &[(Location, VersionNumber)]) -> Vec<(Location, VersionNumber)> {
    let of = |(region, number): &(Location, VersionNumber)| {
        let others = versions
            .all
            .iter()
            .filter(|it| it.id.number() != Some(*number))
            .cloned();
        let others = Versions::new(versions.definition.clone(), others);
        let number = others.latest_in(region)?.id.number()?;
        Some((region.clone(), number))
    };
    latest.iter().filter_map(of).collect()
}

fn regions(of: &[(Location, VersionNumber)], number: VersionNumber) -> Option<String> {
    let own = of.iter().filter(|(_, own)| *own == number);
    let names: Vec<&str> = own.map(|(region, _)| region.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn followers<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Claim> + use<'a> {
    facts
        .claims
        .iter()
        .filter(|claim| matches!(claim.of, Claimed::Latest(_)))
}

/// Who uses the version, may use it, or would return to it.
fn of_claims(facts: &Facts<'_>, number: VersionNumber) -> Vec<String> {
    let is_of = |claim: &&Claim| claim.of == Claimed::Version(number) || claim.of == Claimed::Some;
    let users = facts.claims.iter().filter(is_of).map(|claim| claim.why.clone());
    let before = facts.claims.iter().filter_map(|claim| before(facts, claim, number));
    users.chain(before).collect()
}

/// Why the version stays if it is the one before what new nodes get: that is where a return goes to.
fn before(facts: &Facts<'_>, claim: &Claim, number: VersionNumber) -> Option<String> {
    let (Claimed::Version(taken), Some(How::ForNew | How::ForPool)) = (&claim.of, claim.how) else {
        return None;
    };
    let lower = facts
        .versions
        .all
        .iter()
        .rev()
        .filter(|version| version.status() == Status::Succeeded);
    let mut lower = lower
        .filter_map(|version| version.id.number())
        .filter(|own| own < taken);
    (lower.next() == Some(number)).then(|| {
        // What new nodes get is the object of both sentences.
        let why = match claim.why.strip_suffix(" of it") {
            Some(user) => format!("{user} of {taken}"),
            None => claim.why.clone(),
        };
        format!("it is the version before {taken}, and {why}")
    })
}

fn of_rule(facts: &Facts<'_>, version: &ImageVersion, number: VersionNumber) -> Vec<String> {
    let rule = facts.rule;
    let mut why = Vec::new();
    if rule.never {
        why.push("the rules say that no version of this definition is ever deleted".to_owned());
    }
    if rule.protected_versions.contains(&number) {
        why.push("the rules protect its number".to_owned());
    }
    for tag in &rule.protected_tags {
        if version.tag(tag.name()).is_some_and(|value| tag.takes(value)) {
            why.push(format!("its tag {tag} protects it"));
        }
    }
    let failed = version.status() != Status::Succeeded && unfinished(facts, version).is_none();
    let days = if failed {
        rule.keep_days.max(FAILED_REST_DAYS)
    } else {
        rule.keep_days
    };
    match version.published() {
        _ if days == 0 => {}
        None => why.push("it does not say when it was published".to_owned()),
        Some(published) if facts.now < days_after(published, days) => {
            why.push(format!("it is younger than {days} days"));
        }
        Some(_) => {}
    }
    why
}

fn of_itself(facts: &Facts<'_>, version: &ImageVersion) -> Vec<String> {
    let mut why = Vec::new();
    if unfinished(facts, version).is_some() {
        return why;
    }
    if !matches!(version.status(), Status::Succeeded | Status::Failed(_)) {
        why.push(format!(
            "something is being done with it ({})",
            version.provisioning_state()
        ));
    }
    if let Some(end) = version.end_of_life().filter(|end| *end > facts.now) {
        why.push(format!("its life ends on {}", end.strftime("%Y-%m-%d")));
    }
    why
}

/// When the life of a version ends whose deprecation was written and failed, although it is complete everywhere: writing
/// it again repairs it.
fn unfinished(facts: &Facts<'_>, version: &ImageVersion) -> Option<Timestamp> {
    let regions = version.regions();
    let is_whole = !regions.is_empty() && regions.iter().all(RegionState::is_complete);
    let has_failed = matches!(version.status(), Status::Failed(_));
    let end = version.end_of_life().filter(|end| *end > facts.now);
    end.filter(|_| has_failed && is_whole && version.is_excluded())
}

/// What becomes of a version that nothing keeps.
fn end(facts: &Facts<'_>, version: &ImageVersion) -> Fate {
    if let Some(ends) = unfinished(facts, version) {
        return Fate::Deprecated { ends };
    }
    let usual = if facts.soft.is_some() { 0 } else { USUAL_GRACE_DAYS };
    let grace = facts.rule.grace_days.unwrap_or(usual);
    let is_over = version.end_of_life().is_some();
    // A version of one region and one replica takes no change; one that failed would be copied again.
    let takes_no_change = version.status() != Status::Succeeded || is_shallow(version);
    match grace == 0 || is_over || takes_no_change {
        true => Fate::Deleted,
        false => Fate::Deprecated {
            ends: days_after(facts.now, grace),
        },
    }
}

fn is_shallow(version: &ImageVersion) -> bool {
    let mode = json::text(version.body(), "/properties/publishingProfile/replicationMode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"))
}

fn why_it_may_go(facts: &Facts<'_>, version: &ImageVersion) -> Vec<String> {
    let mut why = Vec::new();
    match version.status() {
        Status::Failed(_) => why.push("it failed".to_owned()),
        _ => match facts.rule.keep_newest {
            0 => {}
            1 => why.push("a newer one succeeded".to_owned()),
            count => why.push(format!("{count} newer ones succeeded")),
        },
    }
    if facts.rule.keep_days > 0 {
        why.push(format!("it is older than {} days", facts.rule.keep_days));
    }
    if let Some(end) = version.end_of_life().filter(|end| *end <= facts.now) {
        why.push(format!("its life ended on {}", end.strftime("%Y-%m-%d")));
    }
    why.push("nothing in sight uses it".to_owned());
    why
}

/// So many days after a time.
fn days_after(time: Timestamp, days: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(24 * i64::from(days)))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
