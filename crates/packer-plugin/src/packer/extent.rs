//! Finds where a msgpack value ends while its bytes arrive; pure.
//!
//! Every byte is looked at once, however the message is cut, so a long message costs no more than its length. What the
//! value says is not known here: [`super::codec`] reads it when it is whole.

/// How far into a value the bytes have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many values are still to come in each array and map that is open, the outermost first.
    open: Vec<u64>,
    /// How many bytes of the value at hand are still to come.
    ahead: u64,
}

/// What the first bytes of a value say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    /// How many bytes say it.
    length: usize,
    /// How many bytes of content follow.
    content: u64,
    /// How many values follow.
    values: u64,
}

impl Extent {
    /// Waits for that many values, one after the other.
    #[must_use]
    pub fn of(values: u64) -> Self {
        Self {
            open: vec![values],
            ahead: 0,
        }
    }

    /// Whether the values are whole.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.open.is_empty() && self.ahead == 0
    }

    /// How many arrays and maps are open, one in another.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.open.len()
    }

    /// Takes the next bytes and gives how many of them belong to the values. Those at the end that do not yet say what
    /// they begin are not taken and come again with the next.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        loop {
            rest = self.skip(rest);
            if self.ahead > 0 || self.open.is_empty() {
                break;
            }
            let Some(head) = Head::read(rest) else { break };
            rest = rest.get(head.length..).unwrap_or_default();
            self.begin(head);
        }
        bytes.len() - rest.len()
    }

    /// Passes over content.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = usize::try_from(self.ahead).unwrap_or(usize::MAX).min(bytes.len());
        self.ahead -= count as u64;
        bytes.get(count..).unwrap_or_default()
    }

    /// Counts a value that begins, and closes what it ends.
    fn begin(&mut self, head: Head) {
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        self.ahead = head.content;
        if head.values > 0 {
            self.open.push(head.values);
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
    }
}

impl Head {
    /// Reads it from the start of the bytes; `None` when there are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let marker = *bytes.first()?;
        let number = |width: usize| {
            let digits = bytes.get(1..=width)?;
            Some(
                digits
                    .iter()
                    .fold(0_u64, |number, digit| number << 8 | u64::from(*digit)),
            )
        };
        // How many bytes say the length, what else belongs to the content, and what the length counts.
        let (width, content, values) = match marker {
            0x80..=0x8f => (0, 0, 2 * u64::from(marker & 0x0f)),
            0x90..=0x9f => (0, 0, u64::from(marker & 0x0f)),
            0xa0..=0xbf => (0, u64::from(marker & 0x1f), 0),
            0xc4 | 0xd9 => (1, number(1)?, 0),
            0xc5 | 0xda => (2, number(2)?, 0),
            0xc6 | 0xdb => (4, number(4)?, 0),
            // The type of an extension is one byte more.
            0xc7 => (1, number(1)? + 1, 0),
            0xc8 => (2, number(2)? + 1, 0),
            0xc9 => (4, number(4)? + 1, 0),
            0xcc | 0xd0 => (0, 1, 0),
            0xcd | 0xd1 | 0xd4 => (0, 2, 0),
            0xd5 => (0, 3, 0),
            0xca | 0xce | 0xd2 => (0, 4, 0),
            0xd6 => (0, 5, 0),
            0xcb | 0xcf | 0xd3 => (0, 8, 0),
            0xd7 => (0, 9, 0),
            0xd8 => (0, 17, 0),
            0xdc => (2, 0, number(2)?),
            0xdd => (4, 0, number(4)?),
            0xde => (2, 0, 2 * number(2)?),
            0xdf => (4, 0, 2 * number(4)?),
            // Small numbers, nil, false, true, and the marker that is reserved.
            0x00..=0x7f | 0xe0..=0xff | 0xc0..=0xc3 => (0, 0, 0),
        };
        Some(Self {
            length: 1 + width,
            content,
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rmpv::Value;

    use super::*;

    fn packed(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        bytes
    }

    /// Takes the bytes in pieces, and gives how many were looked at in all and how many were taken.
    fn taken_in_pieces(bytes: &[u8], piece: usize) -> (usize, usize, Extent) {
        let mut extent = Extent::of(1);
        let (mut looked_at, mut taken) = (0, 0);
        for end in (piece..bytes.len()).step_by(piece).chain([bytes.len()]) {
            let offered = &bytes[taken..end];
            looked_at += offered.len();
            taken += extent.take(offered);
        }
        (looked_at, taken, extent)
    }

    #[test]
    fn every_kind_of_value_ends_where_it_is_written_to_end() {
        let text = |length: usize| Value::from("x".repeat(length));
        let binary = |length: usize| Value::Binary(vec![7; length]);
        let list = |length: usize| Value::Array(vec![Value::from(300); length]);
        let map = |length: u32| Value::Map((0..length).map(|key| (Value::from(key), Value::Nil)).collect());
        let mut all = vec![Value::Nil, Value::from(true), Value::F32(1.5), Value::F64(-1.5)];
        all.extend([0_i64, 127, -1, -32, -33, 128, 255, 256, 70_000, i64::MAX, i64::MIN].map(Value::from));
        all.extend([0, 31, 32, 255, 256, 70_000].map(text));
        all.extend([0, 255, 256, 70_000].map(binary));
        all.extend([0, 15, 16, 70_000].map(list));
        all.extend([0, 15, 16, 70_000].map(map));
        all.extend([1, 2, 4, 8, 16, 3, 300, 70_000].map(|length| Value::Ext(4, vec![1; length])));
        for value in all {
            let mut bytes = packed(&value);
            let length = bytes.len();
            for end in [0, 1, 2, 3, length / 2, length - 1] {
                let mut extent = Extent::of(1);
                extent.take(&bytes[..end.min(length - 1)]);
                assert!(!extent.is_whole(), "{:x?} after {end} bytes", &bytes[..length.min(9)]);
            }
            bytes.extend([0xc0; 3]);
            let mut extent = Extent::of(1);
            assert_eq!(extent.take(&bytes), length, "{:x?}", &bytes[..length.min(9)]);
            assert!(extent.is_whole());
        }
    }

    #[test]
    fn a_long_message_is_looked_at_once_however_it_is_cut() {
        let value = Value::Array((0..400_000_u64).map(|number| Value::from(number * 97)).collect());
        let bytes = packed(&value);
        for piece in [4096, 16 * 1024] {
            let (looked_at, taken, extent) = taken_in_pieces(&bytes, piece);
            assert_eq!(taken, bytes.len());
            assert!(extent.is_whole());
            // At each cut at most the first bytes of one value come again.
            let again = 9 * bytes.len().div_ceil(piece);
            assert!(looked_at <= bytes.len() + again, "{looked_at} of {}", bytes.len());
        }
    }

    #[test]
    fn what_is_declared_takes_no_memory() {
        let mut extent = Extent::of(1);
        for declared in [[0xdd; 5], [0xdf; 5], [0xdd; 5]] {
            extent.take(&declared);
        }
        extent.take(&[0xc6, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!((extent.depth(), extent.ahead), (4, u64::from(u32::MAX)));
        assert!(!extent.is_whole());
    }

    proptest! {
        #[test]
        fn any_bytes_end_where_they_are_read_to_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut extent = Extent::of(1);
            let taken = extent.take(&bytes);
            let mut rest = bytes.as_slice();
            match rmpv::decode::read_value_with_max_depth(&mut rest, 1000) {
                Ok(_) => {
                    prop_assert!(extent.is_whole());
                    prop_assert_eq!(taken, bytes.len() - rest.len());
                }
                Err(_) => prop_assert!(!extent.is_whole()),
            }
        }
    }
}
