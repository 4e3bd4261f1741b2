//! The user's configuration: from Packer's raw values to what the imaging service is asked for.
//!
//! Nothing here touches network, environment or Azure, so `packer validate` is fast and works
//! anywhere. What values must look like is the service's own validation
//! ([`crate::service::convert`]), asked here without its service.

pub mod options;
mod reading;
pub mod reference;
mod spec;

use std::collections::BTreeMap;

use azure_batch_core::settings::{Fault, Reuse};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

pub use self::spec::spec;
use self::{
    options::{OPTIONS, Reader},
    reading::Reading,
};
use crate::{
    imaging::v1,
    packer::config::RawConfigs,
    service::convert::{self, Context},
};

/// Where the manifest goes when nobody says: beside the template's own files, under a name
/// that says whose it is.
const MANIFEST: &str = "azure-batch-manifest.json";

/// Type of the builder whose artifact tells the source.
const AZURE_ARM: &str = "azure-arm";

/// A configuration that was read; it may have faults.
#[derive(Debug)]
pub struct Config {
    settings: v1::Settings,
    local: Local,
    faults: Vec<Fault>,
    unsettled: Vec<String>,
    unknown: Vec<String>,
}

/// What the post-processor needs for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Path of the manifest.
    pub manifest: String,
    /// What `Destroy` is asked for.
    pub on_destroy: OnDestroy,
    /// What Packer says of the build.
    pub build: Build,
}

/// What becomes of a version that the next post-processor does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDestroy {
    /// It stays.
    LeaveVersion,
    /// The user wants it deleted.
    DeleteVersion,
}

/// What Packer says of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Name of the source.
    pub name: String,
    /// Type of the builder, such as `null`.
    pub builder_type: String,
    /// Whether `-force` was given.
    pub force: Force,
    /// Names the whole Packer run, in all its processes; the environment says it.
    pub run_uuid: Option<String>,
}

/// Whether Packer runs under `-force`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// It does not.
    #[default]
    No,
    /// It does: a new version is made even if there is one of the same source; none is overwritten.
    Yes,
}

impl Config {
    /// Reads a configuration. `build` holds what `{{build}}` of a legacy template knows; nothing
    /// at validate.
    #[must_use]
    pub fn read(raw: &RawConfigs, build: &BTreeMap<String, String>) -> Self {
        let mut reading = Reading::new(&spec(), &raw.render(build));
        let mut values = std::mem::take(&mut reading.values);
        let local = read_local(&mut values, raw);
        let mut settings: v1::Settings = serde_json::from_value(Json::Object(values)).unwrap_or_else(|error| {
            // Only if the table and the service's message differ, which a test excludes.
            reading.faults.push(Fault::new("configuration", error.to_string()));
            v1::Settings::default()
        });
        if raw.packer_text("packer_on_error") == "abort" {
            settings.on_failure = Some("keep".to_owned());
        }
        Self {
            settings,
            local,
            faults: reading.faults,
            unsettled: reading.unsettled,
            unknown: reading.unknown,
        }
    }

    /// Checks what can be known at `packer validate`: values that Packer does not know yet, and
    /// a login that the environment may give later, wait for [`Self::settle`].
    ///
    /// # Errors
    /// With all faults.
    pub fn check(&self, now: Timestamp) -> Result<(), Vec<Fault>> {
        let mut faults = self.faults.clone();
        let context = Context {
            run_id: "validate",
            reuse: Reuse::SameSource,
            now,
        };
        if let Err(found) = convert::job(&self.settings, &context) {
            let from_environment = OPTIONS
                .iter()
                .filter(|option| option.reader == Reader::ServiceOrEnvironment)
                .filter(|option| !self.gives_login(option.name))
                .map(|option| option.name.to_owned());
            let waiting: Vec<String> = self.unsettled.iter().cloned().chain(from_environment).collect();
            faults.extend(found.into_iter().filter(|fault| {
                let concerns =
                    |path: &String| is_same_or_below(&fault.setting, path) || is_same_or_below(path, &fault.setting);
                !waiting.iter().any(concerns)
            }));
            if self.awaits_artifact() {
                faults.retain(|fault| fault.setting != "source" && fault.setting != "generalized");
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Takes the configuration as final.
    ///
    /// # Errors
    /// With the faults of form, and one for each value that is still unknown. What the values
    /// must look like is for the service to say.
    pub fn settle(self) -> Result<(v1::Settings, Local), Vec<Fault>> {
        let mut faults = self.faults;
        let unknown = |path: &String| {
            Fault::new(
                path,
                "is still unknown: the builder does not provide the build variable it is made from; write the value itself",
            )
        };
        faults.extend(self.unknown.iter().map(unknown));
        if faults.is_empty() {
            Ok((self.settings, self.local))
        } else {
            Err(faults)
        }
    }

    /// Whether the builder's artifact will tell the source when it is there.
    fn awaits_artifact(&self) -> bool {
        self.settings.source.is_none() && self.local.build.builder_type == AZURE_ARM
    }

    fn gives_login(&self, name: &str) -> bool {
        let settings = &self.settings;
        let text = match name {
            "subscription_id" => &settings.subscription_id,
            "tenant_id" => &settings.tenant_id,
            "client_id" => &settings.client_id,
            "client_secret" => &settings.client_secret,
            "client_jwt" => &settings.client_jwt,
            "oidc_request_url" => &settings.oidc_request_url,
            "oidc_request_token" => &settings.oidc_request_token,
            "federated_token_file" => &settings.federated_token_file,
            "cloud_environment_name" => &settings.cloud_environment_name,
            "metadata_host" => &settings.metadata_host,
            _ => return settings.use_azure_cli_auth.is_some(),
        };
        text.is_some()
    }
}

/// Takes what is the post-processor's own out of the values that were read.
fn read_local(values: &mut Map<String, Json>, raw: &RawConfigs) -> Local {
    let manifest = values.remove("manifest");
    let deletes = values.remove("destroy_deletes_version");
    let path = manifest.as_ref().and_then(Json::as_str).filter(|path| !path.is_empty());
    Local {
        manifest: path.unwrap_or(MANIFEST).to_owned(),
        on_destroy: if deletes == Some(Json::Bool(true)) {
            OnDestroy::DeleteVersion
        } else {
            OnDestroy::LeaveVersion
        },
        build: Build {
            name: raw.packer_text("packer_build_name").to_owned(),
            builder_type: raw.packer_text("packer_builder_type").to_owned(),
            force: if raw.packer_flag("packer_force") {
                Force::Yes
            } else {
                Force::No
            },
            run_uuid: None,
        },
    }
}

/// Whether a path is another one, or lies within it: `a.b[1].c` lies within `a.b`.
fn is_same_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// All faults as one text: how many, then one a line.
#[must_use]
pub fn fault_text(faults: &[Fault]) -> String {
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    let lines = faults.iter().map(|fault| format!("\n  {fault}"));
    format!(
        "azure-batch: {count} in the configuration:{}",
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests;
