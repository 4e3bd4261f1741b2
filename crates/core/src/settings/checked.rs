//! Settings that were read from values, and so were checked.
//!
//! What is checked is said where they are read.

use std::{fmt, ops::Deref};

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
/// use azure_batch_core::{client::Client, rollout, settings::RolloutSettings};
/// async fn run(client: &Client, settings: &RolloutSettings) {
///     drop(rollout::run(client, settings).await);
/// }
/// ```
#[derive(Clone)]
pub struct Checked<Settings>(Settings);

impl<Settings> Checked<Settings> {
    pub(super) const fn new(settings: Settings) -> Self {
        Self(settings)
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
