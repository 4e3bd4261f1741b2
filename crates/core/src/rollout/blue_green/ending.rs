//! How work that moved between two pools comes to its end: what becomes of the pool that is not needed, and what is said.
//!
//! When that is due is decided in `next`.

use super::{Look, Second, Shifting, begin};
use crate::{
    error::{Error, ErrorKind, Result},
    rights::DELETE_POOLS,
    rollout::{
        checkpoint::because,
        pair::Shift,
        record::{CANCELLED, Phase},
        report::{BackOn, PoolAction, SecondFate, SecondPool},
    },
};

impl Shifting<'_, '_> {
    pub(super) async fn delete(&mut self, look: &Look) -> Result<()> {
        let Some(pool) = &look.new else {
            return Ok(());
        };
        match self.pools.new.delete(pool).await {
            // The work is back, which counts more than a pool without nodes.
            Err(error) if error.kind() == ErrorKind::NoRights => {
                self.leave(&format!("this identity lacks {DELETE_POOLS}"));
                let returned = look.record.at(Phase::Returned);
                self.write_record(&look.old, &returned).await.map(drop)
            }
            sent => self.attempts.after(&self.pools.new, sent).await.map(drop),
        }
    }

    /// Says why the second pool stays after a return.
    fn leave(&self, why: &str) {
        let text = format!("pool {} is left without nodes, as {why}", self.pools.new.id());
        self.pools.new.client().warn(text);
    }

    pub(super) async fn finish(&mut self, look: &Look) -> Result<()> {
        let now = self.pools.old.client().run().now();
        let record = if look.shift.phase == Phase::Back {
            if look.new.is_some() {
                self.leave("jobs name it");
            }
            look.record.at(Phase::Returned)
        } else {
            let until = begin::kept_until(self.way.blue_green, now);
            let mut done = look.record.at(Phase::Done);
            done.shift = done.shift.map(|shift| Shift { until, ..shift });
            done
        };
        self.write_record(&look.old, &record).await.map(drop)
    }

    pub(super) fn ended(self, look: &Look) -> Result<()> {
        let second = self.become_of_second(look);
        if look.shift.phase == Phase::Returned {
            self.report.pool = self.pools.old.id().clone();
            self.report.former_pool = None;
            self.report.second_pool = Some(SecondPool {
                pool: self.pools.new.id().clone(),
                fate: second,
            });
            self.pools.old.client().note(second.says(self.pools.new.id()));
        }
        if let Some(former) = &mut self.report.former_pool {
            former.nodes = look.old.targets;
            former.kept_until = look.shift.until;
        }
        if look.shift.phase != Phase::Returned || self.way.intent.is_none() {
            return Ok(());
        }
        let text = format!("pool {} does the work again, as before", self.pools.old.id());
        let error = Error::new(ErrorKind::Returned, text)
            .with_fact(second.says(self.pools.new.id()))
            .with_hint(match look.shift.why.as_deref() {
                Some(CANCELLED) => "to roll out after all, run again",
                _ => "correct what the reason names, publish another version, and roll that one out",
            });
        self.report.action = PoolAction::Returned;
        self.report.back_on = Some(BackOn {
            image: look.old.image_id().map(str::to_owned),
        });
        let error = match self.report.replicas_left() {
            Some(left) => error.with_kept(left),
            None => error,
        };
        Err(because(error, self.bad, look.shift.why.as_deref()))
    }

    const fn become_of_second(&self, look: &Look) -> SecondFate {
        match (&look.new, self.second) {
            (Some(_), _) => SecondFate::Left,
            (None, Second::Seen) => SecondFate::Deleted,
            (None, Second::NotYet) => SecondFate::Gone,
        }
    }
}
