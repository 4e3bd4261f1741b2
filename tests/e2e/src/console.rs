//! The only file of `xtask` and of the cases that writes to the terminal.
//!
//! It writes whole lines and nothing else: no colour, no cursor, so that a log reads as the terminal did.

use std::io::{self, Write as _};

/// Writes a line. The work goes on when the terminal is gone.
pub fn say(line: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
    drop(written);
}

/// Writes a line of complaint.
pub fn complain(line: impl AsRef<str>) {
    let written = writeln!(io::stderr().lock(), "{}", line.as_ref());
    drop(written);
}
