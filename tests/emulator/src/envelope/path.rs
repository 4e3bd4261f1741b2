//! ARM paths and resource ids: parsed once, compared without case.
//!
//! It knows no provider; `compute` and `batch` decide what a path means.

use percent_encoding::percent_decode_str;

/// A parsed ARM path or resource id.
///
/// `/subscriptions/{s}/resourceGroups/{g}/providers/{ns}/{type}/{name}/{type}/{name}[/{tail}]`; the tail
/// is a collection (`GET …/snapshots`) or an action (`POST …/deallocate`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmPath {
    /// The subscription id.
    pub subscription: String,
    /// The resource group, in the casing sent.
    pub group: Option<String>,
    /// The provider's namespace, e.g. `Microsoft.Compute`, in the casing sent.
    pub namespace: Option<String>,
    /// Pairs of type and name.
    pub parts: Vec<(String, String)>,
    /// The last segment, if it has no name behind it.
    pub tail: Option<String>,
}

impl ArmPath {
    /// Parses a path or an id; `None` when it does not start with a subscription.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let mut segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .peekable();
        segments
            .next()
            .filter(|first| first.eq_ignore_ascii_case("subscriptions"))?;
        let subscription = segments.next()?;
        let mut group = None;
        if segments
            .peek()
            .is_some_and(|next| next.eq_ignore_ascii_case("resourcegroups"))
        {
            segments.next();
            group = segments.next();
            if group.is_none() {
                return Some(Self::of_tail(subscription, "resourceGroups"));
            }
        }
        let mut namespace = None;
        if segments
            .peek()
            .is_some_and(|next| next.eq_ignore_ascii_case("providers"))
        {
            segments.next();
            namespace = segments.next();
            if namespace.is_none() {
                return Some(Self {
                    group,
                    ..Self::of_tail(subscription, "providers")
                });
            }
        }
        let mut parts = Vec::new();
        let mut tail = None;
        while let Some(kind) = segments.next() {
            match segments.next() {
                Some(name) => parts.push((kind, name)),
                None => tail = Some(kind),
            }
        }
        Some(Self {
            subscription,
            group,
            namespace,
            parts,
            tail,
        })
    }

    fn of_tail(subscription: String, tail: &str) -> Self {
        Self {
            subscription,
            group: None,
            namespace: None,
            parts: Vec::new(),
            tail: Some(tail.to_owned()),
        }
    }

    /// Whether the path is under that provider.
    #[must_use]
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespace
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(namespace))
    }

    /// The resource type without the namespace, lower case: `galleries/images/versions`.
    #[must_use]
    pub fn kind(&self) -> String {
        let kinds: Vec<String> = self.parts.iter().map(|(kind, _)| kind.to_lowercase()).collect();
        kinds.join("/")
    }

    /// The tail in lower case, empty when there is none.
    #[must_use]
    pub fn action(&self) -> String {
        self.tail.as_deref().unwrap_or_default().to_lowercase()
    }

    /// The name of the resource itself, empty when the path names none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts.last().map_or("", |(_, name)| name)
    }

    /// The resource group, empty when the path names none.
    #[must_use]
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    /// The id up to and without the tail, in the casing sent.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = format!("/subscriptions/{}", self.subscription);
        if let Some(group) = &self.group {
            id.push_str("/resourceGroups/");
            id.push_str(group);
        }
        if let Some(namespace) = &self.namespace {
            id.push_str("/providers/");
            id.push_str(namespace);
        }
        for (kind, name) in &self.parts {
            id.push('/');
            id.push_str(kind);
            id.push('/');
            id.push_str(name);
        }
        id
    }

    /// The id in lower case: what resources are compared by.
    #[must_use]
    pub fn key(&self) -> String {
        self.id().to_lowercase()
    }

    /// The path of the resource that this one is nested in, e.g. the gallery of a definition.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, outer) = self.parts.split_last()?;
        (!outer.is_empty()).then(|| Self {
            parts: outer.to_vec(),
            tail: None,
            ..self.clone()
        })
    }

    /// The id from the namespace on, `Microsoft.Compute/galleries/gal/images/def`, as ARM's messages name it.
    #[must_use]
    pub fn kind_and_name(&self) -> String {
        let mut text = self.namespace.clone().unwrap_or_default();
        for (kind, name) in &self.parts {
            text.push('/');
            text.push_str(kind);
            text.push('/');
            text.push_str(name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    #[test]
    fn parses_a_nested_resource_and_gives_its_id_back() -> Result<(), &'static str> {
        let path = ArmPath::parse(VERSION).ok_or("no ARM path")?;
        assert_eq!(path.kind(), "galleries/images/versions");
        assert_eq!(path.id(), VERSION);
        assert_eq!(path.name(), "1.0.0");
        assert_eq!(path.parent().ok_or("no parent")?.kind(), "galleries/images");
        Ok(())
    }

    #[test]
    fn tells_actions_and_collections_from_resources() {
        let cases = [
            ("/subscriptions/s", "", ""),
            ("/subscriptions/s/resourcegroups", "", "resourcegroups"),
            ("/SUBSCRIPTIONS/s/resourcegroups/rg", "", ""),
            ("/subscriptions/s/providers", "", "providers"),
            ("/subscriptions/s/providers/Microsoft.Compute/skus", "", "skus"),
            (
                "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/v/Deallocate",
                "virtualmachines",
                "deallocate",
            ),
        ];
        for (path, kind, action) in cases {
            let parsed = ArmPath::parse(path).unwrap();
            assert_eq!(
                (parsed.kind().as_str(), parsed.action().as_str()),
                (kind, action),
                "{path}"
            );
        }
        assert_eq!(ArmPath::parse("/pools/p"), None);
    }
}
