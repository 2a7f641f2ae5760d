//! Credentials are remembered, and no answer shows it: whatever becomes of a token, its connection or
//! its tenant shows in the very next answer, at every server, whatever is asked.

use bytes::Bytes;
use headcount_model::{Connection, Preset, Tenant, Timestamp};
use headcount_store::{Abort, StoreExt, TenantCtx, system::SystemTx};
use headcount_testkit::{
    App, Backend, Client,
    client::{GROUP, PATCH_OP, Reply, SEARCH_REQUEST, USER, encode},
};
use http::Method;
use serde_json::{Value, json};

/// A request, and the headers that differ from the usual ones.
struct Request {
    method: String,
    target: String,
    headers: Vec<(&'static str, Option<&'static str>)>,
    body: Option<String>,
}

impl Request {
    fn of(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    fn with(method: &str, target: &str, body: &Value) -> Self {
        let headers = vec![("content-type", Some("application/scim+json"))];
        Self { headers, body: Some(body.to_string()), ..Self::of(method, target) }
    }

    fn sent(&self, client: &Client) -> Reply {
        client.call(&self.method, &self.target, &self.headers, self.body.clone().map(Bytes::from))
    }

    /// The answer without waiting, if there is one.
    fn sent_now(&self, client: &Client) -> Option<Reply> {
        self.body.is_none().then(|| client.call_now(&self.method, &self.target, &self.headers)).flatten()
    }
}

/// Everything that is looked at before the store is, and everything that asks it.
fn requests(app: &App, user: &str, group: &str) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    for (method, pattern) in app.api.routes() {
        let id = if pattern.starts_with("/Groups") { group } else { user };
        let target = pattern.replace("{id}", id).replace("{urn}", USER);
        all.push(Request::of(method.as_str(), &target));
        if [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
            all.push(Request { body: Some("{".to_owned()), ..Request::of(method.as_str(), &target) });
            let headers = vec![("content-type", Some("text/plain"))];
            all.push(Request { headers, body: Some("{}".to_owned()), ..Request::of(method.as_str(), &target) });
        }
    }
    let filtered = |filter: &str| Request::of("GET", &format!("/Users?filter={}", encode(filter)));
    let patch = |target: &str, operations: &Value| {
        Request::with("PATCH", target, &json!({"schemas": [PATCH_OP], "Operations": operations}))
    };
    let (user, group) = (format!("/Users/{user}"), format!("/Groups/{group}"));
    let header = |name: &'static str, value: &'static str, request: Request| {
        let mut headers = request.headers;
        headers.push((name, Some(value)));
        Request { headers, ..request }
    };
    all.extend([
        filtered("userName eq \"ada\""),
        filtered("userName zz \"ada\""),
        filtered("nothing eq 1"),
        Request::of("GET", "/Users?filter=userName+eq+%22a+b@x%22"),
        Request::of("GET", "/Users?count=x"),
        Request::of("GET", "/Users?cursor=&count=1"),
        Request::of("GET", "/Users?cursor=nonsense"),
        Request::of("GET", "/Users?sortBy=nothing"),
        Request::of("GET", "/Users?attributes=userName&excludedAttributes=name"),
        Request::of("GET", "/Groups?excludedAttributes=members"),
        Request::of("GET", "/Schemas?filter=id+pr"),
        Request::of("GET", "/Schemas/urn:nothing"),
        Request::of("GET", "/Nothing"),
        Request::of("GET", "/Users/%ff"),
        Request::of("GET", "/Users/nobody"),
        Request::of("DELETE", "/Users"),
        Request::of("DELETE", "/Users/nobody"),
        header("if-match", "W/\"77\"", Request::of("DELETE", &user)),
        header("if-match", "W/\"77\"", Request::of("GET", &user)),
        header("if-none-match", "*", Request::of("GET", &user)),
        Request::with("POST", "/Users", &json!({"schemas": [USER], "userName": "ada"})),
        Request::with("POST", "/Users", &json!({"schemas": [USER]})),
        Request::with("POST", "/Groups", &json!({"schemas": [GROUP], "displayName": "x", "members": [{"value": "?"}]})),
        Request::with("PUT", &user, &json!({"schemas": [USER], "userName": "ada", "title": 1})),
        Request::with("PUT", &user, &json!({"schemas": [USER], "userName": "ada"})),
        Request::with("PUT", "/Users/nobody", &json!({"schemas": [USER], "userName": "ada"})),
        patch(&user, &json!([{"op": "replace", "path": "active", "value": true}])),
        patch(&user, &json!([{"op": "replace", "path": "nothing", "value": true}])),
        patch(&group, &json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}])),
        patch(&group, &json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}])),
        Request::with("POST", "/.search", &json!({"schemas": [SEARCH_REQUEST], "filter": "id zz 1"})),
        Request::with("POST", "/Users/.search", &json!({"schemas": [SEARCH_REQUEST]})),
        Request::with("POST", "/Bulk", &json!({"Operations": []})),
    ]);
    all
}

/// What an answer says, without what is of its own request.
fn said(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter().filter(|(name, _)| name.as_str() != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (reply.status, headers, reply.text().to_owned())
}

/// One tenant with a connection, and what can be done to it.
struct Ground {
    app: App,
    other: App,
    tenant: Tenant,
    connection: Connection,
    ctx: TenantCtx,
}

impl Ground {
    fn new(backend: Backend) -> Self {
        let app = App::new(backend);
        let other = app.another();
        let tenant = app.tenant("acme");
        let connection = app.connection(&tenant, Preset::Generic);
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        Self { app, other, tenant, connection, ctx }
    }

    fn entitle(&self, word: &str) {
        self.app.manage.set_tenant(&self.tenant.slug, &[("entitled".to_owned(), word.to_owned())]).unwrap();
    }

    fn hosts(&self, words: &str) {
        self.app.manage.set_tenant(&self.tenant.slug, &[("hosts".to_owned(), words.to_owned())]).unwrap();
    }

    fn expire(&self, client: &Client, end: Option<Timestamp>) {
        let id = headcount_token::PlainToken::parse(&client.token).unwrap().id().clone();
        let done = self.app.manage.store.writing(&self.ctx, |txn| Ok::<_, Abort<()>>(txn.expire_token(&id, end)?));
        done.unwrap();
    }

    /// The client at each server, both of which remember its token.
    fn warm(&self, client: &Client) -> [Client; 2] {
        let both = [client.clone().over(self.app.api.clone()), client.clone().over(self.other.api.clone())];
        for there in &both {
            // Twice: what the first reads, the second remembers.
            there.get("/Users?count=0").expect(200).done();
            there.get("/Users?count=0").expect(200).done();
        }
        both
    }
}

/// What is changed, the status that it closes with, and how it is closed and opened again.
type Change<'a> = (&'a str, u16, Box<dyn Fn() + 'a>, Box<dyn Fn() + 'a>);

/// Closing and opening again shows at once, and says what a server says that remembers nothing.
fn what_closes_shows_at_once(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let ground = Ground::new(backend);
    let client = ground.app.client_of(&ground.connection);
    let (user, group) = (client.user("ada"), client.group("Team", &[]));
    let hosted = Client::new(ground.app.api.clone(), "https://acme.example.test", "/api/service/scim", &client.token)
        .with_header("host", Some("acme.example.test"));
    let past = Timestamp::from_micros(1);
    let changes: Vec<Change<'_>> = vec![
        (
            "off",
            403,
            Box::new(|| ground.app.set(&ground.connection, &[("state", "off")])),
            Box::new(|| ground.app.set(&ground.connection, &[("state", "on")])),
        ),
        ("not entitled", 403, Box::new(|| ground.entitle("false")), Box::new(|| ground.entitle("true"))),
        ("expired", 401, Box::new(|| ground.expire(&client, Some(past))), Box::new(|| ground.expire(&client, None))),
    ];
    let unhosted: Change<'_> = (
        "of another host",
        401,
        Box::new(|| ground.hosts("elsewhere.example.test")),
        Box::new(|| ground.hosts("acme.example.test")),
    );
    let requests = requests(&ground.app, &user, &group);
    assert!(requests.len() > 80, "{}", requests.len());
    for (what, status, close, open) in &changes {
        // Asked while it is closed only, so that it has nothing to remember.
        let cold = client.clone().over(ground.app.another().api.clone());
        for request in &requests {
            let both = ground.warm(&client);
            close();
            let expected = said(&request.sent(&cold));
            assert_eq!(expected.0, *status, "{} {} {what}", request.method, request.target);
            for there in &both {
                if let Some(reply) = request.sent_now(there) {
                    assert_eq!(said(&reply), expected, "{} {} {what}, at once", request.method, request.target);
                }
                let reply = request.sent(there);
                assert_eq!(said(&reply), expected, "{} {} {what}", request.method, request.target);
            }
            open();
        }
    }
    let (what, status, close, open) = &unhosted;
    for request in &requests {
        let both = ground.warm(&hosted);
        close();
        for there in &both {
            let reply = request.sent(there);
            assert_eq!(reply.status, *status, "{} {} {what}", request.method, request.target);
        }
        open();
    }
    assert_eq!(client.get("/Users").expect(200).total(), 1, "nothing that was refused was done");
}

#[test]
fn what_closes_shows_in_the_next_answer_in_memory() {
    what_closes_shows_at_once(Backend::Memory);
}

#[test]
fn what_closes_shows_in_the_next_answer_on_sqlite() {
    what_closes_shows_at_once(Backend::Sqlite);
}

#[test]
fn what_closes_shows_in_the_next_answer_on_postgresql() {
    what_closes_shows_at_once(Backend::Postgres);
}

/// What is answered at once is what is answered else, and some is.
#[test]
fn what_is_answered_without_waiting_is_the_usual_answer() {
    let ground = Ground::new(Backend::Sqlite);
    let client = ground.app.client_of(&ground.connection);
    let (user, group) = (client.user("ada"), client.group("Team", &[]));
    let both = ground.warm(&client);
    let mut answered = 0;
    let requests = requests(&ground.app, &user, &group);
    for request in requests.iter().filter(|request| request.method == "GET" || request.method == "HEAD") {
        for there in &both {
            if let Some(reply) = request.sent_now(there) {
                answered += 1;
                assert_eq!(said(&reply), said(&request.sent(there)), "{} {}", request.method, request.target);
            }
        }
    }
    assert!(answered >= 16, "{answered}");
    ground.app.clock().advance_seconds(60);
    let reading = Request::of("GET", &format!("/Users/{user}"));
    assert!(reading.sent_now(&both[0]).is_none(), "a use is to be noted, which is a write");
    reading.sent(&both[0]).expect(200).done();
    assert!(reading.sent_now(&both[0]).is_some());
    let wrong = both[0].clone().with_header("authorization", Some("Bearer hc_nonsense"));
    assert!(reading.sent_now(&wrong).is_none());
    let limited = ground.app.another_with(headcount_service::Limits {
        rate_per_s: std::num::NonZeroU32::new(1_000),
        ..headcount_service::Limits::default()
    });
    let limited = client.clone().over(limited.api.clone());
    limited.get("/Users").expect(200).done();
    assert!(reading.sent_now(&limited).is_none(), "requests are counted where they may wait");
}

/// A revoked token gets nothing but 401, from the next request on, at either server.
#[test]
fn a_revoked_token_gets_nothing_but_401_whatever_it_asks() {
    let ground = Ground::new(Backend::Memory);
    let client = ground.app.client_of(&ground.connection);
    let (user, group) = (client.user("ada"), client.group("Team", &[]));
    for request in requests(&ground.app, &user, &group) {
        let token = ground.app.token(&ground.connection);
        let dying = ground.app.client_with(&ground.connection, token.token.text().expose());
        let both = ground.warm(&dying);
        ground.app.manage.revoke_token(token.record.id.as_str()).unwrap();
        for there in &both {
            for _again in 0..2 {
                let reply = request.sent(there);
                assert_eq!(reply.status, 401, "{} {}", request.method, request.target);
                if request.method != "HEAD" {
                    assert!(reply.text().contains("revoked"), "{}", reply.text());
                }
            }
        }
    }
    assert_eq!(client.get("/Users").expect(200).total(), 1);
}

/// A token that ends by itself ends at its time, remembered or not.
#[test]
fn a_remembered_token_expires_at_its_time() {
    let ground = Ground::new(Backend::Memory);
    let end = headcount_model::Clock::now(ground.app.clock()).plus_seconds(10);
    let token = ground.app.token_with(&ground.connection, headcount_model::ScopeSet::default(), Some(end));
    let client = ground.app.client_with(&ground.connection, token.token.text().expose());
    let both = ground.warm(&client);
    ground.app.clock().advance_seconds(10);
    for there in &both {
        for target in ["/Users", "/Schemas", "/Nothing", "/Users?count=x"] {
            there.get(target).refused(401, "", &["expired"]).done();
        }
    }
}

/// What a connection accepts and how it answers follow its settings from the next request on.
fn settings_show_at_once(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let ground = Ground::new(backend);
    let client = ground.app.client_of(&ground.connection);
    let odd = |name: &str| json!({"schemas": [USER], "userName": name, "favourite": "x"});
    let set = |key: &str, word: &str| ground.app.set(&ground.connection, &[(key, word)]);
    let (mut allowed, mut refused) = (0, 0);
    for round in 0..3 {
        for (number, there) in ground.warm(&client).iter().enumerate() {
            let name = format!("u{round}{number}");
            set("unknown_attributes", "reject");
            there.post("/Users", &odd(&name)).refused(400, "invalidSyntax", &["favourite"]).done();
            set("unknown_attributes", "ignore");
            there.post("/Users", &odd(&name)).expect(201).done();
            refused += 1;
            allowed += 1;
        }
    }
    assert_eq!(client.get("/Users").total(), allowed);
    assert_eq!(refused, allowed);
    for there in ground.warm(&client) {
        let bare = there.clone().with_header("authorization", Some(&client.token));
        bare.get("/Users").refused(401, "", &[]).done();
        set("bare_token", "accept");
        bare.get("/Users").expect(200).done();
        set("bare_token", "refuse");
        bare.get("/Schemas").refused(401, "", &[]).done();
        let answer_type = |reply: &Reply| reply.headers["content-type"].to_str().unwrap().to_owned();
        set("response_media_type", "json");
        assert!(answer_type(&there.get("/Nothing")).starts_with("application/json"));
        assert!(answer_type(&there.get("/Users")).starts_with("application/json"));
        set("response_media_type", "auto");
        assert!(answer_type(&there.get("/Users?count=x")).starts_with("application/scim+json"));
        set("passwords", "refuse");
        assert!(!there.get(&format!("/Schemas/{USER}")).text().contains("\"password\""));
        set("passwords", "ignore");
        assert!(there.get(&format!("/Schemas/{USER}")).text().contains("\"password\""));
    }
}

#[test]
fn settings_of_a_connection_show_in_the_next_answer_in_memory() {
    settings_show_at_once(Backend::Memory);
}

#[test]
fn settings_of_a_connection_show_in_the_next_answer_on_sqlite() {
    settings_show_at_once(Backend::Sqlite);
}

#[test]
fn settings_of_a_connection_show_in_the_next_answer_on_postgresql() {
    settings_show_at_once(Backend::Postgres);
}

/// The last use is noted once a minute, whatever is asked and however it is answered.
#[test]
fn the_use_of_a_remembered_token_is_noted_once_a_minute() {
    let ground = Ground::new(Backend::Memory);
    let client = ground.app.client_of(&ground.connection);
    let both = ground.warm(&client);
    let id = headcount_token::PlainToken::parse(&client.token).unwrap().id().clone();
    let noted = || {
        let read = |txn: &mut dyn headcount_store::Txn| Ok::<_, Abort<()>>(txn.credential(&id)?);
        ground.app.manage.store.reading(&ground.ctx, read).unwrap().unwrap().token.last_used
    };
    let now = || headcount_model::Clock::now(ground.app.clock());
    let start = now();
    assert_eq!(noted(), Some(start));
    let targets = ["/Users", "/Schemas", "/Nothing", "/Users?count=x", "/Users/nobody"];
    for (number, target) in targets.into_iter().enumerate() {
        let before = noted();
        ground.app.clock().advance_seconds(59);
        let _ = both[number % 2].get(target);
        assert_eq!(noted(), before, "{target}");
        ground.app.clock().advance_seconds(1);
        let _ = both[number % 2].get(target);
        assert_eq!(noted(), Some(now()), "{target}");
    }
}
