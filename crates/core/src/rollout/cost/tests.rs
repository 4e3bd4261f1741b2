//! Which lines nodes get by the user's own prices, and that a price that is missing is named.

use super::*;
use crate::{
    options::{Door, pool::PRICE_FILE},
    plan::FactState,
    settings::{self, Values},
};

const FILE: &str = "
currency: EUR
node-hour:
  Standard_D4s_v5:
    eastus2: {dedicated: 0.23, spot: 0.0461}
    westus2: {dedicated: 0.25}
";

fn prices() -> Prices {
    let version = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    let values = Values::default()
        .with(crate::options::pool::IMAGE_VERSION, version)
        .with(crate::options::pool::ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")
        .with(crate::options::pool::POOL_ID, "render")
        .with(crate::options::pool::TARGET_DEDICATED_NODES, 5_u32)
        .with(PRICE_FILE, FILE);
    let asked = settings::plan(&values);
    let asked = asked.unwrap_or_else(|faults| panic!("{}", settings::fault::lines(&faults, Door::Flag)));
    asked.settings.prices.clone().unwrap()
}

fn lines(place: (Option<&str>, Option<&str>), nodes: Nodes, surge: Option<Surge>) -> String {
    let prices = prices();
    let (size, region) = (
        place.0.map(|size| size.parse().unwrap()),
        place.1.map(|region| region.parse().unwrap()),
    );
    let billed = Billed {
        prices: &prices,
        size: size.as_ref(),
        region: region.as_ref(),
    };
    let facts = billed.facts(nodes, surge);
    for fact in &facts {
        assert_eq!(fact.cost.is_some(), fact.state == FactState::Good, "{fact}");
    }
    facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const EAST: (Option<&str>, Option<&str>) = (Some("Standard_D4s_v5"), Some("eastus2"));

const fn fixed(dedicated: u32, spot: u32) -> Nodes {
    Nodes::Fixed(NodeCounts { dedicated, spot })
}

#[test]
fn each_kind_has_its_line_and_two_kinds_have_a_sum_that_is_rounded_once() {
    insta::assert_snapshot!(lines(EAST, fixed(5, 3), None), @r"
    cost by your own prices: dedicated: 120 node-hours a day × 0.23 EUR = 27.60 EUR a day
    cost by your own prices: spot: 72 node-hours a day × 0.0461 EUR = 3.32 EUR a day
    cost by your own prices: together 30.92 EUR a day
    ");
    assert_eq!(lines(EAST, fixed(0, 0), None), "", "no node costs nothing");
}

/// The page shows these lines as they are.
#[test]
fn the_page_of_price_files_shows_what_is_said() {
    const PAGE: &str = include_str!("../../../../../docs/price-file.md");
    let surge = Surge {
        nodes: NodeCounts { dedicated: 5, spot: 0 },
        watched: Duration::ZERO,
    };
    let good = lines(EAST, fixed(5, 3), Some(surge));
    let missing = lines((EAST.0, Some("westus2")), fixed(0, 3), None);
    for block in [good, missing] {
        assert!(PAGE.contains(&format!("```console\n{block}\n```")), "{block}");
    }
}

#[test]
fn a_price_that_is_missing_is_named_and_never_counted_as_nothing() {
    insta::assert_snapshot!(lines((EAST.0, Some("westus2")), fixed(5, 3), None), @r"
    cost by your own prices: dedicated: 120 node-hours a day × 0.25 EUR = 30.00 EUR a day
    cost by your own prices, not known: spot: 72 node-hours a day × – = –: the price file has no spot price of Standard_D4s_v5 in westus2
    ");
    insta::assert_snapshot!(lines((None, EAST.1), fixed(5, 0), None), @"cost by your own prices, not known: dedicated: 120 node-hours a day × – = –: the VM size is not known");
    insta::assert_snapshot!(lines((EAST.0, None), fixed(5, 0), None), @"cost by your own prices, not known: dedicated: 120 node-hours a day × – = –: the account's region is not known");
}

#[test]
fn a_formula_has_the_price_of_a_node_and_of_the_most_that_it_may_ask_for() {
    insta::assert_snapshot!(lines(EAST, Nodes::Formula(None), None), @"cost by your own prices: a dedicated node: 0.23 EUR an hour; the formula decides how many there are");
    insta::assert_snapshot!(lines(EAST, Nodes::Formula(Some(100)), None), @"cost by your own prices: a dedicated node: 0.23 EUR an hour; 100 of them, the most that the formula may ask for: 552.00 EUR a day");
}

#[test]
fn a_second_pool_costs_its_extra_nodes_for_an_hour_and_says_how_long() {
    let surge = |dedicated, spot, minutes: u64| {
        Some(Surge {
            nodes: NodeCounts { dedicated, spot },
            watched: Duration::from_secs(60 * minutes),
        })
    };
    let second = |surge| lines(EAST, fixed(0, 0), surge);
    insta::assert_snapshot!(second(surge(5, 0, 0)), @"cost by your own prices: second pool: at most 5 nodes more for a while, 1.15 EUR an hour until nodes have started and tasks have ended");
    insta::assert_snapshot!(second(surge(5, 2, 30)), @"cost by your own prices: second pool: at most 5 dedicated and 2 spot nodes more for a while, 1.24 EUR an hour until nodes have started and tasks have ended, and for the 30 minutes that they are watched");
    let west = lines((EAST.0, Some("westus2")), fixed(0, 0), surge(1, 1, 0));
    assert!(
        west.contains("not known: second pool") && west.contains("no spot price"),
        "{west}"
    );
}
