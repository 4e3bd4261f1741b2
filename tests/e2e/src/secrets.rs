//! Looks for secrets in everything the cases left behind: logs, journals, summaries, artifacts.
//!
//! It knows which secrets the cases use, since they all come from here, and what a token looks like.

use std::path::Path;

use crate::{
    failure::{Failure, Result, ensure},
    files,
};

/// The bearer token with which a job asks GitHub for its id token; the emulator takes any.
pub const OIDC_REQUEST_TOKEN: &str = "request-token-that-must-not-be-seen";

/// Every secret the cases hand to a program.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// The cases' own secrets and those of the emulator's seed.
    #[must_use]
    pub fn new(more: impl IntoIterator<Item = String>) -> Self {
        let mut all = vec![OIDC_REQUEST_TOKEN.to_owned()];
        all.extend(more.into_iter().filter(|secret| !secret.is_empty()));
        Self(all)
    }

    /// Looks through all files below a folder and gives how many it looked at.
    ///
    /// # Errors
    /// When a secret or a token is in one of them, naming the files, or when there is nothing to look at.
    pub fn search(&self, dir: &Path) -> Result<usize> {
        let files = files::below(dir)?;
        ensure(!files.is_empty(), || {
            format!("{} holds no file to search", dir.display())
        })?;
        let mut leaks = Vec::new();
        for file in &files {
            leaks.extend(self.leaks_in(file)?);
        }
        if leaks.is_empty() {
            Ok(files.len())
        } else {
            Err(Failure::Unexpected(leaks.join("\n")))
        }
    }

    fn leaks_in(&self, file: &Path) -> Result<Vec<String>> {
        let text = files::read(file)?;
        let leaks = text.lines().enumerate().filter_map(|(number, line)| {
            // The line itself is not shown: this text goes into a log too.
            self.kind_in(line)
                .map(|kind| format!("{}:{}: {kind}", file.display(), number + 1))
        });
        Ok(leaks.collect())
    }

    fn kind_in(&self, line: &str) -> Option<&'static str> {
        if self.0.iter().any(|secret| line.contains(secret.as_str())) {
            return Some("a secret");
        }
        line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
            .any(is_token)
            .then_some("a token")
    }
}

/// Whether a word is a JSON web token: three parts, the first of which begins as `{"` does in base64.
fn is_token(word: &str) -> bool {
    // Shorter words cannot carry a signature: ES256's alone has 86 characters.
    word.len() > 100 && word.starts_with("eyJ") && word.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_secrets_and_tokens() {
        let secrets = Secrets::new(["hunter2".to_owned()]);
        let token = format!("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.{}", "s".repeat(86));
        for line in [
            "client_secret=hunter2",
            OIDC_REQUEST_TOKEN,
            &format!("Authorization: Bearer {token}\""),
        ] {
            assert!(secrets.kind_in(line).is_some(), "{line:?} passed");
        }
        for line in ["client_secret=***", "eyJ is how they begin", "a.b.c"] {
            assert_eq!(secrets.kind_in(line), None, "{line:?}");
        }
    }
}
