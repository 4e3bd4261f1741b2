//! Tests of what boots where.

use super::*;
use crate::compute::size;

const ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

const UBUNTU: &str = "batch.node.ubuntu 22.04";

/// What makes a good version another one.
type Change = fn(&mut ImageVersionView);

fn view() -> ImageVersionView {
    ImageVersionView {
        id: ID.to_owned(),
        provisioning_state: "Succeeded".to_owned(),
        os_type: "Linux".to_owned(),
        os_state: "Generalized".to_owned(),
        hyper_v_generation: "V2".to_owned(),
        architecture: "x64".to_owned(),
        security_type: Some("TrustedLaunchSupported".to_owned()),
        disk_controllers: None,
        has_purchase_plan: false,
        data_disk_luns: vec![0],
        complete_regions: vec![("eastus2".to_owned(), 1)],
    }
}

fn outcome(view: ImageVersionView, size: &str, security: Option<&str>, agent: &str) -> Result<(), String> {
    let mut configuration = json!({"imageReference": {"virtualMachineImageId": ID}, "nodeAgentSKUId": agent});
    if let Some(security) = security {
        configuration["securityProfile"] = json!({"securityType": security});
    }
    let vm_size = size::find(size).unwrap();
    let wanted = Wanted {
        configuration: &configuration,
        size: vm_size,
        size_name: size,
        location: "East US 2",
        terms: Terms::Accepted,
    };
    let judged = judge(&wanted, |_| Lookup::Found {
        view: Box::new(view),
        plan: MarketplacePlan::NotNeeded,
    });
    judged.map(|_| ()).map_err(|error| {
        let provider: Value = serde_json::from_str(&error.values[0].1).unwrap();
        format!(
            "{}: {}",
            provider["error"]["code"].as_str().unwrap(),
            provider["error"]["message"].as_str().unwrap()
        )
    })
}

const D4S: &str = "Standard_D4s_v5";

fn assert_fault(outcome: &Result<(), String>, fault: Option<&str>) {
    match fault {
        None => assert_eq!(*outcome, Ok(())),
        Some(part) => assert!(
            outcome.as_ref().is_err_and(|text| text.contains(part)),
            "{part}: {outcome:?}"
        ),
    }
}

#[test]
fn a_pool_boots_a_good_image_only_where_everything_fits() {
    for (size, security, agent, fault) in [
        (D4S, None, UBUNTU, None),
        (D4S, Some("trustedLaunch"), UBUNTU, None),
        (
            D4S,
            Some("confidentialVM"),
            UBUNTU,
            Some("BadRequest: The security type"),
        ),
        (
            "STANDARD_A1_V2",
            None,
            UBUNTU,
            Some("cannot boot Hypervisor Generation '2'"),
        ),
        ("Standard_D4ps_v5", None, UBUNTU, Some("CPU Architecture")),
        (D4S, None, "batch.node.windows amd64", Some("OS type 'Linux'")),
    ] {
        assert_fault(&outcome(view(), size, security, agent), fault);
    }
}

#[test]
fn a_version_is_usable_only_when_it_is_whole_here_and_of_the_right_kind() {
    let cases: [(Change, &str, Option<&str>); 7] = [
        (
            |view| view.provisioning_state = "Creating".into(),
            D4S,
            Some("GalleryImageNotFound"),
        ),
        (
            |view| view.provisioning_state = "Failed".into(),
            D4S,
            Some("GalleryImageNotFound"),
        ),
        (|view| view.provisioning_state = "Updating".into(), D4S, None),
        (
            |view| view.complete_regions.clear(),
            D4S,
            Some("not available in East US 2 region"),
        ),
        (|view| view.os_state = "Specialized".into(), D4S, Some("specialized")),
        (
            |view| view.security_type = Some("TrustedLaunch".into()),
            D4S,
            Some("security type"),
        ),
        (
            |view| view.hyper_v_generation = "V1".into(),
            "Standard_DC4as_v5",
            Some("Generation '1'"),
        ),
    ];
    for (change, size, fault) in cases {
        let mut view = view();
        change(&mut view);
        assert_fault(&outcome(view, size, None, UBUNTU), fault);
    }
    let mut plain = view();
    plain.security_type = None;
    assert_fault(
        &outcome(plain, D4S, Some("trustedLaunch"), UBUNTU),
        Some("security type"),
    );
}

#[test]
fn a_marketplace_image_shows_its_exact_version() {
    let configuration = json!({"imageReference": {
        "publisher": "canonical", "offer": "ubuntuserver", "sku": "18.04-lts", "version": "latest"
    }});
    let size = size::find("Standard_D1_v2").unwrap();
    let wanted = Wanted {
        configuration: &configuration,
        size,
        size_name: "STANDARD_D1_V2",
        location: "uksouth",
        terms: Terms::Accepted,
    };
    let shown = judge(&wanted, |_| Lookup::Missing).unwrap();
    assert_eq!(shown["exactVersion"], "18.04.202209020");
}

#[test]
fn a_stranger_and_an_unregistered_subscription_are_distinguished() {
    let configuration = json!({"imageReference": {"virtualMachineImageId": ID}});
    let size = size::find("Standard_D4s_v5").unwrap();
    let wanted = Wanted {
        configuration: &configuration,
        size,
        size_name: "x",
        location: "eastus2",
        terms: Terms::Accepted,
    };
    for (lookup, code) in [
        (Lookup::Missing, "GalleryImageNotFound"),
        (Lookup::OtherTenant, "LinkedAuthorizationFailed"),
        (
            Lookup::Unregistered {
                subscription: "s".to_owned(),
            },
            "MissingSubscriptionRegistration",
        ),
    ] {
        let error = judge(&wanted, |_| lookup).unwrap_err();
        assert!(error.values[0].1.contains(code), "{error:?}");
    }
}

#[test]
fn a_marketplace_plan_must_be_whole_and_its_terms_accepted() {
    let configuration = json!({"imageReference": {"virtualMachineImageId": ID}, "nodeAgentSKUId": UBUNTU});
    for (plan, terms, fault) in [
        (MarketplacePlan::NotNeeded, Terms::Open, None),
        (MarketplacePlan::Carried, Terms::Accepted, None),
        (
            MarketplacePlan::Carried,
            Terms::Open,
            Some("AllocationFailed ResourcePurchaseValidationFailed"),
        ),
        (
            MarketplacePlan::Missing,
            Terms::Accepted,
            Some("AllocationFailed VMMarketplaceInvalidInput"),
        ),
        (
            MarketplacePlan::WithoutPublisher,
            Terms::Accepted,
            Some("MissingPublisherPropertyInMarketPlacePlan "),
        ),
    ] {
        let wanted = Wanted {
            configuration: &configuration,
            size: size::find(D4S).unwrap(),
            size_name: D4S,
            location: "eastus2",
            terms,
        };
        let judged = judge(&wanted, |_| Lookup::Found {
            view: Box::new(view()),
            plan,
        });
        let told = judged.err().map(|error| {
            let provider = error.values.first().map(|(_, json)| json.as_str()).unwrap_or_default();
            let inner: Value = serde_json::from_str(provider).unwrap_or_default();
            format!("{} {}", error.code, inner["error"]["code"].as_str().unwrap_or_default())
        });
        assert_eq!(told.as_deref(), fault, "{plan:?} {terms:?}");
    }
}
