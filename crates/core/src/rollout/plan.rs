//! What to do with the pool: pure, from what is asked for and the pool that is there.
//!
//! It is asked again after every wait, so it needs no memory.

use super::{
    spec::{Likeness, Spec},
    verdict::{Goal, is_version},
};
use crate::{
    batch::pool::{AllocationState, Pool, PoolLife, Scaling},
    settings::PendingResize,
};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// There is no such pool: create it.
    Create,
    /// Bring it to the targets.
    Resize,
    /// It is on its way to the targets already: wait for that.
    Join,
    /// It is as wished: write nothing.
    Unchanged,
    /// Somebody's resize to another size is under way: wait for its end, then look again.
    WaitForOther,
    /// The same, but the settings say to stop it.
    StopOther,
    /// It is being deleted: wait until it is gone, then look again.
    WaitForDeletion,
    /// Going on could destroy something.
    Refuse(Refusal),
}

/// Why a pool is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What stands in the way.
    pub(super) why: String,
    /// What works instead.
    pub(super) remedy: &'static str,
}

const OTHER_STRATEGIES: &str = "changing an existing pool in place, or blue-green by a second pool, will come in a later release; until then roll out to a new pool id";

/// Decides.
pub(super) fn decide(spec: &Spec, goal: Goal, pending: PendingResize, pool: Option<&Pool>) -> Plan {
    let Some(pool) = pool else { return Plan::Create };
    if pool.life == PoolLife::Deleting {
        return Plan::WaitForDeletion;
    }
    if let Some(refusal) = refusal(spec, pool) {
        return Plan::Refuse(refusal);
    }
    match (&pool.allocation, pending) {
        (AllocationState::Steady, _) if pool.targets == goal.targets && goal.is_reached_by(pool.current) => {
            Plan::Unchanged
        }
        (AllocationState::Steady, _) => Plan::Resize,
        (AllocationState::Resizing, _) if pool.targets == goal.targets => Plan::Join,
        (AllocationState::Resizing, PendingResize::Stop) => Plan::StopOther,
        (AllocationState::Resizing | AllocationState::Stopping | AllocationState::Other(_), _) => Plan::WaitForOther,
    }
}

fn refusal(spec: &Spec, pool: &Pool) -> Option<Refusal> {
    let version = spec.version();
    if pool.scaling == Scaling::Auto {
        return Some(Refusal {
            why: "its size follows an autoscale formula, and a resize would end that".to_owned(),
            remedy: "roll-outs to autoscale pools will come in a later release; until then disable autoscale, or use a new pool id",
        });
    }
    let (why, remedy) = match spec.compare(pool) {
        Likeness::Same | Likeness::SameAsFarAsCompared => return None,
        Likeness::OtherImage(image) if is_version(&format!("{image}/versions/{}", version.name()), version) => (
            format!("it follows the definition {image}, not the version {}", version.name()),
            OTHER_STRATEGIES,
        ),
        Likeness::OtherImage(image) => (format!("it runs {image}, not {version}"), OTHER_STRATEGIES),
        Likeness::OtherSpec(differences) => (format!("it differs in {}", differences.join(", ")), OTHER_STRATEGIES),
    };
    Some(Refusal { why, remedy })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rollout::spec::tests::settings;

    fn pool(change: impl FnOnce(&mut Value)) -> Pool {
        let settings = settings(json!({}));
        let spec = Spec::new(&settings).unwrap();
        let mut body = spec
            .create_body(settings.targets.into(), std::time::Duration::from_secs(900))
            .unwrap();
        body["allocationState"] = json!("steady");
        body["currentDedicatedNodes"] = json!(700);
        change(&mut body);
        Pool::new(body)
    }

    fn plan(pending: PendingResize, pool: Option<&Pool>) -> Plan {
        let settings = settings(json!({}));
        decide(
            &Spec::new(&settings).unwrap(),
            Goal::new(settings.targets),
            pending,
            pool,
        )
    }

    #[test]
    fn each_pool_leads_to_its_plan() {
        let (wait, stop) = (PendingResize::Wait, PendingResize::Stop);
        let resizing = |targets: u32| {
            pool(|body| {
                body["allocationState"] = json!("resizing");
                body["targetDedicatedNodes"] = json!(targets);
            })
        };
        let table = [
            ("as wished", pool(|_| {}), wait, Plan::Unchanged),
            (
                "enough of it",
                pool(|body| body["currentDedicatedNodes"] = json!(686)),
                wait,
                Plan::Unchanged,
            ),
            (
                "too few",
                pool(|body| body["currentDedicatedNodes"] = json!(685)),
                wait,
                Plan::Resize,
            ),
            (
                "too many",
                pool(|body| body["currentDedicatedNodes"] = json!(701)),
                wait,
                Plan::Resize,
            ),
            (
                "other targets",
                pool(|body| body["targetDedicatedNodes"] = json!(690)),
                wait,
                Plan::Resize,
            ),
            ("same resize", resizing(700), stop, Plan::Join),
            ("other resize", resizing(100), wait, Plan::WaitForOther),
            ("other resize to be stopped", resizing(100), stop, Plan::StopOther),
            (
                "stopping",
                pool(|body| body["allocationState"] = json!("stopping")),
                stop,
                Plan::WaitForOther,
            ),
            (
                "being deleted",
                pool(|body| body["state"] = json!("deleting")),
                wait,
                Plan::WaitForDeletion,
            ),
        ];
        for (name, pool, pending, expected) in table {
            assert_eq!(plan(pending, Some(&pool)), expected, "{name}");
        }
        assert_eq!(plan(wait, None), Plan::Create);
    }

    #[test]
    fn refusals_name_what_stands_in_the_way_before_any_wait() {
        let image = "/virtualMachineConfiguration/imageReference/virtualMachineImageId";
        let why = |change: &dyn Fn(&mut Value)| {
            let pool = pool(|body| {
                body["allocationState"] = json!("resizing");
                change(body);
            });
            match plan(PendingResize::Stop, Some(&pool)) {
                Plan::Refuse(refusal) => refusal.why,
                other => panic!("{other:?}"),
            }
        };
        let edit = |body: &mut Value, edit: &dyn Fn(&str) -> String| {
            let id = body.pointer(image).unwrap().as_str().unwrap().to_owned();
            *body.pointer_mut(image).unwrap() = json!(edit(&id));
        };
        assert!(why(&|body| edit(body, &|id| id.replace("1.0.0", "0.9.0"))).contains("versions/0.9.0, not "));
        assert!(
            why(&|body| edit(body, &|id| id.replace("/versions/1.0.0", ""))).starts_with("it follows the definition ")
        );
        assert!(why(&|body| body["enableAutoScale"] = json!(true)).contains("autoscale"));
        assert_eq!(
            why(&|body| body["vmSize"] = json!("standard_d8s_v5")),
            r#"it differs in vm_size ("standard_d8s_v5" there, "Standard_D4s_v5" asked for)"#
        );
    }
}
