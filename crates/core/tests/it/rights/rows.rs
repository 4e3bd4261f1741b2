//! Which rows of `docs/rights.md` each work needs.

use super::work::Work;

const MADE: &str = "the pool is made or gets another image";
const KEPT: &str = "the pool has the image already";
const STRATEGY: &str = "`strategy` other than `create-only`";
const CANARY: &str = "`canary-command`";
const VM: &str = "the source is a VM";
const DEFINITION: &str = "the definition is missing";
const GALLERY: &str = "the gallery is there";
const IMAGE: &str = "a managed image is made on the way";
const BLUE_GREEN: &str = "`strategy: blue-green`";
const MOVING: &str = "a pool is named, or `all_pools`";
const NO_VERSION: &str = "no version is named";
const BY_SECOND: &str = "`strategy` other than `in-place`";

impl Work {
    /// The command, and the rows of it that hold besides those that always do.
    pub(super) const fn rows(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Publish
            | Self::PublishToNewGallery
            | Self::PublishImage
            | Self::PublishVersion
            | Self::PublishCommunity
            | Self::PublishVhds
            | Self::PublishDisks
            | Self::PublishSnapshots
            | Self::PublishAgain
            | Self::PublishWithKeys
            | Self::PublishTested => ("publish", self.rows_of_publish()),
            Self::List => ("list", &[]),
            Self::Promote => ("promote", &[]),
            Self::Demote => ("demote", &[]),
            Self::Scale => ("scale", &[]),
            Self::ScaleToFit => ("scale", &["`fit`"]),
            Self::Collect => ("gc", &["a snapshot is being read", "a managed image is left"]),
            Self::CollectSnapshots => ("gc", &["no managed image is left"]),
            Self::CollectPools => ("gc", &["no managed image is left", "a pool of a test is left"]),
            Self::AwaitVersion => ("wait", &["a version is named"]),
            Self::Prune => ("prune", &["a version goes"]),
            Self::Deprecate => ("prune", &["a version is deprecated first"]),
            Self::RollOut | Self::Autoscale | Self::Heal => ("rollout", &[MADE]),
            Self::Resize | Self::Adopt => ("rollout", &[KEPT]),
            Self::OfSubscription => ("rollout", &[MADE, "nodes use the subscription's quota"]),
            Self::Registering => ("rollout", &[MADE, "`register_provider`", "`fallback-vm-sizes`"]),
            Self::InSubnet => ("rollout", &[MADE, "the pool is in a subnet"]),
            // An identity with a role anywhere below a subscription may read which tenant it belongs to.
            Self::ImageOfOthers => ("rollout", &[MADE]),
            Self::FirstNodes => ("rollout", &[MADE, CANARY]),
            Self::InPlace => ("rollout", &[MADE, STRATEGY, CANARY]),
            Self::BlueGreen => ("rollout", &[MADE, STRATEGY, CANARY, BLUE_GREEN]),
            Self::FormerGoes => (
                "rollout",
                &[MADE, STRATEGY, BLUE_GREEN, "a former pool's `keep-old` is over"],
            ),
            Self::Plan => ("plan", &[]),
            Self::BackInPlace => ("rollback", &["the pool was changed in place"]),
            Self::BackToFormer => ("rollback", &["a second pool has the work"]),
            Self::BackMany => (
                "rollback",
                &[
                    "the pool was changed in place",
                    "many pools of a file",
                    "nodes use the subscription's quota",
                ],
            ),
            Self::Migrate | Self::MigrateInPlace | Self::MigrateAll | Self::ListMigrations => self.rows_of_migration(),
            Self::Status => ("status", &["a pool is on a managed image", "a former pool is kept"]),
            Self::Doctor => ("doctor", &[]),
            Self::Judge => ("judge", &["the counts look bad"]),
            Self::Wait => ("wait", &["a pool is named"]),
            Self::WaitAfterMove => ("wait", &["a pool is named", "a second pool has the work"]),
            Self::Delete => ("delete", &["one pool is named"]),
            Self::DeleteHeld => ("delete", &["`with-jobs`, and a change holds jobs"]),
            Self::DeleteExpired => ("delete", &["`expired`"]),
        }
    }

    const fn rows_of_publish(self) -> &'static [&'static str] {
        match self {
            Self::Publish => &[
                VM,
                IMAGE,
                GALLERY,
                DEFINITION,
                "`deallocate`",
                "`generalize`",
                "`used_by`",
                "`used_by.vm_size`",
            ],
            Self::PublishToNewGallery => &[VM, IMAGE, "`create_gallery`"],
            Self::PublishImage => &[GALLERY, "the source is a managed image"],
            Self::PublishVersion => &[GALLERY, "the source is a version", "the gallery keeps deleted versions"],
            Self::PublishCommunity => &[GALLERY, "the source is a version of a community gallery"],
            Self::PublishVhds => &[GALLERY, "the source is VHDs"],
            Self::PublishDisks => &[IMAGE, GALLERY, DEFINITION, "the source is disks"],
            Self::PublishSnapshots => &[IMAGE, GALLERY, DEFINITION, "the source is snapshots"],
            Self::PublishAgain => &[VM, IMAGE, GALLERY, "the last write of the definition failed"],
            Self::PublishWithKeys => &[VM, GALLERY, DEFINITION, "`disk_encryption_set_id`"],
            Self::PublishTested => &[
                VM,
                IMAGE,
                GALLERY,
                DEFINITION,
                "`test`",
                "`test.subnet_id`",
                "`test.pool_identity`",
                "`register_provider`",
            ],
            _ => &[],
        }
    }

    const fn rows_of_migration(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Migrate | Self::MigrateAll => ("migrate", &[MOVING, NO_VERSION, BY_SECOND]),
            Self::MigrateInPlace => ("migrate", &[MOVING, "a version is named"]),
            _ => ("migrate", &["for the list"]),
        }
    }
}
