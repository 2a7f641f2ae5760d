//! Nothing crosses the border of a tenant, or of what a connection owns.

use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client, Reply, client::encode};
use http::Method;
use serde_json::{Value, json};

const NEVER: &str = "0192f4a0-0000-7000-8000-00000000ffff";
/// No answer has a header of these names that tells one request from another.
const OF_EVERY_REQUEST: [&str; 1] = ["x-request-id"];

/// A target and a body for each route, with `ID` where an id of the other tenant is tried.
fn requests(method: &Method, pattern: &str) -> Vec<(String, Option<Value>)> {
    let user = |value: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": value}}});
    let group = |value: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "new", "members": [{"value": value}]});
    let patch = |path: &str, value: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": path, "value": value}]});
    let filters = ["id eq \"ID\"", "members.value eq \"ID\"", "groups.value eq \"ID\"", "members[value eq \"ID\"]"];
    let search =
        |filter: &str| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let one = pattern.replace("{id}", "ID").replace("{urn}", "ID");
    match (method.as_str(), pattern) {
        ("GET" | "HEAD", "/" | "/Users" | "/Groups") => {
            filters.iter().map(|filter| (format!("{one}?filter={}", encode(filter)), None)).collect()
        }
        ("POST", pattern) if pattern.ends_with(".search") => {
            filters.iter().map(|filter| (one.clone(), Some(search(filter)))).collect()
        }
        ("POST", "/Users") => vec![(one, Some(user("ID")))],
        ("POST", "/Groups") => vec![(one, Some(group("ID")))],
        ("PUT", "/Users/{id}") => vec![(one, Some(user("x")))],
        ("PUT", "/Groups/{id}") => vec![(one, Some(group("ID"))), ("/Groups/OWN".to_owned(), Some(group("ID")))],
        ("PATCH", "/Users/{id}") => vec![(one, Some(patch("title", json!("x"))))],
        ("PATCH", "/Groups/{id}") => vec![
            (one, Some(patch("members", json!([{"value": "ID"}])))),
            ("/Groups/OWN".to_owned(), Some(patch("members", json!([{"value": "ID"}])))),
            (
                "/Groups/OWN".to_owned(),
                Some(
                    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members[value eq \"ID\"]"}]}),
                ),
            ),
        ],
        ("POST", "/Bulk") => {
            let operation = |method: &str, path: &str, data: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [{"method": method, "path": path, "bulkId": "b", "data": data}]});
            vec![
                (one.clone(), Some(operation("DELETE", "/Users/ID", Value::Null))),
                (one.clone(), Some(operation("PATCH", "/Users/ID", patch("title", json!("x"))))),
                (one.clone(), Some(operation("PUT", "/Groups/ID", group("x")))),
                (one, Some(operation("POST", "/Groups", group("ID")))),
            ]
        }
        _ => vec![(one, None)],
    }
}

/// What an answer tells, with the id that was asked for written out of it.
fn told(reply: &Reply, id: &str) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .filter(|(name, _)| !OF_EVERY_REQUEST.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().replace(id, "ID")))
        .collect();
    headers.sort();
    (reply.status, headers, reply.text().replace(id, "ID"))
}

fn send(
    client: &Client,
    method: &Method,
    target: &str,
    body: Option<&Value>,
    condition: Option<(&str, &str)>,
) -> Reply {
    let mut headers = vec![];
    if body.is_some() {
        headers.push(("content-type", Some("application/scim+json")));
    }
    if let Some((name, value)) = condition {
        headers.push((name, Some(value)));
    }
    client.call(method.as_str(), target, &headers, body.map(|body| body.to_string().into()))
}

/// One server in which nothing but the names differs is asked for an id of somebody else and for one
/// that never was: twins of one world answer both, so that what an accepted write changes cannot
/// tell them apart.
fn nothing_shows(backend: Backend, other_tenant: bool) {
    if !backend.is_available() {
        return;
    }
    let app = App::new(backend);
    let mut tried = 0;
    let foreign = app.client(if other_tenant { "globex" } else { "acme" }, Preset::Okta);
    let (user, group) = (foreign.user("eve"), foreign.group("Secret", &[]));
    foreign
        .patch(&format!("/Groups/{group}"), &json!([{"op": "add", "path": "members", "value": [{"value": user}]}]))
        .expect(200)
        .done();
    let before = [foreign.get(&format!("/Users/{user}")).json(), foreign.get(&format!("/Groups/{group}")).json()];
    let client = app.client("acme", Preset::Generic);
    let lenient = app.client("acme", Preset::Entra);
    for client in [&client, &lenient] {
        for (method, pattern) in app.api.routes() {
            for (target, body) in requests(&method, &pattern) {
                for condition in [
                    None,
                    Some(("if-match", "*")),
                    Some(("if-match", "W/\"1\"")),
                    Some(("if-none-match", "*")),
                    Some(("if-none-match", "W/\"2\"")),
                ] {
                    for foreign_id in [&user, &group] {
                        let answers: Vec<_> = [foreign_id.as_str(), NEVER]
                            .into_iter()
                            .map(|id| {
                                let own =
                                    if target.contains("OWN") { client.group("Own", &[]) } else { "OWN".to_owned() };
                                let put = |text: &str| text.replace("OWN", &own).replace("ID", id);
                                let body = body
                                    .as_ref()
                                    .map(|body| serde_json::from_str::<Value>(&put(&body.to_string())).unwrap());
                                let reply = send(client, &method, &put(&target), body.as_ref(), condition);
                                let made = reply.status == 201 || method == Method::POST && pattern == "/Bulk";
                                let (status, headers, text) = told(&reply, id);
                                let hide = |text: &str| text.replace(&own, "OWN");
                                let headers = headers.into_iter().map(|(name, value)| (name, hide(&value))).collect();
                                let answer = (status, headers, hide(&text));
                                clean(client);
                                if made { without_ids(answer) } else { answer }
                            })
                            .collect();
                        assert_eq!(answers[0], answers[1], "{method} {target} {body:?} {condition:?}");
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 400, "{tried}");
    let after = [foreign.get(&format!("/Users/{user}")).json(), foreign.get(&format!("/Groups/{group}")).json()];
    assert_eq!(before, after);
}

/// Takes away what an accepted request made, and the connection's own group.
fn clean(client: &Client) {
    for (endpoint, filter) in
        [("/Users", "userName eq \"new\""), ("/Groups", "displayName eq \"new\" or displayName eq \"own\"")]
    {
        for id in client.find(endpoint, filter).expect(200).each("/id") {
            client.delete(&format!("{endpoint}/{id}")).expect(204).done();
        }
    }
}

/// Ids and versions of what was just made differ for reasons of their own.
fn without_ids((status, headers, body): (u16, Vec<(String, String)>, String)) -> (u16, Vec<(String, String)>, String) {
    // The clock stands still, so all ids begin alike.
    const BEGIN: &str = "019b7c";
    const LEFT: usize = 36 - BEGIN.len();
    let hide = |text: &str| {
        let mut parts = text.split(BEGIN);
        let mut hidden = parts.next().unwrap_or_default().to_owned();
        parts.for_each(|part| hidden.push_str(part.split_at(LEFT).1));
        hidden
    };
    (status, headers.into_iter().map(|(name, value)| (name, hide(&value))).collect(), hide(&body))
}

#[test]
fn ids_of_another_tenant_answer_like_ids_that_never_were_in_memory() {
    nothing_shows(Backend::Memory, true);
}

#[test]
fn ids_of_another_tenant_answer_like_ids_that_never_were_on_sqlite() {
    nothing_shows(Backend::Sqlite, true);
}

#[test]
fn ids_of_another_tenant_answer_like_ids_that_never_were_on_postgresql() {
    nothing_shows(Backend::Postgres, true);
}

#[test]
fn ids_of_another_connection_answer_like_ids_that_never_were_in_memory() {
    nothing_shows(Backend::Memory, false);
}

#[test]
fn ids_of_another_connection_answer_like_ids_that_never_were_on_postgresql() {
    nothing_shows(Backend::Postgres, false);
}

/// Names, totals and lists of one tenant know nothing of another's.
fn tenants_are_islands(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let app = App::new(backend);
    let (acme, globex) = (app.client("acme", Preset::Okta), app.client("globex", Preset::Okta));
    for client in [&acme, &globex] {
        client.post("/Users", &json!({"userName": "ada", "externalId": "x"})).expect(201).done();
        client.post("/Groups", &json!({"displayName": "Team", "externalId": "x"})).expect(201).done();
    }
    for client in [&acme, &globex] {
        assert_eq!(client.get("/Users").total(), 1);
        assert_eq!(client.get("/").total(), 2);
        assert_eq!(client.find("/Users", "externalId eq \"x\"").total(), 1);
        client.post("/Users", &json!({"userName": "ADA"})).refused(409, "uniqueness", &["userName"]).done();
    }
    let told = |slug: &str| app.journal(&app.tenant(slug)).into_iter().map(|event| event.number).collect::<Vec<_>>();
    for slug in ["acme", "globex"] {
        let numbers = told(slug);
        assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(), "{slug}");
    }
}

#[test]
fn tenants_are_islands_in_memory() {
    tenants_are_islands(Backend::Memory);
}

#[test]
fn tenants_are_islands_on_sqlite() {
    tenants_are_islands(Backend::Sqlite);
}

#[test]
fn tenants_are_islands_on_postgresql() {
    tenants_are_islands(Backend::Postgres);
}
