//! Requests of the service as values of options, and the way back; by the table of options, field by field.
//!
//! What values must look like is core's to say.

use azure_batch_core::{
    options::{self, Chapter, Door, Opt, Verb},
    redact::Redactor,
    settings::{self, Asked, PublishContext, PublishSettings, Values},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use super::{failure::Failed, safe::Safe as _};
use crate::imaging::v1;

/// What a request says.
pub(super) struct Read {
    /// What is to be published, and as whom.
    pub(super) asked: Asked<PublishSettings>,
    /// Knows the secrets that were given.
    pub(super) redactor: Redactor,
}

/// The options of [`v1::Connection`].
fn connection_rows() -> Vec<&'static Opt> {
    rows(|opt| opt.chapter == Chapter::SignIn)
}

/// The options of [`v1::Image`].
fn image_rows() -> Vec<&'static Opt> {
    rows(|opt| opt.chapter != Chapter::SignIn)
}

fn rows(is_wanted: impl Fn(&Opt) -> bool) -> Vec<&'static Opt> {
    let rows = options::of(Verb::Publish).into_iter();
    rows.filter(|opt| opt.is_taken_by(Door::Request) && is_wanted(opt))
        .collect()
}

/// The messages that say what values say.
///
/// # Errors
/// When the messages and the table of options differ, which a test excludes.
pub fn to_request(values: &Values) -> Result<(v1::Connection, v1::Image), serde_json::Error> {
    Ok((
        message(values.to_json(&connection_rows()))?,
        message(values.to_json(&image_rows()))?,
    ))
}

/// What a publish was asked for.
///
/// # Errors
/// With all faults, in the words of `door`.
pub(super) fn read(
    connection: Option<&v1::Connection>,
    image: &v1::Image,
    context: &PublishContext<'_>,
    door: Door,
) -> Result<Read, Failed> {
    let mut given = fields(image);
    given.extend(connection.map(fields).unwrap_or_default());
    let rows = rows(|_| true);
    let values = Values::from_json(&rows, &given)
        .map_err(|stray| Failed::of_fault_of_ours(format!("the request's {stray}"), context.now))?;
    let redactor: Redactor = values.secrets().into_iter().collect();
    match settings::publish(&values, context) {
        Ok(asked) => Ok(Read { asked, redactor }),
        Err(faults) => Err(Failed::of_faults(&faults, door, context.now).safe(&redactor)),
    }
}

/// The fields of a message; `null` where one is absent.
fn fields<Message: Serialize>(message: &Message) -> Map<String, Json> {
    match serde_json::to_value(message) {
        Ok(Json::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn message<Message: DeserializeOwned>(fields: Map<String, Json>) -> Result<Message, serde_json::Error> {
    serde_json::from_value(Json::Object(fields))
}
