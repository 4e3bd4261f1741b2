//! The end of a file that a task or a node wrote: it says why something failed.
//!
//! What cannot be read is no reason to fail.

use super::pool::PoolAccess;
use crate::request::Request;

/// How much is kept.
const KEPT: usize = 2000;

/// The end of a file; nothing when it cannot be read.
pub(super) async fn read(access: &PoolAccess<'_>, file: Request) -> String {
    let Ok(answer) = access.client().send(&file).await else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let start = text.char_indices().rev().nth(KEPT - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}
