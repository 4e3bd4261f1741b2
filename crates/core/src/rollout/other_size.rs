//! Other VM sizes for an empty pool that a roll-out has made and for which Azure has no room: which may be tried, when, and
//! how.
//!
//! Nothing of it happens without the option, and never without a word. A pool that has a node or a job keeps its size: what
//! runs there was made for it. So does a pool that others have made.

use serde_json::Value;

use super::{
    RolloutReport, Size,
    attempts::Attempts,
    decide::{Intent, Part},
    explain::refused,
    intent,
    observe::Site,
    pool::PoolAccess,
    room,
    size::classify::judge_all,
    spec::{Maker, Spec, unusable},
};
use crate::{
    batch::{
        pool::{Pool, PoolLife},
        size,
    },
    compute::{boot::misfits, sku::Sku},
    error::{Error, ErrorKind, Result},
    ids::{SubscriptionId, VmSize},
    memory::OF_RUN,
    one_line::one_line,
    options::pool::{FALLBACK_VM_SIZES, VM_SIZE},
    settings::{RolloutSettings, fault::Fault},
};

/// The settings with the size that counts: the one that the pool has, or for a new pool the first that fits.
///
/// # Errors
/// As [`usable`].
pub(super) async fn settled(
    access: &PoolAccess<'_>,
    (site, settings): (&Site, &RolloutSettings),
    pool: Option<&Pool>,
) -> Result<RolloutSettings> {
    let there = pool.filter(|pool| pool.life != PoolLife::Deleting);
    let settled = match there {
        Some(_) => as_found(settings, there),
        None => usable(access, site, settings).await?,
    };
    if let (Some(size), Some(first)) = (&settled.pool.vm_size, &settings.pool.vm_size)
        && size != first
    {
        access
            .client()
            .note(format!("the VM size is {size}, in the place of {first}"));
    }
    Ok(settled)
}

/// The settings with the size that the pool has, when that is one of those that may take the place of the first.
fn as_found(settings: &RolloutSettings, pool: Option<&Pool>) -> RolloutSettings {
    let found = pool.and_then(|pool| {
        let mut sizes = settings.pool.fallback_vm_sizes.iter();
        sizes.position(|size| size.as_str().eq_ignore_ascii_case(pool.vm_size()))
    });
    match found {
        Some(index) => with_size(settings, index),
        None => settings.clone(),
    }
}

/// The settings with the fallback size of that place as the first, and those behind it.
fn with_size(settings: &RolloutSettings, index: usize) -> RolloutSettings {
    let mut settings = settings.clone();
    let rest = settings.pool.fallback_vm_sizes.split_off(index);
    let mut rest = rest.into_iter();
    settings.pool.vm_size = rest.next().or(settings.pool.vm_size);
    settings.pool.fallback_vm_sizes = rest.collect();
    settings
}

/// Checks every size that may be tried, and leaves those out whose quota is too small. When none fits, all stay: the
/// quotas are then named as for one size.
///
/// # Errors
/// `BadInput` with each size that Batch does not offer there or that does not boot the image.
async fn usable(access: &PoolAccess<'_>, site: &Site, settings: &RolloutSettings) -> Result<RolloutSettings> {
    let sizes = all(settings);
    if sizes.len() < 2 {
        return Ok(settings.clone());
    }
    let client = access.client();
    let Some(offered) = offered(access, site).await? else {
        client.warn("not checked: whether the fallback VM sizes are offered there and boot the image");
        return Ok(settings.clone());
    };
    let faults = faults(settings, site, &offered);
    if !faults.is_empty() {
        return Err(unusable(&settings.pool.id, &faults));
    }
    let look = access.watch().look(None).await?;
    let mut fitting = Vec::new();
    for size in &sizes {
        let mut sized = settings.clone();
        sized.pool.vm_size = Some(size.clone());
        let goal = intent(&sized)?.goal;
        match room::too_small(client, (&sized, goal), (site, look.pools())).await? {
            Some(why) => client.warn(format!("VM size {size} is not tried: {why}")),
            None => fitting.push(size.clone()),
        }
    }
    let mut settings = settings.clone();
    if let Some((first, rest)) = fitting.split_first() {
        settings.pool.vm_size = Some(first.clone());
        settings.pool.fallback_vm_sizes = rest.to_vec();
    }
    Ok(settings)
}

/// The list of sizes that Batch offers; nothing when it may not be read or the account's region is not known.
async fn offered(access: &PoolAccess<'_>, site: &Site) -> Result<Option<Vec<Value>>> {
    let Some(account) = &site.account else {
        return Ok(None);
    };
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(None);
    };
    let request = size::list(&subscription, &account.location);
    match access.client().recalling(OF_RUN).list(&request).await {
        Ok(items) => Ok(Some(items).filter(|items| !items.is_empty())),
        Err(error) if error.kind() == ErrorKind::NoRights => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with the sizes: a word for each that is not offered or does not boot the image.
fn faults(settings: &RolloutSettings, site: &Site, offered: &[Value]) -> Vec<Fault> {
    let skus: Vec<Sku> = offered.iter().filter_map(Sku::of_batch).collect();
    let of_size = |size: &VmSize| {
        let is_same = |sku: &&Sku| sku.name.as_str().eq_ignore_ascii_case(size.as_str());
        let opt = match settings.pool.fallback_vm_sizes.contains(size) {
            true => FALLBACK_VM_SIZES,
            false => VM_SIZE,
        };
        let Some(sku) = skus.iter().find(is_same) else {
            let region = site
                .location
                .as_ref()
                .map_or("the region", |location| location.as_str());
            return Some(Fault::new(
                opt,
                format!("{size} is not offered by Batch in {region}: leave it out"),
            ));
        };
        let reasons = site
            .definition
            .as_ref()
            .map(|definition| misfits(definition, sku))
            .unwrap_or_default();
        let text = format!("{size} does not boot the image ({}): leave it out", reasons.join(", "));
        (!reasons.is_empty()).then(|| Fault::new(opt, text))
    };
    all(settings).iter().filter_map(of_size).collect()
}

fn all(settings: &RolloutSettings) -> Vec<VmSize> {
    let sizes = settings.pool.vm_size.iter().chain(&settings.pool.fallback_vm_sizes);
    sizes.cloned().collect()
}

/// Brings a pool to its size, with another VM size where that may be and the one before has no room.
///
/// # Errors
/// As the roll-out.
pub(super) async fn bring(
    access: &mut PoolAccess<'_>,
    (intent, settings): (&Intent, &RolloutSettings),
    size: Size,
    report: &mut RolloutReport,
) -> Result<()> {
    let mut ended = super::bring(access, (intent, settings), size, report).await;
    let mut settings = settings.clone();
    while let Err(error) = &ended {
        let Some((other, intent)) = next(access, &settings, error, report).await? else {
            break;
        };
        settings = other;
        ended = super::bring(access, (&intent, &settings), Size::NewNodes, report).await;
    }
    ended
}

/// Takes the next size after a failure, when there is one, Azure has no room, and the pool is ours and empty: made by this
/// run, or by one that was killed before it came to this. Nothing when the failure stays.
///
/// # Errors
/// When Batch refuses the change, or the run ends.
async fn next(
    access: &mut PoolAccess<'_>,
    settings: &RolloutSettings,
    error: &Error,
    report: &mut RolloutReport,
) -> Result<Option<(RolloutSettings, Intent)>> {
    if settings.pool.fallback_vm_sizes.is_empty() || !has_no_room(access, settings).await? {
        return Ok(None);
    }
    let settings = with_size(settings, 0);
    let intent = intent(&settings)?;
    let (Some(size), Some(spec)) = (settings.pool.vm_size.clone(), intent.spec.asked()) else {
        return Ok(None);
    };
    let text = one_line(&error.to_string());
    access.client().warn(format!(
        "pool {} got no nodes ({text}): it gets the VM size {size}",
        access.id()
    ));
    change(access, spec, &size).await?;
    report.vm_size = Some(size);
    let pool = access.find().await?;
    let unchanged = intent.unchanged(pool.as_ref());
    unchanged.map_err(|refusal| refused(access.at(), refusal))?;
    // The pool has our targets, so from here on others are another client's.
    let part = Part::Nodes([intent.goal.targets; 4]);
    Ok(Some((settings, Intent { part, ..intent })))
}

/// Whether a pool of ours has no nodes because Azure has none of its size, and nothing that was made for the size.
async fn has_no_room(access: &PoolAccess<'_>, settings: &RolloutSettings) -> Result<bool> {
    let Some(pool) = access.find().await? else {
        return Ok(false);
    };
    let judged = judge_all(&pool.resize_errors, settings.pool.targets.counts_spot());
    let is_shortage = judged.is_some_and(|judged| judged.leaves_other_sizes());
    let is_ours = intent(settings)?.spec.compare(&pool).maker == Maker::RollOut;
    if !is_shortage || !is_ours || !is_empty(&pool) {
        return Ok(false);
    }
    Ok(access.jobs().await?.is_empty())
}

fn is_empty(pool: &Pool) -> bool {
    pool.life != PoolLife::Deleting && pool.is_steady() && pool.current.total() == 0
}

/// Gives the pool the size. A lost answer, or another client that was faster, is another look.
async fn change(access: &mut PoolAccess<'_>, spec: &Spec, size: &VmSize) -> Result<()> {
    let doing = format!("give pool {} the VM size {size}", access.id());
    let mut attempts = Attempts::new(access.client(), &doing);
    while let Some(pool) = access.find().await? {
        if pool.vm_size().eq_ignore_ascii_case(size.as_str()) {
            return Ok(());
        }
        if !is_empty(&pool) {
            let text = format!("cannot {doing}: another client has changed it meanwhile");
            return Err(Error::new(ErrorKind::Refused, text).with_hint("look at the pool, then run again"));
        }
        let sent = access.change(spec.size_body(&pool), &pool).await;
        attempts.after(access, sent).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rollout::spec::tests::settings;

    #[test]
    fn a_pool_of_any_of_the_sizes_is_the_one_that_is_asked_for() {
        let mut asked = settings(json!({}));
        asked.pool.fallback_vm_sizes = ["Standard_D8s_v5", "Standard_E4s_v5"]
            .map(|name| name.parse().unwrap())
            .into();
        for (found, size, rest) in [
            ("standard_d4s_v5", "Standard_D4s_v5", 2),
            ("standard_d8s_v5", "Standard_D8s_v5", 1),
            ("standard_e4s_v5", "Standard_E4s_v5", 0),
            ("standard_f16s_v2", "Standard_D4s_v5", 2),
        ] {
            let pool = Pool::new(json!({"id": "p1", "vmSize": found}));
            let settings = as_found(&asked, Some(&pool)).pool;
            assert_eq!(settings.vm_size.unwrap().as_str(), size, "{found}");
            assert_eq!(settings.fallback_vm_sizes.len(), rest, "{found}");
        }
    }
}
