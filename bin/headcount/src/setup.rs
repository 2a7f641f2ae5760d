//! The database opened, and what the commands need over it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use headcount_diesel::{DieselStore, RequireRowLevelSecurity, Statements, StoreOptions};
use headcount_model::{Actor, Clock, Connection, Entropy, Secret, SystemClock, SystemEntropy};
use headcount_service::Manage;
use headcount_store::Store;
use scim_schema::Registry;

use crate::config::{self, Config, redact};

/// The setting that remembers the public URL of the server's last start.
const PUBLIC_URL: &str = "public_url";
/// The setting that holds the key of paging cursors.
const CURSOR_KEY: &str = "cursor_key";
/// The setting that says which Unicode tables made the comparison forms.
const UNICODE_VERSION: &str = "unicode_version";

/// The database, opened and up to date.
pub(crate) struct Opened {
    pub(crate) manage: Manage,
    public_url: String,
}

impl Opened {
    /// Opens the database with the built-in schemas: for commands.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        Self::open_with(config, Registry::builtin())
    }

    /// Opens the database: makes or updates its tables, and in a fresh one the tenant `default`.
    pub(crate) fn open_with(config: &Config, registry: Registry) -> Result<Self> {
        let store = connect(config)?;
        check_unicode(&*store)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let manage = Manage { store, registry: Arc::new(registry), clock, entropy, actor: Actor::CommandLine };
        manage.bootstrap()?;
        let public_url = match config.public_url.as_str() {
            "" => manage.store.setting(PUBLIC_URL)?.unwrap_or_else(|| format!("http://{}", config.listen)),
            url => url.trim_end_matches('/').to_owned(),
        };
        Ok(Self { manage, public_url })
    }

    /// `<public_url>/scim/v2/<connection>`.
    pub(crate) fn base_url(&self, connection: &Connection) -> String {
        format!("{}/scim/v2/{}", self.public_url, connection.id)
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

fn connect(config: &Config) -> Result<Arc<dyn Store>> {
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
    let url = redact(&config.database_url);
    let store = DieselStore::connect(&options).with_context(|| format!("the database {url} cannot be opened"))?;
    store.migrate().with_context(|| format!("the tables of {url} cannot be brought up to date"))?;
    Ok(Arc::new(store))
}

/// Comparison forms made with other Unicode tables would not meet those made now.
fn check_unicode(store: &dyn Store) -> Result<()> {
    let ours = scim_schema::fold::UNICODE_VERSION;
    let stored = store.setting_or_insert(UNICODE_VERSION, ours)?;
    if stored != ours {
        bail!(
            "the database was made with Unicode {stored}, this program has Unicode {ours}; run `headcount migrate --reindex`"
        );
    }
    Ok(())
}
