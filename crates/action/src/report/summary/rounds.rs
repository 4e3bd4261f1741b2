//! The resize rounds of a summary: which of them brought too few nodes, and why. Equal rounds are one line.
//!
//! What an error means is core's.

use azure_batch_core::rollout::{RolloutReport, Round};

use super::{
    Asked,
    markdown::{Page, code},
};

/// Rounds that ended alike.
struct Alike<'a> {
    first: &'a Round,
    last: u32,
}

/// A line for each kind of round that brought too few nodes, before one that brought the rest.
pub(super) fn warn(page: &mut Page, asked: &Asked, rollout: &RolloutReport) {
    let short: Vec<&Round> = rollout.rounds.iter().filter(|round| !round.errors.is_empty()).collect();
    for alike in alike(&short) {
        let which = match alike.last {
            last if last == alike.first.number => format!("After round {last}"),
            last => format!("After each of the rounds {} to {last}", alike.first.number),
        };
        let there = count(asked, alike.first);
        // A round of a pool with a formula is one of its change in place: that size is not the formula's.
        let of = asked
            .wanted()
            .map_or_else(String::new, |wanted| format!(" of {wanted}"));
        let codes = codes(alike.first).join(", ");
        page.paragraph(&format!("⚠️ {which}: {there}{of} nodes, {codes}."));
    }
}

fn alike<'a>(rounds: &[&'a Round]) -> Vec<Alike<'a>> {
    let mut all: Vec<Alike<'a>> = Vec::new();
    for round in rounds {
        match all.last_mut() {
            Some(before) if is_alike(before.first, round) && before.last + 1 == round.number => {
                before.last = round.number;
            }
            _ => all.push(Alike {
                first: round,
                last: round.number,
            }),
        }
    }
    all
}

fn is_alike(one: &Round, other: &Round) -> bool {
    (one.dedicated, one.spot) == (other.dedicated, other.spot) && codes(one) == codes(other)
}

/// The codes that Batch gave, each once. One is made of letters alone, so anything else is not shown as one.
fn codes(round: &Round) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for error in &round.errors {
        let word = error.split(':').next().unwrap_or_default();
        let is_code = !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric());
        let shown = if is_code {
            code(word)
        } else {
            "for another reason".to_owned()
        };
        if !codes.contains(&shown) {
            codes.push(shown);
        }
    }
    codes
}

fn count(asked: &Asked, round: &Round) -> u32 {
    if asked.targets.counts_spot() {
        round.dedicated.saturating_add(round.spot)
    } else {
        round.dedicated
    }
}
