//! One VM size and what follows from its name and figures.
//!
//! Which there are is in `table`.

use serde_json::{Value, json};

/// One VM size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmSize {
    /// In Azure's casing, e.g. `Standard_D4s_v5`.
    pub(crate) name: &'static str,
    /// The quota family, e.g. `standardDSv5Family`.
    pub(crate) family: &'static str,
    pub(crate) cores: u32,
    pub(crate) memory_mb: u32,
    /// The temporary disk in MiB; 0 when there is none.
    pub(crate) temporary_mb: u32,
    /// How many data disks a machine can have.
    pub(crate) data_disks: u32,
    /// `V1`, `V2` or `V1,V2`.
    pub(crate) generations: &'static str,
    /// `x64` or `Arm64`.
    pub(crate) architecture: &'static str,
    /// Whether it can boot with Trusted Launch.
    pub(crate) trusted_launch: bool,
}

impl VmSize {
    /// Whether an image of generation `V1` or `V2` boots on it.
    pub(crate) fn boots(&self, generation: &str) -> bool {
        self.generations
            .split(',')
            .any(|known| known.eq_ignore_ascii_case(generation))
    }

    /// Whether its disks are on NVMe controllers: sizes of the sixth version and later have no others.
    pub(crate) fn is_nvme(&self) -> bool {
        let version = self.name.rsplit_once("_v").map(|(_, version)| version.parse::<u32>());
        version.is_some_and(|version| version.is_ok_and(|version| version >= 6))
    }

    /// What is said of an image that cannot boot on it for want of an NVMe controller (image-builder pull request 1875).
    pub(crate) fn controller_message(name: &str) -> String {
        format!(
            "The VM size '{name}' cannot boot with OS image or disk. Please check that disk controller types supported by \
             the OS image or disk is one of the supported disk controller types for the VM size '{name}'. Please query sku \
             api at https://aka.ms/azure-compute-skus  to determine supported disk controller types for the VM size."
        )
    }

    /// The capabilities as the list of SKUs and Batch's list name them.
    pub(crate) fn capabilities(&self) -> Vec<Value> {
        let capability = |name: &str, value: String| json!({"name": name, "value": value});
        let word = |holds: bool| if holds { "True" } else { "False" }.to_owned();
        // The operating system's disk can be ephemeral where a premium size has a temporary disk to hold it.
        let ephemeral = self.is_premium() && self.temporary_mb > 0;
        let all = [
            capability("MaxResourceVolumeMB", self.temporary_mb.to_string()),
            capability("vCPUs", self.cores.to_string()),
            capability("MemoryGB", gigabytes(self.memory_mb)),
            capability("MaxDataDiskCount", self.data_disks.to_string()),
            capability("HyperVGenerations", self.generations.to_owned()),
            capability("CpuArchitectureType", self.architecture.to_owned()),
            capability("PremiumIO", word(self.is_premium())),
            capability("EphemeralOSDiskSupported", word(ephemeral)),
        ];
        let special = [
            (!self.trusted_launch).then(|| capability("TrustedLaunchDisabled", word(true))),
            self.is_nvme()
                .then(|| capability("DiskControllerTypes", "NVMe".to_owned())),
            self.is_confidential()
                .then(|| capability("ConfidentialComputingType", "SNP".to_owned())),
        ];
        all.into_iter().chain(special.into_iter().flatten()).collect()
    }

    /// When Batch ends its support: the day on which Azure retires the series, as its pages on retired sizes say.
    pub(crate) fn end_of_life(&self) -> Option<&'static str> {
        match self.family {
            "standardAv2Family" => Some("2028-11-15T00:00:00Z"),
            "standardDv2Family" | "standardDSv2Family" => Some("2028-05-01T00:00:00Z"),
            _ => None,
        }
    }

    /// Whether it can run confidential machines; Azure's names say so, as `DC4as_v5`.
    pub(crate) fn is_confidential(&self) -> bool {
        self.name.starts_with("Standard_DC")
    }

    /// Azure's names say so: an `s` before the version, as in `D4ds_v5` and `DS2_v2`.
    fn is_premium(&self) -> bool {
        let middle = self.name.split('_').nth(1).unwrap_or_default();
        middle.contains(['s', 'S'])
    }
}

/// MiB as GiB, with the half that some sizes have.
fn gigabytes(mebibytes: u32) -> String {
    let whole = mebibytes / 1_024;
    if mebibytes.is_multiple_of(1_024) {
        whole.to_string()
    } else {
        format!("{whole}.5")
    }
}
