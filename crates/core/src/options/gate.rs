//! The options of gates: what is asked outside before a roll-out goes on.

use super::{CHANGING_AN_IMAGE, Kind, POOL_DOORS, Standard, rows};

rows! {
    /// All rows of this file.
    ROWS [CHANGING_AN_IMAGE, POOL_DOORS]:
    GATE_COMMAND: "gate_command", Change, Kind::Text, Standard::Absent, [],
        "Command that is asked at every checkpoint whether the roll-out may go on: after the first nodes, after each step of blue-green, and in place before the jobs run again. It runs on the machine of this run, by `/bin/sh -c` or `cmd /C`; variables `AZURE_BATCH_GATE_…` say pool, version and checkpoint. Exit code 0 is a yes. 75 is \"not yet\", and it is asked again after 30 seconds. Every other code is a no: the image counts as bad, and {on_failure} says what happens. Not taken from a pool file.";
    GATE_URL: "gate_url", Change, Kind::Text, Standard::Absent, [],
        "Address that is asked at every checkpoint, as {gate_command} is and after it: it gets a POST with JSON that says pool, version and checkpoint, over HTTPS and without a token. An answer of 200 to 299 is a yes. 425 and 503 are \"not yet\"; so are 408, 429, 502 and 504, which come from what stands between, and no answer. Every other answer is a no, a redirect too. Only its host is ever shown. Not taken from a pool file.";
    GATE_MINUTES: "gate_minutes", Change, Kind::Number, Standard::Value("60", "an hour in which a person can look"), [],
        "How many minutes a gate has at each checkpoint for its yes: 1 to 1440. After that it counts as a no.";
}
