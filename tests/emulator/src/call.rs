//! One request at one time: what every answer is a function of, besides the state.
//!
//! It reads no clock.

use jiff::Timestamp;

/// One request and its time.
#[derive(Debug)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a crate::http::Request,
    /// The emulated time.
    pub now: Timestamp,
}
