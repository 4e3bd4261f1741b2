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
}
