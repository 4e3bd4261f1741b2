//! How options are written in texts: what users of each door call them, and how they give them a value.
//!
//! Which options there are is the table's.

use super::{Chapter, Door, Kind, Opt, all, find_for, find_in};
use crate::command::quoted;

/// A piece of a text that may name options.
pub(crate) enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// An option.
    Opt(&'static Opt),
    /// An option and the value that it is to have.
    Set(&'static Opt, &'a str),
}

impl Opt {
    /// What users of a door call it.
    #[must_use]
    pub fn spelled(&self, door: Door) -> String {
        let dashed = || self.path.replace(['_', '.'], "-");
        if self.is_taken_by(Door::File) {
            // Whoever reads of it reads of a file.
            return self.path.replace('_', "-");
        }
        match door {
            Door::Template => self.path.to_owned(),
            Door::Flag if self.is_taken_by(Door::Flag) => format!("--{}", dashed()),
            // What has no flag is known to users of a command line by its variable.
            Door::Flag => self
                .variables
                .first()
                .map_or_else(|| self.input_variable(), |name| (*name).to_owned()),
            Door::Input | Door::File => dashed(),
            Door::Request if self.chapter == Chapter::SignIn => format!("connection.{}", self.path),
            Door::Request => format!("image.{}", self.path),
        }
    }

    /// How users of a door give it a value: `--strategy in-place`, `strategy: in-place`, `strategy = "in-place"`.
    #[must_use]
    pub fn set_to(&self, value: &str, door: Door) -> String {
        let name = self.spelled(door);
        match door {
            Door::Flag if self.is_taken_by(Door::Flag) && value == "true" => name,
            Door::Flag if self.is_taken_by(Door::Flag) => format!("{name} {}", quoted(value)),
            Door::Flag => format!("{name}={value}"),
            Door::Input | Door::File if value.contains(char::is_whitespace) => format!("{name}: {value:?}"),
            Door::Input | Door::File => format!("{name}: {value}"),
            Door::Template | Door::Request if matches!(self.kind, Kind::Bool | Kind::Number) => {
                format!("{name} = {value}")
            }
            Door::Template | Door::Request => format!("{name} = {value:?}"),
        }
    }
}

/// A text in which every `{path}` of an option became its name at a door, as code.
pub(super) fn spell(text: &str, door: Door) -> String {
    let at = |opt: &'static Opt| find_for(door, opt.path).unwrap_or(opt);
    let piece = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Opt(opt) => format!("`{}`", at(opt).spelled(door)),
        Piece::Set(opt, value) => format!("`{}`", at(opt).set_to(value, door)),
    };
    pieces(text).into_iter().map(piece).collect()
}

/// Splits a text at every `{path}` and `{path=value}` of an option; other braces are text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut search) = (0, 0);
    while let Some(open) = text.get(search..).and_then(|rest| rest.find('{')).map(|at| search + at) {
        search = open + 1;
        let inner = text.get(search..).and_then(|rest| rest.split_once('}'));
        if let Some((inner, _)) = inner
            && let Some(piece) = piece_of(inner)
        {
            pieces.extend(text.get(start..open).map(Piece::Text));
            pieces.push(piece);
            search += inner.len() + 1;
            start = search;
        }
    }
    pieces.extend(text.get(start..).map(Piece::Text));
    pieces
}

/// What stands between two braces, if it names an option.
fn piece_of(inner: &str) -> Option<Piece<'_>> {
    match inner.split_once('=') {
        Some((path, value)) => Some(Piece::Set(find_in(all(), path)?, value)),
        None => Some(Piece::Opt(find_in(all(), inner)?)),
    }
}
