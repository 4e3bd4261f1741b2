//! What a run will do, as steps that a person can read and a program can count: one shape for every flow.
//!
//! A flow has its own kind of step, decides which steps there are, and carries them out. Nothing is decided here.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    error::{Error, ErrorKind, Result},
    money::Cost,
    progress::StepTime,
};

/// What a step does to what is in Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Something new is created.
    Create,
    /// Something that is there is changed.
    Change,
    /// Something is removed that can be made again.
    Remove,
    /// Something is changed or removed that nothing brings back.
    Irreversible,
    /// Nothing is written: the run waits for what goes on already.
    Wait,
}

/// One step of a flow. `Display` is one line for a person, in the imperative: `create snapshot …`. The serde form is an
/// object that names the kind of the step in `step` and has the fields of that kind; it is stable.
pub trait Step: Display + Serialize {
    /// What it does.
    fn effect(&self) -> Effect;
}

/// The steps of a run, in their order.
///
/// `Display` is one step a line. The serde form is `{"changes": 1, "steps": [{"effect": "create", "text": "create
/// snapshot …", "step": …, …}]}`: each step's own fields stand next to its effect and its line. Where it was looked at
/// what the run needs, `facts` stands next to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<S> {
    /// The steps.
    pub steps: Vec<S>,
    /// What they need, and whether it is there; empty where that was not looked at.
    pub facts: Vec<Fact>,
}

/// Something that a run needs or brings, and whether it is there. `Display` is one line for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub about: About,
    /// Whether it is there.
    pub state: FactState,
    /// What it is.
    pub text: String,
    /// What it costs, where it is about that and the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// With which kind of error the run would end before its first write, where it would for this.
    #[serde(skip)]
    pub stops: Option<ErrorKind>,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// What the identity may do.
    Rights,
    /// Whether Batch is registered in the image's subscription.
    Registration,
    /// Whether image and Batch accounts lie in one Entra tenant.
    Tenant,
    /// What was checked of a machine.
    Checks,
    /// Cores, pools, addresses.
    Quota,
    /// What each way to change a pool that is there costs it.
    Strategy,
    /// Nodes, and the hours for which they are billed.
    Nodes,
    /// Tags of a pool.
    Tags,
    /// How the nodes boot.
    Security,
    /// What that costs by the user's own prices.
    Cost,
    /// The node agent, by the image that it runs on.
    Agent,
    /// When something ends.
    Dates,
    /// How long it takes.
    Times,
}

/// Whether what a run needs is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactState {
    /// It is, or nothing has to be.
    Good,
    /// It is not, and the run would end there or reach a part.
    Lacking,
    /// It could not be read.
    Unknown,
}

/// How a run ended: there is a report however it ended.
#[derive(Debug)]
#[must_use]
pub struct Ended<T, R> {
    /// What it has reached, or why it has not.
    pub result: Result<T>,
    /// What was done until then.
    pub report: R,
}

/// What every report has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Course {
    /// How long each step took, in the order in which they began.
    pub steps: Vec<StepTime>,
    /// What is left although it is not the result, with the reason.
    pub kept: Vec<Kept>,
}

/// Something of this run or of an earlier one that is left, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Why it is left.
    pub why: String,
}

/// A step as a plan shows it.
#[derive(Serialize)]
struct Shown<'a, S> {
    effect: Effect,
    text: String,
    #[serde(flatten)]
    step: &'a S,
}

impl Effect {
    /// The word for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Remove => "remove",
            Self::Irreversible => "irreversible",
            Self::Wait => "wait",
        }
    }

    /// Whether something in Azure is another after the step.
    #[must_use]
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::Wait)
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl About {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rights => "rights",
            Self::Registration => "registration",
            Self::Tenant => "tenant",
            Self::Checks => "checks",
            Self::Quota => "quota",
            Self::Strategy => "strategy",
            Self::Nodes => "nodes",
            Self::Tags => "tags",
            Self::Security => "security",
            Self::Cost => "cost by your own prices",
            Self::Agent => "node agent",
            Self::Dates => "dates",
            Self::Times => "times",
        }
    }
}

impl Fact {
    /// Something that is there, or that is good to know.
    #[must_use]
    pub fn plain(about: About, text: impl Into<String>) -> Self {
        Self::new(about, FactState::Good, text)
    }

    /// Something that is not there.
    #[must_use]
    pub fn lacking(about: About, text: impl Into<String>) -> Self {
        Self::new(about, FactState::Lacking, text)
    }

    /// The same, which ends the run before its first write with an error of this kind.
    #[must_use]
    pub const fn stopping(mut self, kind: ErrorKind) -> Self {
        self.stops = Some(kind);
        self
    }

    /// Something that could not be read.
    #[must_use]
    pub fn unknown(about: About, text: impl Into<String>) -> Self {
        Self::new(about, FactState::Unknown, text)
    }

    /// What something costs.
    #[must_use]
    pub fn cost(text: impl Into<String>, cost: Cost) -> Self {
        Self {
            cost: Some(cost),
            ..Self::plain(About::Cost, text)
        }
    }

    fn new(about: About, state: FactState, text: impl Into<String>) -> Self {
        Self {
            about,
            state,
            text: text.into(),
            cost: None,
            stops: None,
        }
    }
}

/// `quota: …`, `quota, too little: …`, `quota, not known: …`.
impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.state, self.about) {
            (FactState::Good, _) => "",
            (FactState::Lacking, About::Quota) => ", too little",
            (FactState::Lacking, About::Agent) => ", refused",
            (FactState::Lacking, About::Checks) => ", ignored",
            (FactState::Lacking, _) => ", missing",
            (FactState::Unknown, _) => ", not known",
        };
        write!(f, "{}{state}: {}", self.about.as_str(), self.text)
    }
}

impl<S: Step> Plan<S> {
    /// A plan of these steps.
    #[must_use]
    pub const fn new(steps: Vec<S>) -> Self {
        Self {
            steps,
            facts: Vec::new(),
        }
    }

    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &S> {
        self.steps.iter().filter(|step| step.effect().is_change())
    }

    /// The kind of the error with which the run would end before its first write, where something that it needs is not there.
    #[must_use]
    pub fn stopped_by(&self) -> Option<ErrorKind> {
        self.facts.iter().find_map(|fact| fact.stops)
    }

    /// Whether everything is as it should be already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.changes().next().is_none()
    }
}

impl<S> Default for Plan<S> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            facts: Vec::new(),
        }
    }
}

impl<S> FromIterator<S> for Plan<S> {
    fn from_iter<I: IntoIterator<Item = S>>(steps: I) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            facts: Vec::new(),
        }
    }
}

impl<S: Display> Display for Plan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

impl<S: Step> Serialize for Plan<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let steps: Vec<Shown<'_, S>> = self
            .steps
            .iter()
            .map(|step| Shown {
                effect: step.effect(),
                text: step.to_string(),
                step,
            })
            .collect();
        let mut plan = serializer.serialize_struct("Plan", 2 + usize::from(!self.facts.is_empty()))?;
        plan.serialize_field("changes", &self.changes().count())?;
        plan.serialize_field("steps", &steps)?;
        if !self.facts.is_empty() {
            plan.serialize_field("facts", &self.facts)?;
        }
        plan.end()
    }
}

impl<T, R> Ended<T, R> {
    /// The result alone.
    ///
    /// # Errors
    /// The failure of the run.
    pub fn into_result(self) -> Result<T, Error> {
        self.result
    }
}

/// The error of a run that did a part: `what` completes `2 of 5 …`, as in `snapshots could not be removed`. It is of the
/// kind of what ended the run, if something did, and `NoRights` when nothing was done for lack of rights alone.
#[must_use]
pub fn partly(what: &str, done: usize, failed: Vec<(String, Error)>) -> Error {
    let text = format!("{} of {} {what}", failed.len(), failed.len() + done);
    let ends = |kind: &ErrorKind| matches!(kind, ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn);
    let end = failed.iter().map(|(_, error)| error.kind()).find(ends);
    let has_no_rights = done == 0 && failed.iter().all(|(_, error)| error.kind() == ErrorKind::NoRights);
    let of_all = if has_no_rights {
        ErrorKind::NoRights
    } else {
        ErrorKind::PartlyReached
    };
    let error = failed
        .iter()
        .fold(Error::plain(end.unwrap_or(of_all), text), |error, (of, why)| {
            error.with_fact(format!("{of}: {why}"))
        });
    match failed.into_iter().next() {
        Some((_, first)) => error.because(first),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[serde(tag = "step", rename_all = "kebab-case")]
    enum Door {
        Open { door: &'static str },
        AwaitGuest,
    }

    impl Display for Door {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Open { door } => write!(f, "open {door}"),
                Self::AwaitGuest => f.write_str("wait for the guest"),
            }
        }
    }

    impl Step for Door {
        fn effect(&self) -> Effect {
            match self {
                Self::Open { .. } => Effect::Change,
                Self::AwaitGuest => Effect::Wait,
            }
        }
    }

    #[test]
    fn a_plan_reads_as_lines_and_its_machine_form_is_stable() {
        let plan = Plan::new(vec![Door::Open { door: "front" }, Door::AwaitGuest]);
        assert_eq!(plan.to_string(), "open front\nwait for the guest");
        assert_eq!(
            serde_json::to_value(&plan).unwrap(),
            json!({"changes": 1, "steps": [
                {"effect": "change", "text": "open front", "step": "open", "door": "front"},
                {"effect": "wait", "text": "wait for the guest", "step": "await-guest"},
            ]})
        );
    }

    #[test]
    fn what_a_plan_needs_stands_beside_its_steps() {
        let mut plan = Plan::new(vec![Door::AwaitGuest]);
        plan.facts = vec![
            Fact::plain(About::Nodes, "5 nodes"),
            Fact::lacking(About::Quota, "2 left"),
            Fact::lacking(About::Rights, "write"),
            Fact::unknown(About::Quota, "no list"),
        ];
        let lines: Vec<String> = plan.facts.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "nodes: 5 nodes",
                "quota, too little: 2 left",
                "rights, missing: write",
                "quota, not known: no list"
            ]
        );
        let facts = &serde_json::to_value(&plan).unwrap()["facts"];
        assert_eq!(
            facts[1],
            json!({"about": "quota", "state": "lacking", "text": "2 left"})
        );
    }

    #[test]
    fn waiting_changes_nothing() {
        assert!(Plan::new(vec![Door::AwaitGuest]).is_done());
        assert!(Plan::<Door>::default().is_done());
        assert!(!Plan::new(vec![Door::Open { door: "front" }]).is_done());
    }

    #[test]
    fn effects_have_one_word_for_people_and_programs() {
        for effect in [
            Effect::Create,
            Effect::Change,
            Effect::Remove,
            Effect::Irreversible,
            Effect::Wait,
        ] {
            assert_eq!(serde_json::to_value(effect).unwrap(), json!(effect.as_str()));
        }
    }
}
