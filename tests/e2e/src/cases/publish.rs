//! Builds under real Packer that are left alone: good ones, wrong ones, and what Packer's own switches do.
//!
//! What happens when a build is interrupted is in `interrupted`.

use std::path::PathBuf;

use crate::{
    failure::{Result, ensure, ensure_equal, ensure_says, ensure_silent},
    files,
    journal::{Entry, Journal},
    lab::Lab,
    left::{self, Kind},
    packer::Packer,
    suite::Case,
    template::{self, Post},
    world,
};

/// What real Packer prints when it believes that it has crashed.
const CRASH: &str = "PACKER CRASH";

/// The examples with what they ask for.
const EXAMPLES: [(&str, &[&str]); 2] = [
    ("minimal.pkr.hcl", &[]),
    (
        "publish.pkr.hcl",
        &[
            "-var=subscription_id=00000000-0000-0000-0000-0000000005b5",
            "-var=tenant_id=00000000-0000-0000-0000-00000000aaaa",
            "-var=client_id=00000000-0000-0000-0000-00000000c11e",
            "-var=client_secret=none",
            "-var=batch_account_id=/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/a",
        ],
    ),
];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "validate_accepts_a_good_template",
        run: validate_accepts_a_good_template,
    },
    Case {
        name: "examples_are_valid",
        run: examples_are_valid,
    },
    Case {
        name: "validate_names_all_faults_at_once",
        run: validate_names_all_faults_at_once,
    },
    Case {
        name: "validate_works_with_gob",
        run: validate_works_with_gob,
    },
    Case {
        name: "build_publishes_and_a_second_one_writes_nothing",
        run: build_publishes_and_a_second_one_writes_nothing,
    },
    Case {
        name: "build_that_is_refused_writes_nothing",
        run: build_that_is_refused_writes_nothing,
    },
    Case {
        name: "build_that_fails_leaves_nothing",
        run: build_that_fails_leaves_nothing,
    },
    Case {
        name: "input_artifact_survives_whatever_the_user_says",
        run: input_artifact_survives_whatever_the_user_says,
    },
    Case {
        name: "force_never_overwrites_a_version",
        run: force_never_overwrites_a_version,
    },
    Case {
        name: "second_post_processor_still_knows_the_run",
        run: second_post_processor_still_knows_the_run,
    },
    Case {
        name: "two_sources_side_by_side_share_one_version",
        run: two_sources_side_by_side_share_one_version,
    },
    Case {
        name: "two_sources_into_two_definitions_do_not_meet",
        run: two_sources_into_two_definitions_do_not_meet,
    },
    Case {
        name: "build_speaks_over_a_port_where_no_socket_can_be_made",
        run: build_speaks_over_a_port_where_no_socket_can_be_made,
    },
    Case {
        name: "hashicorps_plugin_check_passes",
        run: hashicorps_plugin_check_passes,
    },
];

fn validate_accepts_a_good_template(lab: &Lab<'_>) -> Result {
    let packer = Packer::offline(lab)?;
    let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = packer.validate("validate", &[], &template)?.ended_with(0)?;
    ensure_says("packer validate", &ended.stdout, &["The configuration is valid."])
}

/// As a person would who has read no further than the examples.
fn examples_are_valid(lab: &Lab<'_>) -> Result {
    let packer = Packer::offline(lab)?;
    for (name, flags) in EXAMPLES {
        let ended = packer
            .validate(name, flags, &lab.tools.checkout.join("examples").join(name))?
            .ended_with(0)?;
        ensure_says(name, &ended.stdout, &["The configuration is valid."])?;
    }
    Ok(())
}

fn validate_names_all_faults_at_once(lab: &Lab<'_>) -> Result {
    let packer = Packer::offline(lab)?;
    let more = "managed_image = \"sometimes\"\n    nodes_per_replica = 250\n    on_failure = \"panic\"\n    deadline = \"soon\"";
    let post = Post {
        version: "latest".to_owned(),
        more: more.to_owned(),
        ..Post::default()
    };
    let template = packer.template("bad.pkr.hcl", &template::with_null_builder(&post.block()))?;
    let ended = packer.validate("validate", &[], &template)?.ended_with(1)?;
    let said = ended.said();
    let faults = [
        "managed_image",
        "nodes_per_replica",
        "on_failure",
        "deadline",
        "image_version",
    ];
    ensure_says("packer validate", &said, &faults)?;
    ensure_says("packer validate", &said, &["sometimes", "250", "soon", "latest"])?;
    ensure_silent("packer validate", &said, &[CRASH])
}

fn validate_works_with_gob(lab: &Lab<'_>) -> Result {
    let packer = Packer::offline(lab)?.with("PACKER_FORCE_GOB", "1");
    let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = packer.validate("validate", &[], &template)?.ended_with(0)?;
    ensure_says("packer validate", &ended.stdout, &["The configuration is valid."])
}

fn build_publishes_and_a_second_one_writes_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let first = packer.build("first", &[], &template)?.ended_with(0)?;
    ensure_silent("packer build", &first.said(), &[CRASH])?;
    let published = azure.resources()?;
    ensure_one_version(&azure.journal()?, 3)?;
    left::ensure_no_temporaries(&published)?;
    ensure_equal(
        "versions",
        &left::names(&published, Kind::Version),
        &vec!["1.0.0".to_owned()],
    )?;
    let manifest = files::read_json(&packer.work().join("azure-batch-manifest.json"))?;
    ensure_says(
        "the manifest",
        &manifest.to_string(),
        &["/versions/1.0.0", "\"replicas\":4"],
    )?;
    let before = azure.journal()?.0.len();
    packer.build("second", &[], &template)?.ended_with(0)?;
    let writes = writes_after(&azure.journal()?, before);
    ensure(writes.is_empty(), || {
        format!("the second build wrote:\n{}", writes.join("\n"))
    })?;
    ensure_equal("resources after the second build", &azure.resources()?, &published)?;
    lab.keep_journal(&azure)
}

/// The form that Windows has always. Of Packer's own parts one still makes a socket in the same folder.
fn build_speaks_over_a_port_where_no_socket_can_be_made(lab: &Lab<'_>) -> Result {
    let folder = too_long_for_our_socket()?;
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?.with("TMPDIR", &folder.display().to_string());
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let built = packer.build("build", &[], &template);
    files::remove_folder(&folder)?;
    built?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let log = files::read(&lab.dir.join("build.packer-log"))?;
    let is_ours = |line: &&str| line.contains("RPC address for") && line.contains("packer-plugin-azure-batch");
    let lines: Vec<&str> = log.lines().filter(is_ours).collect();
    ensure_says("Packer's log", &lines.join("\n"), &["Received tcp RPC address"])?;
    ensure_silent("Packer's log", &lines.join("\n"), &["Received unix"])?;
    ensure_one_version(&azure.journal()?, 3)
}

/// A folder for temporary files with a path of 80 letters: ours needs 103 at most with 24 and more behind it, Go's SDK
/// comes to 104 of its 107.
fn too_long_for_our_socket() -> Result<PathBuf> {
    let start = std::env::temp_dir().join(format!("azure-batch-{}-", std::process::id()));
    let folder = PathBuf::from(format!("{:x<80}", start.display()));
    files::make_empty(&folder)?;
    Ok(folder)
}

fn build_that_is_refused_writes_nothing(lab: &Lab<'_>) -> Result {
    let seed = world::with_machine(lab, |machine| machine["powerState"] = "running".into())?;
    let azure = lab.azure(seed)?;
    let packer = Packer::new(lab, &azure)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = packer.build("build", &[], &template)?.ended_with(1)?;
    ensure_says("packer build", &ended.said(), &["deallocate"])?;
    ensure_silent("packer build", &ended.said(), &[CRASH])?;
    let writes = writes_after(&azure.journal()?, 0);
    lab.keep_journal(&azure)?;
    ensure(writes.is_empty(), || {
        format!("a refused build wrote:\n{}", writes.join("\n"))
    })
}

fn build_that_fails_leaves_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let before = azure.resources()?;
    azure.add_faults(&serde_json::json!([{
        "name": "image fails", "method": "PUT", "path": "*/providers/Microsoft.Compute/images/*",
        "kind": "operationFailed", "code": "InternalExecutionError", "message": "panic: disk went away"
    }]))?;
    let packer = Packer::new(lab, &azure)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = packer.build("build", &[], &template)?.ended_with(1)?;
    lab.keep_journal(&azure)?;
    ensure(azure.journal()?.0.iter().any(|entry| entry.fault.is_some()), || {
        "the fault was not hit".to_owned()
    })?;
    ensure_says(
        "packer build",
        &ended.said(),
        &["InternalExecutionError", "disk went away"],
    )?;
    // Packer takes the text `panic:` in an error for a crash of its own.
    ensure_silent("packer build", &ended.said(), &[CRASH])?;
    left::ensure_no_temporaries(&azure.resources()?)?;
    ensure_equal(
        "versions",
        &left::names(&azure.resources()?, Kind::Version),
        &left::names(&before, Kind::Version),
    )
}

fn input_artifact_survives_whatever_the_user_says(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    for (name, keep) in [
        ("unset", ""),
        ("true", "keep_input_artifact = true"),
        ("false", "keep_input_artifact = false"),
    ] {
        let part = lab.part(name)?;
        let packer = Packer::new(&part, &azure)?;
        let post = Post {
            more: keep.to_owned(),
            ..Post::default()
        };
        let source = "source \"file\" \"made\" {\n  content = \"precious\"\n  target  = \"made.txt\"\n}\n";
        let build = format!("\nbuild {{\n  sources = [\"file.made\"]\n{}}}\n", post.block());
        let template = packer.template("t.pkr.hcl", &template::with(&format!("{source}{build}")))?;
        packer.build("build", &[], &template)?.ended_with(0)?;
        let kept = packer.work().join("made.txt").exists();
        ensure(kept, || {
            format!("with keep_input_artifact {name} the builder's file is gone")
        })?;
    }
    Ok(())
}

fn force_never_overwrites_a_version(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let explicit = packer.template(
        "explicit.pkr.hcl",
        &template::with_null_builder(&Post::version("1.0.0").block()),
    )?;
    packer.build("first", &[], &explicit)?.ended_with(0)?;
    azure.seed(&world::rebuilt_machine(lab)?)?;
    let refused = packer.build("explicit", &["-force"], &explicit)?.ended_with(1)?;
    ensure_says("packer build -force", &refused.said(), &["1.0.0"])?;
    let puts = azure.journal()?.count("PUT", &["/versions/1.0.0"]);
    ensure(puts == 1, || format!("version 1.0.0 was written {puts} times"))?;
    let computed = packer.template(
        "computed.pkr.hcl",
        &template::with_null_builder(&Post::default().block()),
    )?;
    packer.build("computed", &["-force"], &computed)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let versions = left::names(&azure.resources()?, Kind::Version);
    ensure_equal("versions", &versions, &vec!["1.0.0".to_owned(), "1.0.1".to_owned()])
}

fn second_post_processor_still_knows_the_run(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let second = "  post-processor \"shell-local\" {\n    inline = [\"echo run=$RUN > second.txt\"]\n    environment_vars = [\"RUN=${build.PackerRunUUID}\"]\n  }\n  post-processor \"manifest\" {\n    output = \"packer-manifest.json\"\n  }\n";
    let chain = format!("  post-processors {{\n{}{second}  }}\n", Post::default().block());
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&chain))?;
    packer.build("build", &[], &template)?.ended_with(0)?;
    let manifest = files::read_json(&packer.work().join("packer-manifest.json"))?;
    let run = manifest
        .pointer("/builds/0/packer_run_uuid")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    ensure(run.len() == 36, || format!("packer's manifest has no run: {manifest}"))?;
    let second = files::read(&packer.work().join("second.txt"))?;
    ensure_equal("what the second post-processor saw", &second, &format!("run={run}\n"))?;
    ensure_says("packer's manifest", &manifest.to_string(), &["/versions/1.0.0"])?;
    // `shell-local` does not keep its input: ours is destroyed, which must not touch the version.
    ensure_equal(
        "versions",
        &left::names(&azure.resources()?, Kind::Version),
        &vec!["1.0.0".to_owned()],
    )
}

fn two_sources_side_by_side_share_one_version(lab: &Lab<'_>) -> Result {
    let post = Post {
        manifest: "${source.name}.json".to_owned(),
        ..Post::default()
    };
    let [one, two] = build_two_sources(lab, &post)?;
    ensure_equal("the versions of the two builds", &one, &two)
}

fn two_sources_into_two_definitions_do_not_meet(lab: &Lab<'_>) -> Result {
    let (manifest, definition) = ("${source.name}.json".to_owned(), "ubuntu-${source.name}".to_owned());
    let [one, two] = build_two_sources(
        lab,
        &Post {
            manifest,
            definition,
            ..Post::default()
        },
    )?;
    ensure_says(
        "the version of the first build",
        &one,
        &["/images/ubuntu-one/versions/1.0.0"],
    )?;
    ensure_says(
        "the version of the second build",
        &two,
        &["/images/ubuntu-two/versions/1.0.0"],
    )
}

/// Builds two sources of one machine side by side and gives the ids of their versions; nothing else is left.
fn build_two_sources(lab: &Lab<'_>, post: &Post) -> Result<[String; 2]> {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let source = |name: &str| format!("source \"null\" \"{name}\" {{\n  communicator = \"none\"\n}}\n");
    let build = format!(
        "build {{\n  sources = [\"null.one\", \"null.two\"]\n{}}}\n",
        post.block()
    );
    let text = template::with(&format!("{}{}{build}", source("one"), source("two")));
    let ended = packer.build("build", &[], &packer.template("t.pkr.hcl", &text)?)?;
    lab.keep_journal(&azure)?;
    ended.ended_with(0)?;
    left::ensure_no_temporaries(&azure.resources()?)?;
    let version = |name: &str| -> Result<String> {
        let manifest = files::read_json(&packer.work().join(name))?;
        Ok(manifest
            .get("image_version_id")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned())
    };
    let versions = [version("one.json")?, version("two.json")?];
    let different: std::collections::BTreeSet<&String> = versions.iter().collect();
    let there = left::names(&azure.resources()?, Kind::Version).len();
    ensure_equal("versions that are there", &there, &different.len())?;
    Ok(versions)
}

fn hashicorps_plugin_check_passes(lab: &Lab<'_>) -> Result {
    let name = "packer-plugin-azure-batch";
    files::copy(&lab.tools.plugin, &lab.dir.join(name))?;
    let check = crate::process::Program::new(&lab.tools.packer_sdc, &lab.dir, "plugin-check").dir(&lab.dir);
    check.args(["plugin-check", name]).run(Packer::limit())?.ended_with(0)?;
    std::fs::remove_file(lab.dir.join(name)).ok();
    Ok(())
}

/// One version, one set of snapshots.
fn ensure_one_version(journal: &Journal, disks: usize) -> Result {
    let snapshots = journal.count("PUT", &["/snapshots/"]);
    ensure(snapshots == disks, || {
        format!("{snapshots} snapshots were made of {disks} disks")
    })?;
    let definitions = journal
        .of("PUT", &["/galleries/", "/images/"])
        .filter(|entry| !entry.path.contains("/versions/"));
    ensure_equal("definitions written", &definitions.count(), &1)
}

fn writes_after(journal: &Journal, number: usize) -> Vec<String> {
    let later = journal.0.iter().skip(number).filter(|entry| entry.is_write());
    later.map(Entry::line).collect()
}
