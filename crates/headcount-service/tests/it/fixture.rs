//! A service over a fresh in-memory store, with a clock that stands still and seeded entropy.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use headcount_model::{
    Actor, Clock, ConnectionKey, ConnectionKind, ConnectionState, Entropy, Preset, PublicId, ScopeSet, Secret, Tenant,
    Timestamp, TokenId, TokenRecord,
};
use headcount_service::{Answer, Caller, Entry, Limits, Manage, Precondition, QueryRequest, Service, ServiceOptions};
use headcount_store::{
    Abort, StoreError, StoreExt, TenantCtx, Txn,
    events::NumberedEvent,
    index::{self, IndexPolicy},
    resources::NewResource,
    system::{NewTenant, SystemStore, SystemTx},
    tenants::{Conflict, ConnectionChange, NewConnection, TenantChange},
    testkit::MemoryStore,
};
use headcount_token::{PlainToken, Verifier, verify::VerifierLimits};
use scim_schema::{Projection, Registry, Resource, ResourceType, ScimError, builtin};
use serde_json::{Map, Value, json};

/// The public base of the service.
pub(crate) const ORIGIN: &str = "https://scim.example.test";

/// A clock that stands still until it is moved.
pub(crate) struct StoppedClock(AtomicI64);

impl StoppedClock {
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes by a linear congruential generator.
pub(crate) struct SeededEntropy(AtomicU64);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let step =
                |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let state = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| Some(step(state))).unwrap();
            *byte = state.to_be_bytes()[0];
        }
    }
}

/// An answer, its body read.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let Answer { status, body, etag, location } = answer;
        let body = body.map(|body| serde_json::from_str(&body.into_text().unwrap()).unwrap());
        Self { status, body, etag, location }
    }
}

/// A service and all it stands on.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) service: Service,
    pub(crate) clock: Arc<StoppedClock>,
    entropy: Arc<SeededEntropy>,
    registry: Arc<Registry>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), Registry::builtin())
    }

    pub(crate) fn with(limits: Limits, registry: Registry) -> Self {
        let registry = Arc::new(registry);
        let clock = Arc::new(StoppedClock(AtomicI64::new(1_767_323_045_000_000)));
        let entropy = Arc::new(SeededEntropy(AtomicU64::new(7)));
        let store = Arc::new(MemoryStore::new(registry.clone()).with_repeated_work());
        let verifier = Verifier::new(VerifierLimits::default(), clock.clone(), &*entropy);
        let service = Service::new(ServiceOptions {
            store: store.clone(),
            registry: registry.clone(),
            verifier: Arc::new(verifier),
            clock: clock.clone(),
            entropy: entropy.clone(),
            public_url: ORIGIN.to_owned(),
            limits,
            cursor_key: Secret::new("the key of cursors in tests"),
        });
        Self { store, service, clock, entropy, registry }
    }

    /// Management over the same store and clock.
    pub(crate) fn manage(&self) -> Manage {
        Manage {
            store: self.store.clone(),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            actor: Actor::CommandLine,
        }
    }

    fn mint(&self) -> PublicId {
        PublicId::mint(self.clock.now(), &*self.entropy)
    }

    pub(crate) fn tenant(&self, slug: &str) -> Tenant {
        self.store
            .insert_tenant(&NewTenant {
                id: self.mint(),
                slug: slug.to_owned(),
                name: slug.to_owned(),
                entitled: true,
                hosts: vec![format!("{slug}.example.test")],
                application: self.mint(),
                created: self.clock.now(),
            })
            .unwrap()
    }

    /// A tenant with one connection and one token.
    pub(crate) fn client(&self, preset: Preset) -> Client<'_> {
        let tenant = self.tenant(&format!("t{}", self.entropy.0.load(Ordering::SeqCst)));
        self.connect(&tenant, preset)
    }

    /// Another connection of a tenant, with a token.
    pub(crate) fn connect(&self, tenant: &Tenant, preset: Preset) -> Client<'_> {
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        let new = NewConnection {
            id: self.mint(),
            kind: ConnectionKind::IdentityProvider,
            name: preset.display_name().to_owned(),
            preset,
            state: ConnectionState::On,
            created: self.clock.now(),
        };
        let connection = self.write(&ctx, |txn| txn.insert_connection(&new));
        let mut client = Client {
            world: self,
            ctx,
            connection: connection.key,
            connection_id: connection.id,
            token: Secret::new(""),
            token_id: TokenId::from_text(""),
        };
        client.token(ScopeSet::default(), None);
        client
    }

    pub(crate) fn write<T: Send>(
        &self,
        ctx: &TenantCtx,
        mut work: impl FnMut(&mut dyn Txn) -> Result<T, StoreError> + Send,
    ) -> T {
        self.store.writing(ctx, |txn| work(txn).map_err(Abort::<()>::Store)).unwrap()
    }
}

/// An identity provider.
pub(crate) struct Client<'w> {
    pub(crate) world: &'w World,
    pub(crate) ctx: TenantCtx,
    pub(crate) connection: ConnectionKey,
    pub(crate) connection_id: PublicId,
    pub(crate) token: Secret,
    pub(crate) token_id: TokenId,
}

impl Client<'_> {
    /// Makes a token and uses it from now on.
    pub(crate) fn token(&mut self, scopes: ScopeSet, expires: Option<Timestamp>) {
        let world = self.world;
        let token = PlainToken::mint(&*world.entropy);
        let hash = token.hash(&*world.entropy).unwrap();
        let record = TokenRecord {
            id: token.id().clone(),
            tenant: self.ctx.tenant(),
            connection: self.connection,
            name: "test".to_owned(),
            scopes,
            created: world.clock.now(),
            made_by: "test".to_owned(),
            lifetime_s: None,
            expires,
            last_used: None,
            revoked: None,
        };
        world.write(&self.ctx, |txn| txn.insert_token(&record, &hash));
        self.token = token.text().clone();
        self.token_id = record.id;
    }

    pub(crate) fn set(&self, pairs: &[(&str, &str)]) {
        self.world.write(&self.ctx, |txn| {
            let mut overrides = txn.find_connection(self.connection)?.unwrap().overrides;
            for (key, word) in pairs {
                overrides.set(key, word).unwrap();
            }
            let change = ConnectionChange { overrides: Some(overrides), ..ConnectionChange::default() };
            txn.change_connection(self.connection, &change)
        });
    }

    pub(crate) fn set_state(&self, state: ConnectionState) {
        let change = ConnectionChange { state: Some(state), ..ConnectionChange::default() };
        self.world.write(&self.ctx, |txn| txn.change_connection(self.connection, &change));
    }

    pub(crate) fn set_entitled(&self, entitled: bool) {
        let change = TenantChange { entitled: Some(entitled), ..TenantChange::default() };
        self.world.write(&self.ctx, |txn| txn.change_tenant(&change));
    }

    pub(crate) fn authenticate(&self) -> Result<Caller, ScimError> {
        self.world.service.authenticate(Some(self.token.expose()), &Entry::Connection(self.connection_id.as_str()))
    }

    pub(crate) fn caller(&self) -> Caller {
        self.authenticate().unwrap()
    }

    pub(crate) fn base(&self) -> String {
        format!("{ORIGIN}/scim/v2/{}", self.connection_id)
    }

    pub(crate) fn kind(&self, name: &str) -> &ResourceType {
        self.world.registry.resource_type(name).unwrap()
    }

    pub(crate) fn post(&self, kind: &str, body: Value) -> Result<Reply, ScimError> {
        self.post_as(kind, body, &Projection::Default)
    }

    pub(crate) fn post_as(&self, kind: &str, body: Value, projection: &Projection) -> Result<Reply, ScimError> {
        self.world.service.create(&self.caller(), self.kind(kind), object(body), projection).map(Reply::from)
    }

    pub(crate) fn get(&self, kind: &str, id: &str) -> Result<Reply, ScimError> {
        self.get_if(kind, id, &Precondition::default())
    }

    pub(crate) fn get_if(&self, kind: &str, id: &str, condition: &Precondition) -> Result<Reply, ScimError> {
        self.world.service.read(&self.caller(), self.kind(kind), id, condition, &Projection::Default).map(Reply::from)
    }

    pub(crate) fn put(&self, kind: &str, id: &str, body: Value) -> Result<Reply, ScimError> {
        self.put_if(kind, id, body, &Precondition::default())
    }

    pub(crate) fn put_if(
        &self,
        kind: &str,
        id: &str,
        body: Value,
        condition: &Precondition,
    ) -> Result<Reply, ScimError> {
        let caller = self.caller();
        self.world
            .service
            .replace(&caller, self.kind(kind), id, object(body), condition, &Projection::Default)
            .map(Reply::from)
    }

    pub(crate) fn patch(&self, kind: &str, id: &str, operations: Value) -> Result<Reply, ScimError> {
        self.patch_if(kind, id, operations, &Precondition::default(), &Projection::Default)
    }

    pub(crate) fn patch_if(
        &self,
        kind: &str,
        id: &str,
        operations: Value,
        condition: &Precondition,
        projection: &Projection,
    ) -> Result<Reply, ScimError> {
        let body = json!({"schemas": [builtin::PATCH_OP], "Operations": operations});
        self.world
            .service
            .patch(&self.caller(), self.kind(kind), id, object(body), condition, projection)
            .map(Reply::from)
    }

    pub(crate) fn delete(&self, kind: &str, id: &str) -> Result<Reply, ScimError> {
        self.delete_if(kind, id, &Precondition::default())
    }

    pub(crate) fn delete_if(&self, kind: &str, id: &str, condition: &Precondition) -> Result<Reply, ScimError> {
        self.world.service.delete(&self.caller(), self.kind(kind), id, condition).map(Reply::from)
    }

    pub(crate) fn query(&self, kind: Option<&str>, request: &QueryRequest) -> Result<Value, ScimError> {
        let kind = kind.map(|name| self.kind(name));
        self.world.service.query(&self.caller(), kind, request).map(|answer| Reply::from(answer).body.unwrap())
    }

    /// The ids that a filter finds.
    pub(crate) fn find(&self, kind: &str, filter: &str) -> Vec<String> {
        let request = QueryRequest { filter: Some(filter.to_owned()), ..QueryRequest::default() };
        let body = self.query(Some(kind), &request).unwrap();
        let ids: Vec<String> = texts(&body["Resources"], "id");
        assert_eq!(body["totalResults"], ids.len());
        ids
    }

    pub(crate) fn bulk(&self, operations: Value) -> Result<Vec<Value>, ScimError> {
        self.bulk_body(json!({"schemas": [builtin::BULK_REQUEST], "Operations": operations}))
    }

    pub(crate) fn bulk_body(&self, body: Value) -> Result<Vec<Value>, ScimError> {
        let answer = Reply::from(self.world.service.bulk(&self.caller(), &body.to_string())?).body.unwrap();
        assert_eq!(answer["schemas"], json!([builtin::BULK_RESPONSE]));
        Ok(answer["Operations"].as_array().unwrap().clone())
    }

    /// A new user of this name; returns the id.
    pub(crate) fn user(&self, name: &str) -> String {
        let answer = self.post("User", json!({"schemas": [builtin::USER], "userName": name})).unwrap();
        id(&answer)
    }

    /// A new group with these members; returns the id.
    pub(crate) fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": [builtin::GROUP], "displayName": name, "members": members});
        id(&self.post("Group", body).unwrap())
    }

    /// The ids of a group's members, sorted.
    pub(crate) fn members(&self, group: &str) -> Vec<String> {
        let body = self.get("Group", group).unwrap().body.unwrap();
        let mut ids = texts(&body["members"], "value");
        ids.sort();
        ids
    }

    pub(crate) fn version(&self, kind: &str, id: &str) -> String {
        self.get(kind, id).unwrap().etag.unwrap()
    }

    /// The journal as (kind, resource id, paths).
    pub(crate) fn journal(&self) -> Vec<NumberedEvent> {
        self.world.write(&self.ctx, |txn| txn.events(0, 10_000))
    }

    /// The kinds of the journal's entries after the first `skip`.
    pub(crate) fn kinds_after(&self, skip: usize) -> Vec<String> {
        self.journal().into_iter().skip(skip).map(|event| event.kind).collect()
    }

    pub(crate) fn conflicts(&self) -> Vec<Conflict> {
        self.world.write(&self.ctx, |txn| txn.conflicts(100))
    }

    /// An account or group that the application imported.
    pub(crate) fn imported(&self, kind: &str, document: Value, adoptable: bool) -> String {
        let world = self.world;
        let resource_type = self.kind(kind);
        let resource = Resource::from_document(object(document));
        let policy = IndexPolicy { external_id_unique: false, unique_group_names: true };
        let new = NewResource {
            id: world.mint(),
            resource_type: kind.to_owned(),
            owner: ConnectionKey(0),
            adoptable,
            version: 1,
            created: world.clock.now(),
            modified: world.clock.now(),
            document: Value::Object(resource.document().clone()).to_string(),
            index: index::form(resource_type, &resource, policy),
        };
        world.write(&self.ctx, |txn| {
            let connections = txn.connections()?;
            let application = connections.iter().find(|one| one.kind == ConnectionKind::Application).unwrap();
            txn.insert_resource(&NewResource { owner: application.key, ..new.clone() })
        });
        new.id.to_string()
    }
}

/// An object as a body.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// The id in an answer.
pub(crate) fn id(answer: &Reply) -> String {
    answer.body.as_ref().unwrap()["id"].as_str().unwrap().to_owned()
}

/// One text of each element.
pub(crate) fn texts(elements: &Value, name: &str) -> Vec<String> {
    let elements = elements.as_array().into_iter().flatten();
    elements.map(|element| element[name].as_str().unwrap().to_owned()).collect()
}

/// Status and key word of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ScimError>) -> (u16, &'static str) {
    let error = result.unwrap_err();
    assert!(error.detail.len() > 20, "{error}");
    (error.status, error.scim_type.map_or("", scim_schema::ScimType::as_str))
}

pub(crate) fn if_match(tags: &str) -> Precondition {
    Precondition { if_match: Some(tags.to_owned()), if_none_match: None }
}
