//! Whom an assertion names: issuer, subject and audience, which are no secrets, and how to make Entra trust them.
//!
//! Nothing is verified: Entra does that.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ids::ClientId,
    json as read_json,
    typing::{Command, az},
};

/// GitHub's own issuer.
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The longest name of a federated credential that Entra takes.
const LONGEST_NAME: usize = 120;

/// What an assertion says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Who made it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// For whom it was made.
    pub audience: String,
    /// The same subject as GitHub writes it for repositories of the other age; absent for other issuers.
    pub other_subject: Option<String>,
}

impl Claims {
    /// Reads them from a signed token; nothing when it is not one.
    #[must_use]
    pub fn of(assertion: &str) -> Option<Self> {
        let body = assertion.split('.').nth(1)?.trim_end_matches('=');
        let body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let text = |pointer| read_json::text(&body, pointer).map(str::to_owned);
        let (issuer, subject) = (text("/iss")?, text("/sub")?);
        let audience = text("/aud").or_else(|| text("/aud/0")).unwrap_or_default();
        let other_subject = (issuer == GITHUB).then(|| other_form(&subject, &body)).flatten();
        Some(Self {
            issuer,
            subject,
            audience,
            other_subject,
        })
    }

    /// What makes an application trust exactly this.
    #[must_use]
    pub fn trust(&self, client: &ClientId) -> Command {
        let parameters = json!({
            "name": self.name(),
            "issuer": self.issuer,
            "subject": self.subject,
            "audiences": [self.audience],
        });
        let (client, parameters) = (client.to_string(), parameters.to_string());
        Command::new(az::TRUST, &[("client", &client), ("parameters", &parameters)])
    }

    /// A name that Entra takes.
    fn name(&self) -> String {
        let harmless = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = self.subject.chars().map(harmless).take(LONGEST_NAME).collect();
        name.trim_matches('-').to_owned()
    }
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "issuer {}, subject {}, audience {}",
            self.issuer, self.subject, self.audience
        )
    }
}

/// GitHub writes `repo:OWNER@ID/REPO@ID:…` for repositories made or renamed since 15 July 2026, and `repo:OWNER/REPO:…`
/// for older ones; the other form of a subject.
fn other_form(subject: &str, body: &Value) -> Option<String> {
    let rest = subject.strip_prefix("repo:")?;
    let (repository, place) = rest.split_once(':')?;
    let (owner, name) = repository.split_once('/')?;
    let without_id = |text: &str| text.split_once('@').map(|(plain, _)| plain.to_owned());
    if let (Some(owner), Some(name)) = (without_id(owner), without_id(name)) {
        return Some(format!("repo:{owner}/{name}:{place}"));
    }
    let id = |pointer| read_json::text(body, pointer);
    let (owner_id, repository_id) = (id("/repository_owner_id")?, id("/repository_id")?);
    Some(format!("repo:{owner}@{owner_id}/{name}@{repository_id}:{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(body: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(body.to_string()))
    }

    #[test]
    fn a_token_says_whom_it_is_about_in_both_of_githubs_forms() {
        let claims = |subject: &str| {
            let body = json!({"iss": GITHUB, "sub": subject, "aud": "api://AzureADTokenExchange",
                "repository_id": "2002", "repository_owner_id": "1001"});
            Claims::of(&token(&body)).unwrap()
        };
        let (old, new) = (
            "repo:example/images:ref:refs/heads/main",
            "repo:example@1001/images@2002:ref:refs/heads/main",
        );
        assert_eq!(claims(old).other_subject.as_deref(), Some(new));
        assert_eq!(claims(new).other_subject.as_deref(), Some(old));
        assert_eq!(claims("repo:odd").other_subject, None);
    }

    #[test]
    fn the_line_makes_entra_trust_exactly_this_token() {
        let body = json!({"iss": "https://oidc.example.com", "sub": "system:serviceaccount:a:b", "aud": ["x"]});
        let line = Claims::of(&token(&body))
            .unwrap()
            .trust(&"00000000-0000-0000-0000-00000000c11e".parse().unwrap());
        assert_eq!(
            line.to_string(),
            "az ad app federated-credential create --id 00000000-0000-0000-0000-00000000c11e --parameters '{\"name\":\"system-serviceaccount-a-b\",\"issuer\":\"https://oidc.example.com\",\"subject\":\"system:serviceaccount:a:b\",\"audiences\":[\"x\"]}'"
        );
        assert_eq!(Claims::of("no token"), None);
    }
}
