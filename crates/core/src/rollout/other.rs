//! In what a roll-out that is asked for is another one than that whose change is under way. Pure.
//!
//! A record holds version, size, and one short name for all settings together: which of the rest differs is found by
//! leaving single ones out.

use super::{
    counted::counted,
    spec::{Spec, formula_name},
};
use crate::{batch::pool::Pool, ids::NodeCounts, settings::Autoscale};

/// The roll-out whose change is under way, as a record holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun<'r> {
    /// Its name.
    pub(super) id: &'r str,
    /// The image that it brings.
    pub(super) to: &'r str,
    /// The nodes that it brings, unless a formula decides.
    pub(super) size: NodeCounts,
    /// The short name of the formula.
    pub(super) follows: Option<&'r str>,
}

impl Begun<'_> {
    /// What it brings.
    pub(super) fn brings(&self) -> String {
        let nodes = match self.follows {
            Some(_) => "as many nodes as a formula asks for".to_owned(),
            None => counted(self.size),
        };
        format!("{} with {nodes}", self.to)
    }

    /// In what this one differs, as the end of a sentence.
    pub(super) fn differs(
        &self,
        (spec, pool): (&Spec, &Pool),
        (targets, scale): (NodeCounts, Option<&Autoscale>),
    ) -> String {
        if !spec.version().to_string().eq_ignore_ascii_case(self.to) {
            return format!("this one is to {}", spec.version().name());
        }
        match (scale.map(formula_name), self.follows) {
            (Some(asked), Some(begun)) if asked == begun => {}
            (None, None) if self.size == targets => {}
            (None, _) => return format!("this one is to {}", counted(targets)),
            (Some(_), None) => return "this one gives the pool a formula".to_owned(),
            (Some(_), Some(_)) => return "this one has another formula".to_owned(),
        }
        match spec.only_more_than(self.id, pool, (targets, scale)) {
            Some(name) => format!("this one also gives {name}"),
            None => "version and size are the same, and another setting is not (which one, the pool does not say)"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rollout::spec::tests::settings;

    fn spec(json: Value, change: impl FnOnce(&mut crate::settings::RolloutSettings)) -> Spec {
        let mut settings = settings(json);
        change(&mut settings);
        Spec::new(&settings).unwrap()
    }

    fn nodes(dedicated: u32) -> NodeCounts {
        NodeCounts { dedicated, spot: 0 }
    }

    #[test]
    fn what_the_pool_has_makes_no_other_roll_out_and_what_differs_is_named() {
        let pool = Pool::new(json!({"id": "p1", "vmSize": "STANDARD_D4s_v5",
            "virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.ubuntu 22.04"}}));
        let begun = spec(json!({}), |settings| {
            settings.pool.vm_size = None;
            settings.pool.node_agent_sku = None;
        });
        let id = begun.roll_out_id_on(&pool, (nodes(5), None));
        let to = begun.version().to_string();
        let size = |size: &str| {
            let size = size.parse().unwrap();
            spec(json!({}), |settings| settings.pool.vm_size = Some(size))
        };
        assert!(size("Standard_D4s_v5").is_roll_out(&id, &pool, (nodes(5), None)));

        let record = Begun {
            id: &id,
            to: &to,
            size: nodes(5),
            follows: None,
        };
        assert_eq!(record.brings(), format!("{to} with 5 nodes"));
        let differs = |spec: &Spec, targets| record.differs((spec, &pool), (targets, None));
        assert_eq!(differs(&size("Standard_D4s_v5"), nodes(6)), "this one is to 6 nodes");
        assert_eq!(
            differs(&size("Standard_D8s_v5"), nodes(5)),
            "this one also gives {vm_size}"
        );
        let slots = spec(json!({"taskSlotsPerNode": 4}), |_| {});
        assert_eq!(differs(&slots, nodes(5)), "this one also gives taskSlotsPerNode");
        let both = spec(json!({"taskSlotsPerNode": 4, "displayName": "a"}), |_| {});
        assert!(differs(&both, nodes(5)).ends_with("(which one, the pool does not say)"));
        let other = Begun { to: "/other", ..record };
        let said = other.differs((&begun, &pool), (nodes(5), None));
        assert_eq!(said, format!("this one is to {}", begun.version().name()));
    }
}
