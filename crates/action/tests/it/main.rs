//! The built program and its installer from the outside: files, streams, signals, exit codes.
//!
//! What the texts say in detail is tested next to the code that makes them; Azure itself is not needed here.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod install;
#[cfg(test)]
mod program;
