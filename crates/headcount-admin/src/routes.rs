//! The table of routes: what each answers, and the deed it takes.
//!
//! SECURITY: a page runs only from here, after the deed of its row was found to be allowed; there is
//! no other way to one. What somebody may not even see answers as if it were not there.

use headcount_model::{Deed, TenantKey};
use headcount_service::administration::SignedIn;

use crate::{
    console::Console,
    pages::{account, setup, sso, tenants},
    reply::{Refusal, Reply},
    request::{Request, Visit},
};

/// Who may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody.
    Public,
    /// Who may do this to the whole installation.
    Installation(Deed),
    /// Who may do this to the tenant that the path names.
    Tenant(Deed),
}

/// A route: a method, a path with named parts in braces, and who may come.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may come.
    pub access: Access,
    run: Run,
}

type Run = fn(&Visit<'_>) -> Result<Reply, Refusal>;

const fn route(method: &'static str, path: &'static str, access: Access, run: Run) -> Route {
    Route { method, path, access, run }
}

/// Every route of the console but its stylesheet, script and icon.
pub const ROUTES: &[Route] = &[
    route("GET", "/console/", Access::Installation(Deed::OwnAccount), account::home),
    route("GET", "/console/setup/{code}", Access::Public, setup::show),
    route("POST", "/console/setup/{code}", Access::Public, setup::accept),
    route("GET", "/console/sign-in", Access::Public, account::sign_in_form),
    route("POST", "/console/sign-in", Access::Public, account::sign_in),
    route("POST", "/console/sign-out", Access::Installation(Deed::OwnAccount), account::sign_out),
    route("GET", "/console/authenticate", Access::Installation(Deed::OwnAccount), account::again_form),
    route("POST", "/console/authenticate", Access::Installation(Deed::OwnAccount), account::again),
    route("POST", "/console/appearance", Access::Public, account::appearance),
    route("GET", "/console/tenants", Access::Installation(Deed::SeeTenants), tenants::list),
    route("GET", "/console/t/{tenant}/sso", Access::Tenant(Deed::SeeTenant), sso::show),
    route("POST", "/console/t/{tenant}/connections", Access::Tenant(Deed::ChangeConnections), sso::connect),
    route(
        "GET",
        "/console/t/{tenant}/connections/{connection}/provider",
        Access::Tenant(Deed::ChangeConnections),
        sso::choose,
    ),
    route(
        "POST",
        "/console/t/{tenant}/connections/{connection}/provider",
        Access::Tenant(Deed::ChangeConnections),
        sso::set_provider,
    ),
    route(
        "POST",
        "/console/t/{tenant}/connections/{connection}/switch",
        Access::Tenant(Deed::ChangeConnections),
        sso::switch,
    ),
    route(
        "POST",
        "/console/t/{tenant}/connections/{connection}/tokens",
        Access::Tenant(Deed::MakeTokens),
        sso::generate,
    ),
    route("GET", "/console/t/{tenant}/tokens/{token}/revoke", Access::Tenant(Deed::RevokeTokens), sso::ask_to_revoke),
    route("POST", "/console/t/{tenant}/tokens/{token}/revoke", Access::Tenant(Deed::RevokeTokens), sso::revoke),
];

/// Finds the route of a request, checks who asks, and runs it.
pub(crate) fn answer(console: &Console, request: &Request) -> Result<Reply, Refusal> {
    if request.path == "/console" {
        return Ok(Reply::see("/console/"));
    }
    // Whoever asks for a head is answered like who asks for the page.
    let method = if request.method == "HEAD" { "GET" } else { &*request.method };
    let found = ROUTES
        .iter()
        .find_map(|route| Some((route, parts_of(route.path, &request.path)?)).filter(|_| route.method == method));
    let administration = &console.options.administration;
    let signed_in = match request.session_secret() {
        Some(secret) => administration.find_session(&secret)?,
        None => None,
    };
    let Some((route, parts)) = found else {
        return Err(if signed_in.is_some() { Refusal::not_found() } else { Refusal::SignIn(String::new()) });
    };
    let mut visit = Visit { console, request, parts, signed_in, tenant: None, now: administration.now() };
    match route.access {
        Access::Public => {}
        Access::Installation(deed) => {
            let who = signed_in_or(&visit)?;
            if !who.administrator.role.may(deed, None) {
                // Whoever is bound to a tenant learns nothing of what is beyond it.
                return Err(Refusal::not_found());
            }
        }
        Access::Tenant(deed) => {
            let role = signed_in_or(&visit)?.administrator.role;
            let tenant = console
                .options
                .manage
                .store
                .find_tenant(visit.part("tenant"))
                .map_err(headcount_service::manage::ManageError::Store)?;
            let may = |deed: Deed, tenant: TenantKey| role.may(deed, Some(tenant));
            let tenant = tenant.filter(|tenant| may(Deed::SeeTenant, tenant.key)).ok_or_else(Refusal::not_found)?;
            if !may(deed, tenant.key) {
                return Err(Refusal::forbidden());
            }
            visit.tenant = Some(tenant);
        }
    }
    (route.run)(&visit)
}

fn signed_in_or<'v>(visit: &'v Visit<'_>) -> Result<&'v SignedIn, Refusal> {
    let is_read = visit.request.method == "GET";
    let next = if is_read { safe_path(&visit.request.path).unwrap_or_default() } else { "" };
    visit.signed_in.as_ref().ok_or_else(|| Refusal::SignIn(next.to_owned()))
}

/// The path if it is one of the console's and holds nothing that would lead elsewhere.
pub(crate) fn safe_path(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    let is_ours = text.starts_with("/console/") && !text.contains("//");
    (is_ours && text.len() <= 512 && text.bytes().all(is_plain)).then_some(text)
}

/// The named parts of a path, if it has the form of the pattern.
fn parts_of(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return Some(parts),
            (Some(expected), Some(given)) => match expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if !given.is_empty() => parts.push((name, given.to_owned())),
                None if expected == given => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_form_of_their_pattern() {
        let parts = |path: &str| parts_of("/console/t/{tenant}/sso", path);
        assert_eq!(parts("/console/t/acme/sso"), Some(vec![("tenant", "acme".to_owned())]));
        for other in ["/console/t//sso", "/console/t/acme", "/console/t/acme/sso/", "/console/t/acme/x", "/"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(safe_path("/console/t/acme/sso"), Some("/console/t/acme/sso"));
        for other in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/console//evil.example",
            "/console/\\evil",
            "/console/?x",
            "/console/a\r\nSet-Cookie: x",
            "console/",
            "/console/%2f",
        ] {
            assert_eq!(safe_path(other), None, "{other}");
        }
    }
}
