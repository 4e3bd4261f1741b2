//! Gates of a roll-out: only where there is a checkpoint.
//!
//! The address and the time are tested with their reader.

use super::*;
use crate::options::Opt;

#[test]
fn a_gate_that_would_never_be_asked_is_refused() {
    let faults = |more: &[(&'static Opt, &str)]| {
        let version = format!("{GALLERY}/images/ubuntu/versions/1.4.2");
        let mut given = Values::default().with(pool::TARGET_DEDICATED_NODES, 700);
        let needed = [
            (pool::IMAGE_VERSION, version.as_str()),
            (pool::ACCOUNT, ACCOUNT),
            (pool::POOL_ID, "render"),
            (options::gate::GATE_COMMAND, "true"),
        ];
        for (opt, text) in needed.iter().chain(more) {
            given.set(opt, *text);
        }
        rollout(&given).err().map(|faults| faults[0].to_string())
    };
    let never = faults(&[]).unwrap();
    assert!(never.starts_with("gate_command: would never be asked"), "{never}");
    for one in [
        (pool::CANARY_NODES, "1"),
        (pool::CANARY_MINUTES, "5"),
        (pool::STRATEGY, "in-place"),
    ] {
        assert_eq!(faults(&[one]), None);
    }
}
