//! The entry point.

use bytes::Bytes;
use headcount_service::Service;

/// The two path prefixes that belong to the SCIM API: `/scim/v2/<connection>` and
/// `/api/service/scim` (the tenant by its DNS name).
pub const SCIM_ROOTS: [&str; 2] = ["/scim/v2", "/api/service/scim"];

/// The SCIM API over a service; cheap to clone.
#[derive(Clone)]
pub struct ScimApi {
    service: Service,
}

impl ScimApi {
    /// An API.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// The service behind it.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Answers one request. Never panics on any input; every answer that is not a success carries a
    /// SCIM error body. Blocks: call it on a thread that may.
    #[must_use]
    pub fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let _ = request;
        todo!()
    }
}
