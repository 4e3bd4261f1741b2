//! Holds `action.yml` and `docs/action.md` against the table of options, letter by letter.
//!
//! When one lags, the failure prints the block that belongs there.

use super::*;
use crate::report::outputs;

const ACTION: &str = include_str!("../../../../action.yml");
const DOCS: &str = include_str!("../../../../docs/action.md");

/// The text between two marks is the block and nothing else.
fn assert_holds(text: &str, (from, to): (&str, &str), block: &str) {
    let (_, rest) = text.split_once(from).unwrap();
    let (found, _) = rest.split_once(to).unwrap();
    assert!(
        found == block,
        "the text after {from:?} lags behind the table of options; this belongs there:\n{block}"
    );
}

fn action_inputs() -> String {
    let mut block = String::new();
    for spec in ALL {
        let default = match spec.default {
            Value(value, source) => format!(" Default: {value} ({source})."),
            Required | Absent => String::new(),
        };
        // A JSON text is a YAML text too.
        let description = serde_json::Value::from(format!("{}{default}", spec.doc));
        let required = spec.default == Required;
        block.push_str(&format!(
            "  {spec}:\n    description: {description}\n    required: {required}\n"
        ));
    }
    block
}

fn action_environment() -> String {
    let line = |spec: &&Spec| format!("        {}: ${{{{ inputs.{spec} }}}}\n", spec.input_variable());
    ALL.iter().map(line).collect()
}

fn docs_tables() -> String {
    let mut block = String::new();
    let mut chapter = None;
    for spec in ALL {
        if chapter.replace(spec.chapter) != Some(spec.chapter) {
            block.push_str(&format!("\n### {}\n\n", spec.chapter.heading()));
            block.push_str("| input | kind | default | what it is for |\n| --- | --- | --- | --- |\n");
        }
        let further: Vec<String> = spec.variables.iter().map(|name| format!("`{name}`")).collect();
        let further = if further.is_empty() {
            String::new()
        } else {
            format!(" Also from {}.", further.join(", "))
        };
        let (kind, default) = (spec.kind.word(), spec.default_text());
        block.push_str(&format!("| `{spec}` | {kind} | {default} | {}{further} |\n", spec.doc));
    }
    block
}

#[test]
fn action_yml_has_every_option_as_an_input() {
    assert_holds(ACTION, ("\ninputs:\n", "\noutputs:\n"), &action_inputs());
}

#[test]
fn action_yml_hands_every_input_on() {
    let marks = ("steps.binary.outputs.path }}\n", "      run: exec");
    assert_holds(ACTION, marks, &action_environment());
    let handed_on = ACTION.matches("${{ inputs.").count();
    assert_eq!(
        handed_on,
        ALL.len(),
        "an input is used elsewhere, or one is handed on that is not in the table"
    );
}

#[test]
fn action_yml_passes_every_output_through() {
    for name in outputs::NAMES {
        let line = format!("value: ${{{{ steps.rollout.outputs.{name} }}}}\n");
        assert!(ACTION.contains(&line), "action.yml lacks the output {name}");
    }
    assert_eq!(ACTION.matches("steps.rollout.outputs.").count(), outputs::NAMES.len());
}

#[test]
fn no_expression_stands_in_shell_text() {
    let (_, steps) = ACTION.split_once("\nruns:\n").unwrap();
    for line in steps.lines().filter(|line| line.contains("${{")) {
        let is_variable = line.trim_start().split_once(": ").is_some_and(|(name, value)| {
            name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && value.starts_with("${{")
                && value.ends_with("}}")
        });
        assert!(is_variable, "{line}");
    }
}

#[test]
fn the_documentation_has_every_option() {
    assert_holds(DOCS, ("`PT15M`.\n", "\nWithout any credential"), &docs_tables());
}

#[test]
fn the_documentation_names_every_output() {
    for name in outputs::NAMES {
        assert!(
            DOCS.contains(&format!("| `{name}` |")),
            "docs/action.md lacks the output {name}"
        );
    }
}

#[test]
fn core_names_of_settings_become_ours() {
    assert_eq!(
        in_our_names("give the CA with ca_file; client_id"),
        "give the CA with ca-file; client-id"
    );
}
