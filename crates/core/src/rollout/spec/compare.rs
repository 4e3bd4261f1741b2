//! What a pool that is there differs in from the one that was asked for, by when Batch lets it be changed.
//!
//! A pool that others made is compared in the same way; whether it may be changed is decided in `decide`. Nothing is
//! shown of values that may be secret.

use std::fmt;

use serde_json::Value;

use super::{
    IMAGE_REFERENCE, NODE_AGENT, SPEC, Spec, asked, is_same,
    mark::{self, hidden_secrets, shown_secrets, without_secrets},
    set,
};
use crate::{
    batch::{pool::Pool, resource},
    expiry, json as read_json,
    options::pool::{NODE_AGENT_SKU_ID, VM_SIZE},
    rollout::{live, verdict::is_version},
    settings::{
        Adopt,
        parts::{IDENTITY, TAGS},
    },
    words::Words,
};

/// What a pool differs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Difference {
    /// Whether a roll-out has made or adopted the pool.
    pub(in crate::rollout) maker: Maker,
    /// The image that it runs, when that is another one.
    pub(in crate::rollout) image: Option<String>,
    /// Single settings.
    pub(in crate::rollout) fields: Vec<Field>,
    /// Secrets that were asked for and that Batch does not show: nobody can say whether they are the same.
    pub(in crate::rollout) hidden: Vec<String>,
}

/// Who has made a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Maker {
    /// A roll-out, or one has adopted it.
    RollOut,
    /// Another tool or a person.
    Another,
}

/// Whether settings that are asked for and differ explain that the mark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Explained {
    Yes,
    No,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Field {
    /// Its path in Batch's pool JSON.
    pub(in crate::rollout) path: String,
    /// Its name for people, with both values where these are no secrets.
    pub(in crate::rollout) text: String,
    /// When it can be changed.
    pub(in crate::rollout) when: When,
}

/// When Batch lets a setting of a pool be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rollout) enum When {
    /// At any time; nodes that are there keep the old one until they boot again.
    AnyTime,
    /// While the pool has no nodes.
    Empty,
    /// Never: it takes a new pool.
    NewPool,
}

/// What can be changed at any time.
const ANY_TIME: [&str; 3] = ["startTask", "applicationPackageReferences", "metadata"];
/// What can be changed while a pool has no nodes; new in the data plane of 2024-07-01. The image's own parts are in
/// `virtualMachineConfiguration`.
const EMPTY: [&str; 10] = [
    "virtualMachineConfiguration",
    "vmSize",
    "displayName",
    "enableInterNodeCommunication",
    "networkConfiguration",
    "taskSlotsPerNode",
    "taskSchedulingPolicy",
    "userAccounts",
    "mountConfiguration",
    "upgradePolicy",
];
/// The exception among them.
const DATA_DISKS: &str = "virtualMachineConfiguration.dataDisks";

/// What can be taken away at any time.
const REMOVABLE: [&str; 2] = ["startTask", "applicationPackageReferences"];

/// What is said of a mark that differs although each setting that was asked for is there.
const UNASKED: &str = "settings that are no longer asked for";

impl Difference {
    /// Whether the pool is as it was asked for, by whomever it was made.
    pub(in crate::rollout) const fn is_none(&self) -> bool {
        self.image.is_none() && self.fields.is_empty()
    }

    /// The settings that can be changed then.
    pub(in crate::rollout) fn of(&self, when: When) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.when == when)
    }

    /// The same as a list for people, with options named as a template names them.
    pub(in crate::rollout) fn names(&self, when: When) -> Vec<String> {
        self.of(when)
            .map(|field| Words::naming(&field.text).to_string())
            .collect()
    }

    /// The same as a text in which `{path}` names an option.
    pub(in crate::rollout) fn naming(&self, when: When) -> Vec<String> {
        self.of(when).map(ToString::to_string).collect()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl When {
    /// By the path of a setting. A name that is new to us counts as unchangeable: the service may know better, but a
    /// pool is not emptied to find out.
    fn of(path: &str) -> Self {
        let is_in = |name: &str| {
            path.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if ANY_TIME.into_iter().any(is_in) {
            Self::AnyTime
        } else if is_in(DATA_DISKS) {
            Self::NewPool
        } else if EMPTY.into_iter().any(is_in) {
            Self::Empty
        } else {
            Self::NewPool
        }
    }
}

impl Spec {
    /// Compares a pool with what is asked for.
    pub(in crate::rollout) fn compare(&self, pool: &Pool) -> Difference {
        let complete = self.completed_from(pool);
        let image = match pool.image_id() {
            Some(id) if is_version(id, &self.version) => None,
            Some(id) => Some(id.to_owned()),
            None => Some("an image that is not a gallery image version".to_owned()),
        };
        let mut fields = self.typed(pool);
        fields.extend(complete.others(pool.body()));
        fields.extend(complete.other_identity(pool.body()));
        fields.extend(complete.other_security(pool.body()));
        let dropped = asked::dropped_metadata(&complete.body, pool.body()).into_iter();
        fields.extend(dropped.map(|name| Field {
            path: format!("metadata.{name}"),
            text: format!("metadata.{name}, which is no longer asked for"),
            when: When::AnyTime,
        }));
        fields.extend(rotated(&complete.body, pool.body(), &fields));
        let mark = pool.metadata(SPEC);
        let own = complete.mark();
        let is_older = |mark: &&str| mark::is_known(mark) && mark::is_known(&own) && **mark != own;
        // Metadata is no part of the mark, so what differs in it says nothing of the rest.
        let other = match fields.iter().any(|field| !field.path.starts_with("metadata.")) {
            true => Explained::Yes,
            false => Explained::No,
        };
        if let Some(mark) = mark.filter(is_older) {
            fields.extend(complete.unasked(pool.body(), mark, other));
        }
        Difference {
            maker: mark.map_or(Maker::Another, |_| Maker::RollOut),
            image,
            fields,
            hidden: self.hidden(),
        }
    }

    /// Settings with an option of their own that differ.
    fn typed(&self, pool: &Pool) -> Vec<Field> {
        let options = [("/vmSize", VM_SIZE), (NODE_AGENT, NODE_AGENT_SKU_ID)];
        let differing = options.into_iter().filter_map(|(pointer, opt)| {
            let (asked, found) = (self.body.pointer(pointer)?, read_json::at(pool.body(), pointer));
            (!is_same(asked, found)).then(|| Field {
                path: pointer.trim_start_matches('/').replace('/', "."),
                text: format!("{{{}}} (it has {found}, not {asked})", opt.path),
                when: When::Empty,
            })
        });
        differing.collect()
    }

    /// What the pool was made with and is not asked for any more, as its own list says. A pool that is asked for more
    /// than before and has it already, as one of others may, lacks nothing. Without a list, the mark shows whether it is
    /// only what Batch lets be taken away at any time. Where other settings explain the mark, only what the list names and
    /// can be taken away is looked for.
    fn unasked(&self, found: &Value, mark: &str, other: Explained) -> Vec<Field> {
        let listed = asked::of(found).map(|list| asked::dropped_settings(&self.body, &list));
        if listed.as_ref().is_some_and(Vec::is_empty) {
            return Vec::new();
        }
        let is_in = |name: &str, path: &str| path.split('.').next() == Some(name);
        let was_asked = |name: &str| {
            listed
                .as_ref()
                .is_none_or(|list| list.iter().any(|path| is_in(name, path)))
        };
        let is_dropped = |name: &&str| self.body.get(*name).is_none() && was_asked(name);
        let dropped: Vec<&str> = REMOVABLE.into_iter().filter(is_dropped).collect();
        let is_left = |name: &&str| {
            let value = read_json::at(found, &format!("/{name}"));
            !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
        };
        let left: Vec<&str> = dropped.iter().copied().filter(is_left).collect();
        let mut former = self.clone();
        for name in &left {
            let value = read_json::at(found, &format!("/{name}"));
            set(&mut former.body, &format!("/{name}"), value.clone());
        }
        let is_all = match &listed {
            Some(list) => list.iter().all(|path| dropped.iter().any(|name| is_in(name, path))),
            None => former.mark() == mark,
        };
        // Of what the list names, all may be gone from the pool already.
        if is_all || other == Explained::Yes {
            let field = |name: &&str| Field {
                path: (*name).to_owned(),
                text: format!("{name}, which is no longer asked for"),
                when: When::AnyTime,
            };
            return match is_all || listed.is_some() {
                true => left.iter().map(field).collect(),
                false => Vec::new(),
            };
        }
        let names = if let Some(listed) = listed {
            format!(" ({})", listed.join(", "))
        } else if left.is_empty() {
            String::new()
        } else {
            format!(" (the pool has {})", left.join(" and "))
        };
        vec![Field {
            path: String::new(),
            text: format!("{UNASKED}{names}"),
            when: When::NewPool,
        }]
    }

    /// What was asked for and Batch does not show. Tags are compared through the resource manager.
    fn hidden(&self) -> Vec<String> {
        hidden_secrets(&self.body)
    }

    /// The identity, when another one was asked for.
    fn other_identity(&self, found: &Value) -> Option<Field> {
        let is_asked = self.body.get(IDENTITY).is_some();
        let is_other = is_asked && resource::identities(&self.body) != resource::identities(found);
        is_other.then(|| Field::named(IDENTITY.to_owned()))
    }

    /// The names of further settings that differ; their values may be secret.
    fn others(&self, found: &Value) -> Vec<Field> {
        let mut names = Vec::new();
        let asked = without(&self.body, &[IDENTITY, TAGS]);
        differing("", &without_secrets(&asked), &without_secrets(found), &mut names);
        names.retain(|name| {
            let pointer = format!("/{}", name.replace('.', "/"));
            pointer != "/vmSize" && pointer != NODE_AGENT && !pointer.starts_with(IMAGE_REFERENCE)
        });
        names.into_iter().map(Field::named).collect()
    }

    /// The mark of the body without targets, timeouts, image version and metadata.
    pub(super) fn mark(&self) -> String {
        let mut body = self.body.clone();
        if let Some(configuration) = body
            .get_mut("virtualMachineConfiguration")
            .and_then(Value::as_object_mut)
        {
            configuration.remove("imageReference");
        }
        if let Some(fields) = body.as_object_mut() {
            fields.remove("metadata");
            fields.remove(TAGS);
        }
        if let Some(Value::String(size)) = body.get_mut("vmSize") {
            size.make_ascii_lowercase();
        }
        match self.adopt {
            Adopt::AsFound => mark::as_found(&body),
            Adopt::No | Adopt::Yes => mark::of(&body),
        }
    }
}

impl Field {
    fn named(path: String) -> Self {
        let is_expiry = path.strip_prefix("metadata.") == Some(expiry::ITEM);
        Self {
            text: if is_expiry {
                live::EXPIRY.to_owned()
            } else {
                path.clone()
            },
            when: When::of(&path),
            path,
        }
    }
}

/// The start task, when it differs only in signatures and values of its environment: a pipeline that makes them anew
/// for each run wants nodes that boot later to have the new ones.
fn rotated(asked: &Value, found: &Value, fields: &[Field]) -> Option<Field> {
    let (asked, found) = (asked.get("startTask")?, read_json::at(found, "/startTask"));
    let is_named = fields.iter().any(|field| field.path.starts_with("startTask"));
    let is_rotated = !is_named && shown_secrets(asked) != shown_secrets(found);
    is_rotated.then(|| Field {
        path: "startTask".to_owned(),
        text: "signed addresses or environment values of startTask".to_owned(),
        when: When::AnyTime,
    })
}

/// An object without some of its names.
fn without(value: &Value, names: &[&str]) -> Value {
    let fields = value.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Collects the paths at which what is asked for is not found; what Batch adds by itself does not count.
fn differing(path: &str, asked: &Value, found: &Value, names: &mut Vec<String>) {
    match asked {
        Value::Object(fields) => {
            for (name, asked) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                differing(&path, asked, found.get(name).unwrap_or(&Value::Null), names);
            }
        }
        // Our own items stand among those that were asked for.
        Value::Array(items) if path == "metadata" => {
            let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let missing = items.iter().filter(|item| !expiry::is_there(item, found));
            names
                .extend(missing.map(|item| format!("metadata.{}", read_json::text(item, "/name").unwrap_or_default())));
        }
        _ if is_same(asked, found) => {}
        _ => names.push(path.to_owned()),
    }
}
