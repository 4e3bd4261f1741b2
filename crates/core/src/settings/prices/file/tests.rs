//! What a price file may say, in YAML and JSON, and that all its faults come at once.

use super::*;
use crate::options::Door;

const GOOD: &str = "
currency: EUR
node-hour:
  Standard_D4s_v5:
    East US 2: {dedicated: 0.230, spot: 0.000005}
    westus2: {dedicated: 1}
gib-month:
  standard_lrs:
    eastus2: 0.05
  Premium_LRS:
    eastus2: '0.132'
";

fn faults(text: &str) -> Vec<String> {
    let (_, faults) = read(text);
    faults.iter().map(|fault| fault.spelled(Door::Flag)).collect()
}

#[test]
fn prices_are_found_by_size_storage_and_region_in_whatever_letters() {
    let (prices, faults) = read(GOOD);
    assert_eq!(faults, []);
    let prices = prices.unwrap();
    assert_eq!(prices.currency().to_string(), "EUR");
    let node = |size: &str, region: &str| {
        let prices = prices.node_hour(&size.parse().unwrap(), &region.parse().unwrap());
        (prices.dedicated.map(Money::exact), prices.spot.map(Money::exact))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(node("standard_d4s_v5", "eastus2"), (some("0.23"), some("0.000005")));
    assert_eq!(node("Standard_D4s_v5", "westus2"), (some("1.00"), None));
    assert_eq!(node("Standard_D4s_v5", "uksouth"), (None, None));
    assert_eq!(node("Standard_D8s_v5", "eastus2"), (None, None));
    let gib = |storage, region: &str| prices.gib_month(storage, &region.parse().unwrap()).map(Money::exact);
    assert_eq!(gib(ReplicaStorage::StandardLrs, "eastus2"), some("0.05"));
    assert_eq!(gib(ReplicaStorage::PremiumLrs, "eastus2"), some("0.132"));
    assert_eq!(gib(ReplicaStorage::StandardZrs, "eastus2"), None);
    let json = "{\"currency\": \"EUR\", \"gib-month\": {\"Standard_LRS\": {\"eastus2\": 0.05}}}";
    assert_eq!(read(json).1, []);
}

#[test]
fn all_faults_come_at_once_with_line_and_name() {
    let file = "
currency: 5
vm-hour: {}
node-hour:
  D4:
    eastus2: {dedicated: 0,23, spot: 1e-9, low: 1}
    '!': {spot: true}
  Standard_D4s_v5:
    eastus2: 0.23
    westus2: {dedicated: -1}
    West US 2: {dedicated: 2}
    uksouth: {dedicated: 1}
    UK South: {dedicated: 2}
gib-month:
  Standard_SSD: {eastus2: 1}
  Standard_LRS: 0.05
";
    insta::assert_snapshot!(faults(file).join("\n"), @r#"
    --price-file: line 3: vm-hour: is not known here; currency, node-hour, gib-month are
    --price-file: line 2: currency: is a number, and must be a word such as EUR
    --price-file: line 5: node-hour.D4: "D4" is not a VM size such as Standard_D4s_v5
    --price-file: line 6: node-hour.D4.eastus2.23: is not known here; dedicated, spot are
    --price-file: line 6: node-hour.D4.eastus2.low: is not known here; dedicated, spot are
    --price-file: line 6: node-hour.D4.eastus2.spot: "0.000000001" is not a price: a number such as 0.23, with nine digits before the point and six behind it at most
    --price-file: line 7: node-hour.D4.!: "!" is not a region such as eastus2
    --price-file: line 7: node-hour.D4.!.spot: is true or false, and must be a price such as 0.23
    --price-file: line 9: node-hour.Standard_D4s_v5.eastus2: is a number: write dedicated and spot with a price each below it
    --price-file: line 10: node-hour.Standard_D4s_v5.westus2.dedicated: "-1" is not a price: a number such as 0.23, with nine digits before the point and six behind it at most
    --price-file: line 11: node-hour.Standard_D4s_v5.West US 2: is there twice in two spellings: write one of the two
    --price-file: line 13: node-hour.Standard_D4s_v5.UK South: is there twice in two spellings: write one of the two
    --price-file: line 15: gib-month.Standard_SSD: "Standard_SSD" is not Standard_LRS, Standard_ZRS, Premium_LRS or PremiumV2_LRS
    --price-file: line 16: gib-month.Standard_LRS: is a number, and must be an object with prices
    "#);
}

#[test]
fn a_file_without_a_currency_or_a_price_is_refused() {
    for (file, part) in [
        ("x", "--price-file: line 1: must be an object with currency and prices"),
        (
            "currency: EUR",
            "--price-file: line 1: has no price: give node-hour, gib-month or both",
        ),
        (
            "gib-month: {Standard_LRS: {eastus2: 1}}",
            "--price-file: line 1: currency is missing: write the currency of all prices",
        ),
        (
            "currency: EUR\nnode-hour:",
            "--price-file: line 2: node-hour: is nothing, and must be an object with prices",
        ),
        ("currency: [EUR", "is neither YAML nor JSON: "),
        (
            "currency: EUR\ncurrency: USD",
            "--price-file: line 2: is neither YAML nor JSON: ",
        ),
    ] {
        let found = faults(file);
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
    }
}
