//! What becomes of a version whose last test failed when a run finds it and does not test it: it goes nowhere. Pure.
//!
//! A run with a test begins with that test, so nothing is decided here for it. Who wants the version all the same promotes it
//! and says so; after that it is treated as any other.

use crate::{
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    options::{
        Door,
        image::TEST,
        versions::{ALLOW_FAILED_TEST, IMAGE_VERSION},
    },
    publish::{
        machine::SourceShape,
        regions::{self, Regions},
        step::Step,
    },
    replicas::RegionNeed,
    replication::{DetailChange, Details, Layout},
    settings::PublishSettings,
    tags::TestMark,
    typing::Command,
    versions::is_admitted,
    words,
};

/// How the version failed, when it did and this run does not test it.
fn failure(settings: &PublishSettings, version: &ImageVersion) -> Option<String> {
    let mark = TestMark::read(version.body()).filter(|_| settings.test.is_none());
    mark.and_then(|mark| mark.failure())
}

/// Refuses to spread a version that failed its test, or to admit it to latest.
///
/// # Errors
/// `Refused`, with what is asked for.
pub(in crate::publish) fn require_passed(
    settings: &PublishSettings,
    version: Option<&ImageVersion>,
    wanted: (&[RegionNeed], &Layout, &Details),
) -> Result<()> {
    let failed = version.and_then(|version| Some((version, failure(settings, version)?)));
    let Some((version, failure)) = failed.filter(|(version, _)| !is_admitted(version)) else {
        return Ok(());
    };
    let asked = asked(version, wanted);
    if asked.is_empty() {
        return Ok(());
    }
    let text = format!(
        "image version {} {failure}, and this run, which does not test it, is asked to: {}",
        version.title(),
        asked.join("; ")
    );
    let error = Error::plain(ErrorKind::Refused, text)
        .with_next(
            words![
                "give the block ",
                TEST,
                " again, corrected if the test was at fault: this version is tested once more, and nothing is copied"
            ],
            None,
        )
        .with_next(
            "if the image is at fault, correct it and publish it again: that makes another version",
            None,
        );
    Err(by_promotion(error, &version.id.to_string()))
}

/// Refuses to make another version of one that failed its test, when this run tests nothing: that would bring the same image
/// further under another name.
///
/// # Errors
/// `Refused`.
pub(in crate::publish) fn require_source_passed(settings: &PublishSettings, source: &SourceShape) -> Result<()> {
    let failed = match source {
        SourceShape::Image(image) if settings.test.is_none() => {
            image.failed_test.as_ref().map(|failure| (image, failure))
        }
        _ => None,
    };
    let Some((image, failure)) = failed else {
        return Ok(());
    };
    let text = format!(
        "the source, image version {}, {failure}, and this run does not test it",
        image.id
    );
    let error = Error::plain(ErrorKind::Refused, text).with_next(
        words![
            "give the block ",
            TEST,
            ": the new version is tested before it is spread"
        ],
        None,
    );
    Err(by_promotion(error, &image.id))
}

/// What lets a version be used all the same.
fn by_promotion(error: Error, id: &str) -> Error {
    let [version, allow] = [IMAGE_VERSION, ALLOW_FAILED_TEST].map(|opt| opt.spelled(Door::Flag));
    let promote = format!("packer-plugin-azure-batch promote {version} {{version}} {allow} --yes");
    error.with_next(
        "if the image is good all the same, make it latest, then run again",
        Command::new(&promote, &[("version", id)]),
    )
}

/// What is said of such a version when nothing is refused.
pub(in crate::publish) fn note(settings: &PublishSettings, version: &ImageVersion) -> Option<String> {
    let failure = failure(settings, version)?;
    let stays = if is_admitted(version) {
        "it was admitted to latest all the same, so this run goes on with it"
    } else {
        "it stays as it is"
    };
    Some(format!("Image version {} {failure}; {stays}", version.title()))
}

/// What a run is asked to do that brings the version to more nodes.
fn asked(version: &ImageVersion, (needs, layout, details): (&[RegionNeed], &Layout, &Details)) -> Vec<String> {
    let changes = regions::changes(&Regions::Of(version), needs, layout);
    let spread = changes.iter().filter(|step| matches!(step, Step::Replicate { .. }));
    let admitted = layout.exclusions(version).into_iter().filter(|(_, exclude)| !exclude);
    let details = details.changes(version.body()).into_iter();
    let details = details.filter(|change| *change == DetailChange::ExcludedFromLatest(false));
    spread
        .map(ToString::to_string)
        .chain(admitted.map(|(region, _)| format!("admit it to latest in {region}")))
        .chain(details.map(|change| change.to_string()))
        .collect()
}
