//! Packer templates for the cases: the same post-processor block with what the case changes.
//!
//! It writes text only; whether Packer takes it is what the cases find out.

use std::fmt::Write as _;

use crate::world;

/// The plugin's address in templates, and the folder it is installed under.
pub const ADDRESS: &str = "github.com/azure-batch-tools/azure-batch";

/// The line with the versions of the plugin that a template takes.
const REQUIRED: &str = "      version = \">= 0.1.0\"\n";

/// The same for a build of one's own under Packer before 1.11, which counts its version as older; newer ones refuse this.
const REQUIRED_OF_OWN_BUILD: &str = "      version = \">= 0.1.0-dev\"\n";

/// What every template of the cases begins with: the plugin and the variables that lead to the local Azure.
const VARIABLES: [&str; 6] = [
    "metadata_host",
    "ca_file",
    "subscription_id",
    "tenant_id",
    "client_id",
    "client_secret",
];

/// One `azure-batch` block.
#[derive(Clone, Debug)]
pub struct Post {
    /// `image_version`.
    pub version: String,
    /// `gallery_name`.
    pub gallery: String,
    /// `image_name`.
    pub definition: String,
    /// Further attributes of the destination, in HCL.
    pub destination: String,
    /// Further attributes, in HCL.
    pub more: String,
    /// Where the manifest goes.
    pub manifest: String,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            version: "next-patch".to_owned(),
            gallery: world::GALLERY.to_owned(),
            definition: "ubuntu".to_owned(),
            destination: String::new(),
            more: String::new(),
            manifest: "azure-batch-manifest.json".to_owned(),
        }
    }
}

impl Post {
    /// One with an explicit version number.
    #[must_use]
    pub fn version(number: &str) -> Self {
        Self {
            version: number.to_owned(),
            ..Self::default()
        }
    }

    /// The block: the example's machine, for a pool of 700 nodes in its region.
    #[must_use]
    pub fn block(&self) -> String {
        let login: String = VARIABLES.iter().fold(String::new(), |mut text, name| {
            // Writing to a String cannot fail.
            let _written = writeln!(text, "    {name} = var.{name}");
            text
        });
        format!(
            r#"  post-processor "azure-batch" {{
{login}    source {{ vm = "{machine}" }}
    shared_image_gallery_destination {{
      resource_group = "{group}"
      gallery_name   = "{gallery}"
      image_name     = "{definition}"
      image_version  = "{version}"
      {destination}
    }}
    used_by {{
      batch_account = "{account}"
      nodes         = 700
    }}
    manifest = "{manifest}"
    {more}
  }}
"#,
            machine = world::machine(),
            group = world::GROUP,
            gallery = self.gallery,
            definition = self.definition,
            version = self.version,
            destination = self.destination,
            account = world::account(world::ACCOUNT),
            manifest = self.manifest,
            more = self.more,
        )
    }
}

/// A template whose only source is the null builder.
#[must_use]
pub fn with_null_builder(posts: &str) -> String {
    format!(
        "{}source \"null\" \"machine\" {{\n  communicator = \"none\"\n}}\n\nbuild {{\n  sources = [\"null.machine\"]\n{posts}}}\n",
        head()
    )
}

/// A template with sources of its own.
#[must_use]
pub fn with(sources_and_build: &str) -> String {
    format!("{}{sources_and_build}", head())
}

/// The template as a Packer before 1.11 wants it for a build of one's own.
#[must_use]
pub fn of_own_build(template: &str) -> String {
    template.replace(REQUIRED, REQUIRED_OF_OWN_BUILD)
}

fn head() -> String {
    let mut text = format!(
        "packer {{\n  required_plugins {{\n    azure-batch = {{\n      source  = \"{ADDRESS}\"\n{REQUIRED}    }}\n  }}\n}}\n\n"
    );
    for name in VARIABLES {
        let sensitive = if name == "client_secret" {
            "\n  sensitive = true"
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _written = writeln!(
            text,
            "variable \"{name}\" {{\n  type    = string\n  default = \"\"{sensitive}\n}}\n"
        );
    }
    text
}
