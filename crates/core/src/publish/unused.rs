//! Settings without effect on a version that is adopted, each with one note. Pure.
//!
//! Nothing is refused here.

use crate::{
    options::image::{CREATE_GALLERY, DEALLOCATE, DEFINITION, GENERALIZE},
    settings::{DefinitionTraits, Generalized, PublishSettings, Reuse, Stopped},
};

/// One note for each setting that was given and has no effect.
#[must_use]
pub(super) fn notes(settings: &PublishSettings) -> Vec<String> {
    let reuse = settings.reuse;
    let settings = [
        (DEFINITION, settings.traits != DefinitionTraits::default()),
        (CREATE_GALLERY, settings.create_gallery),
        (DEALLOCATE, settings.machine.if_running == Stopped::Deallocate),
        (GENERALIZE, settings.machine.generalized == Generalized::Mark),
    ];
    let given = settings.into_iter().filter(|(_, is_given)| *is_given);
    let notes = given.map(|(opt, _)| format!("{opt} has no effect on a version that is adopted"));
    let again = "An adopted version is not made again, also when a new version is asked for";
    let never = (reuse == Reuse::Never).then(|| again.to_owned());
    notes.chain(never).collect()
}
