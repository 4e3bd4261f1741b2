//! Signing in with what a job has: both programs as they are built, with files as OpenSSL writes them.
//!
//! What each way needs, and which one is chosen, is tried in core.

use std::{ffi::OsString, path::Path, time::Duration};

use serde_json::json;

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    files, image,
    lab::Lab,
    pool,
    process::Program,
    suite::Case,
    world,
};

/// How long OpenSSL may take to make a key.
const OPENSSL_LIMIT: Duration = Duration::from_secs(60);

/// What opens the files.
const PASSWORD: &str = "opens-the-certificate-of-this-case";

pub(super) const CASES: &[Case] = &[Case {
    name: "certificate_signs_in_with_both_programs",
    run: certificate_signs_in_with_both_programs,
}];

/// The files of an application's certificate.
struct Files {
    /// Key and certificate, encrypted with the password.
    pem: OsString,
    /// The same as PKCS#12.
    pfx: OsString,
}

fn certificate_signs_in_with_both_programs(lab: &Lab<'_>) -> Result {
    let (files, registered) = certificate(lab)?;
    let mut seed = pool::with_versions(lab, &["1.0.0"])?;
    let application = seed
        .pointer_mut("/tenant/applications/0")
        .and_then(serde_json::Value::as_object_mut)
        .ok_or_else(|| Failure::unexpected("the example has no application"))?;
    application.insert("certificates".to_owned(), json!([registered]));
    let azure = lab.azure(seed)?;
    for (log, file) in [("rollout-pfx", &files.pfx), ("rollout-pem", &files.pem)] {
        let ended = rollout(lab, &azure, log, file, PASSWORD)
            .run(pool::LIMIT)?
            .ended_with(0)?;
        ensure_says(log, &ended.said(), &["the certificate ", " of application "])?;
    }
    for (log, file) in [("plan-pfx", &files.pfx), ("plan-pem", &files.pem)] {
        plan(lab, &azure, log, file)?.run(image::LIMIT)?.ended_with(10)?;
    }
    lab.keep_journal(&azure)?;
    let pools = azure.journal()?.count("POST", &["/pools"]);
    ensure_equal("pools", &pools, &1)?;
    let refused = rollout(lab, &azure, "wrong-password", &files.pfx, "not-its-password");
    let refused = refused.run(pool::LIMIT)?.ended_with(2)?;
    ensure_says(
        "the refusal",
        &refused.said(),
        &["ARM_CLIENT_CERTIFICATE_PASSWORD does not open the file of --client-cert-path"],
    )?;
    ensure(!refused.said().contains("not-its-password"), || {
        "the wrong password is shown".to_owned()
    })?;
    ensure_equal("pools afterwards", &azure.journal()?.count("POST", &["/pools"]), &pools)
}

fn rollout(lab: &Lab<'_>, azure: &LocalAzure, log: &str, file: &OsString, password: &str) -> Program {
    pool::rollout_without_sign_in(lab, azure, log, ("1.0.0", 5))
        .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT])
        .arg("--client-cert-path")
        .arg(file)
        .env("ARM_CLIENT_CERTIFICATE_PASSWORD", password)
}

/// The plan of a publish; everything about signing in comes from variables.
fn plan(lab: &Lab<'_>, azure: &LocalAzure, log: &str, file: &OsString) -> Result<Program> {
    let settings = lab.file("image.yaml", &image::settings("by-certificate"))?;
    Ok(Program::new(&lab.tools.plugin, &lab.dir, log)
        .dir(&lab.dir)
        .args(["plan", "--json", "--metadata-host", azure.host()])
        .arg("--ca-file")
        .arg(OsString::from(&azure.ca))
        .arg("--settings")
        .arg(settings)
        .env("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION)
        .env("ARM_TENANT_ID", world::TENANT)
        .env("ARM_CLIENT_ID", world::CLIENT)
        .env("ARM_CLIENT_CERTIFICATE_PATH", file)
        .env("ARM_CLIENT_CERTIFICATE_PASSWORD", PASSWORD))
}

/// A key and its certificate in both forms, and the certificate alone, which is registered with the application.
fn certificate(lab: &Lab<'_>) -> Result<(Files, String)> {
    let place = |name: &str| lab.dir.join(name);
    let (key, own, pem, pfx) = (place("key.pem"), place("own.pem"), place("app.pem"), place("app.pfx"));
    openssl(lab, "make")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=pipeline",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&own)
        .run(OPENSSL_LIMIT)?
        .ended_with(0)?;
    let exported = |log: &str, form: &[&str], to: &Path| {
        let program = openssl(lab, log).args(form).arg("-out").arg(to);
        let program = program.args(["-passout", "env:PASSWORD"]).env("PASSWORD", PASSWORD);
        program.run(OPENSSL_LIMIT)?.ended_with(0).map(drop)
    };
    let (key_text, own_text) = (key.to_string_lossy(), own.to_string_lossy());
    exported(
        "pfx",
        &["pkcs12", "-export", "-inkey", &key_text, "-in", &own_text],
        &pfx,
    )?;
    exported("pem", &["pkcs8", "-topk8", "-in", &key_text], &pem)?;
    let registered = files::read(&own)?;
    files::write(&pem, format!("{}{registered}", files::read(&pem)?))?;
    let files = Files {
        pem: pem.into_os_string(),
        pfx: pfx.into_os_string(),
    };
    Ok((files, registered))
}

fn openssl(lab: &Lab<'_>, log: &str) -> Program {
    Program::new("openssl", &lab.dir, log).env("HOME", &lab.dir)
}
