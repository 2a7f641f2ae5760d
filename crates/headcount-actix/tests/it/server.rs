//! A server over the in-memory store, whose transactions can be held, and a client that says
//! exactly what it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, rt::System, web};
use headcount_actix::{Mount, Options};
use headcount_api::ScimApi;
use headcount_model::{
    Actor, ConnectionKey, ConnectionState, Preset, ScopeSet, Secret, SystemClock, SystemEntropy, Tenant, TenantKey,
    TokenId,
};
use headcount_service::{Limits, Manage, Service, ServiceOptions};
use headcount_store::{
    Store, StoreError, TenantCtx,
    administrators::AdministratorStore,
    look::{Look, Looked},
    store::Work,
    system::{NewTenant, SystemStore, TokenBinding},
    testkit::MemoryStore,
};
use headcount_token::{Verifier, verify::VerifierLimits};
use scim_schema::Registry;
use serde_json::Value;

/// How long any wait of a test may take before it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gate before every write.
#[derive(Default)]
struct Gate {
    closed: bool,
    waiting: usize,
    passed: usize,
    /// How many reads may still pass.
    reads: Option<usize>,
    waiting_reads: usize,
}

/// The in-memory store with a gate before its writes, and one before its reads.
pub(crate) struct GatedStore {
    inner: MemoryStore,
    gate: Mutex<Gate>,
    moved: Condvar,
    /// Whether it answers looks that must not wait.
    now: AtomicBool,
    looked_now: AtomicUsize,
}

impl GatedStore {
    pub(crate) fn close(&self) {
        self.gate.lock().unwrap().closed = true;
    }

    pub(crate) fn open(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.closed = false;
        gate.reads = None;
        self.moved.notify_all();
    }

    /// Lets so many reads pass, and no more.
    pub(crate) fn close_reads_after(&self, reads: usize) {
        self.gate.lock().unwrap().reads = Some(reads);
    }

    /// Waits until a read stands before the gate.
    pub(crate) fn wait_for_a_waiting_read(&self) {
        self.wait(|gate| gate.waiting_reads > 0);
    }

    /// From now on looks are answered at once.
    pub(crate) fn answer_at_once(&self) {
        self.now.store(true, Ordering::SeqCst);
    }

    /// How many looks were answered at once.
    pub(crate) fn looked_now(&self) -> usize {
        self.looked_now.load(Ordering::SeqCst)
    }

    fn wait(&self, until: impl Fn(&Gate) -> bool) {
        let gate = self.gate.lock().unwrap();
        let (_gate, timeout) = self.moved.wait_timeout_while(gate, PATIENCE, |gate| !until(gate)).unwrap();
        assert!(!timeout.timed_out());
    }

    /// Waits until so many writes stand before the gate.
    pub(crate) fn wait_for_waiting(&self, writes: usize) {
        self.wait(|gate| gate.waiting >= writes);
    }

    /// Waits until so many writes are through and done.
    pub(crate) fn wait_for_passed(&self, writes: usize) {
        self.wait(|gate| gate.passed >= writes);
    }

    pub(crate) fn passed(&self) -> usize {
        self.gate.lock().unwrap().passed
    }
}

impl Store for GatedStore {
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut gate = self.gate.lock().unwrap();
        gate.waiting_reads += 1;
        self.moved.notify_all();
        let (mut gate, timeout) = self.moved.wait_timeout_while(gate, PATIENCE, |gate| gate.reads == Some(0)).unwrap();
        assert!(!timeout.timed_out());
        gate.waiting_reads -= 1;
        gate.reads = gate.reads.map(|reads| reads - 1);
        drop(gate);
        self.inner.read(ctx, work)
    }

    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut gate = self.gate.lock().unwrap();
        gate.waiting += 1;
        self.moved.notify_all();
        let (mut gate, timeout) = self.moved.wait_timeout_while(gate, PATIENCE, |gate| gate.closed).unwrap();
        assert!(!timeout.timed_out());
        gate.waiting -= 1;
        drop(gate);
        let result = self.inner.write(ctx, work);
        self.gate.lock().unwrap().passed += 1;
        self.moved.notify_all();
        result
    }

    fn looks_now(&self) -> bool {
        self.now.load(Ordering::SeqCst)
    }

    fn look_now(&self, ctx: &TenantCtx, look: &Look<'_>) -> Option<Result<Looked, StoreError>> {
        self.looked_now.fetch_add(1, Ordering::SeqCst);
        Some(self.inner.look(ctx, look))
    }
}

impl SystemStore for GatedStore {
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError> {
        self.inner.find_token(id)
    }
    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError> {
        self.inner.find_host(host)
    }
    fn find_connection_index(&self, id: &str) -> Result<Option<(TenantKey, ConnectionKey)>, StoreError> {
        self.inner.find_connection_index(id)
    }
    fn insert_tenant(&self, new: &NewTenant) -> Result<Tenant, StoreError> {
        self.inner.insert_tenant(new)
    }
    fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.inner.list_tenants()
    }
    fn find_tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError> {
        self.inner.find_tenant(slug_or_id)
    }
    fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.inner.setting(key)
    }
    fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.inner.set_setting(key, value)
    }
    fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        self.inner.setting_or_insert(key, value)
    }
    fn administrators(&self) -> &dyn AdministratorStore {
        self.inner.administrators()
    }

    fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping()
    }
    fn maintain(&self) -> Result<bool, StoreError> {
        self.inner.maintain()
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<GatedStore>,
    /// The base of the connection.
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) handle: ServerHandle,
    pub(crate) manage: Manage,
    pub(crate) token_id: TokenId,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(options: Options) -> Self {
        Self::start_with(options, Limits::default())
    }

    pub(crate) fn start_with(options: Options, limits: Limits) -> Self {
        let registry = Arc::new(Registry::builtin());
        let store = Arc::new(GatedStore {
            inner: MemoryStore::new(Arc::clone(&registry)),
            gate: Mutex::default(),
            moved: Condvar::new(),
            now: AtomicBool::new(false),
            looked_now: AtomicUsize::new(0),
        });
        let manage = Manage {
            store: store.clone(),
            registry: Arc::clone(&registry),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            actor: Actor::CommandLine,
        };
        manage.create_tenant("acme", None, &["acme.example".to_owned()], true).unwrap();
        let (_, connection) = manage.create_connection("acme", Preset::Generic, None, ConnectionState::On).unwrap();
        let made = manage.create_token("acme", None, "", ScopeSet::default(), None).unwrap();
        let service = Service::new(ServiceOptions {
            store: store.clone(),
            registry,
            verifier: Arc::new(Verifier::new(VerifierLimits::default(), Arc::new(SystemClock), &SystemEntropy)),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            public_url: "https://scim.example".to_owned(),
            limits,
            cursor_key: Secret::new("k".repeat(64)),
        });
        let api = ScimApi::new(service);
        let base = format!("/scim/v2/{}", connection.id);
        let token = made.token.text().expose().to_owned();
        // The first request of a token hashes it and notes its use, which is a write: here, so that
        // tests time and count their own requests only.
        let first = http::Request::get(format!("{base}/Users"))
            .header("authorization", format!("Bearer {token}"))
            .body(bytes::Bytes::new())
            .unwrap();
        assert_eq!(api.handle(first).status(), 200);
        let mount = Mount::with_options(api, options);
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let mount = mount.clone();
                    App::new()
                        .configure(move |config| mount.configure(config))
                        .default_service(web::to(|| async { HttpResponse::NotFound().body("not ours") }))
                })
                .workers(1)
                .disable_signals()
                .shutdown_timeout(20)
                .bind(("127.0.0.1", 0))
                .unwrap();
                let address = server.addrs()[0];
                let running = server.run();
                sender.send((address, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (address, handle) = receiver.recv_timeout(PATIENCE).unwrap();
        Self { address, store, base, token, handle, manage, token_id: made.record.id, thread: Some(thread) }
    }

    /// How many writes there were before the test's own.
    pub(crate) fn writes(&self) -> usize {
        self.store.passed()
    }

    /// The head of a request below the connection's base, with its token and these further lines.
    pub(crate) fn head(&self, method: &str, target: &str, lines: &str) -> String {
        format!(
            "{method} {}{target} HTTP/1.1\r\nHost: anything\r\nAuthorization: Bearer {}\r\n{lines}\r\n",
            self.base, self.token
        )
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { reader: BufReader::new(stream) }
    }

    /// Sends one request and reads the answer.
    pub(crate) fn send(&self, method: &str, target: &str, lines: &str, body: &str) -> Reply {
        let lines =
            if body.is_empty() { lines.to_owned() } else { format!("{lines}Content-Length: {}\r\n", body.len()) };
        let mut client = self.connect();
        client.write(self.head(method, target, &lines).as_bytes());
        client.write(body.as_bytes());
        client.read_for(method)
    }

    pub(crate) fn user(name: &str) -> String {
        format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{name}"}}"#)
    }

    pub(crate) fn total(&self, filter: &str) -> u64 {
        self.send("GET", &format!("/Users?filter={filter}"), "", "").json()["totalResults"].as_u64().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.store.open();
        let stopping = self.handle.stop(false);
        System::new().block_on(stopping);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// Writes as much as the peer takes.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    pub(crate) fn end_writing(&mut self) {
        self.reader.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }

    pub(crate) fn read(&mut self) -> Reply {
        self.read_for("GET")
    }

    /// Reads one answer; that to a HEAD has no body.
    pub(crate) fn read_for(&mut self, method: &str) -> Reply {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines.first().expect("an answer").split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .iter()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" && length > 0 {
            reply.body.resize(length, 0);
            self.reader.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    /// Reads the rest of a chunked body; `None` in place of the end if the peer closes before the last
    /// chunk.
    pub(crate) fn read_chunks(&mut self) -> (Vec<u8>, Option<()>) {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) | Err(_) => return (body, None),
                Ok(_) => {}
            }
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let mut chunk = vec![0; length + 2];
            if self.reader.read_exact(&mut chunk).is_err() {
                return (body, None);
            }
            if length == 0 {
                return (body, Some(()));
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }

    /// Reads until the peer closes.
    pub(crate) fn read_to_end(&mut self) {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status, after checking that the answer is a SCIM error of that status.
    pub(crate) fn error(&self) -> u16 {
        let body = self.json();
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert_eq!(body["status"], self.status.to_string());
        assert!(self.header("content-type").unwrap().starts_with("application/scim+json"));
        assert!(self.header("x-request-id").is_some());
        self.status
    }
}
