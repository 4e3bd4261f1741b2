//! The user's configuration: what Packer passes, and what can be said of it before anything is asked.
//!
//! Nothing here touches network or Azure, so `packer validate` is fast and works anywhere. What values must look like is
//! core's to say.

use std::collections::BTreeMap;

use azure_batch_core::{
    https::Authorities,
    options::{Door, Opt, image, sign_in},
    publish::CHECK_NAMES,
    redact::Redactor,
    settings::{self, PublishContext, Reuse, Value, Values},
};
use jiff::Timestamp;

use crate::{
    hcl::{self, Phase},
    manifest::Place,
    packer::{config::RawConfigs, log, template::Moment},
};

/// Where the manifest goes when the template does not say.
pub(crate) const MANIFEST: &str = "azure-batch-manifest.json";

/// Types of the builders whose artifacts name the source.
const NAME_THE_SOURCE: [&str; 2] = ["azure-arm", "azure-chroot"];

/// What the environment may give that the template does not: at `packer validate` it may still be missing.
const FROM_ENVIRONMENT: [&Opt; 5] = [
    image::SUBSCRIPTION_ID,
    sign_in::TENANT_ID,
    sign_in::CLIENT_ID,
    sign_in::CLOUD_ENVIRONMENT_NAME,
    sign_in::METADATA_HOST,
];

/// A configuration that was read; it may have faults.
#[derive(Debug)]
pub struct Config {
    values: Values,
    local: Local,
    faults: Vec<String>,
}

/// What the post-processor needs for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Where the manifest goes.
    pub manifest: Place,
    /// What `Destroy` is asked for.
    pub on_destroy: OnDestroy,
    /// What Packer says of the build.
    pub build: Build,
}

/// What happens to a version that the next post-processor does not keep.
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

impl Force {
    /// What it means for a version of the same source.
    #[must_use]
    pub const fn reuse(self) -> Reuse {
        match self {
            Self::No => Reuse::SameSource,
            Self::Yes => Reuse::Never,
        }
    }
}

impl Config {
    /// Reads a configuration. `build` holds what `{{build}}` knows; nothing before the builder has run.
    #[must_use]
    pub fn read(raw: &RawConfigs, build: &BTreeMap<String, String>, phase: Phase, now: Timestamp) -> Self {
        let rendered = raw.render(build, Moment(now));
        let given = hcl::read(&rendered.user, phase);
        let mut values = given.values;
        let local = read_local(&mut values, raw);
        if raw.packer_text("packer_on_error") == "abort" {
            values.set(image::ON_FAILURE, "keep");
        }
        let not_rendered = rendered.refused.into_iter().map(|(path, action)| {
            format!(
                "{path}: {{{{{action}}}}} cannot be rendered here, only user, build, build_name, build_type, timestamp \
                 and isotime without a layout can: render it in a variable of the template, and use that"
            )
        });
        Self {
            values,
            local,
            faults: given.faults.into_iter().chain(not_rendered).collect(),
        }
    }

    /// Checks what can be known before the builder runs: values that Packer does not know yet, and those that the
    /// environment may give later, wait for [`Self::settle`].
    ///
    /// # Errors
    /// With all faults, one a line.
    pub fn check(self, now: Timestamp) -> Result<(), Vec<String>> {
        let mut values = self.values;
        for opt in FROM_ENVIRONMENT {
            if !values.has(opt) {
                values.set(opt, Value::Unknown);
            }
        }
        let (url, token) = (sign_in::OIDC_REQUEST_URL, sign_in::OIDC_REQUEST_TOKEN);
        let (file, password) = (sign_in::CLIENT_CERT_PATH, sign_in::CLIENT_CERT_PASSWORD);
        let connection = sign_in::ADO_PIPELINE_SERVICE_CONNECTION_ID;
        let together = [
            (sign_in::OIDC_AUDIENCE, url),
            (url, token),
            (token, url),
            (connection, url),
            (connection, token),
            (password, file),
        ];
        for (given, missing) in together {
            if values.has(given) && !values.has(missing) {
                values.set(missing, Value::Unknown);
            }
        }
        if !settings::names_source(&values) && NAME_THE_SOURCE.contains(&self.local.build.builder_type.as_str()) {
            values.set(image::SOURCE, Value::Unknown);
        }
        let mut faults = self.faults;
        faults.extend(faults_of(&values, "validate", Reuse::SameSource, now));
        faults.extend(unusable_ca_file(&values));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Takes the configuration as final.
    ///
    /// # Errors
    /// With the faults of names and types, and one for each value that is still unknown. What the values must look
    /// like is known when the environment and the builder's artifact have completed them: [`faults_of`].
    pub fn settle(self) -> Result<(Values, Local), Vec<String>> {
        if self.faults.is_empty() {
            Ok((self.values, self.local))
        } else {
            Err(self.faults)
        }
    }
}

/// A file of certificates is read at every run, so it must be there at `validate` too.
fn unusable_ca_file(values: &Values) -> Option<String> {
    let Some(Value::Text(path)) = values.get(sign_in::CA_FILE) else {
        return None;
    };
    let path = Some(path.trim()).filter(|path| !path.is_empty())?;
    let error = Authorities::of_file(path.as_ref()).err()?;
    Some(format!(
        "{}: {}",
        sign_in::CA_FILE.spelled(Door::Template),
        log::chain(&error)
    ))
}

/// What is wrong with values, in the words of a template.
#[must_use]
pub fn faults_of(values: &Values, run_id: &str, reuse: Reuse, now: Timestamp) -> Vec<String> {
    let context = PublishContext {
        run_id,
        reuse,
        now,
        checks: &CHECK_NAMES,
    };
    let faults = settings::publish(values, &context).err().unwrap_or_default();
    let redactor: Redactor = values.secrets().into_iter().collect();
    let spelled = faults.iter().map(|fault| fault.spelled(Door::Template));
    spelled.map(|fault| redactor.clean(&fault)).collect()
}

/// Takes what is the post-processor's own out of the values that were read.
fn read_local(values: &mut Values, raw: &RawConfigs) -> Local {
    let manifest = match values.remove(image::MANIFEST) {
        Some(Value::Text(path)) if !path.is_empty() => path,
        _ => MANIFEST.to_owned(),
    };
    let on_destroy = match values.remove(image::DESTROY_DELETES_VERSION) {
        Some(Value::Bool(true)) => OnDestroy::DeleteVersion,
        _ => OnDestroy::LeaveVersion,
    };
    Local {
        manifest: Place::new(&manifest),
        on_destroy,
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

/// All faults as one text: how many, then one a line.
#[must_use]
pub fn fault_text(faults: &[String]) -> String {
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    let lines: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("azure-batch: {count} in the configuration:{lines}")
}

#[cfg(test)]
pub(crate) mod tests;
