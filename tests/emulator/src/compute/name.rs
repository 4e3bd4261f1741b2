//! Azure's rules for the names of compute resources.
//!
//! It checks spelling only; whether a name is taken is for the caller.

use crate::envelope::ArmError;

/// Which rule a name must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Disks, snapshots and images.
    Disk,
    /// Galleries: no dash.
    Gallery,
    /// Image definitions.
    Definition,
}

/// The most characters of any of these names.
const LONGEST: usize = 80;

/// Checks a name.
pub(super) fn check(rule: Rule, name: &str) -> Result<(), ArmError> {
    let inner = |c: char| match rule {
        Rule::Disk | Rule::Definition => c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
        Rule::Gallery => c.is_ascii_alphanumeric() || matches!(c, '_' | '.'),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let ends = name.ends_with(|c: char| c.is_ascii_alphanumeric() || (rule == Rule::Disk && c == '_'));
    if (1..=LONGEST).contains(&name.len()) && starts && ends && name.chars().all(inner) {
        return Ok(());
    }
    Err(match rule {
        Rule::Gallery => ArmError::invalid_parameter(
            "galleryName",
            format!(
                "The provided gallery name '{name}' is invalid. The name must follow the pattern \
                 '^[^_\\W][\\w-._]{{0,79}}(?<![-.])$'."
            ),
        ),
        Rule::Disk | Rule::Definition => ArmError::bad_request(
            "InvalidResourceName",
            format!("The entity or resource name '{name}' is invalid: 1 to 80 letters, digits, '_', '.' or '-'."),
        ),
    })
}

/// The parts of a version name; `None` when it is not `Major.Minor.Patch` of 32-bit integers.
pub(super) fn parse_version(name: &str) -> Option<[i32; 3]> {
    let mut parts = name.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse::<i32>().ok() } else { None }
    });
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galleries_take_no_dash_and_disks_do() {
        for (rule, name, legal) in [
            (Rule::Gallery, "gal_1.x", true),
            (Rule::Gallery, "gal-1", false),
            (Rule::Gallery, "gal_", false),
            (Rule::Disk, "os-disk_", true),
            (Rule::Disk, "_disk", false),
            (Rule::Definition, "ubuntu-22.04", true),
            (Rule::Definition, "ubuntu-", false),
            (Rule::Disk, "", false),
        ] {
            assert_eq!(check(rule, name).is_ok(), legal, "{name}");
        }
        assert!(check(Rule::Disk, &"x".repeat(81)).is_err());
    }

    #[test]
    fn versions_are_three_32_bit_numbers() {
        assert_eq!(parse_version("1.20.300"), Some([1, 20, 300]));
        for name in [
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "1.2.-3",
            "1.2.+3",
            "1.2.2147483648",
            "1..2",
            "",
        ] {
            assert_eq!(parse_version(name), None, "{name}");
        }
    }
}
