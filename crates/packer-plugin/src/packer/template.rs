//! Renders the two functions of legacy JSON templates that reach a plugin; pure.
//!
//! `{{user `name`}}` and `{{build `name`}}` only. Packer's template language has many more
//! (`timestamp`, `isotime`, …), which stay as they are: an attribute's own check names them.

use std::collections::BTreeMap;

use super::config::UNKNOWN;

/// The values that a template may name.
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    /// What `user` knows: the template's variables.
    pub user: &'a BTreeMap<String, String>,
    /// What `build` knows: the builder's `generated_data`.
    pub build: &'a BTreeMap<String, String>,
}

impl std::fmt::Debug for Variables<'_> {
    /// Names the keys only: the values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables")
            .field("user", &self.user.keys())
            .field("build", &self.build.keys())
            .finish()
    }
}

/// Replaces every call in `text` whose value is known.
///
/// A user variable that does not exist is empty, as in Packer; a build variable that is not
/// known yet is [`UNKNOWN`].
#[must_use]
pub fn render(text: &str, variables: &Variables<'_>) -> String {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some((before, action, after)) = next_action(rest) {
        rendered.push_str(before);
        match evaluate(action, variables) {
            Some(value) => rendered.push_str(&value),
            None => rendered.push_str(&format!("{{{{{action}}}}}")),
        }
        rest = after;
    }
    rendered.push_str(rest);
    rendered
}

fn next_action(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (action, after) = rest.split_once("}}")?;
    Some((before, action, after))
}

fn evaluate(action: &str, variables: &Variables<'_>) -> Option<String> {
    let (function, argument) = action.trim().split_once(char::is_whitespace)?;
    let name = unquote(argument.trim())?;
    match function {
        "user" => Some(variables.user.get(name).cloned().unwrap_or_default()),
        "build" => Some(
            variables
                .build
                .get(name)
                .map_or_else(|| UNKNOWN.to_owned(), Clone::clone),
        ),
        _ => None,
    }
}

fn unquote(argument: &str) -> Option<&str> {
    ['`', '"'].into_iter().find_map(|quote| {
        argument
            .strip_prefix(quote)?
            .strip_suffix(quote)
            .filter(|name| !name.contains(quote))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_user_and_build_and_leaves_the_rest() {
        let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let (user, build) = (map("who", "{{team}}"), map("ID", "vm-1"));
        let variables = Variables {
            user: &user,
            build: &build,
        };
        let cases = [
            ("plain", "plain"),
            ("{{user `who`}}", "{{team}}"),
            ("a {{ user \"who\" }} b {{build `ID`}}", "a {{team}} b vm-1"),
            ("{{user `nobody`}}.", "."),
            ("x{{build `Later`}}", "x<unknown>"),
            ("{{timestamp}}-{{isotime \"2\"}}", "{{timestamp}}-{{isotime \"2\"}}"),
            ("{{user who}} {{user `a` `b`}}", "{{user who}} {{user `a` `b`}}"),
            ("open {{ user `who`", "open {{ user `who`"),
        ];
        for (text, expected) in cases {
            assert_eq!(render(text, &variables), expected, "{text}");
        }
    }
}
