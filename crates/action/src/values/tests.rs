//! What comes from flags, inputs, variables and files, and what it is called.

use std::{collections::BTreeMap, io::Write as _};

use azure_batch_core::options::{find, sign_in};

use super::*;

fn runner() -> Runner {
    Runner {
        log: Log::Workflow,
        ..Runner::default()
    }
}

fn collect(runner: &Runner, flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Given {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let flag = |opt: &Opt| {
        let given = flags.iter().find(|(path, _)| *path == opt.path);
        given.map(|(_, text)| (*text).to_owned())
    };
    Given::collect(Verb::Rollout, flag, runner, &variables)
}

#[test]
fn options_are_called_as_the_user_gives_them() {
    let called = |given: &Given| given.spelled(&Fault::new(pool::VM_SIZE, "is wrong"));
    assert_eq!(called(&collect(&runner(), &[], &[])), "vm-size: is wrong");
    assert_eq!(called(&collect(&Runner::default(), &[], &[])), "--vm-size: is wrong");
    let flags = [("pool_id", "render")];
    assert_eq!(called(&collect(&runner(), &flags, &[])), "--vm-size: is wrong");
}

#[test]
fn a_value_that_a_variable_of_the_job_gave_is_called_so() {
    let given = collect(&runner(), &[], &[("AZURE_ENVIRONMENT", "AzureClod")]);
    let fault = Fault::new(find(Verb::Rollout, "cloud_environment_name").unwrap(), "is not a cloud");
    assert_eq!(
        given.spelled(&fault),
        "cloud-environment-name: is not a cloud (the value comes from the variable AZURE_ENVIRONMENT)"
    );
}

#[test]
fn secrets_are_known_whether_they_are_used_or_not() {
    let variables = [
        ("INPUT_CLIENT_SECRET", "from-input"),
        ("AZURE_CLIENT_SECRET", "from-azure"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner"),
    ];
    let given = collect(&runner(), &[], &variables);
    let origins: Vec<Origin> = given.secrets().iter().map(|secret| secret.origin).collect();
    assert_eq!(
        origins,
        [Origin::User, Origin::User, Origin::Runner],
        "the runner masks its own token itself"
    );
}

#[test]
fn both_families_of_variables_sign_in_alike() {
    for [tenant, client, secret] in [
        ["ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"],
        ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"],
    ] {
        let given = collect(&runner(), &[], &[(tenant, "t"), (client, "c"), (secret, "s3cret")]);
        assert_eq!(given.text(sign_in::TENANT_ID), Some("t"));
        assert_eq!(given.text(sign_in::CLIENT_ID), Some("c"));
        assert!(given.secret(sign_in::CLIENT_SECRET).is_some(), "{secret}");
    }
}

#[test]
fn a_secret_is_used_and_struck_out_without_the_end_of_its_line() {
    let given = collect(&runner(), &[], &[("INPUT_CLIENT_SECRET", "s3cret\n")]);
    let used = given.secret(sign_in::CLIENT_SECRET).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&used), "s3cret");
    let redactor: azure_batch_core::redact::Redactor = given.secrets().iter().map(|secret| &secret.text).collect();
    assert_eq!(redactor.clean("of s3cret."), "of ***.");
}

#[test]
fn files_are_read_whole_and_a_path_may_end_in_a_newline() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"\xef\xbb\xbf{\"taskSlotsPerNode\": 4}\r\n").unwrap();
    let path = file.path().to_str().unwrap();
    let inputs = [
        ("INPUT_POOL_JSON", &*format!("@{path}\n")),
        ("INPUT_MANIFEST", &*format!("{path}\n")),
    ];
    let mut given = collect(&runner(), &[], &inputs);
    assert_eq!(given.read_files(), []);
    assert!(
        given
            .text(pool::POOL_JSON)
            .unwrap()
            .ends_with("{\"taskSlotsPerNode\": 4}")
    );
    assert!(given.text(pool::MANIFEST).unwrap().contains("taskSlotsPerNode"));
}

#[test]
fn a_plan_takes_prices_from_a_file_and_a_roll_out_takes_none() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"currency: EUR\n").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let variables = BTreeMap::from([("INPUT_PRICE_FILE".to_owned(), path)]);
    let mut plan = Given::collect(Verb::Plan, |_| None, &runner(), &variables);
    assert_eq!(plan.read_files(), []);
    assert_eq!(plan.text(pool::PRICE_FILE), Some("currency: EUR"));
    let action = Runner {
        starter: Starter::Action,
        ..runner()
    };
    let mut rollout = Given::collect(Verb::Rollout, |_| None, &action, &variables);
    let faults: Vec<String> = rollout
        .read_files()
        .iter()
        .map(|fault| rollout.spelled(fault))
        .collect();
    assert_eq!(faults, ["price-file: has no effect with `verb: rollout`; leave it out"]);
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_its_option() {
    let mut given = collect(&runner(), &[], &[("INPUT_POOL_JSON", "@/no/such/file")]);
    let [fault] = &given.read_files()[..] else {
        panic!("one fault")
    };
    let text = given.spelled(fault);
    assert!(
        text.starts_with("pool-json: cannot read the file \"/no/such/file\": ") && text.ends_with("; check the path"),
        "{text}"
    );
}
