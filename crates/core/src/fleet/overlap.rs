//! Whether two pools of a file are about one pool: each was looked at alone, and together they would undo each other's work.
//!
//! Pure. Which pools a roll-out is about is found out in `rollout`.

use super::Looked;
use crate::{
    error::{Error, ErrorKind},
    ids::PoolId,
    options::pool::{NEW_POOL_ID, POOL_ID},
    settings::AccountRef,
    words,
};

/// A pool of an account that a pool of the file is about.
struct Claim {
    /// The place of the one in the file.
    place: usize,
    /// Its id there.
    named: PoolId,
    account: AccountRef,
    pool: PoolId,
}

impl Claim {
    fn is_of_same(&self, other: &Self) -> bool {
        self.account == other.account && self.pool.as_str().eq_ignore_ascii_case(other.pool.as_str())
    }
}

/// Refuses each pool of the file that shares a pool with another one, so that none of them begins.
pub(super) fn refuse(looked: &mut [Looked]) {
    let claims: Vec<Claim> = looked.iter().enumerate().flat_map(claims).collect();
    for (place, looked) in looked.iter_mut().enumerate() {
        let shared = claims.iter().filter(|claim| claim.place == place).find_map(|claim| {
            let same: Vec<&Claim> = claims.iter().filter(|other| claim.is_of_same(other)).collect();
            (same.len() > 1).then_some(same)
        });
        if let Some(same) = shared {
            *looked = Err(refusal(&same));
        }
    }
}

fn claims((place, looked): (usize, &Looked)) -> Vec<Claim> {
    let Ok((resolved, foreseen)) = looked else {
        return Vec::new();
    };
    let asked = &resolved.settings;
    let claim = |pool: &PoolId| Claim {
        place,
        named: asked.pool.id.clone(),
        account: asked.account.clone(),
        pool: pool.clone(),
    };
    foreseen.works_on.iter().map(claim).collect()
}

fn refusal(same: &[&Claim]) -> Error {
    let pool = same.first().map(|claim| claim.pool.to_string()).unwrap_or_default();
    let named: Vec<&str> = same.iter().map(|claim| claim.named.as_str()).collect();
    let text = format!(
        "{} pools of the file ({}) are about one pool, {pool}",
        named.len(),
        named.join(", ")
    );
    Error::plain(ErrorKind::BadInput, text)
        .with_kept("nothing was changed")
        .with_next(
            words![
                "give each pool of the file a second pool of its own in ",
                NEW_POOL_ID,
                ", or leave that out: then its id is made of the pool's and the version"
            ],
            None,
        )
        .with_next(
            words![
                "name each pool once, by the ",
                POOL_ID,
                " that stays the same from version to version"
            ],
            None,
        )
}
