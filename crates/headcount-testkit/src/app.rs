//! The application.

use std::sync::Arc;

use headcount_api::ScimApi;
use headcount_model::{
    Actor, Clock, Connection, ConnectionState, Entropy, Preset, ScopeSet, Secret, Tenant, Timestamp,
};
use headcount_service::{Limits, Manage, Service, ServiceOptions, manage::MadeToken};
use headcount_store::{Abort, Store, StoreExt, events::NumberedEvent, system::SystemTx};
use headcount_token::{Verifier, verify::VerifierLimits};
use scim_schema::Registry;

use crate::{
    backend::{Backend, Database, Route},
    client::Client,
    clock::SettableClock,
    entropy::SeededEntropy,
};

/// Under what name the application is reached.
pub const ORIGIN: &str = "https://scim.example.test";

/// What an application is made with.
#[derive(Clone)]
pub struct AppOptions {
    /// Where it stores.
    pub backend: Backend,
    /// How it reaches that.
    pub route: Route,
    /// Its schemas and resource types.
    pub registry: Arc<Registry>,
    /// Its bounds.
    pub limits: Limits,
    /// Where ids and secrets come from.
    pub entropy: Arc<dyn Entropy>,
    /// Its clock.
    pub clock: Arc<SettableClock>,
}

impl AppOptions {
    /// The built-in schemas, the default bounds, seeded entropy and a clock that stands still.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            route: Route::Direct,
            registry: Arc::new(Registry::builtin()),
            limits: Limits::default(),
            entropy: Arc::new(SeededEntropy::new(7)),
            clock: Arc::new(SettableClock::default()),
        }
    }
}

/// A server of the application; several may share one database.
pub struct App {
    options: AppOptions,
    database: Arc<Database>,
    /// Management.
    pub manage: Manage,
    /// The API.
    pub api: ScimApi,
}

impl App {
    /// An application over a fresh database, with the options of [`AppOptions::new`].
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        Self::with(AppOptions::new(backend))
    }

    /// An application over a fresh database.
    #[must_use]
    pub fn with(options: AppOptions) -> Self {
        let database = Arc::new(Database::fresh(options.backend, &options.registry));
        Self::over(options, database)
    }

    /// A second server over the same database, with nothing else in common.
    #[must_use]
    pub fn another(&self) -> Self {
        self.another_with(self.options.limits)
    }

    /// A second server over the same database, with other bounds.
    #[must_use]
    pub fn another_with(&self, limits: Limits) -> Self {
        let entropy = Arc::new(headcount_model::SystemEntropy);
        Self::over(AppOptions { limits, entropy, ..self.options.clone() }, Arc::clone(&self.database))
    }

    /// A second server that reaches the same database by another route.
    #[must_use]
    pub fn another_by(&self, route: Route) -> Self {
        let entropy = Arc::new(headcount_model::SystemEntropy);
        Self::over(AppOptions { route, entropy, ..self.options.clone() }, Arc::clone(&self.database))
    }

    fn over(options: AppOptions, database: Arc<Database>) -> Self {
        let clock: Arc<dyn Clock> = options.clock.clone();
        let store: Arc<dyn Store> = database.open(&options.registry, options.route);
        let manage = Manage {
            store: Arc::clone(&store),
            registry: Arc::clone(&options.registry),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&options.entropy),
            actor: Actor::CommandLine,
        };
        // Tests make more clients at once than the machine has cores, and none may be sent away.
        let limits = VerifierLimits { queue: 1_000, wait_ms: 60_000, ..VerifierLimits::default() };
        let verifier = Verifier::new(limits, Arc::clone(&clock), &*options.entropy);
        let service = Service::new(ServiceOptions {
            store,
            registry: Arc::clone(&options.registry),
            verifier: Arc::new(verifier),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&options.entropy),
            public_url: ORIGIN.to_owned(),
            limits: options.limits,
            cursor_key: Secret::new("the key of cursors in tests"),
        });
        Self { options, database, manage, api: ScimApi::new(service) }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &SettableClock {
        &self.options.clock
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.manage.store
    }

    /// The tenant of this slug, made if there is none.
    #[must_use]
    pub fn tenant(&self, slug: &str) -> Tenant {
        self.manage.tenant(slug).unwrap_or_else(|_none| {
            self.manage.create_tenant(slug, None, &[format!("{slug}.example.test")], true).unwrap()
        })
    }

    /// A new connection that is on.
    #[must_use]
    pub fn connection(&self, tenant: &Tenant, preset: Preset) -> Connection {
        self.manage.create_connection(&tenant.slug, preset, None, ConnectionState::On).unwrap().1
    }

    /// A new token with the usual scopes.
    #[must_use]
    pub fn token(&self, connection: &Connection) -> MadeToken {
        self.token_with(connection, ScopeSet::default(), None)
    }

    /// A new token with these scopes and this end.
    #[must_use]
    pub fn token_with(&self, connection: &Connection, scopes: ScopeSet, expires: Option<Timestamp>) -> MadeToken {
        let (tenant, _) = self.manage.connection(connection.id.as_str()).unwrap();
        self.manage.create_token(&tenant.slug, Some(connection.id.as_str()), "test", scopes, expires).unwrap()
    }

    /// A client of this connection with a new token.
    #[must_use]
    pub fn client_of(&self, connection: &Connection) -> Client {
        self.client_with(connection, self.token(connection).token.text().expose())
    }

    /// A client of this connection that presents this token.
    #[must_use]
    pub fn client_with(&self, connection: &Connection, token: &str) -> Client {
        Client::new(self.api.clone(), ORIGIN, &format!("/scim/v2/{}", connection.id), token)
    }

    /// A client of a new connection of this tenant, which is made if there is none.
    #[must_use]
    pub fn client(&self, slug: &str, preset: Preset) -> Client {
        let connection = self.connection(&self.tenant(slug), preset);
        self.client_of(&connection)
    }

    /// Sets switches of a connection.
    pub fn set(&self, connection: &Connection, pairs: &[(&str, &str)]) {
        let pairs: Vec<_> = pairs.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect();
        self.manage.set_connection(connection.id.as_str(), &pairs).unwrap();
    }

    /// Every numbered journal entry of a tenant, after all background work is done.
    #[must_use]
    pub fn journal(&self, tenant: &Tenant) -> Vec<NumberedEvent> {
        while self.manage.store.maintain().unwrap() {}
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        let mut events: Vec<NumberedEvent> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.number);
            let page = self.manage.store.reading(&ctx, |txn| Ok::<_, Abort<()>>(txn.events(after, 1_000)?));
            let page = page.unwrap_or_else(|error| panic!("the journal cannot be read: {error:?}"));
            if page.is_empty() {
                return events;
            }
            events.extend(page);
        }
    }
}
