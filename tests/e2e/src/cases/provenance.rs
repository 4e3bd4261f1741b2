//! Packer's own `provenance` post-processor behind ours: what it attests is the manifest that we wrote.

use std::path::Path;

use crate::{
    failure::{Doing as _, Result, ensure_equal, ensure_says},
    files,
    lab::Lab,
    packer::Packer,
    process::Finished,
    suite::Case,
    template::{self, Post},
    world,
};

/// The statements that it makes, as its documentation names them.
const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// The key that signs, in Packer's folder.
const KEY: &str = "key.pem";

pub(super) const CASES: &[Case] = &[Case {
    name: "provenance_attests_the_manifest_of_each_build_and_no_other",
    run: provenance_attests_the_manifest_of_each_build,
}];

fn provenance_attests_the_manifest_of_each_build(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    let key = rcgen::KeyPair::generate()
        .map_err(std::io::Error::other)
        .doing(|| "make a key".to_owned())?;
    files::write(&packer.work().join(KEY), key.serialize_pem())?;
    let template = packer.template("t.pkr.hcl", &template())?;
    packer.build("build", &[], &template)?.ended_with(0)?;
    for name in ["one", "two"] {
        let manifest = format!("{name}-manifest.json");
        let attestation = format!("{name}.{manifest}.provenance.json");
        let verified = verify(&packer, name, &attestation, &manifest)?.ended_with(0)?;
        ensure_says("packer verify-attestation", &verified.said(), &["Attestation verified"])?;
        let path = packer.work().join(&manifest);
        ensure_changed_is_refused(&packer, &attestation, &path)?;
    }
    // That of the other build says what the other build did, so it is no proof of this one.
    let crossed = verify(
        &packer,
        "crossed",
        "one.one-manifest.json.provenance.json",
        "two-manifest.json",
    )?;
    ensure_equal("the exit code for another build's manifest", &crossed.code, &1)
}

/// Two builds, each with a manifest of its own that is attested.
fn template() -> String {
    let post = Post {
        manifest: "${source.name}-manifest.json".to_owned(),
        ..Post::default()
    };
    let source = |name: &str| format!("source \"null\" \"{name}\" {{\n  communicator = \"none\"\n}}\n");
    let attest =
        format!("  post-processor \"provenance\" {{\n    signing_mode = \"key\"\n    signer       = \"{KEY}\"\n  }}\n");
    let build = format!(
        "build {{\n  sources = [\"null.one\", \"null.two\"]\n  post-processors {{\n{}{attest}  }}\n}}\n",
        post.block()
    );
    template::with(&format!("{}{}{build}", source("one"), source("two")))
}

fn verify(packer: &Packer<'_>, log: &str, attestation: &str, manifest: &str) -> Result<Finished> {
    let command = packer.command(&format!("verify-{log}"));
    command
        .args(["verify-attestation", "-signing-mode=key"])
        .arg(format!("-key={KEY}"))
        .arg(format!("-predicate-type={PREDICATE}"))
        .arg(format!("-artifact={manifest}"))
        .arg(attestation)
        .run(Packer::limit())
}

fn ensure_changed_is_refused(packer: &Packer<'_>, attestation: &str, manifest: &Path) -> Result {
    let text = files::read(manifest)?;
    files::write(manifest, text.replace("\"replicas\": 4", "\"replicas\": 5"))?;
    let name = manifest.file_name().unwrap_or_default().to_string_lossy();
    let refused = verify(packer, "changed", attestation, &name)?;
    files::write(manifest, &text)?;
    ensure_equal("the exit code for a changed manifest", &refused.code, &1)
}
