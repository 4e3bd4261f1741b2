//! Whether the managed identities of a test's pool are there: asked for before anything is made.
//!
//! Whether this identity may assign them is in `publish::rights`. What may not be read is a note and stops nothing.

use futures::future::try_join_all;

use super::PlannedTest;
use crate::{
    arm::identity,
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::resource::ManagedIdentityId,
    options::image::{TEST_BATCH_ACCOUNT, TEST_POOL_IDENTITY},
    preflight::WRONG_TENANT,
    rights,
    typing::{Command, az},
    words,
};

/// Requires all of them.
///
/// # Errors
/// `BadInput` when one is not there, `Refused` when it belongs to another Entra tenant than the account; when Azure
/// fails, or the run ends.
pub(in crate::publish) async fn require(client: &Client, test: &PlannedTest) -> Result<()> {
    let looks = test.identities.iter().map(|id| look(client, id));
    try_join_all(looks).await.map(drop)
}

async fn look(client: &Client, id: &ManagedIdentityId) -> Result<()> {
    match client.find(&identity::get(id)).await {
        // The account was read with the same token, so it belongs to that token's tenant.
        Err(error) if error.has_code(WRONG_TENANT) => Err(of_another_tenant(id).because(error)),
        Err(error) if error.kind() == ErrorKind::NoRights => {
            let (name, lack) = (id.name(), rights::lack(&error));
            client.note(format!("whether managed identity {name} is there is not known: {lack}"));
            Ok(())
        }
        found => found?.map(drop).ok_or_else(|| missing(id)),
    }
}

fn missing(id: &ManagedIdentityId) -> Error {
    let happened = format!("managed identity {} does not exist", id.name());
    let place = id.group().in_words();
    let list = Command::new(az::IDENTITIES, &[("subscription", id.group().subscription())]);
    Error::plain(ErrorKind::BadInput, happened)
        .with_fact(format!("{place} has no user-assigned managed identity of that name"))
        .with_kept("nothing was changed")
        .with_next("to list the ids of the subscription's managed identities", list)
        .with_next(words!["then give one of them in ", TEST_POOL_IDENTITY], None)
}

fn of_another_tenant(id: &ManagedIdentityId) -> Error {
    let happened = format!(
        "managed identity {} belongs to another Entra tenant than the Batch account",
        id.name()
    );
    Error::plain(ErrorKind::Refused, happened)
        .with_fact(
            "Batch gives a pool identities of the account's own tenant only; the subscription may be another one",
        )
        .with_kept("nothing was changed")
        .with_next(
            words![
                "give in ",
                TEST_POOL_IDENTITY,
                " an identity of the tenant of ",
                TEST_BATCH_ACCOUNT
            ],
            None,
        )
}
