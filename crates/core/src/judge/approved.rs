//! What a refusal for want of quota names: which quota, where, and its numbers. Azure writes them into its sentence only.
//!
//! A number that the text does not have is left out, never guessed.

use std::fmt;

/// The quota that Azure's text names: `… exceeding approved Total Regional Cores quota. Additional details - …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approved {
    /// Its name, such as `standardDSv5Family Cores`.
    name: String,
    /// The region that it is for.
    location: Option<String>,
    /// How much is allowed, how much is used, how much more was asked for: all three or none.
    numbers: Option<Numbers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    limit: u64,
    used: u64,
    more: u64,
}

impl Approved {
    /// Reads the text of a refusal; nothing when it names no quota.
    pub(crate) fn read(message: &str) -> Option<Self> {
        let (_, behind) = message.split_once("exceeding approved ")?;
        let (name, _) = behind.split_once(" quota")?;
        let value = |name: &str| {
            let (_, behind) = message.split_once(&format!("{name}: "))?;
            behind.split([',', '.']).next().map(str::trim)
        };
        let number = |name: &str| value(name)?.parse().ok();
        let numbers = || {
            Some(Numbers {
                limit: number("Current Limit")?,
                used: number("Current Usage")?,
                more: number("Additional Required")?,
            })
        };
        Some(Self {
            name: name.trim().to_owned(),
            location: value("Location").map(str::to_owned),
            numbers: numbers(),
        })
    }

    /// The region whose cores `az vm list-usage` lists; nothing when it is no quota of cores.
    pub(crate) fn region_of_cores(&self) -> Option<&str> {
        let is_of_cores = self.name.to_ascii_lowercase().ends_with("cores");
        self.location.as_deref().filter(|_| is_of_cores)
    }
}

/// `the quota "Total Regional Cores" in eastus2 is 10, of which 8 are used; 4 more were asked for, so 12 are needed`.
impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.location.as_ref().map(|location| format!(" in {location}"));
        write!(f, "the quota \"{}\"{}", self.name, place.unwrap_or_default())?;
        match self.numbers {
            Some(Numbers { limit, used, more }) => {
                let whole = used.saturating_add(more);
                write!(
                    f,
                    " is {limit}, of which {used} are used; {more} more were asked for, so {whole} are needed"
                )
            }
            None => f.write_str(" is used up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_azure_names_the_quota_its_region_and_its_numbers() {
        let text = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. \
                    Additional details - Deployment Model: Resource Manager, Location: eastus2, Current Limit: 10, \
                    Current Usage: 8, Additional Required: 4, (Minimum) New Limit Required: 12.";
        let read = Approved::read(text).unwrap();
        assert_eq!(
            read.to_string(),
            "the quota \"Total Regional Cores\" in eastus2 is 10, of which 8 are used; 4 more were asked for, so 12 are \
             needed"
        );
        assert_eq!(read.region_of_cores(), Some("eastus2"));
    }

    #[test]
    fn what_is_not_in_the_text_is_left_out() {
        let read = Approved::read("results in exceeding approved Snapshots quota, Location: westus").unwrap();
        assert_eq!(read.to_string(), "the quota \"Snapshots\" in westus is used up");
        assert_eq!(read.region_of_cores(), None);
        assert_eq!(Approved::read("exceeding approved quota"), None);
        assert_eq!(Approved::read("a quota is used up"), None);
    }
}
