//! Which versions of a definition a use or a text claims. Pure.
//!
//! A gallery's images have more names than one: their id, and those under which others see them.

use super::{How, Usage, Use, User};
use crate::ids::{Location, VersionNumber, resource::ImageDefinitionId};

/// The names of a definition, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aliases(Vec<String>);

/// What somebody needs of a definition, and the sentence that says who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What.
    pub of: Claimed,
    /// Who.
    pub user: User,
    /// Who, and how.
    pub why: String,
    /// How; absent where a text only names it.
    pub how: Option<How>,
}

/// What of a definition is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// One version.
    Version(VersionNumber),
    /// Whatever is latest; where, if that is known.
    Latest(Option<Location>),
    /// Some version; which one is not known.
    Some,
}

impl Aliases {
    /// The names of a definition: its own id, the one by which its gallery is shared directly, and those of a community
    /// gallery with these public names.
    #[must_use]
    pub fn new<'a>(definition: &ImageDefinitionId, public: impl IntoIterator<Item = &'a str>) -> Self {
        let gallery = definition.gallery();
        let (subscription, name) = (gallery.group().subscription(), definition.name());
        let shared = format!("/sharedgalleries/{subscription}-{}/images/{name}", gallery.name());
        let public = public
            .into_iter()
            .map(|public| format!("/communitygalleries/{public}/images/{name}"));
        let all = [definition.to_string(), shared].into_iter().chain(public);
        Self(all.map(|name| name.to_ascii_lowercase()).collect())
    }

    /// What an id or a text says behind one of these names, each time that it stands there.
    fn found<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let places = self.0.iter().flat_map(move |name| {
            let ends = text.match_indices(name.as_str()).map(|(at, name)| at + name.len());
            ends.filter_map(|end| text.get(end..))
        });
        places.filter(|rest| !rest.starts_with(is_of_name))
    }
}

impl Usage {
    /// What is needed of a definition, and by whom.
    #[must_use]
    pub fn of_definition(&self, names: &Aliases) -> Vec<Claim> {
        let uses = self.uses.iter().filter_map(|it| claim(it, names));
        let notes = self.notes.iter().flat_map(|note| {
            let text = note.text.to_ascii_lowercase();
            let numbers: Vec<VersionNumber> = names.found(&text).filter_map(number).collect();
            numbers.into_iter().map(|number| Claim {
                of: Claimed::Version(number),
                user: note.user.clone(),
                why: note.sentence(),
                how: None,
            })
        });
        uses.chain(notes).collect()
    }
}

fn claim(it: &Use, names: &Aliases) -> Option<Claim> {
    let image = it.image.to_ascii_lowercase();
    let rest = names.found(&image).next()?;
    let (of, why) = match (it.exact.or_else(|| number(rest)), it.how) {
        (Some(number), _) => (Claimed::Version(number), it.to_string()),
        (None, How::ForNew | How::ForPool) => {
            let why = format!("{} follows the definition", it.user);
            (Claimed::Latest(it.user.region.clone()), why)
        }
        (None, How::Runs(_) | How::Machine | How::Source) => {
            let why = format!("{} may run it, and shows its definition only", it.user);
            (Claimed::Some, why)
        }
    };
    Some(Claim {
        of,
        user: it.user.clone(),
        why,
        how: Some(it.how),
    })
}

/// The number of `/versions/1.0.0…`.
fn number(rest: &str) -> Option<VersionNumber> {
    let text = rest.strip_prefix("/versions/")?;
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let text = text.get(..end.unwrap_or(text.len()))?;
    text.trim_end_matches('.').parse().ok()
}

/// Whether a text names an id, in small letters, and not one that only begins so.
pub(super) fn names(text: &str, id: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut places = text.match_indices(id);
    places.any(|(at, id)| {
        text.get(at + id.len()..)
            .is_some_and(|rest| !rest.starts_with(is_of_name))
    })
}

/// Letters of a resource's name.
fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{Note, Size};

    const D: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d";

    fn of(uses: Vec<Use>, notes: &[&str]) -> Vec<Claimed> {
        let note = |text: &&str| Note {
            user: user(),
            text: (*text).to_owned(),
        };
        let usage = Usage {
            uses,
            notes: notes.iter().map(note).collect(),
            blind: Vec::new(),
        };
        let names = Aliases::new(&D.parse().unwrap(), ["pub-1"]);
        let claims = usage.of_definition(&names).into_iter();
        claims.map(|claim| claim.of).collect()
    }

    fn user() -> User {
        User {
            name: "pool p in a".to_owned(),
            region: None,
            size: Size::Fixed(1),
        }
    }

    fn used(image: &str, how: How, exact: Option<&str>) -> Use {
        Use {
            user: user(),
            how,
            image: image.to_owned(),
            exact: exact.map(|number| number.parse().unwrap()),
        }
    }

    fn version(number: &str) -> Claimed {
        Claimed::Version(number.parse().unwrap())
    }

    #[test]
    fn an_image_is_known_by_each_of_its_names_and_in_any_case() {
        let ids = [
            format!("{D}/versions/1.2.3"),
            format!("{}/VERSIONS/1.2.3", D.to_uppercase()),
            "/sharedGalleries/11111111-1111-1111-1111-111111111111-G/images/d/versions/1.2.3".to_owned(),
            "/CommunityGalleries/pub-1/Images/d/Versions/1.2.3".to_owned(),
        ];
        for id in ids {
            assert_eq!(of(vec![used(&id, How::ForNew, None)], &[]), [version("1.2.3")], "{id}");
        }
        for other in [
            format!("{D}2/versions/1.2.3"),
            format!("{D}-old"),
            "canonical:o:s:latest".to_owned(),
        ] {
            assert_eq!(of(vec![used(&other, How::ForNew, None)], &[]), [], "{other}");
        }
    }

    #[test]
    fn who_names_the_definition_follows_it_or_may_run_any_version() {
        let latest = format!("{D}/versions/latest");
        for id in [D, &latest] {
            assert_eq!(of(vec![used(id, How::ForPool, None)], &[]), [Claimed::Latest(None)]);
            assert_eq!(of(vec![used(id, How::Runs(2), None)], &[]), [Claimed::Some]);
            assert_eq!(of(vec![used(id, How::Machine, Some("1.0.1"))], &[]), [version("1.0.1")]);
        }
    }

    #[test]
    fn every_version_that_a_text_names_is_claimed() {
        let text =
            format!(r#"{{"to":"{D}/versions/1.0.2","was":{{"x":"{D}/versions/1.0.1"}},"o":"{D}2/versions/9.9.9"}}"#);
        assert_eq!(
            of(Vec::new(), &[&text, "nothing"]),
            [version("1.0.2"), version("1.0.1")]
        );
        assert!(names(&text, &format!("{D}/versions/1.0.1").to_ascii_lowercase()));
        assert!(!names(&text, &format!("{D}/versions/1.0").to_ascii_lowercase()));
    }
}
