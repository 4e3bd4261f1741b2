//! Looks variables of the process up, the one place that does so outside of Packer's handshake.

/// Looks a variable up.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variable of this process; nothing when it is not text.
#[must_use]
pub fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}
