//! Which action a request is, and what assignments make of it.

use serde_json::json;

use super::*;

const GROUP: &str = "/subscriptions/s/resourceGroups/g";

fn caller() -> Caller {
    Caller {
        tenant: "t".to_owned(),
        app_id: "app".to_owned(),
        object_id: "object".to_owned(),
    }
}

fn rights(assignments: &Value) -> Rights {
    let mut rights = Rights::default();
    for assignment in serde_json::from_value::<Vec<RoleAssignment>>(assignments.clone()).unwrap() {
        rights.assign(assignment);
    }
    rights
}

/// A request and its action; `{g}` is a resource group, `{c}` its compute provider.
const REQUESTS: [(&str, &str); 15] = [
    ("GET /subscriptions/s", "Microsoft.Resources/subscriptions/read"),
    (
        "GET /subscriptions/s/locations",
        "Microsoft.Resources/subscriptions/locations/read",
    ),
    ("HEAD {g}", "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ("PUT {g}", "Microsoft.Resources/subscriptions/resourceGroups/write"),
    (
        "GET {g}/resources",
        "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
    ),
    (
        "POST /subscriptions/s/providers/Microsoft.Batch/register",
        "Microsoft.Batch/register/action",
    ),
    (
        "GET /subscriptions/s/providers/Microsoft.Batch",
        "Microsoft.Resources/subscriptions/providers/read",
    ),
    (
        "GET /subscriptions/s/providers/Microsoft.Compute/skus",
        "Microsoft.Compute/skus/read",
    ),
    (
        "GET /subscriptions/s/providers/Microsoft.Compute/locations/l/usages",
        "Microsoft.Compute/locations/usages/read",
    ),
    ("GET {c}/snapshots", "Microsoft.Compute/snapshots/read"),
    (
        "PATCH {c}/galleries/g/images/i/versions/1.0.0",
        "Microsoft.Compute/galleries/images/versions/write",
    ),
    (
        "POST {c}/virtualMachines/v/deallocate",
        "Microsoft.Compute/virtualMachines/deallocate/action",
    ),
    (
        "GET {c}/virtualMachines/v/instanceView",
        "Microsoft.Compute/virtualMachines/instanceView/read",
    ),
    ("DELETE {c}/disks/d", "Microsoft.Compute/disks/delete"),
    (
        "GET {g}/deployments/d/operations",
        "Microsoft.Resources/deployments/operations/read",
    ),
];

#[test]
fn names_the_action_of_every_sort_of_request() {
    let compute = format!("{GROUP}/providers/Microsoft.Compute");
    for (request, expected) in REQUESTS {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.replace("{g}", GROUP).replace("{c}", &compute);
        let action = action::required(&method.parse().unwrap(), &ArmPath::parse(&path).unwrap());
        assert_eq!(action.as_ref().map(Action::name), Some(expected), "{request}");
    }
    for scope in [GROUP.to_owned(), format!("{compute}/disks/d")] {
        let path = ArmPath::parse(&format!("{scope}/providers/Microsoft.Authorization/permissions")).unwrap();
        assert_eq!(action::required(&Method::GET, &path), None, "{scope}");
    }
}

#[test]
fn names_the_action_of_requests_to_batch() {
    let cases: [(&str, &[&str], bool, &str); 7] = [
        ("GET", &["pools"], false, "pools/read"),
        ("POST", &["pools", "p", "resize"], false, "pools/write"),
        ("DELETE", &["pools", "p"], false, "pools/delete"),
        (
            "DELETE",
            &["pools", "p", "nodes", "n", "files", "f"],
            false,
            "pools/write",
        ),
        ("GET", &["supportedimages"], false, "pools/read"),
        ("POST", &["jobs", "j", "tasks"], true, "jobs/write"),
        ("DELETE", &["jobschedules", "s"], true, "jobSchedules/delete"),
    ];
    for (method, segments, is_data, expected) in cases {
        let action = action::of_batch(&method.parse().unwrap(), segments);
        assert_eq!(action.name(), format!("Microsoft.Batch/batchAccounts/{expected}"));
        assert_eq!(matches!(action, Action::Data(_)), is_data, "{expected}");
    }
}

#[test]
fn a_right_holds_at_its_scope_and_below_unless_it_is_taken_out() {
    let rights = rights(&json!([
        {"principal": "OBJECT", "scope": GROUP, "actions": ["Microsoft.Compute/*"], "notActions": ["*/delete"]},
        {"application": "app", "scope": format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/a"),
         "actions": ["*/read"], "dataActions": ["Microsoft.Batch/batchAccounts/jobs/*"]},
    ]));
    let disk = format!("{GROUP}/providers/Microsoft.Compute/disks/d");
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/a");
    let control = |name: &str| Action::Control(name.to_owned());
    let cases = [
        (control("microsoft.compute/disks/WRITE"), disk.to_uppercase(), true),
        (control("Microsoft.Compute/disks/delete"), disk.clone(), false),
        (control("Microsoft.Compute/disks/write"), format!("{GROUP}2/x"), false),
        (
            control("Microsoft.Compute/disks/write"),
            "/subscriptions/s".to_owned(),
            false,
        ),
        (
            control("Microsoft.Batch/batchAccounts/pools/read"),
            account.clone(),
            true,
        ),
        (
            control("Microsoft.Batch/batchAccounts/pools/write"),
            account.clone(),
            false,
        ),
        (
            control("Microsoft.Batch/batchAccounts/jobs/write"),
            account.clone(),
            false,
        ),
        (
            Action::Data("Microsoft.Batch/batchAccounts/jobs/write".to_owned()),
            account.clone(),
            true,
        ),
        (
            Action::Data("Microsoft.Batch/batchAccounts/jobs/write".to_owned()),
            disk,
            false,
        ),
    ];
    for (action, scope, expected) in cases {
        assert_eq!(
            rights.allows(&caller(), &action, &scope),
            expected,
            "{action:?} at {scope}"
        );
    }
    let lacks = |method: Method, segments: &[&str]| rights.missing_on_batch(&caller(), &account, &method, segments);
    assert_eq!(lacks(Method::GET, &["pools", "p"]), None);
    assert_eq!(lacks(Method::POST, &["jobs"]), None);
    assert_eq!(
        lacks(Method::POST, &["pools"]),
        Some(control("Microsoft.Batch/batchAccounts/pools/write"))
    );
    let stranger = Caller {
        app_id: "other".to_owned(),
        object_id: "another".to_owned(),
        ..caller()
    };
    assert!(
        rights.allows(&stranger, &control("*/delete"), "/subscriptions/s"),
        "no assignment: no limits"
    );
}
