//! A file with one pool or many, in YAML or JSON: in our own form, in that of Batch's own interface (which is az's
//! `--json-file`), or in that of the resource manager. Each becomes values of options with their places in the file.
//!
//! What the values mean is said where options are read. A file never chooses where this run signs in, and an account only
//! within what inputs allow.

mod arm;
mod batch;
mod own;
mod schema;
mod spots;

#[cfg(test)]
mod tests;

pub use self::schema::schema;
pub use self::spots::Spots;
use super::{
    document::{Node, Spot},
    fault::Fault,
    values::{Value, Values},
};
use crate::{
    ids::resource::BatchAccountId,
    options::{
        Opt, file,
        pool::{ACCOUNT, ACCOUNT_ENDPOINT, POOL_FILE, POOL_ID, SUBSCRIPTIONS},
    },
    words,
    words::Words,
};

/// The field with what all pools of a file have, unless a pool says otherwise.
const DEFAULTS: &str = "defaults";

/// The field with many pools.
const POOLS: &str = "pools";

/// One pool of a file.
pub(super) struct FilePool {
    /// What the file says of it.
    pub(super) values: Values,
    /// Where it says so.
    pub(super) spots: Spots,
    /// Where the pool itself stands.
    spot: Spot,
}

/// What a file says.
#[derive(Default)]
struct ReadFile {
    pools: Vec<FilePool>,
    of_all: Values,
}

/// What the inputs and a file together say of one pool.
#[derive(Default)]
pub(super) struct Completed {
    pub(super) values: Values,
    pub(super) spots: Spots,
    /// What of the file cannot be used. Options with such a value are unknown.
    pub(super) faults: Vec<Fault>,
}

/// What the inputs and a file together say of many pools.
pub(super) struct CompletedFleet {
    pub(super) pools: Vec<Completed>,
    /// What is said of all of them together.
    pub(super) of_all: Values,
    /// What of the file cannot be used.
    pub(super) faults: Vec<Fault>,
}

impl FilePool {
    fn text(&self, opt: &'static Opt) -> Option<&str> {
        match self.values.get(opt)? {
            Value::Text(text) => Some(text.trim()),
            _ => None,
        }
    }

    fn name(&self) -> Option<String> {
        self.text(POOL_ID).map(str::to_owned)
    }
}

/// Adds what the file says of one pool to what was given: what was given as an input counts.
///
/// # Errors
/// With every fault of a file in which the pool is not found.
pub(super) fn complete(given: &Values) -> Result<Completed, Vec<Fault>> {
    let text = match given.get(POOL_FILE) {
        Some(Value::Text(text)) if !text.trim().is_empty() => text,
        // Its fault was reported where it was read.
        Some(Value::Unknown) => return Err(Vec::new()),
        _ => {
            let values = given.clone();
            return Ok(Completed {
                values,
                ..Completed::default()
            });
        }
    };
    let mut faults = Vec::new();
    let mut pools = read(text, &mut faults).pools;
    for pool in &pools {
        faults.extend(foreign_account(given, pool));
    }
    if pools.len() > 1 && faults.is_empty() {
        pools = the_named(given, pools, &mut faults);
    }
    // Which one is meant cannot be said of a file with faults.
    let found = if pools.len() > 1 { None } else { pools.pop() };
    let Some(pool) = found else { return Err(faults) };
    Ok(Completed {
        faults,
        ..completed(given, pool)
    })
}

/// Adds what the file says of each of its pools to what was given: what was given as an input counts.
///
/// # Errors
/// Without a fault, when the file could not be read.
pub(super) fn complete_all(given: &Values) -> Result<CompletedFleet, Vec<Fault>> {
    let Some(Value::Text(text)) = given.get(POOL_FILE) else {
        return Err(Vec::new());
    };
    let mut faults = Vec::new();
    let file = read(text, &mut faults);
    for pool in &file.pools {
        faults.extend(foreign_account(given, pool));
    }
    Ok(CompletedFleet {
        of_all: given.clone().completed_by(file.of_all),
        pools: file.pools.into_iter().map(|pool| completed(given, pool)).collect(),
        faults,
    })
}

/// Whether a file with many pools is given, and none of them is named.
#[must_use]
pub fn holds_many(given: &Values) -> bool {
    match given.get(POOL_FILE) {
        Some(Value::Text(text)) if !given.has(POOL_ID) => read(text, &mut Vec::new()).pools.len() > 1,
        _ => false,
    }
}

fn completed(given: &Values, pool: FilePool) -> Completed {
    Completed {
        values: given.clone().completed_by(pool.values),
        spots: pool.spots.without(given),
        faults: Vec::new(),
    }
}

/// The text as JSON, for those who look for secrets in it; nothing when it is neither YAML nor JSON.
#[must_use]
pub fn as_json(text: &str) -> Option<String> {
    Node::parse(text).ok().map(|node| node.json().to_string())
}

/// Of many pools the one that was named.
fn the_named(given: &Values, pools: Vec<FilePool>, faults: &mut Vec<Fault>) -> Vec<FilePool> {
    let names: Vec<String> = pools.iter().filter_map(FilePool::name).collect();
    let Some(Value::Text(wanted)) = given.get(POOL_ID) else {
        let text = words![format!("holds {} pools; name one of them in ", pools.len()), POOL_ID];
        faults.push(Fault::new(POOL_FILE, text));
        return Vec::new();
    };
    let is_wanted = |pool: &FilePool| pool.name().is_some_and(|name| name.eq_ignore_ascii_case(wanted.trim()));
    let found: Vec<FilePool> = pools.into_iter().filter(is_wanted).collect();
    if found.is_empty() {
        let text = format!("{wanted:?} is not in the file; its pools are {}", names.join(", "));
        faults.push(Fault::new(POOL_ID, text));
    }
    found
}

/// All pools of a text, and what it says of all of them together.
fn read(text: &str, faults: &mut Vec<Fault>) -> ReadFile {
    let node = match Node::parse(text) {
        Ok(node) => node,
        Err(unreadable) => {
            faults.push(Fault::new(POOL_FILE, unreadable.shown()));
            return ReadFile::default();
        }
    };
    if !node.is_map() {
        let text = format!("must be an object with the names of a pool, or with {POOLS} and a list");
        faults.push(refused(&node.spot, text));
        return ReadFile::default();
    }
    let mut of_all = Values::default();
    let pools = if node.get(POOLS).is_some() || node.get(DEFAULTS).is_some() {
        many(&node, &mut of_all, faults)
    } else if arm::is_template(&node) {
        let pools = arm::pools(&node);
        if pools.is_empty() {
            faults.push(refused(&node.spot, "is a template without a pool in it"));
        }
        pools.into_iter().map(|pool| one(pool, faults)).collect()
    } else {
        vec![one(node, faults)]
    };
    let pools = if pools.len() < 2 { pools } else { named(pools, faults) };
    ReadFile { pools, of_all }
}

/// One pool in whichever form.
fn one(mut node: Node, faults: &mut Vec<Fault>) -> FilePool {
    // The body that some wrote down under this name.
    if let Some(inner) = node.get("pool").filter(|inner| inner.is_map()) {
        node = inner.clone();
    }
    if arm::is_one(&node) {
        let converted = arm::convert(node, faults);
        let mut pool = batch::read(converted.pool, faults);
        if let Some((account, id)) = converted.account {
            pool.spots.note(ACCOUNT, &id.spot);
            pool.values.set(ACCOUNT, account.to_string());
        }
        return pool;
    }
    if is_of_batch(&node) {
        return batch::read(node, faults);
    }
    own::read(&node, faults)
}

/// Batch's names are written with capitals inside, ours with dashes. Most of a pool decides, so that one name of the
/// other kind is a fault of that name.
fn is_of_batch(node: &Node) -> bool {
    let count = |is: fn(&str) -> bool| node.fields().iter().filter(|(name, _)| is(name)).count();
    let of_batch = count(|name| name.chars().any(|letter| letter.is_ascii_uppercase()) || name == "id");
    let ours = count(|name| name.contains('-'));
    of_batch > ours
}

fn many(node: &Node, of_all: &mut Values, faults: &mut Vec<Fault>) -> Vec<FilePool> {
    let defaults = node.get(DEFAULTS).map(|defaults| one(defaults.clone(), faults));
    for (name, field) in node.fields() {
        if let Some(opt) = file::find_of_all(name) {
            own::set(opt, field, (of_all, &mut Spots::default()), faults);
        } else if ![POOLS, DEFAULTS].contains(&name.as_str()) {
            let text =
                format!("does not belong here: write it below {DEFAULTS} when it is for all pools, else below {POOLS}");
            faults.push(refused(&field.spot, text));
        }
    }
    let listed = node.get(POOLS);
    let items = listed.map(Node::items).unwrap_or_default();
    if items.is_empty() {
        let spot = listed.map_or(&node.spot, |node| &node.spot);
        faults.push(refused(spot, format!("{POOLS} must be a list with at least one pool")));
    }
    let pool = |item: &Node| {
        let mut pool = one(item.clone(), faults);
        if let Some(defaults) = &defaults {
            pool.values = pool.values.completed_by(defaults.values.clone());
            pool.spots = pool.spots.completed_by(&defaults.spots);
        }
        pool
    };
    items.iter().map(pool).collect()
}

/// Each of many pools has a name of its own.
fn named(pools: Vec<FilePool>, faults: &mut Vec<Fault>) -> Vec<FilePool> {
    let mut seen: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for mut pool in pools {
        let account = pool.text(ACCOUNT).unwrap_or_default().to_ascii_lowercase();
        let Some(name) = pool.name() else {
            let text = format!("has no {}: give each pool its id", own::dashed(POOL_ID.path));
            faults.push(refused(&pool.spot, text));
            continue;
        };
        let key = format!("{account}/{}", name.to_ascii_lowercase());
        if seen.contains(&key) {
            let text = format!("{name:?} is in the file twice: give each pool its own id");
            let spot = pool.spots.of(POOL_ID).unwrap_or(&pool.spot);
            faults.push(refused(spot, text));
        }
        seen.push(key);
        pool.spots = pool.spots.of_pool(format!("line {}: pool {name}", pool.spot.line));
        all.push(pool);
    }
    all
}

/// A file may repeat the account of the inputs, or choose one in a subscription that the inputs allow.
fn foreign_account(given: &Values, pool: &FilePool) -> Option<Fault> {
    let (text, spot) = (pool.text(ACCOUNT)?, pool.spots.of(ACCOUNT)?);
    let allowed = |opt| match given.get(opt) {
        Some(Value::Text(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let fault: Words = if let Some(input) = allowed(ACCOUNT) {
        if input.eq_ignore_ascii_case(text) {
            return None;
        }
        words!["the input ", ACCOUNT, " names another one: leave it out of the file"]
    } else if given.has(ACCOUNT_ENDPOINT) {
        words![
            "the input ",
            ACCOUNT_ENDPOINT,
            " names the account: leave it out of the file"
        ]
    } else if let Some(list) = allowed(SUBSCRIPTIONS) {
        // An id that cannot be used is a fault where it is read.
        let account: BatchAccountId = text.parse().ok()?;
        let subscription = account.group().subscription().to_string();
        let mut allowed = list.split([',', '\n']).map(str::trim);
        if allowed.any(|allowed| allowed.eq_ignore_ascii_case(&subscription)) {
            return None;
        }
        words![
            format!("is in subscription {subscription}, which is not one of "),
            SUBSCRIPTIONS
        ]
    } else {
        words![
            "is chosen by the file alone: give the input ",
            ACCOUNT,
            ", or name in ",
            SUBSCRIPTIONS,
            " the subscriptions whose accounts the file may choose"
        ]
    };
    Some(refused(spot, fault))
}

/// A fault of a place in the file.
fn refused(spot: &Spot, text: impl Into<Words>) -> Fault {
    Fault::new(POOL_FILE, text.into().after(spot.shown()))
}
