//! Reading is what costs most: no file of code may grow beyond a size that can be read at once, and each says at its
//! top what it is for.
//!
//! Function sizes are clippy's (`too_many_lines`); this looks at files only.

use std::path::Path;

use azure_batch_e2e::{
    console::say,
    failure::{Result, ensure},
    files,
};

/// The most lines of code, tests at the end not counted: about ten screens.
const MOST_LINES: usize = 600;

/// Where the code is.
const FOLDERS: [&str; 3] = ["crates", "tests", "xtask"];

/// Looks at every Rust file.
///
/// # Errors
/// When one is too long or does not say what it is for.
pub(crate) fn check(root: &Path) -> Result {
    let mut seen = 0;
    let mut faults = Vec::new();
    for folder in FOLDERS {
        for file in files::below(&root.join(folder))?
            .into_iter()
            .filter(|file| is_rust(file))
        {
            seen += 1;
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            faults.extend(fault(&files::read(&file)?).map(|fault| format!("{name} {fault}")));
        }
    }
    ensure(faults.is_empty(), || faults.join("\n"))?;
    say(format!("▸ {seen} files of code, none longer than {MOST_LINES} lines"));
    Ok(())
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn fault(text: &str) -> Option<String> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if !text.starts_with("//!") {
        return Some("does not open with //! and what it is for".to_owned());
    }
    (lines > MOST_LINES).then(|| format!("has {lines} lines of code, more than {MOST_LINES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_silent_files_are_named() {
        let long = format!("//! Long.\n{}", "x\n".repeat(MOST_LINES));
        assert!(fault(&long).is_some_and(|fault| fault.contains("601")));
        assert!(fault("fn main() {}\n").is_some());
        let tested = format!("//! Tested.\n#[cfg(test)]\n{}", "x\n".repeat(MOST_LINES));
        assert_eq!(fault(&tested), None);
    }
}
