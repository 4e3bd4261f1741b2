//! Collects what is wrong with settings while they are read on.
//!
//! It knows no setting by itself.

use std::{fmt::Display, str::FromStr};

use azure_batch_core::settings::Fault;

/// Faults found so far.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub(super) fn add(&mut self, setting: impl Into<String>, text: impl Into<String>) {
        self.0.push(Fault::new(setting, text));
    }

    /// Adds faults that somebody else found.
    pub(super) fn extend(&mut self, faults: Vec<Fault>) {
        self.0.extend(faults);
    }

    /// The text of a setting that must be there; otherwise a fault with its remedy.
    pub(super) fn required<'a>(&mut self, setting: &str, text: Option<&'a str>, remedy: &str) -> Option<&'a str> {
        let text = filled(text);
        if text.is_none() {
            self.add(setting, format!("is missing: {remedy}"));
        }
        text
    }

    /// Parses a text; the parser's own error is the fault.
    pub(super) fn parse<T>(&mut self, setting: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        text.parse()
            .map_err(|error: T::Err| self.add(setting, error.to_string()))
            .ok()
    }

    /// Parses a text, or takes the type's default when there is none.
    pub(super) fn parse_or_default<T>(&mut self, setting: &str, text: Option<&str>) -> Option<T>
    where
        T: FromStr<Err: Display> + Default,
    {
        match filled(text) {
            Some(text) => self.parse(setting, text),
            None => Some(T::default()),
        }
    }

    /// Whether nothing was found.
    pub(super) fn into_result(self) -> Result<(), Vec<Fault>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// A text that is there and not empty.
pub(super) fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// A switch that is on.
pub(super) fn is_on(switch: Option<bool>) -> bool {
    switch.unwrap_or_default()
}
