//! The VM sizes that pools can have: cores, family, generations, architecture, temporary disk.
//!
//! It holds a table, not Azure's catalogue: sizes outside it are refused as the service refuses a size that the
//! region does not have.

/// A hypervisor generation set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generations {
    /// Boots generation 1 only.
    V1,
    /// Boots generation 2 only.
    V2,
    /// Boots both.
    Both,
}

/// A processor architecture, in the gallery's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    X64,
    Arm64,
}

/// Which security types a size can run beside `Standard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// None.
    Standard,
    /// Trusted launch.
    TrustedLaunch,
    /// Confidential VMs (and trusted launch).
    Confidential,
}

/// Sizes that differ in their number only.
#[derive(Debug)]
pub(crate) struct Series {
    /// What stands before and after the number, e.g. `D` and `s_v5`.
    affixes: (&'static str, &'static str),
    /// The quota family, e.g. `standardDSv5Family`.
    family: &'static str,
    /// The numbers and their vCPUs where these differ from the number.
    numbers: &'static [(u32, u32)],
    generations: Generations,
    architecture: Architecture,
    security: Security,
    /// GiB of temporary disk for each vCPU; 0 means that there is none.
    temporary_gib: u32,
}

/// One size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmSize {
    /// As Azure writes it, e.g. `Standard_D4s_v5`.
    pub(crate) name: String,
    pub(crate) family: &'static str,
    pub(crate) cores: u32,
    pub(crate) generations: Generations,
    pub(crate) architecture: Architecture,
    pub(crate) security: Security,
    pub(crate) temporary_gib: u32,
}

impl Generations {
    /// Whether an image of `V1` or `V2` boots.
    pub(crate) fn boot(self, generation: &str) -> bool {
        match self {
            Self::Both => true,
            Self::V1 => generation.eq_ignore_ascii_case("V1"),
            Self::V2 => generation.eq_ignore_ascii_case("V2"),
        }
    }

    /// The value of the SKU capability `HyperVGenerations`.
    pub(crate) fn capability(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::Both => "V1,V2",
        }
    }
}

impl Architecture {
    /// The gallery's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "Arm64",
        }
    }
}

const SMALL: &[(u32, u32)] = &[(2, 2), (4, 4), (8, 8), (16, 16), (32, 32), (48, 48), (64, 64)];
const LARGE: &[(u32, u32)] = &[(2, 2), (4, 4), (8, 8), (16, 16), (32, 32), (48, 48), (64, 64), (96, 96)];
/// D_v2 counts sizes, not cores.
const V2_NUMBERS: &[(u32, u32)] = &[(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)];
const A_NUMBERS: &[(u32, u32)] = &[(1, 1), (2, 2), (4, 4), (8, 8)];

const fn x64(
    affixes: (&'static str, &'static str),
    family: &'static str,
    numbers: &'static [(u32, u32)],
    generations: Generations,
    temporary_gib: u32,
) -> Series {
    // Trusted launch needs generation 2, and every size of the table that has it can do it.
    let security = if matches!(generations, Generations::V1) {
        Security::Standard
    } else {
        Security::TrustedLaunch
    };
    Series {
        affixes,
        family,
        numbers,
        generations,
        architecture: Architecture::X64,
        security,
        temporary_gib,
    }
}

const fn arm(affixes: (&'static str, &'static str), family: &'static str, temporary_gib: u32) -> Series {
    Series {
        affixes,
        family,
        numbers: SMALL,
        generations: Generations::V2,
        architecture: Architecture::Arm64,
        security: Security::Standard,
        temporary_gib,
    }
}

const SERIES: &[Series] = &[
    x64(("A", "_v2"), "standardAv2Family", A_NUMBERS, Generations::V1, 10),
    x64(("D", "_v2"), "standardDv2Family", V2_NUMBERS, Generations::V1, 50),
    x64(("DS", "_v2"), "standardDSv2Family", V2_NUMBERS, Generations::Both, 7),
    x64(("D", "_v3"), "standardDv3Family", SMALL, Generations::V1, 25),
    x64(("D", "s_v3"), "standardDSv3Family", SMALL, Generations::Both, 8),
    x64(("D", "s_v4"), "standardDSv4Family", SMALL, Generations::Both, 0),
    x64(("D", "ds_v4"), "standardDDSv4Family", SMALL, Generations::Both, 37),
    x64(("D", "_v5"), "standardDv5Family", LARGE, Generations::Both, 0),
    x64(("D", "s_v5"), "standardDSv5Family", LARGE, Generations::Both, 0),
    x64(("D", "d_v5"), "standardDDv5Family", LARGE, Generations::Both, 37),
    x64(("D", "ds_v5"), "standardDDSv5Family", LARGE, Generations::Both, 37),
    x64(("D", "as_v5"), "standardDASv5Family", LARGE, Generations::Both, 0),
    x64(("D", "ads_v5"), "standardDADSv5Family", LARGE, Generations::Both, 37),
    x64(("D", "s_v6"), "standardDsv6Family", LARGE, Generations::V2, 0),
    x64(("D", "ds_v6"), "standardDdsv6Family", LARGE, Generations::V2, 55),
    x64(("E", "s_v3"), "standardESv3Family", SMALL, Generations::Both, 16),
    x64(("E", "s_v5"), "standardESv5Family", LARGE, Generations::Both, 0),
    x64(("E", "ds_v5"), "standardEDSv5Family", LARGE, Generations::Both, 37),
    x64(("E", "as_v5"), "standardEASv5Family", LARGE, Generations::Both, 0),
    x64(("F", "s_v2"), "standardFSv2Family", SMALL, Generations::Both, 8),
    arm(("D", "ps_v5"), "standardDPSv5Family", 0),
    arm(("D", "pds_v5"), "standardDPDSv5Family", 37),
    arm(("E", "ps_v5"), "standardEPSv5Family", 0),
    Series {
        affixes: ("DC", "as_v5"),
        family: "standardDCASv5Family",
        numbers: LARGE,
        generations: Generations::V2,
        architecture: Architecture::X64,
        security: Security::Confidential,
        temporary_gib: 0,
    },
];

impl Series {
    fn sizes(&self) -> impl Iterator<Item = VmSize> + '_ {
        self.numbers.iter().map(|(number, cores)| VmSize {
            name: format!("Standard_{}{number}{}", self.affixes.0, self.affixes.1),
            family: self.family,
            cores: *cores,
            generations: self.generations,
            architecture: self.architecture,
            security: self.security,
            temporary_gib: self.temporary_gib * cores,
        })
    }
}

/// All sizes, by family and number.
pub(crate) fn all() -> impl Iterator<Item = VmSize> {
    SERIES.iter().flat_map(Series::sizes)
}

/// The size of that name, in any case.
pub(crate) fn find(name: &str) -> Option<VmSize> {
    all().find(|size| size.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_by_name_in_any_case() {
        for (name, family, cores, generations, architecture) in [
            (
                "STANDARD_D4S_V5",
                "standardDSv5Family",
                4,
                Generations::Both,
                Architecture::X64,
            ),
            (
                "standard_a1_v2",
                "standardAv2Family",
                1,
                Generations::V1,
                Architecture::X64,
            ),
            (
                "Standard_D3_v2",
                "standardDv2Family",
                4,
                Generations::V1,
                Architecture::X64,
            ),
            (
                "Standard_D8ps_v5",
                "standardDPSv5Family",
                8,
                Generations::V2,
                Architecture::Arm64,
            ),
            (
                "Standard_F16s_v2",
                "standardFSv2Family",
                16,
                Generations::Both,
                Architecture::X64,
            ),
        ] {
            let size = find(name).unwrap();
            assert_eq!((size.family, size.cores), (family, cores), "{name}");
            assert_eq!(
                (size.generations, size.architecture),
                (generations, architecture),
                "{name}"
            );
        }
        assert_eq!(find("Standard_D5s_v5"), None);
    }

    #[test]
    fn no_name_stands_for_two_sizes() {
        let mut names: Vec<String> = all().map(|size| size.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
