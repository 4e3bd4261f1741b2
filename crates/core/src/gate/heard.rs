//! What the answer of a gate means. Pure.

use std::io;

use serde::Serialize;

use crate::{answer::Answer, harmless::harmless, one_line::one_line, shell::Ran, transport::SendError};

/// The exit code of a command that says "not yet": `EX_TEMPFAIL` of sysexits.h, "the user is invited to retry".
const NOT_YET: i32 = 75;

/// The exit codes of a shell that has not run the command: it is no program, or there is none of that name (POSIX).
const NOT_RUN: [i32; 2] = [126, 127];

/// How much is kept of what a gate wrote, in letters: the end, which says why.
const KEPT: usize = 2000;

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The roll-out may go on.
    Yes,
    /// It is to be asked again.
    NotYet,
    /// The image counts as bad.
    No,
}

/// What was heard of a gate once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it means.
    pub said: Said,
    /// The gate's own terms.
    pub why: String,
    /// The end of what it wrote, safe to show but for secrets.
    pub output: String,
}

impl Said {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::NotYet => "not yet",
            Self::No => "no",
        }
    }
}

impl Heard {
    /// A gate that was still at work when its time was over.
    pub(super) fn too_late() -> Self {
        Self {
            said: Said::NotYet,
            why: "it had not ended".to_owned(),
            output: String::new(),
        }
    }
}

/// What a command says.
///
/// # Errors
/// Why it was not run at all, which says nothing.
pub(super) fn of_command(ran: io::Result<Ran>) -> Result<Heard, String> {
    let ran = ran.map_err(|cause| cause.to_string())?;
    let output = end_of(&ran.output);
    let said = match ran.exit_code {
        Some(0) => Said::Yes,
        Some(NOT_YET) => Said::NotYet,
        Some(code) if NOT_RUN.contains(&code) => {
            let wrote = one_line(&output);
            return Err(format!("the shell ended with exit code {code}: {wrote}"));
        }
        Some(_) | None => Said::No,
    };
    let why = match ran.exit_code {
        Some(code) => format!("exit code {code}"),
        None => "it was ended by a signal".to_owned(),
    };
    Ok(Heard { said, why, output })
}

/// What an address says. Whatever stands between may fail for a while, which is no answer of the gate.
pub(super) fn of_address(sent: Result<Answer, SendError>) -> Heard {
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            return Heard {
                said: Said::NotYet,
                why: error.to_string(),
                output: String::new(),
            };
        }
    };
    let said = match answer.status.as_u16() {
        200..=299 => Said::Yes,
        408 | 425 | 429 | 502..=504 => Said::NotYet,
        _ => Said::No,
    };
    let why = match answer.status.as_u16() {
        code @ 300..=399 => format!("it answered {code}, and a redirect is not followed"),
        code => format!("it answered {code}"),
    };
    Heard {
        said,
        why,
        output: end_of(&String::from_utf8_lossy(&answer.body)),
    }
}

/// The end of a text, safe to show.
fn end_of(text: &str) -> String {
    let text = harmless(text.trim_end());
    let start = text.char_indices().rev().nth(KEPT - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn each_exit_code_has_one_meaning() {
        let of = |exit_code| {
            let output = "\u{1b}[31mbad::x\n::error::y\n".to_owned();
            of_command(Ok(Ran { exit_code, output })).map(|heard| (heard.said, heard.why, heard.output))
        };
        let output = || " [31mbad::x\n: :error::y".to_owned();
        assert_eq!(of(Some(0)), Ok((Said::Yes, "exit code 0".to_owned(), output())));
        assert_eq!(of(Some(75)), Ok((Said::NotYet, "exit code 75".to_owned(), output())));
        for code in [1, 2, 74, 76, 128, 255] {
            assert_eq!(of(Some(code)).unwrap().0, Said::No, "{code}");
        }
        assert_eq!(
            of(None),
            Ok((Said::No, "it was ended by a signal".to_owned(), output()))
        );
        for code in [126, 127] {
            assert!(of(Some(code)).unwrap_err().contains(&format!("exit code {code}")));
        }
        let no_shell = of_command(Err(io::Error::new(io::ErrorKind::NotFound, "no such file")));
        assert_eq!(no_shell, Err("no such file".to_owned()));
    }

    #[test]
    fn each_answer_of_an_address_has_one_meaning() {
        let of = |status: u16| {
            let response = http::Response::builder().status(status).body(Bytes::from("why\n"));
            of_address(Ok(Answer::from(response.unwrap())))
        };
        for (codes, said) in [
            (&[200, 202, 204, 299][..], Said::Yes),
            (&[408, 425, 429, 502, 503, 504], Said::NotYet),
            (&[301, 302, 307, 308, 400, 401, 403, 404, 409, 500, 501], Said::No),
        ] {
            for code in codes {
                assert_eq!((of(*code).said, of(*code).output.as_str()), (said, "why"), "{code}");
            }
        }
        assert!(of(302).why.contains("redirect is not followed"));
        let lost = of_address(Err(SendError::UnknownEffect {
            to: "gates.example".to_owned(),
            source: "reset".into(),
        }));
        assert_eq!(lost.said, Said::NotYet);
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let long = format!("{}the end", "x".repeat(10_000));
        let kept = end_of(&long);
        assert!(kept.ends_with("the end") && kept.chars().count() == KEPT);
    }
}
