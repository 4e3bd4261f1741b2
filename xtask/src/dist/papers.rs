//! What goes with a program: our licences, those of the crates inside it, its bill of materials (CycloneDX), man pages and
//! completions.
//!
//! Whether the licences are wanted ones is `cargo deny`'s question.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use azure_batch_e2e::{
    failure::{Doing as _, Result},
    files,
};
use serde_json::{Value, json};

use super::{Order, archive::Entry, crates::Crate};

/// Our licences.
const OURS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// How the files begin in which a crate says its licence.
const LICENCE_FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// The files that go with a program.
///
/// # Errors
/// When a licence cannot be read.
pub(super) fn of(root: &Path, crates: &[Crate], order: &Order<'_>) -> Result<Vec<Entry>> {
    let program = crates.first().map_or("", |program| program.name.as_str());
    let mut entries = Vec::new();
    for name in OURS {
        entries.push(Entry::text(name, files::read(&root.join(name))?));
    }
    entries.push(Entry::text("THIRD-PARTY-LICENSES.txt", third_party(crates)?));
    entries.push(Entry::text("sbom.cdx.json", format!("{:#}\n", bill(crates, order))));
    entries.extend(help(&order.help.join(program))?);
    Ok(entries)
}

/// Man pages and completions, where the program has any.
fn help(folder: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in files::below(folder)? {
        let place = file.strip_prefix(folder).unwrap_or(&file);
        let name = place.to_string_lossy().replace('\\', "/");
        entries.push(Entry::text(name, files::read(&file)?));
    }
    Ok(entries)
}

/// The crates of others with their licence texts, each text once.
fn third_party(crates: &[Crate]) -> Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = String::new();
    for found in crates.iter().filter(|found| found.is_foreign) {
        let label = format!("{} {}", found.name, found.version);
        let said = licence_texts(&found.folder)?;
        let note = if said.is_empty() {
            format!(", by {}, without a licence text in its package", found.authors)
        } else {
            String::new()
        };
        // Writing to a String cannot fail.
        let _written = writeln!(list, "{label}: {}{note}", found.licence);
        for text in said {
            texts.entry(text).or_default().insert(label.clone());
        }
    }
    let mut whole = format!(
        "This program contains these crates, each under one of its licences. A crate without a text of its own is under \
         the standard text of its licence; that of MIT is LICENSE-MIT with its authors' name, that of Apache-2.0 is \
         LICENSE-APACHE.\n\n{list}"
    );
    for (text, users) in texts {
        let users = users.into_iter().collect::<Vec<_>>().join(", ");
        let _written = write!(whole, "\n{}\n{users}\n\n{}\n", "=".repeat(80), text.trim_end());
    }
    Ok(whole)
}

fn licence_texts(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).doing(|| format!("list {}", folder.display()))? {
        let entry = entry.doing(|| format!("list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.path().is_file() && LICENCE_FILES.iter().any(|start| name.starts_with(start)) {
            texts.push(files::read(&entry.path())?);
        }
    }
    Ok(texts)
}

/// The bill of materials. It has no serial number and no time, so the same source gives the same bytes.
fn bill(crates: &[Crate], order: &Order<'_>) -> Value {
    let dependencies: Vec<Value> = crates
        .iter()
        .map(|found| json!({ "ref": found.purl(), "dependsOn": found.uses }))
        .collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": crates.first().map(|program| component(program, "application")),
            "properties": [{ "name": "cargo:target", "value": order.target }],
        },
        "components": crates.iter().skip(1).map(|found| component(found, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies,
    })
}

fn component(found: &Crate, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": found.purl(),
        "name": found.name,
        "version": found.version,
        "purl": found.purl(),
        "licenses": [{ "expression": found.licence }],
    });
    if let (Some(sum), Some(fields)) = (&found.sum, component.as_object_mut()) {
        fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": sum }]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_every_crate_with_its_sum_and_what_it_uses() {
        let found = |name: &str, uses: &[&str]| Crate {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            authors: String::new(),
            folder: "/".into(),
            is_foreign: true,
            sum: Some("ab".to_owned()),
            uses: uses.iter().map(|name| (*name).to_owned()).collect(),
        };
        let order = Order {
            target: "t",
            tag: "v1.0.0",
            help: Path::new("/"),
            dist: Path::new("/"),
        };
        let bill = bill(&[found("p", &["pkg:cargo/a@1.0.0"]), found("a", &[])], &order);
        assert_eq!(
            bill["components"],
            json!([{
                "type": "library", "bom-ref": "pkg:cargo/a@1.0.0", "name": "a", "version": "1.0.0",
                "purl": "pkg:cargo/a@1.0.0", "licenses": [{ "expression": "MIT" }],
                "hashes": [{ "alg": "SHA-256", "content": "ab" }],
            }])
        );
        assert_eq!(bill["dependencies"][0]["dependsOn"][0], "pkg:cargo/a@1.0.0");
        assert_eq!(bill["metadata"]["component"]["type"], "application");
    }
}
