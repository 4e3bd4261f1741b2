//! Texts of the product that name an option although the table of options should: such a text is wrong as soon as the
//! option is renamed, and wrong in the words of every other door.
//!
//! Names of one word (`tags`, `location`) are left out: they are Azure's own words as well.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{ImplItemFn, Item, Lit, LitStr, Macro, visit::Visit};

use super::{
    CORE,
    read::{File, attributes, is_for_tests},
};

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

/// Every text outside the table that names an option of it.
pub(super) fn literals(sources: &[File]) -> Vec<String> {
    let tables = sources.iter().filter(|file| is_table(&file.path));
    let names: BTreeSet<String> = tables.flat_map(names).filter(|name| name.contains('_')).collect();
    let product = sources
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.is_product());
    let outside = product.filter(|file| !is_table(&file.path));
    outside.flat_map(|file| in_file(file, &names)).collect()
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

fn in_file(file: &File, names: &BTreeSet<String>) -> Vec<String> {
    let named = Texts::of(file).found.into_iter().filter_map(|text| {
        let name = named(&text.value(), names)?;
        Some(format!("{}:{}: names {name}", file.path, text.span().start().line))
    });
    named.collect()
}

/// The first option that a text names, in whatever spelling.
fn named(text: &str, names: &BTreeSet<String>) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    let plain = words.map(|word| word.trim_start_matches('-').replace('-', "_"));
    plain.into_iter().find(|word| names.contains(word))
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
                    c(\"tags\", \"pool_id\");\n    d(\"vm_sizes, os-disk\");\n}\n#[cfg(test)]\nmod tests {\n    fn g() { a(\"vm_size\") }\n}";
        let sources = [
            File::parse("crates/core/src/options/pool.rs", table)?,
            File::parse("crates/core/src/a.rs", code)?,
        ];
        assert_eq!(
            literals(&sources),
            [
                "crates/core/src/a.rs:3: names vm_size",
                "crates/core/src/a.rs:4: names vm_size",
                "crates/core/src/a.rs:6: names os_disk"
            ]
        );
        Ok(())
    }
}
