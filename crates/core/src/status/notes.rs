//! Which notes follow from the pools that were seen and from what their definitions and images are. Pure.
//!
//! How a note reads is in `note`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{catalogue::Catalogue, note::Note, report::PoolStatus};
use crate::{
    compute::soft_deleted::{Phase, SoftDeleted},
    ids::resource::ImageDefinitionId,
};

/// What is good to know of these pools.
pub(super) fn notes(pools: &[PoolStatus], catalogue: &Catalogue, now: Timestamp) -> Vec<Note> {
    let open = catalogue.open.iter().map(|(what, why)| Note::NotKnown {
        what: what.clone(),
        why: why.clone(),
    });
    let mut all = bases(pools);
    all.extend(mixed_agents(pools));
    all.extend(deleted(catalogue, now));
    all.extend(open);
    all
}

fn bases(pools: &[PoolStatus]) -> Vec<Note> {
    let mut by_base: BTreeMap<&str, Vec<&PoolStatus>> = BTreeMap::new();
    for pool in pools {
        if let Some(base) = &pool.image.base {
            by_base.entry(&base.image).or_default().push(pool);
        }
    }
    let note = |(image, pools): (&str, Vec<&PoolStatus>)| {
        let base = pools.first()?.image.base.as_ref()?;
        let (image, pools) = (image.to_owned(), pools.iter().map(|pool| title(pool)).collect());
        match (base.newer?, &base.newest) {
            (_, None) => Some(Note::Withdrawn { base: image, pools }),
            (0, Some(_)) => None,
            (newer, Some(newest)) => Some(Note::NewerBase {
                base: image,
                newer,
                newest: newest.clone(),
                pools,
            }),
        }
    };
    by_base.into_iter().filter_map(note).collect()
}

fn mixed_agents(pools: &[PoolStatus]) -> Option<Note> {
    let mixed = pools.iter().filter(|pool| pool.nodes.agents.len() > 1);
    let pools: Vec<String> = mixed.map(title).collect();
    (!pools.is_empty()).then_some(Note::MixedAgents { pools })
}

fn deleted(catalogue: &Catalogue, now: Timestamp) -> Vec<Note> {
    let kept = catalogue
        .deleted
        .iter()
        .flat_map(|(id, all)| all.iter().map(move |one| (id, one)));
    let mut kept: Vec<_> = kept.filter(|(_, one)| one.phase(now) != Phase::Gone).collect();
    kept.sort_by_key(|(id, one)| (id.to_string(), one.number));
    let note = |(id, one): (&ImageDefinitionId, &SoftDeleted)| Note::Deleted {
        definition: id.name().to_owned(),
        version: one.number.to_string(),
        phase: one.phase(now),
        usable_until: one.usable_until,
        gone_at: one.gone_at,
    };
    kept.into_iter().map(note).collect()
}

fn title(pool: &PoolStatus) -> String {
    format!("{}/{}", pool.account, pool.pool)
}
