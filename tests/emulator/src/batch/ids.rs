//! The ids of Batch: kept as written, compared without case, as the service does.
//!
//! It does not say how ids are made; each owner does.

use std::fmt;

/// Whether an id is one that Batch takes: 1 to 64 letters, digits, hyphens and underscores.
fn is_plain(text: &str) -> bool {
    // 64 is the length that the service's reference gives for pool, job and task ids.
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// An id that the service makes.
macro_rules! made_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(String);

        impl $name {
            /// Takes any text, for ids that come from a URL or are made here.
            pub(crate) fn of(text: &str) -> Self {
                Self(text.to_owned())
            }

            /// The id as written.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// An id that callers choose.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        made_id!($(#[$doc])* $name);

        impl $name {
            /// Takes the id of something new; `None` when the service would refuse it.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                is_plain(text).then(|| Self::of(text))
            }
        }
    };
}

id!(
    /// A pool's id within its account.
    PoolId
);
made_id!(
    /// A compute node's id, `tvmps_<64 hexadecimal digits>_d` or `_p`.
    NodeId
);
id!(
    /// A job's id within its account.
    JobId
);
id!(
    /// A task's id within its job.
    TaskId
);
id!(
    /// A job schedule's id within its account.
    ScheduleId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_without_case_and_refuse_what_the_service_refuses() {
        assert_eq!(PoolId::of("Pool-1"), PoolId::of("pool-1"));
        assert_ne!(PoolId::of("pool-1"), PoolId::of("pool-2"));
        for (text, good) in [
            ("p", true),
            ("a-B_9", true),
            ("", false),
            ("a b", false),
            ("a/b", false),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(PoolId::parse(text).is_some(), good, "{text:?}");
        }
    }
}
