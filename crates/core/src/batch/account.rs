//! Batch accounts as ARM describes them: endpoint, region, and whether Entra ID may sign in.
//!
//! Shared keys are never asked for.

use http::Method;

use crate::{
    api::Api,
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, Location, SubscriptionId, resource::BatchAccountId},
    json,
    options::Opt,
    request::Request,
    typing::{Command, az},
    words,
};

/// So many accounts of a subscription are named in place of one that is not there.
const ACCOUNTS: usize = 8;

/// What we use of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: BatchAccountId,
    /// Where its data plane answers.
    pub endpoint: BatchEndpoint,
    /// Its region.
    pub location: Location,
    /// Whose quota its nodes use.
    pub allocation: Allocation,
    /// How much it may have.
    pub quotas: Quotas,
}

/// Whose quota an account's nodes use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// The account's own.
    BatchService,
    /// That of the subscription.
    UserSubscription,
}

/// How much an account may have. Cores and families are absent where nodes use the subscription's quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Cores of dedicated nodes.
    pub dedicated_cores: Option<u32>,
    /// Cores of spot nodes.
    pub spot_cores: Option<u32>,
    /// Cores of dedicated nodes by family; absent where families are not enforced.
    pub families: Option<Vec<(String, u32)>>,
    /// Pools.
    pub pools: Option<u32>,
}

impl Allocation {
    /// Whose quota, in words.
    #[must_use]
    pub const fn whose_quota(self) -> &'static str {
        match self {
            Self::BatchService => "the account",
            Self::UserSubscription => "the subscription",
        }
    }
}

impl Quotas {
    fn read(body: &serde_json::Value) -> Self {
        let count = |of: &serde_json::Value, pointer| u32::try_from(json::number(of, pointer)?).ok();
        let family = |item| Some((json::text(item, "/name")?.to_owned(), count(item, "/coreQuota")?));
        let enforced = json::at(body, "/properties/dedicatedCoreQuotaPerVMFamilyEnforced");
        let families = json::items(body, "/properties/dedicatedCoreQuotaPerVMFamily").filter_map(family);
        Self {
            dedicated_cores: count(body, "/properties/dedicatedCoreQuota"),
            spot_cores: count(body, "/properties/lowPriorityCoreQuota"),
            families: (enforced == &serde_json::Value::Bool(true)).then(|| families.collect()),
            pools: count(body, "/properties/poolQuota"),
        }
    }

    /// The cores of a family; nothing when that family has no quota of its own.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<u32> {
        let families = self.families.as_ref()?;
        let own = families.iter().find(|(family, _)| family.eq_ignore_ascii_case(name));
        own.map(|(_, cores)| *cores)
    }
}

/// The request for an account.
#[must_use]
pub fn get(id: &BatchAccountId) -> Request {
    Request::arm(
        Method::GET,
        id,
        Api::BatchAccounts,
        format!("read Batch account {}", id.name()),
    )
}

/// The request for all accounts of a subscription that this identity may see.
#[must_use]
pub fn list(subscription: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Batch/batchAccounts"),
        Api::BatchAccounts,
        format!("list the Batch accounts of subscription {subscription}"),
    )
}

/// Reads an account, which that option names, and refuses one that Entra ID may not sign in to.
///
/// # Errors
/// When it is missing, not readable, or does not allow Entra ID.
pub async fn read(client: &Client, id: &BatchAccountId, named_in: &'static Opt) -> Result<Account> {
    let doing = || format!("cannot use Batch account {}", id.name());
    let Some(answer) = client.find(&get(id)).await? else {
        let others = match id.group().subscription().parse() {
            Ok(subscription) => client.list(&list(&subscription)).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        return Err(missing((id, named_in), &others));
    };
    parse(id, &answer.value()).map_err(|error| error.while_doing(doing()))
}

/// The error for an account that is not there, which that option names, with those that this identity sees in the subscription.
fn missing((id, named_in): (&BatchAccountId, &'static Opt), others: &[serde_json::Value]) -> Error {
    let happened = format!("there is no Batch account {}", id.name());
    let error = Error::plain(ErrorKind::BadInput, happened)
        .with_fact(format!("{} has no Batch account of that name", id.group().in_words()))
        .with_kept("nothing was changed");
    let ids = others.iter().filter_map(|other| json::text(other, "/id")?.parse().ok());
    let ids: Vec<BatchAccountId> = ids.take(ACCOUNTS + 1).collect();
    if ids.is_empty() || ids.len() > ACCOUNTS {
        let command = Command::new(az::ACCOUNTS, &[("subscription", id.group().subscription())]);
        return error
            .with_next("to list the ids of the subscription's Batch accounts", command)
            .with_next(words!["then give one of them in ", named_in], None);
    }
    let listed = ids
        .iter()
        .map(|id| format!("{} (resource group {})", id.name(), id.group().name()));
    error
        .with_fact(format!(
            "the subscription has {}",
            listed.collect::<Vec<String>>().join(", ")
        ))
        .with_next(
            match ids.iter().all(|other| other.group() == id.group()) {
                true => {
                    let names: Vec<&str> = ids.iter().map(BatchAccountId::name).collect();
                    let text = format!("run again with {} in place of {} in ", names.join(" or "), id.name());
                    words![text, named_in]
                }
                false => words!["run again with the id of one of these in ", named_in],
            },
            None,
        )
}

/// Reads an account's description.
///
/// # Errors
/// When it does not allow Entra ID, or makes no sense.
pub fn parse(id: &BatchAccountId, body: &serde_json::Value) -> Result<Account> {
    let mut modes = json::items(body, "/properties/allowedAuthenticationModes")
        .filter_map(serde_json::Value::as_str)
        .peekable();
    // No list means that every mode is allowed.
    if modes.peek().is_some() && !modes.any(|mode| mode.eq_ignore_ascii_case("AAD")) {
        let refused = Error::new(
            ErrorKind::Refused,
            "its allowedAuthenticationModes lack AAD, so Entra ID cannot sign in",
        );
        return Err(refused.with_hint(format!(
            "switch it on: az batch account set --name {} --resource-group {} with allowedAuthenticationModes including AAD (portal: Authentication mode)",
            id.name(),
            id.group().name()
        )));
    }
    let text = |pointer| json::text(body, pointer).unwrap_or_default();
    let odd =
        |cause: crate::ids::InvalidId| Error::new(ErrorKind::Azure, "its description makes no sense").because(cause);
    Ok(Account {
        id: id.clone(),
        endpoint: BatchEndpoint::parse(text("/properties/accountEndpoint")).map_err(odd)?,
        location: text("/location").parse().map_err(odd)?,
        allocation: if text("/properties/poolAllocationMode").eq_ignore_ascii_case("UserSubscription") {
            Allocation::UserSubscription
        } else {
            Allocation::BatchService
        },
        quotas: Quotas::read(body),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        failure::Failure,
        options::{Door, image, pool},
    };

    fn id() -> BatchAccountId {
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct1".parse().unwrap()
    }

    fn body(modes: &serde_json::Value) -> serde_json::Value {
        json!({"location": "East US 2", "properties": {"accountEndpoint": "acct1.eastus2.batch.azure.com", "allowedAuthenticationModes": modes}})
    }

    #[test]
    fn an_account_without_entra_is_refused_with_the_remedy() {
        let error = parse(&id(), &body(&json!(["SharedKey"]))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            error
                .hint()
                .unwrap()
                .contains("az batch account set --name acct1 --resource-group rg")
        );
    }

    #[test]
    fn a_missing_account_is_told_with_those_of_the_subscription() {
        let told = |names: &[&str]| {
            let others: Vec<serde_json::Value> = names
                .iter()
                .map(|name| json!({"id": id().to_string().replace("acct1", name)}))
                .collect();
            Failure::of(&missing((&id(), pool::ACCOUNT), &others), Door::Flag).complaint(200)
        };
        let one = told(&["acct2"]);
        assert!(one.contains("The subscription has acct2 (resource group rg)."), "{one}");
        assert!(
            one.contains("Run again with acct2 in place of acct1 in --account."),
            "{one}"
        );
        let elsewhere = json!([{"id": id().to_string().replace("/rg/", "/rg-other/")}]);
        let elsewhere = {
            let error = missing((&id(), pool::ACCOUNT), elsewhere.as_array().unwrap());
            Failure::of(&error, Door::Flag).complaint(200)
        };
        assert!(
            elsewhere.contains("with the id of one of these in --account"),
            "{elsewhere}"
        );
        for names in [vec![], vec!["a"; 9]] {
            let unlisted = told(&names);
            assert!(unlisted.contains("az batch account list"), "{unlisted}");
            assert!(!unlisted.contains("The subscription has"), "{unlisted}");
        }
    }

    #[test]
    fn a_missing_account_is_asked_for_in_the_option_that_named_it() {
        let other = json!([{"id": id().to_string().replace("acct1", "acct2")}]);
        for (named_in, asked) in [
            (image::TEST_BATCH_ACCOUNT, "in test.batch_account."),
            (image::USED_BY_BATCH_ACCOUNT, "in used_by.batch_account."),
        ] {
            for others in [&json!([]), &other] {
                let error = missing((&id(), named_in), others.as_array().unwrap());
                let told = Failure::of(&error, Door::Template).complaint(200);
                assert!(told.contains(asked), "{told}");
            }
        }
    }

    #[test]
    fn no_list_of_modes_allows_all() {
        for modes in [json!(null), json!([]), json!(["SharedKey", "aad"])] {
            let account = parse(&id(), &body(&modes)).unwrap();
            assert_eq!(account.location.as_str(), "eastus2");
        }
    }
}
