//! Where Batch writes the logs of its agent from nodes that are ill, and as whom.
//!
//! Which nodes these are is decided in `rollout`. Nothing is asked here whether the container is there.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};

use super::reader::Reader;
use crate::{
    ids::{ContainerAddress, resource::ManagedIdentityId},
    options::{
        parts::POOL_IDENTITY,
        pool::{NODE_LOGS_CONTAINER, NODE_LOGS_IDENTITY, NODE_LOGS_SAS},
    },
    words,
};

/// Where the logs of ill nodes go.
#[derive(Clone, Debug)]
pub struct NodeLogs {
    /// The container.
    pub container: ContainerAddress,
    /// As whom Batch writes there.
    pub sign_in: LogsSignIn,
}

/// As whom Batch writes logs into a container.
#[derive(Clone, Debug)]
pub enum LogsSignIn {
    /// With a SAS of the container.
    Sas(SecretString),
    /// As an identity of the pool.
    Identity(ManagedIdentityId),
}

/// Reads it; nothing when no container is given, and after a fault. `identities` are those of the pool that were given.
pub(super) fn read(reader: &mut Reader<'_, '_>, identities: &[ManagedIdentityId]) -> Option<NodeLogs> {
    if !reader.has(NODE_LOGS_CONTAINER) {
        for opt in [NODE_LOGS_SAS, NODE_LOGS_IDENTITY] {
            if reader.has(opt) {
                let text = words!["no logs are written; say where to in ", NODE_LOGS_CONTAINER];
                reader.refuse(opt, text);
            }
        }
        return None;
    }
    if reader.text(NODE_LOGS_CONTAINER).is_some_and(|text| text.contains('?')) {
        let text = words!["is signed; give the part behind its question mark in ", NODE_LOGS_SAS];
        reader.refuse(NODE_LOGS_CONTAINER, text);
        return None;
    }
    Some(NodeLogs {
        container: reader.parsed(NODE_LOGS_CONTAINER)?,
        sign_in: sign_in(reader, identities)?,
    })
}

fn sign_in(reader: &mut Reader<'_, '_>, identities: &[ManagedIdentityId]) -> Option<LogsSignIn> {
    let count = match (reader.has(NODE_LOGS_SAS), reader.has(NODE_LOGS_IDENTITY)) {
        (true, false) => return sas(reader),
        (false, true) => return identity(reader, identities),
        (true, true) => "both are",
        (false, false) => "neither is",
    };
    let text = words![
        "to write there, give ",
        NODE_LOGS_SAS,
        " or ",
        NODE_LOGS_IDENTITY,
        format!("; {count} given")
    ];
    reader.refuse(NODE_LOGS_CONTAINER, text);
    None
}

fn sas(reader: &mut Reader<'_, '_>) -> Option<LogsSignIn> {
    let sas = reader.secret(NODE_LOGS_SAS)?;
    let text = sas.expose_secret().trim_start_matches('?');
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = url::form_urlencoded::parse(text.as_bytes()).collect();
    let value = |name: &str| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    if value("sig").is_none() {
        let text = "is no SAS: it has no sig=; give the part of the signed address behind its question mark";
        reader.refuse(NODE_LOGS_SAS, text);
        return None;
    }
    // Without `sp` the permissions are those of a stored access policy, which is not seen here.
    if value("sp").is_some_and(|may| !may.contains('w')) {
        let text = "does not let Batch write: its sp= has no w; make one with the permission to write";
        reader.refuse(NODE_LOGS_SAS, text);
        return None;
    }
    Some(LogsSignIn::Sas(SecretString::from(text.to_owned())))
}

fn identity(reader: &mut Reader<'_, '_>, identities: &[ManagedIdentityId]) -> Option<LogsSignIn> {
    let id: ManagedIdentityId = reader.parsed(NODE_LOGS_IDENTITY)?;
    // A pool that is there has identities that need not be named again.
    if !identities.is_empty() && !identities.contains(&id) {
        let text = words!["is not an identity of the pool: add it to ", POOL_IDENTITY];
        reader.refuse(NODE_LOGS_IDENTITY, text);
        return None;
    }
    Some(LogsSignIn::Identity(id))
}
