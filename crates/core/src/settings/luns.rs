//! LUNs of an image's data disks against those of a pool's own data disks: a node has each number once.
//!
//! Pure. Which LUNs an image has is read elsewhere, from a manifest or from the version.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Lun, fault::Fault, shape};
use crate::json;

/// Where a pool's own data disks stand in its JSON.
const DATA_DISKS: &str = "/virtualMachineConfiguration/dataDisks";

/// What is wrong with the data disks that a pool's JSON adds to those of its image: one fault for each LUN that both
/// have, with a number that is free. A disk without a LUN, or with one that is none, is passed over: Batch decides.
#[must_use]
pub(crate) fn clashes(image: &[Lun], pool: &Value) -> Vec<Fault> {
    let lun = |disk: &Value| Lun::try_from(u32::try_from(json::number(disk, "/lun")?).ok()?).ok();
    let asked: Vec<Option<Lun>> = json::items(pool, DATA_DISKS).map(lun).collect();
    let mut taken: BTreeSet<Lun> = image.iter().copied().chain(asked.iter().flatten().copied()).collect();
    let mut faults = Vec::new();
    for (index, lun) in asked.iter().enumerate() {
        let Some(lun) = lun.filter(|lun| image.contains(lun)) else {
            continue;
        };
        let free = (0..64)
            .filter_map(|number| Lun::try_from(number).ok())
            .find(|lun| !taken.contains(lun));
        let remedy = match free {
            Some(free) => format!("give the disk another LUN, such as {free}"),
            None => "no LUN is free: leave the disk out".to_owned(),
        };
        taken.extend(free);
        faults.push(shape::fault(
            format!("virtualMachineConfiguration.dataDisks[{index}].lun"),
            format!("is {lun}, and a data disk of the image has LUN {lun} on every node: {remedy}"),
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{options::Door, settings::fault::lines};

    fn luns(numbers: &[u32]) -> Vec<Lun> {
        numbers.iter().map(|number| Lun::try_from(*number).unwrap()).collect()
    }

    fn said(image: &[u32], disks: Value) -> String {
        let pool = json!({"virtualMachineConfiguration": {"dataDisks": disks}});
        lines(&clashes(&luns(image), &pool), Door::Flag)
    }

    #[test]
    fn each_lun_that_image_and_pool_both_have_is_named_with_one_that_is_free() {
        let disks = json!([{"lun": 0, "diskSizeGB": 64}, {"lun": 2}, {"lun": 1}]);
        assert_eq!(
            said(&[0, 1, 4], disks),
            "--pool-json.virtualMachineConfiguration.dataDisks[0].lun: is 0, and a data disk of the image has LUN 0 on every node: give the disk another LUN, such as 3\n\
             --pool-json.virtualMachineConfiguration.dataDisks[2].lun: is 1, and a data disk of the image has LUN 1 on every node: give the disk another LUN, such as 5"
        );
    }

    #[test]
    fn disks_that_do_not_meet_or_say_no_lun_are_no_fault() {
        for (image, disks) in [
            (vec![], json!([{"lun": 0}])),
            (vec![0, 1], json!([{"lun": 2}])),
            (
                vec![0],
                json!([{"diskSizeGB": 64}, {"lun": 4_294_967_296_u64}, {"lun": "0"}]),
            ),
            (vec![0], Value::Null),
        ] {
            assert_eq!(said(&image, disks.clone()), "", "{image:?} {disks}");
        }
    }

    #[test]
    fn an_image_with_all_luns_leaves_none_to_choose() {
        let all: Vec<u32> = (0..64).collect();
        assert!(said(&all, json!([{"lun": 63}])).ends_with("no LUN is free: leave the disk out"));
    }
}
