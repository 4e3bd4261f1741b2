//! The bodies that change an emptied pool: to what was asked for, and back.
//!
//! Pure. What the service shows is edited, so what we do not know stays. What the service hides has to come from what was
//! asked for.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    ASKED, Difference, IMAGE_REFERENCE, NODE_AGENT, SPEC, Spec, VERSION, When,
    mark::{hidden_secrets, without_secrets},
    set,
};
use crate::{
    batch::{autoscale, pool::Pool},
    ids::{NodeCounts, resource::ImageVersionId},
    json as read_json,
    options::pool::{NODE_AGENT_SKU_ID, START_TASK, VM_SIZE},
    rollout::{
        made_by::{ADOPTED, MadeBy},
        record::{Items, Record, Was, is_part},
    },
    settings::{Autoscale, fault::Fault},
};

const CONFIGURATION: &str = "virtualMachineConfiguration";
const PACKAGES: &str = "applicationPackageReferences";

/// Parts of a pool that hold secrets which the service does not show and without which it would not work.
const WITH_HIDDEN: [&str; 2] = ["containerConfiguration", "extensions"];

impl Spec {
    /// What the pool is today in all that a swap would change.
    pub(in crate::rollout) fn was(&self, pool: &Pool, difference: &Difference) -> Was {
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        let mut keep = |pointer: &str| {
            fields.insert(pointer.to_owned(), read_json::at(pool.body(), pointer).clone());
        };
        keep(IMAGE_REFERENCE);
        for field in difference.of(When::Empty) {
            keep(&format!("/{}", field.path.replace('.', "/")));
        }
        if changes(difference, "startTask") && is_open(read_json::at(pool.body(), "/startTask")) {
            keep("/startTask");
        }
        if changes(difference, PACKAGES) {
            keep(&format!("/{PACKAGES}"));
        }
        Was {
            size: pool.targets,
            fields,
            mark: pool.metadata(SPEC).map(str::to_owned),
            autoscale: autoscale::of(pool),
        }
    }

    /// Names the roll-out of a pool that is there: the same settings have the same name. Size and agent are the pool's
    /// where the settings leave them open, so that naming what the pool has makes it no other roll-out.
    pub(in crate::rollout) fn roll_out_id_on(
        &self,
        pool: &Pool,
        (targets, scale): (NodeCounts, Option<&Autoscale>),
    ) -> String {
        self.completed_from(pool).roll_out_id(targets, scale)
    }

    /// Whether it is the roll-out of that name: one of an earlier version named only what was given.
    pub(in crate::rollout) fn is_roll_out(
        &self,
        id: &str,
        pool: &Pool,
        (targets, scale): (NodeCounts, Option<&Autoscale>),
    ) -> bool {
        self.roll_out_id_on(pool, (targets, scale)) == id || self.roll_out_id(targets, scale) == id
    }

    /// The one setting without which it would be the roll-out of that name.
    pub(in crate::rollout) fn only_more_than(
        &self,
        id: &str,
        pool: &Pool,
        size: (NodeCounts, Option<&Autoscale>),
    ) -> Option<String> {
        let top = self.body.as_object().into_iter().flatten();
        let parts = read_json::at(&self.body, "/virtualMachineConfiguration").as_object();
        let names = top.map(|(name, _)| name.clone());
        let parts = parts
            .into_iter()
            .flatten()
            .map(|(name, _)| format!("{CONFIGURATION}/{name}"));
        let mut names = names.chain(parts).map(|name| format!("/{name}"));
        let found = names.find(|pointer| self.without(pointer).is_roll_out(id, pool, size))?;
        Some(match found.as_str() {
            "/vmSize" => format!("{{{}}}", VM_SIZE.path),
            NODE_AGENT => format!("{{{}}}", NODE_AGENT_SKU_ID.path),
            "/startTask" => format!("{{{}}}", START_TASK.path),
            other => other.trim_start_matches('/').replace('/', "."),
        })
    }

    /// The same without a setting.
    fn without(&self, pointer: &str) -> Self {
        let mut less = self.clone();
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(fields) = less.body.pointer_mut(parent).and_then(Value::as_object_mut)
        {
            fields.remove(name);
        }
        if pointer == "/startTask" {
            less.start_task = None;
        }
        less
    }

    /// Names the roll-out: the same settings have the same name.
    pub(in crate::rollout) fn roll_out_id(&self, targets: NodeCounts, scale: Option<&Autoscale>) -> String {
        let mut all = json!({"version": self.version, "mark": self.mark(), "targets": targets});
        if let Some(scale) = scale {
            set(&mut all, "/autoscale", json!(scale));
        }
        super::mark::short(&all)
    }

    /// The body of `POST /pools` with a record of what the pool is made for.
    ///
    /// # Errors
    /// As that without.
    pub(in crate::rollout) fn trial_body(
        &self,
        nodes: NodeCounts,
        timeout: Duration,
        record: &Items,
    ) -> Result<Value, Vec<Fault>> {
        let mut body = self.create_body(nodes, timeout)?;
        let metadata = with_record(read_json::at(&body, "/metadata"), record);
        set(&mut body, "/metadata", metadata);
        Ok(body)
    }

    /// The body of the `PATCH` that gives an empty pool this VM size, and the mark of it.
    pub(in crate::rollout) fn size_body(&self, pool: &Pool) -> Value {
        let metadata = self.metadata(pool.body(), MadeBy::of(pool));
        json!({"vmSize": read_json::at(&self.body, "/vmSize"), "metadata": metadata})
    }

    /// The body that takes the start task from an emptied pool before its image is changed, where none is asked for any
    /// more: no `PATCH` can. What the metadata remember stays. Nothing when none is to go.
    pub(in crate::rollout) fn without_start_task(&self, pool: &Pool, difference: &Difference) -> Option<Value> {
        let mut body = self.replacing_body(pool, difference)?;
        set(&mut body, "/metadata", read_json::at(pool.body(), "/metadata").clone());
        Some(body)
    }

    /// The body of the `PATCH` that makes the emptied pool what was asked for.
    pub(in crate::rollout) fn swap_body(&self, pool: &Pool, difference: &Difference, record: &Items) -> Value {
        let complete = self.completed_from(pool);
        let mut body = self.update_body(pool, difference);
        let asked = complete.body.as_object().into_iter().flatten();
        for (name, value) in asked {
            let differs = |path: &str| path == name || path.starts_with(&format!("{name}."));
            if name != CONFIGURATION && difference.of(When::Empty).any(|field| differs(&field.path)) {
                set(&mut body, &format!("/{name}"), value.clone());
            }
        }
        let mut configuration = read_json::at(pool.body(), "/virtualMachineConfiguration").clone();
        merge(
            &mut configuration,
            read_json::at(&complete.body, "/virtualMachineConfiguration"),
        );
        set(
            &mut configuration,
            "/imageReference",
            read_json::at(&complete.body, IMAGE_REFERENCE).clone(),
        );
        set(&mut body, "/virtualMachineConfiguration", configuration);
        self.fit_security(&mut body);
        let metadata = with_record(&complete.metadata(pool.body(), MadeBy::of(pool)), record);
        set(&mut body, "/metadata", metadata);
        body
    }
}

/// A short name of a formula.
pub(in crate::rollout) fn formula_name(scale: &Autoscale) -> String {
    super::mark::short(&json!(scale.plain()))
}

/// The body of the `PATCH` that makes the emptied pool what it was; `asked` gives what the service hides.
pub(in crate::rollout) fn back_body(pool: &Pool, record: &Record, asked: Option<&Spec>, items: &Items) -> Value {
    let mut whole = pool.body().clone();
    for (pointer, value) in &record.was.fields {
        set(&mut whole, pointer, value.clone());
    }
    let mut configuration = without_nulls(read_json::at(&whole, "/virtualMachineConfiguration").clone());
    if let Some(asked) = asked {
        lend_hidden(
            &mut configuration,
            read_json::at(&asked.body, "/virtualMachineConfiguration"),
        );
    }
    let mut body = json!({ CONFIGURATION: configuration });
    let top: Vec<&str> = record
        .was
        .fields
        .keys()
        .filter_map(|pointer| pointer.split('/').nth(1))
        .collect();
    for name in top.into_iter().filter(|name| *name != CONFIGURATION) {
        let value = read_json::at(&whole, &format!("/{name}"));
        // A setting that was not there cannot be taken away by a change; it stays as it is.
        if !value.is_null() {
            set(&mut body, &format!("/{name}"), value.clone());
        }
    }
    let version = record
        .former_image()
        .filter(|image| image.parse::<ImageVersionId>().is_ok());
    let metadata = read_json::at(pool.body(), "/metadata");
    let metadata = with_item(metadata, SPEC, record.was.mark.as_deref());
    let metadata = with_item(&metadata, VERSION, version.filter(|_| record.was.mark.is_some()));
    let metadata = match record.was.mark {
        Some(_) => metadata,
        None => with_item(&metadata, ADOPTED, None),
    };
    // The record does not hold the list, and that of another mark would mislead.
    let metadata = with_item(&metadata, ASKED, None);
    set(&mut body, "/metadata", with_record(&metadata, items));
    body
}

/// The body of a `PATCH` that only writes a record.
pub(in crate::rollout) fn recorded(pool: &Pool, items: &Items) -> Value {
    let metadata = read_json::at(pool.body(), "/metadata");
    json!({"metadata": with_record(metadata, items)})
}

/// What a change of the image would lose, as the service shows the pool without it and it was not asked for either.
pub(in crate::rollout) fn unrestorable(pool: &Pool, asked: Option<&Spec>) -> Option<String> {
    let found = read_json::at(pool.body(), "/virtualMachineConfiguration");
    let given = |name: &str| {
        asked.is_some_and(|spec| !read_json::at(&spec.body, &format!("/{CONFIGURATION}/{name}")).is_null())
    };
    let needs_secret = |name: &&&str| match **name {
        "containerConfiguration" => read_json::items(found, "/containerConfiguration/containerRegistries")
            .any(|registry| read_json::text(registry, "/username").is_some()),
        name => found.get(name).is_some_and(|part| !part.is_null()),
    };
    let lost = WITH_HIDDEN.iter().filter(needs_secret).find(|name| !given(name))?;
    Some(format!("{CONFIGURATION}.{lost}"))
}

/// Whether that setting, or a part of it, is among what differs and can be changed at any time.
fn changes(difference: &Difference, name: &str) -> bool {
    difference
        .of(When::AnyTime)
        .any(|field| field.path.split('.').next() == Some(name))
}

/// Whether the value holds no secret, so that everybody who reads the pool may read it in its metadata.
fn is_open(value: &Value) -> bool {
    hidden_secrets(value).is_empty() && without_secrets(value) == *value
}

/// Lays what was asked for over what is there. Lists are taken as a whole.
pub(super) fn merge(found: &mut Value, asked: &Value) {
    match (found, asked) {
        (Value::Object(found), Value::Object(asked)) => {
            for (name, asked) in asked {
                merge(found.entry(name.clone()).or_insert(Value::Null), asked);
            }
        }
        (found, asked) => *found = asked.clone(),
    }
}

/// Puts a part with its secrets in the place of the same part without.
fn lend_hidden(configuration: &mut Value, asked: &Value) {
    for name in WITH_HIDDEN {
        let (found, asked) = (configuration.get(name), asked.get(name));
        if let (Some(found), Some(asked)) = (found, asked)
            && without_secrets(asked) == *found
        {
            set(configuration, &format!("/{name}"), asked.clone());
        }
    }
}

pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            let fields: Map<String, Value> = kept.map(|(name, value)| (name, without_nulls(value))).collect();
            Value::Object(fields)
        }
        other => other,
    }
}

/// Metadata with an item set, or without it.
pub(super) fn with_item(metadata: &Value, name: &str, value: Option<&str>) -> Value {
    let items = metadata.as_array().cloned().unwrap_or_default();
    let others = items
        .into_iter()
        .filter(|item| read_json::text(item, "/name") != Some(name));
    let own = value.map(|value| json!({"name": name, "value": value}));
    Value::Array(others.chain(own).collect())
}

/// Metadata with a record in it, in the place of another one.
fn with_record(metadata: &Value, items: &Items) -> Value {
    let mut all = without_record(metadata);
    for (name, value) in items.iter() {
        all = with_item(&all, name, Some(value));
    }
    all
}

/// Metadata without a record.
pub(super) fn without_record(metadata: &Value) -> Value {
    let items = metadata.as_array().into_iter().flatten();
    let others = items.filter(|item| !read_json::text(item, "/name").is_some_and(is_part));
    Value::Array(others.cloned().collect())
}
