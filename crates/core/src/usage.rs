//! Who uses images, in everything in sight: pools and their nodes, pools that jobs and schedules make, virtual machines
//! and scale sets. It writes nothing.
//!
//! What cannot be read is a [`Blind`] spot with the right that is missing. What may be deleted is for the flows to say.

mod look;
mod making;
mod mention;
mod seen;

use std::fmt;

use serde::Serialize;

pub use self::{
    look::read,
    mention::{Aliases, Claim, Claimed},
};
pub(crate) use self::{making::GALLERIES, seen::or_blind};
use crate::{
    compute::gallery::Gallery,
    ids::{Location, VersionNumber, resource::GalleryId},
    rights::Part,
};

/// What was seen, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Every use of an image, whichever.
    pub uses: Vec<Use>,
    /// Texts in which images may be named: what pools remember of themselves.
    pub notes: Vec<Note>,
    /// What could not be read.
    pub blind: Vec<Blind>,
}

/// One use of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who.
    pub user: User,
    /// In which way.
    pub how: How,
    /// The image's id, or what a marketplace image is called.
    pub image: String,
    /// Which version of a definition it is, where that is known.
    pub exact: Option<VersionNumber>,
}

/// Who uses an image. `Display` is the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What it is called: `pool render in acct1`.
    pub name: String,
    /// Where it is; absent when nothing shows it.
    pub region: Option<Location>,
    /// How many nodes or instances it has.
    pub size: Size,
}

/// How many nodes or instances a user has or is to have, whichever is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many.
    Fixed(u32),
    /// So many by now, and a formula decides: what that will say is not known.
    ByFormula(u32),
}

/// In which way an image is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// New nodes or instances get it.
    ForNew,
    /// So many nodes or instances run it.
    Runs(u32),
    /// A pool that will be made gets it.
    ForPool,
    /// A machine was made of it.
    Machine,
    /// A version is being made of it.
    Source,
}

/// A text of a pool in which images may be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whose text it is.
    pub user: User,
    /// The text.
    pub text: String,
}

/// Something that could not be read, so that who uses what there is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blind {
    /// What it is.
    pub what: String,
    /// Why it could not be read.
    pub why: String,
    /// The right that is missing; absent when it is not a matter of rights.
    pub needs: Option<&'static str>,
}

impl Usage {
    /// Whether everything in sight could be read.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.blind.is_empty()
    }

    /// Who uses the managed image of that id.
    pub fn of_image(&self, id: &str) -> impl Iterator<Item = String> {
        let named = self.uses.iter().filter(move |it| it.image.eq_ignore_ascii_case(id));
        let lower = id.to_ascii_lowercase();
        let notes = self.notes.iter().filter(move |it| mention::names(&it.text, &lower));
        named.map(ToString::to_string).chain(notes.map(Note::sentence))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Size {
    /// How many.
    #[must_use]
    pub const fn nodes(self) -> u32 {
        match self {
            Self::Fixed(nodes) | Self::ByFormula(nodes) => nodes,
        }
    }
}

/// One sentence without the image.
impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user;
        match self.how {
            How::ForNew => write!(f, "{user} makes its nodes of it"),
            How::Runs(1) => write!(f, "1 node of {user} runs it"),
            How::Runs(nodes) => write!(f, "{nodes} nodes of {user} run it"),
            How::ForPool => write!(f, "{user} makes a pool of it"),
            How::Machine => write!(f, "{user} was made of it"),
            How::Source => write!(f, "{user} is being made of it"),
        }
    }
}

impl Note {
    fn sentence(&self) -> String {
        format!("{} may return to it: its metadata name it", self.user)
    }
}

impl Blind {
    /// Users of a gallery that is shared: others see it, and who they are shows nowhere.
    #[must_use]
    pub fn of_sharing(id: &GalleryId, gallery: &Gallery) -> Option<Self> {
        gallery.shared_with().map(|whom| Self {
            what: format!("gallery {} is shared ({whom})", id.name()),
            why: "who uses its versions elsewhere shows nowhere".to_owned(),
            needs: None,
        })
    }

    /// A list that may show only a part of a scope.
    pub(crate) fn of_part(part: &Part) -> Self {
        Self {
            what: part.what(),
            why: part.why.clone(),
            needs: Some(part.needs),
        }
    }
}

impl fmt::Display for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why.replace('\n', "\n    ");
        match self.needs {
            Some(right) => write!(f, "{} (needs {right}): {why}", self.what),
            None => write!(f, "{}: {why}", self.what),
        }
    }
}
