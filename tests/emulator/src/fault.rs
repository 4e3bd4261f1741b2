//! Faults: what is scripted to go wrong, on which request, and how often it did.
//!
//! Faults are data, so that a script can be written in JSON. This file decides which fault a request
//! meets; what it does is up to whoever asked.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::pattern;

mod effect;

pub use effect::{Effect, Moment, Refusal, RivalWrite, TokenFault, When};

/// One scripted fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// A name for the journal; the fault's place in the script when absent.
    #[serde(default)]
    pub name: String,
    /// The verb it applies to; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path it applies to, with `*` for any run of characters; case does not matter. Any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For faults of Batch's allocation: `account/pool`, with `*`. Any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number of the request since the start, from 1, instead of counting matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// Which of the matches it hits; the first when absent.
    #[serde(default)]
    pub occurrence: Occurrence,
    /// How often it hits the request that it has hit first: that and each repetition of it, until so many were hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    #[serde(flatten)]
    pub effect: Effect,
    /// How many requests matched so far.
    #[serde(default, skip_deserializing)]
    pub matches: u64,
    /// How many times it took effect so far.
    #[serde(default, skip_deserializing)]
    pub hits: u64,
    /// With `times`, the verb and path that it has hit first.
    #[serde(skip)]
    bound: Option<(Method, String)>,
}

/// Which matches of a fault it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Occurrence {
    /// Each one.
    Every,
    /// The n-th alone, from 1.
    Nth(u64),
    /// The first n.
    First(u64),
}

/// The script.
#[derive(Debug, Default)]
pub struct Faults {
    script: Vec<Fault>,
    /// The fault of the running request that waits for its operation.
    armed: Option<usize>,
    /// The fault that the running request was hit by.
    hit: Option<String>,
}

impl Default for Occurrence {
    fn default() -> Self {
        Self::Nth(1)
    }
}

impl Fault {
    /// A fault that hits the first request it matches.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            name: String::new(),
            method: None,
            path: None,
            target: None,
            request: None,
            occurrence: Occurrence::default(),
            times: None,
            effect,
            matches: 0,
            hits: 0,
            bound: None,
        }
    }

    /// The same for one verb and a path pattern.
    #[must_use]
    pub fn on(mut self, method: &Method, path: &str) -> Self {
        self.method = Some(method.to_string());
        self.path = Some(path.to_owned());
        self
    }

    /// The same for the request with that number since the start.
    #[must_use]
    pub fn at_request(mut self, number: u64) -> Self {
        self.request = Some(number);
        self
    }

    /// The same for those matches.
    #[must_use]
    pub fn occurring(mut self, occurrence: Occurrence) -> Self {
        self.occurrence = occurrence;
        self
    }

    /// The same, and the repetitions of what it hit, `times` in all.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Counts a match and says whether it is one to hit.
    fn counts_due(&mut self) -> bool {
        self.matches += 1;
        self.request.is_some()
            || match self.occurrence {
                Occurrence::Every => true,
                Occurrence::Nth(n) => self.matches == n,
                Occurrence::First(n) => self.matches <= n,
            }
    }

    /// The same for a request, if this fault may hit it at all.
    fn counts_due_on(&mut self, number: u64, method: &Method, path: &str) -> bool {
        if !matches!(self.effect.moment(), Moment::Request | Moment::Operation) {
            return false;
        }
        if let (Some((verb, place)), Some(times)) = (&self.bound, self.times) {
            let repeats = verb == method && place.eq_ignore_ascii_case(path);
            self.matches += u64::from(repeats);
            return repeats && self.hits < times;
        }
        let wanted = self.method.as_ref();
        self.request.is_none_or(|wanted| wanted == number)
            && wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && pattern::matches(self.path.as_deref(), path)
            && self.counts_due()
    }
}

impl Faults {
    /// Adds a fault to the end of the script.
    pub fn add(&mut self, mut fault: Fault) {
        if fault.name.is_empty() {
            fault.name = format!("fault-{}", self.script.len() + 1);
        }
        self.script.push(fault);
    }

    /// Empties the script.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The script with its counts.
    #[must_use]
    pub fn script(&self) -> &[Fault] {
        &self.script
    }

    /// The next fault of that kind for a target, e.g. `Moment::Allocation` and `acct1/pool1`; counts its hit.
    pub fn next(&mut self, moment: Moment, target: &str) -> Option<Fault> {
        let due = self.script.iter_mut().find_map(|fault| {
            let applies = fault.effect.moment() == moment && pattern::matches(fault.target.as_deref(), target);
            (applies && fault.counts_due()).then_some(fault)
        })?;
        due.hits += 1;
        Some(due.clone())
    }

    /// The fault that a request meets, if any; one for its operation is kept until that is started.
    ///
    /// Each fault counts each request that it matches; of several that are due, the first of the script wins.
    pub(crate) fn meet(&mut self, number: u64, method: &Method, path: &str) -> Option<Effect> {
        self.armed = None;
        self.hit = None;
        let mut due = None;
        for (place, fault) in self.script.iter_mut().enumerate() {
            if fault.counts_due_on(number, method, path) && due.is_none() {
                due = Some(place);
            }
        }
        let due = due?;
        let fault = self.script.get_mut(due)?;
        if fault.times.is_some() && fault.bound.is_none() {
            fault.bound = Some((method.clone(), path.to_owned()));
        }
        self.armed = Some(due);
        (fault.effect.moment() == Moment::Request).then(|| fault.effect.clone())
    }

    /// Counts that the fault which the running request met took effect on it.
    pub(crate) fn took_effect(&mut self) {
        self.take_armed(|_| true);
    }

    /// The running request's fault for the operation it starts.
    pub(crate) fn take_operation(&mut self) -> Option<Effect> {
        self.take_armed(|effect| matches!(effect, Effect::OperationFailed { .. } | Effect::OperationStuck))
    }

    /// For how many seconds the version that the running request writes is late to be used.
    pub(crate) fn take_lateness(&mut self) -> Option<u32> {
        match self.take_armed(|effect| matches!(effect, Effect::LateImage { .. }))? {
            Effect::LateImage { seconds } => Some(seconds),
            _ => None,
        }
    }

    /// The one of those regions in which the version that the running request writes cannot be replicated.
    pub(crate) fn take_region(&mut self, regions: &[&str]) -> Option<String> {
        let among = |region: &str| regions.contains(&crate::region::normalise(region).as_str());
        match self.take_armed(|effect| matches!(effect, Effect::RegionFailed { region } if among(region)))? {
            Effect::RegionFailed { region } => Some(crate::region::normalise(&region)),
            _ => None,
        }
    }

    /// The name of the fault that the running request was hit by.
    pub(crate) fn take_hit(&mut self) -> Option<String> {
        self.armed = None;
        self.hit.take()
    }

    fn take_armed(&mut self, wanted: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let fault = self.script.get_mut(self.armed?).filter(|fault| wanted(&fault.effect))?;
        fault.hits += 1;
        self.armed = None;
        self.hit = Some(fault.name.clone());
        Some(fault.effect.clone())
    }
}

#[cfg(test)]
mod tests;
