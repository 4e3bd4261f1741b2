//! Reads Rust files once, as text and as syntax.
//!
//! It does not know how files hang together; `graph` does.

use std::path::Path;

use azure_batch_e2e::{
    failure::{Failure, Result},
    files,
};
use syn::{Attribute, Item, Meta};

/// One Rust file.
pub(super) struct File {
    /// Its path from the root of the checkout.
    pub(super) path: String,
    /// What stands in it.
    pub(super) text: String,
    /// The same, parsed.
    pub(super) syntax: syn::File,
}

impl File {
    /// Parses a text.
    ///
    /// # Errors
    /// When it is not Rust.
    pub(super) fn parse(path: &str, text: &str) -> Result<Self> {
        let syntax = syn::parse_file(text);
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax: syntax.map_err(|error| Failure::unexpected(format!("{path} is not Rust: {error}")))?,
        })
    }

    /// Whether the product is built from it: files of tests, benches, examples and build scripts are not.
    pub(super) fn is_product(&self) -> bool {
        self.path.contains("/src/") && !self.path.contains("/tests/it/") && !self.is_of_tests()
    }

    /// Whether it is of this package; every file is of the empty name.
    pub(super) fn is_of(&self, package: &str) -> bool {
        self.path
            .strip_prefix(package)
            .is_some_and(|rest| package.is_empty() || rest.starts_with('/'))
    }

    fn is_of_tests(&self) -> bool {
        let inside = self.path.rsplit_once("/src/").map_or("", |(_, inside)| inside);
        inside.split(['/', '.']).any(|part| part == "tests")
    }
}

/// Every Rust file of the packages.
///
/// # Errors
/// When one cannot be read or is not Rust.
pub(super) fn sources(root: &Path, packages: &[&str]) -> Result<Vec<File>> {
    let mut sources = Vec::new();
    for package in packages {
        for file in files::below(&root.join(package))? {
            if file.extension().is_some_and(|extension| extension == "rs") {
                let path = file.strip_prefix(root).unwrap_or(&file).display().to_string();
                sources.push(File::parse(&path, &files::read(&file)?)?);
            }
        }
    }
    Ok(sources)
}

/// Whether something is built for tests only.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        Meta::NameValue(_) => false,
    })
}

/// The attributes of an item.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
