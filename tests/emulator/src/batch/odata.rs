//! A part of OData's `$filter`: comparisons, `startswith`, `and`, `or`, `not`, parentheses, paths with `/`.
//!
//! What it cannot read it refuses with a reason; it never ignores a part of a filter. It knows no resource: callers
//! say which paths may be asked for.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

/// A filter, ready to be asked about values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// At least one holds.
    Or(Box<Self>, Box<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A property compared with a literal.
    Compare(Path, Comparison, Literal),
    /// A property that begins with a text.
    StartsWith(Path, String),
}

/// The names from the outside in, e.g. `executionInfo`, `poolId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<String>);

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
    Time(Timestamp),
    Null,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Literal(Literal),
}

/// Nesting beyond this is refused, so that no filter can exhaust the stack; no client writes more than a few.
const MAX_TOKENS: usize = 512;

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Path {
    /// The path as a filter writes it.
    pub(crate) fn text(&self) -> String {
        self.0.join("/")
    }

    fn find<'a>(&self, value: &'a Value) -> &'a Value {
        self.0
            .iter()
            .fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What cannot be read, as a sentence for the refusal's `Reason`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens, next: 0 };
        let filter = parser.disjunction()?;
        match parser.take() {
            None => Ok(filter),
            Some(token) => Err(format!("unexpected {token:?} after the end of the expression")),
        }
    }

    /// Whether a resource passes.
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match self {
            Self::And(left, right) => left.admits(value) && right.admits(value),
            Self::Or(left, right) => left.admits(value) || right.admits(value),
            Self::Not(inner) => !inner.admits(value),
            Self::Compare(path, comparison, literal) => compare(path.find(value), *comparison, literal),
            Self::StartsWith(path, prefix) => path.find(value).as_str().is_some_and(|text| begins(text, prefix)),
        }
    }

    /// All paths that the filter asks for.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.paths().into_iter().chain(right.paths()).collect(),
            Self::Not(inner) => inner.paths(),
            Self::Compare(path, ..) | Self::StartsWith(path, _) => vec![path],
        }
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(text)) if text == word);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        match self.take() {
            Some(found) if found == *token => Ok(()),
            found => Err(format!("expected {token:?}, found {found:?}")),
        }
    }

    fn disjunction(&mut self) -> Result<Filter, String> {
        let mut left = self.conjunction()?;
        while self.takes_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Filter, String> {
        let mut left = self.factor()?;
        while self.takes_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Filter, String> {
        match self.take() {
            Some(Token::Open) => {
                let inner = self.disjunction()?;
                self.expect(&Token::Close)?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "not" => Ok(Filter::Not(Box::new(self.factor()?))),
            Some(Token::Word(word)) if self.peek() == Some(&Token::Open) => self.call(&word),
            Some(Token::Word(word)) => self.comparison(path(&word)?),
            found => Err(format!("expected a property, found {found:?}")),
        }
    }

    fn call(&mut self, function: &str) -> Result<Filter, String> {
        if function != "startswith" {
            return Err(format!("the function {function} is not supported"));
        }
        self.expect(&Token::Open)?;
        let Some(Token::Word(word)) = self.take() else {
            return Err("startswith needs a property first".to_owned());
        };
        self.expect(&Token::Comma)?;
        let Some(Token::Literal(Literal::Text(prefix))) = self.take() else {
            return Err("startswith needs a text second".to_owned());
        };
        self.expect(&Token::Close)?;
        Ok(Filter::StartsWith(path(&word)?, prefix))
    }

    fn comparison(&mut self, path: Path) -> Result<Filter, String> {
        let comparison = match self.take() {
            Some(Token::Word(word)) => {
                operator(&word).ok_or_else(|| format!("the operator {word} is not supported"))?
            }
            found => {
                return Err(format!("expected an operator after {}, found {found:?}", path.text()));
            }
        };
        match self.take() {
            Some(Token::Literal(literal)) => Ok(Filter::Compare(path, comparison, literal)),
            found => Err(format!("expected a literal after {}, found {found:?}", path.text())),
        }
    }
}

fn begins(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Texts compare without case since the service's ids and enums do; unlike kinds are never equal and never ordered.
fn compare(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    let order = match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::String(text), Literal::Text(other)) => Some(text.to_ascii_lowercase().cmp(&other.to_ascii_lowercase())),
        (Value::String(text), Literal::Time(other)) => text.parse::<Timestamp>().ok().map(|time| time.cmp(other)),
        (Value::Number(number), Literal::Number(other)) => number.as_f64().and_then(|number| number.partial_cmp(other)),
        (Value::Bool(flag), Literal::Boolean(other)) => Some(flag.cmp(other)),
        _ => None,
    };
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

fn operator(word: &str) -> Option<Comparison> {
    Some(match word {
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        _ => return None,
    })
}

fn path(word: &str) -> Result<Path, String> {
    let names: Vec<String> = word.split('/').map(str::to_owned).collect();
    let is_name =
        |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if names.iter().all(is_name) {
        Ok(Path(names))
    } else {
        Err(format!("{word} is no property path"))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, tail(rest)),
            ')' => (Token::Close, tail(rest)),
            ',' => (Token::Comma, tail(rest)),
            '\'' => quoted(rest)?,
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = after.trim_start();
        if tokens.len() > MAX_TOKENS {
            return Err("the expression is too long".to_owned());
        }
    }
    Ok(tokens)
}

fn tail(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

/// A text in single quotes; a doubled quote stands for one.
fn quoted(text: &str) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut rest = tail(text);
    loop {
        let Some((before, after)) = rest.split_once('\'') else {
            return Err("a text is not closed".to_owned());
        };
        value.push_str(before);
        if let Some(more) = after.strip_prefix('\'') {
            value.push('\'');
            rest = more;
        } else {
            return Ok((Token::Literal(Literal::Text(value)), after));
        }
    }
}

fn word(text: &str) -> Result<(Token, &str), String> {
    let end = text
        .find(|character: char| character.is_whitespace() || "(),'".contains(character))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if rest.starts_with('\'') {
        return typed(word, rest);
    }
    let literal = match word {
        "true" => Some(Literal::Boolean(true)),
        "false" => Some(Literal::Boolean(false)),
        "null" => Some(Literal::Null),
        _ if word.starts_with(|first: char| first.is_ascii_digit() || first == '-') => Some(number_or_time(word)?),
        _ => None,
    };
    Ok((
        literal.map_or_else(|| Token::Word(word.to_owned()), Token::Literal),
        rest,
    ))
}

/// `datetime'2026-01-01T00:00:00Z'`, in whatever case the type is written.
fn typed<'a>(kind: &str, rest: &'a str) -> Result<(Token, &'a str), String> {
    match quoted(rest)? {
        (Token::Literal(Literal::Text(text)), rest) if kind.eq_ignore_ascii_case("datetime") => {
            let time = text.parse().map_err(|_| format!("{text} is no time"))?;
            Ok((Token::Literal(Literal::Time(time)), rest))
        }
        _ => Err(format!("literals of the type {kind} are not supported")),
    }
}

fn number_or_time(word: &str) -> Result<Literal, String> {
    if let Ok(time) = word.parse() {
        return Ok(Literal::Time(time));
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Literal::Number(number)),
        _ => Err(format!("{word} is no number")),
    }
}

#[cfg(test)]
mod tests;
