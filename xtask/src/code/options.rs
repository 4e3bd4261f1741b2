//! Texts of the product that name an option although the table of options should: such a text is wrong as soon as the
//! option is renamed, and wrong in the words of every other door.
//!
//! Names of one word (`tags`, `location`) are left out: they are Azure's own words as well. So are a text's `{name}`,
//! which is a reference to the table or a variable, and the flags of a command of az, which are az's own.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{ImplItemFn, Item, Lit, LitStr, Macro, visit::Visit};

use super::{
    CORE,
    read::{File, attributes, is_for_tests},
};

/// Where a text means something else of the same name.
pub(super) const NAMESAKES: &[Namesake] = &[
    // What can be kept.
    ("crates/core/src/settings/temporaries.rs", "managed_image"),
    // A key of the manifest.
    ("crates/core/src/settings/manifest.rs", "node_agent_sku_id"),
    // The name of a check.
    ("crates/core/src/publish/checks.rs", "purchase_plan"),
    ("crates/core/src/publish/checks/vhds.rs", "purchase_plan"),
    ("crates/core/src/publish/checks.rs", "base_image"),
    ("crates/core/src/publish/checks/vhds.rs", "base_image"),
    // A key of the manifest.
    ("crates/core/src/settings/manifest.rs", "os_type"),
    // azure-arm's own option.
    (
        "crates/packer-plugin/src/artifact_in.rs",
        "shared_image_gallery_destination",
    ),
    // The kind of our artifact, and labels for HCP Packer.
    ("crates/packer-plugin/src/artifact_out.rs", "image_version"),
    ("crates/packer-plugin/src/artifact_out.rs", "os_type"),
    ("crates/packer-plugin/src/artifact_out.rs", "hyper_v_generation"),
    // A group of commands of az.
    ("crates/core/src/typing/az.rs", "image_version"),
    ("crates/core/src/promotion.rs", "image_version"),
    ("crates/core/src/typing/az.rs", "resource_groups"),
    // A field of a message.
    ("crates/packer-plugin/src/imaging.rs", "metadata_host"),
    // Outputs of the action.
    ("crates/action/src/report/outputs.rs", "pool_id"),
    ("crates/action/src/report/answer.rs", "pool_id"),
    ("crates/action/src/report/answer.rs", "image_version"),
    // Keys of an event.
    ("crates/core/src/settings/manifest.rs", "image_version"),
    ("crates/action/src/github/event.rs", "image_version"),
    ("crates/action/src/github/notify.rs", "image_version"),
    ("crates/action/src/github/notify.rs", "image_definition"),
    ("crates/action/src/github/notify.rs", "os_type"),
    ("crates/action/src/github/notify.rs", "node_agent_sku_id"),
    // What a pool file may hold.
    ("crates/action/src/verbs/started.rs", "image_version"),
    ("crates/action/src/report/outputs.rs", "image_version"),
    ("crates/action/src/report/outputs.rs", "report_path"),
    ("crates/action/src/report/outputs.rs", "vm_size"),
    ("crates/action/src/report/fleet.rs", "vm_size"),
];

/// A file, and a name that is not an option's there.
type Namesake = (&'static str, &'static str);

/// An option's name in a text.
struct Named {
    path: String,
    line: usize,
    name: String,
}

/// Collects the texts of a file; what attributes such as `doc` say is left out.
#[derive(Default)]
struct Texts {
    found: Vec<LitStr>,
}

impl Texts {
    fn of(file: &File) -> Self {
        let mut texts = Self::default();
        texts.visit_file(&file.syntax);
        texts
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.found.push(text);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            syn::visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_attribute(&mut self, _attribute: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.found.push(text.clone());
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        self.tokens(invoked.tokens.clone());
    }
}

/// Every text outside the table that names an option of it, and every namesake that is not there any more.
pub(super) fn literals(sources: &[File], namesakes: &[Namesake]) -> Vec<String> {
    let tables = sources.iter().filter(|file| is_table(&file.path));
    let names: BTreeSet<String> = tables.flat_map(names).filter(|name| name.contains('_')).collect();
    let product = sources
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.is_product());
    let outside = product.filter(|file| !is_table(&file.path));
    let named: Vec<Named> = outside.flat_map(|file| in_file(file, &names)).collect();
    let is_namesake = |named: &Named, (path, name): &Namesake| named.path == *path && named.name == *name;
    let meant = named
        .iter()
        .filter(|named| !namesakes.iter().any(|other| is_namesake(named, other)));
    let gone = namesakes
        .iter()
        .filter(|other| !named.iter().any(|named| is_namesake(named, other)));
    let meant = meant.map(|named| format!("{}:{}: names {}", named.path, named.line, named.name));
    let gone = gone.map(|(path, name)| format!("{path}: names {name} no more: remove it from the namesakes"));
    meant.chain(gone).collect()
}

/// The names of a table's rows, each within its block: `IMAGE_VERSION: "source.image_version", …`.
fn names(table: &File) -> Vec<String> {
    let rows = table.syntax.items.iter().filter_map(|item| match item {
        Item::Macro(item) => Some(item.mac.tokens.clone()),
        _ => None,
    });
    let mut names = Vec::new();
    for tokens in rows {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for row in tokens.windows(3) {
            if let [TokenTree::Ident(_), TokenTree::Punct(colon), TokenTree::Literal(path)] = row
                && colon.as_char() == ':'
                && let Lit::Str(path) = Lit::new(path.clone())
            {
                let path = path.value();
                names.push(path.rsplit_once('.').map_or(path.clone(), |(_, name)| name.to_owned()));
            }
        }
    }
    names
}

fn in_file(file: &File, names: &BTreeSet<String>) -> Vec<Named> {
    let texts = Texts::of(file).found.into_iter();
    let named = texts.flat_map(|text| {
        let line = text.span().start().line;
        named(&text.value(), names).into_iter().map(move |name| Named {
            path: file.path.clone(),
            line,
            name,
        })
    });
    named.collect()
}

/// The options that a text names, in whatever spelling.
fn named(text: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let text = without_references(text, names);
    let (before, command) = text.split_once("az ").unwrap_or((&text, ""));
    let ours = words(before).chain(words(command).filter(|word| !word.starts_with("--")));
    let plain = ours.map(|word| word.trim_start_matches('-').replace('-', "_"));
    plain.filter(|word| names.contains(word)).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
}

/// The text without every `{name}` and `{name=value}` of an option that exists.
fn without_references(text: &str, names: &BTreeSet<String>) -> String {
    let mut parts = text.split('{');
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push('{');
        match part.split_once('}') {
            Some((name, after)) if names.contains(name.split('=').next().unwrap_or(name)) => left.push_str(after),
            _ => left.push_str(part),
        }
    }
    left
}

fn is_table(path: &str) -> bool {
    path.strip_prefix(CORE)
        .is_some_and(|inside| inside == "/src/options.rs" || inside.starts_with("/src/options/"))
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;

    #[test]
    fn a_text_that_names_an_option_is_found_in_every_spelling() -> Result<(), Failure> {
        let table = "rows! {\n    ROWS [P]:\n    A: \"vm_size\", Pool, \"Not pool_id.\";\n    B: \"source.tags\", Pool;\n    \
                     C: \"source.os_disk\", Pool;\n}";
        let code = "#[doc = \"vm_size\"]\nfn f() {\n    a(\"give --vm-size\");\n    b!(x, \"vm_size: {y}\");\n    \
                    c(\"tags\", \"pool_id\");\n    d(\"vm_sizes, os-disk\");\n    \
                    e(\"{vm_size}, az x --vm-size y; os_disk\", \"same vm_size\", \"vm_size\");\n}\n#[cfg(test)]\nmod tests {\n    fn g() { a(\"vm_size\") }\n}";
        let sources = [
            File::parse("crates/core/src/options/pool.rs", table)?,
            File::parse("crates/core/src/a.rs", code)?,
        ];
        let namesakes = [("crates/core/src/a.rs", "os_disk"), ("crates/core/src/b.rs", "vm_size")];
        assert_eq!(
            literals(&sources, &namesakes),
            [
                "crates/core/src/a.rs:3: names vm_size",
                "crates/core/src/a.rs:4: names vm_size",
                "crates/core/src/a.rs:7: names vm_size",
                "crates/core/src/a.rs:7: names vm_size",
                "crates/core/src/b.rs: names vm_size no more: remove it from the namesakes"
            ]
        );
        Ok(())
    }
}
