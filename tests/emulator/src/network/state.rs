//! What the network provider knows, and what it is handed to answer.
//!
//! It answers nothing.

use std::{collections::BTreeMap, net::Ipv4Addr};

use jiff::Timestamp;

use crate::{
    engine::Engine,
    envelope::{ArmError, ArmPath},
    operation::Operations,
    resource::{Item, Table},
};

/// Everything the network provider knows.
#[derive(Debug)]
pub struct Network {
    pub(super) resources: Table<()>,
    pub(super) public_address: Ipv4Addr,
}

/// What the provider answers with: its own resources, the mechanics, and which machine has which interface.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) network: &'a mut Network,
    pub(crate) engine: &'a mut Engine,
    /// The ids of VMs, by the lower-case id of an interface.
    pub(crate) machines: BTreeMap<String, String>,
}

/// The kinds of resource here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PublicAddress,
    Interface,
    SecurityGroup,
    VirtualNetwork,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::PublicAddress,
        Self::Interface,
        Self::SecurityGroup,
        Self::VirtualNetwork,
    ];

    pub(super) fn parse(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.path().eq_ignore_ascii_case(kind))
    }

    pub(super) fn of(path: &ArmPath) -> Option<Self> {
        path.is_in("Microsoft.Network")
            .then(|| Self::parse(&path.kind()))
            .flatten()
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::PublicAddress => "publicIPAddresses",
            Self::Interface => "networkInterfaces",
            Self::SecurityGroup => "networkSecurityGroups",
            Self::VirtualNetwork => "virtualNetworks",
        }
    }

    pub(super) fn type_name(self) -> String {
        format!("Microsoft.Network/{}", self.path())
    }
}

impl Network {
    /// No network; public addresses will be that one.
    pub(crate) fn new(public_address: Ipv4Addr) -> Self {
        Self {
            resources: Table::default(),
            public_address,
        }
    }

    /// Takes up every change that is over at `now`.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) {
        self.resources.settle(operations, now);
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        self.resources.remove_below(&format!("{group}/"));
    }

    /// Whether there is an interface with that id.
    pub(crate) fn has_interface(&self, id: &str) -> bool {
        self.items(Kind::Interface).any(|item| item.id.eq_ignore_ascii_case(id))
    }

    pub(super) fn items(&self, kind: Kind) -> impl Iterator<Item = &Item<()>> {
        self.resources
            .iter()
            .filter(move |item| ArmPath::parse(&item.id).is_some_and(|path| Kind::of(&path) == Some(kind)))
    }
}

pub(super) fn missing(path: &ArmPath) -> ArmError {
    ArmError::resource_not_found(&path.kind_and_name(), path.group())
}

pub(super) fn canonical_id(path: &ArmPath, kind: Kind) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{}/{}",
        path.subscription,
        path.group(),
        kind.type_name(),
        path.name()
    )
}
