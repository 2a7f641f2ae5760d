//! Filling in `type` and `primary` of e-mail addresses when they are written (rule 32).

use serde_json::{Map, Value};

/// QUIRK(okta, ping): an element without `type` becomes `work` if no other has that type, else
/// `other`, and exactly one is primary: the one so marked, else the first `work`, else the first.
pub(crate) fn fill_in(document: &mut Map<String, Value>) {
    let Some(Value::Array(elements)) = document.get_mut("emails") else { return };
    let is_work = |element: &Value| {
        element.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
    };
    let mut has_work = elements.iter().any(is_work);
    for element in elements.iter_mut() {
        if let Value::Object(parts) = element
            && !parts.contains_key("type")
        {
            parts.insert("type".to_owned(), if has_work { "other" } else { "work" }.into());
            has_work = true;
        }
    }
    let marked = elements.iter().any(|element| element.get("primary") == Some(&Value::Bool(true)));
    if !marked {
        let first = elements.iter().position(is_work).unwrap_or(0);
        if let Some(Value::Object(parts)) = elements.get_mut(first) {
            parts.insert("primary".to_owned(), true.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn type_and_primary_are_filled_in() {
        for (sent, stored) in [
            (json!([{"value": "a"}]), json!([{"value": "a", "type": "work", "primary": true}])),
            (
                json!([{"value": "a"}, {"value": "b", "type": "work"}]),
                json!([{"value": "a", "type": "other"}, {"value": "b", "type": "work", "primary": true}]),
            ),
            (
                json!([{"value": "a", "type": "home"}, {"value": "b", "primary": true}]),
                json!([{"value": "a", "type": "home"}, {"value": "b", "primary": true, "type": "work"}]),
            ),
            (json!([{"value": "a", "type": "home"}]), json!([{"value": "a", "type": "home", "primary": true}])),
        ] {
            let mut document = Map::from_iter([("emails".to_owned(), sent)]);
            fill_in(&mut document);
            assert_eq!(document["emails"], stored);
        }
    }
}
