//! A request as the pages see it, and who makes it.

use std::{collections::BTreeMap, net::IpAddr};

use headcount_model::{Deed, Secret, Tenant, TenantKey, Timestamp};
use headcount_service::{Manage, administration::SignedIn};

use crate::{
    console::Console,
    reply::{Refusal, Shell},
};

/// What a page may look at of a request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    /// The fields of a form.
    pub(crate) form: BTreeMap<String, String>,
    /// The header `Cookie`.
    pub(crate) cookies: String,
    /// Where the client is, as far as is known.
    pub(crate) address: Option<IpAddr>,
    /// The header `Host`.
    pub(crate) host: Option<String>,
    /// The header `Origin`.
    pub(crate) origin: Option<String>,
    /// The header `Sec-Fetch-Site`.
    pub(crate) fetch_site: Option<String>,
    /// Whether its body was longer than any form.
    pub(crate) is_too_long: bool,
    /// Whether the console is reached by https.
    pub(crate) is_https: bool,
}

/// The cookie of the session where the console is reached by https: its prefix makes browsers keep it
/// to this host, to https and to what this host has set.
pub(crate) const SECURE_COOKIE: &str = "__Host-headcount";
/// The same elsewhere, where browsers would not take the prefix.
pub(crate) const PLAIN_COOKIE: &str = "headcount";
/// The cookie of the appearance.
pub(crate) const THEME_COOKIE: &str = "headcount-theme";

impl Request {
    /// A field of the form, empty if it is not there.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query, if it is there and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The secret of the session, as the cookie has it.
    pub(crate) fn session_secret(&self) -> Option<Secret> {
        self.cookie(if self.is_https { SECURE_COOKIE } else { PLAIN_COOKIE }).map(Secret::new)
    }

    /// The appearance that was chosen; `None`: the system's.
    pub(crate) fn theme(&self) -> Option<&'static str> {
        match self.cookie(THEME_COOKIE) {
            Some("light") => Some("light"),
            Some("dark") => Some("dark"),
            _ => None,
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).find(|value| !value.is_empty())
    }
}

/// A request that the table of routes has let through.
pub(crate) struct Visit<'a> {
    pub(crate) console: &'a Console,
    pub(crate) request: &'a Request,
    /// The parts of the path that the route names.
    pub(crate) parts: Vec<(&'static str, String)>,
    pub(crate) signed_in: Option<SignedIn>,
    /// The tenant that the path names.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) now: Timestamp,
}

impl Visit<'_> {
    /// A part of the path; empty if the route has none of this name.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// Who is signed in.
    pub(crate) fn who(&self) -> Result<&SignedIn, Refusal> {
        self.signed_in.as_ref().ok_or_else(|| Refusal::SignIn(String::new()))
    }

    /// The tenant of the path.
    pub(crate) fn tenant(&self) -> Result<&Tenant, Refusal> {
        self.tenant.as_ref().ok_or_else(Refusal::not_found)
    }

    /// Management in the name of who is signed in.
    pub(crate) fn manage(&self) -> Result<Manage, Refusal> {
        Ok(self.console.manage(self.who()?.actor()))
    }

    /// Whether who is signed in may do this to the tenant of the path.
    pub(crate) fn may(&self, deed: Deed) -> bool {
        let on: Option<TenantKey> = self.tenant.as_ref().map(|tenant| tenant.key);
        self.signed_in.as_ref().is_some_and(|who| who.administrator.role.may(deed, on))
    }

    /// What every page has.
    pub(crate) fn shell(&self, title: &str) -> Shell {
        Shell::new(title, self.request.theme(), self)
    }

    /// Refuses unless the password was given lately; who gives it comes back to `next`.
    pub(crate) fn needs_fresh(&self, next: &str) -> Result<(), Refusal> {
        if self.who()?.is_fresh(self.now) { Ok(()) } else { Err(Refusal::Again(next.to_owned())) }
    }
}
