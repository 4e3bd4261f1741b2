//! The spelling of workflow commands. Pure.
//!
//! How text is kept from being read as one is core's `harmless`.

/// A property's value in a workflow command.
pub(super) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message of a workflow command.
pub(super) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_escape_what_ends_a_message_or_a_property() {
        assert_eq!(message("50 %\r\nnext: a,b"), "50 %25%0D%0Anext: a,b");
        assert_eq!(property("pool: a,b\n50 %"), "pool%3A a%2Cb%0A50 %25");
    }
}
