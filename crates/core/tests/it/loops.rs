//! The loops of a roll-out share how they look and write: decisions send nothing, and only listed files send.

use std::{fs, path::Path};

/// Where a roll-out decides. None of these waits for anything.
const DECISIONS: [&str; 10] = [
    "as_found.rs",
    "blue_green/next.rs",
    "blue_green/stages.rs",
    "decide.rs",
    "grace.rs",
    "heal/next.rs",
    "replace/next.rs",
    "size/classify.rs",
    "size/rounds.rs",
    "verdict.rs",
];

/// Which files send a single request, and what for. Writes to a pool of a roll-out are in the last one.
const SENDERS: [(&str, &str); 6] = [
    ("attempts.rs", "jobs, and what a failed write means"),
    ("blue_green.rs", "counts of tasks, which change nothing"),
    ("blue_green/tidy.rs", "former pools whose time is over"),
    ("canary.rs", "the job that tries an image"),
    ("cancelled.rs", "what a cancel asks for, within a second"),
    ("pool.rs", "the pool"),
];

/// The code of a file, without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end].to_owned()
}

/// All files below, by their paths from there.
fn below(folder: &Path, of: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, of, found);
        } else if !path.ends_with("tests.rs") {
            let name = path.strip_prefix(of).unwrap().to_string_lossy().replace('\\', "/");
            found.push(name);
        }
    }
}

#[test]
fn decisions_wait_for_nothing_and_only_listed_files_of_a_roll_out_send() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rollout");
    for name in DECISIONS {
        let text = code(&folder.join(name));
        for word in ["async ", ".await", "Client", "PoolAccess"] {
            assert!(!text.contains(word), "{name} decides, and has {word:?}");
        }
    }
    let mut files = Vec::new();
    below(&folder, &folder, &mut files);
    files.sort();
    let sends = |name: &&String| {
        let text = code(&folder.join(name));
        let text: String = text.split_whitespace().collect();
        text.contains("client.send(&") || text.contains("client().send(&")
    };
    let senders: Vec<&str> = files.iter().filter(sends).map(String::as_str).collect();
    assert_eq!(senders, SENDERS.map(|(name, _)| name));
}
