//! How long operations take.
//!
//! It measures nothing and waits for nothing: whoever starts an operation asks it for a duration
//! and adds that to the time of the request.

use jiff::SignedDuration;
use serde::Deserialize;

/// How long operations take, and what the service says about when to ask again.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Every duration is divided by this; 1 is real time.
    pub scale: u32,
    /// Seconds for a `Retry-After` header on long operations; Azure's compute provider sends none.
    pub retry_after: Option<u32>,
    /// Seconds per kind of operation, before scaling.
    pub seconds: Seconds,
}

/// Seconds that each kind of operation takes.
///
/// The defaults are the orders of magnitude of public recordings of the az command line; where none
/// exists, a round number of what people see in the portal.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seconds {
    /// A full snapshot of a disk.
    pub snapshot: u32,
    /// The background copy of a `CopyStart` snapshot, from 0 to 100 percent.
    pub background_copy: u32,
    /// The copy of a disk or blob into a storage account.
    pub blob_copy: u32,
    /// An empty or copied managed disk.
    pub disk: u32,
    /// A managed image.
    pub image: u32,
    /// A gallery.
    pub gallery: u32,
    /// A gallery image definition.
    pub definition: u32,
    /// What any image version takes before its first region is complete.
    pub version: u32,
    /// What each region of an image version adds.
    pub version_region: u32,
    /// The deletion of an image version.
    pub version_delete: u32,
    /// Stopping a VM and releasing its host.
    pub deallocate: u32,
    /// Making a VM with its disks; a template deployment takes as long, whatever it makes.
    pub virtual_machine: u32,
    /// Starting, stopping or restarting a VM.
    pub power: u32,
    /// Deletions other than of image versions, and small updates.
    pub delete: u32,
    /// Changes that only touch metadata: tags, access grants.
    pub update: u32,
}

impl Default for Seconds {
    fn default() -> Self {
        Self {
            snapshot: 20,
            background_copy: 600,
            blob_copy: 60,
            disk: 5,
            image: 60,
            gallery: 10,
            definition: 10,
            version: 300,
            version_region: 60,
            version_delete: 90,
            deallocate: 40,
            virtual_machine: 45,
            power: 30,
            delete: 15,
            update: 2,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            scale: 1,
            retry_after: None,
            seconds: Seconds::default(),
        }
    }
}

impl Timing {
    /// The duration on the emulated clock after the time scale.
    #[must_use]
    pub fn scaled(&self, duration: SignedDuration) -> SignedDuration {
        let scale = i32::try_from(self.scale.max(1)).unwrap_or(i32::MAX);
        duration / scale
    }

    /// The scaled duration of that many seconds.
    #[must_use]
    pub fn lasts(&self, seconds: u32) -> SignedDuration {
        self.scaled(SignedDuration::from_secs(i64::from(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_durations_by_the_scale() {
        let mut timing = Timing {
            scale: 10,
            ..Timing::default()
        };
        assert_eq!(timing.lasts(60), SignedDuration::from_secs(6));
        timing.scale = 0;
        assert_eq!(
            timing.lasts(60),
            SignedDuration::from_secs(60),
            "a scale of 0 means real time"
        );
    }
}
