//! A store in memory: every trait, whole and right, made for tests of the layers above and of
//! embedding applications. Nothing outlives the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headcount_model::{
    Connection, ConnectionKey, ConnectionKind, ConnectionState, Preset, PublicId, Tenant, TenantKey, Timestamp,
    TokenId, TokenRecord, switches::SwitchOverrides,
};
use headcount_token::PasswordHash;
use scim_schema::Registry;

use self::table::{Hashed, Numbered};
use crate::{
    administrators::{AdministratorStore, Link, SecretDigest, Session},
    ctx::TenantCtx,
    error::StoreError,
    events::NumberedEvent,
    index::IndexForm,
    resources::{StoredResource, Tombstone},
    store::{Store, Txn, Verdict, Work},
    system::{NewTenant, SystemStore, TokenBinding},
    tenants::Conflict,
};

mod administrators;
mod journal;
mod members;
mod passwords;
mod resources;
mod search;
mod table;
mod tenants;
mod tokens;

/// How often work that returns [`StoreError::Busy`] is run.
const ATTEMPTS: u32 = 3;

/// How often a write runs its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Runs {
    Once,
    Twice,
}

/// A store in memory.
///
/// Reads see the snapshot of their beginning and never wait; writes run one after another, over all
/// tenants. Opening a write inside a write waits for ever.
///
/// ```
/// use std::sync::Arc;
///
/// use headcount_model::{PublicId, Timestamp};
/// use headcount_store::{Abort, StoreExt, system::{NewTenant, SystemStore, SystemTx}, testkit::MemoryStore};
/// use scim_schema::Registry;
///
/// let store = MemoryStore::new(Arc::new(Registry::builtin()));
/// let tenant = store.insert_tenant(&NewTenant {
///     id: PublicId::from_text("0192f4a0-0000-7000-8000-000000000001"),
///     slug: "acme".to_owned(),
///     name: "Acme".to_owned(),
///     entitled: true,
///     hosts: vec!["acme.example".to_owned()],
///     application: PublicId::from_text("acme-app"),
///     created: Timestamp::from_micros(0),
/// })?;
/// let ctx = SystemTx::for_command_line().tenant(tenant.key);
/// let name = store.reading(&ctx, |txn| Ok::<_, Abort<()>>(txn.tenant()?.name));
/// assert_eq!(name.ok().as_deref(), Some("Acme"));
/// # Ok::<(), headcount_store::StoreError>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    registry: Arc<Registry>,
    runs: Runs,
    committed: Mutex<Arc<State>>,
    writer: Mutex<()>,
}

impl MemoryStore {
    /// An empty store for the resource types of this registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, runs: Runs::Once, committed: Mutex::default(), writer: Mutex::default() }
    }

    /// Makes every write run its work twice and keep the second run only, as a store does after a
    /// serialisation failure, so that tests find work that has effects outside its transaction.
    #[must_use]
    pub fn with_repeated_work(self) -> Self {
        Self { runs: Runs::Twice, ..self }
    }

    fn snapshot(&self) -> Arc<State> {
        Arc::clone(&lock(&self.committed))
    }

    fn publish(&self, state: State) {
        *lock(&self.committed) = Arc::new(state);
    }

    fn open(&self, ctx: &TenantCtx, access: Access) -> MemoryTxn {
        MemoryTxn {
            registry: Arc::clone(&self.registry),
            tenant: ctx.tenant(),
            access,
            state: (*self.snapshot()).clone(),
        }
    }

    /// A write of the system's part.
    fn system<T>(&self, change: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _writer = lock(&self.writer);
        let mut state = (*self.snapshot()).clone();
        let result = change(&mut state)?;
        self.publish(state);
        Ok(result)
    }
}

/// Locks; what a panic left behind is whole, since a state is published only when it is complete.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        work(&mut self.open(ctx, Access::Read)).map(|_| ())
    }

    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        let _writer = lock(&self.writer);
        if self.runs == Runs::Twice {
            // The first run is thrown away, whatever came of it.
            let _ = work(&mut self.open(ctx, Access::Write));
        }
        let mut attempt = 1;
        loop {
            let mut txn = self.open(ctx, Access::Write);
            match work(&mut txn) {
                Ok(Verdict::Commit) => {
                    self.publish(txn.state);
                    return Ok(());
                }
                Ok(Verdict::Rollback) => return Ok(()),
                Err(StoreError::Busy(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                Err(error) => return Err(error),
            }
        }
    }
}

/// What a transaction may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Access {
    Read,
    Write,
}

/// Everything that is stored.
#[derive(Clone, Default, Debug)]
struct State {
    tenants: BTreeMap<TenantKey, Arc<TenantState>>,
    tokens: Hashed<TokenId, TokenBinding>,
    hosts: BTreeMap<String, TenantKey>,
    connections: BTreeMap<String, (TenantKey, ConnectionKey)>,
    settings: BTreeMap<String, String>,
    administrators: BTreeMap<PublicId, administrators::Row>,
    sessions: BTreeMap<SecretDigest, (PublicId, Session)>,
    links: BTreeMap<SecretDigest, Link>,
    last_tenant: i64,
    last_connection: i64,
    last_seq: i64,
}

/// Everything of one tenant.
#[derive(Clone, Debug)]
struct TenantState {
    tenant: Tenant,
    connections: BTreeMap<ConnectionKey, Connection>,
    tokens: Hashed<TokenId, (u64, TokenRecord)>,
    conflicts: Vec<Conflict>,
    resources: Numbered<Arc<Row>>,
    passwords: Numbered<PasswordHash>,
    ids: Hashed<String, i64>,
    unique: Hashed<UniqueKey, i64>,
    /// Group to members.
    members: Numbered<Arc<BTreeSet<i64>>>,
    /// Member to groups.
    groups: Numbered<Arc<BTreeSet<i64>>>,
    /// Owner (0: adoptable, whoever owns it) and type to number.
    counts: BTreeMap<(i64, String), u64>,
    tombstones: Vec<Arc<Tombstone>>,
    unmatched: Numbered<Vec<(String, Timestamp)>>,
    journal: Numbered<NumberedEvent>,
}

/// A resource and what is indexed of it.
#[derive(Clone, Debug)]
struct Row {
    stored: StoredResource,
    index: IndexForm,
}

/// A taken unique value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct UniqueKey {
    /// The owner within which it is unique; 0: the tenant.
    scope: i64,
    resource_type: String,
    /// Canonical key of the attribute.
    attribute: String,
    key: String,
}

/// A transaction: a private copy of the state, which is published when it commits.
#[derive(Debug)]
struct MemoryTxn {
    registry: Arc<Registry>,
    tenant: TenantKey,
    access: Access,
    state: State,
}

impl MemoryTxn {
    /// The tenant's part.
    fn own(&self) -> Result<&TenantState, StoreError> {
        self.state.tenants.get(&self.tenant).map(AsRef::as_ref).ok_or(StoreError::NotFound)
    }

    /// The tenant's part, to be written.
    fn own_mut(&mut self) -> Result<&mut TenantState, StoreError> {
        self.check_write()?;
        self.state.tenants.get_mut(&self.tenant).map(Arc::make_mut).ok_or(StoreError::NotFound)
    }

    fn check_write(&self) -> Result<(), StoreError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(StoreError::Backend("a read transaction cannot write".into())),
        }
    }
}

impl Txn for MemoryTxn {
    fn nested(&mut self, work: &mut Work<'_>) -> Result<Verdict, StoreError> {
        let before = self.state.clone();
        let result = work(self);
        if !matches!(result, Ok(Verdict::Commit)) {
            self.state = before;
        }
        result
    }
}

fn unique(attribute: &str) -> StoreError {
    StoreError::Unique { attribute: attribute.to_owned() }
}

impl State {
    fn take_hosts(&mut self, tenant: TenantKey, hosts: &[String]) -> Result<(), StoreError> {
        self.hosts.retain(|_, holder| *holder != tenant);
        for host in hosts {
            if *self.hosts.entry(host.clone()).or_insert(tenant) != tenant {
                return Err(unique("host"));
            }
        }
        Ok(())
    }

    fn next_connection(&mut self, id: &str, tenant: TenantKey) -> Result<ConnectionKey, StoreError> {
        if self.connections.contains_key(id) {
            return Err(unique("id"));
        }
        self.last_connection = self.last_connection.saturating_add(1);
        let key = ConnectionKey(self.last_connection);
        self.connections.insert(id.to_owned(), (tenant, key));
        Ok(key)
    }
}

impl SystemStore for MemoryStore {
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError> {
        Ok(self.snapshot().tokens.find(id).cloned())
    }

    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError> {
        Ok(self.snapshot().hosts.get(host).copied())
    }

    fn find_connection_index(&self, id: &str) -> Result<Option<(TenantKey, ConnectionKey)>, StoreError> {
        Ok(self.snapshot().connections.get(id).copied())
    }

    fn insert_tenant(&self, new: &NewTenant) -> Result<Tenant, StoreError> {
        self.system(|state| {
            let known = |tenant: &Arc<TenantState>| tenant.tenant.slug == new.slug;
            if state.tenants.values().any(known) {
                return Err(unique("slug"));
            }
            if state.tenants.values().any(|tenant| tenant.tenant.id == new.id) {
                return Err(unique("id"));
            }
            state.last_tenant = state.last_tenant.saturating_add(1);
            let key = TenantKey(state.last_tenant);
            state.take_hosts(key, &new.hosts)?;
            let application = state.next_connection(new.application.as_str(), key)?;
            let tenant = Tenant {
                key,
                id: new.id.clone(),
                slug: new.slug.clone(),
                name: new.name.clone(),
                entitled: new.entitled,
                hosts: distinct(&new.hosts),
                revision: 1,
                created: new.created,
            };
            let connection = Connection {
                key: application,
                id: new.application.clone(),
                tenant: key,
                kind: ConnectionKind::Application,
                name: "Application".to_owned(),
                preset: Preset::Generic,
                state: ConnectionState::On,
                overrides: SwitchOverrides::default(),
                revision: 1,
                created: new.created,
            };
            let own = TenantState {
                tenant: tenant.clone(),
                connections: BTreeMap::from([(application, connection)]),
                tokens: Hashed::default(),
                conflicts: Vec::new(),
                resources: Numbered::default(),
                passwords: Numbered::default(),
                ids: Hashed::default(),
                unique: Hashed::default(),
                members: Numbered::default(),
                groups: Numbered::default(),
                counts: BTreeMap::new(),
                tombstones: Vec::new(),
                unmatched: Numbered::default(),
                journal: Numbered::default(),
            };
            state.tenants.insert(key, Arc::new(own));
            Ok(tenant)
        })
    }

    fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let mut tenants: Vec<Tenant> = self.snapshot().tenants.values().map(|tenant| tenant.tenant.clone()).collect();
        tenants.sort_by(|left, right| left.slug.cmp(&right.slug));
        Ok(tenants)
    }

    fn find_tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError> {
        let state = self.snapshot();
        let named = |name: fn(&Tenant) -> &str| {
            state.tenants.values().map(|own| &own.tenant).find(|tenant| name(tenant) == slug_or_id)
        };
        Ok(named(|tenant| &tenant.slug).or_else(|| named(|tenant| tenant.id.as_str())).cloned())
    }

    fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.snapshot().settings.get(key).cloned())
    }

    fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.system(|state| {
            state.settings.insert(key.to_owned(), value.to_owned());
            Ok(())
        })
    }

    fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        self.system(|state| Ok(state.settings.entry(key.to_owned()).or_insert_with(|| value.to_owned()).clone()))
    }

    fn administrators(&self) -> &dyn AdministratorStore {
        self
    }

    fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// The texts without repeats, in their order.
fn distinct(texts: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.iter().filter(|text| seen.insert(text.as_str())).cloned().collect()
}
