//! README and every page of the documentation as GitHub shows them, and the local Azure's own page.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{
    browser::{self, FIRST_SCREEN, Fit, NARROW, Page, Seen, WIDE},
    failure::{Result, ensure},
    files,
    lab::Lab,
    pool::{self, LIMIT, POOL},
    suite::Case,
    world,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "pages_fit_on_a_desk_and_on_a_telephone",
        run: pages_fit_on_a_desk_and_on_a_telephone,
    },
    Case {
        name: "page_of_the_local_azure_fits",
        run: page_of_the_local_azure_fits,
    },
];

/// A word of that length is an id, an address or a name, which cannot be broken.
const LONGEST_WORD: usize = 45;

/// What programs print is shown as it is.
const PRINTED: &str = "console";

/// Pages whose tables scroll by themselves, and what in them cannot be broken.
const WIDE_TABLES: [(&str, &str); 7] = [
    ("docs-rights", "actions of more than 70 letters"),
    (
        ".web-docs-components-post-processor-azure-batch-README",
        "attributes with the names of their blocks",
    ),
    ("docs-capabilities", "the team's names of tests"),
    ("docs-emulator", "the team's names of tests"),
    ("docs-emulator-batch", "faults as JSON, the team's names of tests"),
    ("docs-reliability", "the team's names of tests"),
    ("docs-threat-model", "the team's names of tests"),
];

fn pages_fit_on_a_desk_and_on_a_telephone(lab: &Lab<'_>) -> Result {
    let root = &lab.tools.checkout;
    let pages: Vec<Page> = documents(root)?
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap_or(path).with_extension("");
            let name = name.to_string_lossy().replace('/', "-");
            Ok(Page::markdown(&name, files::read(path)?))
        })
        .collect::<Result<_>>()?;
    let seen = browser::look(lab, &pages)?;
    let mut faults: Vec<String> = seen.iter().flat_map(faults).collect();
    faults.extend(seen.iter().filter(|seen| seen.name == "README").flat_map(first_screen));
    ensure(faults.is_empty(), || faults.join("\n"))
}

fn page_of_the_local_azure_fits(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let target = format!("{}/{POOL}", world::ACCOUNT);
    azure.add_faults(&json!([{ "target": target, "kind": "startTaskFailed", "count": 12, "exitCode": 4 }]))?;
    let program = pool::people_rollout(lab, &azure, "rollout", ("1.0.0", 60))?;
    let program = program.args(["--start-task", "true"]).in_faster_time()?;
    program.run(LIMIT)?.ended_with(7)?;
    let page = Page::served("local-azure", &format!("{}/", azure.control), "12 start task failed");
    let faults: Vec<String> = browser::look(lab, &[page])?.iter().flat_map(Seen::too_wide).collect();
    ensure(faults.is_empty(), || faults.join("\n"))
}

/// README, what lies beside it, and every page below `docs` and `.web-docs`.
fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut all: Vec<_> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
        .map(|name| root.join(name))
        .into();
    for folder in ["docs", ".web-docs"] {
        let below = files::below(&root.join(folder))?;
        all.extend(
            below
                .into_iter()
                .filter(|path| path.extension().is_some_and(|end| end == "md")),
        );
    }
    Ok(all)
}

fn faults(seen: &Seen) -> Vec<String> {
    let mut faults = seen.too_wide();
    if seen.width != WIDE {
        return faults;
    }
    let long = seen
        .boxes
        .iter()
        .filter(|code| code.fit != Fit::Fits && code.language != PRINTED);
    let long = long.filter_map(|code| code.text.lines().max_by_key(|line| line.chars().count()));
    let long = long.filter(|line| line.split_whitespace().all(|word| word.chars().count() < LONGEST_WORD));
    faults.extend(long.map(|line| format!("{}: a line of code scrolls: {line}", seen.name)));
    let wide = seen.tables.iter().filter(|table| table.fit != Fit::Fits);
    let wide = wide.filter(|_| WIDE_TABLES.iter().all(|(page, _why)| *page != seen.name));
    faults.extend(wide.map(|table| format!("{}: a table scrolls: {}", seen.name, table.heads.join(", "))));
    faults
}

/// What a stranger sees of README before scrolling: what it is, the table of programs, what to type.
fn first_screen(readme: &Seen) -> Vec<String> {
    if readme.width == NARROW {
        return Vec::new();
    }
    let places = [
        ("the title", readme.headings.first().map(|heading| heading.top)),
        ("the table of programs", readme.table_tops.first().copied()),
        ("the command to try it", readme.boxes.first().map(|code| code.top)),
    ];
    let seen = |place: Option<i64>| place.is_some_and(|top| top < FIRST_SCREEN);
    let missing = places.iter().filter(|(_, place)| !seen(*place));
    missing
        .map(|(what, place)| format!("README: {what} is at {place:?} px, below the first screen"))
        .collect()
}
