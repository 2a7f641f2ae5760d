//! The bounds of the mount, and that their refusals reach the client as SCIM errors.

use std::time::Duration;

use headcount_actix::Options;

use crate::server::Server;

const MEBI: usize = 1024 * 1024;

#[test]
fn a_stated_length_past_the_limit_is_413_before_the_body_is_sent() {
    let server = Server::start(Options::default());
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", "Content-Length: 99999999999\r\n").as_bytes());
    assert_eq!(client.read().error(), 413);
}

#[test]
fn a_body_past_the_limit_is_413_whether_or_not_its_length_was_stated() {
    let server = Server::start(Options::default());
    let body = vec![b' '; 12 * MEBI];
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    client.try_write(&body);
    assert_eq!(client.read().error(), 413);

    let mut client = server.connect();
    client.write(server.head("POST", "/Users", "Transfer-Encoding: chunked\r\n").as_bytes());
    client.try_write(format!("{:x}\r\n", body.len()).as_bytes());
    client.try_write(&body);
    assert_eq!(client.read().error(), 413);
}

#[test]
fn a_body_at_the_limit_is_read() {
    let server = Server::start(Options::default());
    let user = Server::user("ada");
    let body = format!("{user}{}", " ".repeat(10 * MEBI - user.len()));
    assert_eq!(server.send("POST", "/Users", "", &body).status, 201);
}

#[test]
fn long_addresses_and_headers_are_refused_in_the_form_of_scim() {
    let server = Server::start(Options::default());
    assert_eq!(server.send("GET", &format!("/Users?x={}", "y".repeat(9_000)), "", "").error(), 414);
    assert_eq!(server.send("GET", "/Users", &format!("X-Pad: {}\r\n", "p".repeat(17_000)), "").error(), 431);
}

#[test]
fn a_slow_body_is_408() {
    let server = Server::start(Options { body_timeout: Duration::from_millis(100), ..Options::default() });
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", "Content-Length: 100\r\n").as_bytes());
    client.write(b"{");
    assert_eq!(client.read().error(), 408);
}

#[test]
fn bodies_past_the_memory_bound_are_503_and_give_their_share_back() {
    let server = Server::start(Options { max_held_bytes: 64 * 1024, ..Options::default() });
    let body = |length: usize, name: &str| {
        let user = Server::user(name);
        format!("{user}{}", " ".repeat(length - user.len()))
    };
    let reply = server.send("POST", "/Users", "", &body(65 * 1024, "a"));
    assert_eq!(reply.error(), 503);
    assert!(reply.header("retry-after").is_some());
    for name in ["b", "c", "d"] {
        assert_eq!(server.send("POST", "/Users", "", &body(64 * 1024, name)).status, 201);
    }
}

#[test]
fn requests_past_the_bound_wait_for_their_turn_and_then_are_503() {
    let server =
        Server::start(Options { max_running: 1, queue_timeout: Duration::from_millis(100), ..Options::default() });
    server.store.close();
    let mut first = server.connect();
    let body = Server::user("ada");
    first.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    first.write(body.as_bytes());
    server.store.wait_for_waiting(1);
    let second = server.send("GET", "/Users", "", "");
    assert_eq!(second.error(), 503);
    assert!(second.header("retry-after").unwrap().parse::<u32>().is_ok());
    server.store.open();
    assert_eq!(first.read().status, 201);
    assert_eq!(server.send("GET", "/Users", "", "").status, 200);
}

#[test]
fn one_base_leaves_room_for_the_others() {
    let server = Server::start(Options {
        max_running_per_base: 1,
        queue_timeout: Duration::from_millis(100),
        ..Options::default()
    });
    server.store.close();
    let mut first = server.connect();
    let body = Server::user("ada");
    first.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    first.write(body.as_bytes());
    server.store.wait_for_waiting(1);
    assert_eq!(server.send("GET", "/Users", "", "").error(), 503);
    // Of 256 shares a hundred other bases cannot all fall into the one that is taken.
    let answered = (0..100).any(|n| {
        let mut other = server.connect();
        other.write(format!("GET /scim/v2/other-{n}/Users HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        other.read().error() == 401
    });
    assert!(answered);
    server.store.open();
    assert_eq!(first.read().status, 201);
}

#[test]
fn long_bodies_past_their_bound_wait_and_short_ones_pass_them() {
    let server = Server::start(Options { max_large_bytes: 1, ..Options::default() });
    server.store.close();
    let mut waiting = ["a", "b", "c"].map(|name| {
        let user = Server::user(name);
        let body = format!("{user}{}", " ".repeat(MEBI / 2));
        let mut client = server.connect();
        client.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
        client.write(body.as_bytes());
        client
    });
    server.store.wait_for_waiting(1);
    assert_eq!(server.send("GET", "/Users", "", "").status, 200);
    let mut short = server.connect();
    let body = Server::user("d");
    short.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    short.write(body.as_bytes());
    server.store.wait_for_waiting(2);
    server.store.open();
    for client in waiting.iter_mut().chain([&mut short]) {
        assert_eq!(client.read().status, 201);
    }
}
