//! Whether the pool fits into the quotas: what is read for it, and what a shortage means for the roll-out.
//!
//! What fits is decided in `quota`. What may not be read is a note and stops nothing.

use serde_json::Value;

use super::{decide::Intent, observe::Site, offers, pool::PoolAccess, verdict::Goal};
use crate::{
    arm::subnet::{self, Subnet},
    batch::{
        account::{Account, Allocation},
        pool::Pool,
        size::{self, SizeOffer},
    },
    client::Client,
    compute::usage::{self, Usage},
    error::{Error, ErrorKind, Result},
    ids::{NodeCounts, PoolId, SubscriptionId, resource::SubnetId},
    json,
    memory::{OF_RUN, RECENT},
    options::pool::TARGET_DEDICATED_NODES,
    plan::{About, Fact},
    quota::{self, Ask, Kind, Room, StandIns, Standing, Users},
    request::Request,
    rights,
    settings::{RolloutSettings, parts::PublicAddresses},
    typing::{Command, az},
    words,
    words::{Part, plural},
};

/// Checks; returns what could not be checked.
///
/// # Errors
/// `Quota` when not even enough nodes fit.
pub(super) async fn check(
    access: &PoolAccess<'_>,
    (settings, intent): (&RolloutSettings, &Intent),
    site: &Site,
) -> Result<Vec<String>> {
    let (client, mut skipped) = (access.client(), Vec::new());
    let goal = intent.goal;
    // Given by its endpoint alone: nothing is to be looked at.
    if site.account.is_none() {
        return Ok(skipped);
    }
    let account = access.watch().look(None).await?;
    let place = (site, account.pools());
    let may = stand_ins(settings, goal);
    let look = look(client, (settings, goal), place, &mut skipped, |rooms, ask| {
        (quota::shortages(rooms, ask), quota::stand_ins(rooms, ask, may))
    });
    let (shortages, stand_ins) = look.await?.unwrap_or_default();
    judge(client, (site, &settings.pool.id), &shortages)?;
    if let Some(short) = stand_ins.filter(|them| them.fits < u64::from(may)) {
        client.warn(format!(
            "not all nodes that may stand in for spot nodes will come: {}",
            short.text
        ));
    }
    Ok(skipped)
}

/// Why not enough nodes fit; nothing when they do, or when that cannot be seen.
///
/// # Errors
/// As [`check`], but for a quota that is too small.
pub(super) async fn too_small(
    client: &Client,
    (settings, goal): (&RolloutSettings, Goal),
    (site, pools): (&Site, &[Pool]),
) -> Result<Option<String>> {
    let mut skipped = Vec::new();
    let look = look(client, (settings, goal), (site, pools), &mut skipped, quota::shortages);
    let shortages = look.await?.unwrap_or_default();
    Ok(shortages.into_iter().find(|short| short.stops).map(|short| short.text))
}

/// The ceilings as lines of a plan.
///
/// # Errors
/// When Batch does not offer the VM size, and when the run ends.
pub(super) async fn facts(
    client: &Client,
    asked: (&RolloutSettings, Goal),
    place: (&Site, &[Pool]),
) -> Result<Vec<Fact>> {
    let of_room = |room: &Room, ask: &Ask<'_>| match room.shortage(ask) {
        Some(short) if short.stops => Some(Fact::lacking(About::Quota, short.text).stopping(ErrorKind::Quota)),
        Some(short) => Some(Fact::lacking(About::Quota, short.text)),
        None => room.line(ask).map(|line| Fact::plain(About::Quota, line)),
    };
    lines(client, asked, place, of_room).await
}

/// The same for a second pool. There is room for it, at once or in steps: that was found out with the way itself.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn facts_of_second(
    client: &Client,
    asked: (&RolloutSettings, Goal),
    place: (&Site, &[Pool]),
) -> Result<Vec<Fact>> {
    let of_room = |room: &Room, ask: &Ask<'_>| Some(Fact::plain(About::Quota, room.line_of_second(ask)?));
    lines(client, asked, place, of_room).await
}

async fn lines(
    client: &Client,
    (settings, goal): (&RolloutSettings, Goal),
    (site, pools): (&Site, &[Pool]),
    of_room: impl Fn(&Room, &Ask<'_>) -> Option<Fact>,
) -> Result<Vec<Fact>> {
    let mut skipped = Vec::new();
    let may = stand_ins(settings, goal);
    let of_stand_ins = |them: StandIns| match them.fits < u64::from(may) {
        true => Fact::lacking(About::Quota, them.text),
        false => Fact::plain(About::Quota, them.text),
    };
    let look = look(client, (settings, goal), (site, pools), &mut skipped, |rooms, ask| {
        let of_rooms = rooms.iter().filter_map(|room| of_room(room, ask));
        let stand_ins = quota::stand_ins(rooms, ask, may).map(of_stand_ins);
        of_rooms.chain(stand_ins).collect::<Vec<Fact>>()
    });
    let mut facts = match look.await {
        Ok(facts) => facts.unwrap_or_default(),
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn | ErrorKind::BadInput => return Err(error),
            _ => vec![Fact::lacking(About::Quota, error.to_string())],
        },
    };
    facts.extend(skipped.into_iter().map(|what| Fact::unknown(About::Quota, what)));
    Ok(facts)
}

/// Refuses a VM size of a new pool that Batch does not offer there.
///
/// # Errors
/// `BadInput` with what is offered; when the run ends.
pub(super) async fn require_size(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<()> {
    let Some(account) = &site.account else {
        return Ok(());
    };
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(());
    };
    let request = size::list(&subscription, &account.location);
    let sizes = list(&client.recalling(OF_RUN), &request, &mut Vec::new()).await?;
    let sizes: Vec<SizeOffer> = sizes.iter().flatten().map(SizeOffer::read).collect();
    offers::unknown_size(account, settings, &sizes).map_or(Ok(()), Err)
}

/// How many more dedicated nodes may stand in for spot nodes than are among the targets.
fn stand_ins(settings: &RolloutSettings, goal: Goal) -> u32 {
    let asked = settings.pool.targets;
    let most = settings
        .policy
        .spot_fallback
        .map_or(0, |fallback| fallback.most.of(asked.spot));
    most.saturating_sub(goal.targets.dedicated.saturating_sub(asked.dedicated))
}

/// The cores of a VM size; nothing where they cannot be seen.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn cores(client: &Client, site: &Site, vm_size: &str) -> Result<Option<u32>> {
    let Some(account) = &site.account else {
        return Ok(None);
    };
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(None);
    };
    let request = size::list(&subscription, &account.location);
    let sizes = list(&client.recalling(OF_RUN), &request, &mut Vec::new()).await?;
    let mut sizes = sizes.iter().flatten().map(SizeOffer::read);
    Ok(sizes.find(|size| size.is_called(vm_size)).and_then(|size| size.cores))
}

/// How many nodes of the pool there is room for beside all that is there. Nothing when that cannot be seen.
///
/// # Errors
/// `Quota` when there is no room for another pool; when a list cannot be read, or the run ends.
pub(super) async fn beside(
    client: &Client,
    (settings, goal): (&RolloutSettings, Goal),
    (site, pools): (&Site, &[Pool]),
    skipped: &mut Vec<String>,
) -> Result<Option<NodeCounts>> {
    let look = look(client, (settings, goal), (site, pools), skipped, |rooms, ask| {
        let pools = rooms.iter().filter(|room| room.of == Users::Pool);
        (
            quota::beside(rooms),
            quota::shortages(&pools.cloned().collect::<Vec<_>>(), ask),
        )
    });
    let Some((nodes, shortages)) = look.await? else {
        return Ok(None);
    };
    judge(client, (site, &settings.pool.id), &shortages)?;
    Ok(Some(nodes))
}

/// How the quotas of an account that allocates by its own stand, for a pool that did not get its nodes. Nothing when they
/// cannot be seen: the failure is reported all the same.
pub(super) async fn standing(access: &PoolAccess<'_>, pool: &Pool, goal: Goal) -> Standing {
    let own = access.at().account;
    let Some(account) = own.filter(|account| account.allocation == Allocation::BatchService) else {
        return Standing::default();
    };
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Standing::default();
    };
    let offered = size::list(&subscription, &account.location);
    let Ok(offered) = access.client().recalling(OF_RUN).list(&offered).await else {
        return Standing::default();
    };
    let Ok(look) = access.watch().look(None).await else {
        return Standing::default();
    };
    let sizes: Vec<SizeOffer> = offered.iter().map(SizeOffer::read).collect();
    let Some(size) = sizes.iter().find(|size| size.is_called(pool.vm_size())) else {
        return Standing::default();
    };
    let ask = Ask {
        pool: access.id(),
        size,
        wanted: goal.targets,
        needed: goal.needed,
        present: Some(pool),
    };
    quota::standing(&account.quotas, look.pools(), &sizes, &ask)
}

/// Looks at all ceilings. Nothing when they cannot be seen, with a note.
async fn look<T>(
    client: &Client,
    (settings, goal): (&RolloutSettings, Goal),
    (site, pools): (&Site, &[Pool]),
    skipped: &mut Vec<String>,
    then: impl FnOnce(&[Room], &Ask<'_>) -> T,
) -> Result<Option<T>> {
    // Given by its endpoint alone: that was noted when it was looked at.
    let Some(account) = &site.account else {
        return Ok(None);
    };
    let present = pools.iter().find(|pool| pool.is_called(&settings.pool.id));
    let Ok(subscription) = account.id.group().subscription().parse::<SubscriptionId>() else {
        return Ok(None);
    };
    let Some(sizes) = list(
        &client.recalling(OF_RUN),
        &size::list(&subscription, &account.location),
        skipped,
    )
    .await?
    else {
        return Ok(None);
    };
    let sizes: Vec<SizeOffer> = sizes.iter().map(SizeOffer::read).collect();
    let vm_size = vm_size(settings, present);
    if let (None, Some(error)) = (present, offers::unknown_size(account, settings, &sizes)) {
        return Err(error);
    }
    // The size of a pool that is there is the service's own.
    let Some(size) = sizes.iter().find(|size| size.is_called(&vm_size)) else {
        skipped.push(format!(
            "quotas: {vm_size} is not in the list of sizes of {}",
            account.location
        ));
        return Ok(None);
    };
    let ask = Ask {
        pool: &settings.pool.id,
        size,
        wanted: goal.targets,
        needed: goal.needed,
        present,
    };
    let mut rooms = match account.allocation {
        Allocation::BatchService => quota::of_account(&account.quotas, pools, &sizes, &ask),
        Allocation::UserSubscription => of_subscription(client, (account, &subscription), &ask, skipped).await?,
    };
    if account.allocation == Allocation::UserSubscription {
        let others = pools.iter().filter(|pool| !pool.is_called(&settings.pool.id)).count();
        rooms.extend(account.quotas.pools.map(|limit| quota::pool_count(limit, others)));
    }
    rooms.extend(of_network(client, settings, pools, skipped).await?);
    Ok(Some(then(&rooms, &ask)))
}

/// A list; nothing, and a note, when it may not be read.
async fn list(client: &Client, request: &Request, skipped: &mut Vec<String>) -> Result<Option<Vec<Value>>> {
    match client.list(request).await {
        Ok(items) => Ok(Some(items)),
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            ErrorKind::NoRights => {
                skipped.push(format!("quotas: cannot {}: {}", request.doing, rights::lack(&error)));
                Ok(None)
            }
            _ => {
                skipped.push(format!("quotas: cannot {}", request.doing));
                Ok(None)
            }
        },
    }
}

/// The VM size that the pool gets, or has.
pub(super) fn vm_size(settings: &RolloutSettings, present: Option<&Pool>) -> String {
    let asked = settings.pool.vm_size.as_ref().map(|size| size.as_str().to_owned());
    let in_json = || {
        settings
            .pool
            .json
            .get("vmSize")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let own = || present.map(|pool| pool.vm_size().to_owned());
    asked.or_else(in_json).or_else(own).unwrap_or_default()
}

async fn of_subscription(
    client: &Client,
    (account, subscription): (&Account, &SubscriptionId),
    ask: &Ask<'_>,
    skipped: &mut Vec<String>,
) -> Result<Vec<Room>> {
    let request = usage::list(subscription, &account.location);
    let usages = list(&client.recalling(RECENT), &request, skipped)
        .await?
        .unwrap_or_default();
    let place = format!("in {} of subscription {subscription}", account.location);
    let room = |item: &Value| {
        let usage = Usage::read(item);
        let of = match usage.name.as_str() {
            usage::ALL_CORES => Users::Dedicated,
            usage::SPOT_CORES => Users::Spot,
            family if family.eq_ignore_ascii_case(&ask.size.family) => Users::Dedicated,
            _ => return None,
        };
        let what = format!("{} {place}", usage.name);
        Some(quota::of_subscription(what, of, (usage.limit, usage.current), ask))
    };
    Ok(usages.iter().filter_map(room).collect())
}

/// The ceilings of the pool's network, from its own options or the pool JSON.
async fn of_network(
    client: &Client,
    settings: &RolloutSettings,
    pools: &[Pool],
    skipped: &mut Vec<String>,
) -> Result<Vec<Room>> {
    let network = settings.pool.json.get("networkConfiguration").unwrap_or(&Value::Null);
    let mut rooms = Vec::new();
    let addresses = match &settings.pool.parts.network.public {
        Some(PublicAddresses::Own(ids)) => ids.len(),
        Some(PublicAddresses::Batch | PublicAddresses::None) | None => {
            json::items(network, "/publicIPAddressConfiguration/ipAddressIds").count()
        }
    };
    if addresses > 0 {
        rooms.push(quota::of_public_addresses(u32::try_from(addresses).unwrap_or(u32::MAX)));
    }
    let typed = settings.pool.parts.network.subnet.as_ref().map(SubnetId::to_string);
    let in_json = || json::text(network, "/subnetId").map(str::to_owned);
    let Some(id) = typed.or_else(in_json) else {
        return Ok(rooms);
    };
    let id = id.as_str();
    let Some(request) = subnet::list_around(id) else {
        return Ok(rooms);
    };
    let listed = list(&client.recalling(RECENT), &request, skipped)
        .await?
        .unwrap_or_default();
    let name = id.rsplit('/').next().unwrap_or_default();
    let subnet = listed
        .iter()
        .filter_map(Subnet::read)
        .find(|subnet| subnet.name.eq_ignore_ascii_case(name));
    rooms.extend(subnet.and_then(|subnet| {
        let others = pools.iter().filter(|pool| !pool.is_called(&settings.pool.id));
        let here = others.filter(|pool| pool.subnet().is_some_and(|own| own.eq_ignore_ascii_case(id)));
        let nodes: u64 = here
            .map(|pool| u64::from(pool.current.total().max(pool.targets.total())))
            .sum();
        // Where the interfaces of nodes are listed, they are in both numbers.
        quota::of_subnet(&subnet.name, &subnet.prefix, nodes.max(subnet.used))
    }));
    Ok(rooms)
}

/// What makes room for all nodes.
fn more(site: &Site, short: &quota::Shortage) -> String {
    let place = match site.account.as_ref().map(|account| account.allocation) {
        Some(Allocation::BatchService) => "Quotas of the Batch account",
        _ => "Usage + quotas of the subscription",
    };
    let ask = match short.kind {
        Kind::Cores => format!("ask for {} or more in the portal ({place})", short.enough),
        Kind::Pools => "ask for more in the portal (Quotas of the Batch account)".to_owned(),
        Kind::Addresses => "give a larger subnet".to_owned(),
        Kind::PublicAddresses => "give more public addresses".to_owned(),
    };
    // Where the pool alone needs more than there is, others have nothing that helps.
    match short.needs <= short.limit {
        true => format!("for all of them, {ask}, or free what other pools use; then run again"),
        false => format!("for all of them, {ask}; then run again"),
    }
}

/// What is short stops the roll-out when not even enough nodes fit; otherwise it is a warning.
fn judge(client: &Client, (site, pool): (&Site, &PoolId), shortages: &[quota::Shortage]) -> Result<()> {
    for short in shortages.iter().filter(|short| !short.stops) {
        client.warn(format!("not all nodes will come: {}", short.text));
    }
    let stopping: Vec<&quota::Shortage> = shortages.iter().filter(|short| short.stops).collect();
    let Some(tightest) = stopping.iter().min_by_key(|short| short.fits) else {
        return Ok(());
    };
    let (fits, wanted, why) = (tightest.fits, tightest.wanted, &tightest.what);
    let happened = match fits {
        0 => format!("too few {why}: none is left for pool {pool}"),
        fits => format!(
            "too few {why}: enough for {fits} of {} of pool {pool}",
            plural(wanted, "node")
        ),
    };
    let error = Error::plain(ErrorKind::Quota, happened).with_kept("nothing was changed");
    let error = stopping
        .iter()
        .fold(error, |error, short| error.with_fact(short.text.clone()));
    let error = match fits {
        0 => error,
        fits => error.with_next(
            words![
                "to go on with what fits, run again with ",
                Part::set(TARGET_DEDICATED_NODES, fits)
            ],
            None,
        ),
    };
    let error = error.with_next(more(site, tightest), None);
    Err(match &site.account {
        Some(account) => {
            let group = account.id.group();
            let values = [
                ("subscription", group.subscription()),
                ("group", group.name()),
                ("account", account.id.name()),
            ];
            error.with_next(
                "to see what the account may use",
                Command::new(az::ACCOUNT_QUOTAS, &values),
            )
        }
        None => error,
    })
}
