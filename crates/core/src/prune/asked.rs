//! The deletion of one version that its owner asks for by its id, such as Packer when nothing is to stay of a build.
//!
//! Rules keep nothing then; what uses it, what is latest and what protects it does. Its number stays used up: a version
//! with the highest number goes only when its definition says that the number was given out.

use super::{
    PruneStep, carry,
    decide::{Fate, Judged, judge},
    look, refuse_unseen,
};
use crate::{
    client::Client,
    compute::{gallery, version},
    error::{Error, ErrorKind, Result},
    ids::resource::ImageVersionId,
    preflight,
    settings::{PruneSettings, RetentionRule, RuleOf, Sight},
    tags::GivenOut,
};

/// Deletes a version that nothing keeps, and waits until it is gone.
///
/// # Errors
/// `Refused` with every reason that keeps it, or when not everything that may use it can be seen; `NoRights` before
/// anything is written; when Azure refuses, or the run ends.
pub async fn delete_asked(client: &Client, id: &ImageVersionId) -> Result<()> {
    let what = format!("deleting image version {}", version::title(id));
    client.run().step("delete", what, delete(client, id)).await
}

async fn delete(client: &Client, id: &ImageVersionId) -> Result<()> {
    let Some(number) = id.number() else {
        let text = format!("{id} is not the id of a version with a number");
        return Err(Error::new(ErrorKind::BadInput, text));
    };
    let scene = look::one(client, &settings(id), &id.definition()).await?;
    let mut facts = scene.facts(client.run().now());
    let given_out = given_out(client, id).await?;
    facts.asked = Some(number).filter(|number| given_out.contains(*number));
    let own = judge(&facts).into_iter().find(|judged| judged.number == number);
    let step = match own {
        None => return Ok(()),
        Some(Judged { fate: Fate::Going, .. }) => PruneStep::AwaitDeletion { version: id.clone() },
        Some(Judged {
            fate: Fate::Deleted, ..
        }) => PruneStep::Delete {
            version: id.clone(),
            soft: scene.soft,
        },
        Some(Judged {
            fate: Fate::Kept | Fate::Deprecated { .. },
            why,
            ..
        }) => return Err(kept(id, &why)),
    };
    refuse_unseen(&scene, 1)?;
    preflight::require_rights(client, step.need()).await?;
    match step {
        PruneStep::AwaitDeletion { version } => carry::gone(client, &version).await,
        PruneStep::Delete { version, .. } | PruneStep::Deprecate { version, .. } => {
            carry::delete(client, &version).await
        }
    }
}

/// The rule of its definition under which no rule keeps it.
fn settings(id: &ImageVersionId) -> PruneSettings {
    let rule = RetentionRule {
        keep_newest: 0,
        keep_days: 0,
        grace_days: Some(0),
        ..RetentionRule::default()
    };
    PruneSettings {
        rules: vec![(RuleOf::Definition(id.definition()), rule)],
        sight: Sight::Everything,
    }
}

/// The numbers that its definition calls given out; none where it may not be read.
async fn given_out(client: &Client, id: &ImageVersionId) -> Result<GivenOut> {
    match client.find(&gallery::get_definition(&id.definition())).await {
        Err(error) if error.kind() == ErrorKind::NoRights => Ok(GivenOut::default()),
        found => Ok(found?.map(|answer| GivenOut::read(&answer.value())).unwrap_or_default()),
    }
}

fn kept(id: &ImageVersionId, why: &[String]) -> Error {
    let text = format!("image version {} is not deleted", version::title(id));
    let error = why.iter().fold(Error::plain(ErrorKind::Refused, text), |error, why| {
        error.with_fact(why.clone())
    });
    error
        .with_kept("nothing was changed")
        .with_hint("when these reasons hold no more, delete it with the verb prune, or leave it")
}
