//! How long to pause between two looks at copies, images and versions in the making. Pure.

use std::time::Duration;

/// The shortest pause. One look is for all of a kind, and ARM's bucket of reads is refilled with 25 a second; clients of
/// Microsoft look every 10 to 30 s.
const SHORTEST: Duration = Duration::from_secs(5);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// The pause while copies are made: 5 % of what has passed.
#[must_use]
pub(super) fn copy_pause(passed: Duration) -> Duration {
    (passed / 20).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_never_closer_than_five_seconds_and_never_further_than_thirty() {
        let pauses = [0, 90, 200, 3600].map(|seconds| copy_pause(Duration::from_secs(seconds)).as_secs());
        assert_eq!(pauses, [5, 5, 10, 30]);
    }
}
