//! Whether something was allowed, as a type.
//!
//! What is asked for it is each reader's own.

/// Whether something was allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// It was not said.
    #[default]
    No,
    /// It was.
    Yes,
}
