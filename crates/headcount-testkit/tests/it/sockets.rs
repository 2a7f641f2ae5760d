//! Through a real server on loopback, over a real database.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    time::Duration,
};

use actix_web::{App as WebApp, HttpServer, dev::ServerHandle, rt::System};
use headcount_actix::Mount;
use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client};

const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    app: App,
    client: Client,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let app = App::new(Backend::Sqlite);
        let client = app.client("acme", Preset::Okta);
        let mount = Mount::new(app.api.clone());
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let mount = mount.clone();
                    WebApp::new().configure(move |config| mount.configure(config))
                });
                let server = server.workers(1).disable_signals().shutdown_timeout(20).bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let running = server.run();
                sender.send((address, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (address, handle) = receiver.recv_timeout(PATIENCE).unwrap();
        Self { app, client, address, handle, thread: Some(thread) }
    }

    fn request(&self, method: &str, target: &str, body: &str) -> String {
        format!(
            "{method} {}{target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            self.client.path,
            self.client.token,
            body.len()
        )
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn stop(&mut self) {
        System::new().block_on(self.handle.stop(true));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Reads one answer whose length is stated.
fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended in the head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

#[test]
fn an_identity_provider_pushes_over_one_connection() {
    let mut server = Server::start();
    let mut stream = server.connect();
    let user = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@ex.com","active":true}"#;
    for (method, target, body, status) in [
        ("GET", "/Users?startIndex=1&count=2", "", 200),
        ("GET", "/Users?filter=userName%20eq%20%22ada%40ex.com%22&startIndex=1&count=100", "", 200),
        ("POST", "/Users", user, 201),
        ("POST", "/Users", user, 409),
        ("GET", "//Users/?filter=userName+eq+%22ada%40ex.com%22&", "", 200),
        ("PUT", "/Users", user, 405),
        ("GET", "/Users/none", "", 404),
        ("PATCH", "/Nothing", "{}", 404),
    ] {
        stream.write_all(server.request(method, target, body).as_bytes()).unwrap();
        let (found, text) = answer(&mut stream);
        assert_eq!(found, status, "{method} {target}: {text}");
        assert_eq!(text.contains("urn:ietf:params:scim:api:messages:2.0:Error"), status >= 400, "{text}");
    }
    server.stop();
}

#[test]
fn a_write_whose_client_went_away_is_kept() {
    let mut server = Server::start();
    for number in 0..5 {
        let body = format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u{number}"}}"#);
        let mut stream = server.connect();
        stream.write_all(server.request("POST", "/Users", &body).as_bytes()).unwrap();
        // The request is whole on the wire; the client reads no answer.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read(&mut [0; 1]);
        drop(stream);
    }
    server.stop();
    assert_eq!(server.client.get("/Users").total(), 5);
    assert_eq!(server.app.journal(&server.app.tenant("acme")).iter().filter(|event| event.kind == "create").count(), 5);
}
