//! The verb `list`: the versions of a definition as a table.
//!
//! What it shows is core's; here are the words and columns.

use azure_batch_core::{
    clock::{Clock as _, SystemClock},
    columns,
    ids::VersionNumber,
    listing::{self, ListedRegion, ListedVersion, Listing, Standing, Unseen},
    options::{Door, Verb},
    settings,
};
use jiff::{Timestamp, Unit};

use super::{Desk, answer::Answer, arguments::Given, settings::of_flags, terminal, work::with_client};

/// Up to this age hours are shown, then days.
const DAYS_AFTER: i64 = 48 * 3600;

/// Lists.
///
/// # Errors
/// With the answer that says why it cannot.
pub(super) async fn run(desk: &mut Desk<'_>, given: &Given) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::List, given, desk.lookup, settings::list)?;
    let work = async |client| listing::run(&client, &asked.settings).await;
    let listing = with_client(desk, &asked.connection, asked.deadline, work).await;
    let listing = listing.map_err(|error| Answer::failed(&error, Door::Flag))?;
    warn_of_unseen(desk, &listing.unseen);
    Ok(Answer::done(describe(&listing, SystemClock.now()), &listing))
}

/// Says on stderr what could not be read.
pub(super) fn warn_of_unseen(desk: &mut Desk<'_>, unseen: &[Unseen]) {
    for unseen in unseen {
        let (what, why) = (&unseen.what, unseen.why.replace('\n', "\n  "));
        desk.terminal.say(&format!("warning: {what} could not be read: {why}"));
    }
}

fn describe(listing: &Listing, now: Timestamp) -> String {
    let name = listing.definition.name();
    if listing.versions.is_empty() {
        return format!("{name} has no versions");
    }
    let names = [
        "VERSION",
        "STATE",
        "TEST",
        "LATEST IN",
        "REGIONS",
        "AGE",
        "END OF LIFE",
        "POOLS",
    ];
    let rows: Vec<[String; 8]> = listing.versions.iter().map(|version| row(version, now)).collect();
    let mut text = columns::table(&names, &rows, 1, terminal::of_result());
    for pool in &listing.following {
        let upgrade = match pool.upgrade {
            azure_batch_core::users::Upgrade::Platform => "; Azure moves its nodes to what is latest",
            azure_batch_core::users::Upgrade::Nobody => "",
        };
        text.push_str(&format!(
            "\n{} follows {name}: its new nodes get what is latest{upgrade}",
            pool.title()
        ));
    }
    text
}

fn row(version: &ListedVersion, now: Timestamp) -> [String; 8] {
    let pools: Vec<String> = version
        .pools
        .iter()
        .map(|pool| format!("{} in {} ({})", pool.pool, pool.account, counted(pool.nodes, "node")))
        .collect();
    [
        number(version.number),
        state(version),
        version
            .test
            .as_ref()
            .map(|test| test.outcome.to_string())
            .unwrap_or_default(),
        latest(version),
        regions(&version.regions),
        version
            .published
            .map(|published| age(published, now))
            .unwrap_or_default(),
        version.end_of_life.map(day).unwrap_or_default(),
        pools.join(", "),
    ]
}

fn number(number: VersionNumber) -> String {
    number.to_string()
}

fn state(version: &ListedVersion) -> String {
    match (version.usable_until, version.gone_at) {
        (Some(usable), _) => format!("{}, usable by id until {}", version.state, day(usable)),
        (None, Some(gone)) => format!("{} until {}", version.state, day(gone)),
        (None, None) => version.state.clone(),
    }
}

fn latest(version: &ListedVersion) -> String {
    let is_latest = |region: &&ListedRegion| region.latest == Standing::Latest;
    let regions: Vec<&str> = version
        .regions
        .iter()
        .filter(is_latest)
        .map(|region| region.region.as_str())
        .collect();
    if version.excluded && version.usable_until.is_none() && version.gone_at.is_none() {
        return "excluded".to_owned();
    }
    regions.join(", ")
}

/// Each region with its replicas, and its state where that is not complete.
fn regions(regions: &[ListedRegion]) -> String {
    let region = |region: &ListedRegion| {
        let state = match region.state.as_str() {
            "Completed" | "" => String::new(),
            state => format!(" {state}"),
        };
        format!("{} {}{state}", region.region, region.replicas)
    };
    regions.iter().map(region).collect::<Vec<_>>().join(", ")
}

pub(super) fn age(published: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(published).as_secs().max(0);
    if seconds < DAYS_AFTER {
        return format!("{} h", seconds / 3600);
    }
    format!("{} days", seconds / (24 * 3600))
}

pub(super) fn day(time: Timestamp) -> String {
    let day = time.round(Unit::Second).unwrap_or(time);
    day.strftime("%Y-%m-%d").to_string()
}

fn counted(count: u32, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_long_as_they_need_to_be() {
        let age = |since: &str| age(since.parse().unwrap(), "2026-03-01T00:00:00Z".parse().unwrap());
        assert_eq!(age("2026-02-28T20:59:00Z"), "3 h");
        assert_eq!(age("2026-02-01T00:00:00Z"), "28 days");
        assert_eq!(age("2026-03-01T00:00:05Z"), "0 h");
    }
}
