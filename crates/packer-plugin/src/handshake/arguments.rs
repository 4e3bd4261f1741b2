//! Reads what follows `start` on the command line; pure.
//!
//! Other verbs are not Packer's and not read here.

use crate::describe::DEFAULT_NAME;
use crate::packer::spec::SpecEncoding;

/// Packer's flag for a spec in protobuf.
const PROTOBUF_FLAG: &str = "--protobuf";

/// How Packer wants the post-processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// How it wants the spec.
    pub encoding: SpecEncoding,
}

/// A component that this plugin does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// Nothing is named.
    #[error("start needs a component: start post-processor {DEFAULT_NAME}")]
    Missing,
    /// Another kind of component.
    #[error(
        "this plugin has no {kind}: it has one post-processor, which a template names \
         \"azure-batch\""
    )]
    Kind {
        /// As given.
        kind: String,
    },
    /// Another post-processor.
    #[error(
        "this plugin has no post-processor \"{name}\": it has one, which a template names \
         \"azure-batch\""
    )]
    Name {
        /// As given.
        name: String,
    },
    /// More than one component is named.
    #[error("start takes one component, not also \"{extra}\"")]
    Extra {
        /// The first argument too many.
        extra: String,
    },
}

/// Reads the arguments after `start`.
///
/// # Errors
///
/// When they name anything but our post-processor.
pub fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Start, ArgumentError> {
    let mut encoding = SpecEncoding::Gob;
    let mut names = Vec::new();
    for argument in arguments {
        if argument.as_ref() == PROTOBUF_FLAG {
            encoding = SpecEncoding::Protobuf;
        } else {
            names.push(argument.as_ref());
        }
    }
    match names.as_slice() {
        [] | ["post-processor"] => Err(ArgumentError::Missing),
        ["post-processor", DEFAULT_NAME] => Ok(Start { encoding }),
        ["post-processor", DEFAULT_NAME, extra, ..] => Err(ArgumentError::Extra {
            extra: (*extra).to_owned(),
        }),
        ["post-processor", name, ..] => Err(ArgumentError::Name {
            name: (*name).to_owned(),
        }),
        [kind, ..] => Err(ArgumentError::Kind {
            kind: (*kind).to_owned(),
        }),
    }
}
