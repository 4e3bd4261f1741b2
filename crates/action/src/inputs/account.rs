//! Which Batch account: by ARM id, or by endpoint with its name held against it.
//!
//! Whether it exists is for the roll-out to find out.

use azure_batch_core::{ids::BatchEndpoint, settings::AccountRef};

use super::reader::Reader;
use crate::options;

/// The account; `None` after a fault.
pub(super) fn choose_account(reader: &mut Reader<'_>) -> Option<AccountRef> {
    match (reader.text(options::ACCOUNT), reader.text(options::ACCOUNT_ENDPOINT)) {
        (Some(_), Some(_)) => {
            reader.refuse(
                options::ACCOUNT,
                "account-endpoint names an account too; give one of the two",
            );
            None
        }
        (Some(_), None) => reader.parsed(options::ACCOUNT).map(AccountRef::Id),
        (None, Some(text)) => endpoint(reader, text),
        (None, None) if reader.is_given(options::ACCOUNT_NAME) => {
            let fault = "is needed with account-name; give the account's endpoint, name.region.batch.azure.com";
            reader.refuse(options::ACCOUNT_ENDPOINT, fault);
            None
        }
        (None, None) => {
            let fault = "no Batch account is given; give its resource id, or its endpoint in account-endpoint";
            reader.refuse(options::ACCOUNT, fault);
            None
        }
    }
}

fn endpoint(reader: &mut Reader<'_>, text: &str) -> Option<AccountRef> {
    let endpoint = reader.checked(options::ACCOUNT_ENDPOINT, BatchEndpoint::parse(text))?;
    if let Some(name) = reader
        .text(options::ACCOUNT_NAME)
        .filter(|name| !is_named(&endpoint, name))
    {
        let fault = format!("{name:?} is not the account of {endpoint}; correct one of the two");
        reader.refuse(options::ACCOUNT_NAME, fault);
        return None;
    }
    Some(AccountRef::Endpoint(endpoint))
}

/// An account's name is the first label of its host; behind one shared host it is the last part of the path.
fn is_named(endpoint: &BatchEndpoint, name: &str) -> bool {
    let text = endpoint.to_string();
    let found = match text.split_once('/') {
        Some((_, path)) => path.rsplit('/').next(),
        None => text.split('.').next(),
    };
    found.is_some_and(|found| found.eq_ignore_ascii_case(name))
}
