//! Which nodes to judge, and against which.

use std::time::Duration;

use super::{
    AccountRef, FailureRule,
    judging::{WINDOW, rule},
    pool,
    reader::Reader,
};
use crate::{
    ids::PoolId,
    options::{judgement as options, pool as pool_options},
};

/// What a judgement needs to know.
#[derive(Clone, Debug)]
pub struct JudgementSettings {
    /// The account.
    pub account: AccountRef,
    /// The pool whose nodes are judged.
    pub pool: PoolId,
    /// The pool that they are compared with. Without it, the nodes of one pool on its newest image version are compared
    /// with its others.
    pub against: Option<PoolId>,
    /// How long both are watched.
    pub window: Duration,
    /// When they count as worse.
    pub rule: FailureRule,
}

/// Reads what a judgement needs.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<JudgementSettings> {
    let account = pool::account(reader);
    let pool = reader
        .required(pool_options::POOL_ID, "give the id of the pool")
        .and_then(|_| reader.parsed(pool_options::POOL_ID));
    let against = reader.parsed(options::AGAINST);
    if against.is_some() && against == pool {
        reader.refuse(
            options::AGAINST,
            "is the pool that is judged; name another one, or leave it out to compare the nodes of this pool",
        );
    }
    let window = reader.duration(options::WINDOW).unwrap_or(WINDOW);
    let rule = rule(reader);
    Some(JudgementSettings {
        account: account?,
        pool: pool?,
        against,
        window,
        rule,
    })
}
