//! Every route with every kind of credential.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use headcount_model::{Clock, Entropy, Preset, ScopeSet};
use headcount_testkit::{App, AppOptions, Backend, Client, SeededEntropy};
use headcount_token::PlainToken;
use http::Method;

/// Randomness that, when told so, gives every token the same id and another secret: a token is made
/// of two buffers of this size, its secret's and then its id's.
struct Twins {
    seeded: SeededEntropy,
    same_id: AtomicBool,
    buffers: AtomicUsize,
}

impl Entropy for Twins {
    fn fill(&self, buffer: &mut [u8]) {
        const BUFFER_BYTES: usize = 32;
        let counts = self.same_id.load(Ordering::SeqCst) && buffer.len() == BUFFER_BYTES;
        if counts && self.buffers.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            buffer.fill(42);
        } else {
            self.seeded.fill(buffer);
        }
    }
}

/// Everything that a request may come with, and what a route answers to it.
fn cells(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let twins = Arc::new(Twins {
        seeded: SeededEntropy::new(7),
        same_id: AtomicBool::new(false),
        buffers: AtomicUsize::new(0),
    });
    let app = App::with(AppOptions { entropy: twins.clone(), ..AppOptions::new(backend) });
    let acme = app.tenant("acme");
    let connection = app.connection(&acme, Preset::Generic);
    let good = app.client_of(&connection);
    let scoped = |scopes: &str| {
        let token = app.token_with(&connection, ScopeSet::parse(scopes).unwrap(), None);
        app.client_with(&connection, token.token.text().expose())
    };
    let revoked = app.token(&connection);
    app.manage.revoke_token(revoked.record.id.as_str()).unwrap();
    let expired = app.token_with(&connection, ScopeSet::default(), Some(app.clock().now().plus_seconds(1)));
    app.clock().advance_seconds(2);
    let unknown = PlainToken::mint(&*twins);
    twins.same_id.store(true, Ordering::SeqCst);
    let known = app.token(&connection);
    let wrong_secret = PlainToken::mint(&*twins);
    twins.same_id.store(false, Ordering::SeqCst);
    assert_eq!(known.record.id, *wrong_secret.id());
    let elsewhere = app.connection(&acme, Preset::Generic);
    let other_tenant = app.client("globex", Preset::Generic);
    let off = app.connection(&acme, Preset::Generic);
    let off_client = app.client_of(&off);
    app.set(&off, &[("state", "off")]);
    let plain = app.manage.create_tenant("plain", None, &[], false).unwrap();
    let not_entitled = app.client("plain", Preset::Generic);
    assert!(!plain.entitled);

    let with = |token: &str| app.client_with(&connection, token);
    let dead: Vec<(&str, Client)> = vec![
        ("none", good.clone().with_header("authorization", None)),
        ("malformed", with("hc_nonsense")),
        ("unknown", with(unknown.text().expose())),
        ("of another secret", with(wrong_secret.text().expose())),
        ("revoked", with(revoked.token.text().expose())),
        ("expired", with(expired.token.text().expose())),
        ("of another tenant", with(&other_tenant.token)),
        ("of another connection", with(&app.client_of(&elsewhere).token)),
    ];
    let closed: Vec<(&str, Client)> = vec![("off", off_client), ("not entitled", not_entitled)];
    let mut tried = 0;
    for (method, pattern) in app.api.routes() {
        let target = pattern.replace("{id}", "0192f4a0-0000-7000-8000-00000000ffff").replace("{urn}", "urn:x");
        if method == Method::OPTIONS {
            continue;
        }
        let ask = |client: &Client| client.call(method.as_str(), &target, &[], None).status;
        for (what, client) in &dead {
            assert_eq!(ask(client), 401, "{method} {pattern} with a token that is {what}");
        }
        for (what, client) in &closed {
            assert_eq!(ask(client), 403, "{method} {pattern} of a connection that is {what}");
        }
        assert!(![401, 403].contains(&ask(&good)), "{method} {pattern} with a good token");
        let search = pattern.ends_with(".search");
        let reads = matches!(method.as_str(), "GET" | "HEAD") || search;
        let discovery =
            ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"].iter().any(|root| pattern.starts_with(root));
        let users = pattern.starts_with("/Users");
        let groups = pattern.starts_with("/Groups");
        for (scopes, allowed) in [
            ("scim:read", reads),
            ("scim:write", !reads || discovery),
            ("scim:read:User", reads && !groups),
            ("scim:write:Group", discovery || !reads && !users),
        ] {
            // What /Me would be allowed is nobody's business, as it is not built.
            if pattern == "/Me" {
                continue;
            }
            let status = ask(&scoped_once(&scoped, scopes));
            assert_eq!(status != 403, allowed, "{method} {pattern} with {scopes}: {status}");
            tried += 1;
        }
        tried += dead.len() + closed.len();
    }
    assert!(tried > 300, "{tried}");
}

/// Tokens cost time to make, so each set of scopes has one.
fn scoped_once(make: &dyn Fn(&str) -> Client, scopes: &str) -> Client {
    use std::{cell::RefCell, collections::BTreeMap};
    thread_local!(static MADE: RefCell<BTreeMap<String, Client>> = const { RefCell::new(BTreeMap::new()) });
    if let Some(client) = MADE.with_borrow(|made| made.get(scopes).cloned()) {
        return client;
    }
    let client = make(scopes);
    MADE.with_borrow_mut(|made| made.insert(scopes.to_owned(), client.clone()));
    client
}

#[test]
fn every_route_with_every_credential_in_memory() {
    cells(Backend::Memory);
}

#[test]
fn every_route_with_every_credential_on_sqlite() {
    cells(Backend::Sqlite);
}

#[test]
fn every_route_with_every_credential_on_postgresql() {
    cells(Backend::Postgres);
}

#[test]
fn a_narrow_scope_leaves_the_other_types_out_of_root_queries_and_bulk() {
    let app = App::new(Backend::Memory);
    let connection = app.connection(&app.tenant("acme"), Preset::Generic);
    let all = app.client_of(&connection);
    let user = all.user("ada");
    let group = all.group("Team", &[]);
    let token = app.token_with(&connection, ScopeSet::parse("scim:read:User scim:write:User").unwrap(), None);
    let narrow = app.client_with(&connection, token.token.text().expose());
    assert_eq!(narrow.get("/").expect(200).each("/id"), [user.as_str()]);
    assert_eq!(narrow.get("/").total(), 1);
    narrow.get(&format!("/Groups/{group}")).refused(403, "", &["scim:read"]).done();
    let done = narrow
        .bulk(&serde_json::json!([
            {"method": "DELETE", "path": format!("/Groups/{group}")},
            {"method": "DELETE", "path": format!("/Users/{user}")},
        ]))
        .expect(200)
        .json();
    assert_eq!((&done["Operations"][0]["status"], &done["Operations"][1]["status"]), (&"403".into(), &"204".into()));
    all.get(&format!("/Groups/{group}")).expect(200).done();
}
