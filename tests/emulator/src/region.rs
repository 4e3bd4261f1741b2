//! Azure's regions: the name in ids and requests, and the display name that some answers carry.
//!
//! It says nothing about what a region offers.

/// Name and display name. The public regions of the services this emulator plays.
const REGIONS: [(&str, &str); 42] = [
    ("australiacentral", "Australia Central"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("brazilsouth", "Brazil South"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("centralindia", "Central India"),
    ("centralus", "Central US"),
    ("centraluseuap", "Central US EUAP"),
    ("eastasia", "East Asia"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("eastus2euap", "East US 2 EUAP"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("israelcentral", "Israel Central"),
    ("italynorth", "Italy North"),
    ("japaneast", "Japan East"),
    ("japanwest", "Japan West"),
    ("koreacentral", "Korea Central"),
    ("koreasouth", "Korea South"),
    ("mexicocentral", "Mexico Central"),
    ("northcentralus", "North Central US"),
    ("northeurope", "North Europe"),
    ("norwayeast", "Norway East"),
    ("polandcentral", "Poland Central"),
    ("qatarcentral", "Qatar Central"),
    ("southafricanorth", "South Africa North"),
    ("southcentralus", "South Central US"),
    ("southeastasia", "Southeast Asia"),
    ("southindia", "South India"),
    ("spaincentral", "Spain Central"),
    ("swedencentral", "Sweden Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("uaenorth", "UAE North"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("westcentralus", "West Central US"),
    ("westeurope", "West Europe"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
];

/// Names of Azure's for several regions each, which hold no resources; a selection of what subscriptions list.
const LOGICAL: [(&str, &str); 9] = [
    ("asia", "Asia"),
    ("asiapacific", "Asia Pacific"),
    ("australia", "Australia"),
    ("europe", "Europe"),
    ("france", "France"),
    ("global", "Global"),
    ("southafrica", "South Africa"),
    ("uk", "United Kingdom"),
    ("unitedstates", "United States"),
];

/// The name as ids carry it: lower case, no spaces (`East US 2` is `eastus2`).
#[must_use]
pub fn normalise(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The display name of a region in any spelling; `None` when Azure has no such region.
#[must_use]
pub fn display_name(name: &str) -> Option<&'static str> {
    let name = normalise(name);
    all().find(|(known, _)| *known == name).map(|(_, display)| display)
}

/// Every region as name and display name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    REGIONS.into_iter()
}

/// Every logical region, which the list of a subscription has too, as name and display name.
pub fn logical() -> impl Iterator<Item = (&'static str, &'static str)> {
    LOGICAL.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling_of_a_region() {
        for spelling in ["eastus2", "East US 2", "EASTUS2", "east us 2"] {
            assert_eq!(display_name(spelling), Some("East US 2"));
        }
        assert_eq!(display_name("atlantis"), None);
        assert!(all().all(|(name, display)| normalise(display) == name));
    }
}
