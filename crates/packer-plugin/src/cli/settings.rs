//! What was given on the command line, by option: flags alone, or for a publish also a file in YAML or JSON, and single
//! values in the place of its own.
//!
//! In the file the names are the post-processor's. What fits the table of options is `hcl`'s to say, what values mean is core's.

use std::{fs, io};

use azure_batch_core::{
    options::{self, Door, Kind, Opt, Verb},
    settings::{self, Asked, Unreadable, Values, fault::Fault},
};
use serde_json::{Map, Value as Json};

use super::{answer::Answer, arguments::Given};
use crate::{
    environment::Lookup,
    hcl::{self, Phase},
    packer::config::ConfigValue,
};

/// One step into a value: a name, and which one of what is repeated.
type Step<'a> = (&'a str, Option<usize>);

/// Reads the flags of a verb; `of_values` makes settings of them.
///
/// # Errors
/// With all faults, in the words of the command line.
pub(super) fn of_flags<T>(
    verb: Verb,
    given: &Given,
    lookup: &Lookup,
    of_values: impl FnOnce(&Values) -> Result<Asked<T>, Vec<Fault>>,
) -> Result<Asked<T>, Answer> {
    let mut values = Values::default();
    for (opt, text) in &given.flags {
        values.set(opt, text.as_str());
    }
    settings::complete(&mut values, verb, lookup);
    of_values(&values).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| fault.spelled(Door::Flag)).collect();
        Answer::wrong_input(&faults)
    })
}

/// Reads everything that a publish is given.
///
/// # Errors
/// With all faults of names and types, one line each.
pub(super) fn of_publish(given: &Given, lookup: &Lookup) -> Result<Values, Vec<String>> {
    let mut faults = Vec::new();
    let mut object = match given.file.as_deref().map(read_file).transpose() {
        Ok(object) => object.unwrap_or_default(),
        Err(fault) => return Err(vec![fault]),
    };
    for text in &given.set {
        if let Err(fault) = set(&mut object, text) {
            faults.push(fault);
        }
    }
    // What a template does not take is not one of its attributes.
    for (opt, text) in given.flags.iter().filter(|(opt, _)| opt.is_of(Verb::Publish)) {
        object.insert(opt.path.to_owned(), Json::from(text.as_str()));
    }
    let ConfigValue::Map(user) = config(Json::Object(object)) else {
        return Err(faults);
    };
    let read = hcl::read(&user, Phase::After);
    faults.extend(read.faults);
    let mut values = read.values;
    settings::complete(&mut values, Verb::Publish, lookup);
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

fn read_file(path: &str) -> Result<Map<String, Json>, String> {
    let text = match path {
        "-" => io::read_to_string(io::stdin()),
        path => fs::read_to_string(path),
    };
    let text = text.map_err(|cause| format!("--settings: cannot read the file {path:?}: {cause}; check the path"))?;
    parse(&text).map_err(|cause| {
        format!("--settings: the file {path:?} is neither YAML nor JSON with names and values: {cause}")
    })
}

fn parse(text: &str) -> Result<Map<String, Json>, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|cause| cause.to_string());
    }
    serde_saphyr::from_str(text).map_err(|cause| Unreadable::from(cause).to_string())
}

/// Puts one value into its place, as `source.vm=v1`, `used_by[0].nodes=700` or `keep=snapshots`.
fn set(object: &mut Map<String, Json>, text: &str) -> Result<(), String> {
    let form = "write a name and a value, such as source.vm=vm-build";
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| format!("--set: {text:?} is not name=value; {form}"))?;
    let steps = steps(path).ok_or_else(|| format!("--set: {path:?} is not the name of an attribute; {form}"))?;
    let plain: Vec<&str> = steps.iter().map(|(name, _)| *name).collect();
    let opt = options::find(Verb::Publish, &plain.join("."));
    if let Some(secret) = opt.filter(|opt| matches!(opt.kind, Kind::Secret)) {
        return Err(format!(
            "--set: everybody on this machine can read {secret} on a command line; use the settings file or the variable {}",
            secret.variables.first().copied().unwrap_or_default()
        ));
    }
    let place = place(object, &steps).ok_or_else(|| {
        format!("--set: {path:?} has no place in the settings: its numbers count from 0 without a gap")
    })?;
    match opt.map(|opt: &Opt| opt.kind) {
        Some(Kind::Texts) if place.is_null() => *place = Json::from(vec![value]),
        Some(Kind::Texts) if place.is_array() => {
            place
                .as_array_mut()
                .into_iter()
                .for_each(|items| items.push(value.into()));
        }
        _ => *place = Json::from(value),
    }
    Ok(())
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let step = |segment: &'_ str| -> Option<(usize, Option<usize>)> {
        let Some((name, rest)) = segment.split_once('[') else {
            return Some((segment.len(), None));
        };
        Some((name.len(), Some(rest.strip_suffix(']')?.parse().ok()?)))
    };
    let steps = path.split('.').map(|segment| {
        let (length, index) = step(segment)?;
        let name = segment.get(..length).filter(|name| !name.is_empty())?;
        Some((name, index))
    });
    steps.collect()
}

/// The place of a value, made where it is missing; `None` when there is something else on the way, or a gap.
fn place<'a>(object: &'a mut Map<String, Json>, steps: &[Step<'_>]) -> Option<&'a mut Json> {
    let ((name, index), rest) = steps.split_first()?;
    let mut value = object.entry((*name).to_owned()).or_insert(Json::Null);
    let is_block_in_list =
        index.is_none() && !rest.is_empty() && value.as_array().is_some_and(|items| items.len() == 1);
    if let Some(index) = index.or_else(|| is_block_in_list.then_some(0)) {
        if value.is_null() {
            *value = Json::Array(Vec::new());
        }
        let items = value.as_array_mut()?;
        if items.len() == index {
            items.push(Json::Null);
        }
        value = items.get_mut(index)?;
    }
    if rest.is_empty() {
        return Some(value);
    }
    if value.is_null() {
        *value = Json::Object(Map::new());
    }
    place(value.as_object_mut()?, rest)
}

/// JSON as the values of a configuration.
fn config(json: Json) -> ConfigValue {
    match json {
        Json::Null => ConfigValue::Null,
        Json::Bool(is_on) => ConfigValue::Bool(is_on),
        Json::Number(number) => ConfigValue::Number(number),
        Json::String(text) => ConfigValue::Text(text),
        Json::Array(items) => ConfigValue::List(items.into_iter().map(config).collect()),
        Json::Object(members) => {
            ConfigValue::Map(members.into_iter().map(|(name, value)| (name, config(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_core::options::{image, run};
    use serde_json::json;

    use super::*;

    fn given(file: Option<&str>, set: &[&str]) -> Given {
        Given {
            flags: vec![(run::DEADLINE, "2h".to_owned())],
            file: file.map(str::to_owned),
            set: set.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    fn object(file: Json, set: &[&str]) -> Result<Json, String> {
        let mut object = file.as_object().cloned().unwrap_or_default();
        set.iter().try_for_each(|text| super::set(&mut object, text))?;
        Ok(Json::Object(object))
    }

    #[test]
    fn a_single_value_takes_the_place_of_the_one_in_the_file() {
        let file = json!({"source": [{"vm": "old", "resource_group": "rg"}], "used_by": [{"nodes": 1}]});
        let set = [
            "source.vm=new",
            "used_by[0].nodes=700",
            "used_by[1].nodes=2",
            "keep=snapshots",
            "keep=managed_image",
            "azure_tags.team=a=b",
        ];
        assert_eq!(
            object(file, &set).unwrap(),
            json!({"source": [{"vm": "new", "resource_group": "rg"}], "used_by": [{"nodes": "700"}, {"nodes": "2"}],
                "keep": ["snapshots", "managed_image"], "azure_tags": {"team": "a=b"}})
        );
    }

    #[test]
    fn what_has_no_place_is_refused_with_its_name() {
        for (set, part) in [
            ("source.vm", "is not name=value"),
            ("used_by[1].nodes=1", "count from 0 without a gap"),
            ("used_by[x].nodes=1", "is not the name of an attribute"),
            ("=1", "is not the name of an attribute"),
            ("client_secret=hunter22", "ARM_CLIENT_SECRET"),
        ] {
            let fault = object(json!({}), &[set]).unwrap_err();
            assert!(fault.contains(part) && !fault.contains("hunter22"), "{fault}");
        }
    }

    #[test]
    fn yaml_and_json_say_the_same_and_all_faults_come_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = "source:\n  vm: v1\nused_by:\n  - nodes: 700\n    batch_account: a\nlatest_now: true\n";
        let json = r#"{"source": {"vm": "v1"}, "used_by": [{"nodes": 700, "batch_account": "a"}], "latest_now": true}"#;
        let lookup = |_: &str| None;
        let values_of = |name: &str, text: &str, set: &[&str]| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            of_publish(&given(path.to_str(), set), &lookup)
        };
        for (name, text) in [("a.yaml", yaml), ("a.json", json)] {
            let values = values_of(name, text, &[]).unwrap();
            assert!(values.has(image::SOURCE) && values.has(image::USED_BY) && values.has(run::DEADLINE));
        }
        let faults = values_of("b.yaml", yaml, &["sorce.vm=x", "used_by[0].nodes=many", "nonsense"]).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        let unreadable = values_of("c.yaml", "[1, 2", &[]).unwrap_err();
        assert!(unreadable[0].contains("c.yaml"), "{unreadable:?}");
    }
}
