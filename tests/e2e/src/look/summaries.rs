//! Job summaries of the real program as GitHub shows them: nothing of the prose scrolls, the command that comes next is
//! seen at once, and Azure's text stays text.

use super::{
    super::{
        browser::{self, FIRST_SCREEN, FIRST_SCREEN_NARROW, Fit, Page, Seen, WIDE},
        failure::{Result, ensure, ensure_says},
        lab::Lab,
        suite::Case,
    },
    scene::{Played, Scene, View, play_all},
    scenes,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "summaries_of_changes_can_be_read",
        run: summaries_of_changes_can_be_read,
    },
    Case {
        name: "summaries_of_good_ends_can_be_read",
        run: summaries_of_good_ends_can_be_read,
    },
    Case {
        name: "summaries_of_looks_can_be_read",
        run: summaries_of_looks_can_be_read,
    },
    Case {
        name: "summaries_of_many_pools_can_be_read",
        run: summaries_of_many_pools_can_be_read,
    },
    Case {
        name: "summaries_of_failures_show_the_next_command_at_once",
        run: summaries_of_failures_show_the_next_command_at_once,
    },
];

/// The elements of a summary. Anything else came from a text that should have stayed text.
const OURS: [&str; 20] = [
    "a", "br", "code", "details", "h3", "h4", "li", "p", "pre", "strong", "sub", "summary", "table", "tbody", "td",
    "th", "thead", "tr", "ul", "ol",
];

/// Columns that say why or what to do. Past the right edge of a telephone they are found by chance only.
const REMARKS: [&str; 3] = ["reason", "to act on", "what becomes of it"];

fn summaries_of_changes_can_be_read(lab: &Lab<'_>) -> Result {
    let (_played, seen) = summaries(lab, scenes::changed())?;
    ensure_readable(&seen)
}

fn summaries_of_good_ends_can_be_read(lab: &Lab<'_>) -> Result {
    let (_played, seen) = summaries(lab, scenes::good())?;
    ensure_readable(&seen)
}

fn summaries_of_looks_can_be_read(lab: &Lab<'_>) -> Result {
    let (_played, seen) = summaries(lab, scenes::looks())?;
    ensure_readable(&seen)
}

fn summaries_of_many_pools_can_be_read(lab: &Lab<'_>) -> Result {
    let (_played, seen) = summaries(lab, scenes::fleets())?;
    ensure_readable(&seen)
}

fn summaries_of_failures_show_the_next_command_at_once(lab: &Lab<'_>) -> Result {
    let (played, seen) = summaries(lab, scenes::failed())?;
    ensure_readable(&seen)?;
    let hostile = played.iter().find(|played| played.summary.contains("evil.example"));
    ensure(hostile.is_some(), || "no summary has the hostile text".to_owned())?;
    for seen in &seen {
        ensure_says(&format!("the summary of {}", seen.name), &seen.text, &["What to do."])?;
    }
    Ok(())
}

/// Plays the scenes as steps of a job and looks at their summaries.
fn summaries(lab: &Lab<'_>, scenes: Vec<Scene>) -> Result<(Vec<Played>, Vec<Seen>)> {
    let scenes: Vec<(Scene, View)> = scenes.into_iter().map(|scene| (scene, View::GitHub)).collect();
    let played = play_all(lab, &scenes)?;
    let without = played.iter().find(|played| played.summary.is_empty());
    ensure(without.is_none(), || {
        format!("{} has no summary", without.map_or("–", |played| played.name))
    })?;
    let pages: Vec<Page> = played
        .iter()
        .map(|played| Page::markdown(played.name, played.summary.clone()))
        .collect();
    let seen = browser::look(lab, &pages)?;
    Ok((played, seen))
}

fn ensure_readable(seen: &[Seen]) -> Result {
    let faults: Vec<String> = seen.iter().flat_map(faults).collect();
    ensure(faults.is_empty(), || faults.join("\n"))
}

fn faults(seen: &Seen) -> Vec<String> {
    let mut faults = seen.too_wide();
    let named = |what: String| format!("{} at {} px: {what}", seen.name, seen.width);
    let foreign = seen.tags.iter().filter(|tag| !OURS.contains(&tag.as_str()));
    faults.extend(foreign.map(|tag| named(format!("a text became markup: <{tag}>"))));
    let elsewhere = seen.links.iter().filter(|link| !is_ours(&link.to));
    faults.extend(elsewhere.map(|link| named(format!("a text became a link: {}", link.to))));
    let commands = || seen.boxes.iter().filter(|code| code.language == "sh");
    let first_screen = if seen.width == WIDE {
        FIRST_SCREEN
    } else {
        FIRST_SCREEN_NARROW
    };
    let first = commands().find(|code| !code.is_folded);
    if let Some(first) = first.filter(|first| first.top > first_screen) {
        faults.push(named(format!("the next command begins at {} px", first.top)));
    }
    let scrolling = seen.tables.iter().filter(|table| table.fit != Fit::Fits);
    let hidden = scrolling.filter(|table| table.heads.iter().any(|head| REMARKS.contains(&head.as_str())));
    faults.extend(hidden.map(|table| named(format!("a remark is past the edge: {}", table.heads.join(", ")))));
    if seen.width == WIDE {
        faults.extend(
            commands()
                .filter(|code| code.fit != Fit::Fits)
                .map(|code| named(format!("a command scrolls: {}", code.text))),
        );
    }
    faults
}

/// Where a summary may lead: our pages, and the portal.
fn is_ours(link: &str) -> bool {
    ["https://github.com/azure-batch-tools/", "https://portal.azure."]
        .iter()
        .any(|begin| link.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::{CodeBox, NARROW, Table};

    fn seen(tables: Vec<Table>, boxes: Vec<CodeBox>) -> Seen {
        Seen {
            name: "status".to_owned(),
            width: NARROW,
            complaints: Vec::new(),
            overflow: 0,
            wide: Vec::new(),
            tables,
            boxes,
            tags: Vec::new(),
            ids: Vec::new(),
            links: Vec::new(),
            headings: Vec::new(),
            table_tops: Vec::new(),
            text: String::new(),
        }
    }

    #[test]
    fn a_telephone_shows_remarks_and_the_next_command_without_scrolling() {
        let table = |fit| Table {
            heads: vec!["pool".to_owned(), "to act on".to_owned()],
            fit,
        };
        let command = |top| CodeBox {
            language: "sh".to_owned(),
            fit: Fit::Scrolls,
            is_folded: false,
            top,
            text: "az batch pool show".to_owned(),
        };
        assert_eq!(faults(&seen(vec![table(Fit::Fits)], vec![command(800)])), [""; 0]);
        assert_eq!(
            faults(&seen(vec![table(Fit::Scrolls)], vec![command(900)])),
            [
                "status at 390 px: the next command begins at 900 px",
                "status at 390 px: a remark is past the edge: pool, to act on",
            ]
        );
    }
}
