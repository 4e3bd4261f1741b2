//! Who has made a pool, as its metadata say. A pool that a roll-out has adopted stays one that others made.
//!
//! It decides nothing: what may be changed is decided in `decide`, what may be deleted in `blue_green::tidy`.

use serde::Serialize;

use crate::{batch::pool::Pool, tags::POOL_MARK};

/// The metadata item of a pool that others made and a roll-out changes: the mark alone does not say it.
pub(super) const ADOPTED: &str = "azure-batch-adopted";

/// Its value. Batch takes no item without one.
pub(super) const YES: &str = "true";

/// Begins the mark of a pool that was taken over as it was found. What it does not name was never asked for, so nothing can
/// be missing of it.
pub(super) const AS_FOUND: &str = "found:";

/// Who has made a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MadeBy {
    /// A roll-out.
    RollOuts,
    /// Another tool or a person. A roll-out may have adopted it.
    Others,
}

impl MadeBy {
    /// What the pool says. Earlier versions wrote no item for a pool that was adopted by `adopt`, so such a pool counts as
    /// made by a roll-out; those that they migrated are known by their mark.
    #[must_use]
    pub fn of(pool: &Pool) -> Self {
        let is_made = |mark: &str| !mark.starts_with(AS_FOUND) && pool.metadata(ADOPTED).is_none();
        match pool.metadata(POOL_MARK).is_some_and(is_made) {
            true => Self::RollOuts,
            false => Self::Others,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_pool_is_a_roll_out_s_by_its_mark_unless_it_was_adopted() {
        let of = |items: &[(&str, &str)]| {
            let items: Vec<Value> = items
                .iter()
                .map(|(name, value)| json!({"name": name, "value": value}))
                .collect();
            MadeBy::of(&Pool::new(json!({"id": "p1", "metadata": items})))
        };
        assert_eq!(of(&[]), MadeBy::Others);
        assert_eq!(of(&[(POOL_MARK, "v1:x")]), MadeBy::RollOuts);
        assert_eq!(of(&[(POOL_MARK, "v1:x"), (ADOPTED, YES)]), MadeBy::Others);
        assert_eq!(of(&[(POOL_MARK, "found:x")]), MadeBy::Others, "it was migrated");
    }
}
