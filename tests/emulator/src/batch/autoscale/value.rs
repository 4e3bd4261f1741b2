//! What an expression of a formula comes to: numbers, times, lengths of time. True is 1 and false is 0, as on Batch.
//!
//! Samples of metrics are no value here, since metrics are not played.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// What an expression comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Time(Timestamp),
    /// In seconds.
    Interval(f64),
}

/// Why an expression comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is no expression: refused before it is evaluated.
    Syntax(String),
    /// It is one, and fails when it is evaluated.
    Evaluation(String),
}

impl Value {
    /// True is 1.
    pub(crate) fn of(is_true: bool) -> Self {
        Self::Number(if is_true { 1.0 } else { 0.0 })
    }

    /// The number that it is.
    pub(crate) fn number(self) -> Result<f64, Trouble> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Time(_) | Self::Interval(_) => Err(Trouble::Syntax("a number is needed here".to_owned())),
        }
    }

    /// Whether it counts as true.
    pub(crate) fn is_true(self) -> Result<bool, Trouble> {
        self.number().map(|number| number != 0.0)
    }

    /// Two values of one kind, in seconds where they are times.
    fn pair(self, other: Self) -> Result<(f64, f64), Trouble> {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) | (Self::Interval(left), Self::Interval(right)) => {
                Ok((left, right))
            }
            (Self::Time(left), Self::Time(right)) => Ok((seconds(left), seconds(right))),
            _ => Err(Trouble::Syntax("the two sides are not of one kind".to_owned())),
        }
    }

    /// Compares two values of one kind.
    pub(crate) fn compared(self, other: Self, holds: fn(f64, f64) -> bool) -> Result<Self, Trouble> {
        self.pair(other).map(|(left, right)| Self::of(holds(left, right)))
    }

    /// The sum; `sign` is -1 for a difference.
    pub(crate) fn plus(self, other: Self, sign: f64) -> Result<Self, Trouble> {
        match (self, other) {
            (Self::Time(at), Self::Interval(length)) => Ok(Self::Time(later(at, sign * length)?)),
            (Self::Time(left), Self::Time(right)) if sign < 0.0 => Ok(Self::Interval(seconds(left) - seconds(right))),
            (Self::Interval(left), Self::Interval(right)) => Ok(Self::Interval(left + sign * right)),
            _ => {
                let (left, right) = (self.number()?, other.number()?);
                Ok(Self::Number(left + sign * right))
            }
        }
    }

    /// The product; one of the two may be a length of time.
    pub(crate) fn times(self, other: Self) -> Result<Self, Trouble> {
        match (self, other) {
            (Self::Interval(length), Self::Number(factor)) | (Self::Number(factor), Self::Interval(length)) => {
                Ok(Self::Interval(length * factor))
            }
            _ => Ok(Self::Number(self.number()? * other.number()?)),
        }
    }

    /// The quotient.
    pub(crate) fn over(self, other: Self) -> Result<Self, Trouble> {
        let by = other.number()?;
        if by == 0.0 {
            return Err(Trouble::Evaluation("division by zero".to_owned()));
        }
        match self {
            Self::Interval(length) => Ok(Self::Interval(length / by)),
            _ => Ok(Self::Number(self.number()? / by)),
        }
    }

    /// A part of a time, by the UTC calendar: `curTime.hour`. Sunday is weekday 0.
    pub(crate) fn part(self, name: &str) -> Result<Self, Trouble> {
        let Self::Time(at) = self else {
            return Err(Trouble::Syntax(format!("only a time has '{name}'")));
        };
        let at = at.to_zoned(TimeZone::UTC);
        let part = match name {
            "year" => i32::from(at.year()),
            "month" => i32::from(at.month()),
            "day" => i32::from(at.day()),
            "hour" => i32::from(at.hour()),
            "minute" => i32::from(at.minute()),
            "second" => i32::from(at.second()),
            "weekday" => i32::from(at.weekday().to_sunday_zero_offset()),
            "yearday" => i32::from(at.day_of_year()),
            _ => return Err(Trouble::Syntax(format!("the emulator does not play '{name}'"))),
        };
        Ok(Self::Number(f64::from(part)))
    }
}

/// The lengths that formulas name.
pub(crate) fn interval(name: &str) -> Option<Value> {
    let seconds = match name {
        "timeinterval_zero" => 0.0,
        "timeinterval_100ns" => 1e-7,
        "timeinterval_microsecond" => 1e-6,
        "timeinterval_millisecond" => 1e-3,
        "timeinterval_second" => 1.0,
        "timeinterval_minute" => 60.0,
        "timeinterval_hour" => 3600.0,
        "timeinterval_day" => 86_400.0,
        "timeinterval_week" => 604_800.0,
        _ => return None,
    };
    Some(Value::Interval(seconds))
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

fn later(at: Timestamp, seconds: f64) -> Result<Timestamp, Trouble> {
    let out = || Trouble::Evaluation("a time is out of range".to_owned());
    let length = SignedDuration::try_from_secs_f64(seconds).map_err(|_| out())?;
    at.checked_add(length).map_err(|_| out())
}
