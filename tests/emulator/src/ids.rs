//! Request ids, operation ids and ETags: unique in a world, the same in every run.
//!
//! No randomness: a run that fails can be repeated to the letter.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Hands out ids in order.
#[derive(Debug, Default)]
pub struct IdSource {
    issued: u64,
}

impl IdSource {
    /// The next GUID, e.g. `6b86b273-ff34-4ce1-9d6b-804eff5a3f57`.
    pub fn guid(&mut self) -> String {
        let hex = self.hex();
        let part = |range| hex.get(range).unwrap_or_default();
        format!(
            "{}-{}-4{}-9{}-{}",
            part(0..8),
            part(8..12),
            part(13..16),
            part(17..20),
            part(20..32)
        )
    }

    /// The next ETag as Batch's data plane writes it: unquoted, `0x8D` and twelve digits.
    pub fn etag(&mut self) -> String {
        let hex = self.hex().to_uppercase();
        format!("0x8D{}", hex.get(0..12).unwrap_or_default())
    }

    /// 64 hexadecimal digits that no earlier call returned.
    pub fn hex(&mut self) -> String {
        self.issued += 1;
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(self.issued.to_string()) {
            // Writing into a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        text
    }
}
