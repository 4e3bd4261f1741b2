//! The service's `Connection` and `Image` have a field for every option, of its type and with its description.

use packer_plugin_azure_batch::reference::{self, Field};

use crate::documents::compare;

const PROTO: &str = "proto/azure_batch/imaging/v1/imaging.proto";

/// Where comments are wrapped.
const WIDTH: usize = 110;

#[test]
fn the_services_messages_mirror_the_options_one_to_one() {
    compare(PROTO, |proto| {
        let fields = reference::fields();
        let mut found = Vec::new();
        let mut lines: Vec<String> = Vec::new();
        let mut message = String::new();
        for line in proto.lines() {
            if let Some(name) = line.strip_prefix("message ") {
                name.trim_end_matches(" {").clone_into(&mut message);
            }
            match field_name(line) {
                Some((name, number)) if fields.iter().any(|field| field.message == message) => {
                    let field = find(&fields, &message, name);
                    drop_comment(&mut lines);
                    lines.extend(comment(&field.comment));
                    lines.push(format!("  {} {name} = {number};", field.kind));
                    found.push((message.clone(), name.to_owned()));
                }
                _ => lines.push(line.to_owned()),
            }
        }
        for field in &fields {
            let key = (field.message.to_owned(), field.name.to_owned());
            assert!(found.contains(&key), "{PROTO} lacks {key:?}");
        }
        lines.join("\n") + "\n"
    });
}

fn find<'a>(fields: &'a [Field], message: &str, name: &str) -> &'a Field {
    let found = fields
        .iter()
        .find(|field| field.message == message && field.name == name);
    found.unwrap_or_else(|| panic!("{message}.{name} is not an option"))
}

/// `  optional string vm = 2;` → `vm`, `2`.
fn field_name(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.strip_suffix(';')?.split_once(" = ")?;
    let (_, name) = left.strip_prefix("  ")?.rsplit_once(' ')?;
    (!name.is_empty() && right.parse::<u32>().is_ok()).then_some((name, right))
}

fn drop_comment(lines: &mut Vec<String>) {
    while lines.last().is_some_and(|line| line.starts_with("  //")) {
        lines.pop();
    }
}

fn comment(text: &str) -> Vec<String> {
    let mut lines = vec!["  //".to_owned()];
    for word in text.split(' ') {
        let last = lines.last_mut().unwrap();
        if last.len() + word.len() < WIDTH {
            *last = format!("{last} {word}");
        } else {
            lines.push(format!("  // {word}"));
        }
    }
    lines
}
