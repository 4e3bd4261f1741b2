//! The table of options against the files that must say the same: proto comments, reference page.
//!
//! With `UPDATE_DOCS=1` in the environment the files are brought up to the table instead. The
//! modules are marked as tests so that their helpers may fail by panicking, too.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod proto;
