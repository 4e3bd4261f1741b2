//! The versions of a definition as people look for them in the portal: state, regions, age, who runs them.
//!
//! It writes nothing, and `table` is pure: what it shows follows from what was read.

mod table;

use serde::Serialize;

pub use self::table::{ListedRegion, ListedVersion, Listing, PoolNodes, Standing, table};
use crate::{
    client::Client,
    error::Result,
    estate::{self, Gap},
    rights::Part,
    settings::{Checked, ListSettings},
    users, versions,
};

/// Something that could not be read, so that what it holds is not in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// What it is.
    pub what: String,
    /// Why it could not be read.
    pub why: String,
}

impl Unseen {
    /// What a gap says.
    #[must_use]
    pub fn of(gap: &Gap) -> Self {
        Self {
            what: gap.what.clone(),
            why: gap.why.report(),
        }
    }

    /// What a list says that may show only a part of a scope.
    pub(crate) fn of_part(part: &Part) -> Self {
        Self {
            what: part.what(),
            why: part.reason(),
        }
    }
}

/// Lists.
///
/// # Errors
/// When there is no such definition, not even the subscriptions can be listed, or the run ends.
pub async fn run(client: &Client, settings: &Checked<ListSettings>) -> Result<Listing> {
    let what = format!(
        "looking at the versions of {} and at the pools in sight",
        settings.definition.name()
    );
    let looked = async {
        futures::try_join!(
            versions::read(client, &settings.definition),
            estate::read(client, &settings.sight)
        )
    };
    let (versions, estate) = client.run().step("versions", what, looked).await?;
    let users = users::of(&estate, &settings.definition);
    let unseen = estate.gaps.iter().map(Unseen::of).collect();
    Ok(table(&versions, &users, unseen))
}
