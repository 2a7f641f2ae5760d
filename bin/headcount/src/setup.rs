//! The database opened, and what the commands need over it.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use base64::Engine;
use headcount_diesel::{DieselStore, RequireRowLevelSecurity, RowLevelSecurity, Statements, StoreOptions};
use headcount_model::{Actor, Clock, Connection, Entropy, Secret, SystemClock, SystemEntropy};
use headcount_service::{Manage, base_url, manage::MadeLink};
use headcount_store::Store;
use indicatif::ProgressBar;
use scim_schema::Registry;
use serde_json::Value;

use crate::{
    config::{self, Config, redact},
    schemas::Schemas,
};

/// The setting that remembers the public URL of the server's last start.
const PUBLIC_URL: &str = "public_url";
/// The setting that holds the schema documents of the server's last start.
const SCHEMAS: &str = "schemas";
/// The setting that holds the key of paging cursors.
const CURSOR_KEY: &str = "cursor_key";
/// The setting that says which Unicode tables made the comparison forms.
const UNICODE_VERSION: &str = "unicode_version";

/// The setting that says which attributes were searchable and unique when resources were indexed.
const INDEXED: &str = "indexed";

/// Whether resources are indexed anew when the database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reindexing {
    /// If what is searchable or unique has changed.
    AsNeeded,
    /// In any case.
    Forced,
}

/// The database, opened and up to date.
pub(crate) struct Opened {
    pub(crate) manage: Manage,
    public_url: String,
}

impl Opened {
    /// Opens the database for a command, with the schemas that the server served last.
    pub(crate) fn open(config: &Config, reindexing: Reindexing) -> Result<Self> {
        migrate(config)?;
        let builtin = Arc::new(Registry::builtin());
        let store = connect(config, builtin.clone())?;
        let Some(text) = store.setting(SCHEMAS)? else {
            return Self::over(config, store, builtin, reindexing);
        };
        drop(store);
        let documents: Vec<Value> = serde_json::from_str(&text).context("the stored schemas are no JSON")?;
        let registry = builtin.with_documents(&documents).map_err(|(_, error)| error)?;
        let registry = Arc::new(registry);
        Self::over(config, connect(config, registry.clone())?, registry, reindexing)
    }

    /// Opens the database for the server, and keeps its schemas for commands that are run later.
    pub(crate) fn open_with(config: &Config, schemas: &Schemas) -> Result<Self> {
        migrate(config)?;
        let registry = Arc::new(schemas.registry.clone());
        let opened = Self::over(config, connect(config, registry.clone())?, registry, Reindexing::AsNeeded)?;
        let text = Value::from(schemas.documents.clone()).to_string();
        if opened.manage.store.setting(SCHEMAS)?.unwrap_or_else(|| "[]".to_owned()) != text {
            opened.manage.store.set_setting(SCHEMAS, &text)?;
        }
        Ok(opened)
    }

    fn over(config: &Config, store: Arc<dyn Store>, registry: Arc<Registry>, reindexing: Reindexing) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let manage = Manage { store, registry, clock, entropy, actor: Actor::CommandLine };
        if reindexing == Reindexing::Forced {
            reindex(&manage)?;
            manage.store.set_setting(UNICODE_VERSION, scim_schema::fold::UNICODE_VERSION)?;
            manage.store.set_setting(INDEXED, &Manage::indexed(&manage.registry))?;
        }
        check_unicode(&*manage.store)?;
        index_if_changed(&manage)?;
        manage.bootstrap()?;
        let public_url = match config.public_url.as_str() {
            "" => manage.store.setting(PUBLIC_URL)?.unwrap_or_else(|| format!("http://{}", config.listen)),
            url => url.trim_end_matches('/').to_owned(),
        };
        Ok(Self { manage, public_url })
    }

    /// `<public_url>/scim/v2/<connection>`.
    pub(crate) fn base_url(&self, connection: &Connection) -> String {
        base_url::by_connection(&self.public_url, connection)
    }

    /// `<public_url>/console/setup/<code>`.
    pub(crate) fn setup_url(&self, link: &MadeLink) -> String {
        format!("{}/console/setup/{}", self.public_url, link.code.expose())
    }

    /// Keeps the public URL for commands that are run later.
    pub(crate) fn remember_public_url(&self, url: &str) -> Result<()> {
        Ok(self.manage.store.set_setting(PUBLIC_URL, url)?)
    }

    /// The key of cursors, the same for all servers of this database; made at the first start.
    pub(crate) fn cursor_key(&self) -> Result<Secret> {
        let mut bytes = [0_u8; 32];
        self.manage.entropy.fill(&mut bytes);
        let fresh = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
        Ok(Secret::new(self.manage.store.setting_or_insert(CURSOR_KEY, &fresh)?))
    }
}

fn options(config: &Config) -> StoreOptions {
    let settings = &config.database;
    let mut options = StoreOptions::new(Secret::new(config.database_url.as_str()));
    if settings.pool > 0 {
        options.pool_size = settings.pool;
    }
    options.busy_timeout_ms = settings.wait_ms;
    options.statement_timeout_ms = settings.statement_ms;
    options.statements = match settings.statements {
        config::Statements::Named => Statements::Named,
        config::Statements::Unnamed => Statements::Unnamed,
    };
    if settings.require_row_level_security {
        options.require_row_level_security = RequireRowLevelSecurity::Yes;
    }
    options
}

fn migrate(config: &Config) -> Result<()> {
    let url = redact(&config.database_url);
    let done = headcount_diesel::migrate::migrate(&options(config))
        .with_context(|| format!("the tables of {url} cannot be brought up to date"))?;
    if !done.is_empty() {
        tracing::info!(database = url, migrations = ?done, "the database's tables were brought up to date");
    }
    Ok(())
}

fn connect(config: &Config, registry: Arc<Registry>) -> Result<Arc<dyn Store>> {
    let url = redact(&config.database_url);
    let store = DieselStore::connect(&options(config), registry, Arc::new(SystemClock))
        .with_context(|| format!("the database {url} cannot be opened"))?;
    if store.row_level_security() == RowLevelSecurity::Bypassed {
        tracing::warn!(
            "the database role may bypass row-level security, so the second wall between tenants does not stand; \
             docs/operations.md has the SQL that makes a role of its own"
        );
    }
    Ok(Arc::new(store))
}

/// Comparison forms made with other Unicode tables would not meet those made now.
fn check_unicode(store: &dyn Store) -> Result<()> {
    let ours = scim_schema::fold::UNICODE_VERSION;
    let stored = store.setting_or_insert(UNICODE_VERSION, ours)?;
    if stored != ours {
        bail!(
            "the database was made with Unicode {stored}, this program has Unicode {ours}; \
             stop all servers of it and run `headcount migrate --reindex`"
        );
    }
    Ok(())
}

/// Indexes everything anew if other attributes are searchable or unique than when it was indexed.
fn index_if_changed(manage: &Manage) -> Result<()> {
    let indexed = Manage::indexed(&manage.registry);
    if manage.store.setting_or_insert(INDEXED, &indexed)? == indexed {
        return Ok(());
    }
    reindex(manage)?;
    Ok(manage.store.set_setting(INDEXED, &indexed)?)
}

/// Indexes everything anew, with progress for people.
fn reindex(manage: &Manage) -> Result<()> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    let count = manage.reindex(&mut |count| bar.set_message(format!("{count} resources indexed")))?;
    bar.finish_and_clear();
    if count > 0 {
        tracing::info!(count, "resources were indexed anew");
    }
    Ok(())
}
