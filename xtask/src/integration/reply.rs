//! Answers, and what can be wanted of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::http::Response;

/// An answer with its body read as JSON.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    response: Response,
    body: Value,
}

impl Reply {
    pub(crate) fn new(response: Response) -> Self {
        let body = serde_json::from_str(&response.body).unwrap_or_default();
        Self { response, body }
    }

    pub(crate) fn status(&self) -> u16 {
        self.response.status
    }

    /// The body; `null` if there is none.
    pub(crate) fn body(&self) -> &Value {
        &self.body
    }

    /// The body as it came.
    pub(crate) fn raw(&self) -> &str {
        &self.response.body
    }

    /// The resource as an object that can be changed and sent back.
    pub(crate) fn object(&self) -> Map<String, Value> {
        self.body.as_object().cloned().unwrap_or_default()
    }

    /// The text at a JSON pointer; `?` if there is none, which no later step finds anything by.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let text = self.body.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or("?").to_owned()
    }

    /// The `id` of a resource.
    pub(crate) fn id(&self) -> String {
        self.text("/id")
    }

    /// The ids of the resources of a list, in their order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let resources = self.body.get("Resources").and_then(Value::as_array);
        resources
            .into_iter()
            .flatten()
            .filter_map(|resource| resource.get("id").and_then(Value::as_str))
            .map(str::to_owned)
            .collect()
    }

    /// What is wrong with any answer of a SCIM server, whatever was asked (RFC 7644 §3.1, §3.4.2,
    /// §3.12, §3.14).
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let media_type = self.response.header("content-type");
        if self.response.body.is_empty() {
            if let Some(media_type) = media_type {
                faults.push(format!("expected no Content-Type without a body, got {media_type}"));
            }
            return faults;
        }
        if media_type != Some("application/scim+json; charset=utf-8") {
            faults.push(format!(
                "expected application/scim+json; charset=utf-8, got {}",
                media_type.unwrap_or("no Content-Type")
            ));
        }
        if self.body.is_null() {
            faults.push(format!("expected JSON, got {}", cut(&self.response.body)));
            return faults;
        }
        if let Some(place) = find(&self.body, &|name, value| value.is_null() || name == "password") {
            faults.push(format!("expected neither null nor a password, got {place}"));
        }
        if self.status() >= 400 {
            faults.extend(self.faults_of_error());
        } else if self.body.get("Resources").is_some() {
            faults.extend(self.faults_of_list());
        } else if self.body.pointer("/meta/version").is_some() {
            faults.extend(self.faults_of_resource());
        }
        faults
    }

    fn faults_of_error(&self) -> Option<String> {
        let right = self.text("/schemas/0") == "urn:ietf:params:scim:api:messages:2.0:Error"
            && self.text("/status") == self.status().to_string()
            && self.text("/detail").len() > 1;
        let challenged = self.status() != 401
            || self.response.header("www-authenticate").is_some_and(|text| text.starts_with("Bearer "));
        (!right || !challenged).then(|| {
            format!(
                "expected a SCIM error with this status, a sentence and, on 401, a challenge, got {}",
                cut(&self.response.body)
            )
        })
    }

    fn faults_of_list(&self) -> Option<String> {
        let number = |name: &str| self.body.get(name).and_then(Value::as_u64);
        let shown = self.body.get("Resources").and_then(Value::as_array).map(Vec::len);
        let shown = shown.and_then(|count| u64::try_from(count).ok());
        let right = self.text("/schemas/0") == "urn:ietf:params:scim:api:messages:2.0:ListResponse"
            && number("startIndex").is_some()
            && number("itemsPerPage") == shown
            && number("totalResults") >= shown;
        (!right).then(|| {
            format!(
                "expected a ListResponse whose numbers agree, got totalResults {:?}, startIndex {:?}, itemsPerPage {:?}, {shown:?} Resources",
                number("totalResults"),
                number("startIndex"),
                number("itemsPerPage"),
            )
        })
    }

    fn faults_of_resource(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.text("/meta/resourceType") == "User" && !self.body.get("active").is_none_or(Value::is_boolean) {
            faults.push("expected active to be a JSON boolean".to_owned());
        }
        for (header, pointer) in [("etag", "/meta/version"), ("location", "/meta/location")] {
            let sent = self.response.header(header);
            let stands = self.text(pointer);
            // Location is due with 201 and harmless elsewhere; ETag is due always.
            let due = header == "etag" || self.status() == 201;
            if sent.map_or(due, |sent| sent != stands) {
                faults.push(format!("expected the header {header} to be {stands}, got {}", sent.unwrap_or("none")));
            }
        }
        faults
    }
}

/// Something that is wanted of one answer.
pub(crate) enum Want {
    /// The value at a pointer is this.
    Is(String, Value),
    /// There is nothing at a pointer.
    Absent(String),
    /// There is a text that is not empty at a pointer.
    Text(String),
    /// The text at a pointer begins so.
    Begins(String, String),
    /// The array at a pointer has an element with these parts.
    Has(String, Value),
    /// The `value`s of the elements at a pointer are these and no others, in any order.
    Values(String, BTreeSet<String>),
    /// The `detail` of a refusal says this.
    Says(String),
    /// The list has this many results in total.
    Total(u64),
    /// The list shows exactly these, in this order.
    Ids(Vec<String>),
    /// A header is this.
    Header(String, String),
    /// The body is this text.
    Raw(String),
}

impl Want {
    /// The fault, if the answer is not as wanted.
    pub(crate) fn fault(&self, reply: &Reply) -> Option<String> {
        let at = |pointer: &str| reply.body.pointer(pointer);
        let shown = |pointer: &str| at(pointer).map_or("nothing".to_owned(), |value| cut(&value.to_string()));
        match self {
            Self::Is(pointer, value) => (at(pointer) != Some(value))
                .then(|| format!("expected {pointer} to be {value}, got {}", shown(pointer))),
            Self::Absent(pointer) => {
                at(pointer).map(|value| format!("expected nothing at {pointer}, got {}", cut(&value.to_string())))
            }
            Self::Text(pointer) => at(pointer)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
                .then(|| format!("expected a text at {pointer}, got {}", shown(pointer))),
            Self::Begins(pointer, start) => (!reply.text(pointer).starts_with(start))
                .then(|| format!("expected {pointer} to begin with {start}, got {}", shown(pointer))),
            Self::Has(pointer, parts) => (!has(at(pointer), parts))
                .then(|| format!("expected {pointer} to have an element {parts}, got {}", shown(pointer))),
            Self::Values(pointer, ids) => {
                let got = values(at(pointer));
                (got.as_ref() != Some(ids))
                    .then(|| format!("expected {pointer} to hold {ids:?}, got {}", shown(pointer)))
            }
            Self::Says(words) => (!reply.text("/detail").contains(words.as_str()))
                .then(|| format!("expected the detail to say \"{words}\", got {}", shown("/detail"))),
            Self::Total(total) => (at("/totalResults").and_then(Value::as_u64) != Some(*total))
                .then(|| format!("expected totalResults {total}, got {}", shown("/totalResults"))),
            Self::Ids(ids) => {
                let got = reply.ids();
                (&got != ids).then(|| format!("expected the ids {ids:?}, got {got:?}"))
            }
            Self::Header(name, value) => {
                let got = reply.response.header(name);
                (got != Some(value)).then(|| format!("expected the header {name} to be {value}, got {got:?}"))
            }
            Self::Raw(text) => {
                (reply.raw() != text).then(|| format!("expected {}, got {}", cut(text), cut(reply.raw())))
            }
        }
    }
}

/// Whether an array has an element with all of these parts.
fn has(array: Option<&Value>, parts: &Value) -> bool {
    let wanted = parts.as_object();
    array
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|element| wanted.into_iter().flatten().all(|(name, value)| element.get(name) == Some(value)))
}

/// The `value`s of an array of elements, `None` if one is there twice or has none.
fn values(array: Option<&Value>) -> Option<BTreeSet<String>> {
    let Some(array) = array else { return Some(BTreeSet::new()) };
    let elements = array.as_array()?;
    let values: Option<BTreeSet<String>> =
        elements.iter().map(|element| element.get("value").and_then(Value::as_str).map(str::to_owned)).collect();
    values.filter(|values| values.len() == elements.len())
}

/// Where in a document something is that should not be there.
fn find(value: &Value, wrong: &dyn Fn(&str, &Value) -> bool) -> Option<String> {
    match value {
        Value::Object(parts) => parts.iter().find_map(|(name, part)| {
            if wrong(name, part) {
                return Some(name.clone());
            }
            find(part, wrong).map(|rest| format!("{name}/{rest}"))
        }),
        Value::Array(items) => items.iter().find_map(|item| find(item, wrong)),
        _ => None,
    }
}

/// A text short enough for a line.
fn cut(text: &str) -> String {
    const LONGEST: usize = 400;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Reply, Want, find, has, values};

    fn reply(body: Value) -> Reply {
        Reply { body, ..Reply::default() }
    }

    #[test]
    fn each_want_tells_right_from_wrong() {
        let body =
            json!({"a": {"b": "text"}, "list": [{"value": "1", "type": "work"}, {"value": "2"}], "totalResults": 2});
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let cases = [
            (Want::Is("/a/b".to_owned(), json!("text")), Want::Is("/a/b".to_owned(), json!(1))),
            (Want::Absent("/a/c".to_owned()), Want::Absent("/a/b".to_owned())),
            (Want::Text("/a/b".to_owned()), Want::Text("/a".to_owned())),
            (Want::Begins("/a/b".to_owned(), "te".to_owned()), Want::Begins("/a/b".to_owned(), "x".to_owned())),
            (
                Want::Has("/list".to_owned(), json!({"value": "1", "type": "work"})),
                Want::Has("/list".to_owned(), json!({"value": "2", "type": "work"})),
            ),
            (Want::Values("/list".to_owned(), set(&["2", "1"])), Want::Values("/list".to_owned(), set(&["1"]))),
            (Want::Total(2), Want::Total(3)),
        ];
        for (right, wrong) in cases {
            assert_eq!(right.fault(&reply(body.clone())), None);
            assert!(wrong.fault(&reply(body.clone())).is_some());
        }
    }

    #[test]
    fn an_element_without_a_value_or_twice_is_no_set() {
        assert_eq!(values(None).map(|values| values.len()), Some(0));
        assert_eq!(values(Some(&json!([{"value": "1"}, {"value": "1"}]))), None);
        assert_eq!(values(Some(&json!([{"display": "1"}]))), None);
        assert!(!has(None, &json!({"value": "1"})));
    }

    #[test]
    fn what_should_not_be_there_is_found_in_the_depth() {
        let null = |_: &str, value: &Value| value.is_null();
        assert_eq!(find(&json!({"a": [{"b": null}]}), &null).as_deref(), Some("a/b"));
        assert_eq!(find(&json!({"a": [{"b": 1}]}), &null), None);
    }
}
