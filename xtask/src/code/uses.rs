//! Which names a module uses: its imports, and the paths inside its code, also those inside macros.
//!
//! What a name stands for is `graph`'s matter. Code for tests is left out.

use proc_macro2::{TokenStream, TokenTree};
use syn::{ImplItemFn, Item, ItemMod, ItemUse, Macro, Path, UseTree, Visibility, visit::Visit};

use super::read::{attributes, is_for_tests};

/// A path, name by name.
pub(super) type Names = Vec<String>;

/// One import.
#[derive(Debug)]
pub(super) struct Import {
    /// The name by which the module knows it.
    pub(super) name: String,
    /// What is imported.
    pub(super) path: Names,
    /// Whether others see it through this module.
    pub(super) is_public: bool,
}

/// What a module uses.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Its imports.
    pub(super) imports: Vec<Import>,
    /// Modules of which it takes everything.
    pub(super) globs: Vec<Names>,
    /// Paths in its code.
    pub(super) paths: Vec<Names>,
}

impl Uses {
    /// Collects what these items use.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut uses = Self::default();
        items.iter().for_each(|item| uses.visit_item(item));
        uses
    }

    fn import(&mut self, tree: &UseTree, mut path: Names, is_public: bool) {
        match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.import(&next.tree, path, is_public);
            }
            UseTree::Group(group) => {
                let each = |next| self.import(next, path.clone(), is_public);
                group.items.iter().for_each(each);
            }
            UseTree::Glob(_) => self.globs.push(path),
            UseTree::Name(name) => self.named(&name.ident.to_string(), &name.ident.to_string(), path, is_public),
            UseTree::Rename(name) => self.named(&name.ident.to_string(), &name.rename.to_string(), path, is_public),
        }
    }

    fn named(&mut self, ident: &str, name: &str, mut path: Names, is_public: bool) {
        let is_itself = ident == "self" && !path.is_empty();
        let name = if name == "self" {
            path.last().cloned().unwrap_or_default()
        } else {
            name.to_owned()
        };
        if !is_itself {
            path.push(ident.to_owned());
        }
        self.imports.push(Import { name, path, is_public });
    }

    /// Paths such as `crate::ids::PoolId` among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 => path.push(ident.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    self.paths.push(std::mem::replace(&mut path, vec![ident.to_string()]));
                }
                TokenTree::Group(group) => {
                    self.paths.push(std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.paths.push(std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.paths.push(path);
    }
}

impl<'ast> Visit<'ast> for Uses {
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

    fn visit_item_mod(&mut self, _module: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            let is_public = !matches!(item.vis, Visibility::Inherited);
            self.import(&item.tree, Names::new(), is_public);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.paths
            .push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        self.tokens(invoked.tokens.clone());
        syn::visit::visit_macro(self, invoked);
    }
}
