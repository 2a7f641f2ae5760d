//! What is sent reaches the API as it is, and its answer the client.

use headcount_actix::{Options, TrustedProxies};

use crate::server::Server;

#[test]
fn every_path_and_method_below_a_root_reaches_the_api_and_no_other_does() {
    let server = Server::start(Options::default());
    for (method, target, status) in [
        ("GET", "/Users", 200),
        ("GET", "//Users/", 200),
        ("GET", "/nothing/at/all/here", 404),
        ("GET", "/Users/%ff", 404),
        ("GET", "/Users/a%2Fb", 404),
        ("GET", "/Users/../Groups", 404),
        ("PROPFIND", "/Users", 405),
        ("DELETE", "/Schemas", 405),
        ("POST", "/Me", 501),
    ] {
        let reply = server.send(method, target, "", "");
        assert_eq!(reply.status, status, "{method} {target} {reply:?}");
        if status >= 400 {
            assert_eq!(reply.error(), status);
        }
    }
    let raw = |target: &str| {
        let mut client = server.connect();
        client.write(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        client.read()
    };
    for target in ["/scim/v2", "/scim/v2/", "/scim/v2/x", "/api/service/scim", "/api/service/scim/Users?x"] {
        assert_eq!(raw(target).error(), 401, "{target}");
    }
    for target in ["/", "/scim", "/scim/v2x", "/api/service", "/healthz"] {
        assert_eq!(raw(target).body, b"not ours", "{target}");
    }
}

#[test]
fn a_user_is_made_and_read_on_one_connection() {
    let server = Server::start(Options::default());
    let mut client = server.connect();
    let body = Server::user("ada");
    let lines = format!("Content-Type: application/scim+json\r\nContent-Length: {}\r\n", body.len());
    client.write(server.head("POST", "/Users", &lines).as_bytes());
    client.write(body.as_bytes());
    let made = client.read();
    assert_eq!(made.status, 201);
    assert_eq!(made.header("content-type"), Some("application/scim+json; charset=utf-8"));
    assert_eq!(made.header("etag"), Some("W/\"1\""));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(made.header("location").unwrap().ends_with(&id));
    client.write(server.head("GET", &format!("/Users/{id}?attributes=userName"), "").as_bytes());
    assert_eq!(client.read().json()["userName"], "ada");
    client.write(server.head("DELETE", &format!("/Users/{id}"), "").as_bytes());
    let gone = client.read();
    assert_eq!((gone.status, gone.header("content-type")), (204, None));
    client.write(server.head("GET", &format!("/Users/{id}"), "").as_bytes());
    assert_eq!(client.read().error(), 404);
}

#[test]
fn head_states_the_length_and_sends_no_body() {
    let server = Server::start(Options::default());
    let mut client = server.connect();
    client.write(server.head("GET", "/Schemas", "").as_bytes());
    let get = client.read();
    client.write(server.head("HEAD", "/Schemas", "").as_bytes());
    let head = client.read_for("HEAD");
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert!(!get.body.is_empty());
    // What follows on the connection is the next answer and not a body.
    client.write(server.head("GET", "/Users", "").as_bytes());
    assert_eq!(client.read().status, 200);
}

#[test]
fn a_chunked_body_and_one_that_waits_to_be_asked_for_are_read() {
    let server = Server::start(Options::default());
    let body = Server::user("chunked");
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", "Transfer-Encoding: chunked\r\n").as_bytes());
    let (first, second) = body.split_at(10);
    client.write(format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len()).as_bytes());
    assert_eq!(client.read().status, 201);

    let body = Server::user("expected");
    let mut client = server.connect();
    let lines = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
    client.write(server.head("POST", "/Users", &lines).as_bytes());
    assert_eq!(client.read().status, 100);
    client.write(body.as_bytes());
    assert_eq!(client.read().status, 201);
}

/// RFC 7644 §7.1.
#[test]
fn contradictory_lengths_are_refused_and_end_the_connection() {
    let server = Server::start(Options::default());
    for lines in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: -2\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let mut client = server.connect();
        client.write(server.head("POST", "/Users", lines).as_bytes());
        client.try_write(b"{}");
        assert_eq!(client.read().status, 400, "{lines:?}");
    }
}

#[test]
fn a_forwarded_host_counts_from_a_trusted_peer_only() {
    for (proxies, host, forwarded, status) in [
        (TrustedProxies::none(), "acme.example", "other.example", 200),
        (TrustedProxies::none(), "other.example", "acme.example", 401),
        (TrustedProxies::parse(["127.0.0.0/8"]).unwrap(), "other.example", "acme.example", 200),
        (TrustedProxies::parse(["127.0.0.0/8"]).unwrap(), "acme.example", "other.example", 401),
        (TrustedProxies::parse(["10.0.0.0/8"]).unwrap(), "other.example", "acme.example", 401),
    ] {
        let server = Server::start(Options { trusted_proxies: proxies.clone(), ..Options::default() });
        let mut client = server.connect();
        client.write(
            format!(
                "GET /api/service/scim/Users HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {forwarded}\r\nAuthorization: Bearer {}\r\n\r\n",
                server.token
            )
            .as_bytes(),
        );
        assert_eq!(client.read().status, status, "{proxies:?} {host}");
    }
}
