//! The cases of `cargo xtask real`, by name.
//!
//! Each file below holds cases about one thing; this file is only the list.

mod action;
mod adopt;
mod browser;
mod cancelled;
mod examples;
mod failures;
mod fleet;
mod gates;
mod hcp;
mod images;
mod in_place;
mod interrupted;
mod machines;
mod many;
mod mount;
mod older_packers;
mod pages;
mod pool;
mod provenance;
mod publish;
mod sign_in;
mod terminal;
mod work;
mod workflows;

use crate::suite::Case;

/// Every case. Those that take longest come first, so that the others run at the same time.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        action::CASES,
        work::CASES,
        examples::CASES,
        workflows::CASES,
        pages::CASES,
        in_place::CASES,
        interrupted::CASES,
        older_packers::CASES,
        many::CASES,
        pool::CASES,
        provenance::CASES,
        fleet::CASES,
        hcp::CASES,
        gates::CASES,
        publish::CASES,
        adopt::CASES,
        cancelled::CASES,
        browser::CASES,
        failures::CASES,
        images::CASES,
        machines::CASES,
        mount::CASES,
        sign_in::CASES,
        terminal::CASES,
    ]
    .concat()
}
