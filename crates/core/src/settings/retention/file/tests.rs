//! What a file of rules may say, and that all its faults come at once.

use super::*;
use crate::options::Door;

const D: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d";

fn at(line: u64, what: What) -> Written {
    Written { line, what }
}

fn text(line: u64, text: &str) -> Written {
    at(line, What::Text(text.to_owned()))
}

fn number(line: u64, digits: &str) -> Written {
    at(line, What::Number(digits.to_owned()))
}

fn group(line: u64, members: Vec<(&str, Written)>) -> Written {
    let member = |(name, value): (&str, Written)| Member {
        name: name.to_owned(),
        line: value.line,
        value,
    };
    at(line, What::Members(members.into_iter().map(member).collect()))
}

fn list(line: u64, items: Vec<Written>) -> Written {
    at(line, What::List(items))
}

#[test]
fn a_rule_says_only_what_differs_from_the_defaults() {
    let gallery = D.rsplit_once("/images/").unwrap().0;
    let file = group(
        1,
        vec![
            (
                "defaults",
                group(1, vec![("keep_newest", number(1, "5")), ("keep_days", number(1, "90"))]),
            ),
            (
                "rules",
                list(
                    2,
                    vec![
                        group(
                            3,
                            vec![
                                ("image_definition", text(3, D)),
                                ("keep_days", number(4, "0")),
                                ("protected_tags", list(5, vec![text(5, "stage=prod")])),
                                ("protected_versions", list(6, vec![text(6, "1.4.0")])),
                            ],
                        ),
                        group(
                            7,
                            vec![("gallery", text(7, gallery)), ("never", at(8, What::Switch(true)))],
                        ),
                    ],
                ),
            ),
        ],
    );
    let (rules, faults) = rules(&file);
    assert_eq!(faults, []);
    let (of, rule) = &rules[0];
    assert_eq!(*of, RuleOf::Definition(D.parse().unwrap()));
    assert_eq!(
        (rule.keep_newest, rule.keep_days, rule.protected_versions.len()),
        (5, 0, 1)
    );
    assert_eq!(rule.protected_tags[0].to_string(), "stage=prod");
    assert!(matches!(&rules[1], (RuleOf::Gallery(_), rule) if rule.never && rule.keep_days == 90));
}

#[test]
fn all_faults_come_at_once_with_line_and_name() {
    let rule = group(
        3,
        vec![
            ("image_definition", text(3, "render")),
            ("keep_newest", text(4, "many")),
            ("keep_for", number(5, "3")),
            ("never", text(6, "yes")),
            ("protected_versions", list(7, vec![text(7, "1.4.0"), text(8, "1.4")])),
        ],
    );
    let both = group(9, vec![("image_definition", text(9, D)), ("gallery", text(10, D))]);
    let twice = || group(11, vec![("image_definition", text(11, D))]);
    let file = group(1, vec![("rules", list(2, vec![rule, both, twice(), twice()]))]);
    let faults: Vec<String> = rules(&file).1.iter().map(|fault| fault.spelled(Door::Flag)).collect();
    let parts = [
        "--retention-file.rules[0].keep_for: line 5: is unknown",
        "--retention-file.rules[0].never: line 6: \"yes\" is neither true nor false",
        "--retention-file.rules[0].keep_newest: line 4: \"many\" is not a whole number",
        "--retention-file.rules[0].protected_versions[1]: line 8: ",
        "--retention-file.rules[0].image_definition: line 3: ",
        "--retention-file.rules[1]: line 9: says neither or both",
        "--retention-file.rules[3]: line 11: is about what a rule before it",
    ];
    assert_eq!(faults.len(), parts.len(), "{faults:#?}");
    for (fault, part) in faults.iter().zip(parts) {
        assert!(fault.starts_with(part), "{fault} has not {part}");
    }
}

#[test]
fn a_file_without_rules_is_refused() {
    for (file, part) in [
        (text(1, "x"), "line 1: holds no names with values"),
        (group(1, vec![]), "rules: line 1: is missing"),
        (group(1, vec![("rules", list(1, vec![]))]), "rules: line 1: is empty"),
        (group(1, vec![("rules", text(1, "x"))]), "rules: line 1: is not a list"),
    ] {
        let (rules, faults) = rules(&file);
        assert!(rules.is_empty());
        assert!(faults[0].to_string().contains(part), "{faults:?}");
    }
}
