//! A file of settings as it is written: values with the lines on which they stand, so that a fault can name its line.
//!
//! Which language it was is not known here, nor what the values mean.

/// A value and its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it is.
    pub what: What,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Nothing.
    Nothing,
    /// True or false.
    Switch(bool),
    /// A number, as its digits.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Written>),
    /// Names with values.
    Members(Vec<Member>),
}

/// A name with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name.
    pub name: String,
    /// The line of the name.
    pub line: u64,
    /// The value.
    pub value: Written,
}

impl Written {
    /// The text, or the digits of a number.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match &self.what {
            What::Text(text) | What::Number(text) => Some(text.clone()),
            What::Nothing | What::Switch(_) | What::List(_) | What::Members(_) => None,
        }
    }

    /// What it is, for a sentence.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.what {
            What::Nothing => "nothing".to_owned(),
            What::Switch(is_on) => is_on.to_string(),
            What::Number(digits) => digits.clone(),
            What::Text(text) => format!("{text:?}"),
            What::List(_) => "a list".to_owned(),
            What::Members(_) => "a group of names".to_owned(),
        }
    }
}
