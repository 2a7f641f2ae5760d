//! Clients that go away, answers that take too long, and a server that stops: what was accepted is
//! done.

use std::time::Duration;

use actix_web::rt::System;
use headcount_actix::Options;

use crate::server::{Client, Server};

fn post(server: &Server, name: &str) -> Client {
    let body = Server::user(name);
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    client.write(body.as_bytes());
    client
}

#[test]
fn a_client_that_goes_away_does_not_undo_what_was_accepted() {
    let server = Server::start(Options::default());
    let before = server.writes();
    server.store.close();
    let client = post(&server, "ada");
    server.store.wait_for_waiting(1);
    drop(client);
    server.store.open();
    server.store.wait_for_passed(before + 1);
    assert_eq!(server.total("userName%20eq%20%22ada%22"), 1);
}

#[test]
fn an_answer_that_takes_too_long_is_503_and_its_work_goes_on() {
    let server = Server::start(Options { answer_timeout: Duration::from_secs(1), ..Options::default() });
    let before = server.writes();
    server.store.close();
    let mut client = post(&server, "ada");
    let reply = client.read();
    assert_eq!(reply.error(), 503);
    assert!(reply.header("retry-after").is_some());
    server.store.open();
    server.store.wait_for_passed(before + 1);
    assert_eq!(server.total("userName%20eq%20%22ada%22"), 1);
}

#[test]
fn a_body_that_ends_early_changes_nothing() {
    let server = Server::start(Options::default());
    let before = server.writes();
    let body = Server::user("ada");
    let mut client = server.connect();
    client.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len() + 1)).as_bytes());
    client.write(body.as_bytes());
    client.end_writing();
    // Whether there is still an answer is the server's affair; that the connection ends is not.
    client.read_to_end();
    assert_eq!(server.total("userName%20eq%20%22ada%22"), 0);
    assert_eq!(server.writes(), before);
}

#[test]
fn a_server_that_stops_answers_what_it_has_accepted() {
    let server = Server::start(Options::default());
    server.store.close();
    let mut client = post(&server, "ada");
    server.store.wait_for_waiting(1);
    let handle = server.handle.clone();
    let stopping = std::thread::spawn(move || System::new().block_on(handle.stop(true)));
    server.store.open();
    assert_eq!(client.read().status, 201);
    stopping.join().unwrap();
}
