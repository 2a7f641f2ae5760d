//! One customer's life with an identity provider, told step by step and counted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::http::{self, Request};
use super::reply::{Reply, Want};
use crate::server::{CommandLine, Server};

/// The headers of one identity provider's client.
pub(crate) struct Manners {
    /// Sent with every request.
    pub(crate) always: &'static [(&'static str, &'static str)],
    /// Sent with every body.
    pub(crate) content_type: &'static str,
}

/// An identity provider as one connection has it configured.
#[derive(Clone)]
pub(crate) struct Client {
    manners: &'static Manners,
    /// The id of its connection.
    pub(crate) connection: String,
    /// The id of its token.
    pub(crate) token_id: String,
    token: String,
    authorization: Option<String>,
    base: String,
    host: String,
}

impl Client {
    /// The token itself, to be presented elsewhere.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The same with other text in the `Authorization` header, or none.
    pub(crate) fn presenting(&self, authorization: Option<&str>) -> Self {
        Self { authorization: authorization.map(str::to_owned), ..self.clone() }
    }

    /// The same with another base, as the administrator typed it.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The same with another Host header.
    pub(crate) fn calling(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    /// The path below which this client calls.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

/// The journey: a server, its operator, and what came of the steps so far.
pub(crate) struct Journey<'a> {
    name: String,
    server: &'a Server,
    operator: CommandLine,
    passed: usize,
    failed: usize,
}

impl<'a> Journey<'a> {
    pub(crate) fn new(name: String, server: &'a Server, operator: CommandLine) -> Self {
        println!("\n== {name}");
        Self { name, server, operator, passed: 0, failed: 0 }
    }

    /// A step of the identity provider: one request.
    pub(crate) fn step<'j>(&'j mut self, client: &'j Client, what: &'j str) -> Step<'j, 'a> {
        Step {
            journey: self,
            client,
            what,
            method: "GET",
            path: String::new(),
            body: None,
            content_type: None,
            headers: Vec::new(),
            status: 200,
            wants: Vec::new(),
        }
    }

    /// A step of the operator: one command. The journey ends if it fails.
    pub(crate) fn operator(&mut self, what: &str, words: &[&str]) -> Result<Value> {
        let done = self.operator.run(words);
        let faults = done.as_ref().err().map(|error| format!("{error:#}"));
        let told = format!("{what}: headcount {}", words.join(" "));
        self.tell(&told, faults.into_iter().collect());
        done
    }

    /// Imports accounts of the application, one JSON object a line.
    pub(crate) fn import(&mut self, what: &str, tenant: &str, lines: &[Value], flags: &[&str]) -> Result<()> {
        let file = self.operator.folder().join("people.jsonl");
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&file, text.join("\n")).context("cannot write the accounts to be imported")?;
        let mut words = vec!["user", "import", "--tenant", tenant];
        words.extend(flags);
        words.push("people.jsonl");
        let imported = self.operator(what, &words)?;
        let created = imported.get("created").and_then(Value::as_u64);
        self.check(
            "every line is an account now",
            created == u64::try_from(lines.len()).ok(),
            &format!("expected {} accounts, got {imported}", lines.len()),
        );
        Ok(())
    }

    /// Makes a connection and a token for it.
    pub(crate) fn connect(&mut self, tenant: &str, preset: &str, manners: &'static Manners) -> Result<Client> {
        let connection = self.operator(
            "the operator makes a connection",
            &["connection", "create", "--tenant", tenant, "--preset", preset],
        )?;
        let connection = text(&connection, "id")?;
        self.token(tenant, &connection, manners)
    }

    /// Makes a token for a connection.
    pub(crate) fn token(&mut self, tenant: &str, connection: &str, manners: &'static Manners) -> Result<Client> {
        let made = self.operator(
            "the operator makes a token",
            &["token", "create", "--tenant", tenant, "--connection", connection, "--name", "identity provider"],
        )?;
        self.client(&made, manners)
    }

    /// What an identity provider is configured with, from what `token create` or `rotate` printed.
    pub(crate) fn client(&mut self, made: &Value, manners: &'static Manners) -> Result<Client> {
        let connection = text(made, "connection")?;
        let base_url = text(made, "base_url")?;
        let base = format!("/scim/v2/{connection}");
        let expected = format!("{}{base}", self.server.address());
        self.check(
            "the command shows the base URL to paste",
            base_url == expected,
            &format!("expected {expected}, got {base_url}"),
        );
        let token = text(made, "token")?;
        Ok(Client {
            manners,
            connection,
            token_id: text(made, "id")?,
            authorization: Some(format!("Bearer {token}")),
            token,
            base,
            host: self.authority().to_owned(),
        })
    }

    /// A step that is no request: something that earlier answers have to agree on.
    pub(crate) fn check(&mut self, what: &str, right: bool, fault: &str) {
        let faults = if right { Vec::new() } else { vec![fault.to_owned()] };
        self.tell(what, faults);
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.server.address()
    }

    fn authority(&self) -> &str {
        self.address().trim_start_matches("http://")
    }

    /// Closes the journey with one line and tells whether all went well.
    pub(crate) fn conclude(mut self, outcome: Result<()>) -> bool {
        if let Err(error) = outcome {
            // A failed command has been counted where it was told.
            println!("     the journey ends here: {error:#}");
            self.failed = self.failed.max(1);
        }
        if self.failed > 0 {
            println!("     the server said last:\n{}", self.server.last_words());
        }
        println!("integration {}: {} passed, {} failed", self.name, self.passed, self.failed);
        self.failed == 0
    }

    fn tell(&mut self, told: &str, faults: Vec<String>) {
        let number = self.passed.saturating_add(self.failed).saturating_add(1);
        if faults.is_empty() {
            self.passed += 1;
            println!("{number:>4} {told} ok");
            return;
        }
        self.failed += 1;
        println!("{number:>4} {told} FAILED");
        for fault in faults {
            println!("       {fault}");
        }
    }
}

fn text(value: &Value, name: &str) -> Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("a command printed no `{name}`: {value}"))
}

/// One request of the identity provider, and what it wants of the answer.
#[must_use]
pub(crate) struct Step<'j, 'a> {
    journey: &'j mut Journey<'a>,
    client: &'j Client,
    what: &'j str,
    method: &'static str,
    path: String,
    body: Option<Value>,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    status: u16,
    wants: Vec<Want>,
}

impl Step<'_, '_> {
    pub(crate) fn get(self, path: impl Into<String>) -> Self {
        self.request("GET", path, None)
    }

    pub(crate) fn post(self, path: impl Into<String>, body: impl Into<Value>) -> Self {
        self.request("POST", path, Some(body.into())).wants(201)
    }

    pub(crate) fn put(self, path: impl Into<String>, body: impl Into<Value>) -> Self {
        self.request("PUT", path, Some(body.into()))
    }

    pub(crate) fn patch(self, path: impl Into<String>, body: impl Into<Value>) -> Self {
        self.request("PATCH", path, Some(body.into()))
    }

    pub(crate) fn delete(self, path: impl Into<String>) -> Self {
        self.request("DELETE", path, None).wants(204)
    }

    fn request(self, method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, ..self }
    }

    /// Sends the body, or a request without one, under another media type.
    pub(crate) fn of_type(self, content_type: &'static str) -> Self {
        Self { content_type: Some(content_type), ..self }
    }

    /// Sends one header more.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status that is due; otherwise 200, 201 for POST, 204 for DELETE.
    pub(crate) fn wants(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn want(mut self, want: Want) -> Self {
        self.wants.push(want);
        self
    }

    /// A refusal with a sentence that has these words in it.
    pub(crate) fn refused(self, status: u16, words: &str) -> Self {
        self.wants(status).want(Want::Says(words.to_owned()))
    }

    /// A refusal as above, with a key word of RFC 7644 §3.12.
    pub(crate) fn refused_as(self, status: u16, scim_type: &str, words: &str) -> Self {
        self.refused(status, words).shows("/scimType", scim_type)
    }

    pub(crate) fn shows(self, pointer: &str, value: impl Into<Value>) -> Self {
        self.want(Want::Is(pointer.to_owned(), value.into()))
    }

    pub(crate) fn lacks(self, pointer: &str) -> Self {
        self.want(Want::Absent(pointer.to_owned()))
    }

    pub(crate) fn tells(self, pointer: &str) -> Self {
        self.want(Want::Text(pointer.to_owned()))
    }

    pub(crate) fn begins(self, pointer: &str, start: impl Into<String>) -> Self {
        self.want(Want::Begins(pointer.to_owned(), start.into()))
    }

    pub(crate) fn has(self, pointer: &str, parts: Value) -> Self {
        self.want(Want::Has(pointer.to_owned(), parts))
    }

    pub(crate) fn holds(self, pointer: &str, values: &[&str]) -> Self {
        let values: BTreeSet<String> = values.iter().map(|value| (*value).to_owned()).collect();
        self.want(Want::Values(pointer.to_owned(), values))
    }

    pub(crate) fn members(self, ids: &[&str]) -> Self {
        self.holds("/members", ids)
    }

    pub(crate) fn total(self, total: u64) -> Self {
        self.want(Want::Total(total))
    }

    /// A list of exactly these.
    pub(crate) fn finds(self, ids: &[&str]) -> Self {
        let total = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.total(total).want(Want::Ids(ids))
    }

    pub(crate) fn lists(self, ids: &[String]) -> Self {
        self.want(Want::Ids(ids.to_vec()))
    }

    pub(crate) fn header(self, name: &str, value: impl Into<String>) -> Self {
        self.want(Want::Header(name.to_owned(), value.into()))
    }

    /// A body that is this text, byte for byte.
    pub(crate) fn answers(self, raw: impl Into<String>) -> Self {
        self.want(Want::Raw(raw.into()))
    }

    /// Sends the request, tells the step, and gives the answer.
    pub(crate) fn run(self) -> Reply {
        let Self { journey, client, what, method, path, body, content_type, headers, status, wants } = self;
        let target = format!("{}{path}", client.base());
        let text = body.as_ref().map(Value::to_string);
        let mut sent: Vec<(&str, &str)> = client.manners.always.to_vec();
        if let Some(content_type) = content_type.or(text.as_ref().map(|_| client.manners.content_type)) {
            sent.push(("Content-Type", content_type));
        }
        if let Some(authorization) = &client.authorization {
            sent.push(("Authorization", authorization));
        }
        sent.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let request = Request { method, target: &target, host: &client.host, headers: sent, body: text.as_deref() };
        let shown = if client.base.starts_with("/scim/v2/") { path.as_str() } else { target.as_str() };
        let response = match http::send(journey.authority(), &request) {
            Ok(response) => response,
            Err(error) => {
                journey.tell(&format!("{what}: {method} {shown}"), vec![format!("{error:#}")]);
                return Reply::default();
            }
        };
        let reply = Reply::new(response);
        let mut faults = Vec::new();
        if reply.status() != status {
            faults.push(format!("expected {status}, got {} {}", reply.status(), brief(&reply)));
        }
        faults.extend(reply.faults());
        faults.extend(wants.iter().filter_map(|want| want.fault(&reply)));
        journey.tell(&format!("{what}: {method} {shown} {}", reply.status()), faults);
        reply
    }
}

/// The sentence of a refusal.
fn brief(reply: &Reply) -> String {
    let detail = reply.body().get("detail").and_then(Value::as_str);
    detail.map_or_else(String::new, |detail| format!("({detail})"))
}
