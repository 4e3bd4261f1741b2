//! The cases of `cargo xtask look`: everything that people see, played by the real programs, checked, and kept as pictures.
//!
//! A case fails when something cannot be read: prose that scrolls sideways, a command below the first screen, a log that
//! is not what it was. Whether it looks good is for people to say, who open [`album`]'s page.

pub mod album;
mod demo;
mod logs;
mod packer;
mod pages;
mod scene;
mod scenes;
mod snapshot;
mod summaries;
mod verbs;

use crate::suite::Case;

/// Every case. Those that take longest come first, so that the others run at the same time.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        pages::CASES,
        logs::CASES,
        summaries::CASES,
        verbs::CASES,
        demo::CASES,
        packer::CASES,
    ]
    .concat()
}
