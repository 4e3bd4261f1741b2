//! Autoscale formulas as Microsoft's page on automatic scaling describes them: assignments, arithmetic, comparisons,
//! `?:`, `time()` and lengths of time, `min`, `max` and rounding.
//!
//! Metrics over time (`GetSample` and its kin) are not played: a formula that uses them is refused by name, never
//! evaluated as if they were zero.

mod expression;
mod value;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::allocation::{DeallocationOption, Targets};
use super::refusal::{AUTOSCALE_SYNTAX, Refusal};
use expression::{Expression, Names, canonical};
use value::{Trouble, Value};

/// What a formula decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// As they were when the evaluation failed.
    pub(crate) targets: Targets,
    pub(crate) option: DeallocationOption,
    /// Why the evaluation failed.
    pub(crate) failure: Option<String>,
}

/// Evaluates a formula for a pool with such targets and nodes.
///
/// # Errors
/// `AutoScalingFormulaSyntaxError`, with the reason in its values.
pub(crate) fn evaluate(formula: &str, targets: Targets, current: Targets, now: Timestamp) -> Result<Outcome, Refusal> {
    let number = |count: u32| Value::Number(f64::from(count));
    let mut names = Names {
        variables: BTreeMap::from([
            ("$targetdedicatednodes".to_owned(), number(targets.dedicated)),
            ("$targetlowprioritynodes".to_owned(), number(targets.low_priority)),
            ("$currentdedicatednodes".to_owned(), number(current.dedicated)),
            ("$currentlowprioritynodes".to_owned(), number(current.low_priority)),
        ]),
        now,
    };
    let (mut option, mut failure) = (DeallocationOption::Requeue, None);
    let formula = without_comments(formula);
    for statement in formula
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        let (name, expression) = assigned(statement).ok_or_else(|| syntax(statement, "no assignment"))?;
        let name = canonical(name.trim());
        if name == "$nodedeallocationoption" {
            option = DeallocationOption::parse(expression.trim())
                .ok_or_else(|| syntax(statement, "no deallocation option"))?;
            continue;
        }
        match Expression::new(expression, &names).value() {
            Ok(value) => {
                names.variables.insert(name, value);
            }
            Err(Trouble::Syntax(reason)) => return Err(syntax(statement, &reason)),
            Err(Trouble::Evaluation(reason)) => {
                failure.get_or_insert(format!("{statement}: {reason}"));
                names.variables.insert(name, Value::Number(0.0));
            }
        }
    }
    let count = |name: &str| match names.variables.get(name) {
        Some(Value::Number(count)) => Ok(nodes(*count)),
        _ => Err(syntax(name, "it is no number")),
    };
    let decided = Targets {
        dedicated: count("$targetdedicatednodes")?,
        low_priority: count("$targetlowprioritynodes")?,
    };
    Ok(Outcome {
        targets: if failure.is_some() { targets } else { decided },
        option,
        failure,
    })
}

/// The `results` text of a run.
pub(crate) fn results(targets: Targets) -> String {
    format!(
        "$TargetDedicatedNodes={};$TargetLowPriorityNodes={};$NodeDeallocationOption=requeue",
        targets.dedicated, targets.low_priority
    )
}

/// The `error` of a run that failed. Its form is that of the models; the code is a guess.
pub(crate) fn run_error(failure: &str) -> Json {
    json!({
        "code": "AutoScalingFormulaEvaluationError",
        "message": "An error occurred while evaluating the specified auto-scaling formula.",
        "values": [{"name": "Reason", "value": failure}]
    })
}

/// What stands behind `//` says nothing.
fn without_comments(formula: &str) -> String {
    let lines = formula.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Name and expression of an assignment: its first `=` is none of a comparison.
fn assigned(statement: &str) -> Option<(&str, &str)> {
    let (name, expression) = statement.split_once('=')?;
    let is_name = name
        .trim()
        .chars()
        .all(|mark| mark.is_ascii_alphanumeric() || "$_".contains(mark));
    (is_name && !name.trim().is_empty() && !expression.starts_with('=')).then_some((name, expression))
}

fn syntax(statement: &str, reason: &str) -> Refusal {
    Refusal::from(AUTOSCALE_SYNTAX)
        .with("Statement", statement)
        .with("Reason", reason)
}

/// A count of nodes; fractions are cut off as the service does.
fn nodes(value: f64) -> u32 {
    let text = format!("{:.0}", value.max(0.0).trunc());
    text.parse().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Thursday.
    const NOON: &str = "2026-01-01T12:00:00Z";

    fn outcome(formula: &str, current: Targets) -> Result<Outcome, Refusal> {
        evaluate(formula, current, current, NOON.parse().unwrap())
    }

    #[test]
    fn usual_formulas_are_evaluated() {
        let current = Targets {
            dedicated: 4,
            low_priority: 1,
        };
        for (formula, dedicated, low_priority) in [
            ("$TargetDedicated=3", 3, 1),
            ("$TargetDedicatedNodes = 2 + 3 * 2; $TargetLowPriorityNodes = 0;", 8, 0),
            (
                "cap = 5; $TargetDedicatedNodes = min(cap, $CurrentDedicatedNodes * 2);",
                5,
                1,
            ),
            (
                "$TargetDedicatedNodes = max(1, (10 - 4) / 4); $NodeDeallocationOption = taskcompletion",
                1,
                1,
            ),
            ("$TargetDedicatedNodes = -1", 0, 1),
            // Microsoft's example of a pool that follows the time.
            (
                "$curTime = time();\n$workHours = $curTime.hour >= 8 && $curTime.hour < 18; // by day\n\
                 $isWeekday = $curTime.weekday >= 1 && $curTime.weekday <= 5;\n\
                 $isWorkingWeekdayHour = $workHours && $isWeekday;\n$TargetDedicatedNodes = $isWorkingWeekdayHour ? 20:10;",
                20,
                1,
            ),
            (
                "later = time() + 7 * TimeInterval_Hour; $TargetDedicatedNodes = later.hour == 19 ? 1 : 2",
                1,
                1,
            ),
            ("$TargetDedicatedNodes = !(1 > 2) || 1 / 0 ? ceil(1.2) : 9", 4, 1),
            ("$TargetDedicatedNodes = 1 > 2 ? 1 / 0 : floor(2.9)", 2, 1),
        ] {
            let outcome = outcome(formula, current).unwrap();
            assert_eq!(
                outcome.targets,
                Targets {
                    dedicated,
                    low_priority
                },
                "{formula}"
            );
        }
    }

    #[test]
    fn an_evaluation_that_fails_leaves_the_targets_and_says_why() {
        let outcome = outcome(
            "$TargetDedicatedNodes = 8 / ($CurrentDedicatedNodes - 0)",
            Targets::default(),
        );
        let outcome = outcome.unwrap();
        assert_eq!(outcome.targets, Targets::default());
        assert!(outcome.failure.unwrap().ends_with("division by zero"));
    }

    #[test]
    fn metrics_and_nonsense_are_refused_by_name() {
        let nested = format!("$x={}1{}", "(".repeat(500), ")".repeat(500));
        for formula in [
            "$TargetDedicatedNodes = $PendingTasks.GetSample(1)",
            "x",
            "x == 1",
            "$x=1+",
            "$x=(1",
            "$x=min(1)",
            "$x=1 ? 2",
            "$x=1 < time()",
            "$TargetDedicatedNodes = time()",
            &nested,
        ] {
            let refusal = outcome(formula, Targets::default()).unwrap_err();
            assert_eq!(refusal.code(), "AutoScalingFormulaSyntaxError", "{formula}");
        }
    }
}
