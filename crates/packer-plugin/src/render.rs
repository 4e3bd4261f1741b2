//! An event of the imaging service as a reader sees it.
//!
//! How often something is said is decided in core's `telling`, how Packer shows it in `voice`.

use azure_batch_core::telling::{News, Replica, Role, Sight};

use crate::imaging::v1::{self, event::Kind};

/// How the line of a warning begins.
const WARNING: &str = "warning: ";

/// What an event of the service is to a reader; one of a newer service is shown by its text.
#[must_use]
pub fn news(event: &v1::Event) -> News {
    let as_it_says = |role| News {
        text: event.text.clone(),
        role,
    };
    match &event.kind {
        Some(Kind::StepStarted(begun)) => as_it_says(Role::StepBegins {
            step: begun.step.clone(),
            what: begun.what.clone(),
        }),
        Some(Kind::StepDone(done)) => as_it_says(Role::StepEnds { seconds: done.seconds }),
        Some(Kind::SignedIn(_) | Kind::Goal(_)) => as_it_says(Role::Headline),
        Some(Kind::Published(published)) => News {
            text: result(published),
            role: Role::Result,
        },
        Some(Kind::Warning(_)) => News::warning(None, event.text.strip_prefix(WARNING).unwrap_or(&event.text)),
        Some(Kind::Check(check)) if check.outcome() == v1::CheckOutcome::Fail => {
            News::warning(Some(format!("check {}", check.name)), &check.text)
        }
        Some(Kind::Check(check)) if check.outcome() == v1::CheckOutcome::Pass => as_it_says(Role::CheckPassed {
            check: check.name.clone(),
        }),
        Some(Kind::Replication(moved)) => {
            let replica = Replica::new(&moved.region, &moved.state, moved.percent.into());
            as_it_says(Role::Replicates(replica))
        }
        Some(Kind::Copied(copied)) => as_it_says(Role::Moved(Sight::copies(copied.done, copied.total))),
        Some(Kind::Created(resource)) => as_it_says(Role::Created {
            id: resource.id.clone(),
        }),
        Some(Kind::Removed(resource)) => as_it_says(Role::Removed {
            id: resource.id.clone(),
        }),
        Some(Kind::Waiting(_)) => as_it_says(Role::Meanwhile),
        _ => as_it_says(Role::Detail),
    }
}

/// What was reached, without the id: Packer itself shows that last.
fn result(published: &v1::Published) -> String {
    let regions: Vec<String> = published
        .regions
        .iter()
        .map(|region| format!("{} ×{}", region.name, region.replicas))
        .collect();
    let definition = published.image_definition_id.rsplit('/').next().unwrap_or_default();
    let what = match published.remaining.is_empty() {
        true => "published",
        false => "Azure has accepted, and is not done with,",
    };
    format!(
        "{what} {definition} {} in {}",
        published.image_version,
        regions.join(", ")
    )
}

#[cfg(test)]
mod tests;
