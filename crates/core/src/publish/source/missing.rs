//! What is said of a source that is not there or makes no sense.
//!
//! What lies next to it is named, as far as this identity may list it.

use crate::{
    absent,
    client::Client,
    compute::version,
    error::{Error, ErrorKind},
    ids::{InvalidId, resource::ImageVersionId},
    json,
    options::{Opt, image},
    request::Request,
    typing::{Command, az},
    words,
};

/// So many names are named in place of one that is not there.
const NAMES: usize = 8;

/// A kind of source in a resource group.
struct Kind {
    /// The last type in its id.
    segment: &'static str,
    /// One, and several.
    words: [&'static str; 2],
    /// The option that names it.
    option: &'static Opt,
    /// The command that lists those of a group.
    list: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        segment: "virtualMachines",
        words: ["VM", "VMs"],
        option: image::SOURCE_VM,
        list: az::VMS,
    },
    Kind {
        segment: "disks",
        words: ["disk", "disks"],
        option: image::SOURCE_OS_DISK,
        list: az::DISKS,
    },
    Kind {
        segment: "snapshots",
        words: ["snapshot", "snapshots"],
        option: image::SOURCE_OS_SNAPSHOT,
        list: az::SNAPSHOTS,
    },
    Kind {
        segment: "images",
        words: ["managed image", "managed images"],
        option: image::SOURCE_MANAGED_IMAGE,
        list: az::MANAGED_IMAGES,
    },
];

/// The source, or a part of it, is not there, and nothing is listed next to it.
pub(super) fn missing(id: &str) -> Error {
    Error::plain(ErrorKind::BadInput, format!("there is no {id}"))
        .with_kept("nothing was changed")
        .with_next("check the source's id, and whether it was deleted", None)
}

/// The same of a resource of a group, with what else that request lists there.
pub(super) async fn missing_among(client: &Client, id: &str, list: &Request) -> Error {
    match client.list(list).await {
        Ok(others) => {
            let names = others.iter().filter_map(|other| json::text(other, "/name"));
            missing_in_group(id, &names.map(str::to_owned).collect::<Vec<_>>())
        }
        Err(error) if absent::is_of_group(&error) => {
            missing_in_group(id, &[]).with_fact("the subscription has no resource group of that name either")
        }
        Err(_) => missing_in_group(id, &[]),
    }
}

/// A version that is not there, with what else its definition has.
pub(super) async fn missing_version(client: &Client, id: &ImageVersionId) -> Error {
    let definition = id.definition();
    let others = client.list(&version::list(&definition)).await.unwrap_or_default();
    let others: Vec<&str> = others.iter().filter_map(|other| json::text(other, "/name")).collect();
    let happened = format!("there is no image version {}", version::title(id));
    let error = Error::plain(ErrorKind::BadInput, happened).with_kept("nothing was changed");
    if others.is_empty() || others.len() > NAMES {
        let (gallery, group) = (definition.gallery(), definition.group());
        let values = [
            ("subscription", group.subscription()),
            ("group", group.name()),
            ("gallery", gallery.name()),
            ("definition", definition.name()),
        ];
        return error
            .with_next(
                "to list the versions of the definition",
                Command::new(az::IMAGE_VERSIONS, &values),
            )
            .with_next(words!["then name one of them in ", image::SOURCE_IMAGE_VERSION], None);
    }
    error
        .with_fact(format!("the definition has {}", others.join(", ")))
        .with_next(
            words!["run again with one of these in ", image::SOURCE_IMAGE_VERSION],
            None,
        )
}

fn missing_in_group(id: &str, others: &[String]) -> Error {
    let segments: Vec<&str> = id.trim_start_matches('/').split('/').collect();
    let [_, subscription, _, group, .., segment, name] = segments.as_slice() else {
        return missing(id);
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.segment.eq_ignore_ascii_case(segment)) else {
        return missing(id);
    };
    let [one, several] = kind.words;
    let error = Error::plain(ErrorKind::BadInput, format!("there is no {one} {name}"))
        .with_fact(format!(
            "resource group {group} (subscription {subscription}) has no {one} of that name"
        ))
        .with_kept("nothing was changed");
    if others.is_empty() || others.len() > NAMES {
        let values = [("subscription", *subscription), ("group", *group)];
        return error
            .with_next(
                format!("to list the {several} of the resource group"),
                Command::new(kind.list, &values),
            )
            .with_next(words!["then name one of them in ", kind.option], None);
    }
    error
        .with_fact(format!("the resource group has {}", others.join(", ")))
        .with_next(
            words![
                format!("run again with {} in place of {name} in ", others.join(" or ")),
                kind.option
            ],
            None,
        )
}

/// Azure describes it in a way that makes no sense.
pub(super) fn odd(cause: InvalidId) -> Error {
    Error::new(ErrorKind::Azure, "the machine's description makes no sense").because(cause)
}
