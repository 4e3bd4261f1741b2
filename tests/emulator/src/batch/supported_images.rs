//! The marketplace images and node agent SKUs that Batch supports, as `supportedimages` lists them.
//!
//! It is a plausible list, not Azure's of any one day. End-of-life dates are those that the publishers give for the
//! operating systems.

use serde_json::{Map, Value, json};

/// An operating system, in `supportedimages`' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OsType {
    Linux,
    Windows,
}

/// One supported marketplace image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SupportedImage {
    agent: &'static str,
    publisher: &'static str,
    offer: &'static str,
    sku: &'static str,
    capabilities: &'static [&'static str],
    end_of_life: Option<&'static str>,
    /// What `exactVersion` of a node says.
    exact_version: &'static str,
}

const UBUNTU_18: &str = "batch.node.ubuntu 18.04";

const UBUNTU_20: &str = "batch.node.ubuntu 20.04";

const UBUNTU_22: &str = "batch.node.ubuntu 22.04";

const UBUNTU_24: &str = "batch.node.ubuntu 24.04";

const EL_8: &str = "batch.node.el 8";

const EL_9: &str = "batch.node.el 9";

const WINDOWS: &str = "batch.node.windows amd64";

const GENERATION_1: &[&str] = &[];

const GENERATION_2: &[&str] = &["Generation2VMImage"];

const DOCKER_2: &[&str] = &["DockerCompatible", "Generation2VMImage"];

const BIONIC: Option<&str> = Some("2023-05-30T00:00:00Z");

const FOCAL: Option<&str> = Some("2025-05-31T00:00:00Z");

const JAMMY: Option<&str> = Some("2027-06-30T00:00:00Z");

const NOBLE: Option<&str> = Some("2029-06-01T00:00:00Z");

const WINDOWS_2019: Option<&str> = Some("2029-01-09T00:00:00Z");

const WINDOWS_2022: Option<&str> = Some("2031-10-14T00:00:00Z");

/// The end of Microsoft's extended support. That Batch lists images of this system, and which, is a guess: no list of the
/// service that has them was found. Their names are the marketplace's.
const WINDOWS_2025: Option<&str> = Some("2034-11-14T00:00:00Z");

const SERVER: (&str, &str) = ("microsoftwindowsserver", "windowsserver");

/// The list, in the order in which the service gives it.
pub(crate) const IMAGES: &[SupportedImage] = &[
    image(
        EL_8,
        ("almalinux", "almalinux-x86_64", "8-gen1"),
        GENERATION_1,
        Some("2029-03-01T00:00:00Z"),
        "8.10.2024",
    ),
    image(
        EL_8,
        ("almalinux", "almalinux-x86_64", "8-gen2"),
        GENERATION_2,
        Some("2029-03-01T00:00:00Z"),
        "8.10.2024",
    ),
    image(
        EL_9,
        ("almalinux", "almalinux-x86_64", "9-gen1"),
        GENERATION_1,
        Some("2032-05-31T00:00:00Z"),
        "9.4.2024",
    ),
    image(
        EL_9,
        ("almalinux", "almalinux-x86_64", "9-gen2"),
        GENERATION_2,
        Some("2032-05-31T00:00:00Z"),
        "9.4.2024",
    ),
    image(
        UBUNTU_18,
        ("canonical", "ubuntuserver", "18.04-lts"),
        GENERATION_1,
        BIONIC,
        "18.04.202209020",
    ),
    image(
        UBUNTU_18,
        ("canonical", "ubuntuserver", "18_04-lts-gen2"),
        GENERATION_2,
        BIONIC,
        "18.04.202209020",
    ),
    image(
        UBUNTU_20,
        ("canonical", "0001-com-ubuntu-server-focal", "20_04-lts"),
        GENERATION_1,
        FOCAL,
        "20.04.202505200",
    ),
    image(
        UBUNTU_20,
        ("canonical", "0001-com-ubuntu-server-focal", "20_04-lts-gen2"),
        GENERATION_2,
        FOCAL,
        "20.04.202505200",
    ),
    image(
        UBUNTU_22,
        ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts"),
        GENERATION_1,
        JAMMY,
        "22.04.202601010",
    ),
    image(
        UBUNTU_22,
        ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"),
        GENERATION_2,
        JAMMY,
        "22.04.202601010",
    ),
    image(
        UBUNTU_24,
        ("canonical", "ubuntu-24_04-lts", "server"),
        GENERATION_2,
        NOBLE,
        "24.04.202601010",
    ),
    image(
        UBUNTU_24,
        ("canonical", "ubuntu-24_04-lts", "server-gen1"),
        GENERATION_1,
        NOBLE,
        "24.04.202601010",
    ),
    image(
        UBUNTU_22,
        ("microsoft-dsvm", "ubuntu-hpc", "2204"),
        DOCKER_2,
        JAMMY,
        "22.04.2026010101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2012-r2-datacenter"),
        GENERATION_1,
        Some("2023-10-10T00:00:00Z"),
        "9600.20520.220807",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2019-datacenter"),
        GENERATION_1,
        WINDOWS_2019,
        "17763.6775.260101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2019-datacenter-gensecond"),
        GENERATION_2,
        WINDOWS_2019,
        "17763.6775.260101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2022-datacenter"),
        GENERATION_1,
        WINDOWS_2022,
        "20348.3091.260101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2022-datacenter-g2"),
        GENERATION_2,
        WINDOWS_2022,
        "20348.3091.260101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2022-datacenter-core-g2"),
        GENERATION_2,
        WINDOWS_2022,
        "20348.3091.260101",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2025-datacenter"),
        GENERATION_1,
        WINDOWS_2025,
        "26100.7462.251207",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2025-datacenter-g2"),
        GENERATION_2,
        WINDOWS_2025,
        "26100.7462.251207",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2025-datacenter-core-g2"),
        GENERATION_2,
        WINDOWS_2025,
        "26100.7462.251207",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2025-datacenter-azure-edition"),
        GENERATION_2,
        WINDOWS_2025,
        "26100.7462.251207",
    ),
    image(
        WINDOWS,
        (SERVER.0, SERVER.1, "2025-datacenter-azure-edition-core"),
        GENERATION_2,
        WINDOWS_2025,
        "26100.7462.251207",
    ),
];

impl OsType {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

impl SupportedImage {
    /// The node agent SKU that runs on it.
    pub(crate) fn agent(&self) -> &'static str {
        self.agent
    }

    /// `V1` or `V2`.
    pub(crate) fn generation(&self) -> &'static str {
        if self.capabilities.contains(&"Generation2VMImage") {
            "V2"
        } else {
            "V1"
        }
    }

    /// The version that `latest` stands for.
    pub(crate) fn exact_version(&self) -> &'static str {
        self.exact_version
    }

    /// As `supportedimages` shows it; names in the recorded order.
    pub(crate) fn render(&self) -> Value {
        let mut body = Map::new();
        let reference = json!({"publisher": self.publisher, "offer": self.offer, "sku": self.sku, "version": "latest"});
        body.insert("imageReference".to_owned(), reference);
        body.insert("verificationType".to_owned(), json!("verified"));
        body.insert("nodeAgentSKUId".to_owned(), json!(self.agent));
        if !self.capabilities.is_empty() {
            body.insert("capabilities".to_owned(), json!(self.capabilities));
        }
        if let Some(date) = self.end_of_life {
            body.insert("batchSupportEndOfLife".to_owned(), json!(date));
        }
        body.insert(
            "osType".to_owned(),
            json!(agent_os(self.agent).unwrap_or(OsType::Linux).word()),
        );
        Value::Object(body)
    }

    fn is(&self, publisher: &str, offer: &str, sku: &str) -> bool {
        self.publisher.eq_ignore_ascii_case(publisher)
            && self.offer.eq_ignore_ascii_case(offer)
            && self.sku.eq_ignore_ascii_case(sku)
    }
}

const fn image(
    agent: &'static str,
    (publisher, offer, sku): (&'static str, &'static str, &'static str),
    capabilities: &'static [&'static str],
    end_of_life: Option<&'static str>,
    exact_version: &'static str,
) -> SupportedImage {
    SupportedImage {
        agent,
        publisher,
        offer,
        sku,
        capabilities,
        end_of_life,
        exact_version,
    }
}

/// The supported image of that name.
pub(crate) fn find(publisher: &str, offer: &str, sku: &str) -> Option<&'static SupportedImage> {
    IMAGES.iter().find(|image| image.is(publisher, offer, sku))
}

/// The operating system of a node agent SKU; `None` when there is no such SKU.
pub(crate) fn agent_os(agent: &str) -> Option<OsType> {
    let known = IMAGES.iter().find(|image| image.agent.eq_ignore_ascii_case(agent))?;
    Some(if known.agent.starts_with("batch.node.windows") {
        OsType::Windows
    } else {
        OsType::Linux
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_sku_says_its_operating_system() {
        assert_eq!(agent_os("batch.node.windows amd64"), Some(OsType::Windows));
        assert_eq!(agent_os("Batch.Node.Ubuntu 22.04"), Some(OsType::Linux));
        assert_eq!(agent_os("batch.node.ubuntu 12.04"), None);
    }

    #[test]
    fn each_windows_server_is_supported_until_its_publisher_ends_it() {
        let ends = |year: &str| -> Vec<&str> {
            let is_of_year = |image: &&SupportedImage| image.offer == SERVER.1 && image.sku.starts_with(year);
            let mut ends: Vec<&str> = IMAGES
                .iter()
                .filter(is_of_year)
                .filter_map(|image| image.end_of_life)
                .collect();
            ends.dedup();
            ends
        };
        assert_eq!(ends("2019"), ["2029-01-09T00:00:00Z"]);
        assert_eq!(ends("2022"), ["2031-10-14T00:00:00Z"]);
        assert_eq!(ends("2025"), ["2034-11-14T00:00:00Z"]);
        let edition = find(
            "MicrosoftWindowsServer",
            "WindowsServer",
            "2025-datacenter-azure-edition",
        )
        .unwrap();
        assert_eq!((edition.agent(), edition.generation()), (WINDOWS, "V2"));
    }

    #[test]
    fn an_image_is_shown_as_recorded() {
        let image = find("Canonical", "UbuntuServer", "18_04-LTS-gen2").unwrap();
        assert_eq!(
            image.render().to_string(),
            r#"{"imageReference":{"publisher":"canonical","offer":"ubuntuserver","sku":"18_04-lts-gen2","version":"latest"},"verificationType":"verified","nodeAgentSKUId":"batch.node.ubuntu 18.04","capabilities":["Generation2VMImage"],"batchSupportEndOfLife":"2023-05-30T00:00:00Z","osType":"linux"}"#
        );
    }
}
