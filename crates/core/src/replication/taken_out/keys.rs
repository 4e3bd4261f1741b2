//! The keys of a region in the few letters that a tag has room for.
//!
//! Entries are joined by `,`: the set of the OS disk, and `LUN=set` of each data disk, without the set where it is the OS
//! disk's. A set is `group/name`, after its subscription where that is not the version's. What else an encryption may say
//! is not carried.

use serde_json::{Value, json};

use crate::{
    ids::resource::{DiskEncryptionSetId, ResourceGroupId},
    json as read_json,
};

/// The disk encryption sets of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Of the OS disk.
    os: DiskEncryptionSetId,
    /// Of the data disks, by LUN.
    data: Vec<(u64, DiskEncryptionSetId)>,
}

impl Keys {
    /// The keys in a region's `encryption`; nothing when it says something else than an id for each disk.
    pub(super) fn of(encryption: &Value) -> Option<Self> {
        only(encryption, &["osDiskImage", "dataDiskImages"])?;
        let os = set(read_json::at(encryption, "/osDiskImage"), &["diskEncryptionSetId"])?;
        let disks = read_json::items(encryption, "/dataDiskImages");
        let data = disks.map(|disk| {
            let lun = read_json::number(disk, "/lun")?;
            Some((lun, set(disk, &["lun", "diskEncryptionSetId"])?))
        });
        Some(Self {
            os,
            data: data.collect::<Option<_>>()?,
        })
    }

    /// The `encryption` of the region.
    pub(super) fn encryption(&self) -> Value {
        let disk = |(lun, set): &(u64, DiskEncryptionSetId)| json!({"lun": lun, "diskEncryptionSetId": set});
        let mut encryption = json!({"osDiskImage": {"diskEncryptionSetId": self.os}});
        if let (Some(members), false) = (encryption.as_object_mut(), self.data.is_empty()) {
            members.insert("dataDiskImages".to_owned(), self.data.iter().map(disk).collect());
        }
        encryption
    }

    /// How the tag of a version in that subscription says it.
    pub(super) fn text(&self, subscription: &str) -> String {
        let short = |set: &DiskEncryptionSetId| short(set, subscription);
        let data = self.data.iter().map(|(lun, set)| match *set == self.os {
            true => format!("{lun}="),
            false => format!("{lun}={}", short(set)),
        });
        let all = std::iter::once(short(&self.os)).chain(data);
        all.collect::<Vec<_>>().join(",")
    }

    /// What such a tag says.
    pub(super) fn read(text: &str, subscription: &str) -> Option<Self> {
        let mut entries = text.split(',');
        let os = long(entries.next()?, subscription)?;
        let data = entries.map(|entry| {
            let (lun, set) = entry.split_once('=')?;
            let set = match set {
                "" => os.clone(),
                own => long(own, subscription)?,
            };
            Some((lun.parse().ok()?, set))
        });
        let data = data.collect::<Option<_>>()?;
        Some(Self { os, data })
    }
}

/// The set of a disk that says nothing but these members.
fn set(disk: &Value, members: &[&str]) -> Option<DiskEncryptionSetId> {
    only(disk, members)?;
    read_json::text(disk, "/diskEncryptionSetId")?.parse().ok()
}

/// Whether a value says nothing but these members.
fn only(value: &Value, members: &[&str]) -> Option<()> {
    let mut all = value.as_object()?.iter();
    let is_known = |(name, value): (&String, &Value)| members.contains(&name.as_str()) || value.is_null();
    all.all(is_known).then_some(())
}

fn short(set: &DiskEncryptionSetId, subscription: &str) -> String {
    let group = set.group();
    let own = format!("{}/{}", group.name(), set.name());
    match group.subscription().eq_ignore_ascii_case(subscription) {
        true => own,
        false => format!("{}/{own}", group.subscription()),
    }
}

fn long(text: &str, subscription: &str) -> Option<DiskEncryptionSetId> {
    let parts: Vec<&str> = text.split('/').collect();
    let (subscription, group, name) = match parts.as_slice() {
        [group, name] => (subscription, group, name),
        [subscription, group, name] => (*subscription, group, name),
        _ => return None,
    };
    let group = ResourceGroupId::new(subscription, group).ok()?;
    let id = format!("{group}/providers/Microsoft.Compute/diskEncryptionSets/{name}");
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "11111111-1111-1111-1111-111111111111";
    const THERE: &str = "22222222-2222-2222-2222-222222222222";

    fn id(subscription: &str, name: &str) -> String {
        format!(
            "/subscriptions/{subscription}/resourceGroups/rg-keys/providers/Microsoft.Compute/diskEncryptionSets/{name}"
        )
    }

    #[test]
    fn keys_are_the_same_after_they_were_in_a_tag() {
        let os = json!({"diskEncryptionSetId": id(HERE, "des")});
        let disk = |lun: u64, set: String| json!({"lun": lun, "diskEncryptionSetId": set});
        for (encryption, text) in [
            (json!({ "osDiskImage": os }), "rg-keys/des".to_owned()),
            (
                json!({"osDiskImage": os, "dataDiskImages": [disk(0, id(HERE, "des")), disk(7, id(THERE, "other"))]}),
                format!("rg-keys/des,0=,7={THERE}/rg-keys/other"),
            ),
        ] {
            let keys = Keys::of(&encryption).unwrap();
            assert_eq!(keys.text(HERE), text);
            assert_eq!(Keys::read(&text, HERE).unwrap().encryption(), encryption);
        }
    }

    #[test]
    fn an_encryption_that_says_more_is_not_carried() {
        let os = json!({"diskEncryptionSetId": id(HERE, "des")});
        let confidential =
            json!({"diskEncryptionSetId": id(HERE, "des"), "securityProfile": {"confidentialVMEncryptionType": "x"}});
        let silent = json!({"diskEncryptionSetId": id(HERE, "des"), "securityProfile": null});
        assert!(Keys::of(&json!({"osDiskImage": silent, "dataDiskImages": null})).is_some());
        for encryption in [
            json!({ "osDiskImage": confidential }),
            json!({"osDiskImage": os, "more": 1}),
            json!({"osDiskImage": {"diskEncryptionSetId": "/des"}}),
            json!({"osDiskImage": os, "dataDiskImages": [{"diskEncryptionSetId": id(HERE, "des")}]}),
            json!({"dataDiskImages": []}),
        ] {
            assert_eq!(Keys::of(&encryption), None, "{encryption}");
        }
        for text in ["", "des", "rg/des,x=", "rg/des,0", "rg/des,0=des", "rg/a/b/c"] {
            assert_eq!(Keys::read(text, HERE), None, "{text}");
        }
    }
}
