//! `install.sh` with a release that lies in a folder and a cargo that builds nothing.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const SHA: &str = "0123456789012345678901234567890123456789";

/// A machine with a release, a curl that takes from it, and a cargo.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "release", "runner"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        // curl: the address is the last but two of its arguments, the place the last.
        machine.tool(
            "curl",
            r#"for place; do :; done; url="${*: -3:1}"; exec cp "$RELEASE/${url##*/}" "$place""#,
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

    /// Puts a release there; its list of sums is of that content.
    fn release(&self, program: &str, summed: &str) {
        let name = "azure-batch-pool_v1.2.3_linux_amd64";
        fs::write(self.path("release").join(name), program).unwrap();
        let summed_file = self.path("summed");
        fs::write(&summed_file, summed).unwrap();
        let sum = Command::new("sha256sum").arg(&summed_file).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let (sum, _) = sum.split_once(' ').unwrap();
        let sums = format!(
            "{}  azure-batch-pool_v1.2.3_darwin_arm64\n{sum}  {name}\n",
            "0".repeat(64)
        );
        fs::write(self.path("release").join("azure-batch-pool_v1.2.3_SHA256SUMS"), sums).unwrap();
    }

    fn install(&self, variables: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let command = &mut Command::new("bash");
        command
            .arg(script)
            .env_clear()
            .env("PATH", path)
            .env("RELEASE", self.path("release"));
        command
            .env("RUNNER_TEMP", self.path("runner"))
            .env("GITHUB_OUTPUT", self.path("outputs"));
        command
            .env("ACTION_REPOSITORY", "o/r")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// What lies at the path that was handed over.
    fn handed_over(&self) -> String {
        let outputs = fs::read_to_string(self.path("outputs")).unwrap();
        fs::read_to_string(outputs.trim().strip_prefix("path=").unwrap()).unwrap()
    }
}

#[test]
fn a_version_tag_takes_its_release_when_the_checksum_is_right() {
    let machine = Machine::new();
    machine.release("released", "released");
    let output = machine.install(&[("ACTION_REF", "v1.2.3")]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(machine.handed_over(), "released");
}

#[test]
fn a_wrong_checksum_stops_everything() {
    let machine = Machine::new();
    machine.release("tampered", "released");
    let output = machine.install(&[("ACTION_REF", "v1.2.3")]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("::error title=azure-batch-pool::the checksum of azure-batch-pool_v1.2.3_linux_amd64 is "),
        "{said}"
    );
    assert!(!machine.path("outputs").exists());
}

#[test]
fn a_sha_a_branch_and_a_tag_without_release_are_built_from_source() {
    for reference in [SHA, "main", "v9.9.9", "v1.2.3/../../evil", ""] {
        let machine = Machine::new();
        machine.release("released", "released");
        let output = machine.install(&[("ACTION_REF", reference)]);
        assert!(output.status.success(), "{reference}: {output:?}");
        assert_eq!(machine.handed_over(), "built\n", "{reference}");
    }
}

#[test]
fn a_failed_build_says_so() {
    let machine = Machine::new();
    machine.tool("cargo", "echo no >&2; exit 101");
    let output = machine.install(&[("ACTION_REF", SHA)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("could not be built from source")
    );
}

#[test]
fn a_binary_that_is_given_is_taken() {
    let machine = Machine::new();
    machine.tool("given", "");
    let given = machine.path("bin").join("given");
    let output = machine.install(&[
        ("AZURE_BATCH_POOL_BINARY", given.to_str().unwrap()),
        ("ACTION_REF", "v1.2.3"),
    ]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(machine.handed_over(), "#!/usr/bin/env bash\n\n");
    let missing = machine.install(&[("AZURE_BATCH_POOL_BINARY", "/no/such/program")]);
    assert_eq!(missing.status.code(), Some(1));
}
