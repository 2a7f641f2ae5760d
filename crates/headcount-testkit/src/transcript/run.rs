//! Running a transcript.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use headcount_model::{Preset, Tenant};
use headcount_service::Limits;

use super::{
    Step, Transcript,
    matching::{Names, Whole},
    parse_preset, standing,
};
use crate::{
    app::App,
    client::{Client, Reply},
};

/// The password that requests of transcripts carry, which no answer and no journal entry may show.
pub const CANARY_PASSWORD: &str = "canary-pA55w0rd";

/// Runs a transcript with one of its presets, in the tenant of this slug, which is fresh.
///
/// # Errors
/// The first step whose answer was not as told, with the answer.
pub fn run(app: &App, slug: &str, transcript: &Transcript, preset: Preset) -> Result<(), String> {
    let limited = transcript
        .rate_per_s
        .map(|rate_per_s| app.another_with(Limits { rate_per_s: Some(rate_per_s), ..Limits::default() }));
    let app = limited.as_ref().unwrap_or(app);
    let tenant = app.tenant(slug);
    let mut clients = BTreeMap::new();
    let own = (String::new(), preset, &transcript.switches);
    let mut all = vec![own];
    for (name, other) in &transcript.connections {
        all.push((name.clone(), parse_preset(&other.preset)?, &other.switches));
    }
    for (name, preset, switches) in all {
        let connection = app.connection(&tenant, preset);
        let pairs: Vec<(&str, &str)> = switches.iter().map(|(key, word)| (key.as_str(), word.as_str())).collect();
        if !pairs.is_empty() {
            app.set(&connection, &pairs);
        }
        clients.insert(name, app.client_of(&connection));
    }
    if !transcript.given.accounts.is_empty() {
        let mut lines = transcript.given.accounts.iter().map(|account| Ok(account.to_string().into_bytes()));
        let imported = app.manage.import_users(slug, &mut lines, transcript.given.adoptable, &mut |_| {});
        let imported = imported.map_err(|error| error.to_string())?;
        if !imported.refused.is_empty() {
            return Err(format!("accounts were refused: {:?}", imported.refused));
        }
    }
    let mut names = Names::default();
    names.set("password", CANARY_PASSWORD);
    for (name, client) in &clients {
        names.set(&format!("token {name}"), &client.token);
    }
    for (number, step) in transcript.steps.iter().enumerate() {
        let client = &clients[step.sender.as_deref().unwrap_or_default()];
        names.set("base", &client.base);
        names.set("path", &client.path);
        names.set("token", &client.token);
        names.set("basic", &STANDARD.encode(format!("anybody:{}", client.token)));
        app.clock().advance_seconds(step.wait);
        for n in 1..=step.repeat.unwrap_or(1) {
            names.set("n", &n.to_string());
            let before = step.journal.as_ref().map(|_| app.journal(&tenant).len());
            let reply = send(client, step, &names);
            check(&reply, step, client, &mut names).and_then(|()| check_journal(app, &tenant, step, before)).map_err(
                |why| {
                    let shown: String = reply.text().chars().take(4_000).collect();
                    format!("step {}: {}: {why}\n  answer: {} {shown}", number + 1, reply.what, reply.status)
                },
            )?;
        }
    }
    let secrets: Vec<&str> = clients.values().map(|client| client.token.as_str()).chain([CANARY_PASSWORD]).collect();
    for event in app.journal(&tenant) {
        if secrets.iter().any(|secret| format!("{event:?}").contains(secret)) {
            return Err(format!("journal entry {} shows a secret", event.number));
        }
    }
    Ok(())
}

fn send(client: &Client, step: &Step, names: &Names) -> Reply {
    let request = &step.request;
    let body = match (&request.body, &request.raw) {
        (Some(body), _) => Some(Bytes::from(names.expand_value(body).to_string())),
        (None, Some(raw)) => Some(Bytes::from(names.expand(raw))),
        (None, None) => None,
    };
    let headers: Vec<(String, Option<String>)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_ref().map(|value| names.expand(value))))
        .collect();
    let mut borrowed: Vec<(&str, Option<&str>)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    if body.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
        borrowed.push(("content-type", Some("application/scim+json")));
    }
    client.call(&request.method, &names.expand(&request.target), &borrowed, body)
}

fn check(reply: &Reply, step: &Step, client: &Client, names: &mut Names) -> Result<(), String> {
    let told = &step.answer;
    if reply.status != told.status {
        return Err(format!("the status is {}, not {}", reply.status, told.status));
    }
    standing::check(reply, &step.request.method, &[client.token.as_str(), CANARY_PASSWORD])?;
    let body = if step.request.method == "HEAD" { serde_json::Value::Null } else { reply.json() };
    if reply.status >= 400 {
        let found = body["scimType"].as_str();
        if found != told.scim_type.as_deref() {
            return Err(format!("scimType is {found:?}, not {:?}", told.scim_type));
        }
        let detail = body["detail"].as_str().unwrap_or_default();
        for word in &told.names {
            let word = names.expand(word);
            if !detail.contains(&word) {
                return Err(format!("the detail does not name '{word}'"));
            }
        }
    }
    if let Some(told) = &told.body {
        names.compare(told, &body, "", Whole::Yes)?;
    }
    if let Some(told) = &told.includes {
        names.compare(told, &body, "", Whole::No)?;
    }
    for (name, value) in &told.headers {
        match (value, reply.header(name)) {
            (Some(told), Some(found)) if names.matches(told, found) => {}
            (None, None) => {}
            (_, found) => return Err(format!("the header {name} is {found:?}, not {value:?}")),
        }
    }
    for (pointer, length) in &told.lengths {
        let found = body.pointer(pointer).and_then(serde_json::Value::as_array).map(Vec::len);
        if found != Some(*length) {
            return Err(format!("{pointer} has {found:?} elements, not {length}"));
        }
    }
    Ok(())
}

fn check_journal(app: &App, tenant: &Tenant, step: &Step, before: Option<usize>) -> Result<(), String> {
    let (Some(told), Some(before)) = (&step.journal, before) else { return Ok(()) };
    let events = app.journal(tenant);
    let found: Vec<&str> = events.iter().skip(before).map(|event| event.kind.as_str()).collect();
    if found == told.iter().map(String::as_str).collect::<Vec<_>>() {
        Ok(())
    } else {
        Err(format!("the journal has {found:?} of it, not {told:?}"))
    }
}
