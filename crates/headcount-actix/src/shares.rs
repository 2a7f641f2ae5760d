//! How many requests of one base run at once.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use actix_web::{HttpRequest, http::header::HOST};
use tokio::sync::Semaphore;

/// Into how many shares bases are sorted. What a base is called is the client's word, so there is
/// no entry for each: two that fall together share a share, which slows them and breaks nothing.
const SHARES: usize = 256;
const SHARES_U64: u64 = 256;

/// The shares of all bases, in a fixed number.
pub(crate) struct Shares {
    semaphores: [Arc<Semaphore>; SHARES],
    // Keyed afresh in each process, so that nobody can choose a name that falls together with
    // another's.
    hasher: RandomState,
}

impl Shares {
    pub(crate) fn new(permits: usize) -> Self {
        let permits = permits.clamp(1, Semaphore::MAX_PERMITS);
        let semaphores = std::array::from_fn(|_| Arc::new(Semaphore::new(permits)));
        Self { semaphores, hasher: RandomState::new() }
    }

    /// The share of a request's base.
    pub(crate) fn of(&self, request: &HttpRequest) -> &Arc<Semaphore> {
        let hash = self.hasher.hash_one(base(request));
        let [first, ..] = &self.semaphores;
        let place = usize::try_from(hash.checked_rem(SHARES_U64).unwrap_or(0)).unwrap_or(0);
        self.semaphores.get(place).unwrap_or(first)
    }
}

/// What tells one base from another: the connection in the path, else the host.
fn base(request: &HttpRequest) -> (&str, &[u8]) {
    let mut segments = request.path().split('/').filter(|segment| !segment.is_empty());
    match (segments.next(), segments.next(), segments.next()) {
        (Some("scim"), Some("v2"), Some(connection)) => (connection, b""),
        _ => ("", request.headers().get(HOST).map_or(b"", |host| host.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(target: &str, host: &'static str) -> HttpRequest {
        TestRequest::with_uri(target).insert_header(("host", host)).to_http_request()
    }

    #[test]
    fn a_base_is_its_connection_or_its_host() {
        assert_eq!(base(&request("/scim/v2/c1/Users", "a")), base(&request("//scim/v2//c1/Groups?x", "b")));
        assert_ne!(base(&request("/scim/v2/c1/Users", "a")), base(&request("/scim/v2/c2/Users", "a")));
        assert_eq!(base(&request("/api/service/scim/Users", "a")), base(&request("/api/service/scim", "a")));
        assert_ne!(base(&request("/api/service/scim/Users", "a")), base(&request("/api/service/scim/Users", "b")));
    }

    #[test]
    fn one_base_always_has_the_same_share() {
        let shares = Shares::new(3);
        let one = shares.of(&request("/scim/v2/c1/Users", "a"));
        assert!(Arc::ptr_eq(one, shares.of(&request("/scim/v2/c1/Groups", "b"))));
        assert_eq!(one.available_permits(), 3);
    }
}
