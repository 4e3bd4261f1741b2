//! The options of announcing a version on GitHub.

use super::{Kind, POOL_DOORS, Standard, Verb, WITH_GITHUB, rows};

/// What announces.
const NOTIFY: &[Verb] = &[Verb::Notify];

rows! {
    /// All rows of this file.
    ROWS [NOTIFY, POOL_DOORS]:
    REPOSITORY: "repository", Report, Kind::Text, Standard::Rule("the repository of the run"), ["GITHUB_REPOSITORY"],
        "Repository on GitHub that gets the event or the file, as `OWNER/NAME`.";
    EVENT_TYPE: "event_type", Report, Kind::Text, Standard::Rule("`azure-batch-image`"), [],
        "Type of the `repository_dispatch`; a workflow names it under `types`.";
    RELEASE_TAG: "release_tag", Report, Kind::Text, Standard::Absent, [],
        "Tag of a release, still a draft, that gets {manifest} as its file `azure-batch-manifest.json`, instead of an event. A workflow that starts when the release is published takes the version from it.";
    GITHUB_API_URL: "github_api_url", Report, Kind::Text, Standard::Value("https://api.github.com", "GitHub's own; a runner says its server's"), ["GITHUB_API_URL"],
        "GitHub's REST interface; of a GitHub Enterprise Server `https://HOST/api/v3`.";
    CA_FILE: "ca_file", SignIn, Kind::File, Standard::Rule("the system's certificates"), [],
        "PEM file with certificates to trust in addition to the system's.";
}

rows! {
    /// As whom GitHub is asked.
    OF_TOKEN [WITH_GITHUB, POOL_DOORS]:
    GITHUB_TOKEN: "github_token", Report, Kind::Secret, Standard::Absent, ["GH_TOKEN", "GITHUB_TOKEN"],
        "GitHub token. A deployment needs `deployments: write`, an announcement `contents: write` in the repository that gets it, and the manifest of a release `contents: read`.";
}
