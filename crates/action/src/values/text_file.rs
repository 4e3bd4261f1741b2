//! The text of a file as editors and shells write it: UTF-8, or UTF-16 with a byte order mark, as PowerShell does.
//!
//! It does not know what the text is.

use std::{fs, io};

/// Reads a file.
///
/// # Errors
/// When it cannot be read or is not text.
pub(super) fn read(path: &str) -> io::Result<String> {
    decode(fs::read(path)?)
}

fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let not_text = |_cause| io::Error::new(io::ErrorKind::InvalidData, "it is neither UTF-8 nor UTF-16 text");
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => String::from_utf16(&units(rest, u16::from_le_bytes)).map_err(|_cause| not_text(())),
        [0xfe, 0xff, rest @ ..] => String::from_utf16(&units(rest, u16::from_be_bytes)).map_err(|_cause| not_text(())),
        _ => String::from_utf8(bytes).map_err(|_cause| not_text(())),
    }
}

fn units(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().copied().map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_the_encodings_that_shells_write() {
        let encoded = |order: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            let units = "{\"é\": 1}\r\n".encode_utf16().flat_map(order);
            mark.into_iter().chain(units).collect::<Vec<u8>>()
        };
        for bytes in [
            "{\"é\": 1}\r\n".as_bytes().to_vec(),
            encoded(u16::to_le_bytes, [0xff, 0xfe]),
            encoded(u16::to_be_bytes, [0xfe, 0xff]),
        ] {
            assert_eq!(decode(bytes).unwrap(), "{\"é\": 1}\r\n");
        }
        assert!(decode(vec![b'a', 0xff]).is_err());
    }
}
