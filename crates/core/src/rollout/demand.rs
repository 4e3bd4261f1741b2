//! What a roll-out will ask of the quotas, for those who add up many of them. It reads nothing.

use super::{observe::Site, verdict::Goal};
use crate::{
    batch::{account::Account, pool::Pool},
    ids::{NodeCounts, PoolId},
    settings::RolloutSettings,
};

/// The nodes that a roll-out brings.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The account.
    pub account: Account,
    /// The pool that gets them.
    pub pool: PoolId,
    /// Its VM size, in whatever case it was written.
    pub vm_size: String,
    /// The nodes it shall have.
    pub wanted: NodeCounts,
    /// The nodes that are enough.
    pub needed: NodeCounts,
    /// The pool as it is, or the one whose work it takes over.
    pub present: Option<Pool>,
}

impl Demand {
    /// What the settings ask for. Nothing where it is not known: without the account, or where a formula decides.
    pub(super) fn of(site: &Site, settings: &RolloutSettings, goal: Goal, present: Option<Pool>) -> Option<Self> {
        let account = site.account.clone().filter(|_| settings.pool.autoscale.is_none())?;
        Some(Self {
            account,
            pool: settings.pool.id.clone(),
            vm_size: super::room::vm_size(settings, present.as_ref()),
            wanted: goal.targets,
            needed: goal.needed,
            present,
        })
    }
}
