//! Writes man pages and shell completions of both programs into a folder, for the archives of a release.
//!
//! They are not in the programs themselves: the plugin is started many times in each build, and stays small.

use std::{error::Error, ffi::OsString, fs, path::Path};

use clap::Command;
use clap_complete::Shell;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| OsString::from("."));
    let programs = [
        ("azure-batch-pool", azure_batch_pool::cli::command()),
        ("packer-plugin-azure-batch", packer_plugin_azure_batch::cli::command()),
    ];
    for (name, command) in programs {
        write(&Path::new(&folder).join(name), name, command)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, mut command: Command) -> Result<(), Box<dyn Error>> {
    let (completions, man) = (folder.join("completions"), folder.join("man"));
    fs::create_dir_all(&completions)?;
    fs::create_dir_all(&man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
        clap_complete::generate_to(shell, &mut command, name, &completions)?;
    }
    clap_mangen::generate_to(command, &man)?;
    Ok(())
}
