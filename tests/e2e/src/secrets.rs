//! Looks for secrets in everything the cases left behind: logs, journals, summaries, artifacts.
//!
//! It gets the secrets that the cases use, and knows what a token looks like.

use std::path::Path;

use crate::{
    failure::{Failure, Result, ensure},
    files,
};

/// Every secret the cases hand to a program.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "secrets are not shown")]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// These.
    #[must_use]
    pub fn new(secrets: Vec<String>) -> Self {
        Self(secrets)
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
        let secrets = Secrets::new(vec!["hunter2".to_owned()]);
        let token = format!("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.{}", "s".repeat(86));
        for line in ["client_secret=hunter2", &format!("Authorization: Bearer {token}\"")] {
            assert!(secrets.kind_in(line).is_some(), "{line:?} passed");
        }
        for line in ["client_secret=***", "eyJ is how they begin", "a.b.c"] {
            assert_eq!(secrets.kind_in(line), None, "{line:?}");
        }
    }
}
