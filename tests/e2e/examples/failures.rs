//! Writes what people see of failures into a folder: each on a terminal of 80 columns, and as GitHub shows it.
//!
//! `failures FOLDER [PART OF A NAME]`; it runs `azure-batch-pool` and `azure-emulator` of the folder that it was built
//! into.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use azure_batch_e2e::{
    console::{complain, say},
    failure::{Doing as _, Result},
    failures,
    lab::{Lab, absolute},
    tools::Tools,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, filter) = match arguments.as_slice() {
        [folder] => (folder, ""),
        [folder, filter] => (folder, filter.as_str()),
        _ => {
            complain("usage: failures FOLDER [PART OF A NAME]");
            return ExitCode::from(2);
        }
    };
    match write(Path::new(folder), filter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(failure.report());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path, filter: &str) -> Result {
    let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
    let programs = own.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    let tools = Tools {
        checkout: absolute(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?,
        results: absolute(folder)?,
        pool: programs.join("azure-batch-pool"),
        emulator: programs.join("azure-emulator"),
        plugin: programs.join("packer-plugin-azure-batch"),
        // No failure here needs the others.
        installed: PathBuf::new(),
        released: PathBuf::new(),
        packer: PathBuf::new(),
        older_packers: Vec::new(),
        act: PathBuf::new(),
        browser: PathBuf::new(),
        packer_sdc: PathBuf::new(),
    };
    let lab = Lab::new(&tools, "failures")?;
    let played = failures::play(&lab, filter)?;
    say(format!(
        "{} failures are written to {}",
        played.len(),
        lab.dir.display()
    ));
    Ok(())
}
