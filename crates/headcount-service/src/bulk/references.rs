//! `bulkId` references (RFC 7644 §3.7.2).

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::PublicId;
use serde_json::Value;

const PREFIX: &str = "bulkId:";

/// The ids that were minted for the resources a job makes, before its first operation.
#[derive(Debug, Default)]
pub(super) struct Minted {
    by_bulk_id: BTreeMap<String, (usize, PublicId)>,
}

/// To which operations another one refers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct References {
    /// Their positions.
    pub(super) operations: BTreeSet<usize>,
    /// A `bulkId` that no POST of the job has.
    pub(super) unknown: Option<String>,
}

/// What kind of body is looked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// A resource.
    Resource,
    /// A `PatchOp` message, whose paths may hold references too.
    Patch,
}

impl References {
    /// Whether there are none.
    pub(super) fn is_nothing(&self) -> bool {
        self.operations.is_empty() && self.unknown.is_none()
    }
}

impl Minted {
    pub(super) fn insert(&mut self, bulk_id: &str, index: usize, id: PublicId) {
        self.by_bulk_id.insert(bulk_id.to_owned(), (index, id));
    }

    /// The id behind a text that is a reference as a whole; the text itself if it is none.
    pub(super) fn segment(&self, text: &str, references: &mut References) -> String {
        match text.strip_prefix(PREFIX) {
            Some(bulk_id) => self.look_up(bulk_id, references).unwrap_or_else(|| text.to_owned()),
            None => text.to_owned(),
        }
    }

    /// Puts ids in the place of references everywhere in a body.
    ///
    /// A text that is exactly a reference to a POST of this job is replaced wherever it stands. One
    /// that refers to none is an unknown reference where only an id can stand, and plain text
    /// elsewhere. The nesting is that of the parsed body, which is bounded.
    pub(super) fn replace(&self, value: &mut Value, kind: Body, references: &mut References) {
        self.walk(value, "", kind, references);
    }

    fn walk(&self, value: &mut Value, name: &str, kind: Body, references: &mut References) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.walk(member, name, kind, references);
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    self.walk(element, name, kind, references);
                }
            }
            Value::String(text) => {
                if kind == Body::Patch && name.eq_ignore_ascii_case("path") {
                    *text = self.in_path(text, references);
                } else if let Some(bulk_id) = text.strip_prefix(PREFIX) {
                    if self.by_bulk_id.contains_key(bulk_id) || is_id_place(name) {
                        *text = self.segment(text, references);
                    }
                } else if name.eq_ignore_ascii_case("$ref")
                    && let Some((head, tail)) = text.rsplit_once('/')
                    && tail.starts_with(PREFIX)
                {
                    *text = format!("{head}/{}", self.segment(tail, references));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// References in a PATCH path stand in the quotes of its filter.
    fn in_path(&self, path: &str, references: &mut References) -> String {
        let mut parts = path.split('"');
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            replaced.push('"');
            replaced.push_str(&self.segment(part, references));
        }
        replaced
    }

    fn look_up(&self, bulk_id: &str, references: &mut References) -> Option<String> {
        let Some((index, id)) = self.by_bulk_id.get(bulk_id) else {
            references.unknown.get_or_insert_with(|| bulk_id.to_owned());
            return None;
        };
        references.operations.insert(*index);
        Some(id.as_str().to_owned())
    }
}

/// Whether what stands under this name is the id of a resource.
fn is_id_place(name: &str) -> bool {
    ["value", "$ref", "members"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minted() -> Minted {
        let mut minted = Minted::default();
        minted.insert("a", 0, PublicId::from_text("id-of-a"));
        minted.insert("b c", 3, PublicId::from_text("id-of-b"));
        minted
    }

    #[test]
    fn references_are_replaced_wherever_an_id_can_stand() {
        let mut body = json!({
            "members": [{"value": "bulkId:a"}, {"$ref": "https://x/Users/bulkId:b c"}, "bulkId:a"],
            "manager": {"value": "bulkId:b c"},
            "custom": "bulkId:a",
            "displayName": "bulkId:nobody",
            "other": "not bulkId:a"
        });
        let mut references = References::default();
        minted().replace(&mut body, Body::Resource, &mut references);
        assert_eq!(
            body,
            json!({
                "members": [{"value": "id-of-a"}, {"$ref": "https://x/Users/id-of-b"}, "id-of-a"],
                "manager": {"value": "id-of-b"},
                "custom": "id-of-a",
                "displayName": "bulkId:nobody",
                "other": "not bulkId:a"
            })
        );
        assert_eq!(references, References { operations: BTreeSet::from([0, 3]), unknown: None });
    }

    #[test]
    fn references_in_patch_paths_stand_in_quotes() {
        let mut body = json!({"Operations": [
            {"op": "remove", "path": "members[value eq \"bulkId:b c\" or value eq \"bulkId:a\"]"},
            {"op": "replace", "path": "nickName", "value": "bulkId:a"}
        ]});
        let mut references = References::default();
        minted().replace(&mut body, Body::Patch, &mut references);
        assert_eq!(body["Operations"][0]["path"], "members[value eq \"id-of-b\" or value eq \"id-of-a\"]");
        assert_eq!(body["Operations"][1]["value"], "id-of-a");
    }

    #[test]
    fn a_reference_to_none_is_remembered() {
        let mut references = References::default();
        minted().replace(&mut json!({"members": [{"value": "bulkId:x"}]}), Body::Resource, &mut references);
        assert_eq!(references.unknown.as_deref(), Some("x"));
    }
}
