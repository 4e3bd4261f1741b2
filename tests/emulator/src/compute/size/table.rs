//! The table of VM sizes, one line a series: figures of Azure's size pages.
//!
//! It is a selection; what a figure means is said in `size`.

use super::vm_size::VmSize;

/// What the sizes of a series share, for each vCPU where it grows with the size.
struct Series {
    family: &'static str,
    memory_mb: u32,
    temporary_mb: u32,
    disks: Disks,
    generations: &'static str,
    kind: Kind,
}

/// How the number of data disks grows.
#[derive(Clone, Copy)]
enum Disks {
    /// So many for each vCPU, at most so many.
    PerCore(u32, u32),
    /// The sixth version's own steps: 8 for the smallest, then three for each vCPU.
    SixthVersion,
}

/// What sorts of machines a series runs in addition to plain ones.
#[derive(Clone, Copy)]
enum Kind {
    /// No other.
    Plain,
    /// Trusted Launch, for images of the second generation.
    TrustedLaunch,
    /// No other, on Arm64.
    Arm,
}

impl Series {
    const fn new(family: &'static str, (memory_mb, temporary_mb): (u32, u32), generations: &'static str) -> Self {
        Self {
            family,
            memory_mb,
            temporary_mb,
            disks: Disks::PerCore(2, 32),
            generations,
            kind: Kind::TrustedLaunch,
        }
    }

    const fn disks(self, disks: Disks) -> Self {
        Self { disks, ..self }
    }

    const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    const fn size(&self, name: &'static str, cores: u32) -> VmSize {
        let data_disks = match self.disks {
            Disks::PerCore(each, most) => least(each * cores, most),
            Disks::SixthVersion if cores == 2 => 8,
            Disks::SixthVersion => least(3 * cores, 64),
        };
        VmSize {
            name,
            family: self.family,
            cores,
            memory_mb: self.memory_mb * cores,
            temporary_mb: self.temporary_mb * cores,
            data_disks,
            generations: self.generations,
            architecture: if matches!(self.kind, Kind::Arm) { "Arm64" } else { "x64" },
            trusted_launch: matches!(self.kind, Kind::TrustedLaunch),
        }
    }
}

const fn least(left: u32, right: u32) -> u32 {
    if left < right { left } else { right }
}

/// The sizes of a series: what stands before and after the number, the series, each number with its vCPUs.
macro_rules! sizes {
    ($before:literal, $after:literal, $series:expr, $($number:literal: $cores:literal),+) => {
        &[$($series.size(concat!("Standard_", $before, $number, $after), $cores)),+]
    };
}

/// The same for numbers that are the vCPUs, 2 to 64.
macro_rules! to_64 {
    ($before:literal, $after:literal, $series:expr) => {
        sizes!($before, $after, $series, 2: 2, 4: 4, 8: 8, 16: 16, 32: 32, 48: 48, 64: 64)
    };
}

/// The same, 2 to 96.
macro_rules! to_96 {
    ($before:literal, $after:literal, $series:expr) => {
        sizes!($before, $after, $series, 2: 2, 4: 4, 8: 8, 16: 16, 32: 32, 48: 48, 64: 64, 96: 96)
    };
}

const FIRST: &str = "V1";
const SECOND: &str = "V2";
const BOTH: &str = "V1,V2";

// MiB for each vCPU: memory, temporary disk.
const GENERAL: (u32, u32) = (4_096, 0);
const GENERAL_WITH_DISK: (u32, u32) = (4_096, 38_400);
const MEMORY: (u32, u32) = (8_192, 0);
const MEMORY_WITH_DISK: (u32, u32) = (8_192, 38_400);

const A_V2: Series = Series::new("standardAv2Family", (2_048, 10_240), FIRST).kind(Kind::Plain);
const D_V2: Series = Series::new("standardDv2Family", (3_584, 51_200), FIRST)
    .disks(Disks::PerCore(4, 64))
    .kind(Kind::Plain);
const DS_V2: Series = Series::new("standardDSv2Family", (3_584, 7_168), BOTH).disks(Disks::PerCore(4, 64));
const D_V3: Series = Series::new("standardDv3Family", (4_096, 25_600), FIRST).kind(Kind::Plain);
const DPS_V5: Series = Series::new("standardDPSv5Family", GENERAL, SECOND).kind(Kind::Arm);
const DPDS_V5: Series = Series::new("standardDPDSv5Family", GENERAL_WITH_DISK, SECOND).kind(Kind::Arm);
const EPS_V5: Series = Series::new("standardEPSv5Family", MEMORY, SECOND).kind(Kind::Arm);
const DC_V5: Series = Series::new("standardDCASv5Family", GENERAL, SECOND);
const D_V6: Series = Series::new("standardDsv6Family", GENERAL, SECOND).disks(Disks::SixthVersion);
const DD_V6: Series = Series::new("standardDdsv6Family", (4_096, 56_320), SECOND).disks(Disks::SixthVersion);

/// Every series.
pub(super) const SERIES: &[&[VmSize]] = &[
    sizes!("A", "_v2", A_V2, 1: 1, 2: 2, 4: 4, 8: 8),
    // These count sizes, not vCPUs.
    sizes!("D", "_v2", D_V2, 1: 1, 2: 2, 3: 4, 4: 8, 5: 16),
    sizes!("DS", "_v2", DS_V2, 1: 1, 2: 2, 3: 4, 4: 8, 5: 16),
    to_64!("D", "_v3", D_V3),
    to_64!("D", "s_v3", Series::new("standardDSv3Family", (4_096, 8_192), BOTH)),
    to_64!("D", "s_v4", Series::new("standardDSv4Family", GENERAL, BOTH)),
    to_64!(
        "D",
        "ds_v4",
        Series::new("standardDDSv4Family", GENERAL_WITH_DISK, BOTH)
    ),
    to_96!("D", "_v5", Series::new("standardDv5Family", GENERAL, BOTH)),
    to_96!("D", "s_v5", Series::new("standardDSv5Family", GENERAL, BOTH)),
    to_96!("D", "d_v5", Series::new("standardDDv5Family", GENERAL_WITH_DISK, BOTH)),
    to_96!(
        "D",
        "ds_v5",
        Series::new("standardDDSv5Family", GENERAL_WITH_DISK, BOTH)
    ),
    to_96!("D", "as_v5", Series::new("standardDASv5Family", GENERAL, BOTH)),
    to_96!(
        "D",
        "ads_v5",
        Series::new("standardDADSv5Family", GENERAL_WITH_DISK, BOTH)
    ),
    to_96!("D", "s_v6", D_V6),
    to_96!("D", "ds_v6", DD_V6),
    to_64!("E", "s_v3", Series::new("standardESv3Family", (8_192, 16_384), BOTH)),
    to_96!("E", "s_v5", Series::new("standardESv5Family", MEMORY, BOTH)),
    to_96!("E", "ds_v5", Series::new("standardEDSv5Family", MEMORY_WITH_DISK, BOTH)),
    to_96!("E", "as_v5", Series::new("standardEASv5Family", MEMORY, BOTH)),
    to_64!("F", "s_v2", Series::new("standardFSv2Family", (2_048, 8_192), BOTH)),
    to_64!("D", "ps_v5", DPS_V5),
    to_64!("D", "pds_v5", DPDS_V5),
    to_64!("E", "ps_v5", EPS_V5),
    to_96!("DC", "as_v5", DC_V5),
];
