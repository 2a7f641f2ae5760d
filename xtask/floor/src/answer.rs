//! From a request to its work, and from what came of it to an answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::Result;
use serde_json::{Value, json};

use crate::ids::Ids;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::work::{Change, Outcome, Person, Read};

/// Where requests end.
pub(crate) enum Backend {
    Fixed,
    Hop,
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What every request needs.
pub(crate) struct Floor {
    backend: Backend,
    authorization: String,
    ids: Ids,
}

impl Floor {
    pub(crate) fn new(backend: Backend, token: &str) -> Self {
        Self { backend, authorization: format!("Bearer {token}"), ids: Ids::default() }
    }

    async fn read(&self, read: Read) -> Result<Outcome> {
        match &self.backend {
            Backend::Fixed => Ok(Outcome::Json(CONSTANT.to_owned())),
            Backend::Hop => Ok(web::block(|| Outcome::Json(CONSTANT.to_owned())).await?),
            Backend::Sqlite(sqlite) => {
                let readers = sqlite.readers();
                web::block(move || readers.read(&read)).await?
            }
            Backend::Postgres(postgres) => {
                let postgres = postgres.clone();
                web::block(move || postgres.read(&read)).await?
            }
        }
    }

    async fn change(&self, change: Change) -> Result<Outcome> {
        match &self.backend {
            Backend::Fixed => Ok(Outcome::Json(CONSTANT.to_owned())),
            Backend::Hop => Ok(web::block(|| Outcome::Json(CONSTANT.to_owned())).await?),
            Backend::Sqlite(sqlite) => sqlite.change(change).await,
            Backend::Postgres(postgres) => {
                let postgres = postgres.clone();
                web::block(move || postgres.change(&change)).await?
            }
        }
    }
}

/// Answers any request.
pub(crate) async fn answer(request: HttpRequest, body: web::Bytes, floor: web::Data<Floor>) -> HttpResponse {
    let authorization = request.headers().get(header::AUTHORIZATION);
    if authorization.is_none_or(|value| value.as_bytes() != floor.authorization.as_bytes()) {
        return HttpResponse::Unauthorized().finish();
    }
    let path = request.path();
    let rest = path.strip_prefix("/scim/v2/").unwrap_or(path);
    let (kind, id) = match rest.split_once('/') {
        Some((kind, id)) => (kind, Some(id.to_owned())),
        None => (rest, None),
    };
    let value = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let new_id = || floor.ids.draw();
    match (request.method().as_str(), kind, id) {
        ("GET", "Users", Some(id)) => respond(floor.read(Read::User(id)).await, StatusCode::OK),
        ("GET", "Users", None) => respond(floor.read(list_of(request.query_string())).await, StatusCode::OK),
        ("GET", "Groups", Some(id)) => {
            let alone = request.query_string().contains("excludedAttributes=members");
            let read = if alone { Read::GroupAlone(id) } else { Read::Group(id) };
            respond(floor.read(read).await, StatusCode::OK)
        }
        ("POST", "Users", _) => {
            // The floors without a database need not even read the body.
            let change = match &floor.backend {
                Backend::Fixed | Backend::Hop => Change::Many(Vec::new()),
                Backend::Sqlite(_) | Backend::Postgres(_) => Change::Insert(Person::of(value(), new_id())),
            };
            respond(floor.change(change).await, StatusCode::CREATED)
        }
        ("PUT", "Users", Some(id)) => {
            respond(floor.change(Change::Replace(Person::of(value(), id))).await, StatusCode::OK)
        }
        ("PATCH", "Users", Some(id)) => {
            let active = value().pointer("/Operations/0/value").and_then(Value::as_bool).unwrap_or(true);
            respond(floor.change(Change::Activate { id, active }).await, StatusCode::OK)
        }
        ("POST", "Groups", _) => respond(floor.change(new_group(&value(), new_id())).await, StatusCode::CREATED),
        ("PATCH", "Groups", Some(group)) => respond(floor.change(members_of(group, &value())).await, StatusCode::OK),
        ("POST", "Bulk", _) => {
            let (change, done) = bulk_of(value(), new_id);
            match floor.change(change).await {
                Ok(_) => document(done.to_string(), StatusCode::OK),
                Err(error) => respond(Err(error), StatusCode::OK),
            }
        }
        _ => HttpResponse::NotFound().finish(),
    }
}

fn respond(outcome: Result<Outcome>, good: StatusCode) -> HttpResponse {
    match outcome {
        Ok(Outcome::Json(json)) => document(json, good),
        Ok(Outcome::Done) => HttpResponse::NoContent().finish(),
        Ok(Outcome::Absent) => document(json!({"status": "404"}).to_string(), StatusCode::NOT_FOUND),
        Err(error) => {
            let detail = format!("{error:#}");
            let taken = detail.to_lowercase().contains("unique");
            let status = if taken { StatusCode::CONFLICT } else { StatusCode::INTERNAL_SERVER_ERROR };
            document(json!({"detail": detail}).to_string(), status)
        }
    }
}

fn document(json: String, status: StatusCode) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CONTENT_TYPE, "application/scim+json")).body(json)
}

/// The page or the filter of a list. The filters are told apart by how they begin, and their values
/// are what stands between quotation marks.
fn list_of(query: &str) -> Read {
    let pairs = web::Query::<BTreeMap<String, String>>::from_query(query);
    let pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
    let number = |key: &str, default: i64| pairs.get(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let Some(filter) = pairs.get("filter") else {
        return Read::Page { start: number("startIndex", 1).max(1), count: number("count", 100).clamp(0, 1000) };
    };
    let quoted = |which: usize| filter.split('"').skip(1).step_by(2).nth(which).unwrap_or_default().to_owned();
    if filter.contains(" or externalId") {
        Read::UserNameOrExternalId(quoted(0).to_lowercase(), quoted(1))
    } else if filter.starts_with("userName eq") {
        Read::UserName(quoted(0).to_lowercase())
    } else if filter.starts_with("emails[") {
        Read::Email(quoted(1).to_lowercase())
    } else if filter.starts_with("emails") {
        Read::Email(quoted(0).to_lowercase())
    } else {
        Read::FamilyName(quoted(0))
    }
}

fn values_of(members: Option<&Value>) -> Vec<String> {
    let members = members.and_then(Value::as_array).into_iter().flatten();
    members.filter_map(|member| member.get("value").and_then(Value::as_str)).map(str::to_owned).collect()
}

fn new_group(body: &Value, id: String) -> Change {
    let json = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": id,
        "displayName": body.get("displayName"),
        "meta": {"resourceType": "Group", "location": format!("/scim/v2/Groups/{id}")},
    });
    Change::InsertGroup { id, json: json.to_string(), members: values_of(body.get("members")) }
}

fn members_of(group: String, body: &Value) -> Change {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for operation in body.get("Operations").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("op") == "add" {
            add.extend(values_of(operation.get("value")));
        } else if let Some(member) = text("path").split('"').nth(1) {
            remove.push(member.to_owned());
        } else {
            remove.extend(values_of(operation.get("value")));
        }
    }
    Change::Members { group, add, remove }
}

/// The users of a bulk request as one change, and the answer if it succeeds.
fn bulk_of(mut body: Value, new_id: impl Fn() -> String) -> (Change, Value) {
    let (mut changes, mut done) = (Vec::new(), Vec::new());
    for operation in body.get_mut("Operations").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = new_id();
        done.push(json!({
            "method": "POST",
            "bulkId": operation.get("bulkId"),
            "location": format!("/scim/v2/Users/{id}"),
            "status": "201",
        }));
        let user = operation.get_mut("data").map(Value::take).unwrap_or_default();
        changes.push(Change::Insert(Person::of(user, id)));
    }
    let answer = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": done});
    (Change::Many(changes), answer)
}

/// The answer to a list.
pub(crate) fn list(resources: &[String], total: i64, start: i64) -> String {
    let length: usize = resources.iter().map(|json| json.len().saturating_add(1)).sum();
    let mut text = String::with_capacity(length.saturating_add(200));
    let count = resources.len();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},"startIndex":{start},"itemsPerPage":{count},"Resources":["#
    );
    for (index, json) in resources.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(json);
    }
    text.push_str("]}");
    text
}

/// The answer to a filter: everything that was found, on one page of at most 100.
pub(crate) fn found(mut resources: Vec<String>) -> String {
    let total = i64::try_from(resources.len()).unwrap_or(i64::MAX);
    resources.truncate(100);
    list(&resources, total, 1)
}

/// Puts members into the JSON of a group.
#[derive(Debug)]
pub(crate) struct GroupText {
    text: String,
    empty: bool,
}

impl GroupText {
    pub(crate) fn new(group: &str) -> Self {
        let mut text = String::with_capacity(4096);
        text.push_str(group.strip_suffix('}').unwrap_or(group));
        text.push_str(",\"members\":[");
        Self { text, empty: true }
    }

    pub(crate) fn member(&mut self, id: &str) {
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
        for part in ["{\"value\":\"", id, "\",\"type\":\"User\",\"$ref\":\"/scim/v2/Users/", id, "\"}"] {
            self.text.push_str(part);
        }
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("]}");
        self.text
    }
}

/// A user as the other floors answer it, of the same length within a few bytes.
const CONSTANT: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"id":"0197a6f2-3c10-7d5e-8f4b-6a2e91c0d7b3","externalId":"00u000000042","userName":"grace.hopper@example.com","name":{"formatted":"Grace Hopper","familyName":"Hopper","givenName":"Grace"},"displayName":"Grace Hopper","active":true,"locale":"en-US","title":"Engineer","emails":[{"value":"grace.hopper@example.com","type":"work","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"E0000042","department":"Compilers"},"meta":{"resourceType":"User","created":"2026-01-01T00:00:00Z","lastModified":"2026-01-01T00:00:00Z","version":"W/\"1\"","location":"/scim/v2/Users/42"}}"#;
