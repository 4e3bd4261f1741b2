//! The crates that a program is made of, as cargo resolves them for a target: what its normal dependencies link.
//!
//! Build scripts, procedural macros and what only tests use are not in it, as nothing of them is passed on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use azure_batch_e2e::{
    failure::{Doing as _, Failure, Result, ensure},
    files,
};
use serde_json::Value;

use crate::build::{Checkout, cargo};

/// A crate inside a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// Its licences, as an SPDX expression.
    pub(super) licence: String,
    pub(super) authors: String,
    /// The folder of its source.
    pub(super) folder: PathBuf,
    /// Whether it comes from a registry; else it is of this repository.
    pub(super) is_foreign: bool,
    /// The SHA-256 that the registry and Cargo.lock have for it.
    pub(super) sum: Option<String>,
    /// Names and versions of what it uses itself.
    pub(super) uses: BTreeSet<String>,
}

/// What cargo knows.
pub(super) struct Metadata {
    packages: BTreeMap<String, Value>,
    nodes: BTreeMap<String, Value>,
    sums: BTreeMap<String, String>,
}

impl Crate {
    /// Its package URL.
    pub(super) fn purl(&self) -> String {
        purl(&self.name, &self.version)
    }
}

/// Asks cargo for everything that is resolved for the target.
///
/// # Errors
/// When cargo refuses.
pub(super) fn metadata(checkout: &Checkout, target: &str) -> Result<Metadata> {
    let mut ask = cargo();
    ask.args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ]);
    let output = ask.current_dir(&checkout.root).output();
    let output = output.doing(|| "run cargo metadata".to_owned())?;
    ensure(output.status.success(), || {
        format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    let metadata = files::parse("cargo metadata", &String::from_utf8_lossy(&output.stdout))?;
    Ok(Metadata {
        packages: by_id(&metadata, "/packages"),
        nodes: by_id(&metadata, "/resolve/nodes"),
        sums: sums(&files::read(&checkout.root.join("Cargo.lock"))?),
    })
}

/// The crates of a program, itself first.
///
/// # Errors
/// When there is no such program.
pub(super) fn of(metadata: &Metadata, program: &str) -> Result<Vec<Crate>> {
    let is_program = |package: &&Value| text(package, "name") == program;
    let root = metadata.packages.values().find(is_program);
    let root = root.ok_or_else(|| Failure::unexpected(format!("cargo knows no {program}")))?;
    let mut seen = BTreeSet::new();
    let mut next = vec![text(root, "id").to_owned()];
    let mut crates = Vec::new();
    while let Some(id) = next.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let uses = linked_by(metadata, &id);
        crates.extend(metadata.packages.get(&id).map(|package| read(metadata, package, &uses)));
        next.extend(uses);
    }
    if let Some(others) = crates.get_mut(1..) {
        others.sort();
    }
    Ok(crates)
}

fn read(metadata: &Metadata, package: &Value, uses: &[String]) -> Crate {
    let (name, version) = (text(package, "name").to_owned(), text(package, "version").to_owned());
    let authors = package.get("authors").and_then(Value::as_array).into_iter().flatten();
    let used = uses.iter().filter_map(|id| metadata.packages.get(id));
    Crate {
        licence: text(package, "license").replace('/', " OR "),
        authors: authors.filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        folder: Path::new(text(package, "manifest_path"))
            .parent()
            .unwrap_or(Path::new(""))
            .to_owned(),
        is_foreign: package.get("source").is_some_and(Value::is_string),
        sum: metadata.sums.get(&purl(&name, &version)).cloned(),
        uses: used
            .map(|used| purl(text(used, "name"), text(used, "version")))
            .collect(),
        name,
        version,
    }
}

/// The ids of what a crate links.
fn linked_by(metadata: &Metadata, id: &str) -> Vec<String> {
    let dependencies = metadata.nodes.get(id).and_then(|node| node.get("deps")?.as_array());
    let linked = dependencies.into_iter().flatten().filter(|dependency| {
        let kinds = dependency.get("dep_kinds").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.get("kind").is_some_and(Value::is_null)))
    });
    let ids = linked.map(|dependency| text(dependency, "pkg").to_owned());
    ids.filter(|id| metadata.packages.get(id).is_some_and(|package| !is_macro(package)))
        .collect()
}

fn is_macro(package: &Value) -> bool {
    let targets = package.get("targets").and_then(Value::as_array);
    let mut kinds = targets
        .into_iter()
        .flatten()
        .filter_map(|target| target.get("kind")?.as_array())
        .flatten();
    kinds.any(|kind| kind == "proc-macro")
}

fn by_id(metadata: &Value, place: &str) -> BTreeMap<String, Value> {
    let list = metadata.pointer(place).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|entry| (text(entry, "id").to_owned(), entry.clone()))
        .collect()
}

/// The checksums in Cargo.lock, by package URL.
fn sums(lock: &str) -> BTreeMap<String, String> {
    let field = |package: &str, name: &str| {
        let start = format!("{name} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(start.as_str()));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            Some((
                purl(&field(package, "name")?, &field(package, "version")?),
                field(package, "checksum")?,
            ))
        })
        .collect()
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            sums(lock).into_iter().collect::<Vec<_>>(),
            [("pkg:cargo/a@1.0.0".to_owned(), "ab".to_owned())]
        );
    }

    #[test]
    fn build_scripts_macros_and_tests_are_not_in_a_program() {
        let package = |id: &str, kind: &str| {
            serde_json::json!({"id": id, "name": id, "version": "1.0.0", "license": "MIT/Apache-2.0",
                "manifest_path": "/x/Cargo.toml", "authors": [], "targets": [{"kind": [kind]}]})
        };
        let uses = |id: &str, kind: Value| serde_json::json!({"pkg": id, "dep_kinds": [{"kind": kind}]});
        let whole = serde_json::json!({
            "packages": [package("p", "bin"), package("linked", "lib"), package("derive", "proc-macro"),
                package("built", "lib"), package("tested", "lib")],
            "resolve": {"nodes": [{"id": "p", "deps": [uses("linked", Value::Null), uses("derive", Value::Null),
                uses("built", "build".into()), uses("tested", "dev".into())]}]},
        });
        let metadata = Metadata {
            packages: by_id(&whole, "/packages"),
            nodes: by_id(&whole, "/resolve/nodes"),
            sums: BTreeMap::new(),
        };
        let crates = of(&metadata, "p").unwrap();
        let names: Vec<&str> = crates.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["p", "linked"]);
        assert_eq!(crates[0].licence, "MIT OR Apache-2.0");
    }
}
