//! Gates of the built binary: a real shell and a real address say whether a new pool may grow.
//!
//! Where gates are asked and what follows is tested in core.

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    lab::Lab,
    pool::{self, LIMIT},
    process::{Finished, Program},
    suite::Case,
    world,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "gates_are_asked_by_a_real_shell",
        run: gates_are_asked_by_a_real_shell,
    },
    Case {
        name: "gates_are_asked_over_http",
        run: gates_are_asked_over_http,
    },
];

/// What the command says: where it stands, and a secret that it finds in the step's environment.
const SAYS: &str =
    "echo at $AZURE_BATCH_GATE_CHECKPOINT of $AZURE_BATCH_GATE_POOL; echo $AZURE_CLIENT_SECRET; echo ::error::x";

fn gates_are_asked_by_a_real_shell(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let no = gated(lab, &azure, "no", &format!("{SAYS}; exit 3"))?
        .run(LIMIT)?
        .ended_with(9)?;
    ensure_says(
        "the run",
        &no.said(),
        &["the gate command said no (exit code 3)", "after the first 1 of 3 nodes"],
    )?;
    let gate = said(&no)?;
    ensure_equal("the answer", &gate.get("answer"), &Some(&json!("no")))?;
    let output = gate.get("output").and_then(Value::as_str).unwrap_or_default();
    ensure_says("what it wrote", output, &["at canary of pool1", ": :error::x"])?;
    let secret = world::client_secret(lab)?;
    ensure(!no.said().contains(&secret), || {
        "the secret is in the output".to_owned()
    })?;

    let yes = gated(lab, &azure, "yes", "exit 0")?.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_equal("the answer", &said(&yes)?.get("answer"), &Some(&json!("yes")))
}

fn gates_are_asked_over_http(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    // The control port knows no such path, and 404 is a no.
    let address = format!("{}/gate?key=s3cret", azure.control);
    let by_address = gated(lab, &azure, "address", "exit 0")?.args(["--gate-url", &address]);
    let no = by_address.run(LIMIT)?.ended_with(9)?;
    ensure_says("the run", &no.said(), &["said no (it answered 404)"])?;
    ensure(!no.said().contains("s3cret"), || {
        "the address is in the output".to_owned()
    })?;
    lab.keep_journal(&azure)
}

fn gated(lab: &Lab<'_>, azure: &LocalAzure, log: &str, command: &str) -> Result<Program> {
    let program = pool::rollout(lab, azure, log, ("1.0.0", 3))?;
    Ok(program.args(["--canary-nodes", "1", "--gate-command", command]))
}

fn said(run: &Finished) -> Result<Value> {
    let result = pool::result_of(&run.stdout)?;
    let gate = result.pointer("/rollout/gates/0").cloned();
    gate.ok_or_else(|| Failure::unexpected(format!("no gate was asked:\n{}", run.stdout)))
}
