//! Lengths of time as people write them: `90m`, `2h`, `1h30m`, `PT15M`.
//!
//! It reads; limits are the callers' affair.

use std::time::Duration;

use jiff::SignedDuration;

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration; write 90m, 2h or PT15M")]
pub(super) struct InvalidDuration(String);

/// Reads a length of time; it is above zero.
///
/// # Errors
/// When the text is none, or says zero or less.
pub(super) fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.to_owned());
    let parsed: SignedDuration = text.trim().parse().map_err(|_cause| invalid())?;
    Duration::try_from(parsed)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_and_as_iso_8601_write_them() {
        for (text, minutes) in [
            ("90m", 90),
            ("2h", 120),
            ("1h30m", 90),
            ("1h 30m", 90),
            ("PT15M", 15),
            ("pt2h", 120),
            ("900s", 15),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(minutes * 60)), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused_with_examples() {
        for text in ["", "90", "0m", "-5m", "soon", "PT", "1y"] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(
            parse_duration("90").unwrap_err().to_string(),
            "\"90\" is not a duration; write 90m, 2h or PT15M"
        );
    }
}
