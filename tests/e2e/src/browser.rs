//! Pages as a person sees them: Markdown as GitHub renders it, in Chromium, with what was measured of each.
//!
//! `browser/browser.mjs` renders and measures; what a page must be like is up to the cases. Pictures are for people.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    failure::{Failure, Result, ensure, ensure_equal},
    files,
    lab::Lab,
    process::Program,
};

/// How long the browser may take for all pages of one case: a second for each on a busy machine, and there are up to 80.
const DRAWN: Duration = Duration::from_secs(300);

/// The width of a page on a desk, and on a telephone.
pub const WIDTHS: [u32; 2] = [WIDE, NARROW];

/// As wide as GitHub shows a job summary or a file on a laptop.
pub const WIDE: u32 = 920;

/// A telephone.
pub const NARROW: u32 = 390;

/// How much of a page is seen before one scrolls, at [`WIDE`].
pub const FIRST_SCREEN: i64 = 900;

/// The same on a telephone: the height of the smallest iPhone that is 390 pixels wide, as Apple lists it.
pub const FIRST_SCREEN_NARROW: i64 = 844;

/// A page to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The name of its pictures.
    pub name: String,
    #[serde(flatten)]
    content: Content,
    widths: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Content {
    Markdown(String),
    Address(String),
}

/// What was measured of a page in one width.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// The page's name.
    pub name: String,
    /// The width in pixels.
    pub width: u32,
    /// What the browser complained about.
    pub complaints: Vec<String>,
    /// By how much the page is wider than the window.
    pub overflow: i64,
    /// Elements of prose that are wider than their place.
    pub wide: Vec<Wide>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The boxes of code.
    pub boxes: Vec<CodeBox>,
    /// The names of all elements.
    pub tags: Vec<String>,
    /// The anchors that links can name.
    pub ids: Vec<String>,
    /// Where links lead.
    pub links: Vec<Link>,
    /// The headings, with their distance from the top.
    pub headings: Vec<Place>,
    /// The distance of each table from the top.
    #[serde(rename = "tableTops")]
    pub table_tops: Vec<i64>,
    /// What one can read without opening anything.
    pub text: String,
}

/// Something that is too wide.
#[derive(Clone, Debug, Deserialize)]
pub struct Wide {
    /// The element's name.
    pub tag: String,
    /// How its text begins.
    pub text: String,
}

/// Whether something has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fit {
    /// It has.
    Fits,
    /// It is wider, and has a scroll bar of its own.
    Scrolls,
    /// It is wider, and what does not fit is beside the page.
    Overflows,
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    /// The heads of its columns.
    pub heads: Vec<String>,
    /// Whether it has room.
    pub fit: Fit,
}

/// A box of code, with its place while everything is folded.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeBox {
    /// `sh`, `yaml`, …; empty when it has none.
    pub language: String,
    /// Whether its lines have room.
    pub fit: Fit,
    /// Whether one has to open something to see it.
    pub is_folded: bool,
    /// Its top edge.
    pub top: i64,
    /// Its text.
    pub text: String,
}

/// A link.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// Its target.
    pub to: String,
    /// Its text.
    pub text: String,
}

/// A heading.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// Its text.
    pub text: String,
    /// Its distance from the top.
    pub top: i64,
}

impl Page {
    /// A page of Markdown in both widths.
    #[must_use]
    pub fn markdown(name: &str, text: String) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Markdown(text),
            widths: WIDTHS.into(),
            wait: None,
        }
    }

    /// A page that is served, in both widths, once it shows those words.
    #[must_use]
    pub fn served(name: &str, address: &str, wait: &str) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Address(address.to_owned()),
            widths: WIDTHS.into(),
            wait: Some(wait.to_owned()),
        }
    }
}

impl Seen {
    /// What of it is wider than its place, but for boxes of code and for tables that scroll by themselves.
    #[must_use]
    pub fn too_wide(&self) -> Vec<String> {
        let page = (self.overflow > 0).then(|| format!("the page, by {} px", self.overflow));
        let prose = self.wide.iter().map(|wide| format!("{}: {}", wide.tag, wide.text));
        let tables = self.tables.iter().filter(|table| table.fit == Fit::Overflows);
        let tables = tables.map(|table| format!("a table of {}", table.heads.join(", ")));
        let named = |what: String| format!("{} at {} px: {what}", self.name, self.width);
        page.into_iter().chain(prose).chain(tables).map(named).collect()
    }
}

/// Renders pages, takes pictures of them into the case's folder and measures them.
///
/// # Errors
/// When the browser cannot be run, or complains.
pub fn look(lab: &Lab<'_>, pages: &[Page]) -> Result<Vec<Seen>> {
    let order = serde_json::to_string(pages).map_err(|source| Failure::NotJson {
        what: "the order for the browser".to_owned(),
        source,
    })?;
    let order = lab.file("pages.json", &order)?;
    let ended = Program::new("node", &lab.dir, "browser")
        .arg(lab.tools.browser.join("browser.mjs"))
        .args([&order, &lab.dir])
        .env("HOME", &lab.dir)
        .run(DRAWN)?
        .ended_with(0)?;
    let seen: Vec<Seen> = serde_json::from_str(&ended.stdout).map_err(|source| Failure::NotJson {
        what: "what the browser measured".to_owned(),
        source,
    })?;
    ensure_equal("pages seen", &seen.len(), &(pages.len() * WIDTHS.len()))?;
    let complaints: Vec<String> = seen
        .iter()
        .flat_map(|seen| {
            seen.complaints
                .iter()
                .map(|complaint| format!("{}: {complaint}", seen.name))
        })
        .collect();
    ensure(complaints.is_empty(), || complaints.join("\n"))?;
    // Both repeat whole pages, and with them the secret that the documentation gives to the local Azure.
    files::remove(&order)?;
    files::remove(&lab.dir.join("browser.out"))?;
    Ok(seen)
}
