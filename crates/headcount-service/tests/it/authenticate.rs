//! Who may come in, and what those who may not are told.

use headcount_model::{ConnectionState, Preset, ScopeSet, Timestamp, token::Access};
use headcount_service::{Entry, QueryRequest};
use scim_schema::ScimError;
use serde_json::json;

use crate::fixture::{World, refusal};

fn status<T: std::fmt::Debug>(result: Result<T, ScimError>) -> u16 {
    refusal(result).0
}

/// RFC 7644 §6.1.
#[test]
fn the_token_decides_and_path_and_host_only_confirm_it() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let other = world.connect(&tenant, Preset::Generic);
    let stranger = world.client(Preset::Generic);
    let token = client.token.expose();
    let at = |entry: Entry<'_>| world.service.authenticate(Some(token), &entry);
    assert_eq!(*client.caller().base_url, client.base());
    for host in ["acme.example.test", "ACME.example.test:8443", "acme.example.test.", "acme.example.test.:1"] {
        assert_eq!(&*at(Entry::Host(host)).unwrap().base_url, "https://acme.example.test/api/service/scim");
    }
    for entry in [
        Entry::Connection(other.connection_id.as_str()),
        Entry::Connection(stranger.connection_id.as_str()),
        Entry::Connection("nowhere"),
        Entry::Host("other.example.test"),
        Entry::Host(""),
        Entry::Host("[::1]:80"),
    ] {
        assert_eq!(status(at(entry.clone())), 401, "{entry:?}");
    }
}

/// RFC 7644 §7.3, §7.4.
#[test]
fn each_fault_of_a_token_is_401_with_its_own_remedy() {
    let world = World::new();
    let mut client = world.client(Preset::Generic);
    let entry = client.connection_id.clone();
    let entry = Entry::Connection(entry.as_str());
    let say = |token: Option<&str>| world.service.authenticate(token, &entry).unwrap_err();
    let good = client.token.expose().to_owned();
    let missing = say(None);
    let cut = say(good.get(..good.len() - 1));
    let unknown = {
        let stranger = World::new();
        let stranger = stranger.client(Preset::Okta);
        let mut foreign = stranger;
        foreign.token(ScopeSet::default(), None);
        say(Some(foreign.token.expose()))
    };
    for (error, word) in [(&missing, "no bearer token"), (&cut, "incomplete"), (&unknown, "not known")] {
        assert_eq!(error.status, 401);
        assert!(error.detail.contains(word), "{error}");
    }
    let id = client.token_id.clone();
    world.write(&client.ctx, |txn| txn.revoke_token(&id, Timestamp::from_micros(1)));
    assert!(say(Some(&good)).detail.contains("revoked"));
    client.token(ScopeSet::default(), Some(world.service_now().plus_seconds(10)));
    client.caller();
    world.clock.advance_seconds(10);
    assert!(client.authenticate().unwrap_err().detail.contains("expired"));
}

/// RFC 7644 §2.
#[test]
fn a_connection_that_is_off_or_a_tenant_without_entitlement_is_403_and_shadow_is_served() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    client.set_state(ConnectionState::Off);
    assert_eq!(status(client.authenticate()), 403);
    client.set_state(ConnectionState::Shadow);
    client.get("User", &user).unwrap();
    client.set_state(ConnectionState::On);
    client.set_entitled(false);
    let error = client.authenticate().unwrap_err();
    assert_eq!(error.status, 403);
    assert!(error.detail.contains("nothing was removed"), "{error}");
    client.set_entitled(true);
    client.get("User", &user).unwrap();
}

#[test]
fn a_token_that_dies_after_the_look_at_it_is_refused_by_the_work() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    let caller = client.caller();
    let kind = world.service.registry().resource_type("User").unwrap();
    let read = |caller| {
        let projection = scim_schema::Projection::Default;
        world.service.read(caller, kind, &user, &headcount_service::Precondition::default(), &projection)
    };
    client.set_state(ConnectionState::Off);
    assert_eq!(status(read(&caller)), 403);
    client.set_state(ConnectionState::On);
    read(&caller).unwrap();
    world.write(&client.ctx, |txn| txn.revoke_token(&client.token_id, Timestamp::from_micros(1)));
    assert_eq!(status(read(&caller)), 401);
    let query = world.service.query(&caller, Some(kind), &QueryRequest::default());
    assert_eq!(status(query), 401);
}

#[test]
fn last_use_is_noted_at_most_once_a_minute() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let noted = || world.write(&client.ctx, |txn| txn.credential(&client.token_id)).unwrap().token.last_used;
    let start = world.service_now();
    assert_eq!(noted(), None);
    client.caller();
    assert_eq!(noted(), Some(start));
    world.clock.advance_seconds(59);
    client.caller();
    assert_eq!(noted(), Some(start));
    world.clock.advance_seconds(1);
    client.caller();
    assert_eq!(noted(), Some(start.plus_seconds(60)));
}

/// RFC 7644 §2, §2.1, §7.7.
#[test]
fn scopes_are_by_access_and_by_type() {
    let world = World::new();
    let mut client = world.client(Preset::Generic);
    let user = client.user("ada");
    client.group("staff", &[]);
    client.token(ScopeSet::parse("scim:read:User scim:write:Group").unwrap(), None);
    client.get("User", &user).unwrap();
    assert_eq!(status(client.delete("User", &user)), 403);
    assert_eq!(status(client.post("User", json!({}))), 403);
    assert_eq!(status(client.query(Some("Group"), &QueryRequest::default())), 403);
    client.group("crew", &[]);
    let root = client.query(None, &QueryRequest::default()).unwrap();
    assert_eq!(root["totalResults"], 1, "{root}");
    let caller = client.caller();
    world.service.allow(&caller, Access::Write, None).unwrap();
    let error = world.service.allow(&caller, Access::Write, Some("User")).unwrap_err();
    assert!(error.detail.contains("scim:write:User"), "{error}");
    let results = client
        .bulk(json!([
            {"method": "DELETE", "path": format!("/Users/{user}")},
            {"method": "POST", "path": "/Groups", "bulkId": "a", "data":
                {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "third"}}
        ]))
        .unwrap();
    assert_eq!(results[0]["status"], "403");
    assert_eq!(results[1]["status"], "201");
}

impl World {
    fn service_now(&self) -> Timestamp {
        headcount_model::Clock::now(&*self.clock)
    }
}
