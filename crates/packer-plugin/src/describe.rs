//! Answers `describe`: what this plugin is, as the one line of JSON that Packer reads.
//!
//! Packer asks up to four times per run, one after the other, and a single further byte on
//! stdout hides the plugin. So the line is made at build time and nothing else is started.

/// Version of this plugin; it must be the one in its file name.
///
/// A build that is not a release (made without `AZURE_BATCH_RELEASE` in the environment) is
/// a `-dev` one, the only kind of pre-release that Packer knows.
pub const VERSION: &str = match option_env!("AZURE_BATCH_RELEASE") {
    Some(_) => env!("CARGO_PKG_VERSION"),
    None => concat!(env!("CARGO_PKG_VERSION"), "-dev"),
};

/// Name by which the plugin's bare name addresses the component (`post-processor "azure-batch"`).
pub const DEFAULT_NAME: &str = "-packer-default-plugin-name-";

/// The line, without its end.
///
/// `sdk_version` is the Go SDK whose protocol this plugin speaks; `api_version` must equal
/// the one in the file name; `protocol_version` v2 says that the spec can be protobuf.
#[must_use]
pub fn line() -> String {
    format!(
        concat!(
            r#"{{"version":"{}","sdk_version":"0.6.10","api_version":"x5.0","#,
            r#""builders":[],"post_processors":["{}"],"provisioners":[],"datasources":[],"#,
            r#""protocol_version":"v2"}}"#
        ),
        VERSION, DEFAULT_NAME
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_one_json_object_with_a_version_that_packer_takes() {
        let line = line();
        let described: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(described["version"], VERSION);
        assert_eq!(described["api_version"], "x5.0");
        assert_eq!(described["post_processors"][0], DEFAULT_NAME);
        assert_eq!(described["protocol_version"], "v2");
        for empty in ["builders", "provisioners", "datasources"] {
            assert_eq!(described[empty], serde_json::json!([]));
        }
        let (numbers, suffix) = VERSION.split_once('-').unwrap_or((VERSION, ""));
        assert_eq!(numbers.split('.').count(), 3);
        assert!(["", "dev"].contains(&suffix));
    }
}
