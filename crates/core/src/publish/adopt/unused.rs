//! Settings without effect on a version that is adopted, each with one note. Pure.
//!
//! Nothing is refused here.

use crate::settings::{DefinitionTraits, Generalized, PublishSettings, Stopped};

/// One note for each setting that was given and has no effect.
#[must_use]
pub(super) fn notes(settings: &PublishSettings) -> Vec<String> {
    let settings = [
        ("definition", settings.traits != DefinitionTraits::default()),
        ("create_gallery", settings.create_gallery),
        ("deallocate", settings.machine.if_running == Stopped::Deallocate),
        ("generalize", settings.machine.generalized == Generalized::Mark),
    ];
    let given = settings.into_iter().filter(|(_, is_given)| *is_given);
    given
        .map(|(name, _)| format!("{name} has no effect on a version that is adopted"))
        .collect()
}
