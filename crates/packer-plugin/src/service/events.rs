//! core's events and results as messages.
//!
//! Nothing is decided or shown here.

use azure_batch_core::{
    plan::Course,
    progress::{CheckOutcome, Event},
    publish::{Outcome, PublishPlan, Published},
};

use crate::imaging::v1::{self, publish_event::Event as Message};

/// The message of an event; its number is not known here.
pub(super) fn event(event: Event) -> v1::PublishEvent {
    v1::PublishEvent {
        sequence: 0,
        text: event.to_string(),
        event: message(event),
    }
}

/// The last event of a good publish.
pub(super) fn result(published: v1::Published) -> v1::PublishEvent {
    v1::PublishEvent {
        sequence: 0,
        text: format!("published {}", published.image_version_id),
        event: Some(Message::Published(Box::new(published))),
    }
}

fn message(event: Event) -> Option<Message> {
    Some(match event {
        Event::SigningIn { method, cloud } => Message::SignedIn(v1::SignedIn { method, cloud }),
        Event::StepStarted { step, what } => Message::StepStarted(v1::StepStarted {
            step: step.to_owned(),
            what,
        }),
        Event::StepDone { step, seconds } => Message::StepDone(v1::StepDone {
            step: step.to_owned(),
            seconds,
        }),
        Event::StepSkipped { step, why } => Message::StepSkipped(v1::StepSkipped {
            step: step.to_owned(),
            why,
        }),
        Event::Note { .. } => Message::Note(v1::Note {}),
        Event::Warning { .. } => Message::Warning(v1::Warning {}),
        Event::Check { name, outcome, text } => Message::Check(v1::Check {
            name,
            outcome: outcome_word(outcome).to_owned(),
            text,
        }),
        Event::Created { id } => Message::Created(v1::ResourceCreated { id }),
        Event::Removed { id } => Message::Removed(v1::ResourceRemoved { id }),
        Event::Kept { id, why } => Message::Kept(v1::Kept { id, why }),
        Event::Copied { done, total } => Message::Copied(v1::Copied {
            done: done.try_into().unwrap_or(u64::MAX),
            total: total.try_into().unwrap_or(u64::MAX),
        }),
        Event::Replication { region, state, percent } => Message::Replication(v1::Replication {
            region: region.to_string(),
            state,
            percent: percent.into(),
        }),
        Event::Retrying { doing, why, seconds } => Message::Retrying(v1::Retrying { doing, why, seconds }),
        Event::Waiting { what, seconds } => Message::Waiting(v1::Waiting { what, seconds }),
        // A roll-out's events never come from a publish, and newer kinds have their text.
        _ => return None,
    })
}

const fn outcome_word(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Pass => "pass",
        CheckOutcome::Fail => "fail",
        CheckOutcome::Ignored => "ignored",
        CheckOutcome::CannotKnow => "cannot-know",
    }
}

/// The message of a result.
pub(super) fn published(published: Published, course: Course, run_id: String) -> v1::Published {
    v1::Published {
        image_version_id: published.version.to_string(),
        image_version: published.number.to_string(),
        image_definition_id: published.definition.to_string(),
        source: published.source,
        fingerprint: published.fingerprint,
        is_new: published.outcome == Outcome::Created,
        outcome: published.outcome.as_str().to_owned(),
        os_type: published.os_type,
        hyper_v_generation: published.hyper_v_generation,
        architecture: published.architecture,
        security_type: published.security_type,
        data_disk_luns: published.data_disk_luns.into_iter().map(u32::from).collect(),
        regions: published
            .regions
            .into_iter()
            .map(|region| v1::PublishedRegion {
                name: region.location.to_string(),
                replicas: region.replicas,
                state: region.state,
            })
            .collect(),
        kept: course
            .kept
            .into_iter()
            .map(|kept| v1::Kept {
                id: kept.id,
                why: kept.why,
            })
            .collect(),
        steps: course
            .steps
            .into_iter()
            .map(|time| v1::StepDone {
                step: time.step,
                seconds: time.seconds,
            })
            .collect(),
        run_id,
    }
}

/// The message of a plan.
pub(super) fn plan(plan: PublishPlan) -> v1::PlanResponse {
    v1::PlanResponse {
        image_version_id: plan.version.to_string(),
        changes: plan.changes(),
        replicas: plan.replicas,
    }
}
