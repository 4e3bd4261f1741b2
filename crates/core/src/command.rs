//! A command line as Batch runs it: Batch runs no shell by itself, so the command is handed to the system's. And a value as
//! a shell takes it for one word.
//!
//! What it is for, such as a start task or a canary, is decided elsewhere.

/// The system a pool's nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeOs {
    /// Any Linux.
    Linux,
    /// Windows.
    Windows,
}

impl NodeOs {
    /// The system that a node agent SKU is for: those of Windows say so, all others are for Linux.
    #[must_use]
    pub fn of_agent(sku: &str) -> Self {
        if sku.to_ascii_lowercase().contains("windows") {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// The line that hands a command to the system's shell.
///
/// # Errors
/// With what is wrong with the command, as what follows its name.
pub fn command_line(command: &str, os: NodeOs) -> Result<String, &'static str> {
    let command = command.trim();
    if command.is_empty() {
        return Err("is empty: leave it out, or say what to run");
    }
    if command.contains('\0') {
        return Err("holds a NUL character, which no command line can carry");
    }
    match os {
        // Within single quotes a shell takes everything to the letter but the quote itself.
        NodeOs::Linux => Ok(format!("/bin/bash -c '{}'", command.replace('\'', r"'\''"))),
        NodeOs::Windows if command.contains(['\n', '\r']) => {
            Err("has several lines, and cmd runs one: join them with && or put them into a script")
        }
        // cmd takes away the first and the last quote of what follows /c and reads the rest as it is.
        NodeOs::Windows => Ok(format!("cmd /c \"{command}\"")),
    }
}

/// A value as a shell takes it for one word, whatever is in it.
pub(crate) fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else if value.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", value.replace('\'', "'\\''"))
    } else {
        format!("\"{value}\"")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whatever_is_in_a_value_is_one_word_of_a_shell() {
        for (value, word) in [
            ("a b", "\"a b\""),
            ("[].name", "\"[].name\""),
            ("$(rm -rf x)", "'$(rm -rf x)'"),
            ("it's $x", r"'it'\''s $x'"),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(value), word);
        }
    }

    #[test]
    fn commands_reach_the_shell_of_the_system() {
        let table = [
            ("echo hi", NodeOs::Linux, "/bin/bash -c 'echo hi'"),
            (
                "echo 'a b' \"$HOME\"",
                NodeOs::Linux,
                r#"/bin/bash -c 'echo '\''a b'\'' "$HOME"'"#,
            ),
            ("set -e\nmount -a", NodeOs::Linux, "/bin/bash -c 'set -e\nmount -a'"),
            ("echo %TEMP% & dir", NodeOs::Windows, "cmd /c \"echo %TEMP% & dir\""),
            (
                r#""C:\Program Files\x.exe" "a b""#,
                NodeOs::Windows,
                r#"cmd /c ""C:\Program Files\x.exe" "a b"""#,
            ),
        ];
        for (command, os, expected) in table {
            assert_eq!(command_line(command, os).unwrap(), expected);
        }
        assert!(command_line(" ", NodeOs::Linux).is_err());
        assert!(command_line("a\0b", NodeOs::Linux).is_err());
        assert!(command_line("a\r\nb", NodeOs::Windows).is_err());
    }

    #[test]
    fn the_system_follows_the_node_agent() {
        assert_eq!(NodeOs::of_agent("batch.node.windows amd64"), NodeOs::Windows);
        assert_eq!(NodeOs::of_agent("batch.node.el 9"), NodeOs::Linux);
    }

    /// Undoes the quoting as a POSIX shell does.
    fn unquote(line: &str) -> Option<String> {
        let mut word = String::new();
        let mut rest = line.strip_prefix("/bin/bash -c ")?.chars();
        let mut is_quoted = false;
        while let Some(c) = rest.next() {
            match (is_quoted, c) {
                (_, '\'') => is_quoted = !is_quoted,
                (false, '\\') => word.push(rest.next()?),
                (false, ' ') => return None,
                (_, c) => word.push(c),
            }
        }
        Some(word)
    }

    proptest! {
        #[test]
        fn a_posix_shell_gets_the_command_back(command in "[ -~\n]{1,80}") {
            prop_assume!(!command.trim().is_empty());
            let line = command_line(&command, NodeOs::Linux).unwrap();
            let unquoted = unquote(&line);
            prop_assert_eq!(unquoted.as_deref(), Some(command.trim()));
        }
    }
}
