//! Tests of the filter language: tables for what clients send, properties for what must hold for any filter.

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use serde_json::json;

use super::*;

#[test]
fn filters_choose_as_the_service_documents() {
    let pool = json!({
        "id": "Pool-1", "state": "active", "allocationState": "steady", "targetDedicatedNodes": 3,
        "enableAutoScale": false, "creationTime": "2026-01-01T00:00:00.5Z",
        "executionInfo": {"poolId": "p'1"}
    });
    for (filter, admits) in [
        ("id eq 'pool-1'", true),
        ("id ne 'pool-1'", false),
        ("startswith(id,'pool')", true),
        ("startswith(id, 'tool')", false),
        ("not startswith(id,'tool')", true),
        ("state eq 'active' and allocationState eq 'resizing'", false),
        ("state eq 'active' or allocationState eq 'resizing'", true),
        ("state eq 'x' and state eq 'active' or id eq 'pool-1'", true),
        ("state eq 'x' and (state eq 'active' or id eq 'pool-1')", false),
        ("targetDedicatedNodes gt 2 and targetDedicatedNodes le 3", true),
        ("enableAutoScale eq false", true),
        ("creationTime lt datetime'2026-01-01T00:00:01Z'", true),
        ("creationTime ge DateTime'2026-01-02T00:00:00Z'", false),
        ("executionInfo/poolId eq 'p''1'", true),
        ("displayName eq null", true),
        ("displayName eq 'x'", false),
        ("displayName ne 'x'", true),
    ] {
        assert_eq!(
            Filter::parse(filter).map(|filter| filter.admits(&pool)),
            Ok(admits),
            "{filter}"
        );
    }
}

#[test]
fn what_it_cannot_read_it_refuses() {
    for filter in [
        "",
        "id",
        "id eq",
        "id eq x",
        "id like 'x'",
        "endswith(id,'x')",
        "(id eq 'x'",
        "id eq 'x' id eq 'y'",
        "id eq 'x",
        "guid'1' eq id",
        "id eq guid'1'",
        "a//b eq 1",
        "id eq 1e999",
        "startswith('x',id)",
        "and",
        "eq eq eq",
        "💥 eq 1",
    ] {
        assert!(Filter::parse(filter).is_err(), "{filter:?} was taken");
    }
}

fn written(filter: &Filter) -> String {
    match filter {
        Filter::And(left, right) => format!("({} and {})", written(left), written(right)),
        Filter::Or(left, right) => format!("({} or {})", written(left), written(right)),
        Filter::Not(inner) => format!("not ({})", written(inner)),
        Filter::StartsWith(path, prefix) => format!("startswith({},'{}')", path.text(), prefix.replace('\'', "''")),
        Filter::Compare(path, comparison, literal) => {
            let operator = ["eq", "ne", "gt", "ge", "lt", "le"]
                .into_iter()
                .find(|word| operator(word) == Some(*comparison))
                .unwrap_or_default();
            let literal = match literal {
                Literal::Text(text) => format!("'{}'", text.replace('\'', "''")),
                Literal::Number(number) => number.to_string(),
                Literal::Boolean(flag) => flag.to_string(),
                Literal::Time(time) => format!("datetime'{time}'"),
                Literal::Null => "null".to_owned(),
            };
            format!("{} {operator} {literal}", path.text())
        }
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    let paths = prop_oneof![Just("id"), Just("state"), Just("executionInfo/poolId")]
        .prop_map(|text| Path(text.split('/').map(str::to_owned).collect()));
    let literals = prop_oneof![
        "[ a-z'()/,]{0,8}".prop_map(Literal::Text),
        any::<i32>().prop_map(|number| Literal::Number(f64::from(number))),
        any::<bool>().prop_map(Literal::Boolean),
        (0i64..4_000_000_000).prop_map(|second| Literal::Time(Timestamp::from_second(second).unwrap_or_default())),
        Just(Literal::Null),
    ];
    let comparisons = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
    ];
    let leaves = prop_oneof![
        (paths.clone(), comparisons, literals)
            .prop_map(|(path, comparison, literal)| Filter::Compare(path, comparison, literal)),
        (paths, "[a-z' ]{0,5}").prop_map(|(path, prefix)| Filter::StartsWith(path, prefix)),
    ];
    leaves.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Filter::And(Box::new(left), Box::new(right))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Filter::Or(Box::new(left), Box::new(right))),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #[test]
    fn any_filter_written_down_reads_back_as_itself(filter in filters()) {
        prop_assert_eq!(Filter::parse(&written(&filter)), Ok(filter));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _outcome = Filter::parse(&text);
    }

    #[test]
    fn not_admits_exactly_what_the_filter_does_not(filter in filters(), id in "[a-z]{0,4}") {
        let value = json!({"id": id, "state": "active"});
        prop_assert_eq!(Filter::Not(Box::new(filter.clone())).admits(&value), !filter.admits(&value));
    }
}
