//! The reference page of the options, and the comments of the service's messages, as text; both from the table.
//!
//! Pure; a test compares both with the files in the repository.

use std::fmt::Write as _;

use azure_batch_core::options::{self, Chapter, Door, Kind, Opt, Verb, image};

use crate::copied::{WORDS, Word};

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

/// The page's part that lists all options, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::new();
    let mut rows = options::of(Verb::Publish);
    rows.retain(|opt| opt.is_taken_by(Door::Template));
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let chapter = first.chapter;
        let count = rest.iter().take_while(|opt| opt.chapter == chapter).count();
        let (own, others) = rest.split_at(count);
        section(&mut page, chapter.heading(), own);
        rest = others;
    }
    for opt in rows {
        blocks(&mut page, opt);
    }
    words_of_azure_arm(&mut page);
    page
}

/// What azure-arm's own words become here.
fn words_of_azure_arm(page: &mut String) {
    // Writing to a String does not fail.
    _ = writeln!(page, "### Words of azure-arm\n\n| in azure-arm | here |\n| --- | --- |");
    for word in WORDS {
        let here = match word {
            Word::Taken(_) => "the same".to_owned(),
            Word::Translated(_, ours) => format!("taken; in our own words `{ours}`"),
            Word::Refused(word) => format!("refused: {}", (word.text)()),
        };
        _ = writeln!(page, "| `{}` | {here} |", word.path());
    }
    page.push('\n');
}

fn section(page: &mut String, title: &str, rows: &[&'static Opt]) {
    // Writing to a String does not fail.
    _ = writeln!(
        page,
        "### {title}\n\n| name | type | what it is | default |\n| --- | --- | --- | --- |"
    );
    for opt in rows {
        let (name, word) = (opt.name(), type_word(opt.kind));
        let (doc, default) = (opt.doc(Door::Template), opt.default_text(Verb::Publish, Door::Template));
        _ = writeln!(page, "| `{name}` | {word} | {doc}{} | {default} |", variables(opt));
    }
    page.push('\n');
}

fn blocks(page: &mut String, opt: &'static Opt) {
    if opt.nested().is_empty() {
        return;
    }
    section(page, &format!("Block `{opt}`"), opt.nested());
    opt.nested().iter().for_each(|nested| blocks(page, nested));
}

fn variables(opt: &Opt) -> String {
    if opt.variables.is_empty() {
        return String::new();
    }
    let names: Vec<String> = opt.variables.iter().map(|name| format!("`{name}`")).collect();
    format!(" Also from {}.", names.join(" or "))
}

const fn type_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "text, sensitive",
        Kind::Bool => "bool",
        _ => kind.word(),
    }
}

/// All options of the service as fields of its messages.
#[must_use]
pub fn fields() -> Vec<Field> {
    let mut fields = Vec::new();
    let rows = options::of(Verb::Publish).into_iter();
    for opt in rows.filter(|opt| opt.is_taken_by(Door::Request)) {
        let message = match opt.chapter {
            Chapter::SignIn => "Connection",
            _ => "Image",
        };
        add_field(&mut fields, message, opt);
    }
    fields
}

fn add_field(fields: &mut Vec<Field>, message: &'static str, opt: &'static Opt) {
    let field = Field {
        message,
        name: opt.name(),
        kind: field_type(opt),
        comment: comment(opt),
    };
    if fields.contains(&field) {
        return;
    }
    fields.push(field);
    for nested in opt.nested() {
        add_field(fields, message_of(opt), nested);
    }
}

/// Which message a block is.
fn message_of(block: &Opt) -> &'static str {
    let messages = [
        (image::SOURCE, "Source"),
        (image::SOURCE_DATA_DISK, "SourceDisk"),
        (image::SOURCE_DATA_SNAPSHOT, "SourceDisk"),
        (image::SOURCE_DATA_VHD, "SourceVhd"),
        (image::DESTINATION_TARGET_REGION, "TargetRegion"),
        (image::TARGET_REGION_DATA_DISK_ENCRYPTION, "DataDiskEncryption"),
        (image::USED_BY, "UsedBy"),
        (image::DEFINITION, "Definition"),
        (image::TEST, "Test"),
    ];
    let found = messages.into_iter().find(|(opt, _)| *opt == block);
    found.map_or("Destination", |(_, message)| message)
}

fn field_type(opt: &Opt) -> String {
    match opt.kind {
        Kind::Text | Kind::Secret | Kind::Duration | Kind::File | Kind::Json | Kind::TextOrFile => {
            "optional string".to_owned()
        }
        Kind::Number => "optional uint32".to_owned(),
        Kind::Bool => "optional bool".to_owned(),
        Kind::Texts => "repeated string".to_owned(),
        Kind::TextMap => "map<string, string>".to_owned(),
        Kind::Block(_) => message_of(opt).to_owned(),
        Kind::Blocks(_) => format!("repeated {}", message_of(opt)),
    }
}

fn comment(opt: &Opt) -> String {
    let secret = if matches!(opt.kind, Kind::Secret) {
        " Never shown."
    } else {
        ""
    };
    let (doc, default) = (opt.doc(Door::Request), opt.default_text(Verb::Publish, Door::Request));
    format!("{doc}{secret} Default: {default}.")
}
