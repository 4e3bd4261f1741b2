//! `install.sh` as part of an action of version 1.2.3, with a release that lies in a folder and a cargo that builds
//! nothing.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const SHA: &str = "0123456789012345678901234567890123456789";

const NAME: &str = "azure-batch-pool_v1.2.3_linux_amd64.tar.gz";

/// A machine with an action, a release, a curl that takes from it and notes what it was asked for, and a cargo.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "release", "runner", "cache", "action/crates/action"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
        fs::copy(script, machine.path("action/crates/action/install.sh")).unwrap();
        fs::write(
            machine.path("action/Cargo.toml"),
            "[workspace.package]\nversion = \"1.2.3\"\n",
        )
        .unwrap();
        machine.checksums("");
        // curl: the address is the last but two of its arguments, the place the last.
        machine.tool(
            "curl",
            r#"for place; do :; done; url="${*: -3:1}"; echo "$url" >>"$RELEASE/asked"
            [[ ! -e "$RELEASE/offline" ]] || { echo "curl: (6) Could not resolve host" >&2; exit 6; }
            if [[ -e "$RELEASE/refusal" ]] && ! grep --quiet 'header = "Authorization: Bearer m1rr0r"'; then
              echo "curl: (22) The requested URL returned error: $(cat "$RELEASE/refusal")" >&2; exit 22
            fi
            [[ -e "$RELEASE/${url##*/}" ]] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
            exec cp "$RELEASE/${url##*/}" "$place""#,
        );
        machine.tool("uname", r#"[[ "$1" == -s ]] && echo Linux || echo x86_64"#);
        machine.tool(
            "cargo",
            r#"mkdir -p "$CARGO_TARGET_DIR/release"; echo built >"$CARGO_TARGET_DIR/release/azure-batch-pool""#,
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the action's own source knows of releases.
    fn checksums(&self, list: &str) {
        fs::write(self.path("action/crates/action/checksums.txt"), list).unwrap();
    }

    /// An archive with that program.
    fn archive(&self, program: &str) -> PathBuf {
        let folder = self.path("packed");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("azure-batch-pool"), program).unwrap();
        let archive = self.path(&format!("{program}.tar.gz"));
        let packed = Command::new("tar")
            .args(["--mtime=@0", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(&folder)
            .arg("azure-batch-pool")
            .status();
        assert!(packed.unwrap().success());
        archive
    }

    /// A line of a list of sums, for an archive with that program.
    fn sum(&self, program: &str) -> String {
        let sum = Command::new("sha256sum").arg(self.archive(program)).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        format!("{}  {NAME}\n", sum.split_once(' ').unwrap().0)
    }

    /// Puts a release there; its list of sums is of an archive with that program.
    fn release(&self, program: &str, summed: &str) {
        fs::copy(self.archive(program), self.path("release").join(NAME)).unwrap();
        let other = format!("{}  azure-batch-pool_v1.2.3_darwin_arm64.tar.gz\n", "0".repeat(64));
        let sums = other + &self.sum(summed);
        fs::write(self.path("release/azure-batch-pool_v1.2.3_SHA256SUMS"), sums).unwrap();
    }

    fn install(&self, variables: &[(&str, &str)]) -> Output {
        self.install_from("action", variables)
    }

    /// The same with the action in another folder.
    fn install_from(&self, action: &str, variables: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script_of_the_step()])
            .env_clear()
            .env("GITHUB_ACTION_PATH", self.path(action))
            .env("PATH", path)
            .env("RELEASE", self.path("release"))
            .env("RUNNER_TEMP", self.path("runner"))
            .env("RUNNER_TOOL_CACHE", self.path("cache"))
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("ACTION_REPOSITORY", "o/r")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// The failure's text; nothing was handed over.
    fn refused(&self, variables: &[(&str, &str)]) -> String {
        let output = self.install(variables);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!self.path("outputs").exists());
        let said = String::from_utf8(output.stdout).unwrap();
        let error = said.lines().last().unwrap();
        error
            .strip_prefix("::error title=azure-batch-pool::")
            .unwrap()
            .to_owned()
    }

    /// What lies at the path that was handed over last.
    fn handed_over(&self) -> String {
        let outputs = fs::read_to_string(self.path("outputs")).unwrap();
        fs::read_to_string(outputs.lines().last().unwrap().strip_prefix("path=").unwrap()).unwrap()
    }

    /// The addresses that were asked for.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("release/asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }
}

fn action_yml() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../action.yml")).unwrap()
}

/// What the action's step runs.
fn script_of_the_step() -> String {
    let action = action_yml();
    let run = action
        .lines()
        .find(|line| line.contains("run: ") && line.contains("install.sh"));
    run.unwrap().trim().trim_start_matches("run: ").to_owned()
}

#[test]
fn a_version_tag_takes_its_release_when_the_checksum_is_right() {
    let machine = Machine::new();
    machine.release("released", "released");
    let output = machine.install(&[("ACTION_REF", "v1.2.3"), ("GITHUB_SERVER_URL", "https://ghes.example")]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(machine.handed_over(), "released");
    let base = "https://github.com/o/r/releases/download/v1.2.3";
    assert_eq!(
        machine.asked(),
        [
            format!("{base}/azure-batch-pool_v1.2.3_SHA256SUMS"),
            format!("{base}/{NAME}")
        ]
    );
}

#[test]
fn a_commit_of_a_release_and_a_moving_tag_take_what_their_own_source_knows() {
    for reference in [SHA, "v1", "v1.2.3"] {
        let machine = Machine::new();
        // Who replaces the release's files replaces its list too.
        machine.release("replaced", "replaced");
        machine.checksums(&machine.sum("released"));
        let refused = machine.refused(&[("ACTION_REF", reference)]);
        assert!(refused.starts_with(&format!("the checksum of {NAME} is ")), "{refused}");
        machine.release("released", "replaced");
        let output = machine.install(&[("ACTION_REF", reference)]);
        assert!(output.status.success(), "{reference}: {output:?}");
        assert_eq!(machine.handed_over(), "released", "{reference}");
        assert!(!machine.asked().iter().any(|url| url.ends_with("SUMS")), "{reference}");
    }
}

#[test]
fn a_wrong_checksum_stops_everything() {
    let machine = Machine::new();
    machine.release("tampered", "released");
    let refused = machine.refused(&[("ACTION_REF", "v1.2.3")]);
    assert!(refused.starts_with(&format!("the checksum of {NAME} is ")), "{refused}");
}

#[test]
fn what_is_not_a_release_is_built_only_when_that_is_asked_for() {
    for reference in [SHA, "main", "v9.9.9", "v1.2.3/../../evil", ""] {
        let machine = Machine::new();
        machine.release("released", "released");
        let refused = machine.refused(&[("ACTION_REF", reference)]);
        assert!(
            refused.contains("is not a release") && refused.contains("AZURE_BATCH_POOL_BUILD=true"),
            "{refused}"
        );
        assert_eq!(machine.asked(), [""; 0], "{reference}");
        let output = machine.install(&[("ACTION_REF", reference), ("AZURE_BATCH_POOL_BUILD", "true")]);
        assert!(output.status.success(), "{reference}: {output:?}");
        assert_eq!(machine.handed_over(), "built\n", "{reference}");
    }
}

#[test]
fn a_missing_release_is_told_from_a_network_that_fails() {
    let machine = Machine::new();
    let missing = machine.refused(&[("ACTION_REF", "v1.2.3")]);
    assert!(
        missing.starts_with("there is no file https://github.com/o/r/releases/"),
        "{missing}"
    );
    fs::write(machine.path("release/offline"), "").unwrap();
    let offline = machine.refused(&[("ACTION_REF", "v1.2.3")]);
    assert!(
        offline.starts_with("cannot download ") && offline.contains("Could not resolve host"),
        "{offline}"
    );
}

#[test]
fn a_refusal_and_a_server_that_fails_have_their_own_texts_and_a_mirror_gets_its_token() {
    let machine = Machine::new();
    machine.release("released", "released");
    let mirror = [
        ("ACTION_REF", "v1.2.3"),
        ("AZURE_BATCH_POOL_MIRROR", "https://mirror.example/pool"),
    ];
    for (status, said) in [
        ("401", "access to https://mirror.example/"),
        ("403", "access to https://mirror.example/"),
        ("503", "the server failed with https://mirror.example/"),
    ] {
        fs::write(machine.path("release/refusal"), status).unwrap();
        let refused = machine.refused(&mirror);
        assert!(refused.starts_with(said), "{status}: {refused}");
    }
    let with_token = [mirror[0], mirror[1], ("AZURE_BATCH_POOL_MIRROR_TOKEN", "m1rr0r")];
    let output = machine.install(&with_token);
    assert!(output.status.success(), "{output:?}");
    let github = machine.install(&[mirror[0], with_token[2]]);
    assert_eq!(github.status.code(), Some(1), "only the mirror gets its token");
}

#[test]
fn a_failure_on_github_enterprise_says_where_the_releases_are() {
    let machine = Machine::new();
    let refused = machine.refused(&[("ACTION_REF", "v1.2.3"), ("GITHUB_SERVER_URL", "https://ghes.example")]);
    assert!(
        refused.ends_with("this job runs on https://ghes.example, and the releases are on github.com"),
        "{refused}"
    );
}

#[test]
fn a_mirror_is_asked_instead_and_the_tool_cache_saves_the_second_download() {
    let machine = Machine::new();
    machine.release("released", "released");
    machine.checksums(&machine.sum("released"));
    let mirror = [
        ("ACTION_REF", SHA),
        ("AZURE_BATCH_POOL_MIRROR", "https://mirror.example/pool/"),
    ];
    assert!(machine.install(&mirror).status.success());
    assert_eq!(machine.asked(), [format!("https://mirror.example/pool/v1.2.3/{NAME}")]);
    fs::write(machine.path("release/offline"), "").unwrap();
    assert!(machine.install(&mirror).status.success());
    assert_eq!(machine.handed_over(), "released");
    let cached = machine.path("cache/azure-batch-pool/v1.2.3").join(NAME);
    fs::write(cached, "replaced by an earlier job").unwrap();
    assert_eq!(machine.install(&mirror).status.code(), Some(1), "it is not trusted");
}

#[test]
fn a_function_of_the_environment_does_not_stand_in_for_the_program_that_computes_checksums() {
    let machine = Machine::new();
    machine.release("replaced", "released");
    let sum = machine.sum("released").split_once(' ').unwrap().0.to_owned();
    let function = format!("() {{ echo {sum}; }}");
    let refused = machine.refused(&[("BASH_FUNC_sha256sum%%", function.as_str()), ("ACTION_REF", "v1.2.3")]);
    assert!(refused.contains("the checksum of"), "{refused}");
}

#[test]
fn every_shell_of_the_action_runs_no_file_of_the_environment_first() {
    let action = action_yml();
    let shells: Vec<&str> = action
        .split("    - name: ")
        .skip(1)
        .filter(|step| step.contains("shell: bash"))
        .collect();
    assert_eq!(shells.len(), 2, "steps of the action");
    for step in shells {
        assert!(step.contains("\n        BASH_ENV: \"\""), "{step}");
    }
}

#[test]
fn a_failed_build_says_so() {
    let machine = Machine::new();
    machine.tool("cargo", "echo no >&2; exit 101");
    let refused = machine.refused(&[("ACTION_REF", SHA), ("AZURE_BATCH_POOL_BUILD", "true")]);
    assert!(refused.contains("could not be built from source"), "{refused}");
}

#[test]
fn a_binary_that_is_given_is_taken_and_the_log_says_whence() {
    let machine = Machine::new();
    machine.tool("given", "");
    let given = machine.path("bin").join("given");
    let output = machine.install(&[
        ("AZURE_BATCH_POOL_BINARY", given.to_str().unwrap()),
        ("ACTION_REF", "v1.2.3"),
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("taken from AZURE_BATCH_POOL_BINARY")
    );
    assert_eq!(machine.handed_over(), "#!/usr/bin/env bash\n\n");
    let missing = machine.install(&[("AZURE_BATCH_POOL_BINARY", "/no/such/program")]);
    assert_eq!(missing.status.code(), Some(1));
}

/// Finding R14, nested: within a composite action the runner's variables are those of the outer action, and its release
/// was asked for.
#[test]
fn an_action_that_another_one_calls_asks_for_its_own_release_and_not_for_that_of_the_caller() {
    let machine = Machine::new();
    machine.release("released", "released");
    // So the runner downloads it, and these are the variables that it sets for the outer action.
    let own = "work/_actions/azure-batch-tools/packer-plugin-azure-batch/v1.2.3";
    fs::create_dir_all(machine.path(own).parent().unwrap()).unwrap();
    fs::rename(machine.path("action"), machine.path(own)).unwrap();
    let outer = [("ACTION_REPOSITORY", "my-org/deploy"), ("ACTION_REF", "v3")];
    let output = machine.install_from(own, &outer);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(machine.handed_over(), "released");
    let base = "https://github.com/azure-batch-tools/packer-plugin-azure-batch/releases/download/v1.2.3/";
    let asked = machine.asked();
    assert!(
        asked.len() == 2 && asked.iter().all(|asked| asked.starts_with(base)),
        "{asked:?}"
    );
}
