//! What is answered on the thread that took the request.

use std::time::Duration;

use headcount_actix::Options;

use crate::server::Server;

/// A server with one user, whose store answers at once from now on; and the user's path.
fn server(options: Options) -> (Server, String) {
    let server = Server::start(options);
    let made = server.send("POST", "/Users", "", &Server::user("ada")).json();
    server.store.answer_at_once();
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    (server, path)
}

#[test]
fn what_is_at_hand_is_answered_at_once_as_it_is_else() {
    let (server, path) = server(Options::default());
    let filtered = "/Users?filter=userName%20eq%20%22ada%22".to_owned();
    for target in [path.clone(), format!("{path}?attributes=userName"), filtered, "/Users/nobody".to_owned()] {
        for method in ["GET", "HEAD"] {
            let before = server.store.looked_now();
            let at_once = server.send(method, &target, "", "");
            assert_eq!(server.store.looked_now(), before + 1, "{method} {target}");
            // A length, even that of an empty body with other blanks, is none of what is answered at once.
            let else_ = server.send(method, &target, "Content-Length: 00\r\n", "");
            assert_eq!(server.store.looked_now(), before + 1, "{method} {target}");
            assert_eq!(at_once.status, else_.status, "{method} {target}");
            assert_eq!(at_once.body, else_.body, "{method} {target}");
            let headers = |reply: &crate::server::Reply| {
                let headers = reply.headers.iter().filter(|(name, _)| name != "x-request-id" && name != "date");
                headers.cloned().collect::<Vec<_>>()
            };
            assert_eq!(headers(&at_once), headers(&else_), "{method} {target}");
        }
    }
}

#[test]
fn what_takes_longer_is_not_begun_at_once() {
    let (server, path) = server(Options::default());
    for (method, target, body) in [
        ("GET", "/Users".to_owned(), ""),
        ("GET", "/Schemas".to_owned(), ""),
        ("GET", "/".to_owned(), ""),
        ("GET", path.clone(), "{}"),
        ("DELETE", path, ""),
    ] {
        let _ = server.send(method, &target, "", body);
        assert_eq!(server.store.looked_now(), 0, "{method} {target}");
    }
}

#[test]
fn whose_turn_it_is_not_yet_is_not_answered_at_once() {
    let options = Options { max_running: 1, queue_timeout: Duration::from_millis(100), ..Options::default() };
    let (server, path) = server(options);
    server.store.close();
    let mut writer = server.connect();
    let body = Server::user("bob");
    writer.write(server.head("POST", "/Users", &format!("Content-Length: {}\r\n", body.len())).as_bytes());
    writer.write(body.as_bytes());
    server.store.wait_for_waiting(1);
    assert_eq!(server.send("GET", &path, "", "").error(), 503);
    assert_eq!(server.store.looked_now(), 0);
    server.store.open();
    assert_eq!(writer.read().status, 201);
    assert_eq!(server.send("GET", &path, "", "").status, 200);
    assert_eq!(server.store.looked_now(), 1);
}
