//! `notify`: a published version is announced on GitHub. Azure is not asked.
//!
//! What is sent is `github::notify`'s; this file reads, and says how it ended.

use azure_batch_core::{
    error::{Error, ErrorKind, Result},
    https::Authorities,
    options::notify,
    settings::{self, Announcement, NotifySettings},
};

use super::{asking::Desk, sign_in::authorities};
use crate::{
    console::Console,
    environment::Environment,
    github::{
        api::{ApiAddress, Refusal},
        notify::{NotSaid, Notice, Sent, say},
        runner::Runner,
    },
    report::answer::Answer,
    run::{Watch, hide_secrets, open_https},
    values::Given,
};

/// Announces and says how it ended; returns the exit code.
pub(super) async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    let desk = Desk::open(&given, runner);
    let mut faults = given.read_files();
    let settings = settings::notify(given.values()).map_err(|found| faults.extend(found));
    let authorities = authorities(&given).map_err(|fault| faults.push(fault));
    let (Ok(settings), Ok(authorities), true) = (settings, authorities, faults.is_empty()) else {
        let faults = faults.iter().map(|fault| given.spelled(fault)).collect();
        return desk.refuse(faults, console);
    };
    match announce(&given, &settings, (authorities, environment), console).await {
        Ok(notice) => desk.close(&answer(&notice), &notice, console),
        Err(error) => desk.fail_with(&error, &given, console),
    }
}

async fn announce(
    given: &Given,
    settings: &NotifySettings,
    (authorities, environment): (Authorities, &dyn Environment),
    console: &mut Console,
) -> Result<Notice> {
    let https = open_https(authorities, environment)?;
    let address = ApiAddress::parse(&settings.api_url)
        .map_err(|cause| Error::new(ErrorKind::BadInput, "cannot ask GitHub").because(cause))?;
    let token = given.secret(notify::GITHUB_TOKEN);
    let github = address.open(token.as_ref(), &https).map_err(|reason| {
        let text = format!("cannot ask GitHub at {}: {reason}", settings.api_url);
        Error::new(ErrorKind::NeverSent, text)
    })?;
    let mut watch = Watch::begin(console)?;
    let said = watch.over(say(&github, settings)).await?;
    said.map_err(|not_said| error_of(not_said, settings))
}

fn error_of(not_said: NotSaid, settings: &NotifySettings) -> Error {
    match not_said {
        NotSaid::Unfit { why, remedy } => Error::new(ErrorKind::Refused, why).with_hint(remedy),
        NotSaid::Refused { doing, reason, needs } => {
            let text = format!("cannot {doing}: {reason}");
            let repository = &settings.repository;
            match reason {
                Refusal::Answered { status: 401, .. } => {
                    Error::new(ErrorKind::SignIn, text).with_hint("give a token that has not expired")
                }
                // GitHub says that a private repository is not there to whoever may not see it.
                Refusal::Answered { status: 403 | 404, .. } => Error::new(ErrorKind::NoRights, text).with_hint(format!(
                    "check that {repository} exists and that the token has {needs} there; the token of a job reaches its \
                     own repository only"
                )),
                Refusal::Answered { status: 400..=499, .. } => Error::new(ErrorKind::BadInput, text),
                Refusal::NotReached(_) => Error::new(ErrorKind::NeverSent, text).with_hint("run again"),
                Refusal::Answered { .. } | Refusal::Unknown(_) => {
                    Error::new(ErrorKind::UnknownEffect, text).with_hint(again(&settings.announcement, repository))
                }
            }
        }
    }
}

/// What to do when nobody knows whether GitHub has it.
fn again(announcement: &Announcement, repository: &settings::RepositoryName) -> String {
    match announcement {
        Announcement::Dispatch { .. } => format!(
            "look at the workflow runs of {repository}: run again only when none has begun, since a second event \
             starts a second run"
        ),
        Announcement::Release { .. } => "run again: the run looks first".to_owned(),
    }
}

fn answer(notice: &Notice) -> Answer {
    let (repository, version) = (&notice.repository, &notice.image_version);
    let (word, headline) = match &notice.sent {
        Sent::Dispatched { event_type } => (
            "dispatched",
            format!(
                "{repository} got the event {event_type}; a workflow that names this type under repository_dispatch starts"
            ),
        ),
        Sent::Attached { release } => (
            "attached",
            format!("release {release} of {repository} has the manifest; publish it to start the roll-out"),
        ),
        Sent::Unchanged { release } => (
            "unchanged",
            format!("release {release} of {repository} has this manifest already"),
        ),
    };
    Answer::new(word, 0, headline)
        .line(format!("image version {version}"))
        .of_version(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(reason: Refusal) -> (ErrorKind, String) {
        let values = settings::Values::default()
            .with(notify::REPOSITORY, "o/r")
            .with(notify::GITHUB_TOKEN, secrecy::SecretString::from("t"))
            .with(
                azure_batch_core::options::pool::IMAGE_VERSION,
                "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0",
            );
        let settings = settings::notify(&values).unwrap();
        let not_said = NotSaid::Refused {
            doing: "send the event x to o/r".to_owned(),
            reason,
            needs: "contents: write",
        };
        let error = error_of(not_said, &settings);
        (error.kind(), error.report())
    }

    #[test]
    fn an_event_that_may_have_arrived_is_not_the_same_as_one_that_was_never_sent() {
        let answered = |status| Refusal::Answered {
            status,
            message: "m".to_owned(),
        };
        let (kind, report) = kind_of(Refusal::Unknown("reset".to_owned()));
        assert_eq!(kind, ErrorKind::UnknownEffect);
        assert!(report.contains("only when none has begun"), "{report}");
        assert_eq!(
            kind_of(Refusal::NotReached("refused".to_owned())).0,
            ErrorKind::NeverSent
        );
        assert_eq!(kind_of(answered(502)).0, ErrorKind::UnknownEffect);
        assert_eq!(kind_of(answered(401)).0, ErrorKind::SignIn);
        let (kind, report) = kind_of(answered(404));
        assert_eq!(kind, ErrorKind::NoRights);
        assert!(report.contains("the token has contents: write there"), "{report}");
    }
}
