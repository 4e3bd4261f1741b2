//! Settings that were read from values, and so were checked.
//!
//! What is checked is said where they are read.

use std::{fmt, ops::Deref};

use super::{RolloutSettings, UnresolvedRollout};
use crate::ids::resource::ImageVersionId;

/// Settings that a flow may work with. Only [`publish`](super::publish()), [`rollout`](super::rollout()) and
/// [`status`](super::status()) make them, from [`Values`](super::Values), and nothing changes them afterwards. So a flow
/// never meets settings that were not checked.
///
/// ```
/// use azure_batch_core::settings::{Checked, RolloutSettings};
/// fn rounds(checked: &Checked<RolloutSettings>) -> u32 {
///     checked.policy.resize.rounds
/// }
/// ```
///
/// They cannot be changed:
/// ```compile_fail,E0594
/// use azure_batch_core::settings::{Checked, RolloutSettings};
/// fn change(checked: &mut Checked<RolloutSettings>) {
///     checked.policy.resize.rounds = 0;
/// }
/// ```
///
/// Nor be made of settings that somebody has put together:
/// ```compile_fail,E0423
/// use azure_batch_core::settings::{Checked, RolloutSettings};
/// fn make(settings: RolloutSettings) -> Checked<RolloutSettings> {
///     Checked(settings)
/// }
/// ```
///
/// And no flow takes any others:
/// ```compile_fail,E0308
/// use azure_batch_core::{client::Client, rollout, settings::UnresolvedRollout};
/// async fn run(client: &Client, settings: &UnresolvedRollout) {
///     drop(rollout::run(client, settings).await);
/// }
/// ```
///
/// Nor those that look at versions and keep them in order:
/// ```compile_fail,E0308
/// use azure_batch_core::{client::Client, prune, settings::PruneSettings};
/// async fn run(client: &Client, settings: &PruneSettings) {
///     drop(prune::plan(client, settings).await);
/// }
/// ```
/// ```compile_fail,E0308
/// use azure_batch_core::{client::Client, promotion, settings::PromotionSettings};
/// async fn run(client: &Client, settings: &PromotionSettings) {
///     drop(promotion::plan(client, settings).await);
/// }
/// ```
/// ```compile_fail,E0308
/// use azure_batch_core::{client::Client, listing, settings::ListSettings};
/// async fn run(client: &Client, settings: &ListSettings) {
///     drop(listing::run(client, settings).await);
/// }
/// ```
#[derive(Clone)]
pub struct Checked<Settings>(Settings);

impl<Settings> Checked<Settings> {
    pub(super) const fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// The settings alone, for tests that change them.
    #[cfg(test)]
    pub(crate) fn into_inner(self) -> Settings {
        self.0
    }
}

impl Checked<UnresolvedRollout> {
    /// The same settings on one version, which is the one that was asked for or one that the rule admits.
    #[must_use]
    pub(crate) fn on_version(&self, version: &ImageVersionId) -> Checked<RolloutSettings> {
        Checked(self.0.clone().on(version.clone()))
    }
}

impl<Settings> Deref for Checked<Settings> {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

impl<Settings: fmt::Debug> fmt::Debug for Checked<Settings> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
