//! Whether what a pool is made of is still there: its image version and that one's definition, its subnet, its addresses.
//!
//! Looked at once, when nodes do not come and Azure does not say why. It writes nothing, and no look fails the run.

use serde_json::Value;

use crate::{
    arm::subnet::{self, Subnet},
    batch::pool::Pool,
    client::Client,
    compute::{gallery, version},
    error::Error,
    ids::resource::{self, ImageVersionId},
    json,
    request::Request,
    rights,
};

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What kind of thing it is.
    pub(super) kind: PartKind,
    /// Its id.
    pub(super) id: String,
    /// What the look showed.
    pub(super) state: PartState,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Version,
    Definition,
    Subnet,
    Address,
}

/// What a look showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PartState {
    There,
    Gone,
    /// Not known, and why.
    Unknown(String),
}

impl PartKind {
    /// What it is called.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Version => "image version",
            Self::Definition => "image definition",
            Self::Subnet => "subnet",
            Self::Address => "public address",
        }
    }
}

impl Part {
    /// The finding in a sentence.
    pub(super) fn sentence(&self) -> String {
        let (what, id) = (self.kind.word(), resource::in_words(&self.id));
        match &self.state {
            PartState::There => format!("the {what} {id} is there"),
            PartState::Gone => format!("the {what} {id} is not there"),
            PartState::Unknown(why) => format!("whether the {what} {id} is there is not known: {why}"),
        }
    }
}

/// Looks at everything that the pool names.
pub(super) async fn look(client: &Client, pool: &Pool) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(id) = pool.image_id().and_then(|image| image.parse::<ImageVersionId>().ok()) {
        let version = part(client, PartKind::Version, &id.to_string(), &version::get(&id)).await;
        let is_gone = version.state == PartState::Gone;
        parts.push(version);
        if is_gone {
            let definition = id.definition();
            let request = gallery::get_definition(&definition);
            parts.push(part(client, PartKind::Definition, &definition.to_string(), &request).await);
        }
    }
    if let Some(id) = pool.subnet() {
        parts.push(subnet(client, id).await);
    }
    let addresses = json::items(
        pool.body(),
        "/networkConfiguration/publicIPAddressConfiguration/ipAddressIds",
    );
    for id in addresses.filter_map(Value::as_str) {
        parts.push(part(client, PartKind::Address, id, &subnet::get_address(id)).await);
    }
    parts
}

/// A subnet is looked for in the list of its network, as for the quotas.
async fn subnet(client: &Client, id: &str) -> Part {
    let kind = PartKind::Subnet;
    let Some(request) = subnet::list_around(id) else {
        return Part {
            kind,
            id: id.to_owned(),
            state: PartState::Unknown("it is not the id of a subnet".to_owned()),
        };
    };
    let name = id.rsplit('/').next().unwrap_or_default();
    let has_it = |listed: &[Value]| {
        let mut subnets = listed.iter().filter_map(Subnet::read);
        subnets.any(|subnet| subnet.name.eq_ignore_ascii_case(name))
    };
    let state = match client.list(&request).await {
        Ok(listed) if has_it(&listed) => PartState::There,
        Ok(_) => PartState::Gone,
        Err(error) if error.has_status(404) => PartState::Gone,
        Err(error) => unknown(&error),
    };
    Part {
        kind,
        id: id.to_owned(),
        state,
    }
}

fn unknown(error: &Error) -> PartState {
    PartState::Unknown(if error.has_status(403) {
        rights::lack(error)
    } else {
        error.to_string()
    })
}

async fn part(client: &Client, kind: PartKind, id: &str, request: &Request) -> Part {
    let state = match client.find(request).await {
        Ok(Some(_)) => PartState::There,
        Ok(None) => PartState::Gone,
        Err(error) => unknown(&error),
    };
    Part {
        kind,
        id: id.to_owned(),
        state,
    }
}
