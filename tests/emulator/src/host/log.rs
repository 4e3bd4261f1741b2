//! What the emulator says to people, on stderr; stdout belongs to the ready line.
//!
//! Nothing of a request but its first line is said, and of its query nothing.

use std::io::Write as _;

/// Says one line.
pub fn say(line: &str) {
    // A closed stderr is no reason to stop serving.
    let _ignored: Result<(), std::io::Error> = writeln!(std::io::stderr().lock(), "azure-emulator: {line}");
}
