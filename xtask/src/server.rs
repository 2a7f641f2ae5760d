//! The server as other programs meet it: built, started on a free port, stopped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace::{Workspace, output};

/// How long the server may take from start to its first connection, migrations included.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long it may take to stop: it finishes what it has begun.
const STOP_LIMIT: Duration = Duration::from_secs(35);

/// The binary that is given, or a freshly built one.
pub(crate) fn obtain(workspace: &Workspace, given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(binary) => binary.canonicalize().with_context(|| format!("there is no {}", binary.display())),
        None => build(workspace),
    }
}

/// Builds the binary as developers use it and tells where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut command = workspace.cargo(&["build", "--package", "headcount", "--bin", "headcount"]);
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let text = output(&mut command).context("the server does not build")?;
    let executable = text.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message.pointer("/target/name").and_then(Value::as_str)?;
        let path = message.get("executable").and_then(Value::as_str)?;
        (name == "headcount").then(|| PathBuf::from(path))
    });
    executable.context("cargo built no executable `headcount`")
}

/// A running server, stopped when dropped.
pub(crate) struct Server {
    process: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
    ended: Receiver<()>,
}

impl Server {
    /// Starts the server on a free port of the loopback address and waits until it listens.
    pub(crate) fn start(binary: &Path, folder: &Path, database_url: &str, schemas: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(binary);
        command.current_dir(folder).args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url]);
        if let Some(schemas) = schemas {
            command.arg("--schemas").arg(schemas);
        }
        forget_settings(&mut command);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run the server's binary")?;
        let talk = process.stderr.take().context("the server has no standard error")?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let (listening, address) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(talk).lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    // Nobody waits for a second line of this kind.
                    let _ = listening.send(address.to_owned());
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
            // The server is being dropped if nobody waits for its end.
            let _ = end.send(());
        });
        let mut server = Self { process, address: String::new(), log, ended };
        if let Ok(address) = address.recv_timeout(START_LIMIT) {
            server.address = address;
            return Ok(server);
        }
        bail!("the server did not say `listening on http://…`; it said: {}", server.last_words())
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The last lines of its log, to explain a failure.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = log.get(log.len().saturating_sub(20)..).unwrap_or_default();
        tail.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shell's own `kill` is there on every machine; the program of that name may not be.
        let id = self.process.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status();
        let stopped = asked.is_ok_and(|status| status.success()) && self.ended.recv_timeout(STOP_LIMIT).is_ok();
        if !stopped {
            // It has ended already, or it does not want to.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// A bearer token and the base URL that belongs to it.
pub(crate) struct Access {
    pub(crate) base_url: String,
    pub(crate) token: String,
}

/// The command line on the database of a server, as an operator runs it beside the server.
pub(crate) struct CommandLine {
    binary: PathBuf,
    folder: PathBuf,
    database_url: String,
}

impl CommandLine {
    pub(crate) fn new(binary: &Path, folder: &Path, database_url: &str) -> Self {
        Self { binary: binary.to_owned(), folder: folder.to_owned(), database_url: database_url.to_owned() }
    }

    /// Where its commands run.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command and gives what it prints as JSON.
    pub(crate) fn run(&self, words: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).args(words);
        command.args(["--output", "json", "--database-url", &self.database_url]);
        forget_settings(&mut command);
        let said = words.join(" ");
        let text = output(&mut command).with_context(|| format!("`headcount {said}` failed"))?;
        serde_json::from_str(&text).with_context(|| format!("`headcount {said} --output json` printed no JSON"))
    }
}

/// Makes a token with the command line, beside the running server.
pub(crate) fn create_token(command_line: &CommandLine, server: &Server) -> Result<Access> {
    create_token_of(command_line, server.address(), "default")
}

/// Makes a token of a tenant for the server at an address, `http://127.0.0.1:PORT`.
pub(crate) fn create_token_of(command_line: &CommandLine, address: &str, tenant: &str) -> Result<Access> {
    let value = command_line.run(&["token", "create", "--tenant", tenant])?;
    let token = find_text(&value, &|_, text| text.starts_with("hc_").then(|| text.to_owned()))
        .context("`headcount token create --output json` printed no token")?;
    let connection = connection_in(&value).context("`headcount token create --output json` names no connection")?;
    let base_url = format!("{address}/scim/v2/{connection}");
    Ok(Access { base_url, token })
}

/// The connection that a new token belongs to: named, or the last part of its base URL.
fn connection_in(value: &Value) -> Option<String> {
    let named = find_text(value, &|key, text| {
        matches!(key, "connection" | "connection_id" | "connectionId").then(|| text.to_owned())
    });
    named.or_else(|| {
        find_text(value, &|_, text| {
            let (_, rest) = text.split_once("/scim/v2/")?;
            rest.split('/').next().filter(|part| !part.is_empty()).map(str::to_owned)
        })
    })
}

/// The first text in a document for which `pick`, given its key, answers.
fn find_text(value: &Value, pick: &dyn Fn(&str, &str) -> Option<String>) -> Option<String> {
    match value {
        Value::Object(members) => members.iter().find_map(|(key, member)| match member {
            Value::String(text) => pick(key, text),
            other => find_text(other, pick),
        }),
        Value::Array(items) => items.iter().find_map(|item| find_text(item, pick)),
        _ => None,
    }
}

/// The address in a line that says where the server listens.
pub(crate) fn address_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == ',').unwrap_or(rest.len());
    rest.get(..end).filter(|address| address.starts_with("http://"))
}

/// Takes settings of the caller's environment away, so that every run is the same.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HEADCOUNT_") || text == "STATE_DIRECTORY" {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{address_in, connection_in};

    #[test]
    fn the_address_is_found_in_text_and_in_json_lines() {
        assert_eq!(address_in("listening on http://127.0.0.1:4000"), Some("http://127.0.0.1:4000"));
        assert_eq!(
            address_in(r#"{"message":"listening on http://127.0.0.1:4000","level":"INFO"}"#),
            Some("http://127.0.0.1:4000")
        );
        assert_eq!(address_in("listening on nothing"), None);
        assert_eq!(address_in("GET http://127.0.0.1:4000"), None);
    }

    #[test]
    fn the_connection_is_named_or_part_of_the_base_url() {
        assert_eq!(connection_in(&json!({"connection": "c1"})).as_deref(), Some("c1"));
        assert_eq!(connection_in(&json!({"token": {"connection_id": "c2"}})).as_deref(), Some("c2"));
        assert_eq!(connection_in(&json!([{"url": "https://a.example/scim/v2/c3/"}])).as_deref(), Some("c3"));
        assert_eq!(connection_in(&json!({"connections": 3})), None);
    }
}
