//! The list of tenants.

use askama::Template;
use headcount_model::{Connection, ConnectionState, Tenant, Timestamp};

use crate::{
    reply::{Refusal, Reply, Shell},
    request::Visit,
    shown::Moment,
};

#[derive(Template)]
#[template(path = "tenants.html")]
struct TenantsPage {
    shell: Shell,
    asked: String,
    /// How many there are, whatever was asked for.
    all: usize,
    rows: Vec<Row>,
}

struct Row {
    slug: String,
    name: String,
    hosts: String,
    state: State,
    providers: String,
    entitled: bool,
    last_seen: Option<Moment>,
}

/// A state as a word with its class.
pub(crate) struct State {
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
}

/// The list, or those of it that a text is found in.
pub(crate) fn list(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let asked = visit.request.parameter("q").unwrap_or_default().trim().to_owned();
    let manage = visit.manage()?;
    let tenants = manage.tenants()?;
    let all = tenants.len();
    let wanted = asked.to_lowercase();
    let is_wanted = |tenant: &Tenant| {
        let texts = [&tenant.slug, &tenant.name].into_iter().chain(&tenant.hosts);
        texts.into_iter().any(|text| text.to_lowercase().contains(&wanted))
    };
    let mut rows = Vec::new();
    for tenant in tenants.into_iter().filter(is_wanted) {
        let connections: Vec<Connection> =
            manage.connections(Some(&tenant.slug))?.into_iter().map(|(_, connection)| connection).collect();
        let last_seen: Option<Timestamp> =
            manage.tokens(Some(&tenant.slug))?.into_iter().filter_map(|(_, _, token)| token.last_used).max();
        let mut providers: Vec<&str> = connections.iter().map(|one| one.preset.display_name()).collect();
        providers.dedup();
        rows.push(Row {
            state: state(&tenant, &connections, last_seen.is_some()),
            providers: providers.join(", "),
            hosts: tenant.hosts.join(", "),
            entitled: tenant.entitled,
            last_seen: last_seen.map(|at| Moment::ago(at, visit.now)),
            slug: tenant.slug,
            name: tenant.name,
        });
    }
    Reply::page(&TenantsPage { shell: visit.shell("Tenants"), asked, all, rows })
}

/// The state of a tenant by that of its connections.
pub(crate) fn state(tenant: &Tenant, connections: &[Connection], is_seen: bool) -> State {
    let has = |state: ConnectionState| connections.iter().any(|one| one.state == state);
    if !tenant.entitled {
        return State { class: "warn", word: "Frozen" };
    }
    if has(ConnectionState::On) {
        return if is_seen {
            State { class: "ok", word: "Active" }
        } else {
            State { class: "info wait", word: "Waiting" }
        };
    }
    if has(ConnectionState::Shadow) {
        return State { class: "info", word: "Rehearsal" };
    }
    State { class: "off", word: "Off" }
}
