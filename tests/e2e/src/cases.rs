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
mod installed;
mod interrupted;
mod killed;
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
        pages::CASES,
        in_place::CASES,
        killed::CASES,
        many::CASES,
        failures::CASES,
        gates::CASES,
        work::CASES,
        examples::CASES,
        action::CASES,
        workflows::CASES,
        older_packers::CASES,
        interrupted::CASES,
        pool::CASES,
        fleet::CASES,
        hcp::CASES,
        provenance::CASES,
        publish::CASES,
        adopt::CASES,
        cancelled::CASES,
        browser::CASES,
        images::CASES,
        installed::CASES,
        machines::CASES,
        mount::CASES,
        sign_in::CASES,
        terminal::CASES,
    ]
    .concat()
}
