//! Renders the functions of Packer's templates that a plugin has to render; pure.
//!
//! `{{user `name`}}`, `{{build `name`}}`, `{{build_name}}`, `{{build_type}}`, `{{timestamp}}` and `{{isotime}}`. Packer's
//! template language has more; they are reported, never taken for a name.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What Packer puts in place of a text that it does not know yet.
pub const UNKNOWN: &str = "<unknown>";

/// When it is.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub Timestamp);

/// The values that a template may name.
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    /// What `user` knows: the template's variables.
    pub user: &'a BTreeMap<String, String>,
    /// What `build` knows: the builder's `generated_data`.
    pub build: &'a BTreeMap<String, String>,
    /// The name of the build.
    pub build_name: &'a str,
    /// The type of the builder.
    pub build_type: &'a str,
    /// When it is.
    pub now: Moment,
}

impl std::fmt::Debug for Variables<'_> {
    /// Names the keys only: the values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables")
            .field("user", &self.user.keys())
            .field("build", &self.build.keys())
            .finish_non_exhaustive()
    }
}

/// Replaces every call in `text` that is known here. Calls that are not stay as they are, and are added to `refused`
/// without their braces.
///
/// A user variable that does not exist is empty, as in Packer; a build variable that is not known yet is [`UNKNOWN`].
#[must_use]
pub fn render(text: &str, variables: &Variables<'_>, refused: &mut Vec<String>) -> String {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some((before, action, after)) = next_action(rest) {
        rendered.push_str(before);
        match evaluate(action.trim(), variables) {
            Some(value) => rendered.push_str(&value),
            None => {
                rendered.push_str(&format!("{{{{{action}}}}}"));
                refused.push(action.trim().to_owned());
            }
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
    match action {
        "build_name" => return Some(variables.build_name.to_owned()),
        "build_type" => return Some(variables.build_type.to_owned()),
        "timestamp" => return Some(variables.now.0.as_second().to_string()),
        "isotime" => return Some(variables.now.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        _ => {}
    }
    let (function, argument) = action.split_once(char::is_whitespace)?;
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
    fn what_is_known_is_rendered_and_the_rest_is_reported() {
        let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let (user, build) = (map("who", "{{team}}"), map("ID", "vm-1"));
        let variables = Variables {
            user: &user,
            build: &build,
            build_name: "machine",
            build_type: "null",
            now: Moment("2026-11-22T05:46:31.5Z".parse().unwrap()),
        };
        let cases: [(&str, &str, &[&str]); 9] = [
            ("plain", "plain", &[]),
            ("{{user `who`}}", "{{team}}", &[]),
            ("a {{ user \"who\" }} b {{build `ID`}}", "a {{team}} b vm-1", &[]),
            ("{{user `nobody`}}.", ".", &[]),
            ("x{{build `Later`}}", "x<unknown>", &[]),
            ("m-{{build_name}}-{{ build_type }}.json", "m-machine-null.json", &[]),
            ("{{timestamp}} {{isotime}}", "1795326391 2026-11-22T05:46:31Z", &[]),
            (
                "{{isotime \"2006\"}} {{user `a` `b`}}",
                "{{isotime \"2006\"}} {{user `a` `b`}}",
                &["isotime \"2006\"", "user `a` `b`"],
            ),
            ("open {{ user `who`", "open {{ user `who`", &[]),
        ];
        for (text, expected, unknown) in cases {
            let mut refused = Vec::new();
            assert_eq!(render(text, &variables, &mut refused), expected, "{text}");
            assert_eq!(refused, unknown, "{text}");
        }
    }
}
