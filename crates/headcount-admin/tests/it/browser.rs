//! A browser as far as the tests need one: it keeps cookies and sends forms as pages of ours do.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use actix_web::{
    App,
    body::to_bytes,
    http::{Method, header::HeaderMap},
    test::{TestRequest, call_service, init_service},
};
use headcount_actix::TrustedProxies;
use headcount_admin::{Console, Options};
use headcount_model::{Actor, Clock, SystemClock, SystemEntropy, Timestamp};
use headcount_service::{Administration, Manage};
use headcount_store::testkit::MemoryStore;
use headcount_token::{Verifier, verify::VerifierLimits};
use scim_schema::Registry;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The system's clock, put forward as tests like.
#[derive(Default)]
pub(crate) struct ForwardClock(AtomicI64);

impl ForwardClock {
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ForwardClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A fresh installation with the tenants `default` and `other`.
pub(crate) struct House {
    pub(crate) manage: Manage,
    pub(crate) clock: Arc<ForwardClock>,
    console: Console,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// The text between two others.
    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", self.body));
        rest.split_once(after).unwrap().0
    }
}

/// A browser with its cookies.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::at("http://127.0.0.1:8080")
    }

    pub(crate) fn at(public_url: &str) -> Self {
        let registry = Arc::new(Registry::builtin());
        let (clock, entropy) = (Arc::new(ForwardClock::default()), Arc::new(SystemEntropy));
        let manage = Manage {
            store: Arc::new(MemoryStore::new(registry.clone())),
            registry,
            clock: clock.clone(),
            entropy: entropy.clone(),
            actor: Actor::CommandLine,
        };
        manage.bootstrap().unwrap();
        manage.create_tenant("other", Some("The other"), &[], true).unwrap();
        let verifier = Arc::new(Verifier::new(VerifierLimits::default(), clock.clone(), &*entropy));
        let administration = Administration::new(manage.store.clone(), verifier, clock.clone(), entropy).unwrap();
        let console = Console::new(Options {
            manage: manage.clone(),
            administration,
            public_url: public_url.to_owned(),
            trusted_proxies: TrustedProxies::none(),
        });
        Self { manage, clock, console }
    }

    /// The only connection of a tenant.
    pub(crate) fn connection(&self, tenant: &str) -> String {
        self.manage.connections(Some(tenant)).unwrap()[0].1.id.to_string()
    }

    /// Somebody who has come in by an invitation.
    pub(crate) async fn enter(&self, email: &str, role: &str, tenant: Option<&str>) -> Browser {
        let (_, link) = self.manage.create_administrator(email, "", role, tenant).unwrap();
        let mut browser = Browser::default();
        let path = format!("/console/setup/{}", link.code.expose());
        let answer = browser.post(self, &path, &[("name", "Ada"), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.location()), (303, "/console/"), "{}", answer.body);
        browser
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let console = self.console.clone();
        let app = init_service(App::new().configure(move |config| console.configure(config))).await;
        let response = call_service(&app, request.peer_addr("192.0.2.1:5000".parse().unwrap()).to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, house: &House, path: &str) -> Answer {
        self.keep(house.send(self.request(Method::GET, path)).await)
    }

    /// Sends a form as a page of ours does.
    pub(crate) async fn post(&mut self, house: &House, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).insert_header(("sec-fetch-site", "same-origin"));
        self.keep(house.send(request.set_form(fields)).await)
    }

    /// A request with the browser's cookies and nothing that says where it comes from.
    pub(crate) fn request(&self, method: Method, path: &str) -> TestRequest {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = TestRequest::default().method(method).uri(path).insert_header(("host", "127.0.0.1:8080"));
        if cookies.is_empty() { request } else { request.insert_header(("cookie", cookies.join("; "))) }
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
