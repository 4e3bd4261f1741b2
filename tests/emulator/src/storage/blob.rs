//! A blob: its size, what was written into it, and whether it holds a disk that Azure can read.
//!
//! Only what was written is kept, so that a disk of a terabyte costs nothing.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Bytes of a page: sizes and ranges of page blobs are multiples of it.
pub(crate) const PAGE: u64 = 512;

/// Bytes of a MiB: Azure takes disks of whole MiB only.
const MIB: u64 = 1 << 20;

/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

/// By which the footer of a VHD is known.
const COOKIE: &[u8] = b"conectix";

/// Where a footer has the disk's size.
const SIZE_AT: usize = 48;

/// Where a footer has the disk's kind.
const KIND_AT: usize = 60;

/// The kind of a disk whose blocks are all there.
const FIXED: u32 = 2;

/// The kinds of blob that are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobKind {
    Page,
    Block,
}

/// One blob.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(super) kind: BlobKind,
    pub(super) size: u64,
    /// What was written, the newest last, each with where it begins.
    writes: Vec<(u64, Bytes)>,
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) copy: Option<Copied>,
    /// The lower-case id of the VM whose disk it is.
    pub(super) leased_to: Option<String>,
}

/// The copy that a blob comes from.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    pub(super) id: String,
    /// The source without its signature.
    pub(super) source: String,
    pub(super) begun: Timestamp,
    pub(super) ends: Timestamp,
}

/// When a blob was changed last, and the ETag it got then.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) etag: String,
    pub(super) at: Timestamp,
}

impl BlobKind {
    /// As headers name it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Page => "PageBlob",
            Self::Block => "BlockBlob",
        }
    }
}

impl Copied {
    /// `pending` or `success`.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        if now < self.ends { "pending" } else { "success" }
    }
}

impl Blob {
    /// A blob of that size into which nothing was written.
    pub(super) fn empty(kind: BlobKind, size: u64, stamp: Stamp) -> Self {
        Self {
            kind,
            size,
            writes: Vec::new(),
            etag: stamp.etag,
            modified: stamp.at,
            copy: None,
            leased_to: None,
        }
    }

    /// A page blob with a disk of that many bytes.
    pub(super) fn disk(bytes: u64, stamp: Stamp) -> Self {
        let mut blob = Self::empty(BlobKind::Page, bytes + PAGE, stamp);
        blob.writes.push((bytes, footer(bytes)));
        blob
    }

    /// The same content as a copy of it.
    pub(super) fn copied(&self, copy: Copied, stamp: Stamp) -> Self {
        Self {
            etag: stamp.etag,
            modified: stamp.at,
            copy: Some(copy),
            leased_to: None,
            ..self.clone()
        }
    }

    pub(super) fn write(&mut self, begin: u64, bytes: Bytes, stamp: Stamp) {
        self.writes.push((begin, bytes));
        self.etag = stamp.etag;
        self.modified = stamp.at;
    }

    /// The bytes from `begin` on; what was never written is zero.
    pub(super) fn read(&self, begin: u64, length: usize) -> Vec<u8> {
        let mut read = vec![0; length];
        for (at, bytes) in &self.writes {
            for (offset, byte) in (*at..).zip(bytes.iter()) {
                let place = offset.checked_sub(begin).and_then(|place| usize::try_from(place).ok());
                if let Some(slot) = place.and_then(|place| read.get_mut(place)) {
                    *slot = *byte;
                }
            }
        }
        read
    }

    /// The bytes of the disk in it, or why Azure makes nothing of it; `address` is how the refusal calls it.
    ///
    /// The words about cookie and size are those that people post; the others are guesses.
    pub(crate) fn as_disk(&self, address: &str, now: Timestamp) -> Result<u64, String> {
        if self.kind != BlobKind::Page {
            return Err(format!(
                "The blob {address} is of type {}. Only page blobs are supported.",
                self.kind.word()
            ));
        }
        if self.copy.as_ref().is_some_and(|copy| copy.status(now) == "pending") {
            return Err(format!("The copy into the blob {address} is not complete."));
        }
        let bytes = self.size.saturating_sub(PAGE);
        require_footer(&self.read(bytes, 512), address)?;
        if bytes == 0 || !bytes.is_multiple_of(MIB) {
            return Err(format!(
                "The VHD with blob {address} has an unsupported virtual size of {bytes} bytes. The size must be a whole \
                 number (in MBs)."
            ));
        }
        Ok(bytes)
    }

    /// The same in whole GiB, as disks and images show it.
    pub(crate) fn as_disk_gib(&self, address: &str, now: Timestamp) -> Result<u64, String> {
        self.as_disk(address, now).map(|bytes| bytes.div_ceil(GIB))
    }

    /// What there is of it, for those who look at the whole world.
    pub(super) fn shown(&self, now: Timestamp) -> Value {
        json!({
            "type": self.kind.word(),
            "size": self.size,
            "copyStatus": self.copy.as_ref().map(|copy| copy.status(now)),
        })
    }
}

/// Refuses what is no footer of a fixed disk.
fn require_footer(footer: &[u8], address: &str) -> Result<(), String> {
    if !footer.starts_with(COOKIE) {
        return Err(format!(
            "The specified cookie value in VHD footer indicates that disk with blob {address} is not a supported VHD. \
             Disk is expected to have cookie value 'conectix'."
        ));
    }
    let kind = footer.get(KIND_AT..KIND_AT + 4).and_then(|bytes| bytes.try_into().ok());
    if kind.map(u32::from_be_bytes) == Some(FIXED) {
        Ok(())
    } else {
        Err(format!("The VHD with blob {address} is not of a fixed size."))
    }
}

/// The footer of a fixed disk of that many bytes.
fn footer(bytes: u64) -> Bytes {
    let mut footer = vec![0_u8; 512];
    let mut put = |at: usize, field: &[u8]| {
        if let Some(slot) = footer.get_mut(at..at + field.len()) {
            slot.copy_from_slice(field);
        }
    };
    put(0, COOKIE);
    // Features, version, and no further header.
    put(8, &2_u32.to_be_bytes());
    put(12, &0x0001_0000_u32.to_be_bytes());
    put(16, &u64::MAX.to_be_bytes());
    put(SIZE_AT - 8, &bytes.to_be_bytes());
    put(SIZE_AT, &bytes.to_be_bytes());
    put(KIND_AT, &FIXED.to_be_bytes());
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(slot) = footer.get_mut(64..68) {
        slot.copy_from_slice(&(!sum).to_be_bytes());
    }
    footer.into()
}
