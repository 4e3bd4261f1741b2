//! Inside a file: types first, then their impls, then functions, tests last.
//!
//! Imports, constants and macros may stand where they are needed.

use syn::Item;

use super::read::{File, attributes, is_for_tests};

/// What stands where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Type,
    Impl,
    Function,
    Tests,
}

impl Place {
    fn of(item: &Item) -> Option<Self> {
        if is_for_tests(attributes(item)) {
            return matches!(item, Item::Mod(_)).then_some(Self::Tests);
        }
        match item {
            Item::Struct(_) | Item::Enum(_) | Item::Trait(_) | Item::Type(_) | Item::Union(_) => Some(Self::Type),
            Item::Impl(_) => Some(Self::Impl),
            Item::Fn(_) => Some(Self::Function),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Type => "a type",
            Self::Impl => "an impl",
            Self::Function => "a function",
            Self::Tests => "tests",
        }
    }
}

/// The first thing of a file that stands too late.
pub(super) fn fault(file: &File) -> Option<String> {
    let is_module = |item: &&Item| matches!(item, Item::Mod(module) if module.content.is_none());
    let items = file.syntax.items.iter().filter(|item| !is_module(item));
    let places: Vec<Place> = items.filter_map(Place::of).collect();
    let late = places.windows(2).find(|pair| pair.first() > pair.last())?;
    let [before, after] = late else { return None };
    Some(format!(
        "{}: {} stands after {}",
        file.path,
        after.word(),
        before.word()
    ))
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;

    #[test]
    fn what_stands_too_late_is_named() -> Result<(), Failure> {
        let cases = [
            (
                "mod a;\nstruct A;\nconst C: u8 = 1;\nimpl A {}\nfn f() {}\n#[cfg(test)]\nmod tests {}",
                None,
            ),
            (
                "struct A;\nimpl A {}\nstruct B;",
                Some("a.rs: a type stands after an impl"),
            ),
            ("fn f() {}\nimpl A {}", Some("a.rs: an impl stands after a function")),
            (
                "#[cfg(test)]\nmod tests {}\nfn f() {}",
                Some("a.rs: a function stands after tests"),
            ),
            ("#[cfg(test)]\nmod tests;\nfn f() {}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(&File::parse("a.rs", text)?).as_deref(), expected, "{text}");
        }
        Ok(())
    }
}
