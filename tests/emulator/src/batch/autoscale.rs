//! Autoscale formulas, as far as they are arithmetic: assignments, numbers, variables, `+ - * /`, `min`, `max`.
//!
//! Metrics over time (`GetSample` and its kin) are not played: a formula that uses them is refused by name, never
//! evaluated as if they were zero.

use std::collections::BTreeMap;

use super::allocation::{DeallocationOption, Targets};
use super::refusal::{AUTOSCALE_SYNTAX, Refusal};

/// What a formula decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) targets: Targets,
    pub(crate) option: DeallocationOption,
}

/// A cursor over one expression; nesting is bounded so that no formula exhausts the stack.
struct Expression<'a> {
    rest: &'a str,
    variables: &'a BTreeMap<String, f64>,
    depth: u32,
}

/// Deeper than any formula that people write.
const MAX_DEPTH: u32 = 64;

impl<'a> Expression<'a> {
    fn new(text: &'a str, variables: &'a BTreeMap<String, f64>) -> Self {
        Self {
            rest: text.trim_start(),
            variables,
            depth: 0,
        }
    }

    fn value(mut self) -> Result<f64, String> {
        let value = self.sum()?;
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(format!("unexpected '{}'", self.rest))
        }
    }

    fn takes(&mut self, mark: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(mark) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.atom()?;
        loop {
            if self.takes('*') {
                value *= self.atom()?;
            } else if self.takes('/') {
                value /= self.atom()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn atom(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("the expression is nested too deeply".to_owned());
        }
        let value = self.shallow_atom();
        self.depth -= 1;
        value
    }

    fn shallow_atom(&mut self) -> Result<f64, String> {
        if self.takes('(') {
            let value = self.sum()?;
            return if self.takes(')') {
                Ok(value)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        if self.takes('-') {
            return Ok(-self.atom()?);
        }
        let end = self
            .rest
            .find(|mark: char| !(mark.is_ascii_alphanumeric() || "$_.".contains(mark)));
        let (word, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        if let Ok(number) = word.parse::<f64>() {
            return if number.is_finite() {
                Ok(number)
            } else {
                Err(format!("{word} is no number"))
            };
        }
        match word {
            "min" => self.pair(f64::min),
            "max" => self.pair(f64::max),
            _ => {
                let value = self.variables.get(&canonical(word)).copied();
                value.ok_or_else(|| format!("the emulator does not play '{word}'"))
            }
        }
    }

    fn pair(&mut self, choose: fn(f64, f64) -> f64) -> Result<f64, String> {
        let open = self.takes('(');
        let first = self.sum()?;
        let comma = self.takes(',');
        let second = self.sum()?;
        if open && comma && self.takes(')') {
            Ok(choose(first, second))
        } else {
            Err("min and max take two".to_owned())
        }
    }
}

/// Evaluates a formula for a pool with such targets and nodes.
///
/// # Errors
/// `AutoScalingFormulaSyntaxError`, with the reason in its values.
pub(crate) fn evaluate(formula: &str, targets: Targets, current: Targets) -> Result<Outcome, Refusal> {
    let mut variables = BTreeMap::from([
        ("$targetdedicatednodes".to_owned(), f64::from(targets.dedicated)),
        ("$targetlowprioritynodes".to_owned(), f64::from(targets.low_priority)),
        ("$currentdedicatednodes".to_owned(), f64::from(current.dedicated)),
        ("$currentlowprioritynodes".to_owned(), f64::from(current.low_priority)),
    ]);
    let mut option = DeallocationOption::Requeue;
    for statement in formula
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        let (name, expression) = statement
            .split_once('=')
            .ok_or_else(|| syntax(statement, "no assignment"))?;
        let name = canonical(name.trim());
        if name == "$nodedeallocationoption" {
            option = DeallocationOption::parse(expression.trim())
                .ok_or_else(|| syntax(statement, "no deallocation option"))?;
            continue;
        }
        let value = Expression::new(expression, &variables)
            .value()
            .map_err(|reason| syntax(statement, &reason))?;
        variables.insert(name, value);
    }
    let count = |name: &str| nodes(variables.get(name).copied().unwrap_or_default());
    let targets = Targets {
        dedicated: count("$targetdedicatednodes"),
        low_priority: count("$targetlowprioritynodes"),
    };
    Ok(Outcome { targets, option })
}

/// The `results` text of a run.
pub(crate) fn results(targets: Targets) -> String {
    format!(
        "$TargetDedicatedNodes={};$TargetLowPriorityNodes={};$NodeDeallocationOption=requeue",
        targets.dedicated, targets.low_priority
    )
}

/// The old name of the dedicated target still works.
fn canonical(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "$targetdedicated" => "$targetdedicatednodes".to_owned(),
        other => other.to_owned(),
    }
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

    #[test]
    fn arithmetic_formulas_are_evaluated() {
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
        ] {
            let outcome = evaluate(formula, current, current).unwrap();
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
    fn metrics_and_nonsense_are_refused_by_name() {
        let nested = format!("$x={}1{}", "(".repeat(500), ")".repeat(500));
        for formula in [
            "$TargetDedicatedNodes = $PendingTasks.GetSample(1)",
            "x",
            "$x=1+",
            "$x=(1",
            "$x=min(1)",
            &nested,
        ] {
            let refusal = evaluate(formula, Targets::default(), Targets::default()).unwrap_err();
            assert_eq!(refusal.code(), "AutoScalingFormulaSyntaxError", "{formula}");
        }
    }
}
