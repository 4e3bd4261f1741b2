//! Lists of the data plane: `$filter`, `$select`, `$expand`, `maxresults`, `$skiptoken` and `odata.nextLink`.
//!
//! It knows no resource; callers say what can be asked for.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::odata::Filter;
use super::refusal::{OUT_OF_RANGE_QUERY_PARAMETER, Refusal};
use super::wire::Reply;
use crate::http::Request;

/// The most, and the default, of `maxresults`.
const PAGE: usize = 1_000;

/// A kind of resource, as lists treat it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The name after `$metadata#`.
    pub(crate) metadata: &'static str,
    /// The paths that filters may ask for.
    pub(crate) filterable: &'static [&'static str],
    /// What `$select` may name; empty when there is no `$select`.
    pub(crate) selectable: &'static [&'static str],
}

/// Answers a list request. Items come with the key by which they are ordered.
///
/// # Errors
/// A query parameter that cannot be read, or asks for what the service does not offer.
pub(crate) fn list(
    request: &Request,
    base: &str,
    collection: &str,
    kind: Kind,
    mut items: Vec<(String, Value)>,
) -> Result<Reply, Refusal> {
    let filter = read_filter(request, kind)?;
    let select = read_select(request, kind)?;
    expand(request)?;
    let size = read_size(request)?;
    items.sort_by(|left, right| left.0.cmp(&right.0));
    let token = request.query("$skiptoken").unwrap_or_default();
    let wanted = |item: &&(String, Value)| filter.as_ref().is_none_or(|filter| filter.admits(&item.1));
    let mut page: Vec<&(String, Value)> = items
        .iter()
        .filter(|(key, _)| token.is_empty() || key.as_str() > token)
        .filter(wanted)
        .take(size + 1)
        .collect();
    let more = page.len() > size;
    page.truncate(size);
    let values: Vec<Value> = page.iter().map(|(_, value)| chosen(value, select.as_deref())).collect();
    let mut body = Map::from_iter([("value".to_owned(), Value::Array(values))]);
    if let Some((last, _)) = page.last().filter(|_| more) {
        body.insert(
            "odata.nextLink".to_owned(),
            json!(next_link(request, base, collection, last)),
        );
    }
    Ok(Reply::result(base, kind.metadata, Value::Object(body)))
}

/// Applies `$select` to one resource.
///
/// # Errors
/// It names what the resource does not have.
pub(crate) fn select(request: &Request, kind: Kind, value: &Value) -> Result<Value, Refusal> {
    expand(request)?;
    let select = read_select(request, kind)?;
    Ok(chosen(value, select.as_deref()))
}

fn read_filter(request: &Request, kind: Kind) -> Result<Option<Filter>, Refusal> {
    let Some(text) = request.query("$filter").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let filter = Filter::parse(text).map_err(|reason| Refusal::parameter("$filter", text, &reason))?;
    for path in filter.paths() {
        let path = path.text();
        if !kind.filterable.iter().any(|known| known.eq_ignore_ascii_case(&path)) {
            return Err(Refusal::parameter(
                "$filter",
                text,
                &format!("The property '{path}' cannot be filtered by."),
            ));
        }
    }
    Ok(Some(filter))
}

fn read_select(request: &Request, kind: Kind) -> Result<Option<Vec<&'static str>>, Refusal> {
    let Some(text) = request.query("$select").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let known = |name: &str| {
        kind.selectable
            .iter()
            .copied()
            .find(|known| known.eq_ignore_ascii_case(name.trim()))
    };
    let names: Option<Vec<&'static str>> = text.split(',').map(known).collect();
    names
        .map(Some)
        .ok_or_else(|| Refusal::parameter("$select", text, "A property is not known."))
}

/// `$expand=stats` is taken; statistics themselves are not kept, as on a new account.
fn expand(request: &Request) -> Result<(), Refusal> {
    match request.query("$expand").filter(|text| !text.is_empty()) {
        None => Ok(()),
        Some(text) if text.eq_ignore_ascii_case("stats") => Ok(()),
        Some(text) => Err(Refusal::parameter("$expand", text, "Only 'stats' can be expanded.")),
    }
}

fn read_size(request: &Request) -> Result<usize, Refusal> {
    let Some(text) = request.query("maxresults") else {
        return Ok(PAGE);
    };
    match text.parse::<usize>() {
        Ok(size) if (1..=PAGE).contains(&size) => Ok(size),
        Ok(_) => Err(Refusal::from(OUT_OF_RANGE_QUERY_PARAMETER)
            .with("QueryParameterName", "maxresults")
            .with("QueryParameterValue", text)
            .with("MinimumAllowed", "1")
            .with("MaximumAllowed", "1000")),
        Err(_) => Err(Refusal::parameter("maxresults", text, "The value is no number.")),
    }
}

fn chosen(value: &Value, select: Option<&[&str]>) -> Value {
    let (Some(names), Some(fields)) = (select, value.as_object()) else {
        return value.clone();
    };
    let kept = fields.iter().filter(|(name, _)| names.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The same request, going on behind the last item.
fn next_link(request: &Request, base: &str, collection: &str, last: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut link = format!("{base}/{collection}?$skiptoken={}", encode(last));
    for (name, value) in request
        .query
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"))
    {
        link.push_str(&format!("&{name}={}", encode(value)));
    }
    link
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use jiff::Timestamp;

    use super::*;
    use crate::batch::wire;

    const KIND: Kind = Kind {
        metadata: "pools",
        filterable: &["id", "size"],
        selectable: &["id", "size"],
    };

    fn ask(query: &[(&str, &str)]) -> Value {
        let pairs = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = Request {
            method: Method::GET,
            authority: "acct".to_owned(),
            path: "/pools".to_owned(),
            query: pairs.collect(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let items = ["d", "b", "a", "c"].iter().enumerate();
        let items = items
            .map(|(size, id)| ((*id).to_owned(), json!({"id": id, "size": size})))
            .collect();
        let answer = list(&request, "https://acct", "pools", KIND, items);
        let response = wire::respond(&request, "https://acct", "r", Timestamp::UNIX_EPOCH, answer);
        serde_json::from_slice(&response.body).unwrap()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let first = ask(&[("maxresults", "3"), ("api-version", "2025-06-01")]);
        assert_eq!(first["value"].as_array().map(Vec::len), Some(3));
        assert_eq!(first["odata.metadata"], "https://acct/$metadata#pools");
        let link = first["odata.nextLink"].as_str().unwrap();
        assert_eq!(
            link,
            "https://acct/pools?$skiptoken=c&maxresults=3&api-version=2025%2D06%2D01"
        );
        let second = ask(&[("maxresults", "3"), ("$skiptoken", "c")]);
        assert_eq!(second["value"], json!([{"id": "d", "size": 0}]));
        assert!(second.get("odata.nextLink").is_none());
    }

    #[test]
    fn filters_and_selections_choose() {
        let found = ask(&[("$filter", "size gt 0 and startswith(id,'b')"), ("$select", "id")]);
        assert_eq!(found["value"], json!([{"id": "b"}]));
    }

    #[test]
    fn what_cannot_be_served_is_refused_and_never_ignored() {
        for (name, value, code) in [
            ("$filter", "colour eq 'red'", "InvalidQueryParameterValue"),
            ("$filter", "id contains 'x'", "InvalidQueryParameterValue"),
            ("$select", "id,colour", "InvalidQueryParameterValue"),
            ("$expand", "nodes", "InvalidQueryParameterValue"),
            ("maxresults", "0", "OutOfRangeQueryParameterValue"),
            ("maxresults", "1001", "OutOfRangeQueryParameterValue"),
            ("maxresults", "many", "InvalidQueryParameterValue"),
        ] {
            assert_eq!(ask(&[(name, value)])["code"], code, "{name}={value}");
        }
    }
}
