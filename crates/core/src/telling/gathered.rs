//! Resources that were created or removed one after the other, as one line. Pure.
//!
//! When the line is due is decided in `teller`.

use std::time::Duration;

use super::short;

/// What was done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Created,
    Removed,
}

/// Resources of which nothing has been said yet.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) deed: Deed,
    since: Duration,
    ids: Vec<String>,
}

/// Resources that come in numbers.
struct Kind {
    path: &'static str,
    one: &'static str,
    many: &'static str,
}

impl Deed {
    /// How long more of the same are waited for: requests to create are sent all at once, while removals end one after
    /// the other.
    const fn patience(self) -> Duration {
        match self {
            Self::Created => Duration::from_secs(2),
            Self::Removed => Duration::from_secs(30),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Removed => "removed",
        }
    }
}

impl Gathered {
    pub(super) const fn new(deed: Deed, since: Duration) -> Self {
        Self {
            deed,
            since,
            ids: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, id: String) {
        self.ids.push(id);
    }

    pub(super) fn is_due(&self, at: Duration) -> bool {
        at.saturating_sub(self.since) >= self.deed.patience()
    }

    /// One by its name, several by their number.
    pub(super) fn line(&self) -> String {
        let word = self.deed.word();
        if let [id] = self.ids.as_slice() {
            return format!("{word} {}", short(id));
        }
        let mut parts: Vec<String> = KINDS.iter().filter_map(|kind| self.count(kind)).collect();
        let others = self.ids.iter().map(|id| short(id));
        parts.extend(
            others
                .filter(|name| !KINDS.iter().any(|kind| name.starts_with(kind.path)))
                .map(str::to_owned),
        );
        format!("{word} {}", parts.join(", "))
    }

    fn count(&self, kind: &Kind) -> Option<String> {
        let of_it = self.ids.iter().filter(|id| short(id).starts_with(kind.path)).count();
        match of_it {
            0 => None,
            1 => Some(format!("1 {}", kind.one)),
            many => Some(format!("{many} {}", kind.many)),
        }
    }
}

const KINDS: [Kind; 2] = [
    Kind {
        path: "images/",
        one: "managed image",
        many: "managed images",
    },
    Kind {
        path: "snapshots/",
        one: "snapshot",
        many: "snapshots",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(names: &[&str]) -> String {
        let mut gathered = Gathered::new(Deed::Removed, Duration::ZERO);
        let id = |name| format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/{name}");
        names.iter().for_each(|name| gathered.add(id(name)));
        gathered.line()
    }

    #[test]
    fn one_resource_is_named_and_several_are_counted() {
        assert_eq!(line(&["snapshots/a-os"]), "removed snapshots/a-os");
        assert_eq!(
            line(&["snapshots/a-os", "images/a", "snapshots/a-d0", "galleries/g/images/i"]),
            "removed 1 managed image, 2 snapshots, galleries/g/images/i"
        );
    }
}
