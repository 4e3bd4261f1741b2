//! The version that the event of a workflow names, for a step of the action that names none itself.
//!
//! What counts as such an event is `github::event`'s; which version it may name is checked by core's settings.

use azure_batch_core::{
    error::{Error, ErrorKind, Result},
    options::{notify, pool},
};

use super::sign_in::authorities;
use crate::{
    console::Console,
    environment::Environment,
    github::{
        event::{self, Named},
        notify::ASSET,
        runner::{Runner, Starter},
    },
    run::open_https,
    signals::Signals,
    values::Given,
};

/// The options that name a version; a pool file may have the first two.
const NAMING: [&azure_batch_core::options::Opt; 3] = [pool::IMAGE_VERSION, pool::MANIFEST, pool::DISPATCH_PAYLOAD];

/// Takes the version from the event; to be called when the files were read. A signal ends it.
///
/// # Errors
/// `Cancelled` after a signal.
pub(super) async fn take_event(
    given: &mut Given,
    (runner, environment): (&Runner, &dyn Environment),
    console: &mut Console,
    signals: &mut Signals,
) -> Result<()> {
    tokio::select! {
        biased;
        () = signals.next() => Err(stopped()),
        () = Box::pin(taken(given, (runner, environment), console)) => Ok(()),
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "stopped as asked, before Azure was asked for anything",
    )
    .with_kept("nothing was changed")
    .with_next("run again", None)
}

async fn taken(given: &mut Given, (runner, environment): (&Runner, &dyn Environment), console: &mut Console) {
    if runner.starter != Starter::Action || names_version(given) {
        return;
    }
    let Some((name, content)) = event::of(environment) else {
        return;
    };
    match event::read(&name, &content) {
        Ok(None) => {}
        Ok(Some(Named::Payload(text))) => {
            console.line("the image version is that of the event repository_dispatch");
            given.take_event(pool::DISPATCH_PAYLOAD, Ok(text));
        }
        Ok(Some(Named::Asset { id, tag })) => {
            console.line(format!("the image version is that of {ASSET} of release {tag}"));
            let text = download(id, given, runner, environment).await;
            let text = text.map_err(|why| format!("cannot download {ASSET} of release {tag}: {why}"));
            given.take_event(pool::MANIFEST, text);
        }
        Err(why) => given.take_event(pool::MANIFEST, Err(why)),
    }
}

fn names_version(given: &Given) -> bool {
    let in_file = given.text(pool::POOL_FILE).is_some_and(|text| {
        ["image-version", "image_version", "manifest"]
            .iter()
            .any(|name| text.contains(name))
    });
    in_file || NAMING.iter().any(|opt| given.values().has(opt))
}

async fn download(id: u64, given: &Given, runner: &Runner, environment: &dyn Environment) -> Result<String, String> {
    let repository = runner.repository.as_ref().ok_or("the repository is not known")?;
    // What is wrong with the certificates is said by whoever reads the rest.
    let authorities = authorities(given).unwrap_or_default();
    let https = open_https(authorities, environment).map_err(|error| error.to_string())?;
    let token = given.secret(notify::GITHUB_TOKEN);
    event::download(id, repository, token.as_ref(), &https).await
}
