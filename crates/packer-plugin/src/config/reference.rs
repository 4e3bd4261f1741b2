//! The reference page of the options, and the comments of the service's `Settings`, as text.
//!
//! Pure; a test compares both with the files in the repository.

use std::fmt::Write as _;

use super::options::{Kind, OPTIONS, Opt, Reader};

/// The page's part that lists all options, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::new();
    section(&mut page, None, OPTIONS);
    page
}

fn section(page: &mut String, block: Option<&str>, options: &[Opt]) {
    let title = block.map_or_else(
        || "### Attributes and blocks".to_owned(),
        |path| format!("### Block `{path}`"),
    );
    // Writing to a String does not fail.
    _ = writeln!(
        page,
        "{title}\n\n| name | type | what it is | default |\n| --- | --- | --- | --- |"
    );
    for option in options {
        let Opt {
            name,
            kind,
            doc,
            default,
            ..
        } = option;
        _ = writeln!(page, "| `{name}` | {} | {doc} | {default} |", type_name(*kind));
    }
    page.push('\n');
    for option in options {
        if let Kind::Block(nested) | Kind::Blocks(nested) = option.kind {
            let path = block.map_or_else(|| option.name.to_owned(), |block| format!("{block}.{}", option.name));
            section(page, Some(&path), nested);
        }
    }
}

const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Secret => "text, sensitive",
        Kind::Number => "number",
        Kind::Bool => "bool",
        Kind::Texts => "list of text",
        Kind::TextMap => "map of text",
        Kind::Block(_) => "block",
        Kind::Blocks(_) => "blocks",
    }
}

/// An option as the service's message must have it: name, protobuf type, comment.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The message's name.
    pub message: &'static str,
    /// The field's name.
    pub name: &'static str,
    /// Its label and type, such as `optional string` or `repeated UsedBy`.
    pub kind: String,
    /// Its comment.
    pub comment: String,
}

/// Which message a block is.
const MESSAGES: [(&str, &str); 7] = [
    ("source", "Source"),
    ("data_disk", "SourceDisk"),
    ("data_snapshot", "SourceDisk"),
    ("shared_image_gallery_destination", "Destination"),
    ("target_region", "TargetRegion"),
    ("used_by", "UsedBy"),
    ("definition", "Definition"),
];

/// All options of the service as fields of its messages.
#[must_use]
pub fn fields() -> Vec<Field> {
    let mut fields = Vec::new();
    add_fields(&mut fields, "Settings", OPTIONS);
    fields
}

fn add_fields(fields: &mut Vec<Field>, message: &'static str, options: &[Opt]) {
    for option in options.iter().filter(|option| option.reader != Reader::PostProcessor) {
        let field = Field {
            message,
            name: option.name,
            kind: field_type(option),
            comment: comment(option),
        };
        if fields.contains(&field) {
            continue;
        }
        fields.push(field);
        if let Kind::Block(nested) | Kind::Blocks(nested) = option.kind {
            add_fields(fields, message_of(option.name), nested);
        }
    }
}

fn message_of(block: &str) -> &'static str {
    MESSAGES
        .iter()
        .find(|(name, _)| *name == block)
        .map_or("", |(_, message)| message)
}

fn field_type(option: &Opt) -> String {
    match option.kind {
        Kind::Text | Kind::Secret => "optional string".to_owned(),
        Kind::Number => "optional uint32".to_owned(),
        Kind::Bool => "optional bool".to_owned(),
        Kind::Texts => "repeated string".to_owned(),
        Kind::TextMap => "map<string, string>".to_owned(),
        Kind::Block(_) => message_of(option.name).to_owned(),
        Kind::Blocks(_) => format!("repeated {}", message_of(option.name)),
    }
}

fn comment(option: &Opt) -> String {
    let secret = if matches!(option.kind, Kind::Secret) {
        " Never shown."
    } else {
        ""
    };
    // Variables are read by the post-processor, never by the service.
    let default = match option.reader {
        Reader::ServiceOrEnvironment if option.default.contains('_') => {
            option.default.split_once("else ").map_or("nothing", |(_, rest)| rest)
        }
        Reader::Service | Reader::PostProcessor | Reader::ServiceOrEnvironment => option.default,
    };
    format!("{}{secret} Default: {default}.", option.doc)
}
