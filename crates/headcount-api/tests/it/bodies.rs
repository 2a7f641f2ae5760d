//! Media types of bodies and answers.

use headcount_model::Preset;

use crate::world::{World, user};

/// RFC 7644 §3.8, §8.1.
#[test]
fn json_is_read_under_each_of_its_names_and_nothing_else_is() {
    let world = World::new(Preset::Strict);
    for (n, (content_type, expected)) in [
        (Some("application/scim+json"), "201"),
        (Some("application/json; charset=utf-8"), "201"),
        (Some("text/json"), "201"),
        (None, "201"),
        (Some("application/xml"), "415"),
        (Some("application/x-www-form-urlencoded"), "415"),
        (Some("application/json; charset=latin1"), "400 invalidSyntax"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut call = world.request("POST", "/Users").body(user(&format!("u{n}")).to_string());
        if let Some(content_type) = content_type {
            call = call.header("content-type", content_type);
        }
        assert_eq!(call.send().verdict(), expected, "{content_type:?}");
    }
}

#[test]
fn an_encoded_body_is_415() {
    let world = World::new(Preset::Generic);
    for encoding in ["gzip", "deflate", "br", "identity"] {
        let call = world.request("POST", "/Users").header("content-encoding", encoding);
        assert_eq!(call.json(&user("x")).send().status, 415, "{encoding}");
    }
}

#[test]
fn a_request_without_a_body_may_say_what_it_likes_about_it() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    for (method, status) in [("GET", 200), ("HEAD", 200), ("DELETE", 204)] {
        let reply = world
            .request(method, &format!("/Users/{id}"))
            .header("content-type", "application/xml")
            .header("content-encoding", "gzip")
            .body("not json")
            .send();
        assert_eq!(reply.status, status, "{method}");
    }
}

/// RFC 7644 §3.1.
#[test]
fn a_body_that_is_no_json_object_is_a_syntax_error() {
    let world = World::new(Preset::Generic);
    for body in [
        &b""[..],
        b" ",
        b"{",
        b"[]",
        b"null",
        b"\"x\"",
        b"1",
        b"{\"a\":1}x",
        b"{\"a\":\xff}",
        b"{\"a\":01}",
        b"\xff\xfe{\x00}\x00",
    ] {
        for (method, target) in
            [("POST", "/Users"), ("POST", "/.search"), ("POST", "/Bulk"), ("PATCH", "/Users/x"), ("PUT", "/Groups/x")]
        {
            let reply = world.request(method, target).body(body.to_vec()).send();
            assert_eq!(reply.verdict(), "400 invalidSyntax", "{method} {target} {body:?}");
        }
    }
}

/// RFC 7644 §3.1, §3.8, §8.1.
#[test]
fn the_answer_has_the_media_type_that_the_client_reads() {
    let scim = "application/scim+json; charset=utf-8";
    let json = "application/json; charset=utf-8";
    let world = World::new(Preset::Generic);
    for (accept, expected) in
        [(None, scim), (Some("*/*"), scim), (Some("application/json"), json), (Some("text/html"), scim)]
    {
        for target in ["/Users", "/Users/none", "/Nothing"] {
            let mut call = world.request("GET", target);
            if let Some(accept) = accept {
                call = call.header("accept", accept);
            }
            assert_eq!(call.send().header("content-type"), Some(expected), "{accept:?} {target}");
        }
    }
    let made =
        world.request("POST", "/Users").header("content-type", "application/json").body(user("x").to_string()).send();
    assert_eq!(made.header("content-type"), Some(json));
    assert_eq!(World::new(Preset::OneLogin).get("/Users").header("content-type"), Some(json));
    world.set("response_media_type", "json");
    assert_eq!(world.request("GET", "/Users").header("accept", "*/*").send().header("content-type"), Some(json));
}
