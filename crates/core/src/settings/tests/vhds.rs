//! VHDs as a source: what is read of them, and which slips are named.

use serde_json::{Value as Json, json};

use super::{assert_faults, published, values};
use crate::{
    options::Verb,
    settings::{Values, names_source},
};

#[test]
fn vhds_are_a_source_with_their_luns() {
    let vhd = "https://acct.blob.core.windows.net/vhds/os.vhd";
    let source = json!({"vm": null, "os_vhd": vhd, "data_vhd": [{"lun": 3, "uri": vhd}], "os_type": "linux", "hyper_v_generation": "v1"});
    let settings = published(&json!({"source": source})).unwrap().settings;
    assert_eq!(settings.source.to_string(), "VHD os.vhd and 1 data VHD(s)");
}

#[test]
fn a_block_that_only_describes_vhds_names_no_source() {
    let named = |source: Json| names_source(&values(Verb::Publish, json!({}), &json!({"source": source})));
    assert!(!names_source(&Values::default()));
    assert!(!named(json!({"hyper_v_generation": "V2", "os_type": "Linux"})));
    for named_or_odd in [json!({"vm": "vm1"}), json!({"resource_group": "rg"}), json!({})] {
        assert!(named(named_or_odd.clone()), "{named_or_odd}");
    }
}

#[test]
fn slips_in_vhds_are_named_and_signatures_are_not_repeated() {
    assert_faults(
        |source| published(&json!({"source": source})),
        &[
            (
                json!({"os_type": "Linux"}),
                "source.os_type: is for VHDs, and the source names none: leave it out, or give source.os_vhd",
            ),
            (
                json!({"vm": null, "os_vhd": "https://acct.blob.core.windows.net/vhds/os.vhd?sig=hunter2"}),
                "source.os_vhd: \"https://acct.blob.core.windows.net/vhds/os.vhd?…\" is not the address of a blob (https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME, nothing behind it)",
            ),
            (
                json!({"vm": null, "os_vhd": "https://acct.blob.core.windows.net/vhds/os.vhd", "hyper_v_generation": "2"}),
                "source.hyper_v_generation: \"2\" is not V1 or V2",
            ),
        ],
    );
}
