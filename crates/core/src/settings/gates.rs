//! What is asked outside before a roll-out goes on, and for how long.
//!
//! Nothing is asked here, and the address is looked at only as text.

use std::{fmt, time::Duration};

use url::Url;

use super::reader::Reader;
use crate::{
    address::secret_address,
    options::{gate as options, pool},
    words,
};

/// How many minutes a gate has when nothing is said: an hour, in which a person can look.
const MINUTES: u32 = 60;

/// The most minutes: a day. A job that waits longer for one answer is better ended and run again.
const MOST_MINUTES: u32 = 24 * 60;

/// The gates of a roll-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gates {
    /// A command line that is asked on this machine.
    pub command: Option<String>,
    /// An address that is asked.
    pub url: Option<GateUrl>,
    /// How long each has for its yes, at each checkpoint.
    pub patience: Duration,
}

/// The address of a gate. Its path and query may hold a secret, so only its host is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GateUrl(Url);

impl Gates {
    /// Whether anything is asked.
    #[must_use]
    pub const fn ask_anything(&self) -> bool {
        self.command.is_some() || self.url.is_some()
    }

    /// The most time that a checkpoint may take.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.patience * (u32::from(self.command.is_some()) + u32::from(self.url.is_some()))
    }
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            command: None,
            url: None,
            patience: Duration::from_secs(60 * u64::from(MINUTES)),
        }
    }
}

impl GateUrl {
    /// Reads an address: over HTTPS, or on this machine.
    ///
    /// # Errors
    /// Why it must not be asked: the rest of a sentence that begins with the address. It does not hold the address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        secret_address(text).map(Self)
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> &Url {
        &self.0
    }

    /// The host, and the port where it is not the usual one: all of it that is shown.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Debug for GateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateUrl").field(&self.host()).finish()
    }
}

/// Reads the gates of a roll-out.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Gates {
    let url = reader.text(options::GATE_URL).map(GateUrl::parse);
    let url = url.and_then(|url| reader.checked(options::GATE_URL, url));
    let gates = Gates {
        command: reader.text(options::GATE_COMMAND).map(str::to_owned),
        url,
        patience: Duration::from_secs(60 * u64::from(minutes(reader))),
    };
    if !gates.ask_anything() && reader.has(options::GATE_MINUTES) && !reader.has(options::GATE_URL) {
        let text = words![
            "there is no gate; give ",
            options::GATE_COMMAND,
            " or ",
            options::GATE_URL
        ];
        reader.refuse(options::GATE_MINUTES, text);
    }
    gates
}

/// Refuses gates of a roll-out that has no checkpoint: they would never be asked.
pub(super) fn refuse(reader: &mut Reader<'_, '_>) {
    for opt in [options::GATE_COMMAND, options::GATE_URL] {
        if reader.has(opt) {
            let text = words![
                "would never be asked: a pool that is made without first nodes has no checkpoint; give ",
                pool::CANARY_NODES,
                ", or blue-green, in-place or auto in ",
                pool::STRATEGY
            ];
            reader.refuse(opt, text);
        }
    }
}

fn minutes(reader: &mut Reader<'_, '_>) -> u32 {
    let minutes = reader.number(options::GATE_MINUTES).unwrap_or(MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        let text = format!("{minutes} is out of range; write 1 to {MOST_MINUTES}");
        reader.refuse(options::GATE_MINUTES, text);
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::values::Values;

    fn faults(given: &[(&'static crate::options::Opt, &str)]) -> Vec<String> {
        let (mut values, mut faults) = (Values::default(), Vec::new());
        for (opt, value) in given {
            values.set(opt, *value);
        }
        read(&mut Reader::new(&values, &mut faults));
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_https_or_of_this_machine_and_only_its_host_is_shown() {
        let url = GateUrl::parse("https://gates.example:8443/hooks/s3cret?key=s3cret").unwrap();
        assert_eq!(url.host(), "gates.example:8443");
        assert_eq!(format!("{url:?}"), "GateUrl(\"gates.example:8443\")");
        assert!(GateUrl::parse("http://127.0.0.1:8080/gate").is_ok());
        for bad in [
            "http://gates.example/s3cret",
            "https://a:s3cret@gates.example/",
            "gates.example/s3cret",
        ] {
            let faults = faults(&[(options::GATE_URL, bad)]);
            assert!(
                matches!(&faults[..], [one] if one.starts_with("gate_url: ") && !one.contains("s3cret")),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn a_time_without_a_gate_and_one_out_of_range_are_refused() {
        let command = (options::GATE_COMMAND, "true");
        assert_eq!(faults(&[command]), [""; 0]);
        let alone = faults(&[(options::GATE_MINUTES, "5")]);
        assert_eq!(alone, ["gate_minutes: there is no gate; give gate_command or gate_url"]);
        for minutes in ["0", "1441"] {
            assert_eq!(
                faults(&[command, (options::GATE_MINUTES, minutes)]),
                [format!("gate_minutes: {minutes} is out of range; write 1 to 1440")]
            );
        }
    }
}
