//! Reads who uses images: one list a kind and a subscription or account.
//!
//! A list of a whole subscription shows what the identity may see and says nothing of the rest. So its rights on the
//! subscription are asked for, and a list that may be a part of the truth is a blind spot.

use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::{
    Blind, How, Note, Size, Usage, Use, User, making,
    seen::{blind, seen},
};
use crate::{
    arm::subscription::{self, Subscription},
    batch::{
        auto_pool::{self, AutoPool},
        pool::Scaling,
    },
    client::Client,
    compute::machines::{self, MadeOf},
    error::Result,
    estate::{self, Estate, Gap, NodeImages, SeenAccount, SeenPool},
    ids::{Location, SubscriptionId},
    json,
    rights::{self, Whole},
    settings::{Depth, Sight},
};

/// How many accounts or subscriptions are read at one time: enough to hide the distance to Azure, few for one client
/// among others.
const AT_ONCE: usize = 8;

/// How the pool is read that a job or schedule makes.
type ReadPool = fn(&Value) -> Option<AutoPool>;

/// What is listed of a whole subscription, and the right that shows all of it.
const WHOLE: [(&str, &str); 5] = [
    (estate::ACCOUNTS, "Batch accounts"),
    ("Microsoft.Compute/virtualMachines/read", "virtual machines"),
    ("Microsoft.Compute/virtualMachineScaleSets/read", "scale sets"),
    (making::GALLERIES, "galleries"),
    (making::VERSIONS, "image versions"),
];

/// The data action that pools and their nodes need.
const POOLS: &str = "Microsoft.Batch/batchAccounts/pools/read";
const JOBS: &str = "Microsoft.Batch/batchAccounts/jobs/read";
const SCHEDULES: &str = "Microsoft.Batch/batchAccounts/jobSchedules/read";

/// Reads who uses what. `own` are subscriptions that are looked at in any case.
///
/// # Errors
/// When not even the subscriptions can be listed, one that was given is not there, or the run ends.
pub async fn read(client: &Client, sight: &Sight, own: &[SubscriptionId]) -> Result<Usage> {
    let all = subscriptions(client, sight, own).await?;
    let given: &[SubscriptionId] = match sight {
        Sight::Subscriptions(given) => given,
        Sight::Everything | Sight::Accounts(_) => &[],
    };
    let sight = Sight::Subscriptions(all.clone());
    let look = estate::read_given(client, (&sight, given), Depth::default());
    let (estate, machines) = futures::try_join!(look, of_subscriptions(client, &all))?;
    let mut usage = of_estate(&estate);
    add(&mut usage, machines);
    // Made before they are in the stream: a closure in it could not be sent between threads.
    let looks: Vec<_> = estate.accounts.iter().map(|account| to_come(client, account)).collect();
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(more) = looks.next().await {
        add(&mut usage, more?);
    }
    Ok(usage)
}

async fn subscriptions(client: &Client, sight: &Sight, own: &[SubscriptionId]) -> Result<Vec<SubscriptionId>> {
    let mut all = match sight {
        Sight::Everything => {
            let items = client.list(&subscription::list()).await?;
            items.iter().filter_map(Subscription::read).map(|one| one.id).collect()
        }
        Sight::Subscriptions(all) => all.clone(),
        Sight::Accounts(_) => Vec::new(),
    };
    let is_new = |id: &&SubscriptionId| !all.iter().any(|known| known.as_str().eq_ignore_ascii_case(id.as_str()));
    let more: Vec<SubscriptionId> = own.iter().filter(is_new).cloned().collect();
    all.extend(more);
    Ok(all)
}

fn add(usage: &mut Usage, more: Usage) {
    usage.uses.extend(more.uses);
    usage.notes.extend(more.notes);
    usage.blind.extend(more.blind);
}

/// What pools and their nodes use.
fn of_estate(estate: &Estate) -> Usage {
    let mut usage = Usage {
        blind: estate.gaps.iter().map(of_gap).collect(),
        ..Usage::default()
    };
    for (account, pool) in estate.pools() {
        let user = user(account, pool);
        usage.notes.extend(notes(&user, pool.pool.body()));
        usage.uses.extend(of_pool(&user, pool));
    }
    usage
}

fn user(account: &SeenAccount, pool: &SeenPool) -> User {
    let nodes = pool.pool.current.total().max(pool.pool.targets.total());
    User {
        name: format!("pool {} in {}", pool.id, account.title()),
        region: account.location.clone(),
        size: match pool.pool.scaling {
            Scaling::Auto => Size::ByFormula(nodes),
            Scaling::Fixed => Size::Fixed(nodes),
        },
    }
}

fn of_pool(user: &User, pool: &SeenPool) -> Vec<Use> {
    let using = |how, image: String| Use {
        user: user.clone(),
        how,
        image,
        exact: None,
    };
    let of_new = using(How::ForNew, pool.image.to_string());
    let of_nodes = match &pool.nodes {
        NodeImages::Listed(images) => images.as_slice(),
        NodeImages::AsPool | NodeImages::Unread => &[],
    };
    let of_nodes = of_nodes
        .iter()
        .map(|(image, nodes)| using(How::Runs(*nodes), image.to_string()));
    std::iter::once(of_new).chain(of_nodes).collect()
}

/// What a pool remembers of itself: a change of it names the image that it had.
fn notes(user: &User, pool: &Value) -> Vec<Note> {
    let texts = json::items(pool, "/metadata").filter_map(|item| json::text(item, "/value"));
    let note = |text: &str| Note {
        user: user.clone(),
        text: text.to_owned(),
    };
    texts.map(note).collect()
}

fn of_gap(gap: &Gap) -> Blind {
    let right = if gap.what.starts_with("subscription") {
        WHOLE[0].0
    } else {
        POOLS
    };
    blind(gap.what.clone(), right, &gap.why)
}

/// The pools that jobs and schedules of an account make.
async fn to_come(client: &Client, account: &SeenAccount) -> Result<Usage> {
    let (jobs, schedules) = (
        auto_pool::list_jobs(&account.endpoint),
        auto_pool::list_schedules(&account.endpoint),
    );
    let title = account.title();
    let (jobs, schedules) = futures::try_join!(
        seen(client, &jobs, (format!("jobs in {title}"), JOBS)),
        seen(client, &schedules, (format!("job schedules in {title}"), SCHEDULES))
    )?;
    let mut usage = Usage::default();
    let kinds: [(_, _, ReadPool); 2] = [
        (jobs, "job", AutoPool::of_job),
        (schedules, "job schedule", AutoPool::of_schedule),
    ];
    for (found, kind, read) in kinds {
        match found {
            Ok(items) => usage.uses.extend(items.iter().filter_map(read).map(|pool| Use {
                user: User {
                    name: format!("{kind} {} in {title}", pool.of),
                    region: account.location.clone(),
                    size: Size::Fixed(pool.nodes),
                },
                how: How::ForPool,
                image: pool.image.to_string(),
                exact: None,
            })),
            Err(gap) => usage.blind.push(gap),
        }
    }
    Ok(usage)
}

async fn of_subscriptions(client: &Client, all: &[SubscriptionId]) -> Result<Usage> {
    let mut usage = Usage {
        blind: partly_seen(client, all).await?,
        ..Usage::default()
    };
    let look = |id| async move { futures::try_join!(machines_of(client, id), making::of_subscription(client, id)) };
    let looks: Vec<_> = all.iter().map(look).collect();
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(more) = looks.next().await {
        let (machines, versions) = more?;
        add(&mut usage, machines);
        add(&mut usage, versions);
    }
    Ok(usage)
}

/// Subscriptions whose lists may show a part only.
async fn partly_seen(client: &Client, all: &[SubscriptionId]) -> Result<Vec<Blind>> {
    let whole = |id: &SubscriptionId, (right, kind)| Whole {
        scope: format!("/subscriptions/{id}"),
        right,
        kind,
    };
    let wholes: Vec<Whole> = all.iter().flat_map(|id| WHOLE.map(|row| whole(id, row))).collect();
    let parts = rights::parts(client, &wholes).await?;
    Ok(parts.iter().map(Blind::of_part).collect())
}

/// Virtual machines and scale sets of a subscription.
async fn machines_of(client: &Client, id: &SubscriptionId) -> Result<Usage> {
    let (vms, sets) = (machines::list(id), machines::list_scale_sets(id));
    let (vms, sets) = futures::try_join!(
        seen(
            client,
            &vms,
            (format!("virtual machines of subscription {id}"), WHOLE[1].0)
        ),
        seen(client, &sets, (format!("scale sets of subscription {id}"), WHOLE[2].0))
    )?;
    let mut usage = Usage::default();
    match vms {
        Ok(vms) => usage.uses.extend(vms.iter().filter_map(of_vm)),
        Err(gap) => usage.blind.push(gap),
    }
    match sets {
        Ok(sets) => {
            for set in &sets {
                add(&mut usage, of_scale_set(client, set).await?);
            }
        }
        Err(gap) => usage.blind.push(gap),
    }
    Ok(usage)
}

fn of_vm(vm: &Value) -> Option<Use> {
    let made = MadeOf::of_machine(vm)?;
    let user = of_machines(format!("virtual machine {}", title(vm)), 1, vm);
    Some(using(user, How::Machine, made))
}

/// The image of a scale set's new instances, and those of the instances that are there: they may be older.
async fn of_scale_set(client: &Client, set: &Value) -> Result<Usage> {
    let mut usage = Usage::default();
    let instances = json::at(set, "/sku/capacity").as_u64().unwrap_or_default();
    let instances = u32::try_from(instances).unwrap_or(u32::MAX);
    let user = of_machines(format!("scale set {}", title(set)), instances, set);
    let Some(made) = MadeOf::of_scale_set(set) else {
        return Ok(usage);
    };
    usage.uses.push(using(user.clone(), How::ForNew, made));
    // Instances of a flexible scale set are virtual machines, which have a list of their own.
    let mode = json::text(set, "/properties/orchestrationMode").unwrap_or_default();
    let Some(id) = json::text(set, "/id").filter(|_| !mode.eq_ignore_ascii_case("Flexible")) else {
        return Ok(usage);
    };
    let list = machines::list_instances(id);
    let right = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read";
    match seen(client, &list, (format!("instances of {user}"), right)).await? {
        Ok(instances) => {
            for made in instances.iter().filter_map(MadeOf::of_machine) {
                count(&mut usage.uses, using(user.clone(), How::Runs(1), made));
            }
        }
        Err(gap) => usage.blind.push(gap),
    }
    Ok(usage)
}

/// Machines where the resource is.
fn of_machines(name: String, count: u32, of: &Value) -> User {
    User {
        name,
        region: json::text(of, "/location").and_then(|text| text.parse::<Location>().ok()),
        size: Size::Fixed(count),
    }
}

fn using(user: User, how: How, made: MadeOf) -> Use {
    Use {
        user,
        how,
        image: made.id,
        exact: made.exact,
    }
}

/// Adds one more instance to those of the same image.
fn count(uses: &mut Vec<Use>, one: Use) {
    let is_same = |it: &&mut Use| {
        let (own, other) = ((&it.user, &it.image, it.exact), (&one.user, &one.image, one.exact));
        matches!(it.how, How::Runs(_)) && own == other
    };
    match uses.iter_mut().find(is_same) {
        Some(known) => {
            if let How::Runs(nodes) = known.how {
                known.how = How::Runs(nodes + 1);
            }
        }
        None => uses.push(one),
    }
}

/// The name with its group: names are unique in a group only.
fn title(resource: &Value) -> String {
    let name = json::text(resource, "/name").unwrap_or_default();
    let id = json::text(resource, "/id").unwrap_or_default();
    let group = id.split('/').nth(4).filter(|group| !group.is_empty());
    group.map_or_else(|| name.to_owned(), |group| format!("{name} in {group}"))
}
