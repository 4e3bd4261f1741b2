//! What leaves the service holds no secret of the request, and nothing that a terminal or a CI system obeys.
//!
//! Clients show and store these texts as they are, so each of them is made safe here.

use azure_batch_core::redact::Redactor;

use super::failure::Failed;
use crate::imaging::v1::{self, event::Kind};

/// A message whose texts can be made safe.
pub(super) trait Safe: Sized {
    /// All its texts.
    fn texts(&mut self) -> Vec<&mut String>;

    /// The message with all its texts made safe.
    fn safe(mut self, redactor: &Redactor) -> Self {
        for text in self.texts() {
            *text = redactor.safe(text);
        }
        self
    }
}

impl Safe for v1::Event {
    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = self.kind.as_mut().map(Safe::texts).unwrap_or_default();
        texts.push(&mut self.text);
        texts
    }
}

impl Safe for Kind {
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::SignedIn(event) => vec![&mut event.cloud, &mut event.identity],
            Self::StepStarted(event) => vec![&mut event.step, &mut event.what],
            Self::StepDone(event) => vec![&mut event.step],
            Self::StepSkipped(event) => vec![&mut event.step, &mut event.why],
            Self::Check(event) => vec![&mut event.name, &mut event.text],
            Self::Created(event) => vec![&mut event.id],
            Self::Removed(event) => vec![&mut event.id],
            Self::Kept(event) => vec![&mut event.id, &mut event.why],
            Self::Replication(event) => vec![&mut event.region, &mut event.state],
            Self::Retrying(event) => {
                let answer = event.answer.iter_mut();
                let answer = answer.flat_map(|answer| [&mut answer.code, &mut answer.request_id]);
                [&mut event.doing, &mut event.why].into_iter().chain(answer).collect()
            }
            Self::Waiting(event) => vec![&mut event.what],
            Self::Goal(event) => vec![&mut event.text],
            Self::Published(published) => published.texts(),
            Self::Note(_) | Self::Warning(_) | Self::Copied(_) => Vec::new(),
        }
    }
}

impl Safe for v1::Published {
    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![
            &mut self.image_version_id,
            &mut self.image_version,
            &mut self.image_definition_id,
            &mut self.source,
            &mut self.fingerprint,
            &mut self.os_type,
            &mut self.hyper_v_generation,
            &mut self.architecture,
            &mut self.security_type,
            &mut self.run_id,
        ];
        texts.extend(
            self.regions
                .iter_mut()
                .flat_map(|region| [&mut region.name, &mut region.state]),
        );
        texts.extend(self.base_image.as_mut());
        texts.extend(self.test_output.as_mut());
        texts.extend(&mut self.remaining);
        texts.extend(self.node_agent_sku_id.as_mut());
        texts.extend(self.kept.iter_mut().flat_map(|kept| [&mut kept.id, &mut kept.why]));
        texts.extend(self.steps.iter_mut().map(|step| &mut step.step));
        texts
    }
}

impl Safe for v1::PlanResponse {
    fn texts(&mut self) -> Vec<&mut String> {
        let lists = self.changes.iter_mut().chain(&mut self.replicas);
        let lists = lists.chain(&mut self.followers).chain(&mut self.permanent);
        let more = self.base_image.iter_mut().chain(&mut self.node_agent_sku_id);
        let lists = lists.chain(&mut self.facts).chain(more);
        lists.chain([&mut self.image_version_id]).collect()
    }
}

impl Safe for Failed {
    fn texts(&mut self) -> Vec<&mut String> {
        let failure = self.failure.as_mut();
        let mut texts = vec![
            &mut failure.report,
            &mut failure.hint,
            &mut failure.next_call,
            &mut failure.run_id,
            &mut failure.happened,
        ];
        let lists = [&mut failure.facts, &mut failure.left, &mut failure.said];
        texts.extend(lists.into_iter().flatten());
        let steps = failure.next.iter_mut();
        texts.extend(steps.flat_map(|step| std::iter::once(&mut step.text).chain(&mut step.command)));
        texts.extend(failure.kept.iter_mut().flat_map(|kept| [&mut kept.id, &mut kept.why]));
        texts.extend(failure.steps.iter_mut().map(|step| &mut step.step));
        texts.extend(
            failure
                .faults
                .iter_mut()
                .flat_map(|fault| [&mut fault.setting, &mut fault.text]),
        );
        texts.extend(failure.refusal.iter_mut().flat_map(|refusal| {
            [
                &mut refusal.code,
                &mut refusal.message,
                &mut refusal.request_id,
                &mut refusal.client_request_id,
            ]
        }));
        texts
    }
}
