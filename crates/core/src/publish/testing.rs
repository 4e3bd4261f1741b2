//! The test of a version before it is spread: one node of a pool of its own runs a command, and only then the version
//! goes to further regions and gets further replicas.
//!
//! What is planned is decided here, and what comes next on the pool in `testing/next.rs`, both pure; `testing/drive.rs`
//! does it. Whether a version was tested stands in a tag of it, so that a run that was killed goes on.

mod drive;
mod ending;
mod failed;
mod identities;
mod left;
mod next;
mod room;

use std::time::Duration;

use serde_json::{Value, json};

pub(super) use self::{
    drive::run,
    failed::{note as note_failed, require_passed, require_source_passed},
    identities::require as require_identities,
    left::after as left_after,
    room::check as check_room,
};
use super::{
    definition,
    machine::Machine,
    observe::{Agents, Seen},
};
use crate::{
    batch::{
        account::Account,
        pool::{self, Pool},
        resource,
        supported::AgentFault,
    },
    command::{self, NodeOs},
    compute::{
        gallery::ImageDefinition,
        version::{ImageVersion, location_of},
    },
    error::{Error, ErrorKind, Result},
    ids::{
        BatchEndpoint, Location, PoolId, VmSize,
        resource::{BatchAccountId, ImageVersionId, ManagedIdentityId, SubnetId},
    },
    options::image,
    replication::Layout,
    request::Request,
    rollout::fit_security,
    settings::{ImageSecurity, ImageTest, PublishSettings, parts::IDENTITY},
    tags::{Tag, TestMark, TestOutcome, short_hash},
    trial::{EXPIRES, TESTS},
    words,
};

/// What a pool needs beside the time of its command: nodes of a new image came within half an hour wherever it was seen.
const AROUND: Duration = Duration::from_secs(2 * 3600);

/// A test that is planned.
#[derive(Clone, Debug)]
pub(super) struct PlannedTest {
    /// A hash of what is tested how: a version that passed another test has not passed this one.
    pub key: String,
    /// The pool, and also the job.
    pub pool: PoolId,
    /// Whose it is.
    pub account: BatchAccountId,
    /// Where that answers.
    pub endpoint: BatchEndpoint,
    /// The size of its node.
    pub vm_size: VmSize,
    /// The node agent.
    agent: String,
    /// The subnet of the node, when it is not in a network of the pool's own.
    pub subnet: Option<SubnetId>,
    /// The managed identities of the pool.
    pub identities: Vec<ManagedIdentityId>,
    /// How its image lets nodes boot.
    security: ImageSecurity,
    /// The command as Batch runs it.
    line: String,
    /// How long it may run.
    longest: Duration,
}

/// A version that has passed its test.
#[derive(Debug)]
pub(super) struct Tested {
    /// The version, with the test in its tag.
    pub version: ImageVersion,
    /// The end of what the command wrote; nothing when another run has tested it meanwhile.
    pub output: Option<String>,
}

impl PlannedTest {
    /// Whether a version has passed it.
    #[must_use]
    pub(super) fn is_passed_by(&self, version: &ImageVersion) -> bool {
        TestMark::read(version.body()).is_some_and(|mark| mark.outcome == TestOutcome::Passed && mark.key == self.key)
    }

    /// What its end is in the version's tag.
    fn mark(&self, outcome: TestOutcome, why: Option<String>) -> TestMark {
        TestMark {
            outcome,
            key: self.key.clone(),
            why,
        }
    }

    /// Whether a pool was made to test that version.
    fn is_of(pool: &Pool, version: &ImageVersionId) -> bool {
        pool.metadata(TESTS)
            .is_some_and(|of| of.eq_ignore_ascii_case(&version.to_string()))
    }

    /// The body of the pool.
    fn pool_body(&self, version: &ImageVersionId, run: &str, now: jiff::Timestamp) -> Value {
        let life = jiff::SignedDuration::try_from(self.longest + AROUND).unwrap_or_default();
        let expires = now.saturating_add(life).unwrap_or(now);
        let mut body = json!({
            "id": self.pool,
            "vmSize": self.vm_size,
            "virtualMachineConfiguration": {
                "imageReference": {"virtualMachineImageId": version},
                "nodeAgentSKUId": self.agent,
            },
            "targetDedicatedNodes": 1,
            "targetLowPriorityNodes": 0,
            "metadata": [
                {"name": TESTS, "value": version},
                {"name": Tag::Run.name(), "value": run},
                {"name": EXPIRES, "value": expires.to_string()},
            ],
        });
        if let Some(configuration) = body.get_mut("virtualMachineConfiguration") {
            fit_security(configuration, self.security);
        }
        if let (Some(subnet), Some(pool)) = (&self.subnet, body.as_object_mut()) {
            pool.insert("networkConfiguration".to_owned(), json!({"subnetId": subnet}));
        }
        let ids = self.identities.iter().map(|id| json!({"resourceId": id}));
        if let (false, Some(pool)) = (self.identities.is_empty(), body.as_object_mut()) {
            let assigned = json!({"type": "UserAssigned", "userAssignedIdentities": ids.collect::<Value>()});
            pool.insert(IDENTITY.to_owned(), assigned);
        }
        body
    }

    /// The request that creates the pool: on the data plane, unless only the resource manager can make such a pool.
    fn creation(&self, body: Value) -> Request {
        match resource::is_needed_for(&body) {
            true => resource::create(&self.account, &self.pool, &body),
            false => pool::create(&self.endpoint, &self.pool, body),
        }
    }
}

/// Plans the test of a version; nothing when none is asked for.
///
/// # Errors
/// `BadInput` when the account lies in another region than the version, no node agent is known, the one that is given
/// contradicts the base image, or the command is none that the system runs.
pub(super) fn plan(
    settings: &PublishSettings,
    seen: &Seen,
    (version, layout): (&ImageVersionId, &Layout),
) -> Result<Option<PlannedTest>> {
    let (Some(test), Some(account)) = (&settings.test, &seen.tester) else {
        return Ok(None);
    };
    require_near(account, &seen.machine)?;
    let agent = agent(test, &seen.agents)?;
    let os = NodeOs::of_agent(&agent);
    let line = command::command_line(&test.command, os)
        .map_err(|text| Error::new(ErrorKind::BadInput, words![image::TEST_COMMAND, format!(" {text}")]))?;
    let (size, subnet) = (
        test.vm_size.to_string(),
        test.subnet.as_ref().map(|id| id.to_string().to_lowercase()),
    );
    let tested = [test.command.as_str(), size.as_str(), agent.as_str()];
    let identities = names_of(&test.identities);
    let also = subnet
        .as_deref()
        .into_iter()
        .chain(identities.iter().map(String::as_str));
    let key = short_hash(tested.into_iter().chain(also));
    Ok(Some(PlannedTest {
        pool: pool_id(version, &key)?,
        account: account.id.clone(),
        endpoint: account.endpoint.clone(),
        vm_size: test.vm_size.clone(),
        security: security(
            &definition::existing_or_planned(settings, seen),
            (version, seen.version(version)),
            (&account.location, layout),
        ),
        subnet: test.subnet.clone(),
        identities: test.identities.clone(),
        longest: test.longest,
        agent,
        line,
        key,
    }))
}

/// The identities as part of a test's name: in order, and in small letters.
fn names_of(identities: &[ManagedIdentityId]) -> Vec<String> {
    let mut names: Vec<String> = identities.iter().map(|id| id.to_string().to_lowercase()).collect();
    names.sort_unstable();
    names
}

/// The node has to be where the version is made first.
fn require_near(account: &Account, machine: &Machine) -> Result<()> {
    if account.location == machine.location {
        return Ok(());
    }
    let text = words![
        image::TEST_BATCH_ACCOUNT,
        format!(
            " {} lies in {}, and the version is made in {} first",
            account.id.name(),
            account.location,
            machine.location
        )
    ];
    Err(Error::new(ErrorKind::BadInput, text).with_hint(format!(
        "give a Batch account in {}, or build the machine in {}",
        machine.location, account.location
    )))
}

fn agent(test: &ImageTest, agents: &Agents) -> Result<String> {
    let opt = image::TEST_NODE_AGENT_SKU_ID;
    let refused = agents
        .fault
        .as_ref()
        .filter(|fault| !matches!(fault, AgentFault::Ended { .. }));
    if let (Some(given), Some(fault)) = (&test.node_agent, refused) {
        let text = words![opt, format!(" {:?} {fault}", given.as_str())];
        return Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
            "give another one, or leave ",
            opt,
            " out"
        ]));
    }
    match (&test.node_agent, &agents.inferred) {
        (Some(given), _) => Ok(given.to_string()),
        (None, Some(inferred)) => Ok(inferred.sku.clone()),
        (None, None) => {
            let text = "the node agent of the test's pool is not known, since the base image is not, or Batch does not list it";
            Err(Error::new(ErrorKind::BadInput, text).with_hint(words!["give ", opt]))
        }
    }
}

/// How the image lets nodes boot, and how its region says that the disks of confidential ones are encrypted.
fn security(
    definition: &ImageDefinition,
    (id, version): (&ImageVersionId, Option<&ImageVersion>),
    (location, layout): (&Location, &Layout),
) -> ImageSecurity {
    let is_there = |entry: &Value| location_of(entry).as_ref() == Some(location);
    let found = version.and_then(|version| version.target_regions().into_iter().find(is_there));
    let planned = || {
        layout
            .regions
            .get(location)
            .map(|region| Value::Object(region.more.clone()))
    };
    ImageSecurity::of(definition.body(), id.number(), found.or_else(planned).as_ref())
}

/// A pool of our own name that follows from version and test, so that the next run finds it. Ids have 64 letters at most.
fn pool_id(version: &ImageVersionId, key: &str) -> Result<PoolId> {
    let definition = version.definition();
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = definition.name().chars().take(24).map(letter).collect();
    let id = format!(
        "azure-batch-test-{name}-{}",
        short_hash([version.to_string().as_str(), key])
    );
    id.parse()
        .map_err(|cause| Error::new(ErrorKind::BadInput, "the test's pool cannot be named").because(cause))
}

#[cfg(test)]
mod tests;
