//! One expression of a formula: read and evaluated at once.
//!
//! Operators bind as in C: `?:`, `||`, `&&`, comparisons, sums, products, `!` and `-`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::value::{Trouble, Value, interval};

/// What expressions know by name, and the time.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) now: Timestamp,
}

/// A cursor over one expression; nesting is bounded so that no formula exhausts the stack.
pub(crate) struct Expression<'a> {
    rest: &'a str,
    names: &'a Names,
    depth: u32,
}

type Comparison = fn(f64, f64) -> bool;

/// Deeper than any formula that people write.
const MAX_DEPTH: u32 = 64;

/// The longer ones first, since they begin with the shorter ones.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", |left, right| left <= right),
    (">=", |left, right| left >= right),
    ("==", |left, right| (left - right).abs() < f64::EPSILON),
    ("!=", |left, right| (left - right).abs() >= f64::EPSILON),
    ("<", |left, right| left < right),
    (">", |left, right| left > right),
];

impl<'a> Expression<'a> {
    pub(crate) fn new(text: &'a str, names: &'a Names) -> Self {
        Self {
            rest: text.trim_start(),
            names,
            depth: 0,
        }
    }

    /// What the whole text comes to.
    ///
    /// # Errors
    /// Why it comes to nothing.
    pub(crate) fn value(mut self) -> Result<Value, Trouble> {
        let value = self.choice()?;
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(syntax(format!("unexpected '{}'", self.rest)))
        }
    }

    fn takes(&mut self, mark: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(mark) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    /// What is not chosen is evaluated too, and its trouble forgotten unless it is no expression.
    fn choice(&mut self) -> Result<Value, Trouble> {
        let condition = self.either()?;
        if !self.takes("?") {
            return Ok(condition);
        }
        let is_true = condition.is_true()?;
        let yes = self.deeper(Self::choice);
        if matches!(yes, Err(Trouble::Syntax(_))) || !self.takes(":") {
            return yes.and_then(|_| Err(syntax("a ':' is missing".to_owned())));
        }
        let no = self.deeper(Self::choice);
        match (is_true, no) {
            (_, Err(Trouble::Syntax(why))) => Err(Trouble::Syntax(why)),
            (true, _) => yes,
            (false, no) => no,
        }
    }

    fn either(&mut self) -> Result<Value, Trouble> {
        let mut value = self.both()?;
        while self.takes("||") {
            let other = self.both()?;
            value = Value::of(value.is_true()? || other.is_true()?);
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Value, Trouble> {
        let mut value = self.comparison()?;
        while self.takes("&&") {
            let other = self.comparison()?;
            value = Value::of(value.is_true()? && other.is_true()?);
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, Trouble> {
        let mut value = self.sum()?;
        while let Some((_, holds)) = COMPARISONS.into_iter().find(|(mark, _)| self.takes(mark)) {
            value = value.compared(self.sum()?, holds)?;
        }
        Ok(value)
    }

    fn sum(&mut self) -> Result<Value, Trouble> {
        let mut value = self.product()?;
        loop {
            if self.takes("+") {
                value = value.plus(self.product()?, 1.0)?;
            } else if self.takes("-") {
                value = value.plus(self.product()?, -1.0)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<Value, Trouble> {
        let mut value = self.deeper(Self::atom)?;
        loop {
            if self.takes("*") {
                value = value.times(self.deeper(Self::atom)?)?;
            } else if self.takes("/") {
                value = value.over(self.deeper(Self::atom)?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Result<Value, Trouble>) -> Result<Value, Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(syntax("the expression is nested too deeply".to_owned()));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn atom(&mut self) -> Result<Value, Trouble> {
        if self.takes("(") {
            let value = self.choice()?;
            return if self.takes(")") {
                Ok(value)
            } else {
                Err(syntax("a parenthesis is not closed".to_owned()))
            };
        }
        if self.takes("-") {
            return Value::Number(0.0).plus(self.deeper(Self::atom)?, -1.0);
        }
        if self.takes("!") {
            let value = self.deeper(Self::atom)?;
            return value.is_true().map(|is_true| Value::of(!is_true));
        }
        let word = self.word();
        if word.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
            return number
                .map(Value::Number)
                .ok_or_else(|| syntax(format!("{word} is no number")));
        }
        if self.takes("(") {
            let arguments = self.arguments()?;
            return self.called(word, &arguments);
        }
        self.named(word)
    }

    fn word(&mut self) -> &'a str {
        let is_within = |mark: char| mark.is_ascii_alphanumeric() || "$_.".contains(mark);
        let end = self.rest.find(|mark| !is_within(mark)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        word
    }

    fn arguments(&mut self) -> Result<Vec<Value>, Trouble> {
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.deeper(Self::choice)?);
            if self.takes(")") {
                return Ok(arguments);
            }
            if !self.takes(",") {
                return Err(syntax("a parenthesis is not closed".to_owned()));
            }
        }
    }

    fn called(&self, name: &str, arguments: &[Value]) -> Result<Value, Trouble> {
        if (name, arguments) == ("time", &[]) {
            return Ok(Value::Time(self.names.now));
        }
        let numbers: Vec<f64> = arguments.iter().map(|value| value.number()).collect::<Result<_, _>>()?;
        let value = match (name, numbers.as_slice()) {
            ("min", [first, second]) => first.min(*second),
            ("max", [first, second]) => first.max(*second),
            ("min" | "max", _) => return Err(syntax("min and max take two".to_owned())),
            ("ceil", [one]) => one.ceil(),
            ("floor", [one]) => one.floor(),
            ("round", [one]) => one.round(),
            _ => return Err(unplayed(name)),
        };
        Ok(Value::Number(value))
    }

    /// A variable, a length of time, or a part of a variable: `curTime.hour`.
    fn named(&self, word: &str) -> Result<Value, Trouble> {
        let name = canonical(word);
        let variable = |name: &str| self.names.variables.get(name).copied();
        if let Some(value) = interval(&name).or_else(|| variable(&name)) {
            return Ok(value);
        }
        match name.rsplit_once('.').map(|(whole, part)| (variable(whole), part)) {
            Some((Some(whole), part)) => whole.part(part),
            _ => Err(unplayed(word)),
        }
    }
}

/// The old name of the dedicated target still works.
pub(crate) fn canonical(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "$targetdedicated" => "$targetdedicatednodes".to_owned(),
        other => other.to_owned(),
    }
}

fn unplayed(word: &str) -> Trouble {
    syntax(format!("the emulator does not play '{word}'"))
}

fn syntax(why: String) -> Trouble {
    Trouble::Syntax(why)
}
