//! Writes zip and tar.gz archives whose bytes follow from their content alone: no times, no users.
//!
//! It does not know what is in them.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use azure_batch_e2e::failure::{Doing as _, Failure, Result};
use flate2::{Compression, GzBuilder};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::names::Packing;

/// The mode of a program.
const PROGRAM: u32 = 0o755;

/// The mode of a text.
const TEXT: u32 = 0o644;

/// One file of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    mode: u32,
}

impl Entry {
    /// A program.
    pub(super) const fn program(name: String, bytes: Vec<u8>) -> Self {
        Self {
            name,
            bytes,
            mode: PROGRAM,
        }
    }

    /// A text.
    pub(super) fn text(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: text.into(),
            mode: TEXT,
        }
    }
}

/// Writes an archive.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(place: &Path, packing: Packing, entries: &[Entry]) -> Result {
    let file = File::create(place).doing(|| format!("write {}", place.display()))?;
    match packing {
        Packing::PackerZip => zip(file, entries).map_err(|error| Failure::unexpected(error.to_string())),
        Packing::TarGz => tar(file, entries).doing(|| format!("write {}", place.display())),
    }
}

fn zip(file: File, entries: &[Entry]) -> zip::result::ZipResult<()> {
    let mut zip = ZipWriter::new(file);
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(entry.mode);
        zip.start_file(&entry.name, options)?;
        zip.write_all(&entry.bytes)?;
    }
    zip.finish()?;
    Ok(())
}

fn tar(file: File, entries: &[Entry]) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzBuilder::new().mtime(0).write(file, Compression::default()));
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(entry.mode);
        tar.append_data(&mut header, &entry.name, entry.bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?;
    Ok(())
}
