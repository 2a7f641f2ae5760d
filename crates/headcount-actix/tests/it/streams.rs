//! Answers that are sent in parts.

use headcount_actix::Options;
use headcount_service::Limits;
use serde_json::{Value, json};

use crate::server::{Client, Server};

const MEMBERS: usize = 30;

/// A server that answers with two members at a time, and the target of a group of thirty.
fn server() -> (Server, String) {
    let server = Server::start_with(Options::default(), Limits { members_at_once: 4, ..Limits::default() });
    let members: Vec<Value> = (0..MEMBERS)
        .map(|n| {
            let user = server.send("POST", "/Users", "", &Server::user(&format!("user{n}")));
            json!({"value": user.json()["id"]})
        })
        .collect();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "staff", "members": members,
    });
    let target = "/Groups?attributes=id";
    let made = server.send("POST", target, "", &group.to_string());
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    (server, format!("/Groups/{id}"))
}

fn ask(server: &Server, method: &str, target: &str) -> Client {
    let mut client = server.connect();
    client.write(server.head(method, target, "").as_bytes());
    client
}

#[test]
fn a_large_group_is_sent_in_chunks_and_the_connection_goes_on() {
    let (server, target) = server();
    let mut client = ask(&server, "GET", &target);
    for _ in 0..2 {
        let head = client.read();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        assert_eq!(head.header("content-length"), None);
        assert_eq!(head.header("content-type"), Some("application/scim+json; charset=utf-8"));
        assert_eq!(head.header("etag"), Some("W/\"1\""));
        let (body, end) = client.read_chunks();
        assert_eq!(end, Some(()));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["members"].as_array().unwrap().len(), MEMBERS);
        client.write(server.head("GET", &target, "").as_bytes());
    }
}

#[test]
fn a_head_of_a_large_group_has_no_body_and_the_connection_goes_on() {
    let (server, target) = server();
    let mut client = ask(&server, "HEAD", &target);
    let head = client.read_for("HEAD");
    assert_eq!((head.status, head.header("etag")), (200, Some("W/\"1\"")));
    assert_eq!(head.header("content-length"), None);
    client.write(server.head("GET", "/Users?count=0", "").as_bytes());
    let next = client.read();
    assert_eq!((next.status, next.json()["totalResults"].as_u64()), (200, Some(30)));
}

#[test]
fn an_answer_that_breaks_off_has_no_last_chunk() {
    let (server, target) = server();
    // The head takes fewer reads, and all parts together more.
    server.store.close_reads_after(6);
    let mut client = ask(&server, "GET", &target);
    let head = client.read();
    assert_eq!(head.status, 200);
    server.store.wait_for_a_waiting_read();
    server.manage.revoke_token(server.token_id.as_str()).unwrap();
    server.store.open();
    let (body, end) = client.read_chunks();
    assert_eq!(end, None);
    let body = String::from_utf8(body).unwrap();
    assert!(body.starts_with("{\"schemas\":"), "{body}");
    assert!(serde_json::from_str::<Value>(&body).is_err());
}
