//! The memory of another process, as Linux reports it.

use std::{fmt, path::Path};

use azure_batch_e2e::{
    failure::{Failure, Result},
    files,
};

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Now, in KiB.
    now: u64,
    /// At most so far, in KiB.
    most: u64,
}

impl Memory {
    /// Of that process.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let status = files::read(Path::new(&format!("/proc/{process}/status")))?;
        let read = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| Failure::unexpected(format!("process {process} does not tell its {name}")))
        };
        Ok(Self {
            now: read("VmRSS:")?,
            most: read("VmHWM:")?,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB ({} MiB at most)", self.now / 1024, self.most / 1024)
    }
}
