//! The SCIM use cases.

use std::sync::Arc;

use headcount_model::{Clock, Entropy, PublicId, Secret, Timestamp};
use headcount_store::{Store, auth::Bindings};
use headcount_token::{PasswordHash, TokenError, Verifier};
use scim_schema::{Projection, Registry, ResourceType, ScimError};
use serde_json::{Map, Value};

use crate::{
    answer::Answer,
    authenticate, bulk,
    caller::{Caller, Confirmation, Entry, Source},
    create, delete,
    limits::Limits,
    memory::Memory,
    patch, query,
    rate::{RateLimit, Throttle},
    read, replace,
};

/// What a service is made of.
pub struct ServiceOptions {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Schemas and resource types.
    pub registry: Arc<Registry>,
    /// The verifier of tokens, which also hashes passwords.
    pub verifier: Arc<Verifier>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// `http://host:port` or `https://…` under which clients reach the server, without trailing
    /// slash.
    pub public_url: String,
    /// The bounds.
    pub limits: Limits,
    /// The key of cursors: shared by all servers of one database.
    pub cursor_key: Secret,
}

/// The SCIM use cases over one store; cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    options: ServiceOptions,
    rate: RateLimit,
    bindings: Bindings,
    memory: Memory,
}

/// The parameters of a query, as sent: from the query string or a `SearchRequest`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryRequest {
    /// `filter`
    pub filter: Option<String>,
    /// Another reading of `filter`, tried when the first finds nothing: a `+` that may have meant
    /// itself (rule 15).
    pub filter_retry: Option<String>,
    /// `sortBy`
    pub sort_by: Option<String>,
    /// `sortOrder`
    pub sort_order: Option<String>,
    /// `startIndex`
    pub start_index: Option<String>,
    /// `count`
    pub count: Option<String>,
    /// `cursor`; present and empty asks for the first page.
    pub cursor: Option<String>,
    /// `attributes`
    pub attributes: Option<String>,
    /// `excludedAttributes`
    pub excluded_attributes: Option<String>,
}

/// `If-Match` and `If-None-Match`, as sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Precondition {
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
}

impl Service {
    /// A service.
    #[must_use]
    pub fn new(options: ServiceOptions) -> Self {
        let rate = RateLimit::new(options.limits.rate_per_s);
        let (bindings, memory) = (Bindings::default(), Memory::default());
        Self { inner: Arc::new(Inner { options, rate, bindings, memory }) }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.options.store
    }

    pub(crate) fn bindings(&self) -> &Bindings {
        &self.inner.bindings
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.inner.options.verifier
    }

    pub(crate) fn hash_password(&self, password: &Secret) -> Result<PasswordHash, TokenError> {
        self.inner.options.verifier.hash_password(password, &*self.inner.options.entropy)
    }

    /// The time by the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// A new public id.
    #[must_use]
    pub fn mint(&self, now: Timestamp) -> PublicId {
        PublicId::mint(now, &*self.inner.options.entropy)
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.inner.options.public_url
    }

    pub(crate) fn cursor_key(&self) -> &Secret {
        &self.inner.options.cursor_key
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.options.limits
    }

    /// Schemas and resource types.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.options.registry
    }

    /// From a presented token (`None`: the header was absent or no bearer credential) to a caller:
    /// shape, index, secret, then, read from the store, entry (host or connection must belong to the
    /// token): revoked, expired (401), connection off, tenant without entitlement (403).
    ///
    /// How the credential may be written is a setting of the connection, which is known only now:
    /// whoever takes a token without `Bearer` or out of Basic checks [`Caller::switches`]
    /// (`bare_token`, `basic_token`) after this.
    ///
    /// # Errors
    /// [`ScimError`] 401, 403, 503.
    pub fn authenticate(&self, presented: Option<&str>, entry: &Entry<'_>) -> Result<Caller, ScimError> {
        self.authenticate_as(presented, entry, self.mint(self.now()), Source::Store)
    }

    /// Like [`Self::authenticate`], for a request that has its id already: errors and the caller
    /// carry it.
    ///
    /// A caller from [`Source::Memory`] is what an earlier request knew, and its use cases compare
    /// that with the store as they go. Whoever takes one answers nothing, whatever it is, before
    /// [`Self::confirm`] says that it stands.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn authenticate_as(
        &self,
        presented: Option<&str>,
        entry: &Entry<'_>,
        transaction: PublicId,
        source: Source,
    ) -> Result<Caller, ScimError> {
        authenticate::authenticate(self, presented, entry, transaction, source)
    }

    /// A caller for a request that must not wait ([`crate::caller::Pace::Now`]): nothing but memory is
    /// asked, and no secret is hashed. `None`: memory does not know the token, or something speaks
    /// against it, or the store never answers at once, or requests are counted; then
    /// [`Self::authenticate_as`] decides.
    #[must_use]
    pub fn recognize(&self, presented: &str, entry: &Entry<'_>, transaction: PublicId) -> Option<Caller> {
        if !self.answers_now() {
            return None;
        }
        authenticate::recognize(self, presented, entry, transaction)
    }

    /// Whether any request can be answered without waiting.
    #[must_use]
    pub fn answers_now(&self) -> bool {
        self.limits().rate_per_s.is_none() && self.store().looks_now()
    }

    /// Whether what was known of the caller's credential is true, by the store's word in this request;
    /// the store is asked now if no use case has asked it. Notes the token's use once a minute.
    ///
    /// What was committed stays: an answer of success is given whatever this says of a use case that
    /// looked again after its work.
    ///
    /// # Errors
    /// [`ScimError`] 503, 500.
    pub fn confirm(&self, caller: &Caller) -> Result<Confirmation, ScimError> {
        authenticate::confirm(self, caller)
    }

    /// Counts a request of the caller's connection against [`Limits::rate_per_s`]. Called once for
    /// every request whose credential is good, before its body is read; a bulk request is one.
    ///
    /// # Errors
    /// [`Throttle`] if the connection has sent too many; nothing is counted then.
    pub fn admit(&self, caller: &Caller) -> Result<(), Throttle> {
        let connection = &caller.credential().connection;
        self.inner.rate.take((connection.tenant, connection.key), self.now())
    }

    /// Whether the caller's scopes allow this access to this type (`None`: to some type).
    ///
    /// # Errors
    /// [`ScimError`] 403 naming the scope that is missing.
    pub fn allow(
        &self,
        caller: &Caller,
        access: headcount_model::token::Access,
        resource_type: Option<&str>,
    ) -> Result<(), ScimError> {
        authenticate::allow(caller.credential(), access, resource_type)
    }

    /// POST (RFC 7644 §3.3).
    ///
    /// # Errors
    /// [`ScimError`] 400, 401, 403, 409, 413, 503.
    pub fn create(
        &self,
        caller: &Caller,
        resource_type: &ResourceType,
        body: Map<String, Value>,
        projection: &Projection,
    ) -> Result<Answer, ScimError> {
        create::create(self, caller, resource_type, body, projection)
    }

    /// GET of one resource (RFC 7644 §3.4.1); 304 by `If-None-Match`.
    ///
    /// # Errors
    /// [`ScimError`] 401, 403, 404, 412, 503.
    pub fn read(
        &self,
        caller: &Caller,
        resource_type: &ResourceType,
        id: &str,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Answer, ScimError> {
        read::read(self, caller, resource_type, id, precondition, projection)
    }

    /// A query (RFC 7644 §3.4.2, §3.4.3; RFC 9865) over one type, or over all that the token may
    /// read.
    ///
    /// # Errors
    /// [`ScimError`] 400, 401, 403, 503.
    pub fn query(
        &self,
        caller: &Caller,
        resource_type: Option<&ResourceType>,
        request: &QueryRequest,
    ) -> Result<Answer, ScimError> {
        query::query(self, caller, resource_type, request)
    }

    /// PUT (RFC 7644 §3.5.1).
    ///
    /// # Errors
    /// [`ScimError`] 400, 401, 403, 404, 409, 412, 413, 503.
    pub fn replace(
        &self,
        caller: &Caller,
        resource_type: &ResourceType,
        id: &str,
        body: Map<String, Value>,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Answer, ScimError> {
        replace::replace(self, caller, resource_type, id, body, precondition, projection)
    }

    /// PATCH (RFC 7644 §3.5.2).
    ///
    /// # Errors
    /// [`ScimError`] 400, 401, 403, 404, 409, 412, 413, 503.
    pub fn patch(
        &self,
        caller: &Caller,
        resource_type: &ResourceType,
        id: &str,
        body: Map<String, Value>,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Answer, ScimError> {
        patch::patch(self, caller, resource_type, id, body, precondition, projection)
    }

    /// DELETE (RFC 7644 §3.6).
    ///
    /// # Errors
    /// [`ScimError`] 401, 403, 404, 412, 503.
    pub fn delete(
        &self,
        caller: &Caller,
        resource_type: &ResourceType,
        id: &str,
        precondition: &Precondition,
    ) -> Result<Answer, ScimError> {
        delete::delete(self, caller, resource_type, id, precondition)
    }

    /// A bulk request (RFC 7644 §3.7), from its text ([`scim_schema::json::text`]): as values all of it
    /// would take many times the memory.
    ///
    /// # Errors
    /// [`ScimError`] 400, 401, 403, 413, 503 for the request as a whole; failures of operations are
    /// in the answer.
    pub fn bulk(&self, caller: &Caller, body: &str) -> Result<Answer, ScimError> {
        bulk::bulk(self, caller, body)
    }
}
