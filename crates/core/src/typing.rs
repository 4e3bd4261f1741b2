//! A command that a person can type as it is printed: words, flags and quoted values, broken at 80 letters.
//!
//! It runs nothing. Which commands of az there are is in [`az`]; the az judge types every one of them.

pub mod az;

use std::fmt;

use serde::Serialize;

use crate::{
    command::quoted,
    options::{Door, Opt},
};

/// How many letters a line of a command holds: 80 with the four that stand before it on a terminal. A value is never
/// broken, so a long one makes a long line.
const LINE: usize = 76;

/// What a line begins with that goes on with the one before.
const INDENT: &str = "  ";

/// A command line, or lines of a file. Each part stays on one line: the program with its words, or a flag with its
/// values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    parts: Vec<String>,
    form: Form,
}

/// Where it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Into a shell.
    #[default]
    Shell,
    /// Into a file of YAML, such as a workflow.
    Yaml,
}

impl Form {
    /// Whether it is typed into a shell.
    #[must_use]
    pub const fn is_shell(&self) -> bool {
        matches!(self, Self::Shell)
    }
}

impl Command {
    /// A command from a text in which `{name}` stands for a value: `az vm deallocate --ids {id}`. A value that is not
    /// given stays a name in braces, which shows what is to be put there.
    #[must_use]
    pub fn new(template: &str, values: &[(&str, &str)]) -> Self {
        let mut parts: Vec<String> = Vec::new();
        for word in template.split_whitespace() {
            let text = filled(word, values);
            match parts.last_mut() {
                Some(last) if !word.starts_with("--") => {
                    last.push(' ');
                    last.push_str(&text);
                }
                _ => parts.push(text),
            }
        }
        Self {
            parts,
            form: Form::Shell,
        }
    }

    /// Lines of a file of YAML.
    #[must_use]
    pub fn yaml(lines: &[&str]) -> Self {
        Self {
            parts: lines.iter().map(|line| (*line).to_owned()).collect(),
            form: Form::Yaml,
        }
    }

    /// Where it is typed.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// A command of our own, such as `azure-batch-pool rollback`, and options with their values.
    #[must_use]
    pub fn own(verb: &str, options: &[(&'static Opt, &str)]) -> Self {
        let mut parts = vec![verb.to_owned()];
        for (opt, value) in options {
            parts.push(format!("{} {}", opt.spelled(Door::Flag), quoted(value)));
        }
        Self {
            parts,
            form: Form::Shell,
        }
    }

    /// The same with a flag that has no value.
    #[must_use]
    pub fn with_flag(mut self, opt: &'static Opt) -> Self {
        self.parts.push(opt.spelled(Door::Flag));
        self
    }

    /// The lines to type: in a shell all but the last end with a backslash.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        if self.form == Form::Yaml {
            return self.parts.clone();
        }
        let mut lines: Vec<String> = Vec::new();
        for part in &self.parts {
            match lines.last_mut() {
                Some(last) if !part.contains('\n') && last.len() + part.len() + " \\".len() < LINE => {
                    last.push(' ');
                    last.push_str(part);
                }
                None => lines.push(part.clone()),
                Some(_) => lines.push(format!("{INDENT}{part}")),
            }
        }
        let last = lines.len().saturating_sub(1);
        for line in lines.iter_mut().take(last) {
            line.push_str(" \\");
        }
        // A value may have lines of its own, which a shell takes within quotes.
        lines.iter().flat_map(|line| line.lines()).map(str::to_owned).collect()
    }
}

/// On one line.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join(" "))
    }
}

fn filled(word: &str, values: &[(&str, &str)]) -> String {
    let name = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
    match name {
        Some(name) => match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => quoted(value),
            None => quoted(word),
        },
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::pool;

    #[test]
    fn a_long_command_is_broken_between_its_flags() {
        let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct1";
        let command = Command::new(
            "az role assignment create --assignee {who} --role {role} --scope {id}",
            &[("who", "app-1"), ("role", "Azure Batch Data Contributor"), ("id", id)],
        );
        insta::assert_snapshot!(command.lines().join("\n"), @r#"
        az role assignment create --assignee app-1 \
          --role "Azure Batch Data Contributor" \
          --scope /subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct1
        "#);
    }

    #[test]
    fn a_value_of_several_lines_keeps_them_within_its_quotes() {
        let command = Command::new("az x --role {role} --yes", &[("role", "{\n  \"a\": 1\n}")]);
        assert_eq!(command.lines(), ["az x \\", "  --role '{", "  \"a\": 1", "}' --yes"]);
    }

    #[test]
    fn a_command_of_our_own_has_the_flags_of_the_table() {
        let command = Command::own("azure-batch-pool rollback", &[(pool::POOL_ID, "p1")]);
        assert_eq!(command.to_string(), "azure-batch-pool rollback --pool-id p1");
    }

    #[test]
    fn a_value_that_is_not_known_stays_a_name() {
        assert_eq!(Command::new("az x --id {id}", &[]).to_string(), "az x --id \"{id}\"");
    }
}
