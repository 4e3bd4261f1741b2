//! Reading is what costs most: no file and no function may grow beyond what can be read at once, and most of them
//! are short.
//!
//! Lines of functions are counted without comments and blank lines, as clippy's `too_many_lines` does.

use syn::{ImplItemFn, ItemFn, ItemMod, TraitItemFn, visit::Visit};

use super::read::{File, is_for_tests};

/// The most lines of code in a file, tests at its end not counted: about ten screens.
const MOST_IN_FILE: usize = 600;

/// Half of all files are at most this long, and nine of ten of each package: what the best-kept crates of the field show.
const FILES: Spread = Spread { median: 180, p90: 400 };

/// The same of functions; the most is clippy's.
const FUNCTIONS: Spread = Spread { median: 8, p90: 25 };

/// How sizes are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spread {
    median: usize,
    p90: usize,
}

/// Collects how long the functions of a file are.
struct Functions<'a> {
    lines: Vec<&'a str>,
    lengths: Vec<usize>,
}

impl Spread {
    fn of(mut sizes: Vec<usize>) -> Self {
        sizes.sort_unstable();
        let at = |tenths: usize| sizes.get(sizes.len() * tenths / 10).copied().unwrap_or_default();
        Self {
            median: at(5),
            p90: at(9),
        }
    }
}

impl Functions<'_> {
    fn take(&mut self, first: usize, last: usize) {
        let lines = self.lines.get(first.saturating_sub(1)..last).unwrap_or_default();
        self.lengths.push(lines.iter().filter(|line| is_code(line)).count());
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_for_tests(&function.attrs) {
            self.take(
                function.sig.fn_token.span.start().line,
                function.block.brace_token.span.close().end().line,
            );
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.take(
                function.sig.fn_token.span.start().line,
                function.block.brace_token.span.close().end().line,
            );
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.take(
                function.sig.fn_token.span.start().line,
                block.brace_token.span.close().end().line,
            );
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// Files that are too long or do not say what they are for, and sizes that are spread too far.
pub(super) fn faults(sources: &[File], packages: &[&str]) -> Vec<String> {
    let mut faults: Vec<String> = sources.iter().filter_map(fault).collect();
    let (files, functions) = spreads(sources, "");
    let mut hold = |what: String, is: usize, most: usize| {
        if is > most {
            faults.push(format!("{what} {is} lines, more than {most}"));
        }
    };
    hold("all: the middle file has".to_owned(), files.median, FILES.median);
    hold(
        "all: the middle function has".to_owned(),
        functions.median,
        FUNCTIONS.median,
    );
    for package in packages {
        let (files, functions) = spreads(sources, package);
        hold(
            format!("{package}: a tenth of the files has at least"),
            files.p90,
            FILES.p90,
        );
        let what = format!("{package}: a tenth of the functions has at least");
        hold(what, functions.p90, FUNCTIONS.p90);
    }
    faults
}

/// What there is, a line a package.
pub(super) fn summary(sources: &[File], packages: &[&str]) -> String {
    let line = |package: &&str| {
        let (files, functions) = spreads(sources, package);
        let all = if package.is_empty() { "all" } else { package };
        format!("\n    {all}: files {}, functions {}", show(files), show(functions))
    };
    let lines: String = packages.iter().chain([&""]).map(line).collect();
    format!(
        "▸ {} files of code; lines of the middle one / of the one at 90 %:{lines}",
        sources.len()
    )
}

fn show(spread: Spread) -> String {
    format!("{}/{}", spread.median, spread.p90)
}

/// Files and functions of a package; of all with an empty name.
fn spreads(sources: &[File], package: &str) -> (Spread, Spread) {
    let product = || {
        let mine = move |file: &&File| file.is_product() && file.is_of(package);
        sources.iter().filter(mine)
    };
    let files = Spread::of(product().map(|file| length(&file.text)).collect());
    let functions = Spread::of(product().flat_map(functions).collect());
    (files, functions)
}

fn functions(file: &File) -> Vec<usize> {
    let mut functions = Functions {
        lines: file.text.lines().collect(),
        lengths: Vec::new(),
    };
    functions.visit_file(&file.syntax);
    functions.lengths
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

fn length(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

fn fault(file: &File) -> Option<String> {
    let (path, lines) = (&file.path, length(&file.text));
    if !file.text.starts_with("//!") {
        return Some(format!("{path} does not open with //! and what it is for"));
    }
    (lines > MOST_IN_FILE).then(|| format!("{path} has {lines} lines of code, more than {MOST_IN_FILE}"))
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;

    fn file(text: &str) -> Result<File, Failure> {
        File::parse("crates/core/src/a.rs", text)
    }

    #[test]
    fn long_and_silent_files_are_named() -> Result<(), Failure> {
        let long = file(&format!("//! Long.\n{}", "struct X;\n".repeat(MOST_IN_FILE)))?;
        assert!(fault(&long).is_some_and(|fault| fault.contains("601")));
        assert!(fault(&file("fn main() {}\n")?).is_some());
        let tested = format!(
            "//! Tested.\n#[cfg(test)]\nmod tests {{\n{}}}",
            "struct X;\n".repeat(MOST_IN_FILE)
        );
        assert_eq!(fault(&file(&tested)?), None);
        Ok(())
    }

    #[test]
    fn functions_are_counted_without_comments_and_without_tests() -> Result<(), Failure> {
        let text = "//! A.\nfn two() {}\nimpl X {\n    /// Doc.\n    fn four() {\n        // Why.\n\n        a();\n    }\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn not_counted() {}\n}\n";
        assert_eq!(functions(&file(text)?), [1, 3]);
        Ok(())
    }

    #[test]
    fn a_package_of_long_functions_is_named() -> Result<(), Failure> {
        let body = "    a();\n".repeat(30);
        let long = file(&format!("//! A.\nfn long() {{\n{body}}}\n"))?;
        let faults = faults(&[long], &["crates/core"]);
        assert_eq!(
            faults,
            [
                "all: the middle function has 32 lines, more than 8",
                "crates/core: a tenth of the functions has at least 32 lines, more than 25"
            ]
        );
        Ok(())
    }
}
