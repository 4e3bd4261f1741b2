//! Takes values out of the given texts and collects what is wrong with them.
//!
//! It knows kinds of values; what they mean is said in `inputs`.

use std::{fmt::Display, fs, str::FromStr, time::Duration};

use azure_batch_core::settings::Fault;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::duration::parse_duration;
use crate::{
    cli::Values,
    options::{self, Spec},
};

/// Reads options and remembers their faults.
pub(super) struct Reader<'a> {
    values: &'a Values,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(values: &'a Values) -> Self {
        Self {
            values,
            faults: Vec::new(),
        }
    }

    /// The faults, when there are any.
    pub(super) fn finish(self) -> Result<(), Vec<Fault>> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(self.faults)
        }
    }

    /// Adds a fault of an option.
    pub(super) fn refuse(&mut self, spec: &Spec, fault: impl Into<String>) {
        self.faults.push(Fault::new(spec.name, fault));
    }

    /// Adds faults that core found; it writes names as Packer does, with underscores.
    pub(super) fn take_faults(&mut self, faults: Vec<Fault>) {
        let translated = faults.into_iter().map(|fault| {
            Fault::new(
                options::in_our_names(&fault.setting),
                options::in_our_names(&fault.fault),
            )
        });
        self.faults.extend(translated);
    }

    pub(super) fn is_given(&self, spec: &Spec) -> bool {
        self.values.text(spec).is_some()
    }

    pub(super) fn text(&self, spec: &Spec) -> Option<&'a str> {
        self.values.text(spec)
    }

    pub(super) fn secret(&self, spec: &Spec) -> Option<&'a SecretString> {
        self.values.secret(spec)
    }

    /// The value of a result; its error becomes a fault.
    pub(super) fn checked<T, E: Display>(&mut self, spec: &Spec, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.refuse(spec, error.to_string())).ok()
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, spec: &Spec) -> Option<T> {
        let text = self.text(spec)?;
        self.checked(spec, text.trim().parse())
    }

    pub(super) fn required<T: FromStr<Err: Display>>(&mut self, spec: &Spec) -> Option<T> {
        if !self.is_given(spec) {
            self.refuse(spec, format!("is needed; {}", remedy(spec)));
        }
        self.parsed(spec)
    }

    pub(super) fn number(&mut self, spec: &Spec) -> Option<u32> {
        let text = self.text(spec)?;
        let parsed = text.trim().parse::<u32>();
        self.checked(
            spec,
            parsed.map_err(|_cause| format!("{text:?} is not a whole number; write digits only")),
        )
    }

    pub(super) fn flag(&mut self, spec: &Spec) -> Option<bool> {
        let text = self.text(spec)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.refuse(spec, format!("{text:?} is neither; write true or false"));
                None
            }
        }
    }

    pub(super) fn duration(&mut self, spec: &Spec) -> Option<Duration> {
        let text = self.text(spec)?;
        self.checked(spec, parse_duration(text))
    }

    /// The text of the file that the option names.
    pub(super) fn file(&mut self, spec: &Spec) -> Option<String> {
        let path = self.text(spec)?;
        self.read(spec, path)
    }

    fn read(&mut self, spec: &Spec, path: &str) -> Option<String> {
        let path = path.trim();
        let text = fs::read_to_string(path).map(without_mark);
        self.checked(
            spec,
            text.map_err(|cause| format!("cannot read {path:?}: {cause}; is the path right?")),
        )
    }

    /// A JSON object, inline or in the file after `@`; empty when not given.
    pub(super) fn json_object(&mut self, spec: &Spec) -> Map<String, Value> {
        let Some(text) = self.text(spec) else {
            return Map::new();
        };
        let text = match text.strip_prefix('@') {
            Some(path) => self.read(spec, path),
            None => Some(text.to_owned()),
        };
        let parsed = text.map(|text| serde_json::from_str::<Value>(&text));
        match parsed {
            Some(Ok(Value::Object(object))) => return object,
            Some(Ok(_)) => self.refuse(spec, "is no JSON object; write {…}, the body of POST /pools"),
            Some(Err(cause)) => self.refuse(
                spec,
                format!("is no JSON ({cause}); write {{…}}, or @ and a file's path"),
            ),
            None => {}
        }
        Map::new()
    }
}

/// The text without the mark that some editors and shells write first.
fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// The documentation's sentence as the remedy of a missing option.
fn remedy(spec: &Spec) -> String {
    let mut letters = spec.doc.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string());
    format!("give the {}{}", first.unwrap_or_default(), letters.as_str())
}
