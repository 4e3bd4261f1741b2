//! The verb `wait`: until a version is complete in its regions. It writes nothing.
//!
//! What complete means is core's to say.

use std::fmt::Write as _;

use azure_batch_core::{
    completion::{self, Completion},
    options::{Door, Verb},
    settings,
    words::plural,
};

use super::{Desk, answer::Answer, arguments::Given, settings::of_flags, work::with_client};

/// Waits.
///
/// # Errors
/// With the answer that says why the version is not complete.
pub(super) async fn run(desk: &mut Desk<'_>, given: &Given) -> Result<Answer, Answer> {
    let asked = of_flags(Verb::AwaitVersion, given, desk.lookup, settings::completion)?;
    let work = async |client| completion::wait(&client, &asked.settings).await;
    let waited = with_client(desk, &asked.connection, asked.deadline, work).await;
    let completion = waited.map_err(|error| Answer::failed(&error, Door::Flag))?;
    Ok(Answer::done(shown(&completion), &completion))
}

fn shown(completion: &Completion) -> String {
    let version = &completion.version;
    let mut text = format!(
        "image version {} of {}\n{version}",
        version.name(),
        version.definition().name()
    );
    for region in &completion.regions {
        // Writing to a String does not fail.
        _ = write!(
            text,
            "\n  {}: {}, {}",
            region.name,
            plural(region.replicas, "replica"),
            region.state
        );
    }
    text
}
