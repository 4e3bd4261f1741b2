//! What is said of settings that change while a pool has nodes: which they are, and when its nodes have them.
//!
//! It changes nothing: the request is in `size`.

/// What is true of nodes that boot with these settings.
const KEPT: &str = "; nodes that are there keep the old until they boot again";

/// What the expiry is called among settings.
pub(super) const EXPIRY: &str = "its expiry";

/// The settings of a pool by their names, and what its nodes keep meanwhile.
#[must_use]
pub fn changed(settings: &[String], of: &str) -> String {
    let kept = if reach_nodes(settings) { KEPT } else { "" };
    format!("{}{of}{kept}", settings.join(", "))
}

/// Whether one of them is for nodes. Metadata are read by clients, and so is the expiry, which is one of them.
fn reach_nodes(settings: &[String]) -> bool {
    let is_for_clients = |name: &String| name.starts_with("metadata.") || name == EXPIRY;
    settings.iter().any(|name| !is_for_clients(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_what_they_booted_with_and_have_no_metadata() {
        let said = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            changed(&names, " of pool p1")
        };
        assert_eq!(
            said(&["startTask.commandLine", "metadata.team"]),
            "startTask.commandLine, metadata.team of pool p1; nodes that are there keep the old until they boot again"
        );
        assert_eq!(said(&["metadata.team", EXPIRY]), "metadata.team, its expiry of pool p1");
    }
}
