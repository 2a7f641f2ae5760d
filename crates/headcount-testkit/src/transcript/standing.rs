//! What holds for every answer, whatever was asked.

use serde_json::Value;

use crate::client::{ERROR, Reply};

/// Checks an answer against what holds for all of them.
///
/// # Errors
/// What is wrong.
pub(super) fn check(reply: &Reply, method: &str, secrets: &[&str]) -> Result<(), String> {
    let media_type = reply.header("content-type");
    if let Some(secret) = secrets.iter().find(|secret| reply.text().contains(**secret)) {
        return Err(format!("the answer shows the secret {secret}"));
    }
    if matches!(reply.status, 204 | 304) {
        return match (reply.body.is_empty(), media_type) {
            (true, None) => Ok(()),
            _ => Err(format!("a {} has a body or a media type", reply.status)),
        };
    }
    let json = ["application/scim+json; charset=utf-8", "application/json; charset=utf-8"];
    if !media_type.is_some_and(|media_type| json.contains(&media_type)) {
        return Err(format!("the media type is {media_type:?}"));
    }
    if method == "HEAD" {
        return if reply.body.is_empty() { Ok(()) } else { Err("the answer to a HEAD has a body".to_owned()) };
    }
    let body = reply.json();
    if let Some(place) = null_in(&body, String::new()) {
        return Err(format!("{place} is null"));
    }
    if reply.status >= 400 {
        return check_error(reply, &body);
    }
    check_resource(reply, &body)
}

fn check_error(reply: &Reply, body: &Value) -> Result<(), String> {
    let status = reply.status.to_string();
    if body["schemas"] != serde_json::json!([ERROR]) || body["status"] != status.as_str() {
        return Err(format!("no SCIM error: {body}"));
    }
    if body["detail"].as_str().is_none_or(|detail| detail.trim().is_empty()) {
        return Err(format!("the error says nothing: {body}"));
    }
    let wanted: &[&str] = match reply.status {
        401 => &["www-authenticate"],
        405 => &["allow"],
        429 | 503 => &["retry-after"],
        _ => &[],
    };
    if let Some(name) = wanted.iter().find(|name| reply.header(name).is_none()) {
        return Err(format!("a {status} without the header {name}"));
    }
    // Okta takes a date for no answer at all, and waits for minutes.
    match reply.header("retry-after") {
        Some(text) if !text.parse().is_ok_and(|seconds: u32| (1..=60).contains(&seconds)) => {
            Err(format!("the header retry-after is {text}, which is no number of seconds from 1 to 60"))
        }
        _ => Ok(()),
    }
}

/// The headers of an answer about one resource say what its `meta` says (RFC 7644 §3.14).
fn check_resource(reply: &Reply, body: &Value) -> Result<(), String> {
    let meta = &body["meta"];
    for (header, part) in [("etag", "version"), ("location", "location")] {
        if let (Some(found), Some(told)) = (reply.header(header), meta[part].as_str())
            && found != told
        {
            return Err(format!("the header {header} is {found}, meta.{part} is {told}"));
        }
    }
    if meta["version"].is_string() && reply.header("etag").is_none() {
        return Err("a resource without the header etag".to_owned());
    }
    if reply.status == 201 && reply.header("location").is_none() {
        return Err("a 201 without the header location".to_owned());
    }
    Ok(())
}

fn null_in(value: &Value, at: String) -> Option<String> {
    match value {
        Value::Null => Some(at),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(number, item)| null_in(item, format!("{at}/{number}")))
        }
        Value::Object(members) => members.iter().find_map(|(key, item)| null_in(item, format!("{at}/{key}"))),
        _ => None,
    }
}
