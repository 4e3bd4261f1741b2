//! Whole texts compared with what they were, once everything that differs from run to run is a word.
//!
//! The texts lie in `snapshots/`; `UPDATE_SNAPSHOTS=1` rewrites them. What is worth a comparison is up to the cases.

use std::path::PathBuf;

use regex_lite::{Captures, Regex};
use similar::TextDiff;

use crate::{
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
};

/// The variable that rewrites the texts instead of comparing with them.
const UPDATE: &str = "UPDATE_SNAPSHOTS";

/// A span of time that a person set, or that a table of ours gives: it is the same in every run.
const FIXED: [&str; 5] = ["timeout ", "at most ", "deadline of ", "within ", "for "];

/// What differs from run to run, and the word for it; `$1` is a part that stays. The order matters: what is longer comes
/// first.
const DIFFERS: [(&str, &str); 31] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    // Also where Markdown escapes it, and where a terminal breaks it.
    (r"tvmps(?:_|&#95;)[0-9a-f\n]+(?:_|&#95;)\n?[dp]", "NODE"),
    (r"\bazure-batch-[0-9a-f]{16}\b", "azure-batch-FINGERPRINT"),
    // All but those of the example, which begin with zeros.
    (
        r"\b(?:[1-9a-f][0-9a-f]{7}|0[0-9a-f]*[1-9a-f][0-9a-f]*)-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "GUID",
    ),
    (r"\[ *\d+:\d\d(?::\d\d)?\]", "[TIME]"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: UTC|Z)?", "DATE"),
    (r"end on \d{4}-\d\d-\d\d", "end on DATE"),
    (
        r"\d+ (?:minute|second|millisecond)s?(?: \d+ (?:second|millisecond)s?)*",
        "TIME",
    ),
    (
        r"(?:(?:timeout|at most|deadline of|within|for) )?\b\d+ (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)*",
        "TIME",
    ),
    (r" {2,}TIME", "  TIME"),
    // When a side's nodes became idle is known of those that were seen before.
    (r"(?m)^(\d+ (?:old|new) .*?  \d+ ) *(?:TIME|–) +", "$1 AFTER  "),
    (
        r"(?m)^(\| \d+ (?:old|new) \|[^|\n]*\| \d+ \|) (?:TIME|–) \|",
        "$1 AFTER |",
    ),
    // Five minutes without news come or do not come while one waits.
    (r"(?m)^.* TIME so far\n", ""),
    // How far something is; with a digit after the point it is a part of tasks, which stays.
    (r"\b\d+\.\d %|\b\d+ %", "N %"),
    // Nodes that came are idle a moment later.
    (r"nodes allocated \([^)]*\)", "nodes allocated (STATES)"),
    // How often a pool is seen on its way depends on how busy the machine is; where it arrives does not.
    (r"(?m)^.*\bpool resizing: \d+ of \d+ nodes allocated.*\n", ""),
    (
        r"(?m)^.*\d+ of \d+ nodes ready \([^)]*\b(?:creating|starting|waiting for the start task)\b[^)]*\)\n",
        "",
    ),
    // Nodes that are ready at the same look are not waited for, so nothing is said of them.
    (
        r"(?m)^(.*\bpool steady: \d+ of \d+ nodes allocated \(STATES\)\n).*\b\d+ of \d+ nodes ready \(\d+ idle\)\n",
        "$1",
    ),
    // A machine so busy that not even loopback answers in time.
    (
        r"(?m)^.*\bagain in TIME: no (?:connection to|answer from) 127\.0\.0\.1:PORT.*\n",
        "",
    ),
    // Which steps took a second, and how much of the whole.
    (
        r"(?s)<details><summary>Where the TIME went</summary>.*?</details>\n\n",
        "",
    ),
    // How far nodes were when the run ended.
    (r"(quota(?: \||) +)\d+ of (\d+)", "${1}N of $2"),
    (
        r"(?m)(?:^\| (?:ready|idle|creating|starting|waiting for the start task) \| .*\n)+",
        "| NODES |\n",
    ),
    // A pool that is empty at the next look was not waited for.
    (r"(?m)^.*waiting for the pool to be empty \(\d+\).*\n", ""),
    (r"the longest step took TIME: .*", "the longest step took TIME: STEP"),
    // Only a step that took a second says so.
    (r"(?m)^.*\bdone in TIME\n", ""),
    (r"(?m)^(  ✓ .*?) +TIME$", "$1"),
    // Steps that took no second share a row, and a frame with many rows counts the first ones.
    (
        r"(?m)(?:^  ✓ (?:looking at|checking|\d+ earlier) .*\n)+",
        "  ✓ PREPARATIONS\n",
    ),
    // A stop comes while it is said that the pool was made; on a busy machine only one of the two is shown in time.
    (r"(?m)^  created pool pool1\n(stopping at the next safe point)", "$1"),
    // A narrow terminal cuts a step to make room for its time.
    (r"(?m)^(  ✓ \w+ \w+ ).*…$", "$1…"),
    (r"(?m)^    (?:(?:creating|idle|starting) \d+(?: · )?)+$", "    STATES"),
    // A stop may come before the first look at a pool that was made.
    (
        r"\s+When\s+it\s+was\s+last\s+looked\s+at,\s+it\s+had\s+(?:no|\d+)\s+nodes?\.",
        "",
    ),
];

/// Fails unless the text is what it was, showing the lines that differ.
pub(super) fn ensure_same(lab: &Lab<'_>, name: &str, text: &str) -> Result {
    let path = folder(lab).join(format!("{name}.txt"));
    let now = redacted(text)?;
    if std::env::var_os(UPDATE).is_some() {
        files::make(&folder(lab))?;
        return files::write(&path, now);
    }
    let before = files::read(&path)?;
    ensure(before == now, || {
        let diff = TextDiff::from_lines(&before, &now);
        let shown = diff.unified_diff().context_radius(2).header("was", "is").to_string();
        format!("{name} is not what it was ({UPDATE}=1 rewrites it):\n{shown}")
    })
}

fn folder(lab: &Lab<'_>) -> PathBuf {
    lab.tools.checkout.join("tests/e2e/src/look/snapshots")
}

fn redacted(text: &str) -> Result<String> {
    DIFFERS.iter().try_fold(text.to_owned(), |text, (pattern, word)| {
        let pattern = Regex::new(pattern).map_err(|error| Failure::unexpected(error.to_string()))?;
        let replace = |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |found| found.as_str());
            let is_fixed =
                FIXED.iter().any(|begin| whole.starts_with(begin)) || whole.contains('.') && whole.ends_with(" %");
            let mut in_place = String::new();
            found.expand(word, &mut in_place);
            if is_fixed { whole.to_owned() } else { in_place }
        };
        Ok(pattern.replace_all(&text, replace).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_a_word_and_the_rest_stays() {
        for (text, wanted) in [
            ("[  0:05]   done in 5 s\n[  0:05] next\n", "[TIME] next\n"),
            ("[1:02:05] there after 1 h 2 min 5 s", "[TIME] there after TIME"),
            (
                "resize round 2 of 5, timeout 45 min        25 s",
                "resize round 2 of 5, timeout 45 min  TIME",
            ),
            ("18 s of at most 4 h", "TIME of at most 4 h"),
            (
                "[  0:05]   will list pools again in 2 s: no connection to 127.0.0.1:40123\n[  0:06] next\n",
                "[TIME] next\n",
            ),
            ("asked 127.0.0.1:40123 of tvmps_0a1b_d", "asked 127.0.0.1:PORT of NODE"),
            ("until 2026-12-06 08:57 UTC", "until DATE"),
            ("request id 9b9a1f2e-0000-4000-8000-1234567890ab", "request id GUID"),
            (
                "00000000-0000-0000-0000-00000000c11e",
                "00000000-0000-0000-0000-00000000c11e",
            ),
            ("12 of 20 nodes, 4 cores", "12 of 20 nodes, 4 cores"),
            ("30 (50.0 %) and 57 %", "30 (50.0 %) and N %"),
            (
                "[  0:05]   pool resizing: 12 of 20 nodes allocated (12 idle)\n[  0:06]   pool steady: 20 of 20 nodes allocated\n",
                "[TIME]   pool steady: 20 of 20 nodes allocated\n",
            ),
            (
                "  8 of 20 nodes ready (8 idle, 12 starting)\n  20 of 20 nodes ready (20 idle)\n",
                "  20 of 20 nodes ready (20 idle)\n",
            ),
        ] {
            assert_eq!(redacted(text).unwrap(), wanted);
        }
    }

    #[test]
    fn what_depends_on_how_fast_a_machine_is_goes() {
        for (text, wanted) in [
            (
                "  ✓ 2 earlier steps\n  ✓ checking rights  2 s\n  ✓ growing  1 min 2 s\n  ✓ waiting\n",
                "  ✓ PREPARATIONS\n  ✓ growing\n  ✓ waiting\n",
            ),
            (
                "  ✓ looking at the pool, checking rig…\n  ✓ bringing the pool to i…  59 s\n  ✓ waiting  1 s\n",
                "  ✓ PREPARATIONS\n  ✓ bringing the …\n  ✓ waiting\n",
            ),
            (
                "  created pool pool1\nstopping at the next safe point\n",
                "stopping at the next safe point\n",
            ),
            (
                "before\n\n<details><summary>Where the 5 s went</summary>\n\n| resize | 5 s |\n\n</details>\n\n<details>",
                "before\n\n<details>",
            ),
            (
                "render-b  2     quota      0 of 20  1.0.0\n| render-b | 2 | quota | 5 of 20 | 1.0.0 |\n",
                "render-b  2     quota      N of 20  1.0.0\n| render-b | 2 | quota | N of 20 | 1.0.0 |\n",
            ),
            (
                "| ready | **0** of 20 | `░░` |\n| creating | 5 | `█` |\n\n",
                "| NODES |\n\n",
            ),
            ("[  0:07]   waiting for the pool to be empty (7)\nnext\n", "next\n"),
            (
                "each node that\n  comes is billed. When it was last looked at, it\n  had 12 nodes.\n",
                "each node that\n  comes is billed.\n",
            ),
            ("on tvmps&#95;0a1b&#95;d and tvmps_0a1b\n2c_d", "on NODE and NODE"),
        ] {
            assert_eq!(redacted(text).unwrap(), wanted);
        }
    }
}
