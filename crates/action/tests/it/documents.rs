//! `action.yml`, `docs/action.md` and the other documents follow from the table of options: compared, or brought up to it.
//!
//! With `UPDATE_DOCS=1` in the environment the first test that reads a document brings all of them up to the table, and the
//! others wait: two tests that run at once never see a file that is half written, or that will be written later.

use std::{fs, path::PathBuf, sync::Once};

use azure_batch_core::{
    options::{self, Chapter, Door, Opt, Standard, Verb, pool},
    rollout::{self, PoolAction},
    settings::{self, Values},
};
use azure_batch_pool::{github::runner::VERB_VARIABLE, inputs, report::outputs};

const ACTION: &str = "action.yml";
const PAGE: &str = "docs/action.md";
const COMMANDS: &str = "docs/pool-commands.md";
const SCHEMA: &str = "docs/pool-file.schema.json";
const PRICE_SCHEMA: &str = "docs/price-file.schema.json";
const POOL_FILE: &str = "docs/pool-file.md";
const SAMPLES: &str = "docs/from-the-samples.md";
const EXAMPLE: &str = "examples/pool.yaml";

/// The commands of that page.
const OF_COMMANDS: &[(&str, Verb)] = &[
    ("plan", Verb::Plan),
    ("rollback", Verb::Rollback),
    ("migrate", Verb::Migrate),
    ("doctor", Verb::Doctor),
    ("judge", Verb::Judge),
    ("wait", Verb::Wait),
    ("delete", Verb::Delete),
    ("notify", Verb::Notify),
    ("status", Verb::Status),
];

/// A part of a document that follows from the table: what stands between two marks.
struct Block {
    file: &'static str,
    from: String,
    to: &'static str,
    text: String,
}

/// The verb whose default an input shows, and the words of the verbs that take it where a roll-out does not.
fn takers(opt: &'static Opt) -> (Verb, Vec<&'static str>) {
    let taking = inputs::VERBS.iter().filter(|(verb, _)| opt.is_of(*verb));
    let taking: Vec<&(Verb, &str)> = taking.collect();
    let words = taking.iter().map(|(_, word)| *word);
    match opt.is_of(Verb::Rollout) {
        true => (Verb::Rollout, Vec::new()),
        false => (taking[0].0, words.collect()),
    }
}

/// `status`, `wait` and so on, as a half-sentence before a description.
fn only_with(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        words => format!("With `verb: {}` only. ", words.join("` or `")),
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

fn text_of(name: &str) -> String {
    static UPDATED: Once = Once::new();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        UPDATED.call_once(update);
    }
    read(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// Brings every document up to the table.
fn update() {
    for (name, text) in schemas() {
        fs::write(path(name), text).unwrap();
    }
    let blocks = action_blocks().into_iter().chain([page_block()]);
    for Block { file, from, to, text } in blocks.chain(command_blocks()) {
        let (before, _, after) = parted(&read(file), &from, to);
        fs::write(path(file), format!("{before}{from}{text}{to}{after}")).unwrap();
    }
}

/// What stands before the first mark, between the two, and after the second.
fn parted(text: &str, from: &str, to: &str) -> (String, String, String) {
    let (before, rest) = text.split_once(from).unwrap();
    let (found, after) = rest.split_once(to).unwrap();
    (before.to_owned(), found.to_owned(), after.to_owned())
}

/// The text between the two marks is the block and nothing else.
fn compare(Block { file, from, to, text }: &Block) {
    let (_, found, _) = parted(&text_of(file), from, to);
    assert!(
        found == *text,
        "{file} lags behind the table of options after {from:?}: UPDATE_DOCS=1 cargo test -p azure-batch-pool --test it"
    );
}

/// The blocks of `action.yml`.
fn action_blocks() -> Vec<Block> {
    let block = |from: &str, to, text| Block {
        file: ACTION,
        from: from.to_owned(),
        to,
        text,
    };
    vec![
        block("\ninputs:\n", "\noutputs:\n", action_inputs()),
        block(
            "steps.binary.outputs.path }}\n",
            "      run: exec",
            action_environment(),
        ),
    ]
}

/// The tables of the Action's page.
fn page_block() -> Block {
    Block {
        file: PAGE,
        from: "`PT15M`.\n".to_owned(),
        to: "\nWithout any credential",
        text: page_tables(),
    }
}

/// The flags of each command on the page of commands.
fn command_blocks() -> Vec<Block> {
    let block = |(word, verb): &(&str, Verb)| Block {
        file: COMMANDS,
        from: format!("<!-- flags of {word} -->\n"),
        to: "<!-- end of flags -->",
        text: flags(*verb),
    };
    OF_COMMANDS.iter().map(block).collect()
}

/// The schemas of pool files and price files.
fn schemas() -> [(&'static str, String); 2] {
    let text = |schema: &serde_json::Value| serde_json::to_string_pretty(schema).unwrap() + "\n";
    [
        (SCHEMA, text(&settings::pool_file_schema())),
        (PRICE_SCHEMA, text(&settings::price_file_schema())),
    ]
}

fn action_inputs() -> String {
    let words: Vec<&str> = inputs::VERBS.iter().map(|(_, word)| *word).collect();
    let mut block = format!(
        "  verb:\n    description: \"What to do: `{}`. Each of the others is described in docs/pool-commands.md.\"\n    \
         required: false\n    default: rollout\n",
        words.join("`, `")
    );
    for opt in inputs::all() {
        let (verb, words) = takers(opt);
        let default = match (opt.default_value(verb), opt.default) {
            (Some((value, source)), _) => format!(" Default: {value} ({source})."),
            (None, Standard::Rule(_) | Standard::By(_)) => {
                format!(" Default: {}.", opt.default_text(verb, Door::Input))
            }
            (None, _) => String::new(),
        };
        // A JSON text is a YAML text too.
        let text = format!("{}{}{default}", only_with(&words), opt.doc(Door::Input));
        let description = serde_json::Value::from(text);
        let name = opt.spelled(Door::Input);
        // What one verb needs, another does not take; the program says what is missing.
        block.push_str(&format!(
            "  {name}:\n    description: {description}\n    required: false\n"
        ));
    }
    block
}

fn action_environment() -> String {
    let line = |opt: &'static Opt| {
        let (variable, name) = (opt.input_variable(), opt.spelled(Door::Input));
        format!("        {variable}: ${{{{ inputs.{name} }}}}\n")
    };
    let all: String = inputs::all().into_iter().map(line).collect();
    format!("        {VERB_VARIABLE}: ${{{{ inputs.verb }}}}\n{all}")
}

/// The options of a verb without those for signing in, which are the same everywhere.
fn flags(verb: Verb) -> String {
    let mut block = "| flag | kind | default | what it is for |\n| --- | --- | --- | --- |\n".to_owned();
    let all = options::of(verb).into_iter();
    for opt in all.filter(|opt| opt.is_taken_by(Door::Flag) && opt.chapter != Chapter::SignIn) {
        let (name, kind) = (opt.spelled(Door::Flag), opt.kind.word());
        let (default, doc) = (opt.default_text(verb, Door::Flag), opt.doc(Door::Flag));
        block.push_str(&format!("| `{name}` | {kind} | {default} | {doc} |\n"));
    }
    block
}

fn page_tables() -> String {
    let mut block = String::new();
    let mut chapter = None;
    for opt in inputs::all() {
        if chapter.replace(opt.chapter) != Some(opt.chapter) {
            block.push_str(&format!("\n### {}\n\n", opt.chapter.heading()));
            block.push_str("| input | kind | default | what it is for |\n| --- | --- | --- | --- |\n");
        }
        let further: Vec<String> = opt.variables.iter().map(|name| format!("`{name}`")).collect();
        let further = if further.is_empty() {
            String::new()
        } else {
            format!(" Also from {}.", further.join(", "))
        };
        let (name, kind) = (opt.spelled(Door::Input), opt.kind.word());
        let (verb, words) = takers(opt);
        let (default, doc) = (opt.default_text(verb, Door::Input), opt.doc(Door::Input));
        let only = only_with(&words);
        block.push_str(&format!("| `{name}` | {kind} | {default} | {only}{doc}{further} |\n"));
    }
    block
}

#[test]
fn action_yml_has_every_option_as_an_input_and_hands_it_on() {
    for block in action_blocks() {
        compare(&block);
    }
    assert_eq!(
        text_of(ACTION).matches("${{ inputs.").count(),
        inputs::all().len() + 1,
        "an input is used elsewhere, or one is handed on that is not in the table"
    );
}

#[test]
fn action_yml_passes_every_output_through_and_the_page_has_it() {
    let (action, page) = (text_of(ACTION), text_of(PAGE));
    for name in outputs::NAMES {
        let line = format!("value: ${{{{ steps.verb.outputs.{name} }}}}\n");
        assert!(action.contains(&line), "action.yml lacks the output {name}");
        assert!(
            page.contains(&format!("| `{name}` |")),
            "{PAGE} lacks the output {name}"
        );
    }
    assert_eq!(action.matches("steps.verb.outputs.").count(), outputs::NAMES.len());
}

/// Words as a sentence lists them.
fn listed(actions: impl Iterator<Item = PoolAction>, quote: &str) -> String {
    let words: Vec<String> = actions
        .map(|action| format!("{quote}{}{quote}", action.word()))
        .collect();
    let (last, others) = words.split_last().unwrap();
    format!("{} or {last}", others.join(", "))
}

#[test]
fn action_yml_and_the_page_list_every_word_of_action_and_result() {
    let all = || PoolAction::ALL.into_iter();
    let reached = || all().filter(|action| action.is_success());
    let (action, page) = (text_of(ACTION), text_of(PAGE));
    for (text, line) in [
        (
            &action,
            format!("description: \"{}: what was done with the pool", listed(all(), "")),
        ),
        (
            &action,
            format!(
                "description: \"Of a roll-out {}; after a failure its kind",
                listed(reached(), "")
            ),
        ),
        (
            &page,
            format!("| `action` | {}: what was done with the pool", listed(all(), "`")),
        ),
        (&page, format!("A roll-out ends with 0 and {}.", listed(reached(), "`"))),
    ] {
        assert!(
            text.contains(&line),
            "the list of words lags behind `PoolAction`: {line}"
        );
    }
}

#[test]
fn no_expression_stands_in_shell_text() {
    let action = text_of(ACTION);
    let (_, steps) = action.split_once("\nruns:\n").unwrap();
    for line in steps.lines().filter(|line| line.contains("${{")) {
        let is_variable = line.trim_start().split_once(": ").is_some_and(|(name, value)| {
            name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && value.starts_with("${{")
                && value.ends_with("}}")
        });
        assert!(is_variable, "{line}");
    }
}

#[test]
fn the_page_has_every_option() {
    compare(&page_block());
}

#[test]
fn the_published_schemas_are_those_of_the_program() {
    for (name, schema) in schemas() {
        assert_eq!(text_of(name), schema, "{name} lags behind the program");
    }
}

#[test]
fn every_price_file_that_users_copy_is_valid_by_the_published_schema() {
    let schema = serde_json::from_str(&text_of(PRICE_SCHEMA)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let is_valid = |file: &str| validator.is_valid(&serde_saphyr::from_str::<serde_json::Value>(file).unwrap());
    let is_read = |file: &str| {
        let values = Values::default()
            .with(pool::ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")
            .with(pool::POOL_ID, "render")
            .with(pool::PRICE_FILE, file);
        settings::migration(&values).is_ok()
    };
    let page = text_of("docs/price-file.md");
    let blocks = page.split("```").filter_map(|block| block.strip_prefix("yaml\n"));
    let copied: Vec<String> = blocks
        .map(str::to_owned)
        .chain([text_of("examples/prices.yaml")])
        .collect();
    assert_eq!(copied.len(), 2);
    for file in copied {
        assert!(is_valid(&file) && is_read(&file), "{file}");
    }
    for file in [
        "currency: EUR",
        "currency: E R\ngib-month: {Standard_LRS: {eastus2: 1}}",
        "gib-month: {Standard_LRS: {eastus2: 1}}",
        "currency: EUR\ngib-month: {}",
        "currency: EUR\ngib-month: {Standard_LRS: {eastus2: -1}}",
        "currency: EUR\ngib-month: {Standard_LRS: {eastus2: '1,5'}}",
        "currency: EUR\nnode-hour: {Standard_D4s_v5: {eastus2: 1}}",
        "currency: EUR\nnode-hour: {Standard_D4s_v5: {eastus2: {low: 1}}}",
        "currency: EUR\nvm-hour: {}",
    ] {
        assert!(!is_valid(file) && !is_read(file), "{file}");
    }
}

/// The examples of the page are read by the program itself.
#[test]
fn the_readme_names_the_variables_that_each_option_of_signing_in_is_read_from() {
    let readme = text_of("README.md");
    let table = readme.split("| option | variables |\n").nth(1).unwrap();
    let quoted = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut named = std::collections::BTreeMap::new();
    for line in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let mut names = quoted(line).into_iter();
        named.insert(names.next().unwrap(), names.collect::<Vec<_>>());
    }
    let mut read = std::collections::BTreeMap::new();
    for opt in [Verb::Publish, Verb::Rollout].into_iter().flat_map(options::of) {
        // Its variable stands in the table below, with what it is for.
        if opt.chapter == Chapter::SignIn && !opt.variables.is_empty() && opt.path != "ca_file" {
            read.insert(opt.path.to_owned(), opt.variables.to_vec());
        }
    }
    assert!(read.len() > 8, "{read:?}");
    for (path, variables) in &read {
        assert_eq!(named.get(path).cloned().unwrap_or_default(), *variables, "{path}");
    }
    let others = named.keys().filter(|path| !read.contains_key(*path));
    let others: Vec<&str> = others.map(String::as_str).collect();
    assert!(others.is_empty() || others == ["subscription_id"], "{others:?}");
}

/// Pool files that users copy: the blocks of the pages, and the example.
fn pool_files() -> Vec<String> {
    let blocks = |page: &str| -> Vec<String> {
        let text = text_of(page);
        let blocks = text.split("```").skip(1).step_by(2);
        let files = blocks.filter_map(|block| block.strip_prefix("yaml\n").or_else(|| block.strip_prefix("json\n")));
        files.map(str::to_owned).collect()
    };
    let own = blocks(POOL_FILE);
    assert!(own.len() >= 5, "{}", own.len());
    let samples = blocks(SAMPLES).into_iter();
    let samples: Vec<String> = samples.filter(|block| block.contains("pool-id:")).collect();
    assert!(samples.len() >= 4, "{}", samples.len());
    own.into_iter().chain(samples).chain([text_of(EXAMPLE)]).collect()
}

#[test]
fn every_pool_file_that_users_copy_is_valid_by_the_published_schema() {
    let schema = serde_json::from_str(&text_of(SCHEMA)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in pool_files() {
        let read: serde_json::Value = serde_saphyr::from_str(&file).unwrap();
        let faults: Vec<String> = validator.iter_errors(&read).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{file}");
    }
    let misspelt = serde_json::json!({"pool-id": "render", "vm-sice": "Standard_D4s_v5"});
    assert!(!validator.is_valid(&misspelt), "the schema refuses nothing");
}

#[test]
fn every_example_of_the_page_of_pool_files_is_a_good_file() {
    let page = text_of(POOL_FILE);
    let blocks = page.split("```").skip(1).step_by(2);
    let examples: Vec<&str> = blocks
        .filter_map(|block| block.strip_prefix("yaml\n").or_else(|| block.strip_prefix("json\n")))
        .collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let version = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";
        let account = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-batch/providers/Microsoft.Batch/batchAccounts/acct1";
        let mut values = Values::default()
            .with(pool::POOL_FILE, example)
            .with(pool::IMAGE_VERSION, version)
            .with(pool::ACCOUNT, account);
        if example.contains("pools:") {
            values.set(pool::POOL_ID, "render-1");
        }
        let read = settings::rollout(&values).map(|asked| rollout::check(&asked.settings));
        assert_eq!(read, Ok(Ok(())), "{example}");
    }
}

#[test]
fn the_page_of_commands_has_the_flags_of_each() {
    for block in command_blocks() {
        compare(&block);
    }
}
