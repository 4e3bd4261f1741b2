//! Template expressions: `[concat('pkr', parameters('name'))]` parsed into a tree.
//!
//! It knows the grammar and no function; `evaluate` gives functions their meaning.

use thiserror::Error;

/// The deepest nesting of calls that is followed; templates that people write stay below ten.
const DEEPEST: u32 = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Text(String),
    Number(i64),
    Call {
        function: String,
        arguments: Vec<Self>,
    },
    /// `resourceGroup().location`.
    Field {
        of: Box<Self>,
        name: String,
    },
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the template language expression '{text}' is not valid at position {position}: {what} expected")]
pub(super) struct SyntaxError {
    text: String,
    position: usize,
    what: &'static str,
}

/// What a text in a template is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Text as it stands; `[[` at its start is one bracket.
    Literal(String),
    /// An expression.
    Expression(Expression),
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    fn expression(&mut self, depth: u32) -> Result<Expression, SyntaxError> {
        if depth > DEEPEST {
            return Err(self.expected("less nesting"));
        }
        self.skip_spaces();
        let mut expression = match self.rest.chars().next() {
            Some('\'') => self.text()?,
            Some(c) if c.is_ascii_digit() || c == '-' => self.number()?,
            Some(c) if c.is_ascii_alphabetic() => self.call(depth)?,
            _ => return Err(self.expected("a function, a text or a number")),
        };
        while self.take('.') {
            let name = self.name()?;
            expression = Expression::Field {
                of: Box::new(expression),
                name,
            };
        }
        Ok(expression)
    }

    /// A text in single quotes; two of them stand for one.
    fn text(&mut self) -> Result<Expression, SyntaxError> {
        let mut text = String::new();
        self.take('\'');
        loop {
            let Some((part, rest)) = self.rest.split_once('\'') else {
                return Err(self.expected("a closing quote"));
            };
            text.push_str(part);
            self.rest = rest;
            if !self.rest.starts_with('\'') {
                return Ok(Expression::Text(text));
            }
            text.push('\'');
            self.take('\'');
        }
    }

    fn number(&mut self) -> Result<Expression, SyntaxError> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let number = digits.parse().map_err(|_| self.expected("a number"))?;
        self.rest = rest;
        Ok(Expression::Number(number))
    }

    fn call(&mut self, depth: u32) -> Result<Expression, SyntaxError> {
        let function = self.name()?;
        self.skip_spaces();
        if !self.take('(') {
            return Err(self.expected("an opening parenthesis"));
        }
        let mut arguments = Vec::new();
        self.skip_spaces();
        while !self.take(')') {
            arguments.push(self.expression(depth + 1)?);
            self.skip_spaces();
            if !self.take(',') && !self.rest.starts_with(')') {
                return Err(self.expected("a comma or a closing parenthesis"));
            }
            self.skip_spaces();
        }
        Ok(Expression::Call { function, arguments })
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.expected("a name"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expected(&self, what: &'static str) -> SyntaxError {
        SyntaxError {
            text: self.text.to_owned(),
            position: self.text.len() - self.rest.len(),
            what,
        }
    }
}

/// Reads a text of a template.
pub(super) fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return Ok(Parsed::Literal(text.to_owned()));
    };
    if inner.starts_with('[') {
        return Ok(Parsed::Literal(text.chars().skip(1).collect()));
    }
    let mut parser = Parser {
        text: inner,
        rest: inner,
    };
    let expression = parser.expression(0)?;
    parser.skip_spaces();
    if parser.rest.is_empty() {
        Ok(Parsed::Expression(expression))
    } else {
        Err(parser.expected("the end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, arguments: Vec<Expression>) -> Expression {
        Expression::Call {
            function: function.to_owned(),
            arguments,
        }
    }

    fn text(text: &str) -> Expression {
        Expression::Text(text.to_owned())
    }

    #[test]
    fn reads_calls_texts_numbers_and_fields() {
        let field = Expression::Field {
            of: Box::new(call("resourceGroup", vec![])),
            name: "location".to_owned(),
        };
        let cases = [
            (
                "[concat('a', 'it''s', 12)]",
                call("concat", vec![text("a"), text("it's"), Expression::Number(12)]),
            ),
            ("[resourceGroup().location]", field),
            (
                "[not(empty(parameters('x')))]",
                call("not", vec![call("empty", vec![call("parameters", vec![text("x")])])]),
            ),
            (
                "[ format( '{0}' , 'b' ) ]",
                call("format", vec![text("{0}"), text("b")]),
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(parse(source).unwrap(), Parsed::Expression(expected), "{source}");
        }
    }

    #[test]
    fn leaves_other_texts_alone() {
        for (source, expected) in [("plain", "plain"), ("[[x]", "[x]"), ("[half", "[half"), ("", "")] {
            assert_eq!(parse(source).unwrap(), Parsed::Literal(expected.to_owned()), "{source}");
        }
    }

    #[test]
    fn says_where_it_stopped_understanding() {
        for (source, position) in [
            ("[concat('a]", 8),
            ("[concat('a' 'b')]", 11),
            ("[]", 0),
            ("[a()b]", 3),
            ("[a(]", 2),
        ] {
            assert_eq!(parse(source).unwrap_err().position, position, "{source}");
        }
    }
}
