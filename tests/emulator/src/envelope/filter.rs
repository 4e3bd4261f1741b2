//! `$filter` on the resource manager's own lists: fields compared with texts, joined by `and`.
//!
//! What else the service understands is refused, not ignored: a list that is too long would look right.

use serde_json::Value;

use super::{error::ArmError, path::ArmPath, unsupported::unsupported};
use crate::{http::Request, json as edit};

/// The fields that can be compared, in lower case.
const FIELDS: [&str; 6] = [
    "resourcetype",
    "name",
    "resourcegroup",
    "location",
    "tagname",
    "tagvalue",
];

/// A filter; the empty one admits everything.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Field, in lower case, and what it must be.
    wanted: Vec<(&'static str, String)>,
}

impl Filter {
    /// The filter of a request.
    pub(crate) fn of(request: &Request) -> Result<Self, ArmError> {
        let text = request.query("$filter").unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let wanted: Option<Vec<_>> = terms(text).iter().map(|term| read(term)).collect();
        wanted.map(|wanted| Self { wanted }).ok_or_else(|| unsupported(request))
    }

    /// Refuses a request that filters a list without filters.
    pub(crate) fn refuse(request: &Request) -> Result<(), ArmError> {
        match request.query("$filter") {
            None | Some("") => Ok(()),
            Some(_) => Err(unsupported(request)),
        }
    }

    /// Whether a resource, as lists show it, is wanted.
    pub(crate) fn admits(&self, resource: &Value) -> bool {
        let tag = self.value("tagname");
        self.wanted.iter().all(|(field, value)| match *field {
            "tagname" => tagged(resource, value).is_some(),
            "tagvalue" => tag.is_some_and(|name| tagged(resource, name) == Some(value)),
            "resourcegroup" => group_of(resource).is_some_and(|own| own.eq_ignore_ascii_case(value)),
            "resourcetype" => is(resource, "/type", value),
            other => is(resource, &format!("/{other}"), value),
        })
    }

    fn value(&self, field: &str) -> Option<&str> {
        let mut of_field = self.wanted.iter().filter(|(own, _)| *own == field);
        of_field.next().map(|(_, value)| value.as_str())
    }
}

/// The terms between the `and`s that are outside quotes.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut quoted = false;
    for word in text.split_inclusive(' ') {
        if !quoted && word.trim().eq_ignore_ascii_case("and") {
            terms.push(String::new());
            continue;
        }
        quoted ^= word.matches('\'').count() % 2 == 1;
        if let Some(term) = terms.last_mut() {
            term.push_str(word);
        }
    }
    terms
}

/// `field eq 'value'`, where a quote in the value is doubled.
fn read(term: &str) -> Option<(&'static str, String)> {
    let mut words = term.trim().splitn(3, ' ');
    let (field, operator, value) = (words.next()?, words.next()?, words.next()?);
    let field = FIELDS.into_iter().find(|known| known.eq_ignore_ascii_case(field))?;
    let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    operator
        .eq_ignore_ascii_case("eq")
        .then(|| (field, value.replace("''", "'")))
}

fn is(resource: &Value, pointer: &str, wanted: &str) -> bool {
    edit::text(resource, pointer).is_some_and(|own| own.eq_ignore_ascii_case(wanted))
}

fn tagged<'a>(resource: &'a Value, name: &str) -> Option<&'a str> {
    let tags = resource.get("tags")?.as_object()?;
    let tag = tags.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    tag.and_then(|(_, value)| value.as_str())
}

fn group_of(resource: &Value) -> Option<String> {
    ArmPath::parse(edit::text(resource, "/id")?)?.group
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(text: &str) -> Option<Filter> {
        let wanted: Option<Vec<_>> = terms(text).iter().map(|term| read(term)).collect();
        wanted.map(|wanted| Filter { wanted })
    }

    #[test]
    fn compares_fields_and_tags() {
        let disk = json!({
            "id": "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Compute/disks/d", "name": "d",
            "type": "Microsoft.Compute/disks", "location": "eastus2", "tags": {"Owner": "you and me", "q": "it's"},
        });
        for (text, expected) in [
            ("resourceType eq 'microsoft.compute/DISKS'", true),
            ("resourceType eq 'Microsoft.Compute/images'", false),
            ("resourceGroup eq 'rg' and name eq 'd'", true),
            ("location eq 'westus2'", false),
            ("tagname eq 'owner' and tagvalue eq 'you and me'", true),
            ("tagName eq 'owner' and tagValue eq 'you'", false),
            ("tagName eq 'q' AND tagValue eq 'it''s'", true),
            ("tagValue eq 'you and me'", false),
        ] {
            assert_eq!(filter(text).unwrap().admits(&disk), expected, "{text}");
        }
        for text in [
            "name ne 'd'",
            "substringof('d', name)",
            "size eq '1'",
            "name eq d",
            "name eq",
        ] {
            assert!(filter(text).is_none(), "{text}");
        }
    }
}
