//! The body of a query by POST (RFC 7644 §3.4.3; RFC 9865 §3).

use headcount_model::Switches;
use headcount_service::QueryRequest;
use scim_schema::{ScimError, builtin::SEARCH_REQUEST};
use serde_json::{Map, Value};

/// Reads a search request. Names of members are compared ignoring ASCII case, `null` is as if the
/// member were absent, unknown members are ignored.
///
/// # Errors
/// [`ScimError`] 400 `invalidSyntax` for `schemas` without the message's URI, unless the connection
/// takes any; `invalidValue` for a member of another type.
pub(crate) fn parse(body: Map<String, Value>, switches: &Switches) -> Result<QueryRequest, ScimError> {
    let mut request = QueryRequest::default();
    let mut schemas = None;
    for (name, value) in body {
        if value.is_null() {
            continue;
        }
        match name.to_ascii_lowercase().as_str() {
            "schemas" => schemas = Some(value),
            "filter" => request.filter = Some(text("filter", value)?),
            "sortby" => request.sort_by = Some(text("sortBy", value)?),
            "sortorder" => request.sort_order = Some(text("sortOrder", value)?),
            "cursor" => request.cursor = Some(text("cursor", value)?),
            "startindex" => request.start_index = integer("startIndex", value, switches)?,
            "count" => request.count = integer("count", value, switches)?,
            "attributes" => request.attributes = names("attributes", value, switches)?,
            "excludedattributes" => request.excluded_attributes = names("excludedAttributes", value, switches)?,
            _ => {}
        }
    }
    if !switches.any_schemas.accepts() && !names_message(schemas.as_ref()) {
        return Err(ScimError::invalid_syntax(format!(
            "schemas of a search request must be an array that holds \"{SEARCH_REQUEST}\""
        )));
    }
    Ok(request)
}

fn names_message(schemas: Option<&Value>) -> bool {
    let Some(Value::Array(urns)) = schemas else { return false };
    urns.iter().all(Value::is_string)
        && urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(SEARCH_REQUEST))
}

fn text(name: &str, value: Value) -> Result<String, ScimError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(ScimError::invalid_value(format!("{name} must be a string, but is {}", kind(&other)))),
    }
}

/// A whole number, as text for the use case; where `loose_paging` allows it, a string is handed on
/// to be read there and anything else is as if it were absent.
fn integer(name: &str, value: Value, switches: &Switches) -> Result<Option<String>, ScimError> {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        Value::String(text) if switches.loose_paging.accepts() => Ok(Some(text)),
        _ if switches.loose_paging.accepts() => Ok(None),
        Value::Number(_) => Err(ScimError::invalid_value(format!("{name} must be a whole number"))),
        other => Err(ScimError::invalid_value(format!("{name} must be a whole number, but is {}", kind(&other)))),
    }
}

/// A list of attribute names, as the comma list of a query string. One string in place of the array
/// is read where the connection takes strings as elements of an array.
fn names(name: &str, value: Value, switches: &Switches) -> Result<Option<String>, ScimError> {
    let wrong = || ScimError::invalid_value(format!("{name} must be an array of strings"));
    let list = match value {
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.ok_or_else(wrong)?.join(",")
        }
        Value::String(list) if switches.bare_string_element.accepts() => list,
        _ => return Err(wrong()),
    };
    Ok((!list.is_empty()).then_some(list))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use headcount_model::Preset;
    use serde_json::json;

    use super::*;

    fn read(body: &Value, preset: Preset) -> Result<QueryRequest, &'static str> {
        let Value::Object(body) = body else { panic!("no object") };
        parse(body.clone(), &preset.switches()).map_err(|error| error.scim_type.unwrap().as_str())
    }

    fn with(members: &Value) -> Value {
        let mut body = json!({ "schemas": [SEARCH_REQUEST] });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    }

    #[test]
    fn rfc7644_3_4_3_figure_4() {
        let request = read(
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "attributes": ["displayName", "userName"],
                "filter": "displayName sw \"smith\"",
                "startIndex": 1,
                "count": 10,
            }),
            Preset::Strict,
        )
        .unwrap();
        assert_eq!(
            request,
            QueryRequest {
                attributes: Some("displayName,userName".to_owned()),
                filter: Some("displayName sw \"smith\"".to_owned()),
                start_index: Some("1".to_owned()),
                count: Some("10".to_owned()),
                ..QueryRequest::default()
            }
        );
    }

    #[test]
    fn rfc9865_3_a_cursor_may_be_in_the_body() {
        let request =
            read(&with(&json!({"cursor": "", "count": 5, "sortBy": "id", "sortOrder": "descending"})), Preset::Generic)
                .unwrap();
        assert_eq!(request.cursor.as_deref(), Some(""));
        assert_eq!(request.sort_by.as_deref(), Some("id"));
        assert_eq!(request.sort_order.as_deref(), Some("descending"));
    }

    #[test]
    fn schemas_are_asked_for_but_by_identity_providers() {
        for body in [
            json!({}),
            json!({"schemas": []}),
            json!({"schemas": SEARCH_REQUEST}),
            json!({"schemas": ["urn:x"]}),
            json!({"schemas": [SEARCH_REQUEST, 1]}),
        ] {
            assert_eq!(read(&body, Preset::Generic), Err("invalidSyntax"), "{body}");
            assert_eq!(read(&body, Preset::Strict), Err("invalidSyntax"), "{body}");
            assert!(read(&body, Preset::Okta).is_ok(), "{body}");
        }
        assert!(read(&json!({"SCHEMAS": [SEARCH_REQUEST.to_uppercase()]}), Preset::Strict).is_ok());
    }

    #[test]
    fn names_of_members_match_in_any_letter_case_and_null_is_absent() {
        let request = read(&with(&json!({"FILTER": "id pr", "Count": null, "unknown": {}})), Preset::Generic).unwrap();
        assert_eq!(request.filter.as_deref(), Some("id pr"));
        assert_eq!(request.count, None);
    }

    #[test]
    fn members_of_another_type_are_refused() {
        for members in [
            json!({"filter": 1}),
            json!({"filter": ["id pr"]}),
            json!({"sortBy": {}}),
            json!({"sortOrder": true}),
            json!({"cursor": 1}),
            json!({"count": "10"}),
            json!({"count": 1.5}),
            json!({"startIndex": true}),
            json!({"startIndex": []}),
            json!({"attributes": "id"}),
            json!({"attributes": [1]}),
            json!({"excludedAttributes": {"a": 1}}),
        ] {
            assert_eq!(read(&with(&members), Preset::Generic), Err("invalidValue"), "{members}");
        }
    }

    #[test]
    fn identity_providers_may_write_numbers_and_lists_as_text() {
        let request =
            read(&with(&json!({"count": "10", "startIndex": 1.5, "attributes": "id, userName"})), Preset::Okta)
                .unwrap();
        assert_eq!(request.count.as_deref(), Some("10"));
        assert_eq!(request.start_index, None);
        assert_eq!(request.attributes.as_deref(), Some("id, userName"));
    }

    #[test]
    fn numbers_may_be_negative_and_large() {
        let request = read(&with(&json!({"count": -1, "startIndex": u64::MAX})), Preset::Strict).unwrap();
        assert_eq!(request.count.as_deref(), Some("-1"));
        assert_eq!(request.start_index.as_deref(), Some("18446744073709551615"));
    }
}
