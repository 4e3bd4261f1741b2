//! A file that follows from the table of options: compared, or brought up to it.

use std::{fs, path::PathBuf};

use azure_batch_core::options::{self, Door, Verb};
use packer_plugin_azure_batch::reference;

const PAGE: &str = ".web-docs/components/post-processor/azure-batch/README.md";
const BEGIN: &str = "<!-- The part below is generated from the table of options: UPDATE_DOCS=1 cargo test -p packer-plugin-azure-batch --test config -->\n";
const END: &str = "<!-- Here the generated part ends. -->\n";

/// Compares a file of the repository with what it should be made of what it is.
pub(crate) fn compare(path: &str, expected: impl FnOnce(&str) -> String) {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path);
    let is = fs::read_to_string(&file).unwrap();
    let should_be = expected(&is);
    if is == should_be {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(file, should_be).unwrap();
        return;
    }
    let differs = |(_, (is, should_be)): &(usize, (&str, &str))| is != should_be;
    let first = is.lines().zip(should_be.lines()).enumerate().find(differs);
    panic!("{path} lags behind the table of options, first here: {first:#?}");
}

#[test]
fn the_reference_page_lists_the_options_as_they_are() {
    compare(PAGE, |page| {
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        format!("{before}{BEGIN}\n{}{END}{after}", reference::markdown())
    });
}

#[test]
fn the_page_names_every_option_by_itself_too() {
    let table = reference::markdown();
    for opt in options::of(Verb::Publish) {
        let row = format!("| `{opt}` |");
        assert_eq!(table.contains(&row), opt.is_taken_by(Door::Template), "{opt}");
    }
}
