//! One tenant with one connection, and the requests made of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use headcount_api::{Body, ScimApi, error_table::error_table};
use headcount_model::{
    Actor, Clock, ConnectionState, Preset, PublicId, ScopeSet, Secret, SystemEntropy, Tenant, TenantKey, Timestamp,
    TokenId,
};
use headcount_service::{Limits, Manage, Service, ServiceOptions};
use headcount_store::{
    Store, StoreError, TenantCtx,
    administrators::AdministratorStore,
    store::Work,
    system::{NewTenant, SystemStore, TokenBinding},
    testkit::MemoryStore,
};
use headcount_token::{Verifier, verify::VerifierLimits};
use http::{HeaderMap, Request, Response};
use scim_schema::Registry;
use serde_json::Value;

/// A clock that stands still until it is moved.
pub(crate) struct StillClock(AtomicI64);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// What the store does instead of its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    Busy,
    Unknown,
    Backend,
    TooMany,
    Panic,
}

/// The in-memory store, made to fail on demand in the transactions of tenants.
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    fault: Mutex<Fault>,
}

impl FaultyStore {
    fn check(&self) -> Result<(), StoreError> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::None => Ok(()),
            Fault::Busy => Err(StoreError::Busy(None)),
            Fault::Unknown => Err(StoreError::Unknown(None)),
            Fault::Backend => Err(StoreError::Backend("the secret cause".into())),
            Fault::TooMany => Err(StoreError::TooMany { attribute: "nickName".to_owned() }),
            Fault::Panic => panic!("the secret cause"),
        }
    }
}

impl Store for FaultyStore {
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.read(ctx, work)
    }

    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.write(ctx, work)
    }
}

impl SystemStore for FaultyStore {
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError> {
        self.inner.find_token(id)
    }
    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError> {
        self.inner.find_host(host)
    }
    fn find_connection_index(
        &self,
        id: &str,
    ) -> Result<Option<(TenantKey, headcount_model::ConnectionKey)>, StoreError> {
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

/// An API with the tenant `acme` at `acme.example`, one connection that is on, and its token.
pub(crate) struct World {
    pub(crate) api: ScimApi,
    pub(crate) manage: Manage,
    pub(crate) connection: PublicId,
    pub(crate) token: String,
    clock: Arc<StillClock>,
    store: Arc<FaultyStore>,
}

impl World {
    pub(crate) fn new(preset: Preset) -> Self {
        Self::with_limits(preset, Limits::default())
    }

    pub(crate) fn with_limits(preset: Preset, limits: Limits) -> Self {
        let registry = Arc::new(Registry::builtin());
        let clock = Arc::new(StillClock(AtomicI64::new(1_800_000_000_000_000)));
        let store = Arc::new(FaultyStore {
            inner: MemoryStore::new(Arc::clone(&registry)).with_repeated_work(),
            fault: Mutex::new(Fault::None),
        });
        let manage = Manage {
            store: store.clone(),
            registry: Arc::clone(&registry),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            actor: Actor::CommandLine,
        };
        manage.create_tenant("acme", None, &["acme.example".to_owned()], true).unwrap();
        let (_, connection) = manage.create_connection("acme", preset, None, ConnectionState::On).unwrap();
        let made = manage.create_token("acme", None, "", ScopeSet::default(), None).unwrap();
        let verifier = Arc::new(Verifier::new(VerifierLimits::default(), clock.clone(), &SystemEntropy));
        let service = Service::new(ServiceOptions {
            store: store.clone(),
            registry,
            verifier,
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            public_url: "https://scim.example".to_owned(),
            limits,
            cursor_key: Secret::new("k".repeat(64)),
        });
        Self {
            api: ScimApi::new(service),
            manage,
            connection: connection.id,
            token: made.token.text().expose().to_owned(),
            clock,
            store,
        }
    }

    pub(crate) fn fail_with(&self, fault: Fault) {
        *self.store.fault.lock().unwrap() = fault;
    }

    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, key: &str, word: &str) {
        self.manage.set_connection(self.connection.as_str(), &[(key.to_owned(), word.to_owned())]).unwrap();
    }

    /// A token of the connection with these scopes.
    pub(crate) fn token_with(&self, scopes: &str) -> String {
        let scopes = ScopeSet::parse(scopes).unwrap();
        let made = self.manage.create_token("acme", Some(self.connection.as_str()), "", scopes, None).unwrap();
        made.token.text().expose().to_owned()
    }

    /// A request below the connection's base, with its token.
    pub(crate) fn request(&self, method: &str, target: &str) -> Call<'_> {
        self.raw(method, &format!("/scim/v2/{}{target}", self.connection))
            .header("authorization", &format!("Bearer {}", self.token))
    }

    /// A request as it is.
    pub(crate) fn raw(&self, method: &str, target: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(target);
        Call { world: self, request, body: Bytes::new() }
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.request("GET", target).send()
    }

    pub(crate) fn post(&self, target: &str, body: &Value) -> Reply {
        self.request("POST", target).json(body).send()
    }

    /// Makes a user and returns its id.
    pub(crate) fn user(&self, name: &str) -> String {
        let reply = self.post("/Users", &user(name));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn user(name: &str) -> Value {
    serde_json::json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name })
}

/// A request being built.
pub(crate) struct Call<'a> {
    world: &'a World,
    request: http::request::Builder,
    body: Bytes,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/scim+json").body(body.to_string())
    }

    pub(crate) fn send(self) -> Reply {
        let request = self.request.body(self.body).unwrap();
        Reply::of(self.world.api.handle(request))
    }
}

/// A response, its body read.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: usize,
}

impl Reply {
    pub(crate) fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.into_bytes().unwrap();
        let reply = Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes: body.len(),
            body: if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() },
        };
        if reply.status >= 400 && reply.header("content-length").is_none() {
            reply.assert_is_scim_error();
        }
        assert!(!reply.header("x-request-id").unwrap().is_empty());
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn scim_type(&self) -> Option<&str> {
        self.body["scimType"].as_str()
    }

    /// Status and key word together, as `400 invalidValue`.
    pub(crate) fn verdict(&self) -> String {
        match self.scim_type() {
            Some(scim_type) => format!("{} {scim_type}", self.status),
            None => self.status.to_string(),
        }
    }

    fn assert_is_scim_error(&self) {
        assert_eq!(self.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{self:?}");
        assert_eq!(self.body["status"], self.status.to_string(), "{self:?}");
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        assert!(self.header("content-type").unwrap().starts_with("application/"), "{self:?}");
        let is_in_table = error_table().iter().any(|row| {
            row.status == self.status && row.scim_type.map(scim_schema::ScimType::as_str) == self.scim_type()
        });
        assert!(is_in_table, "the table of errors lacks {}", self.verdict());
    }
}
