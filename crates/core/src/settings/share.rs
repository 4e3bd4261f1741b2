//! A part of a number of nodes: so many, or so many percent of them.
//!
//! It knows no pool.

use std::{fmt, str::FromStr};

/// A part of a number of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many nodes.
    Nodes(u32),
    /// So many percent of the nodes, from 0 to 100.
    Percent(u8),
}

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidShare(String);

impl Share {
    /// How many of `whole` nodes that is: rounded up, and never more than there are.
    #[must_use]
    pub fn of(self, whole: u32) -> u32 {
        match self {
            Self::Nodes(nodes) => nodes.min(whole),
            Self::Percent(percent) => {
                let nodes = (u64::from(whole) * u64::from(percent)).div_ceil(100);
                u32::try_from(nodes).unwrap_or(whole).min(whole)
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(nodes) => write!(f, "{nodes}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for InvalidShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no number of nodes; write a number such as 5, or a percentage such as 98%",
            self.0
        )
    }
}

impl std::error::Error for InvalidShare {}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidShare(text.to_owned());
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Nodes).map_err(|_| invalid()),
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|percent| *percent <= 100);
                percent.map(Self::Percent).ok_or_else(invalid)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_read_as_a_number_or_a_percentage() {
        assert_eq!("5".parse(), Ok(Share::Nodes(5)));
        assert_eq!("98 %".parse(), Ok(Share::Percent(98)));
        for text in ["", "%", "101%", "-1", "a few"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_are_rounded_up() {
        let of = |share: Share| [0, 1, 100, 101, 1001].map(|whole| share.of(whole));
        assert_eq!(of(Share::Percent(98)), [0, 1, 98, 99, 981]);
        assert_eq!(of(Share::Nodes(100)), [0, 1, 100, 100, 100]);
    }

    proptest! {
        #[test]
        fn a_share_is_never_more_than_the_whole(whole: u32, nodes: u32, percent in 0_u8..=100) {
            prop_assert!(Share::Nodes(nodes).of(whole) <= whole);
            prop_assert!(Share::Percent(percent).of(whole) <= whole);
            prop_assert_eq!(Share::Percent(100).of(whole), whole);
        }
    }
}
