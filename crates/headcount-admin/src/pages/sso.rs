//! A tenant's page "SSO & provisioning": its connections, their switch, tokens and base URL.

use std::collections::BTreeMap;

use askama::Template;
use headcount_model::{Connection, ConnectionState, Deed, Preset, PublicId, ScopeSet, Tenant, TokenRecord};
use headcount_service::{Manage, base_url, manage::parse_preset};

use crate::{
    pages::tenants::{State, state},
    reply::{Refusal, Reply, Shell},
    request::Visit,
    shown::{Moment, month},
};

#[derive(Template)]
#[template(path = "sso.html")]
#[expect(clippy::struct_excessive_bools, reason = "the template asks for each thing whether it is to be shown")]
struct SsoPage {
    shell: Shell,
    slug: String,
    tenant_name: String,
    entitled: bool,
    may_change: bool,
    may_make: bool,
    may_revoke: bool,
    state: State,
    /// The connections of the tenant, when it has several.
    tabs: Vec<Tab>,
    choices: Vec<Choice>,
    connection: Option<Shown>,
    made: Option<Made>,
    /// Whether a token was asked for that is there already.
    is_repeated: bool,
}

struct Tab {
    id: String,
    name: String,
    is_here: bool,
}

/// A connection as the page shows it.
struct Shown {
    id: String,
    provider: &'static str,
    base_url: String,
    is_on: bool,
    is_shadow: bool,
    last_seen: Option<Moment>,
    tokens: Vec<TokenRow>,
    /// How many tokens there are, dead ones too.
    count: usize,
    has_live_token: bool,
    suggested_name: String,
    words: Words,
}

struct TokenRow {
    id: String,
    name: String,
    made: Moment,
    made_by: String,
    last_used: Option<Moment>,
    expires: Option<Moment>,
    state: State,
    is_live: bool,
}

/// A token that was just made.
struct Made {
    token: String,
    name: String,
    expires: Option<Moment>,
}

/// An identity provider to choose.
struct Choice {
    word: &'static str,
    name: &'static str,
    note: &'static str,
}

/// What an identity provider calls what is pasted into it.
struct Words {
    place: &'static str,
    url: &'static str,
    token: &'static str,
    test: &'static str,
}

#[derive(Template)]
#[template(path = "provider.html")]
struct ProviderPage {
    shell: Shell,
    slug: String,
    id: String,
    present: &'static str,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct RevokePage {
    shell: Shell,
    slug: String,
    id: String,
    connection: String,
    name: String,
    last_used: Option<Moment>,
}

/// The page.
pub(crate) fn show(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    Reply::page(&page(visit, visit.request.parameter("connection"), None)?)
}

/// Makes the first connection, switched off.
pub(crate) fn connect(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    entitled(visit)?;
    let preset = parse_preset(visit.request.field("preset"))?;
    let slug = &visit.tenant()?.slug;
    let (_, made) = visit.manage()?.create_connection(slug, preset, None, ConnectionState::Off)?;
    Ok(Reply::see(path(slug, made.id.as_str())))
}

/// Asks for another identity provider.
pub(crate) fn choose(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let connection = connection(visit)?;
    Reply::page(&ProviderPage {
        shell: visit.shell("Which identity provider?"),
        slug: visit.tenant()?.slug.clone(),
        id: connection.id.to_string(),
        present: connection.preset.display_name(),
        choices: choices(),
    })
}

/// Sets the identity provider.
pub(crate) fn set_provider(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    entitled(visit)?;
    let connection = connection(visit)?;
    let preset = parse_preset(visit.request.field("preset"))?;
    let mut pairs = vec![("preset".to_owned(), preset.as_str().to_owned())];
    if connection.name == connection.preset.display_name() {
        pairs.push(("name".to_owned(), preset.display_name().to_owned()));
    }
    visit.manage()?.set_connection(connection.id.as_str(), &pairs)?;
    Ok(Reply::see(path(&visit.tenant()?.slug, connection.id.as_str())))
}

/// The switch "Automate provisioning with SCIM".
pub(crate) fn switch(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    entitled(visit)?;
    let connection = connection(visit)?;
    let state = if visit.request.field("state") == "on" { ConnectionState::On } else { ConnectionState::Off };
    if connection.state != state {
        let pairs = [("state".to_owned(), state.as_str().to_owned())];
        visit.manage()?.set_connection(connection.id.as_str(), &pairs)?;
    }
    Ok(Reply::see(path(&visit.tenant()?.slug, connection.id.as_str())))
}

/// Makes a token and answers with the page that shows it, the only time.
pub(crate) fn generate(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    entitled(visit)?;
    let connection = connection(visit)?;
    let slug = visit.tenant()?.slug.clone();
    visit.needs_fresh(&format!("/console/t/{slug}/sso"))?;
    let manage = visit.manage()?;
    // A form that is sent again, by a reload, knows of fewer tokens than there are: it makes no other.
    let count = tokens_of(&manage, &slug, &connection)?.len();
    if visit.request.field("known") != count.to_string() {
        let mut page = page(visit, Some(connection.id.as_str()), None)?;
        page.is_repeated = true;
        return Reply::page_with(409, &page);
    }
    let name = visit.request.field("name").trim();
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Refusal::told(
            400,
            "The name is too long",
            "The name of a token has at most 100 characters, in one line. No token was made.",
            "Go back and choose a shorter one.",
        ));
    }
    let days: Option<i64> = match visit.request.field("expires") {
        "90" => Some(90),
        "never" => None,
        _ => Some(365),
    };
    let expires = days.map(|days| visit.now.plus_seconds(days.saturating_mul(86_400)));
    let made = manage.create_token(&slug, Some(connection.id.as_str()), name, ScopeSet::default(), expires)?;
    let shown = Made {
        token: made.token.text().expose().to_owned(),
        name: name_of(&made.record),
        expires: made.record.expires.map(Moment::day),
    };
    Ok(Reply::page(&page(visit, Some(connection.id.as_str()), Some(shown))?)?.with_secret())
}

/// Asks before a token is revoked.
pub(crate) fn ask_to_revoke(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let (connection, token) = token(visit)?;
    Reply::page(&RevokePage {
        shell: visit.shell("Revoke token"),
        slug: visit.tenant()?.slug.clone(),
        id: token.id.to_string(),
        connection: connection.id.to_string(),
        name: name_of(&token),
        last_used: token.last_used.map(|at| Moment::ago(at, visit.now)),
    })
}

/// Revokes a token.
pub(crate) fn revoke(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let (connection, token) = token(visit)?;
    visit.manage()?.revoke_token(token.id.as_str())?;
    Ok(Reply::see(path(&visit.tenant()?.slug, connection.id.as_str())))
}

/// The connection of the path, which must be the tenant's own.
fn connection(visit: &Visit<'_>) -> Result<Connection, Refusal> {
    let all = visit.manage()?.connections(Some(&visit.tenant()?.slug))?;
    let id = visit.part("connection");
    let own = all.into_iter().map(|(_, connection)| connection).find(|one| one.id.as_str() == id);
    own.ok_or_else(Refusal::not_found)
}

/// The token of the path, which must be the tenant's own.
fn token(visit: &Visit<'_>) -> Result<(Connection, TokenRecord), Refusal> {
    let all = visit.manage()?.tokens(Some(&visit.tenant()?.slug))?;
    let id = visit.part("token");
    let own = all.into_iter().find(|(_, _, token)| token.id.as_str() == id);
    own.map(|(_, connection, token)| (connection, token)).ok_or_else(Refusal::not_found)
}

fn tokens_of(manage: &Manage, slug: &str, connection: &Connection) -> Result<Vec<TokenRecord>, Refusal> {
    let all = manage.tokens(Some(slug))?;
    Ok(all.into_iter().map(|(_, _, token)| token).filter(|token| token.connection == connection.key).collect())
}

/// Refuses what changes a tenant without the entitlement.
fn entitled(visit: &Visit<'_>) -> Result<(), Refusal> {
    if visit.tenant()?.entitled {
        return Ok(());
    }
    Err(Refusal::told(
        403,
        "Provisioning is not part of this plan",
        "The connections of this tenant are frozen as they are. Nothing was changed.",
        "Ask whoever sells you the application to add it; everything is then as it was.",
    ))
}

fn path(slug: &str, connection: &str) -> String {
    format!("/console/t/{slug}/sso?connection={connection}")
}

fn page(visit: &Visit<'_>, chosen: Option<&str>, made: Option<Made>) -> Result<SsoPage, Refusal> {
    let tenant = visit.tenant()?;
    let manage = visit.manage()?;
    let connections: Vec<Connection> =
        manage.connections(Some(&tenant.slug))?.into_iter().map(|(_, connection)| connection).collect();
    let connection = connections.iter().find(|one| Some(one.id.as_str()) == chosen).or_else(|| connections.first());
    let tokens = match connection {
        Some(connection) => tokens_of(&manage, &tenant.slug, connection)?,
        None => Vec::new(),
    };
    let names: BTreeMap<PublicId, String> =
        manage.administrators()?.into_iter().map(|(one, _)| (one.id.clone(), one.shown_name().to_owned())).collect();
    let is_seen = tokens.iter().any(|token| token.last_used.is_some());
    let own = connection.map(std::slice::from_ref).unwrap_or_default();
    Ok(SsoPage {
        shell: visit.shell("SSO & provisioning"),
        slug: tenant.slug.clone(),
        tenant_name: tenant.name.clone(),
        entitled: tenant.entitled,
        may_change: tenant.entitled && visit.may(Deed::ChangeConnections),
        may_make: tenant.entitled && visit.may(Deed::MakeTokens),
        may_revoke: visit.may(Deed::RevokeTokens),
        state: state(tenant, own, is_seen),
        tabs: tabs(&connections, connection),
        choices: choices(),
        connection: connection.map(|one| shown(visit, tenant, one, &tokens, &names)),
        made,
        is_repeated: false,
    })
}

fn tabs(all: &[Connection], here: Option<&Connection>) -> Vec<Tab> {
    let tab = |one: &Connection| Tab {
        id: one.id.to_string(),
        name: one.name.clone(),
        is_here: here.is_some_and(|here| here.key == one.key),
    };
    if all.len() > 1 { all.iter().map(tab).collect() } else { Vec::new() }
}

fn shown(
    visit: &Visit<'_>,
    tenant: &Tenant,
    connection: &Connection,
    tokens: &[TokenRecord],
    names: &BTreeMap<PublicId, String>,
) -> Shown {
    let provider = match connection.preset {
        Preset::Generic | Preset::Strict => "your identity provider",
        preset => preset.display_name(),
    };
    let mut rows: Vec<TokenRow> = tokens.iter().map(|token| row(visit, token, names)).collect();
    rows.reverse();
    rows.sort_by_key(|row| !row.is_live);
    Shown {
        id: connection.id.to_string(),
        provider,
        base_url: base_url(&visit.console.options.public_url, tenant, connection),
        is_on: connection.state == ConnectionState::On,
        is_shadow: connection.state == ConnectionState::Shadow,
        last_seen: tokens.iter().filter_map(|token| token.last_used).max().map(|at| Moment::ago(at, visit.now)),
        count: tokens.len(),
        has_live_token: rows.iter().any(|row| row.is_live),
        tokens: rows,
        suggested_name: format!("{}, {}", connection.name, month(visit.now)),
        words: words(connection.preset),
    }
}

fn row(visit: &Visit<'_>, token: &TokenRecord, names: &BTreeMap<PublicId, String>) -> TokenRow {
    let now = visit.now;
    let is_over = token.expires.is_some_and(|end| end <= now);
    let state = match (token.revoked, token.last_used) {
        (Some(_), _) => State { class: "off", word: "Revoked" },
        (None, _) if is_over => State { class: "off", word: "Ended" },
        (None, None) => State { class: "info wait", word: "Not seen yet" },
        (None, Some(_)) => State { class: "ok", word: "In use" },
    };
    TokenRow {
        id: token.id.to_string(),
        name: name_of(token),
        made: Moment::ago(token.created, now),
        made_by: maker(&token.made_by, names),
        last_used: token.last_used.map(|at| Moment::ago(at, now)),
        expires: token.expires.map(Moment::day),
        state,
        is_live: token.revoked.is_none() && !is_over,
    }
}

/// Who made a token, as people know it, from the text of an actor.
fn maker(actor: &str, administrators: &BTreeMap<PublicId, String>) -> String {
    match actor.strip_prefix("administrator:") {
        Some(id) => {
            let name = administrators.get(&PublicId::from_text(id));
            name.cloned().unwrap_or_else(|| "an administrator who is gone".to_owned())
        }
        None if actor == "command line" => "the command line".to_owned(),
        None => actor.to_owned(),
    }
}

fn name_of(token: &TokenRecord) -> String {
    if token.name.is_empty() { "Without a name".to_owned() } else { token.name.clone() }
}

/// What is pasted: at the tenant's own host if it has one, else by the connection's id.
fn base_url(public_url: &str, tenant: &Tenant, connection: &Connection) -> String {
    match tenant.hosts.first() {
        Some(host) => format!("{}/", base_url::by_host(public_url, host)),
        None => base_url::by_connection(public_url, connection),
    }
}

fn choices() -> Vec<Choice> {
    let note = |preset: Preset| match preset {
        Preset::Okta => "Calls when somebody is assigned, changed or removed. People and groups.",
        Preset::Entra => "Comes about every 40 minutes. People and groups. Formerly Azure AD.",
        Preset::OneLogin => "Calls when somebody changes. People and groups.",
        Preset::JumpCloud => "Makes a test user and a test group first, and deletes both. People and groups.",
        Preset::Google => "Comes every few hours. People only; Google pushes no groups.",
        Preset::Strict => "The standard and nothing else, for clients under test.",
        Preset::Generic => "Anything that speaks SCIM 2.0 with a bearer token.",
        _ => "People and groups, as this product sends them.",
    };
    let first = [Preset::Okta, Preset::Entra, Preset::OneLogin, Preset::JumpCloud, Preset::Google];
    let rest = Preset::ALL.into_iter().filter(|preset| !first.contains(preset));
    let (generic, others): (Vec<Preset>, Vec<Preset>) =
        rest.partition(|preset| matches!(preset, Preset::Generic | Preset::Strict));
    let all = first.into_iter().chain(others).chain(generic);
    all.map(|preset| Choice { word: preset.as_str(), name: preset.display_name(), note: note(preset) }).collect()
}

fn words(preset: Preset) -> Words {
    match preset {
        Preset::Okta => Words {
            place: "In Okta: Applications, your app, Provisioning, Integration, Edit; choose HTTP Header.",
            url: "SCIM connector base URL",
            token: "Authorization",
            test: "Test Connector Configuration",
        },
        Preset::Entra => Words {
            place: "In Entra: Enterprise applications, your app, Provisioning; choose Automatic.",
            url: "Tenant URL",
            token: "Secret Token",
            test: "Test Connection",
        },
        Preset::OneLogin => Words {
            place: "In OneLogin: Applications, your app, Configuration; enable the API connection.",
            url: "SCIM Base URL",
            token: "SCIM Bearer Token",
            test: "Enable",
        },
        Preset::JumpCloud => Words {
            place: "In JumpCloud: SSO Applications, your app, Identity Management; choose SCIM 2.0.",
            url: "Base URL",
            token: "Token Key",
            test: "Test Connection",
        },
        Preset::Google => Words {
            place: "In Google Admin: Apps, Web and mobile apps, your app, Autoprovisioning.",
            url: "Endpoint URL",
            token: "Access token",
            test: "Finish",
        },
        _ => Words {
            place: "In the identity provider's page for SCIM 2.0, with a bearer token.",
            url: "SCIM base URL",
            token: "Bearer token",
            test: "its connection test",
        },
    }
}
