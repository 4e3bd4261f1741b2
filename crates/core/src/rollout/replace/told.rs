//! What is said when a change in place came back, or when its record does not fit.

use crate::{
    error::{Error, ErrorKind},
    rollout::{
        checkpoint::because,
        explain,
        pool::PoolAccess,
        record::{CANCELLED, Record},
    },
    words::Words,
};

/// What works where the formula cannot be remembered.
const BY_HAND: &str = "take the formula from the pool (az batch pool autoscale disable), roll out with {target_dedicated_nodes}, \
                       and give {autoscale_formula} again in a roll-out after that";

pub(super) fn too_long() -> Error {
    Error::new(
        ErrorKind::Refused,
        "the record of this change does not fit into the pool's metadata",
    )
}

/// Batch does not say where the limit of metadata is. The first write of a change meets it, before anything else is done.
pub(super) fn too_large(error: Error, record: &Record) -> Error {
    if !error.has_code("MetadataTooLarge") {
        return error;
    }
    let (what, letters) = record.was.longest();
    let error = error.with_fact(format!(
        "what a return needs is written into the pool's metadata first, and its longest part is {what} of {letters} letters"
    ));
    let remedy = match record.was.autoscale {
        Some(_) => BY_HAND,
        None => "shorten it, or roll out to a new pool id",
    };
    error.with_hint(Words::naming(remedy))
}

pub(super) fn returned(access: &PoolAccess<'_>, record: &Record, bad: Option<Error>) -> Error {
    let id = access.id();
    let is_cancel = record.why.as_deref() == Some(CANCELLED);
    let why = match (is_cancel, record.is_made()) {
        (true, _) => "the roll-out was cancelled",
        (false, true) => "those that tried the image are not good",
        (false, false) => "the new image was found bad",
    };
    let text = if record.is_made() {
        format!("{why}, and pool {id} has 0 nodes again")
    } else {
        let former = record.former_image().map(explain::short_image);
        let image = former.as_deref().unwrap_or("its former image");
        format!("{why}, and pool {id} is on {image} again")
    };
    let next = if is_cancel {
        "to roll out after all, run again"
    } else {
        "correct the image, publish another version, and roll that one out"
    };
    let error = Error::plain(ErrorKind::Returned, text).with_next(next, None);
    because(error, bad, record.why.as_deref())
}
