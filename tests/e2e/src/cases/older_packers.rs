//! Builds under Packers that are not the newest: how each finds the plugin, HCL and JSON templates, Ctrl-C.
//!
//! Each case runs under each of them. How `packer init` installs a release there is in the rehearsal of a release.

use std::{os::unix::fs::symlink, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Doing as _, Failure, Result, ensure, ensure_equal, ensure_says, ensure_silent},
    files,
    lab::Lab,
    left::{self, Kind},
    packer::Packer,
    process::Signal,
    suite::Case,
    template::{self, Post},
    time::wait_for,
    tools::OlderPacker,
    world,
};

/// How long to wait for a build to come to the place where it is interrupted.
const PLACE_LIMIT: Duration = Duration::from_secs(120);

/// The name that is enough for a Packer that looks for plugins in one folder only.
const PLAIN: &str = "packer-plugin-azure-batch";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "older_packers_publish_once_and_find_the_version_again",
        run: |lab| with_each(lab, publish_once_and_find_the_version_again),
    },
    Case {
        name: "older_packers_run_json_templates_and_refuse_what_they_leave_open",
        run: |lab| with_each(lab, run_json_templates),
    },
    Case {
        name: "the_newest_packer_runs_json_templates_as_older_ones_do",
        run: newest_runs_json_templates,
    },
    Case {
        name: "older_packers_stop_at_ctrl_c_and_leave_nothing",
        run: |lab| with_each(lab, stop_at_ctrl_c),
    },
];

/// One older Packer with a local Azure of its own.
struct Scene<'a> {
    older: &'a OlderPacker,
    azure: &'a LocalAzure,
    packer: &'a Packer<'a>,
}

fn with_each(lab: &Lab<'_>, case: fn(&Scene<'_>) -> Result) -> Result {
    ensure(!lab.tools.older_packers.is_empty(), || {
        "there is no older Packer to run".to_owned()
    })?;
    for older in &lab.tools.older_packers {
        let part = lab.part(older.version)?;
        let plugins = part.folder("plugins")?;
        install(lab.tools.installed.as_path(), &plugins, &lab.tools.plugin)?;
        let azure = part.azure(world::example(lab)?)?;
        let packer = Packer::new(&part, &azure)?.older(older, &plugins);
        let scene = Scene {
            older,
            azure: &azure,
            packer: &packer,
        };
        let ended = case(&scene);
        part.keep_journal(&azure)?;
        ended.map_err(|failure| Failure::unexpected(format!("Packer {}: {}", older.version, failure.report())))?;
        ensure_gob(&part)?;
    }
    Ok(())
}

/// Installs the plugin as the newest Packer did, for templates that require it, and by its plain name, which is how 1.7 finds
/// it for JSON templates.
fn install(installed: &Path, plugins: &Path, program: &Path) -> Result {
    for file in files::below(installed)? {
        let inside = file.strip_prefix(installed).unwrap_or(&file);
        let link = plugins.join(inside);
        files::make(link.parent().unwrap_or(plugins))?;
        symlink(&file, &link).doing(|| format!("link {}", link.display()))?;
    }
    let plain = plugins.join(PLAIN);
    symlink(program, &plain).doing(|| format!("link {}", plain.display()))
}

/// Packer before 1.12 knows no protobuf, so a build of it speaks gob with the plugin.
fn ensure_gob(lab: &Lab<'_>) -> Result {
    let logs: Vec<String> = files::below(&lab.dir)?
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "packer-log"))
        .map(|path| files::read(path))
        .collect::<Result<_>>()?;
    let logs = logs.concat();
    ensure_says("Packer's log", &logs, &["start post-processor"])?;
    ensure_silent("Packer's log", &logs, &["--protobuf"])
}

/// The template as each of them takes it, as the page on installing says of builds of one's own.
fn template(older: &OlderPacker) -> String {
    let newer = template::with_null_builder(&Post::default().block());
    if is_before_1_11(older) {
        template::of_own_build(&newer)
    } else {
        newer
    }
}

fn is_before_1_11(older: &OlderPacker) -> bool {
    older.version.starts_with("1.7.")
}

fn publish_once_and_find_the_version_again(scene: &Scene<'_>) -> Result {
    let (packer, azure) = (scene.packer, scene.azure);
    let template = packer.template("t.pkr.hcl", &template(scene.older))?;
    packer.validate("validate", &[], &template)?.ended_with(0)?;
    packer.build("first", &[], &template)?.ended_with(0)?;
    let published = azure.resources()?;
    left::ensure_no_temporaries(&published)?;
    ensure_equal(
        "versions",
        &left::names(&published, Kind::Version),
        &vec!["1.0.0".to_owned()],
    )?;
    packer.build("second", &[], &template)?.ended_with(0)?;
    ensure_equal("resources after the second build", &azure.resources()?, &published)?;
    required_version(scene)
}

/// What the page says that each of them refuses.
fn required_version(scene: &Scene<'_>) -> Result {
    let newer = template::with_null_builder(&Post::default().block());
    let (other, says) = if is_before_1_11(scene.older) {
        (newer, "no plugin installed for")
    } else {
        (template::of_own_build(&newer), "Invalid version constraint")
    };
    let other = scene.packer.template("other.pkr.hcl", &other)?;
    let refused = scene.packer.validate("other", &[], &other)?.ended_with(1)?;
    ensure_says("packer validate", &refused.said(), &[says])
}

/// The same as the HCL template, in the older language.
fn json_template(image_version: &str) -> String {
    let from_environment = |name: &str| format!("{{{{env `PKR_VAR_{name}`}}}}");
    let own = |name: &str| format!("{{{{user `{name}`}}}}");
    let names = [
        "metadata_host",
        "ca_file",
        "subscription_id",
        "tenant_id",
        "client_id",
        "client_secret",
    ];
    let variables: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(from_environment(name))))
        .collect();
    let mut post = json!({
        "type": "azure-batch",
        "source": {"vm": world::machine()},
        "shared_image_gallery_destination": {
            "resource_group": world::GROUP, "gallery_name": world::GALLERY, "image_name": "{{build_name}}",
            "image_version": image_version,
        },
        "used_by": [{"batch_account": world::account(world::ACCOUNT), "nodes": 700}],
        "azure_tags": {"built": "{{timestamp}}", "by": "{{build_type}}"},
        "manifest": "{{build_name}}.json",
    });
    if let Some(fields) = post.as_object_mut() {
        fields.extend(names.map(|name| (name.to_owned(), json!(own(name)))));
    }
    let template = json!({
        "variables": variables,
        "sensitive-variables": ["client_secret"],
        "builders": [{"type": "null", "name": "machine", "communicator": "none"}],
        "post-processors": [[post, {"type": "shell-local", "inline": ["cat machine.json"]}]],
    });
    template.to_string()
}

/// JSON templates have another way to the plugin than HCL, also in the newest Packer.
fn newest_runs_json_templates(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let ended = json_templates_run(&Packer::new(lab, &azure)?, &azure);
    lab.keep_journal(&azure)?;
    ended
}

fn run_json_templates(scene: &Scene<'_>) -> Result {
    json_templates_run(scene.packer, scene.azure)
}

fn json_templates_run(packer: &Packer<'_>, azure: &LocalAzure) -> Result {
    let open = packer.template("open.json", &json_template("{{clean_resource_name `1.0.0`}}"))?;
    let refused = packer.validate("open", &[], &open)?.ended_with(1)?;
    ensure_says(
        "packer validate",
        &refused.said(),
        &["shared_image_gallery_destination.image_version", "clean_resource_name"],
    )?;
    let template = packer.template("t.json", &json_template("1.0.0"))?;
    packer.validate("validate", &[], &template)?.ended_with(0)?;
    packer.build("build", &[], &template)?.ended_with(0)?;
    let manifest = files::read_json(&packer.work().join("machine.json"))?;
    ensure_says(
        "the manifest",
        &manifest.to_string(),
        &["/images/machine/versions/1.0.0"],
    )?;
    let resources = azure.resources()?;
    let versions = resources.pointer("/compute/galleries~1images~1versions");
    let tags = versions
        .and_then(|all| all.pointer("/0/tags"))
        .cloned()
        .unwrap_or_default();
    ensure_equal("the tag of the builder", &tags.get("by").cloned(), &Some(json!("null")))?;
    let built = tags.get("built").and_then(Value::as_str).unwrap_or_default();
    ensure(built.parse::<u64>().is_ok(), || {
        format!("{{{{timestamp}}}} became {built}")
    })
}

fn stop_at_ctrl_c(scene: &Scene<'_>) -> Result {
    let (packer, azure) = (scene.packer, scene.azure);
    let template = packer.template("t.pkr.hcl", &template(scene.older))?;
    let build = packer.start_build("cancelled", &[], &template)?;
    wait_for("the snapshots", PLACE_LIMIT, || {
        Ok((azure.journal()?.count("PUT", &["/snapshots/"]) > 0).then_some(()))
    })?;
    build.signal(Signal::Interrupt)?;
    let ended = build.wait(Packer::limit())?.ended_with(1)?;
    ensure_silent("packer build", &ended.said(), &["PACKER CRASH"])?;
    ensure(azure.journal()?.count("PUT", &["/versions/"]) == 0, || {
        "a version was asked for after Ctrl-C".to_owned()
    })?;
    left::ensure_no_temporaries(&azure.resources()?)
}
