//! The built binary as a runner starts it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";
const SECRETS: [(&str, &str); 4] = [
    ("AZURE_CLIENT_SECRET", "s3cret-of-the-app"),
    ("ARM_OIDC_TOKEN", "jwt.of.the-app"),
    ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t0ken-of-the-runner"),
    ("INPUT_GITHUB_TOKEN", "ghs_token-of-the-job"),
];

/// The program with an empty environment and all secrets that there are.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azure-batch-pool"));
    command.env_clear().envs(SECRETS);
    command
}

/// A runner's folder: its variables lead into it.
fn on_runner(command: &mut Command, folder: &Path) {
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", folder.join("outputs"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
        .env("RUNNER_TEMP", folder);
}

/// A good roll-out to a port without a listener: port 9 is kept for discarding.
fn good(command: &mut Command) -> &mut Command {
    command.env("ARM_METADATA_HOST", "127.0.0.1:9").args([
        "rollout",
        "--image-version",
        VERSION,
        "--pool-id",
        "render",
        "--target-dedicated-nodes",
        "700",
        "--account-endpoint",
        "127.0.0.1:9",
        "--tenant-id",
        "contoso.example",
        "--client-id",
        "22222222-2222-2222-2222-222222222222",
    ])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[cfg(unix)]
fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

fn everything_written(output: &Output, folder: &Path) -> String {
    // The runner swallows these commands; they are how it learns what to mask.
    let stdout = text(&output.stdout);
    let shown = stdout.lines().filter(|line| !line.starts_with("::add-mask::"));
    let mut all: Vec<String> = shown.map(str::to_owned).collect();
    all.push(text(&output.stderr));
    all.extend(
        fs::read_dir(folder)
            .unwrap()
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap()),
    );
    all.join("\n")
}

#[test]
fn bad_inputs_on_a_runner_are_one_annotation_outputs_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    on_runner(&mut command, folder.path());
    let output = command
        .arg("rollout")
        .envs([
            ("INPUT_POOL_ID", "render pool"),
            ("INPUT_DEADLINE", "s3cret-of-the-app"),
        ])
        .output()
        .unwrap();
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{stdout}");
    let (masks, rest): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| line.starts_with("::add-mask::"));
    // The runner masks its own token itself.
    assert_eq!(masks.len(), SECRETS.len() - 1);
    assert!(
        stdout.starts_with("::add-mask::"),
        "something was written before the masks: {stdout}"
    );
    let [annotation] = &rest[..] else {
        panic!("more than one line: {stdout}")
    };
    assert!(
        annotation.starts_with("::error title=Azure Batch pool%3A ")
            && annotation.contains(" values are missing or wrong::- image-version: "),
        "{annotation}"
    );
    assert!(
        annotation.contains("%0A- deadline: \"***\" is not a duration"),
        "{annotation}"
    );
    let all = everything_written(&output, folder.path());
    assert!(
        all.contains("\nbad-input\n") && all.contains("### ❌ Azure Batch pool: "),
        "{all}"
    );
    for (_, secret) in SECRETS {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[test]
fn every_verb_of_the_action_leaves_outputs_a_summary_and_a_report() {
    for verb in ["rollout", "plan", "rollback", "status", "judge", "wait", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        on_runner(&mut command, folder.path());
        // What every verb takes, with a value that none can use.
        let output = command
            .arg(verb)
            .envs([("INPUT_VERB", verb), ("INPUT_DEADLINE", "soon")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb}: {}", text(&output.stdout));
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let file = match verb {
            "rollout" => "azure-batch-pool-report.json".to_owned(),
            verb => format!("azure-batch-pool-report-{verb}.json"),
        };
        let outputs = read("outputs");
        assert!(
            outputs.contains("\nbad-input\n") && outputs.contains("exit-code<<"),
            "{verb}: {outputs}"
        );
        assert!(read("summary").contains("soon"), "{verb}");
        let report: serde_json::Value = serde_json::from_str(&read(&file)).unwrap();
        assert_eq!(report["exit_code"], 2, "{verb}");
    }
}

#[test]
fn an_input_that_the_verb_does_not_take_is_refused_by_name() {
    let run = |verb: &str, inputs: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        on_runner(&mut command, folder.path());
        command.env_remove("INPUT_GITHUB_TOKEN").env("INPUT_VERB", verb);
        let output = command.arg(verb).envs(inputs.iter().copied()).output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let (code, shown) = run("status", &[("INPUT_POOL_ID", "render"), ("INPUT_WITHIN_DAYS", "x")]);
    assert_eq!(code, Some(2));
    for said in [
        "- pool-id: has no effect with `verb: status`; leave it out",
        "- within-days: ",
    ] {
        assert!(shown.contains(said), "{shown}");
    }
    let (code, shown) = run("roll-out", &[]);
    assert_eq!(code, Some(2));
    assert!(
        shown.contains("::error title=Azure Batch pool%3A verb%3A \"roll-out\" is not known; write one of "),
        "{shown}"
    );
}

#[test]
fn a_secret_of_the_pool_json_is_masked_and_struck_out_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let pool = folder.path().join("pool.json");
    let json = r#"{"startTask": {"environmentSettings": [{"name": "DB_PASSWORD", "value": "hunter2-of-the-pool"}]}}"#;
    fs::write(&pool, json).unwrap();
    let mut command = program();
    on_runner(&mut command, folder.path());
    let output = command
        .arg("rollout")
        .env("INPUT_POOL_JSON", format!("@{}", pool.display()))
        .env("INPUT_VM_SIZE", "hunter2-of-the-pool!")
        .output()
        .unwrap();
    let stdout = text(&output.stdout);
    assert!(stdout.contains("::add-mask::hunter2-of-the-pool\n"), "{stdout}");
    fs::remove_file(pool).unwrap();
    let all = everything_written(&output, folder.path());
    assert!(all.contains("vm-size: \"***!\""), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_secret_of_a_pool_file_is_masked_and_struck_out_and_faults_have_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let pool = folder.path().join("pool.yml");
    let yaml = "pool-id: render\nvm-size: hunter2-of-the-file!\npool-json:\n  userAccounts:\n    - name: a\n      password: hunter2-of-the-file\n";
    fs::write(&pool, yaml).unwrap();
    let mut command = program();
    on_runner(&mut command, folder.path());
    let output = command.arg("rollout").env("INPUT_POOL_FILE", &pool).output().unwrap();
    let stdout = text(&output.stdout);
    assert!(stdout.contains("::add-mask::hunter2-of-the-file\n"), "{stdout}");
    fs::remove_file(pool).unwrap();
    let all = everything_written(&output, folder.path());
    assert!(all.contains("pool-file: line 2: vm-size: \"***!\""), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
}

/// Every place of a pool file that can hold a secret.
const SECRET_POOL: &str = include_str!("../../../core/tests/it/secret_pool.yaml");

#[test]
fn no_secret_of_a_pool_file_is_in_anything_that_the_program_writes_however_it_ends() {
    let inputs = tempfile::tempdir().unwrap();
    let repeated = SECRET_POOL.replace("name: ops", "name: hunter2-user-and-more-than-20-letters");
    let unreadable = SECRET_POOL.replace("pool-json:", "pool-json: [hunter2-user");
    let ways = [
        ("Azure is not reached", SECRET_POOL.to_owned(), 8),
        ("a value has a secret in it", repeated, 2),
        ("the file is not YAML", unreadable, 2),
    ];
    for (way, file, code) in ways {
        for verb in ["rollout", "plan"] {
            let folder = tempfile::tempdir().unwrap();
            let pool = inputs.path().join("pool.yml");
            fs::write(&pool, &file).unwrap();
            let mut command = program();
            on_runner(&mut command, folder.path());
            let output = command
                .env("ARM_METADATA_HOST", "127.0.0.1:9")
                .args([
                    verb,
                    "--image-version",
                    VERSION,
                    "--account-endpoint",
                    "127.0.0.1:9",
                    "--deadline",
                    "2s",
                ])
                .args([
                    "--tenant-id",
                    "contoso.example",
                    "--client-id",
                    "22222222-2222-2222-2222-222222222222",
                ])
                .arg("--pool-file")
                .arg(&pool)
                .output()
                .unwrap();
            let stdout = text(&output.stdout);
            let all = everything_written(&output, folder.path());
            assert!(!all.contains("hunter2"), "{way}, {verb}: {all}");
            let is_masked =
                stdout.contains("::add-mask::hunter2-user\n") && stdout.contains("::add-mask::hunter2-signature\n");
            assert!(is_masked || way == "the file is not YAML", "{stdout}");
            assert!([Some(code), Some(6)].contains(&output.status.code()), "{way}: {all}");
        }
    }
}

#[test]
fn a_return_of_a_file_is_about_all_its_pools_unless_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.yaml");
    let pools = "defaults:\n  pool-json:\n    userAccounts: [{name: a, password: hunter2-of-the-file}]\n\
                 pools:\n  - {pool-id: a}\n  - {pool-id: b, resize-rounds: 11}\n";
    let run = |pools: &str, more: &[&str]| {
        fs::write(&file, pools).unwrap();
        let mut command = program();
        let command = command.env("ARM_METADATA_HOST", "127.0.0.1:9").args([
            "rollback",
            "--json",
            "--account-endpoint",
            "127.0.0.1:9",
            "--deadline",
            "1s",
            "--tenant-id",
            "contoso.example",
            "--client-id",
            "22222222-2222-2222-2222-222222222222",
            "--pool-file",
        ]);
        let output = command.arg(&file).args(more).output().unwrap();
        // JSON has quotes of its own.
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!said.contains("hunter2"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = run(pools, &["--from-version", "newest"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("line 6: pools[1].resize-rounds: 11 is out of range"),
        "{said}"
    );
    assert!(
        said.contains("--from-version: \"newest\" is not an image version"),
        "{said}"
    );
    let (code, said) = run(pools, &["--pool-id", "c"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is not in the file; its pools are a, b"), "{said}");
    let good = pools.replace(", resize-rounds: 11", "");
    for plan in ["--plan-only=false", "--plan-only"] {
        let (code, said) = run(&good, &[plan]);
        assert_eq!(
            code,
            Some(6),
            "nothing is wrong with it, and Azure is not reached: {said}"
        );
    }
}

#[test]
fn a_deadline_is_exit_code_6_and_the_last_json_line_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = program();
    good(&mut command)
        .args(["--json", "--deadline", "1s", "--report-path"])
        .arg(&report);
    let output = command.output().unwrap();
    let stdout = text(&output.stdout);
    let events: Vec<serde_json::Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let result = events.last().unwrap();
    assert_eq!(
        (&result["event"], &result["result"]),
        (&"result".into(), &"deadline".into()),
        "{stdout}"
    );
    assert_eq!(output.status.code(), Some(6));
    let written: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(written["exit_code"], 6);
    let stderr = text(&output.stderr);
    let words: Vec<&str> = stderr.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("Azure could not be reached in "), "{stderr}");
    assert!(words.contains("for more time, with --deadline 2h."), "{stderr}");
    let all = everything_written(&output, folder.path());
    assert!(SECRETS.iter().all(|(_, secret)| !all.contains(secret)), "{all}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_where_it_is_safe_with_exit_code_130() {
    for signal in ["-INT", "-TERM"] {
        let mut command = program();
        let mut child = good(&mut command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first line comes out of the run itself, so the program listens to signals by then.
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("reading the cloud's addresses"), "{first}");
        send(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert!(complaint.contains("stopping at the next safe point"), "{complaint}");
        assert!(
            complaint.contains("error: stopped as asked (exit code 130)"),
            "{complaint}"
        );
    }
}

/// Reads one request of the program to GitHub, and answers when there is an answer.
#[cfg(unix)]
fn github_is_asked(stream: &mut std::net::TcpStream, answer: Option<&str>) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let begin = head.len();
        assert!(reader.read_line(&mut head).unwrap() > 0, "the client hung up: {head}");
        let line = head[begin..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if let Some(answer) = answer {
        let length = answer.len();
        let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{answer}").unwrap();
    }
    format!("{head}{}", text(&body))
}

/// Lets a command tell this GitHub of its deployment.
#[cfg(unix)]
fn deploys(command: &mut Command, github: &TcpListener) {
    command
        .env("GITHUB_API_URL", format!("http://{}", github.local_addr().unwrap()))
        .env("GITHUB_REPOSITORY", "o/r")
        .env("GITHUB_SHA", "0123456789012345678901234567890123456789")
        .env("INPUT_DEPLOYMENT_ENVIRONMENT", "production");
}

/// Finding R15: GitHub was slow to take the end of the deployment, the runner killed the run after 10 s, and nothing was
/// written by then.
#[cfg(unix)]
#[test]
fn files_are_written_before_github_is_told_the_end_and_a_cancel_does_not_wait_for_its_answer() {
    let github = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    on_runner(&mut command, folder.path());
    deploys(&mut command, &github);
    let mut child = good(&mut command)
        .args(["--deadline", "1s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for (answer, said) in [(r#"{"id": 7}"#, "/deployments HTTP"), ("{}", "in_progress")] {
        let asked = github_is_asked(&mut github.accept().unwrap().0, Some(answer));
        assert!(asked.contains(said), "{asked}");
    }
    let mut last = github.accept().unwrap().0;
    let asked = github_is_asked(&mut last, None);
    assert!(asked.contains(r#""state":"failure""#), "{asked}");
    let outputs = fs::read_to_string(folder.path().join("outputs")).unwrap();
    assert!(outputs.contains("\ndeadline\n"), "{outputs}");
    let report = folder.path().join("azure-batch-pool-report-render.json");
    assert!(folder.path().join("summary").exists() && report.exists());
    send("-INT", child.id());
    let (tell, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait()));
    let status = ended.recv_timeout(Duration::from_secs(7));
    let status = status
        .expect("it ends before the runner sends the next signal")
        .unwrap();
    assert_eq!(status.code(), Some(6), "the run had ended before the cancel");
}

/// Finding R15: a job that GitHub cancels gets an interrupt, 7.5 s later a termination, and 2.5 s later it is killed. An
/// interrupt while the deployment began ended the program at once.
#[cfg(unix)]
#[test]
fn a_run_that_is_cancelled_while_github_does_not_answer_still_writes_its_files() {
    for signals in [&["-INT"][..], &["-INT", "-TERM"]] {
        let github = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        on_runner(&mut command, folder.path());
        deploys(&mut command, &github);
        let mut child = good(&mut command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It asks, so it listens to signals by now; it gets no answer.
        let _asked = github.accept().unwrap();
        let process = child.id();
        let mut complaints = BufReader::new(child.stderr.take().unwrap()).lines();
        for signal in signals {
            send(signal, process);
            if *signal == "-INT" {
                let first = complaints.next().unwrap().unwrap();
                assert!(first.contains("stopping at the next safe point"), "{first}");
            }
        }
        let (tell, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait()));
        let status = ended.recv_timeout(Duration::from_secs(7));
        let status = status
            .expect("it ends before the runner sends the next signal")
            .unwrap();
        assert_eq!(status.code(), Some(130), "{signals:?}");
        let outputs = fs::read_to_string(folder.path().join("outputs")).unwrap();
        assert!(outputs.contains("\ncancelled\n"), "{outputs}");
        assert!(folder.path().join("summary").exists());
    }
}

#[test]
fn a_managed_identity_is_asked_for_a_token_without_a_proxy() {
    let (identity, proxy) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let proxy_address = format!("http://{}", proxy.local_addr().unwrap());
    let endpoint = format!("http://{}/msi/token", identity.local_addr().unwrap());
    let (asked, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in identity.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            asked.send(line).unwrap();
            let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(refusal.as_bytes()).unwrap();
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_azure-batch-pool"))
        .env_clear()
        .envs([("HTTP_PROXY", &proxy_address), ("HTTPS_PROXY", &proxy_address)])
        .envs([("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "x")])
        .args(["rollout", "--image-version", VERSION, "--pool-id", "render"])
        .args(["--target-dedicated-nodes", "1", "--deadline", "20s"])
        .args(["--account-endpoint", "acct1.eastus2.batch.azure.com"])
        .output()
        .unwrap();
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "the proxy saw a request");
    let request = requests.try_recv().unwrap();
    assert!(request.starts_with("GET /msi/token?"), "{request}");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn contradictions_in_the_pool_json_are_found_before_anything_is_sent() {
    let azure = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = azure.local_addr().unwrap().to_string();
    let mut command = program();
    let output = good(&mut command)
        .args(["--metadata-host", &host, "--vm-size", "Standard_D4s_v5"])
        .args(["--pool-json", r#"{"vmSize": "Standard_D2s_v5"}"#])
        .output()
        .unwrap();
    azure.set_nonblocking(true).unwrap();
    assert!(azure.accept().is_err(), "a request was sent");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn help_is_on_stdout_and_a_wrong_flag_on_stderr() {
    let help = program().args(["rollout", "--help"]).output().unwrap();
    assert_eq!((help.status.code(), text(&help.stderr)), (Some(0), String::new()));
    assert!(text(&help.stdout).contains("--target-dedicated-nodes"));
    let wrong = program()
        .args(["rollout", "--client-secret=hunter22"])
        .output()
        .unwrap();
    assert_eq!((wrong.status.code(), text(&wrong.stdout)), (Some(2), String::new()));
    let complaint = text(&wrong.stderr);
    assert!(
        complaint.contains("--client-secret") && !complaint.contains("hunter22"),
        "{complaint}"
    );
}

#[test]
fn a_wrong_command_line_on_a_runner_is_an_annotation_a_summary_and_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    on_runner(&mut command, folder.path());
    let output = command.args(["rollout", "--vm-sze", "x"]).output().unwrap();
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{stdout}");
    assert!(
        stdout.contains("::error title=Azure Batch pool%3A the command line cannot be used%3A unexpected argument"),
        "{stdout}"
    );
    assert!(stdout.contains("azure-batch-pool rollout --help"), "{stdout}");
    let all = everything_written(&output, folder.path());
    assert!(all.contains("\nbad-input\n") && all.contains("### ❌ "), "{all}");
    for (_, secret) in SECRETS {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
