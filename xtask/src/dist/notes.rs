//! What the changelog says of one version. Pure.

use azure_batch_e2e::failure::{Failure, Result};

/// The section of a version, without its heading.
///
/// # Errors
/// When there is none, or it is empty.
pub(super) fn of(changelog: &str, version: &str) -> Result<String> {
    let heading = format!("[{version}]");
    let mut sections = changelog.split("\n## ").skip(1);
    let section = sections.find_map(|section| section.strip_prefix(heading.as_str()));
    let text = section
        .and_then(|section| section.split_once('\n'))
        .map(|(_, text)| text.trim());
    text.filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| Failure::unexpected(format!("CHANGELOG.md has no section [{version}]: rename [Unreleased]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_are_one_versions_section() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n- b\n\n## [0.1.0] - 2026-11-01\n- a\n";
        assert_eq!(of(changelog, "0.2.0").unwrap(), "### Added\n- b");
        assert_eq!(of(changelog, "0.1.0").unwrap(), "- a");
        assert!(of(changelog, "0.2").is_err() && of(changelog, "Unreleased").is_err());
    }
}
