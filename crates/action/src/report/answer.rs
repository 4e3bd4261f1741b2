//! How a verb without a roll-out's report ended, in one value: console, job summary, outputs and exit code are made of
//! it.
//!
//! It holds words and tables; only `outputs` and the console write.

use azure_batch_core::{
    failure::Failure,
    ids::PoolId,
    plan::{Effect, Plan, Step},
};

use super::{
    Ending, Outputs, SOMETHING_TO_ACT_ON,
    summary::{self, LONGEST_SUMMARY, Page},
};
use crate::console::{Console, Grade, table::Table};

/// How a verb ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One line that says it all.
    pub headline: String,
    /// The word for programs: the output `result`.
    pub word: &'static str,
    /// The exit code on a command line.
    pub exit_code: u8,
    outputs: Outputs,
    parts: Vec<Part>,
}

/// What stands before the headline in the log, and after it in the summary.
#[derive(Clone, Debug)]
enum Part {
    Line(String),
    Table(Table),
    Steps {
        title: Option<String>,
        steps: Vec<(String, Effect)>,
    },
    Commands(String),
    Warning(String),
    Failed {
        title: String,
        failure: Box<Failure>,
    },
}

impl Answer {
    /// An answer without details.
    #[must_use]
    pub fn new(word: &'static str, exit_code: u8, headline: impl Into<String>) -> Self {
        Self {
            headline: headline.into(),
            word,
            exit_code,
            outputs: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Sets an output for later steps.
    #[must_use]
    pub fn output(mut self, name: &'static str, value: impl ToString) -> Self {
        self.outputs.push((name, value.to_string()));
        self
    }

    /// Sets the output that names the pool.
    #[must_use]
    pub fn of_pool(self, pool: &PoolId) -> Self {
        self.output("pool-id", pool)
    }

    /// Sets the output that names the image version.
    #[must_use]
    pub fn of_version(self, version: &str) -> Self {
        self.output("image-version", version)
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, text: impl ToString) -> Self {
        self.parts.push(Part::Line(text.to_string()));
        self
    }

    /// Adds lines.
    #[must_use]
    pub fn lines(self, texts: impl IntoIterator<Item = impl ToString>) -> Self {
        texts.into_iter().fold(self, Self::line)
    }

    /// Adds a table; one without rows is left out.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.parts.push(Part::Table(table));
        self
    }

    /// Adds the steps of a plan: lines in the log, a table in the summary.
    #[must_use]
    pub fn steps<S: Step>(mut self, title: Option<String>, plan: &Plan<S>) -> Self {
        let steps = plan.steps.iter().map(|step| (step.to_string(), step.effect()));
        self.parts.push(Part::Steps {
            title,
            steps: steps.collect(),
        });
        self
    }

    /// Adds what to type, one command a line.
    #[must_use]
    pub fn commands(mut self, text: impl ToString) -> Self {
        self.parts.push(Part::Commands(text.to_string()));
        self
    }

    /// Adds a warning.
    #[must_use]
    pub fn warning(mut self, text: impl ToString) -> Self {
        self.parts.push(Part::Warning(text.to_string()));
        self
    }

    /// Adds why something failed.
    #[must_use]
    pub fn failed(mut self, title: impl Into<String>, failure: Failure) -> Self {
        let (title, failure) = (title.into(), Box::new(failure));
        self.parts.push(Part::Failed { title, failure });
        self
    }

    /// The values for later steps.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        let own = [
            ("result", self.word.to_owned()),
            ("exit-code", self.exit_code.to_string()),
        ];
        own.into_iter().chain(self.outputs.iter().cloned()).collect()
    }

    /// Shows it to people.
    pub fn show(&self, console: &mut Console) {
        for part in &self.parts {
            match part {
                Part::Line(text) | Part::Commands(text) => console.line(text),
                Part::Table(table) => console.table(table),
                Part::Steps { title, steps } => {
                    title.iter().for_each(|title| console.line(format!("{title}:")));
                    steps.iter().for_each(|(text, _)| console.line(format!("- {text}")));
                }
                Part::Warning(text) => console.annotate(Grade::Warning, "Azure Batch pools", text),
                Part::Failed { title, failure } => console.fail(title, failure),
            }
        }
        // The title of a failure is its headline.
        if !self.parts.iter().any(|part| self.is_headline(part)) {
            console.line(&self.headline);
        }
    }

    /// The job summary; only its headline when GitHub would refuse the whole.
    #[must_use]
    pub fn markdown(&self, ending: Ending) -> String {
        let mut page = self.head();
        self.parts.iter().for_each(|part| self.write(part, &mut page));
        self.foot(&mut page, ending);
        let whole = page.done();
        if whole.len() <= LONGEST_SUMMARY {
            return whole;
        }
        let mut page = self.head();
        page.paragraph(
            "The whole summary is longer than the 1 MiB that GitHub shows: everything is in the report file.",
        );
        self.foot(&mut page, ending);
        page.done()
    }

    fn head(&self) -> Page {
        let sign = match self.exit_code {
            0 => "✅",
            SOMETHING_TO_ACT_ON => "⚠️",
            _ => "❌",
        };
        let mut page = Page::default();
        page.paragraph(&format!("### {sign} {}", summary::text(&self.headline)));
        page
    }

    fn write(&self, part: &Part, page: &mut Page) {
        match part {
            Part::Line(text) => text.lines().for_each(|line| page.item(&summary::text(line))),
            Part::Steps { title, steps } => write_steps(title.as_deref(), steps, page),
            Part::Commands(text) => page.fenced("sh", text),
            Part::Table(table) if table.is_empty() => {}
            Part::Table(table) => {
                for (about, remark) in table.remarks() {
                    page.item(&format!("**{}**: {}", summary::text(about), summary::text(remark)));
                }
                let (names, rows) = table.beside_remarks();
                let rows = rows.into_iter().map(|row| row.into_iter().map(summary::text).collect());
                page.table(&names, rows.collect());
            }
            Part::Warning(text) => page.paragraph(&format!("⚠️ {}", summary::text(text))),
            Part::Failed { title, failure } => {
                if !self.is_headline(part) {
                    page.paragraph(&format!("#### {}", summary::text(title)));
                }
                summary::explain(page, failure);
            }
        }
    }

    fn foot(&self, page: &mut Page, ending: Ending) {
        page.paragraph(&format!(
            "<sub>{} · exit code {} ({}) · azure-batch-pool {}</sub>",
            ending.at.strftime("%Y-%m-%d %H:%M UTC"),
            self.exit_code,
            self.word,
            env!("CARGO_PKG_VERSION")
        ));
    }

    fn is_headline(&self, part: &Part) -> bool {
        matches!(part, Part::Failed { title, .. } if *title == self.headline)
    }
}

fn write_steps(title: Option<&str>, steps: &[(String, Effect)], page: &mut Page) {
    if let Some(title) = title {
        page.paragraph(&format!("#### {}", summary::text(title)));
    }
    if steps.is_empty() {
        return;
    }
    let row = |(number, (text, effect)): (usize, &(String, Effect))| {
        vec![
            (number + 1).to_string(),
            summary::text(text),
            word_of(*effect).to_owned(),
        ]
    };
    page.table(
        &["", "step", "what it does"],
        steps.iter().enumerate().map(row).collect(),
    );
}

const fn word_of(effect: Effect) -> &'static str {
    match effect {
        Effect::Create => "creates",
        Effect::Change => "changes",
        Effect::Remove => "removes",
        Effect::Irreversible => "removes for good",
        Effect::Wait => "waits",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ENDING;
    use super::*;

    fn answer() -> Answer {
        let mut table = Table::new(["pool", "empty", "to act on"]).remarking_on(0);
        table.row(["a_b".to_owned(), String::new(), "2 versions behind 1.4.2".to_owned()]);
        Answer::new("to-act-on", 10, "1 pool in 1 Batch account: 1 needs attention")
            .table(table)
            .line("token of <x>")
            .warning("subscription 1 could not be read")
            .output("findings", 1)
    }

    #[test]
    fn a_summary_has_headline_table_lines_and_exit_code_and_text_stays_text() {
        insta::assert_snapshot!(answer().markdown(ENDING));
    }

    #[test]
    fn result_and_exit_code_are_outputs_of_every_verb() {
        let outputs = answer().outputs();
        let value = |name: &str| {
            outputs
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(
            (value("result"), value("exit-code"), value("findings")),
            (Some("to-act-on"), Some("10"), Some("1"))
        );
    }

    #[test]
    fn a_summary_that_github_would_refuse_is_its_headline() {
        let long = answer().line("x".repeat(LONGEST_SUMMARY)).markdown(ENDING);
        assert!(
            long.len() < 1000 && long.contains("1 needs attention"),
            "{}",
            long.len()
        );
    }
}
