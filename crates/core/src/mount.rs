//! A script for a pool's start task that mounts the data disks of an image: on a node they arrive unmounted. Pure.
//!
//! Nothing is run here; what the scripts do is said in their first lines.

use crate::settings::Lun;

const LINUX: &str = include_str!("mount/linux.sh");
const WINDOWS: &str = include_str!("mount/windows.ps1");

/// The place of the LUNs in a script.
const LUNS: &str = "@LUNS@";

/// The script for an image of that OS with data disks of these LUNs, for `sh` or for PowerShell; none without data disks.
#[must_use]
pub fn script(os_type: &str, luns: &[Lun]) -> Option<String> {
    if luns.is_empty() {
        return None;
    }
    let (script, between) = if os_type.eq_ignore_ascii_case("Windows") {
        (WINDOWS, ", ")
    } else {
        (LINUX, " ")
    };
    let numbers: Vec<String> = luns.iter().map(Lun::to_string).collect();
    Some(script.replace(LUNS, &numbers.join(between)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(os_type: &str, luns: &[u32]) -> Option<String> {
        let luns: Vec<Lun> = luns.iter().map(|lun| Lun::try_from(*lun).unwrap()).collect();
        script(os_type, &luns)
    }

    #[test]
    fn each_os_has_its_script_with_the_luns_of_the_image() {
        let linux = of("Linux", &[0, 7]).unwrap();
        assert!(linux.starts_with("#!/bin/sh\n"));
        assert!(linux.contains("\nluns=\"0 7\"\n"), "{linux}");
        let windows = of("windows", &[0, 7]).unwrap();
        assert!(windows.contains("\n$luns = @(0, 7)\n"), "{windows}");
        for script in [linux, windows] {
            assert!(!script.contains(LUNS), "{script}");
        }
        assert_eq!(of("Linux", &[]), None);
    }

    /// What of a script is not PowerShell, with its line. A grammar reads it: no machine of ours has PowerShell itself.
    fn unreadable(script: &str) -> Vec<String> {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
        let tree = parser.parse(script, None).unwrap();
        let mut left = vec![tree.root_node()];
        let mut found = Vec::new();
        while let Some(node) = left.pop() {
            if node.is_error() || node.is_missing() {
                let text = &script[node.byte_range()];
                found.push(format!("{}: {} {text:?}", node.start_position().row + 1, node.kind()));
            }
            let mut walk = node.walk();
            left.extend(node.children(&mut walk));
        }
        found
    }

    #[test]
    fn the_script_for_windows_is_powershell() {
        assert_eq!(unreadable(&of("Windows", &[0, 7]).unwrap()), Vec::<String>::new());
    }

    // Otherwise the test above could not fail.
    #[test]
    fn a_script_for_windows_that_is_broken_is_found() {
        let script = of("Windows", &[0, 7]).unwrap();
        for (right, wrong) in [
            ("if ($disk) { return $disk }", "if ($disk) { return $disk "),
            ("if ($disk) { return $disk }", "if $disk { return $disk }"),
            ("0 to 8 only\"", "0 to 8 only"),
            ("for ($left = $wait;", "for $left = $wait;"),
            ("$luns = @(0, 7)", "$luns = @(0, 7"),
        ] {
            assert!(script.contains(right), "{right}");
            assert_ne!(
                unreadable(&script.replacen(right, wrong, 1)),
                Vec::<String>::new(),
                "{wrong}"
            );
        }
    }
}
