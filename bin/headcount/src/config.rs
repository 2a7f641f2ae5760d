//! One typed configuration, read once: flag over environment over file over default.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use config::{ConfigError, Map, Source, Value, ValueKind};
use serde::Deserialize;

use crate::cli::{Global, Serve};

/// A key of the configuration.
pub(crate) struct Key {
    /// Its name; a dot stands between section and key.
    pub(crate) name: &'static str,
    /// Its default as text; empty for none.
    pub(crate) default: &'static str,
    /// What it decides, with units and range.
    pub(crate) meaning: &'static str,
    /// Whether its value may hold a secret.
    pub(crate) secret: bool,
}

const fn key(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { name, default, meaning, secret: false }
}

/// Every key there is; the documents are generated from this table.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "database_url",
        default: "sqlite:headcount.db",
        meaning: "Where the data is: `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.",
        secret: true,
    },
    key("listen", "127.0.0.1:8080", "Address and port the server listens on; port 0 takes a free one."),
    key(
        "public_url",
        "",
        "The URL under which identity providers reach the server; by default that of the last start, else `http://` and the listen address.",
    ),
    key("log", "info,actix_server=warn", "What is logged: a level, or a filter such as `headcount=debug`."),
    key("log_format", "auto", "`text`, `json`, or `auto`: text on a terminal, JSON otherwise."),
    key("schemas", "", "Folder of Schema and ResourceType documents to serve beside User and Group."),
    key("database.pool", "0", "Connections: readers of SQLite, all to PostgreSQL; 1 to 256, or 0 for 4 and 16."),
    key("database.wait_ms", "2000", "Longest wait for a connection or a lock, in milliseconds; then 503."),
    key("database.statement_ms", "5000", "Longest time of one statement on PostgreSQL, in milliseconds."),
    key(
        "database.statements",
        "named",
        "How statements are prepared on PostgreSQL: `named`, or `unnamed` behind a pooler such as pgbouncer.",
    ),
    key(
        "database.require_row_level_security",
        "false",
        "Refuse to start if the PostgreSQL role may bypass row-level security.",
    ),
    key("server.workers", "2", "Threads that read requests, 1 to 64."),
    key("server.blocking_threads", "72", "Threads that work in the store, 2 to 512."),
    key("server.shutdown_s", "25", "Longest wait for requests in flight at shutdown, in seconds."),
    key("server.trusted_proxies", "", "Addresses of proxies whose X-Forwarded-Host is believed, a comma list."),
    key("limits.body_bytes", "10485760", "Longest request body, in bytes; 413."),
    key("limits.members", "20000", "Most members in one request; 413."),
    key("limits.patch_operations", "1000", "Most operations of a PATCH; 413."),
    key("limits.bulk_operations", "1000", "Most operations of a bulk request; 413."),
    key("limits.bulk_bytes", "10485760", "Longest bulk request body, in bytes; 413."),
    key(
        "limits.rate_per_s",
        "0",
        "Most requests a second of one connection to one server, 25 to 100000, with four times as many at once after a rest; 429. 0: no limit.",
    ),
    key("limits.page", "500", "Most resources in a page, from 100."),
    key("limits.cursor_timeout_s", "3600", "How long a paging cursor is good, in seconds."),
];

/// The configuration in force.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) database_url: String,
    pub(crate) listen: String,
    pub(crate) public_url: String,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) schemas: String,
    pub(crate) database: Database,
    pub(crate) server: Server,
    pub(crate) limits: Limits,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("log_format is '{text}'; it takes auto, text or json")),
        }
    }
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) enum Statements {
    Named,
    Unnamed,
}

impl TryFrom<String> for Statements {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "named" => Ok(Self::Named),
            "unnamed" => Ok(Self::Unnamed),
            _ => Err(format!("database.statements is '{text}'; it takes named or unnamed")),
        }
    }
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) pool: u32,
    pub(crate) wait_ms: u64,
    pub(crate) statement_ms: u64,
    pub(crate) statements: Statements,
    pub(crate) require_row_level_security: bool,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) workers: usize,
    pub(crate) blocking_threads: usize,
    pub(crate) shutdown_s: u64,
    pub(crate) trusted_proxies: String,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    pub(crate) members: usize,
    pub(crate) patch_operations: usize,
    pub(crate) bulk_operations: usize,
    pub(crate) bulk_bytes: usize,
    pub(crate) rate_per_s: u32,
    pub(crate) page: u64,
    pub(crate) cursor_timeout_s: i64,
}

impl Config {
    /// The folder of schema documents, if there is one.
    pub(crate) fn schemas_folder(&self) -> Option<&Path> {
        (!self.schemas.is_empty()).then(|| Path::new(&self.schemas))
    }
}

/// A value in force and where it came from.
pub(crate) struct Effective {
    pub(crate) key: &'static Key,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// The configuration and, for each key, where its value came from.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) effective: Vec<Effective>,
}

/// Reads the configuration.
pub(crate) fn load(global: &Global, serve: Option<&Serve>) -> Result<Loaded> {
    load_from(global, serve, &environment())
}

fn load_from(global: &Global, serve: Option<&Serve>, environment: &BTreeMap<String, String>) -> Result<Loaded> {
    let mut layers = vec![defaults(environment)];
    if let Some(path) = file(global, environment)? {
        layers.push(from_file(&path)?);
    }
    layers.push(from_environment(environment)?);
    layers.push(flags(global, serve));
    let mut builder = config::Config::builder();
    for layer in &layers {
        builder = builder.add_source(layer.clone());
    }
    let merged = builder.build().map_err(|error| readable(&error)).context("the configuration cannot be read")?;

    let effective = KEYS
        .iter()
        .map(|key| {
            let value: String = merged.get(key.name).map_err(|error| readable(&error))?;
            let source = layers.iter().rev().find_map(|Layer(values)| values.get(key.name));
            let origin = source.and_then(Value::origin).unwrap_or("default").to_owned();
            Ok(Effective { key, value, origin })
        })
        .collect::<Result<Vec<_>>>()?;
    let config: Config = merged.try_deserialize().map_err(|error| readable(&error))?;
    check(&config)?;
    Ok(Loaded { config, effective })
}

/// The environment's variables of ours. The one place that reads the environment.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("HEADCOUNT_") || name == "STATE_DIRECTORY")
        // Variables of the test suite are no configuration.
        .filter(|(name, _)| !name.starts_with("HEADCOUNT_TEST_"))
        .collect()
}

fn check(config: &Config) -> Result<()> {
    let range = |name: &str, value: u64, from: u64, to: u64| -> Result<()> {
        if (from..=to).contains(&value) {
            return Ok(());
        }
        bail!("{name} is {value}; it takes {from} to {to}")
    };
    range("database.pool", config.database.pool.into(), 0, 256)?;
    range("database.wait_ms", config.database.wait_ms, 1, 60_000)?;
    range("database.statement_ms", config.database.statement_ms, 100, 600_000)?;
    range("server.workers", config.server.workers.try_into()?, 1, 64)?;
    range("server.blocking_threads", config.server.blocking_threads.try_into()?, 2, 512)?;
    range("server.shutdown_s", config.server.shutdown_s, 1, 3_600)?;
    range("limits.body_bytes", config.limits.body_bytes.try_into()?, 1_024, 1 << 30)?;
    range("limits.members", config.limits.members.try_into()?, 1, 1_000_000)?;
    range("limits.patch_operations", config.limits.patch_operations.try_into()?, 1, 100_000)?;
    range("limits.bulk_operations", config.limits.bulk_operations.try_into()?, 1, 100_000)?;
    range("limits.bulk_bytes", config.limits.bulk_bytes.try_into()?, 1_024, 1 << 30)?;
    // Entra ID asks every server to stand 25 a second.
    if !matches!(config.limits.rate_per_s, 0 | 25..=100_000) {
        bail!("limits.rate_per_s is {}; it takes 25 to 100000, or 0 for no limit", config.limits.rate_per_s);
    }
    // Below 100 rauthy would take the first page of a list for the last.
    range("limits.page", config.limits.page, 100, 10_000)?;
    range("limits.cursor_timeout_s", config.limits.cursor_timeout_s.try_into().unwrap_or(0), 1, 86_400)?;
    if !config.public_url.is_empty() {
        check_public_url(&config.public_url)?;
    }
    Ok(())
}

/// Whether the text can stand in front of `/scim/v2/…`.
pub(crate) fn check_public_url(url: &str) -> Result<()> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.trim_matches('/').is_empty() && !url.contains(['?', '#', ' ']) => Ok(()),
        _ => bail!("public_url is '{url}'; it takes a URL such as https://scim.example.com, without a query"),
    }
}

/// One layer: dotted keys with values that know their origin.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

fn layer<'a>(pairs: impl IntoIterator<Item = (String, &'a str, String)>) -> Layer {
    Layer(pairs.into_iter().map(|(name, value, origin)| (name, Value::new(Some(&origin), value))).collect())
}

fn defaults(environment: &BTreeMap<String, String>) -> Layer {
    let Layer(mut values) = layer(KEYS.iter().map(|key| (key.name.to_owned(), key.default, "default".to_owned())));
    // systemd names the folder in which a service keeps its state.
    if let Some(folder) = environment.get("STATE_DIRECTORY") {
        let origin = "STATE_DIRECTORY".to_owned();
        let url = format!("sqlite:{folder}/headcount.db");
        values.insert("database_url".to_owned(), Value::new(Some(&origin), url));
    }
    Layer(values)
}

/// The configuration file to read, if there is one.
fn file(global: &Global, environment: &BTreeMap<String, String>) -> Result<Option<PathBuf>> {
    let named = global.config.clone().or_else(|| environment.get("HEADCOUNT_CONFIG").map(PathBuf::from));
    match named {
        Some(path) if path.is_file() => Ok(Some(path)),
        Some(path) => bail!("there is no configuration file {}", path.display()),
        None => {
            let usual = ["headcount.toml", "/etc/headcount/headcount.toml"].map(PathBuf::from);
            Ok(usual.into_iter().find(|path| path.is_file()))
        }
    }
}

/// The keys of a file, those in sections with a dot.
fn from_file(path: &Path) -> Result<Layer> {
    let origin = path.display().to_string();
    let file = config::File::from(path).format(config::FileFormat::Toml);
    let read = file.collect().map_err(|error| readable(&error)).with_context(|| format!("{origin} cannot be read"))?;
    let mut values = Map::new();
    for (name, value) in read {
        match value.kind {
            ValueKind::Table(section) => {
                values.extend(section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            _ => {
                values.insert(name, value);
            }
        }
    }
    if let Some(name) = values.keys().find(|name| KEYS.iter().all(|key| key.name != name.as_str())) {
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        bail!("{origin} has the unknown key {name}; there are {}", known.join(", "));
    }
    let layer = values.into_iter().map(|(name, value)| {
        let kind = match value.kind {
            // A list may be written as one, or as text with commas.
            ValueKind::Array(items) => {
                let items: Result<Vec<String>, ConfigError> = items.into_iter().map(Value::into_string).collect();
                ValueKind::String(items.map_err(|error| readable(&error))?.join(","))
            }
            kind => kind,
        };
        Ok((name, Value::new(Some(&origin), kind)))
    });
    Ok(Layer(layer.collect::<Result<_>>()?))
}

/// `HEADCOUNT_LISTEN`, `HEADCOUNT_DATABASE__POOL`, and for secrets `HEADCOUNT_DATABASE_URL_FILE`.
fn from_environment(environment: &BTreeMap<String, String>) -> Result<Layer> {
    let mut values = Map::new();
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix("HEADCOUNT_") else {
            continue;
        };
        if rest == "CONFIG" {
            continue;
        }
        let find = |rest: &str| {
            let dotted = rest.to_ascii_lowercase().replace("__", ".");
            KEYS.iter().find(|key| key.name == dotted)
        };
        let (key, value) = if let Some(key) = find(rest) {
            (key, value.clone())
        } else if let Some(key) = rest.strip_suffix("_FILE").and_then(find).filter(|key| key.secret) {
            let text =
                fs::read_to_string(value).with_context(|| format!("{name} names {value}, which cannot be read"))?;
            (key, text.trim_end().to_owned())
        } else {
            let known: Vec<String> = KEYS.iter().map(|key| variable(key.name)).collect();
            bail!("the environment variable {name} names no key of the configuration; there are {}", known.join(", "));
        };
        values.insert(key.name.to_owned(), Value::new(Some(name), value));
    }
    Ok(Layer(values))
}

/// The environment variable of a key.
pub(crate) fn variable(name: &str) -> String {
    format!("HEADCOUNT_{}", name.replace('.', "__").to_ascii_uppercase())
}

fn flags(global: &Global, serve: Option<&Serve>) -> Layer {
    let schemas = serve.and_then(|serve| serve.schemas.as_ref()).map(|path| path.display().to_string());
    let pairs = [
        ("database_url", "--database-url", global.database_url.as_deref()),
        ("public_url", "--public-url", global.public_url.as_deref()),
        ("log", "--log", global.log.as_deref()),
        ("listen", "--listen", serve.and_then(|serve| serve.listen.as_deref())),
        ("schemas", "--schemas", schemas.as_deref()),
    ];
    layer(pairs.into_iter().filter_map(|(name, flag, value)| Some((name.to_owned(), value?, flag.to_owned()))))
}

/// The library's error with its advice in our words.
fn readable(error: &ConfigError) -> anyhow::Error {
    anyhow::anyhow!("{error}; `headcount config check` shows every key with its value and origin")
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.secret { f.write_str(&redact(&self.value)) } else { f.write_str(&self.value) }
    }
}

/// A database URL without its password.
pub(crate) fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((credentials, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)], global: &Global) -> Result<Loaded> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load_from(global, None, &environment)
    }

    fn origin<'a>(loaded: &'a Loaded, name: &str) -> &'a str {
        &loaded.effective.iter().find(|one| one.key.name == name).unwrap().origin
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_the_environment_over_the_default() {
        let global = Global { public_url: Some("https://flag.example".to_owned()), ..Global::default() };
        let loaded =
            with(&[("HEADCOUNT_PUBLIC_URL", "https://env.example"), ("HEADCOUNT_DATABASE__POOL", "3")], &global)
                .unwrap();
        assert_eq!(loaded.config.public_url, "https://flag.example");
        assert_eq!(origin(&loaded, "public_url"), "--public-url");
        assert_eq!(loaded.config.database.pool, 3);
        assert_eq!(origin(&loaded, "database.pool"), "HEADCOUNT_DATABASE__POOL");
        assert_eq!(loaded.config.listen, "127.0.0.1:8080");
        assert_eq!(origin(&loaded, "listen"), "default");
    }

    #[test]
    fn an_unknown_variable_a_bad_number_and_a_value_out_of_range_are_refused_by_name() {
        let unknown = with(&[("HEADCOUNT_LISTN", "x")], &Global::default()).err().unwrap().to_string();
        assert!(unknown.contains("HEADCOUNT_LISTN") && unknown.contains("HEADCOUNT_LISTEN"), "{unknown}");
        let number = with(&[("HEADCOUNT_DATABASE__POOL", "many")], &Global::default()).err().unwrap().to_string();
        assert!(number.contains("database.pool"), "{number}");
        let range = with(&[("HEADCOUNT_LIMITS__PAGE", "50")], &Global::default()).err().unwrap().to_string();
        assert!(range.contains("limits.page") && range.contains("100"), "{range}");
    }

    #[test]
    fn a_rate_is_off_by_default_and_never_below_what_identity_providers_need() {
        let with_rate = |rate: &str| with(&[("HEADCOUNT_LIMITS__RATE_PER_S", rate)], &Global::default());
        assert_eq!(with(&[], &Global::default()).unwrap().config.limits.rate_per_s, 0);
        for (text, rate) in [("0", 0), ("25", 25), ("100000", 100_000)] {
            assert_eq!(with_rate(text).unwrap().config.limits.rate_per_s, rate);
        }
        for text in ["1", "24", "100001", "-1"] {
            let refused = with_rate(text).err().unwrap().to_string();
            assert!(refused.contains("limits.rate_per_s"), "{refused}");
        }
    }

    #[test]
    fn a_file_gives_values_with_its_name_as_origin_and_an_unknown_key_in_it_is_refused() {
        let path = std::env::temp_dir().join(format!("headcount-config-{}.toml", std::process::id()));
        let global = Global { config: Some(path.clone()), ..Global::default() };
        fs::write(&path, "listen = \"127.0.0.1:1\"\n[limits]\npage = 200\n").unwrap();
        let loaded = with(&[("HEADCOUNT_LISTEN", "127.0.0.1:2")], &global).unwrap();
        assert_eq!((loaded.config.limits.page, loaded.config.listen.as_str()), (200, "127.0.0.1:2"));
        assert_eq!(origin(&loaded, "limits.page"), path.display().to_string());
        fs::write(&path, "[limits]\npages = 200\n").unwrap();
        let unknown = with(&[], &global).err().unwrap().to_string();
        assert!(unknown.contains("limits.pages") && unknown.contains(&path.display().to_string()), "{unknown}");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_password_in_the_database_url_is_not_shown() {
        assert_eq!(redact("postgres://app:s3cret@db/headcount"), "postgres://app:***@db/headcount");
        assert_eq!(redact("postgres://app@db/headcount"), "postgres://app@db/headcount");
        assert_eq!(redact("sqlite:headcount.db"), "sqlite:headcount.db");
    }
}
