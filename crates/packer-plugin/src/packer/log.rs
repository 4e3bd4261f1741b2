//! Writes the plugin's log: lines on stderr, which Packer copies into its own log.
//!
//! The only writer of stderr. Packer adds time and plugin name, so a line is a level and a
//! text. Shown to users with `PACKER_LOG=1` only: what they must know goes through
//! [`super::ui`].

use std::error::Error;
use std::io::Write as _;

use super::text::for_packer;

/// Logs what the plugin does.
pub fn info(text: &str) {
    write("INFO", text);
}

/// Logs what went wrong without stopping anything.
pub fn warn(text: &str) {
    write("WARN", text);
}

/// Logs what stopped something.
pub fn error(text: &str) {
    write("ERROR", text);
}

/// An error and its causes on one line. Some libraries put their cause into their own text; it is not said twice.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// Makes panics a line of the log, in words that Packer does not take for its own crash.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
}

fn write(level: &str, text: &str) {
    let mut lines = String::new();
    for line in for_packer(text).lines() {
        lines.push_str(&format!("[{level}] {line}\n"));
    }
    // When stderr is gone, there is no other place to report it.
    drop(std::io::stderr().lock().write_all(lines.as_bytes()));
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// The text of a layer that repeats its cause, as those of yamux do.
    #[derive(Debug, thiserror::Error)]
    #[error("decode error: {0}")]
    struct Repeats(#[source] io::Error);

    /// The text of a layer that leaves its cause to `source`.
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read")]
    struct Leaves(#[source] Repeats);

    #[test]
    fn a_cause_is_said_once() {
        let error = Leaves(Repeats(io::Error::other("frame body is too large (16777216)")));
        assert_eq!(
            chain(&error),
            "cannot read: decode error: frame body is too large (16777216)"
        );
    }
}
