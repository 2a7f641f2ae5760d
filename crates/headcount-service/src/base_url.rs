//! The URLs under which the API of a connection answers, as they are pasted into identity providers and
//! stand in locations; no `/` at the end.

use headcount_model::Connection;

/// `<public_url>/scim/v2/<connection>`: on every installation.
#[must_use]
pub fn by_connection(public_url: &str, connection: &Connection) -> String {
    format!("{public_url}/scim/v2/{}", connection.id)
}

/// `<scheme of public_url>://<host>/api/service/scim`: where the tenant has a host of its own.
#[must_use]
pub fn by_host(public_url: &str, host: &str) -> String {
    let scheme = if public_url.starts_with("https://") { "https" } else { "http" };
    format!("{scheme}://{host}/api/service/scim")
}
