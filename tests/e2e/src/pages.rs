//! The code blocks of the pages, and what is done with each: run, read by a program, or left, with a reason.
//!
//! The blocks are in the pages, what is done with them in `rows`; the cases in [`crate::cases`] do it. Here is only what
//! finds them and what holds the two together: a block without a row fails, and so does a row without a block.

mod rows;

use std::path::{Path, PathBuf};

pub use rows::ROWS;

use crate::{failure::Result, files};

/// Folders with pages, besides the top.
const FOLDERS: [&str; 2] = ["docs", ".web-docs"];

/// The action as pages and examples name it.
pub const USES: &str = concat!(
    "azure-batch-tools/packer-plugin-azure-batch@v",
    env!("CARGO_PKG_VERSION")
);

/// A code block of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The page, from the top of the checkout.
    pub page: String,
    /// The line of its opening fence, counted from 1.
    pub line: usize,
    /// What the fence says: `sh`, `hcl`, …
    pub language: String,
    /// What is between the fences.
    pub text: String,
}

/// What is done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A whole template: real Packer builds it.
    Template,
    /// A part of the post-processor's block: real Packer builds the smallest template with it, or validates it where its
    /// source is not in the example.
    Part(Part),
    /// A part of a template outside our block: real Packer validates the smallest template with it.
    Head,
    /// Commands of ours, run as they stand; each ends with one of these exit codes, in this order.
    Commands(World, &'static [i32]),
    /// A job or its steps: a real Actions runner runs it.
    Job,
    /// A file that a command of ours reads; the block of commands next to it is run with it.
    File(&'static str),
    /// A pool file: read by our program, and held against the schema.
    PoolFile,
    /// A seed of the emulator, which it must take.
    Seed,
    /// A script of faults of the emulator, which it must take.
    Faults,
    /// `cargo xtask` verbs, which must exist.
    Xtask,
    /// Run or compared by a test or a judge of that name.
    Elsewhere(&'static str),
    /// Not run.
    Left(&'static str),
}

/// Where a part of a post-processor's block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Besides what the smallest template says.
    More,
    /// In place of its source.
    Source,
}

/// What the local Azure holds when commands are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Versions of the definition `render`.
    Versions,
    /// These, and pools on the oldest of them.
    Pools(&'static [&'static str]),
    /// These, and pools that were changed in place from the oldest to the next one.
    Changed(&'static [&'static str]),
    /// These, and pools of a roll-out that are past their expiry.
    Expired(&'static [&'static str]),
    /// A machine, and no version.
    Machine,
}

/// A row: which block, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The page.
    pub page: &'static str,
    /// How the block begins; empty: every block of the page.
    pub begins: &'static str,
    /// What is done.
    pub how: How,
}

impl Row {
    /// Whether it is about that block.
    #[must_use]
    pub fn is_of(&self, block: &Block) -> bool {
        self.page == block.page && block.text.starts_with(self.begins)
    }
}

impl Block {
    /// Its place, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// A name for its files and logs.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.place().replace(['/', '.', ':'], "-");
        name.trim_matches('-').to_owned()
    }
}

/// Whether a block is a workflow, jobs or steps.
#[must_use]
pub fn is_of_workflow(block: &Block) -> bool {
    let is_yaml = ["yaml", "yml"].contains(&block.language.as_str());
    let uses = |line: &str| line.trim_start().trim_start_matches("- ").starts_with("uses:");
    is_yaml && block.text.lines().any(uses)
}

/// The whole workflow of jobs, of a job's permissions and steps, or of steps alone.
#[must_use]
pub fn workflow(text: &str) -> String {
    let indented = |spaces: &str| -> String {
        text.lines()
            .map(|line| format!("{spaces}{line}\n").replace(" \n", "\n"))
            .collect()
    };
    let jobs = if text.starts_with("jobs:") {
        text.to_owned()
    } else if text.starts_with("- ") {
        format!(
            "jobs:\n  page:\n    runs-on: ubuntu-latest\n    steps:\n{}",
            indented("      ")
        )
    } else {
        format!("jobs:\n  page:\n    runs-on: ubuntu-latest\n{}", indented("    "))
    };
    format!("name: page\non: workflow_dispatch\n{jobs}")
}

/// All blocks of all pages.
///
/// # Errors
/// When a page cannot be read.
pub fn blocks(checkout: &Path) -> Result<Vec<Block>> {
    let mut all = Vec::new();
    for page in pages(checkout)? {
        let name = page.strip_prefix(checkout).unwrap_or(&page).display().to_string();
        all.extend(blocks_of(&name, &files::read(&page)?));
    }
    Ok(all)
}

/// The blocks with their rows.
///
/// # Errors
/// When a page cannot be read.
pub fn with_rows(checkout: &Path) -> Result<Vec<(Block, &'static Row)>> {
    let blocks = blocks(checkout)?.into_iter();
    Ok(blocks
        .filter_map(|block| {
            let row = ROWS.iter().find(|row| row.is_of(&block))?;
            Some((block, row))
        })
        .collect())
}

fn pages(checkout: &Path) -> Result<Vec<PathBuf>> {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(checkout)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_page)
        .collect();
    for folder in FOLDERS {
        pages.extend(files::below(&checkout.join(folder))?.into_iter().filter(is_page));
    }
    pages.sort();
    Ok(pages)
}

fn blocks_of(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    page: page.to_owned(),
                    line: number + 1,
                    language: language.trim().to_owned(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn steps_and_jobs_become_a_workflow() {
        let head = "name: page\non: workflow_dispatch\njobs:\n";
        assert_eq!(workflow("jobs:\n  a:\n"), format!("{head}  a:\n"));
        let page = "  page:\n    runs-on: ubuntu-latest\n";
        assert_eq!(
            workflow("steps:\n  - uses: a\n"),
            format!("{head}{page}    steps:\n      - uses: a\n")
        );
        assert_eq!(
            workflow("- uses: a\n"),
            format!("{head}{page}    steps:\n      - uses: a\n")
        );
    }

    #[test]
    fn every_code_block_of_every_page_is_run_or_left_with_a_reason() {
        let blocks = blocks(&checkout()).unwrap();
        assert!(blocks.len() > 50, "only {} blocks were found", blocks.len());
        for block in &blocks {
            let rows = ROWS.iter().filter(|row| row.is_of(block)).count();
            assert_eq!(
                rows,
                1,
                "{}: {rows} rows of tests/e2e/src/pages/rows.rs are about the block that begins with\n{}",
                block.place(),
                block.text.lines().next().unwrap_or_default()
            );
        }
        for row in ROWS {
            let found = blocks.iter().filter(|block| row.is_of(block)).count();
            let is_right = found == 1 || (row.begins.is_empty() && found > 0);
            assert!(is_right, "{found} blocks of {} begin with {:?}", row.page, row.begins);
        }
    }

    #[test]
    fn what_runs_a_block_elsewhere_exists() {
        let sources = ["crates", "tests", "xtask"].map(|folder| files::below(&checkout().join(folder)).unwrap());
        let is_source = |path: &&PathBuf| path.extension().is_some_and(|end| end == "rs" || end == "py");
        let text: String = sources
            .iter()
            .flatten()
            .filter(is_source)
            .map(|path| files::read(path).unwrap())
            .collect();
        let is_name = |text: &&str| text.matches('_').count() > 1 && !text.contains(' ');
        for row in ROWS {
            let names: Vec<&str> = match row.how {
                How::Elsewhere(name) => vec![name],
                How::Left(reason) => reason.split('`').skip(1).step_by(2).filter(is_name).collect(),
                _ => Vec::new(),
            };
            for name in names {
                let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!("def {name}("));
                assert!(is_there, "{}: there is no test {name}", row.page);
            }
        }
    }

    #[test]
    fn every_xtask_of_a_page_is_one() {
        let main = files::read(&checkout().join("xtask/src/main.rs")).unwrap();
        let variants = main.split("enum Verb {").nth(1).unwrap().split("\n}").next().unwrap();
        for (block, _row) in with_rows(&checkout()).unwrap() {
            let verbs = block
                .text
                .split("cargo xtask ")
                .skip(1)
                .filter_map(|rest| rest.split_whitespace().next())
                .map(|verb| verb.trim_end_matches(','));
            for verb in verbs {
                let variant: String = verb.split('-').map(capitalized).collect();
                let is_one = variants.contains(&format!("    {variant},"))
                    || variants.contains(&format!("    {variant} {{"))
                    || variants.contains(&format!("    {variant}("));
                assert!(is_one, "{}: cargo xtask {verb} does not exist", block.place());
            }
        }
    }

    fn capitalized(word: &str) -> String {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect()
    }

    #[test]
    fn blocks_are_distinguished_from_text() {
        let found = blocks_of("p.md", "a\n```sh\nx\n```\n  ```json\n{}\n  ```\n");
        let parts: Vec<(usize, &str, &str)> = found
            .iter()
            .map(|block| (block.line, block.language.as_str(), block.text.as_str()))
            .collect();
        assert_eq!(parts, [(2, "sh", "x\n"), (5, "json", "{}\n")]);
    }
}
