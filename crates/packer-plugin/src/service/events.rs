//! core's events and results as messages.
//!
//! Nothing is decided or shown here.

use azure_batch_core::{
    plan::{Course, Kept},
    progress::{Answered, CheckOutcome, Event, StepTime},
    publish::{NodeAgent, Outcome, PublishPlan, Published},
    settings::SignInMethod,
};

use jiff::Timestamp;

use crate::imaging::v1::{self, event::Kind as Message};

/// What messages say of the node agent that an image needs; empty where none is known.
#[derive(Default)]
struct Agent {
    sku: Option<String>,
    end_of_life: Option<prost_types::Timestamp>,
    base_image_end_of_life: Option<prost_types::Timestamp>,
}

impl Agent {
    fn of(agent: Option<NodeAgent>) -> Self {
        agent.map_or_else(Self::default, |agent| Self {
            sku: Some(agent.sku),
            end_of_life: agent.ends.map(time),
            base_image_end_of_life: agent.base_image_ends.map(time),
        })
    }
}

/// A time on the wire.
pub(super) fn time(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.as_second(),
        nanos: time.subsec_nanosecond(),
    }
}

/// The message of an event; its number and time are not known here.
pub(super) fn event(event: Event) -> v1::Event {
    v1::Event {
        text: event.to_string(),
        kind: message(event),
        ..v1::Event::default()
    }
}

/// The last event of a good publish.
pub(super) fn result(published: v1::Published) -> v1::Event {
    v1::Event {
        text: format!("published {}", published.image_version_id),
        kind: Some(Message::Published(Box::new(published))),
        ..v1::Event::default()
    }
}

fn message(event: Event) -> Option<Message> {
    Some(match event {
        Event::SigningIn {
            method,
            identity,
            cloud,
        } => Message::SignedIn(v1::SignedIn {
            method: sign_in_method(method).into(),
            cloud,
            identity,
        }),
        Event::Goal { text } => Message::Goal(v1::Goal { text }),
        Event::StepStarted { step, what, place } => Message::StepStarted(v1::StepStarted {
            step: step.to_owned(),
            what,
            number: place.map_or(0, |place| place.number),
            of: place.map_or(0, |place| place.of),
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
            outcome: check_outcome(outcome).into(),
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
        Event::Retrying {
            doing,
            why,
            answer,
            seconds,
        } => Message::Retrying(v1::Retrying {
            doing,
            why,
            seconds,
            answer: answer.map(answered),
        }),
        Event::Waiting { what, seconds } => Message::Waiting(v1::Waiting { what, seconds }),
        // A roll-out's events never come from a publish, and newer kinds have their text.
        _ => return None,
    })
}

const fn sign_in_method(method: SignInMethod) -> v1::SignInMethod {
    match method {
        SignInMethod::ClientSecret => v1::SignInMethod::ClientSecret,
        SignInMethod::ClientCertificate => v1::SignInMethod::ClientCertificate,
        SignInMethod::ClientJwt => v1::SignInMethod::ClientJwt,
        SignInMethod::Oidc => v1::SignInMethod::Oidc,
        SignInMethod::WorkloadIdentityFile => v1::SignInMethod::WorkloadIdentityFile,
        SignInMethod::AzureCli => v1::SignInMethod::AzureCli,
        SignInMethod::ManagedIdentity => v1::SignInMethod::ManagedIdentity,
    }
}

fn answered(answer: Answered) -> v1::Answer {
    v1::Answer {
        status: answer.status.into(),
        code: answer.code,
        request_id: answer.request_id.unwrap_or_default(),
    }
}

const fn check_outcome(outcome: CheckOutcome) -> v1::CheckOutcome {
    match outcome {
        CheckOutcome::Pass => v1::CheckOutcome::Pass,
        CheckOutcome::Fail => v1::CheckOutcome::Fail,
        CheckOutcome::Ignored => v1::CheckOutcome::Ignored,
        CheckOutcome::CannotKnow => v1::CheckOutcome::CannotKnow,
    }
}

const fn outcome(outcome: Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Created => v1::Outcome::Created,
        Outcome::Found => v1::Outcome::Found,
        Outcome::Adopted => v1::Outcome::Adopted,
    }
}

/// The message of a result.
pub(crate) fn published(published: Published, course: Course, run_id: String) -> v1::Published {
    let agent = Agent::of(published.node_agent);
    v1::Published {
        image_version_id: published.version.to_string(),
        image_version: published.number.to_string(),
        image_definition_id: published.definition.to_string(),
        source: published.source,
        source_image_id: published.source_image.unwrap_or_default(),
        fingerprint: published.fingerprint,
        outcome: outcome(published.outcome).into(),
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
        kept: kept(course.kept),
        steps: steps(course.steps),
        run_id,
        base_image: published.base_image,
        node_agent_end_of_life: agent.end_of_life,
        base_image_end_of_life: agent.base_image_end_of_life,
        node_agent_sku_id: agent.sku,
        remaining: published.remaining.steps.iter().map(ToString::to_string).collect(),
        mount_script: published.mount_script,
        test_output: published.test_output,
    }
}

/// How long each step took.
pub(super) fn steps(steps: Vec<StepTime>) -> Vec<v1::StepTime> {
    let message = |StepTime { step, seconds }| v1::StepTime { step, seconds };
    steps.into_iter().map(message).collect()
}

/// What is left, and why.
pub(super) fn kept(kept: Vec<Kept>) -> Vec<v1::Kept> {
    let message = |Kept { id, why }| v1::Kept { id, why };
    kept.into_iter().map(message).collect()
}

/// The message of a plan.
pub(super) fn plan(plan: PublishPlan) -> v1::PlanResponse {
    let changes = plan.changes();
    let agent = Agent::of(plan.node_agent);
    v1::PlanResponse {
        image_version_id: plan.version.to_string(),
        changes,
        replicas: plan.replicas,
        followers: plan.followers,
        permanent: plan.permanent,
        mount_script: plan.mount_script,
        facts: plan.steps.facts.iter().map(ToString::to_string).collect(),
        base_image: plan.base_image,
        node_agent_end_of_life: agent.end_of_life,
        base_image_end_of_life: agent.base_image_end_of_life,
        node_agent_sku_id: agent.sku,
    }
}
