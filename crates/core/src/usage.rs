//! Who uses images, in everything in sight: pools and their nodes, pools that jobs and schedules make, virtual machines
//! and scale sets. It writes nothing.
//!
//! What cannot be read is a [`Blind`] spot with the right that is missing. What may be deleted is for the flows to say.

mod look;
mod mention;

use std::fmt;

use serde::Serialize;

pub use self::{
    look::read,
    mention::{Aliases, Claim, Claimed},
};
use crate::ids::{Location, VersionNumber};

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
    /// Who: `pool render in acct1`.
    pub user: String,
    /// In which way.
    pub how: How,
    /// The image's id, or what a marketplace image is called.
    pub image: String,
    /// Which version of a definition it is, where that is known.
    pub exact: Option<VersionNumber>,
    /// Where; absent when nothing shows it.
    pub region: Option<Location>,
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
}

/// A text of a pool in which images may be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whose text it is: `pool render in acct1`.
    pub user: String,
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
        }
    }
}

impl Note {
    fn sentence(&self) -> String {
        format!("{} may return to it: its metadata name it", self.user)
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
