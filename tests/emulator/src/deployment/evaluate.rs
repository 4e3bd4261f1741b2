//! What template functions mean: as many as machine-building templates use.
//!
//! A function that is not here is refused by its name. Nothing is read from or written to the world.

use serde_json::{Value, json};
use thiserror::Error;

use super::expression::{self, Expression, Parsed, SyntaxError};
use crate::{envelope::ArmPath, json as edit};

/// The longest chain of variables that is followed; a longer one is taken for a circle.
const LONGEST_CHAIN: u32 = 32;

/// What expressions can refer to.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    /// The deployment's own path.
    pub(super) path: &'a ArmPath,
    /// The region of its group.
    pub(super) location: &'a str,
    /// Values by name.
    pub(super) parameters: &'a Value,
    /// The template's variables, not evaluated.
    pub(super) variables: &'a Value,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum EvaluationError {
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    #[error("the template {kind} '{name}' is not found")]
    Unknown { kind: &'static str, name: String },
    #[error("the template function '{function}' does not take these arguments")]
    Arguments { function: String },
    #[error("the language expression property '{name}' does not exist")]
    NoField { name: String },
    #[error("the variables of the template refer to each other in a circle")]
    Circle,
    /// Known to Azure, perhaps, but not to the emulator.
    #[error("the emulator has no template function '{function}'")]
    Unplayed { function: String },
}

impl Scope<'_> {
    /// The value with every expression in it evaluated.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, EvaluationError> {
        self.resolve_at(value, 0)
    }

    fn resolve_at(&self, value: &Value, depth: u32) -> Result<Value, EvaluationError> {
        if depth > LONGEST_CHAIN {
            return Err(EvaluationError::Circle);
        }
        match value {
            Value::String(text) => match expression::parse(text)? {
                Parsed::Literal(text) => Ok(Value::String(text)),
                Parsed::Expression(expression) => self.evaluate(&expression, depth),
            },
            Value::Array(items) => items.iter().map(|item| self.resolve_at(item, depth)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.resolve_at(value, depth)?)))
                .collect(),
            other => Ok(other.clone()),
        }
    }

    fn evaluate(&self, expression: &Expression, depth: u32) -> Result<Value, EvaluationError> {
        match expression {
            Expression::Text(text) => Ok(json!(text)),
            Expression::Number(number) => Ok(json!(number)),
            Expression::Field { of, name } => {
                let of = self.evaluate(of, depth)?;
                let field = of.get(name).cloned();
                field.ok_or_else(|| EvaluationError::NoField { name: name.clone() })
            }
            Expression::Call { function, arguments } => {
                let arguments: Vec<Value> = arguments
                    .iter()
                    .map(|argument| self.evaluate(argument, depth))
                    .collect::<Result<_, _>>()?;
                self.call(function, &arguments, depth)
            }
        }
    }

    fn call(&self, function: &str, arguments: &[Value], depth: u32) -> Result<Value, EvaluationError> {
        let wrong = || EvaluationError::Arguments {
            function: function.to_owned(),
        };
        match (function.to_lowercase().as_str(), arguments) {
            ("parameters", [Value::String(name)]) => find(self.parameters, "parameter", name).cloned(),
            ("variables", [Value::String(name)]) => self.resolve_at(find(self.variables, "variable", name)?, depth + 1),
            ("concat", parts) => parts
                .iter()
                .map(shown)
                .collect::<Option<String>>()
                .map(Value::from)
                .ok_or_else(wrong),
            ("format", [Value::String(pattern), values @ ..]) => {
                format(pattern, values).map(Value::from).ok_or_else(wrong)
            }
            ("not", [Value::Bool(value)]) => Ok(json!(!value)),
            ("empty", [value]) => is_empty(value).map(Value::from).ok_or_else(wrong),
            ("resourcegroup", []) => Ok(self.group()),
            ("subscription", []) => Ok(json!({
                "id": format!("/subscriptions/{}", self.path.subscription),
                "subscriptionId": self.path.subscription,
            })),
            ("resourceid", parts) => self.resource_id(parts).map(Value::from).ok_or_else(wrong),
            ("parameters" | "variables" | "format" | "not" | "empty" | "resourcegroup" | "subscription", _) => {
                Err(wrong())
            }
            _ => Err(EvaluationError::Unplayed {
                function: function.to_owned(),
            }),
        }
    }

    fn group(&self) -> Value {
        json!({
            "id": format!("/subscriptions/{}/resourceGroups/{}", self.path.subscription, self.path.group()),
            "name": self.path.group(),
            "location": self.location,
        })
    }

    /// `resourceId([subscription,] [group,] type, name…)`: the type is the first with a slash.
    fn resource_id(&self, parts: &[Value]) -> Option<String> {
        let texts: Vec<&str> = parts.iter().map(Value::as_str).collect::<Option<_>>()?;
        let at = texts.iter().position(|text| text.contains('/'))?;
        let (place, rest) = texts.split_at(at);
        let (kind, names) = rest.split_first()?;
        let (subscription, group) = match place {
            [] => (self.path.subscription.as_str(), self.path.group()),
            [group] => (self.path.subscription.as_str(), *group),
            [subscription, group] => (*subscription, *group),
            _ => return None,
        };
        id(subscription, group, kind, names)
    }
}

/// A resource id of a type such as `Microsoft.Compute/virtualMachines/extensions` and as many names.
pub(super) fn id(subscription: &str, group: &str, kind: &str, names: &[&str]) -> Option<String> {
    let (namespace, kinds) = kind.trim_end_matches('/').split_once('/')?;
    let kinds: Vec<&str> = kinds.split('/').collect();
    if kinds.len() != names.len() {
        return None;
    }
    let mut id = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}");
    for (kind, name) in kinds.iter().zip(names) {
        id.push_str(&format!("/{kind}/{name}"));
    }
    Some(id)
}

fn find<'a>(values: &'a Value, kind: &'static str, name: &str) -> Result<&'a Value, EvaluationError> {
    let fields = values.as_object();
    let mut found = fields.into_iter().flatten();
    found
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .ok_or_else(|| EvaluationError::Unknown {
            kind,
            name: name.to_owned(),
        })
}

/// A value in a text; lists and objects have none.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn format(pattern: &str, values: &[Value]) -> Option<String> {
    values
        .iter()
        .enumerate()
        .try_fold(pattern.to_owned(), |text, (position, value)| {
            Some(text.replace(&format!("{{{position}}}"), &shown(value)?))
        })
}

fn is_empty(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(true),
        Value::String(text) => Some(text.is_empty()),
        Value::Array(items) => Some(items.is_empty()),
        Value::Object(fields) => Some(fields.is_empty()),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether a resource's `condition` holds; one that is not there does.
pub(super) fn holds(condition: &Value) -> bool {
    match condition {
        Value::Bool(value) => *value,
        _ => edit::text(condition, "").is_none_or(|text| !text.eq_ignore_ascii_case("false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Value, EvaluationError> {
        let path = ArmPath::parse("/subscriptions/s/resourceGroups/g").ok_or(EvaluationError::Circle)?;
        let parameters = json!({"name": "vm1", "nothing": "", "count": 2});
        let variables = json!({
            "location": "[resourceGroup().location]", "a": "[variables('b')]", "b": "[variables('a')]",
            "deep": {"list": ["[parameters('name')]"]},
        });
        let scope = Scope {
            path: &path,
            location: "westeurope",
            parameters: &parameters,
            variables: &variables,
        };
        scope.resolve(&json!(text))
    }

    #[test]
    fn gives_every_function_of_the_builders_its_meaning() {
        let cases = [
            ("[concat(parameters('name'), '-', parameters('COUNT'))]", json!("vm1-2")),
            ("[variables('location')]", json!("westeurope")),
            ("[variables('deep').list]", json!(["vm1"])),
            ("[not(empty(parameters('nothing')))]", json!(false)),
            ("[format('{1}/{0}', 'a', parameters('name'))]", json!("vm1/a")),
            (
                "[resourceId('Microsoft.Network/virtualNetworks', 'n')]",
                json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n"),
            ),
            (
                "[resourceId('other', 'Microsoft.Compute/virtualMachines/', 'v')]",
                json!("/subscriptions/s/resourceGroups/other/providers/Microsoft.Compute/virtualMachines/v"),
            ),
            (
                "[resourceId('t', 'other', 'Microsoft.Network/virtualNetworks/subnets', 'n', 'd')]",
                json!("/subscriptions/t/resourceGroups/other/providers/Microsoft.Network/virtualNetworks/n/subnets/d"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_know() {
        let cases = [
            ("[parameters('absent')]", "the template parameter 'absent' is not found"),
            (
                "[uniqueString('x')]",
                "the emulator has no template function 'uniqueString'",
            ),
            (
                "[variables('a')]",
                "the variables of the template refer to each other in a circle",
            ),
            (
                "[not('x')]",
                "the template function 'not' does not take these arguments",
            ),
            (
                "[resourceGroup().owner]",
                "the language expression property 'owner' does not exist",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
