//! Which file of a crate uses which: the tree of its modules, and its imports followed to the file that defines what
//! is imported.
//!
//! A module that names its children with `mod`, or shows what is theirs with `pub use`, does not use them.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;

use super::{
    read::{File, attributes, is_for_tests},
    uses::{Import, Names, Uses},
};

/// How many re-exports one after the other are followed.
const MOST_HOPS: usize = 8;

/// One crate's modules.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    /// The folder of its package.
    pub(super) package: &'a str,
    modules: BTreeMap<Names, Module<'a>>,
}

/// One module.
#[derive(Debug)]
struct Module<'a> {
    file: &'a str,
    own: BTreeSet<String>,
    uses: Uses,
}

/// Something of one file used by another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// The module that uses.
    pub(super) from: Names,
    /// The module whose own it is.
    pub(super) to: Names,
    /// The file that uses.
    pub(super) from_file: String,
    /// The file that is used.
    pub(super) to_file: String,
    /// What is used, as it is written.
    pub(super) what: String,
}

/// Where a path leads.
enum Target {
    Module(Names),
    ItemOf(Names),
}

impl<'a> Tree<'a> {
    fn grow(&mut self, path: Names, file: &'a str, items: &'a [Item], sources: &'a [File]) {
        for item in items {
            let Item::Mod(child) = item else { continue };
            if is_for_tests(&child.attrs) {
                continue;
            }
            let name = child.ident.to_string();
            let child_path: Names = path.iter().cloned().chain([name]).collect();
            if let Some((_, items)) = &child.content {
                self.grow(child_path, file, items, sources);
            } else if let Some(found) = sources.iter().find(|source| source.path == beside(file, &child_path)) {
                self.grow(child_path, &found.path, &found.syntax.items, sources);
            }
        }
        let module = Module {
            file,
            own: items.iter().filter_map(own_name).collect(),
            uses: Uses::of(items),
        };
        self.modules.insert(path, module);
    }

    /// The names of the modules right below the root.
    pub(super) fn top(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().filter_map(|path| match &path[..] {
            [name] => Some(name.as_str()),
            _ => None,
        })
    }

    /// Everything that one file uses of another.
    pub(super) fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (from, module) in &self.modules {
            let imports = module.uses.imports.iter();
            let imported = imports.filter_map(|import| self.imported(from, import));
            let globs = module
                .uses
                .globs
                .iter()
                .filter_map(|path| match self.resolve(from, path, MOST_HOPS)? {
                    Target::Module(to) => Some((to, path)),
                    Target::ItemOf(_) => None,
                });
            let paths = module.uses.paths.iter();
            let written = paths.filter_map(|path| Some((self.item(from, path)?, path)));
            for (to, path) in imported.chain(globs).chain(written) {
                let to_file = self.modules.get(&to).map_or("", |module| module.file);
                if to_file != module.file {
                    edges.insert(Edge {
                        from: from.clone(),
                        to,
                        from_file: module.file.to_owned(),
                        to_file: to_file.to_owned(),
                        what: path.join("::"),
                    });
                }
            }
        }
        edges
    }

    fn imported<'i>(&self, from: &Names, import: &'i Import) -> Option<(Names, &'i Names)> {
        let to = self.item(from, &import.path)?;
        let is_shown_child = import.is_public && to.starts_with(from);
        (!is_shown_child).then_some((to, &import.path))
    }

    fn item(&self, from: &Names, path: &Names) -> Option<Names> {
        match self.resolve(from, path, MOST_HOPS)? {
            Target::Module(_) => None,
            Target::ItemOf(module) => Some(module),
        }
    }

    /// Follows a path that is written in a module; none when it leads out of the crate.
    fn resolve(&self, from: &Names, path: &[String], hops: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&Names::new(), rest, hops),
            "self" => self.descend(from, rest, hops),
            "super" => self.resolve_above(from, rest, hops),
            _ => {
                let module = self.modules.get(from)?;
                let is_import = module.uses.imports.iter().any(|import| import.name == *first);
                let is_known =
                    is_import || self.modules.contains_key(&child(from, first)) || module.own.contains(first);
                is_known.then(|| self.descend(from, path, hops)).flatten()
            }
        }
    }

    fn resolve_above(&self, from: &Names, rest: &[String], hops: usize) -> Option<Target> {
        let (_, above) = from.split_last()?;
        match rest.split_first() {
            Some((next, rest)) if next == "super" => self.resolve_above(&above.to_vec(), rest, hops),
            _ => self.descend(&above.to_vec(), rest, hops),
        }
    }

    fn descend(&self, at: &Names, rest: &[String], hops: usize) -> Option<Target> {
        let Some((next, after)) = rest.split_first() else {
            return Some(Target::Module(at.clone()));
        };
        let below = child(at, next);
        if self.modules.contains_key(&below) {
            return self.descend(&below, after, hops);
        }
        let module = self.modules.get(at)?;
        let import = module.uses.imports.iter().find(|import| import.name == *next);
        match import.filter(|_| hops > 0 && !module.own.contains(next)) {
            Some(import) => {
                let path: Names = import.path.iter().chain(after).cloned().collect();
                self.resolve(at, &path, hops - 1)
            }
            None => Some(Target::ItemOf(at.clone())),
        }
    }
}

/// The trees of a package: its library, and a program that is not only a door to it.
pub(super) fn trees<'a>(package: &'a str, sources: &'a [File]) -> Vec<Tree<'a>> {
    let roots = ["lib.rs", "main.rs"].map(|name| format!("{package}/src/{name}"));
    let found = roots
        .iter()
        .filter_map(|root| sources.iter().find(|file| file.path == *root));
    let tree = |file: &'a File| {
        let mut tree = Tree {
            package,
            modules: BTreeMap::new(),
        };
        tree.grow(Names::new(), &file.path, &file.syntax.items, sources);
        tree
    };
    found.map(tree).collect()
}

fn child(of: &[String], name: &str) -> Names {
    of.iter().cloned().chain([name.to_owned()]).collect()
}

/// The file of a child module.
fn beside(parent_file: &str, child: &[String]) -> String {
    let source = parent_file.split_once("/src/").map_or("", |(package, _)| package);
    format!("{source}/src/{}.rs", child.join("/"))
}

fn own_name(item: &Item) -> Option<String> {
    if is_for_tests(attributes(item)) {
        return None;
    }
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;

    /// The edges of a crate of these files, each as `from -> to: what`.
    fn edges(files: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
        let parse = |(path, text): &(&str, &str)| File::parse(&format!("p/src/{path}"), text);
        let sources = files.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let trees = trees("p", &sources);
        let edges = trees.iter().flat_map(Tree::edges);
        let short = |file: &str| file.trim_start_matches("p/src/").to_owned();
        let shown = edges.map(|edge| format!("{} -> {}: {}", short(&edge.from_file), short(&edge.to_file), edge.what));
        Ok(shown.collect())
    }

    #[test]
    fn an_import_leads_to_the_file_that_defines_what_is_imported() -> Result<(), Failure> {
        let root = ("lib.rs", "mod a;\nmod b;\npub use a::inner::Thing;");
        let a = ("a.rs", "pub mod inner;\npub use inner::Thing;");
        let inner = ("a/inner.rs", "pub struct Thing;");
        for import in [
            "use crate::a::Thing;",
            "use crate::Thing;",
            "use crate::{a::{self, inner::Thing}};",
        ] {
            let found = edges(&[root, a, inner, ("b.rs", import)])?;
            assert_eq!(found.len(), 1, "{import}: {found:?}");
            assert!(
                found.iter().all(|edge| edge.starts_with("b.rs -> a/inner.rs")),
                "{import}: {found:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn paths_in_code_and_in_macros_count_as_imports_do() -> Result<(), Failure> {
        let root = ("lib.rs", "mod a;\nmod b;");
        let a = ("a.rs", "pub fn f() {}");
        let codes = [
            "fn g() { crate::a::f() }",
            "use crate::a;\nfn g() { a::f() }",
            "use super::a as other;\nfn g() { print!(\"{}\", other::f()) }",
        ];
        for code in codes {
            let found = edges(&[root, a, ("b.rs", code)])?;
            assert!(
                found.iter().any(|edge| edge.starts_with("b.rs -> a.rs")),
                "{code}: {found:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn tests_and_the_showing_of_children_are_not_uses() -> Result<(), Failure> {
        let root = ("lib.rs", "mod a;\nmod b;");
        let a = ("a.rs", "mod inner;\npub use inner::Thing;\nuse std::fmt::Display;");
        let inner = ("a/inner.rs", "pub struct Thing;");
        let b = (
            "b.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::a::Thing;\n}\n#[cfg(test)]\nuse crate::a::Thing;",
        );
        assert_eq!(edges(&[root, a, inner, b])?, Vec::<String>::new());
        Ok(())
    }
}
