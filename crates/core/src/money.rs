//! Amounts of money, exactly: whole numbers of a millionth, rounded once, where people read them.
//!
//! It knows no prices and no rates of exchange.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::ids::InvalidId;

/// How many digits behind the point count: Azure's price sheets have no more.
const DIGITS: usize = 6;

/// The millionths of a unit.
const UNIT: u128 = 1_000_000;

/// The millionths of a hundredth, which is what people read.
const HUNDREDTH: u128 = 10_000;

/// The most digits before the point: with [`DIGITS`] they are 15, which YAML's numbers carry without a loss.
const WHOLE_DIGITS: usize = 9;

/// The longest word for a currency.
const LONGEST_WORD: usize = 12;

/// An amount of money, in millionths of a unit of its currency. `Display` rounds to hundredths, half a hundredth up;
/// the serde form is [`Money::exact`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u128);

/// A word for a currency, such as `EUR`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Currency(String);

/// What something costs by the user's own prices. `Display` is `27.60 EUR a day`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// How much.
    pub amount: Money,
    /// Of what.
    pub currency: Currency,
    /// For how long.
    pub per: Per,
}

/// The time for which something is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Money {
    /// So many times this.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Every digit, two behind the point at least: `0.0478`, `30.00`.
    #[must_use]
    pub fn exact(self) -> String {
        let behind = format!("{:0DIGITS$}", self.0 % UNIT);
        let trimmed = behind.trim_end_matches('0');
        format!("{}.{trimmed:0<2}", self.0 / UNIT)
    }
}

impl FromStr for Money {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || {
            InvalidId::new(
                text,
                "a price: a number such as 0.23, with nine digits before the point and six behind it at most",
            )
        };
        let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        if !is_number(whole, WHOLE_DIGITS) || !is_number(behind, DIGITS) {
            return Err(invalid());
        }
        let digits = format!("{whole}{behind:0<DIGITS$}");
        digits.parse().map(Self).map_err(|_no_number| invalid())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + HUNDREDTH / 2) / HUNDREDTH;
        if hundredths == 0 && self.0 > 0 {
            return f.write_str("under 0.01");
        }
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact())
    }
}

impl FromStr for Currency {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_word = |letter: char| letter.is_alphabetic() || "€$£¥".contains(letter);
        if (1..=LONGEST_WORD).contains(&text.chars().count()) && text.chars().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(text, "a word for a currency, such as EUR"))
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Hour => "an hour",
            Per::Day => "a day",
            Per::Month => "a month",
        };
        write!(f, "{} {} {per}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_read_is_kept_to_the_last_digit_and_rounded_only_where_it_is_shown() {
        for (text, exact, shown) in [
            ("0.23", "0.23", "0.23"),
            ("5", "5.00", "5.00"),
            ("0.0478", "0.0478", "0.05"),
            ("0.005", "0.005", "0.01"),
            ("0.004999", "0.004999", "under 0.01"),
            ("0", "0.00", "0.00"),
            ("999999999.999999", "999999999.999999", "1000000000.00"),
        ] {
            assert_eq!(
                (money(text).exact(), money(text).to_string()),
                (exact.into(), shown.into())
            );
        }
        let hours = money("0.000013").times(24 * 700);
        assert_eq!((hours.exact().as_str(), hours.to_string().as_str()), ("0.2184", "0.22"));
        assert_eq!(
            money("0.004").plus(money("0.004")).to_string(),
            "0.01",
            "the sum is rounded, not its parts"
        );
    }

    #[test]
    fn what_is_not_a_price_is_refused() {
        for text in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "0,23",
            "0.0000001",
            "1234567890",
            "1 000",
            "NaN",
            "0.23 EUR",
        ] {
            assert!(text.parse::<Money>().is_err(), "{text:?} was taken");
        }
        assert!("EUR".parse::<Currency>().is_ok() && "€".parse::<Currency>().is_ok());
        for text in ["", "E R", "E|R", "EUR\n", "1", "abcdefghijklm"] {
            assert!(text.parse::<Currency>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_cost_has_one_form_for_people_and_one_for_programs() {
        let cost = Cost {
            amount: money("27.6"),
            currency: "EUR".parse().unwrap(),
            per: Per::Day,
        };
        assert_eq!(cost.to_string(), "27.60 EUR a day");
        assert_eq!(
            serde_json::to_value(&cost).unwrap(),
            serde_json::json!({"amount": "27.60", "currency": "EUR", "per": "day"})
        );
    }

    proptest! {
        #[test]
        fn a_price_is_the_inverse_of_its_exact_text(millionths in 0_u64..1_000_000_000_000_000) {
            let money = Money(millionths.into());
            prop_assert_eq!(money.exact().parse::<Money>().unwrap(), money);
        }
    }
}
