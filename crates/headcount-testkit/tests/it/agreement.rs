//! The same requests get the same answers from every store: random scripts, compared byte for byte.

use std::fmt::Write as _;

use headcount_model::Preset;
use headcount_testkit::{
    App, Backend, Client,
    client::{BULK_REQUEST, ENTERPRISE, GROUP, PATCH_OP, USER, encode},
};
use proptest::prelude::*;
use scim_filter::arbitrary::{user_document, user_filter};
use serde_json::{Map, Value, json};

use crate::stores::BACKENDS;

/// A request whose ids are places in the list of ids that were made so far.
#[derive(Clone, Debug)]
enum Request {
    CreateUser(Map<String, Value>),
    CreateGroup { name: usize, members: Vec<usize> },
    ReplaceUser { at: usize, body: Map<String, Value> },
    ReplaceGroup { at: usize, name: usize, members: Option<Vec<usize>> },
    PatchUser { at: usize, operations: Vec<Value> },
    PatchGroup { at: usize, operations: Vec<MemberOperation> },
    Delete { at: usize, guarded: bool },
    Read { at: usize, query: &'static str },
    Query { endpoint: &'static str, query: String },
    Bulk { name: usize, members: Vec<usize> },
}

#[derive(Clone, Debug)]
enum MemberOperation {
    Add(Vec<usize>),
    Remove(usize),
    RemoveByValue(Vec<usize>),
    Replace(Vec<usize>),
    Rename(usize),
}

const NAMES: [&str; 5] = ["Team", "TEAM", "Größe", "a%b", "team "];
const PROJECTIONS: [&str; 5] = [
    "",
    "?attributes=userName,members.value",
    "?excludedAttributes=members,groups",
    "?attributes=emails.value,name",
    "?attributes=groups",
];

fn at() -> impl Strategy<Value = usize> {
    0..8_usize
}

fn places() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(at(), 0..4)
}

fn user_body() -> impl Strategy<Value = Map<String, Value>> {
    (user_document(), 0..4_usize, any::<bool>()).prop_map(|(mut body, name, upper)| {
        body.retain(|key, _| key != "id" && key != "meta" && key != "groups");
        // Few names, so that they clash.
        let name = format!("user{name}@ex.com");
        body.insert("userName".to_owned(), if upper { name.to_uppercase() } else { name }.into());
        let mut schemas = vec![json!(USER)];
        if body.contains_key(ENTERPRISE) {
            schemas.push(json!(ENTERPRISE));
        }
        body.insert("schemas".to_owned(), schemas.into());
        body
    })
}

fn user_operation() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"op": "replace", "path": "active", "value": false}),
        json!({"op": "replace", "path": "active", "value": true}),
        json!({"op": "Replace", "value": {"active": "False", "title": "T"}}),
        json!({"op": "replace", "path": "userName", "value": "USER1@ex.com"}),
        json!({"op": "add", "path": "emails", "value": [{"value": "new@ex.com", "type": "work", "primary": true}]}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "changed@ex.com"}),
        json!({"op": "remove", "path": "emails[value co \"a\"]"}),
        json!({"op": "remove", "path": "emails"}),
        json!({"op": "replace", "path": "name", "value": {"familyName": "F"}}),
        json!({"op": "remove", "path": "name.familyName"}),
        json!({"op": "add", "path": format!("{ENTERPRISE}:department"), "value": "D"}),
        json!({"op": "remove", "path": ENTERPRISE}),
        json!({"op": "replace", "path": "externalId", "value": "x"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "path": "nothing", "value": 1}),
        json!({"op": "add", "value": {"displayName": "team", "unknown": {"a": [1]}}}),
    ])
}

fn member_operation() -> impl Strategy<Value = MemberOperation> {
    prop_oneof![
        3 => places().prop_map(MemberOperation::Add),
        2 => at().prop_map(MemberOperation::Remove),
        1 => places().prop_map(MemberOperation::RemoveByValue),
        1 => places().prop_map(MemberOperation::Replace),
        1 => (0..NAMES.len()).prop_map(MemberOperation::Rename),
    ]
}

fn query() -> impl Strategy<Value = Request> {
    let order = prop::sample::select(vec![
        "",
        "&sortBy=userName",
        "&sortBy=title&sortOrder=descending",
        "&sortBy=emails",
        "&sortBy=meta.lastModified",
        "&sortBy=name.familyName",
        "&startIndex=2&count=2",
        "&count=0",
        "&cursor=&count=3",
        "&cursor=&count=2&sortBy=displayName",
        "&attributes=userName",
    ]);
    let filter = prop_oneof![
        6 => user_filter().prop_map(|filter| filter.to_string()),
        1 => Just(String::new()),
        1 => Just("displayName sw \"te\"".to_owned()),
        1 => Just("meta.resourceType eq \"Group\"".to_owned()),
        1 => Just("groups pr".to_owned()),
        1 => Just("not (members pr)".to_owned()),
        1 => Just("schemas co \"enterprise\"".to_owned()),
    ];
    (prop::sample::select(vec!["/Users", "/Users", "/Groups", "/"]), filter, order).prop_map(
        |(endpoint, filter, order)| {
            let filter = if filter.is_empty() { filter } else { format!("filter={}", encode(&filter)) };
            Request::Query { endpoint, query: format!("{filter}{order}") }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let projection = || prop::sample::select(PROJECTIONS.to_vec());
    prop_oneof![
        5 => user_body().prop_map(Request::CreateUser),
        2 => (0..NAMES.len(), places()).prop_map(|(name, members)| Request::CreateGroup { name, members }),
        2 => (at(), user_body()).prop_map(|(at, body)| Request::ReplaceUser { at, body }),
        2 => (at(), 0..NAMES.len(), prop::option::of(places())).prop_map(|(at, name, members)| Request::ReplaceGroup { at, name, members }),
        3 => (at(), prop::collection::vec(user_operation(), 1..4)).prop_map(|(at, operations)| Request::PatchUser { at, operations }),
        4 => (at(), prop::collection::vec(member_operation(), 1..3)).prop_map(|(at, operations)| Request::PatchGroup { at, operations }),
        2 => (at(), any::<bool>()).prop_map(|(at, guarded)| Request::Delete { at, guarded }),
        2 => (at(), projection()).prop_map(|(at, query)| Request::Read { at, query }),
        5 => query(),
        1 => (0..NAMES.len(), places()).prop_map(|(name, members)| Request::Bulk { name, members }),
    ]
}

/// A script: who sends each request (the first or the second connection of a tenant), and what.
fn script() -> impl Strategy<Value = (Preset, Vec<(bool, Request)>)> {
    let preset =
        prop::sample::select(vec![Preset::Generic, Preset::Okta, Preset::Entra, Preset::Rauthy, Preset::OneLogin]);
    (preset, prop::collection::vec((prop::bool::weighted(0.25), request()), 1..25))
}

/// Plays a script and tells every answer and every journal entry.
fn play(app: &App, preset: Preset, script: &[(bool, Request)]) -> String {
    let tenant = app.tenant("acme");
    let mut lines = (0..2)
        .map(|number| Ok(json!({"userName": format!("user{number}@ex.com"), "emails": []}).to_string().into_bytes()));
    app.manage.import_users("acme", &mut lines, true, &mut |_| {}).unwrap();
    let clients = [app.client("acme", preset), app.client("acme", Preset::Generic)];
    let mut ids = clients[0].get("/Users").each("/id");
    let mut told = String::new();
    for (number, (second, request)) in script.iter().enumerate() {
        app.clock().advance_millis(7);
        let client = &clients[usize::from(*second)];
        let (method, target, body, if_match) = wire(request, &ids);
        let content_type = body.is_some().then_some("application/scim+json");
        let headers = [("content-type", content_type), ("if-match", if_match)];
        let reply = client.call(method, &target, &headers, body.map(|body| body.to_string().into()));
        assert!(reply.status < 500, "{request:?}: {}", reply.text());
        if reply.status == 201 {
            ids.push(reply.id());
        }
        let etag = reply.header("etag").unwrap_or_default();
        let mut text = reply.text().to_owned();
        // Cursors hold a store's own numbers, which need not be the same.
        if let Some(cursor) = reply.json()["nextCursor"].as_str() {
            text = text.replace(cursor, "");
        }
        writeln!(told, "{number} {method} {target} -> {} {etag} {text}", reply.status).unwrap();
        told.push_str(&rest_of(client, &target, &reply));
    }
    for event in app.journal(&tenant) {
        let headcount_store::events::NumberedEvent { number, kind, resource, version, paths, detail, .. } = event;
        writeln!(told, "{number} {kind} {resource:?} {version} {paths:?} {detail:?}").unwrap();
    }
    for client in &clients {
        at_once(client, script, &ids);
    }
    told
}

/// What is answered without waiting, if anything is, is what is answered else.
fn at_once(client: &Client, script: &[(bool, Request)], ids: &[String]) {
    let asked = script.iter().map(|(_, request)| wire(request, ids)).filter(|(method, ..)| *method == "GET");
    let mut targets: Vec<String> = asked.map(|(_, target, ..)| target).collect();
    for id in ids {
        targets.extend([format!("/Users/{id}"), format!("/Groups/{id}?excludedAttributes=members")]);
    }
    for target in targets {
        if let Some(now) = client.call_now("GET", &target, &[]) {
            let then = client.get(&target);
            assert_eq!((now.status, now.text()), (then.status, then.text()), "{target}");
            assert_eq!(now.header("etag"), then.header("etag"), "{target}");
        }
    }
}

/// The pages behind the first of a query by cursor.
fn rest_of(client: &Client, target: &str, first: &headcount_testkit::Reply) -> String {
    let mut told = String::new();
    let mut next = first.json()["nextCursor"].as_str().map(str::to_owned);
    while let Some(cursor) = next {
        let reply = client.get(&target.replace("cursor=", &format!("cursor={cursor}"))).expect(200);
        next = reply.json()["nextCursor"].as_str().map(str::to_owned);
        writeln!(told, "  {:?}", reply.each("/id")).unwrap();
    }
    told
}

type Wire = (&'static str, String, Option<Value>, Option<&'static str>);

fn wire(request: &Request, ids: &[String]) -> Wire {
    let id = |at: &usize| ids.get(*at).cloned().unwrap_or_else(|| "nobody".to_owned());
    let members = |places: &[usize]| places.iter().map(|at| json!({"value": id(at)})).collect::<Value>();
    let group =
        |name: usize, list: &[usize]| json!({"schemas": [GROUP], "displayName": NAMES[name], "members": members(list)});
    match request {
        Request::CreateUser(body) => ("POST", "/Users".to_owned(), Some(body.clone().into()), None),
        Request::CreateGroup { name, members } => ("POST", "/Groups".to_owned(), Some(group(*name, members)), None),
        Request::ReplaceUser { at, body } => ("PUT", format!("/Users/{}", id(at)), Some(body.clone().into()), None),
        Request::ReplaceGroup { at, name, members } => {
            let mut body = group(*name, members.as_deref().unwrap_or_default());
            if members.is_none() {
                body.as_object_mut().unwrap().remove("members");
            }
            ("PUT", format!("/Groups/{}", id(at)), Some(body), None)
        }
        Request::PatchUser { at, operations } => {
            let body = json!({"schemas": [PATCH_OP], "Operations": operations});
            ("PATCH", format!("/Users/{}", id(at)), Some(body), None)
        }
        Request::PatchGroup { at, operations } => {
            let one = |operation: &MemberOperation| match operation {
                MemberOperation::Add(list) => json!({"op": "add", "path": "members", "value": members(list)}),
                MemberOperation::Remove(at) => {
                    json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(at))})
                }
                MemberOperation::RemoveByValue(list) => {
                    json!({"op": "remove", "path": "members", "value": members(list)})
                }
                MemberOperation::Replace(list) => json!({"op": "replace", "path": "members", "value": members(list)}),
                MemberOperation::Rename(name) => json!({"op": "replace", "path": "displayName", "value": NAMES[*name]}),
            };
            let operations: Vec<Value> = operations.iter().map(one).collect();
            let body = json!({"schemas": [PATCH_OP], "Operations": operations});
            ("PATCH", format!("/Groups/{}", id(at)), Some(body), None)
        }
        Request::Delete { at, guarded } => {
            let endpoint = if at % 2 == 0 { "/Users" } else { "/Groups" };
            ("DELETE", format!("{endpoint}/{}", id(at)), None, guarded.then_some("W/\"1\""))
        }
        Request::Read { at, query } => {
            let endpoint = if at % 2 == 0 { "/Users" } else { "/Groups" };
            ("GET", format!("{endpoint}/{}{query}", id(at)), None, None)
        }
        Request::Query { endpoint, query } => ("GET", format!("{endpoint}?{query}"), None, None),
        Request::Bulk { name, members: list } => {
            let mut body = group(*name, list);
            body["members"].as_array_mut().unwrap().push(json!({"value": "bulkId:u"}));
            let operations = json!([
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": body},
                {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": format!("bulk{name}")}},
                {"method": "DELETE", "path": format!("/Users/{}", id(&list.first().copied().unwrap_or(9)))}
            ]);
            ("POST", "/Bulk".to_owned(), Some(json!({"schemas": [BULK_REQUEST], "Operations": operations})), None)
        }
    }
}

/// How many scripts are played.
fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "this is how long a run may take")]
    let cases = std::env::var("PROPTEST_CASES");
    cases.ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_store_answers_a_script_alike((preset, script) in script()) {
        let mut expected: Option<String> = None;
        // What is done in one go is what a transaction does.
        for backend in BACKENDS.into_iter().chain([Backend::Detour]).filter(|backend| backend.is_available()) {
            let told = play(&App::new(backend), preset, &script);
            match &expected {
                None => expected = Some(told),
                Some(expected) => {
                    let differs = expected.lines().zip(told.lines()).find(|(left, right)| left != right);
                    prop_assert!(expected == &told, "{backend:?} differs: {differs:#?}");
                }
            }
        }
    }
}
