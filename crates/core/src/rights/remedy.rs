//! What gives the rights that are missing: the smallest built-in roles, a custom role, and the lines that assign them.
//!
//! Pure. It assigns nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::Need;
use crate::{
    arm::permission::{Action, matches},
    error::{Error, Next, ServiceError},
    failure::Step,
    ids::resource,
    options::Door,
    typing::{Command, az},
};

/// A role of Azure's own, as far as it matters here.
struct BuiltIn {
    name: &'static str,
    actions: &'static [&'static str],
    data_actions: &'static [&'static str],
}

/// The roles that are looked at, the smallest first. Their actions are those of Microsoft's list of built-in roles,
/// without what no run of ours does.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "Reader",
        actions: &["*/read"],
        data_actions: &[],
    },
    BuiltIn {
        name: "Managed Identity Operator",
        actions: &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
        ],
        data_actions: &[],
    },
    BuiltIn {
        name: "Azure Batch Data Contributor",
        actions: &[
            "Microsoft.Batch/batchAccounts/read",
            "Microsoft.Batch/batchAccounts/pools/*",
        ],
        data_actions: &[
            "Microsoft.Batch/batchAccounts/jobs/*",
            "Microsoft.Batch/batchAccounts/jobSchedules/*",
        ],
    },
    BuiltIn {
        name: "Compute Gallery Artifacts Publisher",
        actions: &["Microsoft.Compute/galleries/*"],
        data_actions: &[],
    },
    BuiltIn {
        name: "Network Contributor",
        actions: &["Microsoft.Network/*"],
        data_actions: &[],
    },
    BuiltIn {
        name: "Contributor",
        actions: &["*"],
        data_actions: &[],
    },
];

/// The name of the role that has exactly what was missing.
const CUSTOM_ROLE: &str = "Azure Batch images";

/// What stands in a command where the identity is not known.
const IDENTITY: &str = "<object id of the identity>";

/// What gives the missing rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// One line for each scope, ready for a shell.
    pub commands: Vec<String>,
    /// A role with exactly these rights, as `az role definition create --role-definition` takes it.
    pub custom_role: Value,
    /// All of it for a person, each with what to type.
    #[serde(skip)]
    steps: Vec<Step>,
}

impl BuiltIn {
    fn gives(&self, action: Action) -> bool {
        let patterns = match action {
            Action::Control(_) => self.actions,
            Action::Data(_) => self.data_actions,
        };
        patterns.iter().any(|pattern| matches(pattern, action.name()))
    }
}

impl Remedy {
    /// What gives these rights to an identity; without one, a placeholder stands in its place.
    #[must_use]
    pub fn of<'a>(missing: impl Iterator<Item = &'a Need>, identity: Option<&str>) -> Self {
        let by_scope = by_scope(missing);
        let commands = assignments(&by_scope, identity);
        let named = commands.iter().enumerate().map(|(number, command)| {
            let first = "a person who may assign roles there gives what is missing with";
            let text = if number == 0 { first } else { "and with" };
            (text, command.clone())
        });
        let steps = named.chain(own_role(&by_scope, identity)).map(|(text, command)| Next {
            text: text.into(),
            command: Some(command),
        });
        Self {
            commands: commands.iter().map(ToString::to_string).collect(),
            custom_role: custom_role(&by_scope),
            steps: steps.map(|next| Step::of(&next, Door::Flag)).collect(),
        }
    }
}

/// The lines for a person: the commands, then the custom role. What is typed is indented as commands are, which no
/// terminal's width breaks.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = |step: &Step| {
            step.command
                .iter()
                .map(|line| format!("    {line}"))
                .collect::<Vec<_>>()
        };
        let lines = self
            .steps
            .iter()
            .flat_map(|step| [vec![step.text.clone()], typed(step)].concat());
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The error of missing rights, with what gives them: the smallest roles, or one of just these rights.
pub(super) fn given<'a>(error: Error, missing: impl Iterator<Item = &'a Need>, identity: Option<&str>) -> Error {
    let by_scope = by_scope(missing);
    let error = assigned(error, assignments(&by_scope, identity));
    let own = own_role(&by_scope, identity).into_iter();
    own.fold(error, |error, (text, command)| error.with_next(text, command))
}

/// What makes a role of just these rights and assigns it.
fn own_role(by_scope: &BTreeMap<&str, BTreeSet<Action>>, identity: Option<&str>) -> Vec<(&'static str, Command)> {
    // One item a line, since it is read before it is typed.
    let role = format!("{:#}", custom_role(by_scope));
    let made = (
        "or, in place of the built-in role, make one of exactly these rights",
        Command::new(az::CUSTOM_ROLE, &[("actions", &role)]),
    );
    let scopes = outermost(by_scope).into_iter().enumerate();
    let assigned = scopes.map(|(number, scope)| {
        let text = if number == 0 { "and assign it" } else { "and there" };
        (text, assignment(CUSTOM_ROLE, scope, identity))
    });
    std::iter::once(made).chain(assigned).collect()
}

/// The same as lines of a plan, each with one command; none when nothing is missing.
#[must_use]
pub fn given_by<'a>(missing: impl Iterator<Item = &'a Need>, identity: Option<&str>) -> Vec<String> {
    let by_scope = by_scope(missing);
    if by_scope.is_empty() {
        return Vec::new();
    }
    let commands = assignments(&by_scope, identity);
    let mut lines: Vec<String> = commands
        .iter()
        .enumerate()
        .map(|(number, command)| match number {
            0 => format!("a person who may assign roles there gives what is missing with: {command}"),
            _ => format!("and with: {command}"),
        })
        .collect();
    let role = custom_role(&by_scope).to_string();
    let role = Command::new(az::CUSTOM_ROLE, &[("actions", &role)]);
    lines.push(format!(
        "or, in place of the built-in role, with a role of exactly these rights: {role}"
    ));
    let scopes = outermost(&by_scope).into_iter();
    lines.extend(scopes.map(|scope| format!("and its assignment: {}", assignment(CUSTOM_ROLE, scope, identity))));
    lines
}

/// The error with the commands that give what it lacks.
pub(super) fn assigned(mut error: Error, commands: Vec<Command>) -> Error {
    const FIRST: &str = "an owner of the resource, or another person who may assign roles there, gives the right with";
    for (number, command) in commands.into_iter().enumerate() {
        error = error.with_next(if number == 0 { FIRST } else { "and with" }, command);
    }
    error.with_next(
        "a new assignment takes up to ten minutes to be in effect; then run again",
        None,
    )
}

/// The action that a refusal names, in quotes as the resource manager's do, or among its values. That Batch names one is a
/// guess, taken from the local Azure.
pub(super) fn named(refusal: &ServiceError) -> Option<&str> {
    let quoted = refusal.message.split('\'');
    let mut texts = quoted.chain(refusal.details.iter().map(|(_, text)| text.as_str()));
    texts.find(|text| text.starts_with("Microsoft."))
}

/// What gives the right that ARM says is missing: its text names the action and the scope.
pub(super) fn of_refusal(refusal: &ServiceError, identity: Option<&str>) -> Option<(String, Command)> {
    let quoted: Vec<&str> = refusal.message.split('\'').skip(1).step_by(2).collect();
    let last = |begin: &str| quoted.iter().rev().find(|text| text.starts_with(begin)).copied();
    let (action, scope) = (last("Microsoft.")?, last("/")?);
    let is_given = |role: &&BuiltIn| role.actions.iter().any(|pattern| matches(pattern, action));
    let role = BUILT_IN.iter().find(is_given)?;
    let fact = format!("the right {action} is missing on {}", resource::in_words(scope));
    Some((fact, assignment(role.name, scope, identity)))
}

/// The identity as a reader knows it.
pub(super) fn who(identity: Option<&str>) -> String {
    identity.map_or_else(
        || "this identity".to_owned(),
        |id| format!("the identity with client id {id}"),
    )
}

/// The account that a roll-out could not read: the role that lets it do so also lets it make pools.
pub(super) fn of_account(refusal: &ServiceError, account: &str) -> bool {
    let reads = refusal.message.contains("'Microsoft.Batch/batchAccounts/read'");
    reads
        && refusal
            .message
            .to_ascii_lowercase()
            .contains(&account.to_ascii_lowercase())
}

/// What gives the right to work with pools of an account, which Batch itself does not name.
pub(super) fn pool_work_role(account: &str, identity: Option<&str>) -> Command {
    assignment("Azure Batch Data Contributor", account, identity)
}

fn by_scope<'a>(missing: impl Iterator<Item = &'a Need>) -> BTreeMap<&'a str, BTreeSet<Action>> {
    let mut by_scope: BTreeMap<&str, BTreeSet<Action>> = BTreeMap::new();
    for need in missing {
        by_scope.entry(&need.scope).or_default().insert(need.action);
    }
    by_scope
}

/// The assignments that give all of it. What a role gives at a scope it gives at everything within.
fn assignments(by_scope: &BTreeMap<&str, BTreeSet<Action>>, identity: Option<&str>) -> Vec<Command> {
    let mut scopes: Vec<(&str, &BTreeSet<Action>)> = by_scope.iter().map(|(scope, all)| (*scope, all)).collect();
    scopes.sort_by_key(|(scope, _)| scope.len());
    let mut given: Vec<(&BuiltIn, &str)> = Vec::new();
    for (scope, actions) in scopes {
        let is_given = |action: &&Action| {
            let mut around = given.iter().filter(|(_, outer)| is_within(scope, outer));
            around.any(|(role, _)| role.gives(**action))
        };
        let lacking: BTreeSet<Action> = actions.iter().filter(|action| !is_given(action)).copied().collect();
        given.extend(roles(&lacking).into_iter().map(|role| (role, scope)));
    }
    given.sort_by_key(|(_, scope)| *scope);
    given
        .into_iter()
        .map(|(role, scope)| assignment(role.name, scope, identity))
        .collect()
}

/// The scopes that lie in no other of them.
fn outermost<'a>(by_scope: &BTreeMap<&'a str, BTreeSet<Action>>) -> Vec<&'a str> {
    let scopes = by_scope.keys().copied();
    let is_outermost = |scope: &&str| !by_scope.keys().any(|other| other != scope && is_within(scope, other));
    scopes.filter(is_outermost).collect()
}

/// Whether a scope is another one or lies in it; upper and lower case are the same.
fn is_within(scope: &str, outer: &str) -> bool {
    let (scope, outer) = (scope.to_ascii_lowercase(), outer.to_ascii_lowercase());
    let rest = scope.strip_prefix(outer.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn assignment(role: &str, scope: &str, identity: Option<&str>) -> Command {
    let identity = identity.unwrap_or(IDENTITY);
    Command::new(
        az::ASSIGN_ROLE,
        &[("identity", identity), ("role", role), ("scope", scope)],
    )
}

/// The smallest role that gives all; else one for each action that no other one gives.
fn roles(actions: &BTreeSet<Action>) -> Vec<&'static BuiltIn> {
    let gives_all = |role: &&BuiltIn| actions.iter().all(|action| role.gives(*action));
    if actions.is_empty() {
        return Vec::new();
    }
    // Contributor gives more than anybody wants to hand out, so two small roles come before it.
    let small = BUILT_IN.split_last().map_or(BUILT_IN, |(_contributor, small)| small);
    if let Some(role) = small.iter().find(gives_all) {
        return vec![role];
    }
    let smallest = |action: &Action| BUILT_IN.iter().position(|role| role.gives(*action));
    let chosen: BTreeSet<usize> = actions.iter().filter_map(smallest).collect();
    let chosen: Vec<&BuiltIn> = chosen.into_iter().filter_map(|number| BUILT_IN.get(number)).collect();
    // A larger role that is needed anyway makes a smaller one superfluous.
    let is_needed = |(number, role): &(usize, &'static BuiltIn)| {
        let larger = || chosen.iter().skip(number + 1);
        let is_lacking = |action: &&Action| role.gives(**action) && !larger().any(|other| other.gives(**action));
        actions.iter().any(|action| is_lacking(&action))
    };
    let numbered = chosen.iter().copied().enumerate();
    numbered.filter(is_needed).map(|(_, role)| role).collect()
}

fn custom_role(by_scope: &BTreeMap<&str, BTreeSet<Action>>) -> Value {
    let all: BTreeSet<Action> = by_scope.values().flatten().copied().collect();
    let names = |is_wanted: fn(&Action) -> bool| -> Vec<&str> {
        all.iter()
            .filter(|action| is_wanted(action))
            .map(|action| action.name())
            .collect()
    };
    json!({
        "Name": CUSTOM_ROLE,
        "IsCustom": true,
        "Description": "Rights that a run of the programs for Azure Batch was missing.",
        "Actions": names(|action| matches!(action, Action::Control(_))),
        "NotActions": [],
        "DataActions": names(|action| matches!(action, Action::Data(_))),
        "NotDataActions": [],
        // A role can be offered in groups and subscriptions only, not on a single resource.
        "AssignableScopes": by_scope.keys().map(|scope| group_of(scope)).collect::<BTreeSet<_>>(),
    })
}

/// The resource group that a scope lies in; the scope itself when it is none.
fn group_of(scope: &str) -> String {
    let parts: Vec<&str> = scope.split('/').take(5).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Without;

    const ACCOUNT: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/a";
    const VERSION: &str =
        "/subscriptions/s/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    fn need(scope: &str, action: Action) -> Need {
        Need {
            scope: scope.to_owned(),
            action,
            purpose: "to test",
            without: Without::Fails,
        }
    }

    #[test]
    fn the_smallest_roles_are_named_by_scope_and_a_custom_role_has_just_these_actions() {
        let missing = [
            need(ACCOUNT, Action::Control("Microsoft.Batch/batchAccounts/pools/write")),
            need(ACCOUNT, Action::Control("Microsoft.Batch/batchAccounts/read")),
            need(ACCOUNT, Action::Data("Microsoft.Batch/batchAccounts/jobs/write")),
            need(
                VERSION,
                Action::Control("Microsoft.Compute/galleries/images/versions/read"),
            ),
        ];
        let remedy = Remedy::of(missing.iter(), Some("app-1"));
        assert_eq!(
            remedy.commands,
            [
                format!("az role assignment create --assignee app-1 --role Reader --scope {VERSION}"),
                format!(
                    "az role assignment create --assignee app-1 --role \"Azure Batch Data Contributor\" --scope {ACCOUNT}"
                ),
            ]
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&remedy.custom_role).unwrap(), @r#"
        {
          "Name": "Azure Batch images",
          "IsCustom": true,
          "Description": "Rights that a run of the programs for Azure Batch was missing.",
          "Actions": [
            "Microsoft.Batch/batchAccounts/pools/write",
            "Microsoft.Batch/batchAccounts/read",
            "Microsoft.Compute/galleries/images/versions/read"
          ],
          "NotActions": [],
          "DataActions": [
            "Microsoft.Batch/batchAccounts/jobs/write"
          ],
          "NotDataActions": [],
          "AssignableScopes": [
            "/subscriptions/s/resourceGroups/rg",
            "/subscriptions/s/resourceGroups/rg-images"
          ]
        }
        "#);
    }

    #[test]
    fn a_refusal_of_arm_names_the_right_and_where_it_is_missing() {
        let refused = |message: String| ServiceError {
            message,
            ..ServiceError::default()
        };
        let plain = refused(format!(
            "The client 'c' with object id 'o' does not have authorization to perform action \
             'Microsoft.Batch/batchAccounts/read' over scope '{ACCOUNT}' or the scope is invalid."
        ));
        let (fact, command) = of_refusal(&plain, Some("app-1")).unwrap();
        assert_eq!(
            fact,
            "the right Microsoft.Batch/batchAccounts/read is missing on batchAccounts/a in resource group rg"
        );
        assert_eq!(
            command.to_string(),
            format!("az role assignment create --assignee app-1 --role Reader --scope {ACCOUNT}")
        );
        let linked = refused(format!(
            "The client has permission to perform action 'Microsoft.Compute/galleries/images/versions/write' on scope \
             '{VERSION}'; however, it does not have permission to perform action(s) 'Microsoft.Compute/disks/write' on \
             the linked scope(s) '/subscriptions/s/resourceGroups/other' (respectively)."
        ));
        assert!(
            of_refusal(&linked, None)
                .unwrap()
                .0
                .ends_with("on resource group other of subscription s")
        );
        assert_eq!(of_refusal(&refused("no".to_owned()), None), None);
    }

    #[test]
    fn what_no_single_small_role_gives_takes_more_than_one() {
        let missing = [
            need(
                ACCOUNT,
                Action::Control("Microsoft.Compute/disks/beginGetAccess/action"),
            ),
            need(ACCOUNT, Action::Data("Microsoft.Batch/batchAccounts/jobs/write")),
        ];
        let remedy = Remedy::of(missing.iter(), None);
        assert_eq!(remedy.commands.len(), 2);
        assert!(remedy.commands[0].contains(IDENTITY) && remedy.commands[1].contains("--role Contributor"));
    }

    /// The role and the scope of each assignment.
    fn assigned(missing: &[Need]) -> Vec<(String, String)> {
        let assigned = |command: &String| {
            let (_, rest) = command.split_once("--role ").unwrap();
            let (role, scope) = rest.split_once("--scope ").unwrap();
            (
                role.trim_matches(|c: char| !c.is_alphanumeric()).to_owned(),
                scope.to_owned(),
            )
        };
        let remedy = Remedy::of(missing.iter(), None);
        remedy.commands.iter().map(assigned).collect()
    }

    #[test]
    fn what_a_role_gives_around_a_resource_is_not_assigned_there_once_more() {
        let group = "/subscriptions/s/resourceGroups/rg";
        let of = |rest: &str| format!("/subscriptions/s/resourcegroups/RG/providers/Microsoft.Compute/{rest}");
        let begin = Action::Control("Microsoft.Compute/disks/beginGetAccess/action");
        let write = Action::Control("Microsoft.Compute/galleries/images/versions/write");
        let snapshot = Action::Control("Microsoft.Compute/snapshots/write");
        let pair = |role: &str, scope: &str| (role.to_owned(), scope.to_owned());
        let within = [
            need(group, snapshot),
            need(&of("disks/os"), begin),
            need(&of("galleries/g"), write),
        ];
        assert_eq!(assigned(&within), [pair("Contributor", group)]);
        // A group whose name goes on is another one, and jobs are data, which no Contributor has.
        let (other, data) = (
            format!("{group}-2"),
            Action::Data("Microsoft.Batch/batchAccounts/jobs/write"),
        );
        let apart = [need(group, snapshot), need(&other, begin), need(ACCOUNT, data)];
        assert_eq!(
            assigned(&apart),
            [
                pair("Contributor", group),
                pair("Contributor", &other),
                pair("Azure Batch Data Contributor", ACCOUNT),
            ]
        );
        let both = [need(group, snapshot), need(group, write)];
        assert_eq!(assigned(&both), [pair("Contributor", group)]);
    }
}
