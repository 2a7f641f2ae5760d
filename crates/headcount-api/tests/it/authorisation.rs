//! Who gets in: credentials, hosts, switches, scopes, and the order of refusals.

use base64::Engine;
use headcount_model::{ConnectionState, Preset, ScopeSet};
use serde_json::json;

use crate::world::{World, user};

/// RFC 7644 §2, §2.2, §7.6.
#[test]
fn no_credential_is_401_with_a_plain_challenge() {
    let world = World::new(Preset::Generic);
    let reply = world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).send();
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"scim\""));
}

/// RFC 7644 §2.
#[test]
fn a_credential_that_is_none_is_401_and_the_challenge_says_so() {
    let world = World::new(Preset::Okta);
    let good = world.token.clone();
    for value in [
        "Bearer wrong".to_owned(),
        "non-token".to_owned(),
        "Bearer".to_owned(),
        format!("Bearer {good}x"),
        format!("Bearer {}", good.to_uppercase()),
        format!("Digest {good}"),
        format!("Bearer {good} {good}"),
        "Basic dTpw".to_owned(),
    ] {
        let reply =
            world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).header("authorization", &value).send();
        assert_eq!(reply.status, 401, "{value}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"scim\", error=\"invalid_token\""), "{value}");
        assert!(!reply.body.to_string().contains(&good), "{value}");
    }
}

/// RFC 7644 §7.3.
#[test]
fn a_token_in_the_query_is_no_credential() {
    let world = World::new(Preset::Generic);
    for query in ["access_token", "token", "authorization"] {
        let target = format!("/scim/v2/{}/Users?{query}={}", world.connection, world.token);
        assert_eq!(world.raw("GET", &target).send().status, 401, "{query}");
    }
}

#[test]
fn two_authorization_headers_are_401_even_if_both_are_right() {
    let world = World::new(Preset::Generic);
    let reply = world.request("GET", "/Users").header("authorization", &format!("Bearer {}", world.token)).send();
    assert_eq!(reply.status, 401);
}

#[test]
fn unusual_forms_of_a_credential_are_accepted_where_the_switch_is_on() {
    for (preset, bare, basic) in
        [(Preset::Strict, 401, 401), (Preset::Generic, 401, 401), (Preset::Entra, 200, 401), (Preset::Okta, 200, 200)]
    {
        let world = World::new(preset);
        let token = world.token.clone();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("any:{token}"));
        let send = |value: &str| {
            let by_connection =
                world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).header("authorization", value).send();
            let by_host = world
                .raw("GET", "/api/service/scim/Users")
                .header("host", "acme.example")
                .header("authorization", value)
                .send();
            assert_eq!(by_connection.status, by_host.status, "{preset:?}");
            by_connection.status
        };
        assert_eq!(send(&format!("bearer   {token} ")), 200, "{preset:?}");
        assert_eq!(send(&token), bare, "{preset:?}");
        assert_eq!(send(&format!("Bearer Bearer {token}")), bare, "{preset:?}");
        assert_eq!(send(&format!("Basic {encoded}")), basic, "{preset:?}");
    }
}

/// RFC 7644 §2.1, §6.1, §7.3.
#[test]
fn a_token_opens_its_own_connection_only() {
    let world = World::new(Preset::Generic);
    let (_, other) = world.manage.create_connection("acme", Preset::Okta, None, ConnectionState::On).unwrap();
    world.manage.create_tenant("other", None, &["other.example".to_owned()], true).unwrap();
    let (_, foreign) = world.manage.create_connection("other", Preset::Okta, None, ConnectionState::On).unwrap();
    let bearer = format!("Bearer {}", world.token);
    for connection in [
        other.id.as_str(),
        foreign.id.as_str(),
        "nobody",
        "..",
        "%2e%2e",
        "%ff",
        &world.connection.as_str().to_uppercase(),
    ] {
        let reply = world.raw("GET", &format!("/scim/v2/{connection}/Users")).header("authorization", &bearer).send();
        assert_eq!(reply.status, 401, "{connection}");
    }
    for path in ["/scim/v2", "/scim/v2/"] {
        assert_eq!(world.raw("GET", path).header("authorization", &bearer).send().status, 401, "{path}");
    }
}

/// RFC 7644 §6.1.
#[test]
fn the_host_decides_at_its_own_base_only() {
    let world = World::new(Preset::Generic);
    world.manage.create_tenant("other", None, &["other.example".to_owned()], true).unwrap();
    let bearer = format!("Bearer {}", world.token);
    let by_host = |host: &str| {
        world.raw("GET", "/api/service/scim/Users").header("host", host).header("authorization", &bearer).send().status
    };
    assert_eq!(by_host("acme.example"), 200);
    assert_eq!(by_host("ACME.example:8443"), 200);
    for host in ["other.example", "nobody.example", "", "acme.example.evil", "127.0.0.1"] {
        assert_eq!(by_host(host), 401, "{host}");
    }
    let without = world.raw("GET", "/api/service/scim/Users").header("authorization", &bearer).send();
    assert_eq!(without.status, 401);
    let by_connection = world.request("GET", "/Users").header("host", "other.example").send();
    assert_eq!(by_connection.status, 200);
    let forwarded = world
        .raw("GET", "/api/service/scim/Users")
        .header("host", "nobody.example")
        .header("x-forwarded-host", "acme.example")
        .header("authorization", &bearer)
        .send();
    assert_eq!(forwarded.status, 401);
    let absolute = world
        .raw("GET", "http://acme.example/api/service/scim/Users")
        .header("host", "nobody.example")
        .header("authorization", &bearer)
        .send();
    assert_eq!(absolute.status, 200);
}

#[test]
fn locations_use_the_base_by_which_the_request_came() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    let by_connection = world.get(&format!("/Users/{id}"));
    let expected = format!("https://scim.example/scim/v2/{}/Users/{id}", world.connection);
    assert_eq!(by_connection.header("location"), Some(expected.as_str()));
    assert_eq!(by_connection.body["meta"]["location"], expected);
    let by_host = world
        .raw("GET", &format!("/api/service/scim/Users/{id}"))
        .header("host", "ACME.example:99")
        .header("authorization", &format!("Bearer {}", world.token))
        .send();
    let expected = format!("https://acme.example/api/service/scim/Users/{id}");
    assert_eq!(by_host.header("location"), Some(expected.as_str()));
    assert_eq!(by_host.body["meta"]["location"], expected);
}

/// RFC 7644 §7.3, §7.4.
#[test]
fn a_dead_token_is_401_and_a_closed_door_403() {
    let world = World::new(Preset::Generic);
    let scopes = ScopeSet::default;
    let revoked = world.manage.create_token("acme", None, "", scopes(), None).unwrap();
    world.manage.revoke_token(revoked.record.id.as_str()).unwrap();
    let expiry = headcount_model::Timestamp::from_micros(1_800_000_010_000_000);
    let expiring = world.manage.create_token("acme", None, "", scopes(), Some(expiry)).unwrap();
    let with = |token: &str| {
        world
            .raw("GET", &format!("/scim/v2/{}/ServiceProviderConfig", world.connection))
            .header("authorization", &format!("Bearer {token}"))
            .send()
            .status
    };
    assert_eq!(with(revoked.token.text().expose()), 401);
    assert_eq!(with(expiring.token.text().expose()), 200);
    world.pass_seconds(11);
    assert_eq!(with(expiring.token.text().expose()), 401);

    world.set("state", "off");
    assert_eq!(with(&world.token), 403);
    world.set("state", "shadow");
    assert_eq!(with(&world.token), 200);
    world.manage.set_tenant("acme", &[("entitled".to_owned(), "false".to_owned())]).unwrap();
    let frozen = world.get("/Users");
    assert_eq!(frozen.status, 403);
    assert_eq!(frozen.header("www-authenticate"), None);
}

/// RFC 7644 §2.1, §7.7.
#[test]
fn a_scope_opens_what_it_names() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] });
    let cells: Vec<(&str, String, Option<serde_json::Value>)> = vec![
        ("GET", "/Users".to_owned(), None),
        ("HEAD", format!("/Users/{id}"), None),
        ("POST", "/Users/.search".to_owned(), Some(search.clone())),
        ("GET", "/Groups".to_owned(), None),
        ("GET", "/".to_owned(), None),
        ("POST", "/.search".to_owned(), Some(search)),
        ("POST", "/Users".to_owned(), Some(user("eve"))),
        ("DELETE", format!("/Users/{id}"), None),
        ("POST", "/Bulk".to_owned(), Some(json!({}))),
        ("GET", "/Schemas".to_owned(), None),
        ("OPTIONS", "/Users".to_owned(), None),
    ];
    for scopes in ["scim:read", "scim:read:User", "scim:read:Group", "scim:write", "scim:write:Group"] {
        let token = world.token_with(scopes);
        let bearer = format!("Bearer {token}");
        let mut refused = Vec::new();
        for (method, target, body) in &cells {
            // The write would succeed; that it is not refused is shown by a body that is.
            let mut call = world
                .raw(method, &format!("/scim/v2/{}{target}", world.connection))
                .header("authorization", &bearer)
                .header("if-match", "W/\"999\"");
            if let Some(body) = body {
                call = call.body(if target == "/Users" { "{".to_owned() } else { body.to_string() });
            }
            let reply = call.send();
            if reply.status == 403 {
                assert_eq!(
                    reply.header("www-authenticate"),
                    Some("Bearer realm=\"scim\", error=\"insufficient_scope\""),
                    "{scopes} {method} {target}"
                );
                refused.push(format!("{method} {}", target.replace(&id, "{id}")));
            } else {
                assert!(reply.status != 401, "{scopes} {method} {target}");
            }
        }
        let writes = ["POST /Users", "DELETE /Users/{id}", "POST /Bulk"];
        let user_reads = ["GET /Users", "HEAD /Users/{id}", "POST /Users/.search"];
        let any_reads = ["GET /", "POST /.search"];
        let expected: Vec<&str> = match scopes {
            "scim:read" => writes.to_vec(),
            "scim:read:User" => [&["GET /Groups"][..], &writes].concat(),
            "scim:read:Group" => [&user_reads[..], &writes].concat(),
            "scim:write" => [&user_reads[..], &["GET /Groups"], &any_reads].concat(),
            _ => [&user_reads[..], &["GET /Groups"], &any_reads, &writes[..2]].concat(),
        };
        let sorted = |list: Vec<String>| {
            let mut list = list;
            list.sort();
            list
        };
        assert_eq!(sorted(refused), sorted(expected.into_iter().map(str::to_owned).collect()), "{scopes}");
    }
}

#[test]
fn refusals_come_in_their_order() {
    let world = World::new(Preset::Generic);
    let reader = world.token_with("scim:read");
    let base = format!("/scim/v2/{}", world.connection);
    let long = format!("?x={}", "y".repeat(9 * 1024));
    // Each request has every fault from its own on: the first decides.
    let send = |target: &str, method: &str, token: &str, headers: &[(&str, &str)], body: &str| {
        let mut call =
            world.raw(method, &format!("{base}{target}")).header("authorization", &format!("Bearer {token}"));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call.body(body.to_owned()).send().verdict()
    };
    let xml = ("content-type", "application/xml");
    let wide = "z".repeat(17 * 1024);
    let huge = "h".repeat(10 * 1024 * 1024 + 1);
    let nowhere = format!("/Nothing{long}");
    assert_eq!(send(&nowhere, "PUT", "wrong", &[("content-length", "7"), xml, ("x-wide", &wide)], &huge), "400");
    assert_eq!(send(&nowhere, "PUT", "wrong", &[xml, ("x-wide", &wide)], &huge), "413");
    assert_eq!(send(&nowhere, "PUT", "wrong", &[xml, ("x-wide", &wide)], "{"), "414");
    assert_eq!(send("/Nothing", "PUT", "wrong", &[xml, ("x-wide", &wide)], "{"), "431");
    assert_eq!(send("/Nothing", "PUT", "wrong", &[xml], "{"), "401");
    assert_eq!(send("/Nothing", "PUT", &reader, &[xml], "{"), "403");
    assert_eq!(send("/Nothing", "PUT", &world.token, &[xml], "{"), "404");
    assert_eq!(send("/Users", "PUT", &world.token, &[xml], "{"), "405");
    assert_eq!(send("/Users/unknown", "PUT", &world.token, &[xml], "{"), "415");
    assert_eq!(send("/Users/unknown", "PUT", &world.token, &[], "{"), "400 invalidSyntax");
    let taken = world.user("ada");
    let bob = world.user("bob");
    let put = |id: &str, headers: &[(&str, &str)]| {
        send(&format!("/Users/{id}"), "PUT", &world.token, headers, &user("ada").to_string())
    };
    assert_eq!(put("unknown", &[("if-match", "W/\"9\"")]), "404");
    assert_eq!(put(&bob, &[("if-match", "W/\"9\"")]), "412");
    assert_eq!(put(&bob, &[]), "409 uniqueness");
    assert_eq!(put(&taken, &[]), "200");
}
