//! Which pool to wait for, or to delete, and what is allowed.

use super::{AccountRef, Consent, Readiness, Sight, SpotCounts, pool, reader::Reader, status};
use crate::{
    ids::PoolId,
    options::{Opt, fleet, pool as options},
    words,
};

/// What a wait for a pool needs to know.
#[derive(Clone, Debug)]
pub struct WaitSettings {
    /// The account.
    pub account: AccountRef,
    /// The pool.
    pub pool: PoolId,
    /// How many nodes are enough, and how long nothing may happen.
    pub readiness: Readiness,
    /// Whether spot nodes count.
    pub spot_counts: SpotCounts,
}

/// What a deletion needs to know.
#[derive(Clone, Debug)]
pub struct DeletionSettings {
    /// The account.
    pub account: AccountRef,
    /// The pool.
    pub pool: PoolId,
    /// Whether a pool that no roll-out has made may go.
    pub any_pool: Consent,
    /// Whether a pool that jobs use may go.
    pub with_jobs: Consent,
    /// Whether anything is written at all.
    pub act: Consent,
}

/// What the deletion of expired pools needs to know.
#[derive(Clone, Debug)]
pub struct ExpirySettings {
    /// Where to look.
    pub sight: Sight,
    /// Whether anything is written at all.
    pub act: Consent,
}

/// Reads what a wait needs.
pub(super) fn read_wait(reader: &mut Reader<'_, '_>) -> Option<WaitSettings> {
    let (account, pool) = pool_of(reader);
    let readiness = pool::readiness(reader);
    let spot_counts = if reader.is_on(options::COUNT_SPOT_NODES) {
        SpotCounts::Yes
    } else {
        SpotCounts::No
    };
    Some(WaitSettings {
        account: account?,
        pool: pool?,
        readiness,
        spot_counts,
    })
}

/// Reads what a deletion needs.
pub(super) fn read_deletion(reader: &mut Reader<'_, '_>) -> Option<DeletionSettings> {
    if reader.has(options::SUBSCRIPTIONS) {
        let text = words![
            "is only for ",
            fleet::EXPIRED,
            "; leave it out, or leave out ",
            options::POOL_ID
        ];
        reader.refuse(options::SUBSCRIPTIONS, text);
    }
    let (account, pool) = pool_of(reader);
    let mut consent = |opt: &'static Opt| {
        if reader.is_on(opt) { Consent::Yes } else { Consent::No }
    };
    let (any_pool, with_jobs, act) = (consent(fleet::ANY_POOL), consent(fleet::WITH_JOBS), consent(fleet::YES));
    Some(DeletionSettings {
        account: account?,
        pool: pool?,
        any_pool,
        with_jobs,
        act,
    })
}

/// Reads what the deletion of expired pools needs.
pub(super) fn read_expired(reader: &mut Reader<'_, '_>) -> Option<ExpirySettings> {
    if reader.has(options::POOL_ID) {
        reader.refuse_both(options::POOL_ID, fleet::EXPIRED);
    }
    for (opt, why) in [
        (
            fleet::ANY_POOL,
            " takes only pools that a roll-out has made; leave it out",
        ),
        (fleet::WITH_JOBS, " keeps pools that jobs use; leave it out"),
    ] {
        if reader.is_on(opt) {
            reader.refuse(opt, words![fleet::EXPIRED, why]);
        }
    }
    let act = if reader.is_on(fleet::YES) {
        Consent::Yes
    } else {
        Consent::No
    };
    Some(ExpirySettings {
        sight: status::sight(reader)?,
        act,
    })
}

fn pool_of(reader: &mut Reader<'_, '_>) -> (Option<AccountRef>, Option<PoolId>) {
    let account = pool::account(reader);
    let pool = reader
        .required(options::POOL_ID, "give the id of the pool")
        .and_then(|_| reader.parsed(options::POOL_ID));
    (account, pool)
}
