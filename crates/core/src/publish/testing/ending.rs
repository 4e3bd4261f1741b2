//! What a test says that was not passed: what happened, what stays, and what to type. Pure.
//!
//! When that is, `next` decides.

use super::PlannedTest;
use crate::{
    batch::pool::Pool,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind},
    ids::resource::ImageVersionId,
    one_line::one_line,
    options::image::{TEST_BATCH_ACCOUNT, TEST_COMMAND, TEST_VM_SIZE},
    rollout::resize_failure,
    typing::{Command, az},
    words,
};

/// What to do about a bad image.
const OF_IMAGE: &str =
    "if the image is at fault, correct it and publish it again: that makes and tests another version";

/// How every failure of a test begins.
fn lead(version: &ImageVersionId) -> String {
    format!("image version {} failed its test: ", version::title(version))
}

/// What failed, in the few words that a tag has room for.
pub(super) fn why(error: &Error, version: &ImageVersionId) -> Option<String> {
    let text = error.to_string();
    text.strip_prefix(&lead(version)).map(one_line)
}

/// The command ended badly.
pub(super) fn failed_command(version: &ImageVersionId, how: &str, output: &str) -> Error {
    let error = Error::plain(ErrorKind::Returned, format!("{}{how}", lead(version)));
    let wrote = one_line(output);
    let error = match wrote.is_empty() {
        true => error.with_fact("the command wrote nothing"),
        false => error.with_fact(format!("the command wrote: {wrote}")),
    };
    error.with_next(OF_IMAGE, None).with_next(
        words![
            "if the test is at fault, correct ",
            TEST_COMMAND,
            " and run again: this version is tested once more, and nothing is copied"
        ],
        None,
    )
}

/// The node does not come up from the image.
pub(super) fn bad_node(version: &ImageVersionId, why: &str) -> Error {
    let happened = format!("{}a node does not start from it", lead(version));
    Error::plain(ErrorKind::Returned, happened)
        .with_fact(one_line(why))
        .with_next(OF_IMAGE, None)
        .with_next(
            "if the node is at fault, run again: this version is tested once more, and nothing is copied",
            None,
        )
}

/// Batch gave no node, which says nothing about the image. What a roll-out could do about it is not what a test can.
pub(super) fn no_node(version: &ImageVersionId, test: &PlannedTest, pool: Option<&Pool>) -> Error {
    let errors = pool.map(|pool| pool.resize_errors.as_slice()).unwrap_or_default();
    let failed = resize_failure(errors);
    let kind = failed.as_ref().map_or(ErrorKind::Azure, Error::kind);
    let why = failed.map_or_else(|| "Batch does not say why".to_owned(), |failed| failed.to_string());
    let title = version::title(version);
    let happened = format!(
        "image version {title} is not tested: Batch gave the test no {} node",
        test.vm_size
    );
    let error = Error::plain(kind, happened).with_fact(why);
    let error = match kind {
        ErrorKind::Quota => error
            .with_next("to see the quotas of the account", quotas(test))
            .with_next("remove pools that nothing uses, or ask for more quota", None),
        _ => error,
    };
    let begin = if kind == ErrorKind::Quota { "or give" } else { "give" };
    error
        .with_next(
            words![
                format!("{begin} another size in "),
                TEST_VM_SIZE,
                ", or another account in ",
                TEST_BATCH_ACCOUNT
            ],
            None,
        )
        .with_next(
            "then run again: the version is made, and only its test is left to do",
            None,
        )
}

fn quotas(test: &PlannedTest) -> Command {
    let group = test.account.group();
    let values = [
        ("subscription", group.subscription()),
        ("group", group.name()),
        ("account", test.account.name()),
    ];
    Command::new(az::ACCOUNT_QUOTAS, &values)
}

/// A pool of that name is there, and is not of this test.
pub(super) fn not_ours(test: &PlannedTest) -> Error {
    let (pool, account) = (&test.pool, test.account.name());
    let happened =
        format!("there is a pool {pool} in Batch account {account}, and it was not made to test this version");
    Error::plain(ErrorKind::Refused, happened)
        .with_fact("the pool of a test has the name that follows from version and test")
        .with_next("delete that pool if nothing uses it, and run again", None)
}

/// The same with what stays of a version that failed its test.
pub(super) fn with_rest(error: Error, version: &ImageVersionId, marked: Option<&ImageVersion>) -> Error {
    let regions = marked.map(ImageVersion::regions).unwrap_or_default();
    let title = version::title(version);
    let stays = match regions.as_slice() {
        [] => format!("image version {title} stays as it is"),
        [only] if only.replicas == 1 => format!("image version {title} stays in {} with one replica", only.location),
        several => {
            let names: Vec<&str> = several.iter().map(|region| region.location.as_str()).collect();
            format!("image version {title} stays in {}", names.join(", "))
        }
    };
    error.with_kept(format!("{stays}, and latest does not admit it by this run"))
}
