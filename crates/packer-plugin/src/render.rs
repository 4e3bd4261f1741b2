//! An event of the imaging service as a reader sees it.
//!
//! How often something is said is decided in core's `telling`, how Packer shows it in `voice`.

use azure_batch_core::telling::{News, Role, Sight, short};

use crate::imaging::v1::{self, event::Kind};

/// What an event of the service is to a reader; one of a newer service is shown by its text.
#[must_use]
pub fn news(event: &v1::Event) -> News {
    let as_it_says = |role| News {
        text: event.text.clone(),
        role,
    };
    let detail = |text| News {
        text,
        role: Role::Detail,
    };
    match &event.kind {
        Some(Kind::StepStarted(_)) => as_it_says(Role::StepBegins),
        Some(Kind::StepDone(_)) => as_it_says(Role::StepEnds),
        Some(Kind::Published(_) | Kind::SignedIn(_)) => as_it_says(Role::Headline),
        Some(Kind::Check(check)) if check.outcome() == v1::CheckOutcome::Pass => as_it_says(Role::CheckPassed {
            check: check.name.clone(),
        }),
        Some(Kind::Replication(moved)) => {
            let sight = Sight::replication(&moved.region, &moved.state, moved.percent.into());
            as_it_says(Role::Moved(sight))
        }
        Some(Kind::Copied(copied)) => as_it_says(Role::Moved(Sight::copies(copied.done, copied.total))),
        Some(Kind::Created(resource)) => detail(format!("created {}", short(&resource.id))),
        Some(Kind::Removed(resource)) => detail(format!("removed {}", short(&resource.id))),
        _ => as_it_says(Role::Detail),
    }
}

#[cfg(test)]
mod tests;
