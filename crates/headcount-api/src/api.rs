//! The entry point: one function from request to response, in the order in which refusals are due.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use headcount_model::{PublicId, Timestamp, switches::ResponseMediaType, token::Access};
use headcount_service::{Caller, Confirmation, QueryRequest, Service, Source, caller::Known, service::Precondition};
use headcount_token::PlainToken;
use http::{
    HeaderMap, HeaderName, Method, Request, Response,
    header::{CONTENT_LENGTH, IF_MATCH, IF_NONE_MATCH, TRANSFER_ENCODING},
    request::Parts,
};
use scim_schema::{Projection, ResourceType, ScimError, json};
use serde_json::{Map, Value};

use crate::{
    body::Body,
    credential::{self, Credential, Form},
    entry::{self, Base},
    media_type, query_string,
    respond::{Challenge, Failure, Manner, Outcome, respond},
    route::{self, Route},
    search_request,
    target::Target,
};

/// The two path prefixes that belong to the SCIM API: `/scim/v2/<connection>` and
/// `/api/service/scim` (the tenant by its DNS name).
pub const SCIM_ROOTS: [&str; 2] = ["/scim/v2", "/api/service/scim"];

/// Most JSON values in a body; 413. Each takes some seventy bytes once it is read, so that a body of
/// a few megabytes could otherwise hold hundreds in memory. 20,000 members are a tenth of this.
const MAX_JSON_VALUES: usize = 1_000_000;

/// The SCIM API over a service; cheap to clone.
#[derive(Clone)]
pub struct ScimApi {
    service: Service,
}

/// Why an adapter could not hand a request on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The head is no request that could be handed on: 400.
    Malformed,
    /// The body ended early: 400.
    BodyIncomplete,
    /// The body did not come in time: 408.
    BodySlow,
    /// The body is longer than [`ScimApi::max_body_bytes`]: 413.
    BodyTooLarge,
    /// Too many requests are under way: 503. Nothing was changed.
    Overloaded,
    /// The answer did not come in time: 503. Whether anything was changed is not known.
    TimedOut,
}

/// What is learned about a request while it is answered, for the log and the form of the response.
struct Exchange {
    request_id: PublicId,
    route: String,
    setting: ResponseMediaType,
    /// Whose request it is.
    known: Option<Arc<Known>>,
    /// Whether it was counted against the rate of its connection.
    admitted: bool,
}

impl Exchange {
    fn new(request_id: PublicId) -> Self {
        Self { request_id, route: "unknown".to_owned(), setting: ResponseMediaType::Auto, known: None, admitted: false }
    }
}

/// A request whose target was read.
#[derive(Clone, Copy)]
struct Asked<'a> {
    parts: &'a Parts,
    body: &'a Bytes,
    query: &'a str,
    base: &'a Base<'a>,
    route: &'a Route<'a>,
}

/// How an attempt to answer ended.
enum Attempt {
    /// With this.
    Over(Result<Outcome, Failure>),
    /// The remembered credential was not true any more.
    Stale,
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

    /// The longest body that any endpoint takes, in bytes. An adapter reads no further and answers
    /// [`Refusal::BodyTooLarge`].
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        let limits = self.service.limits();
        limits.max_body_bytes.max(limits.max_bulk_bytes)
    }

    /// Every method of every endpoint, by pattern below the base (`/Users/{id}`), so that a test can
    /// walk through all there are.
    #[must_use]
    pub fn routes(&self) -> Vec<(Method, String)> {
        route::all(self.service.registry())
    }

    /// Answers one request. Never panics on any input; every answer that is not a success carries a
    /// SCIM error body. Blocks: call it on a thread that may.
    #[must_use]
    pub fn handle(&self, request: Request<Bytes>) -> Response<Body> {
        let started = self.service.now();
        let (parts, body) = request.into_parts();
        let mut exchange = Exchange::new(self.service.mint(started));
        // A panic is a fault of ours in this one request; it must not take the others with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer(&parts, &body, &mut exchange)));
        let outcome = outcome.unwrap_or_else(|_payload| {
            // SECURITY: what a panic says may hold the request's data, so it is not repeated here.
            tracing::error!(request_id = exchange.request_id.as_str(), "a request panicked");
            let detail = format!(
                "the server failed and has logged it under the request id {}; tell whoever runs this server",
                exchange.request_id
            );
            Err(ScimError::new(500, detail).into())
        });
        self.conclude(&parts, &body, &exchange, outcome, started)
    }

    /// Answers a request without a body at once, on a thread that must not wait, if that can be: one
    /// resource is read, or few are found, by a token that is known, from a store that need not wait.
    /// `None`: it cannot, nothing was done, and [`Self::handle`] answers.
    #[must_use]
    pub fn handle_now(&self, parts: &Parts) -> Option<Response<Body>> {
        if !self.service.answers_now() || !(parts.method == Method::GET || parts.method == Method::HEAD) {
            return None;
        }
        let started = self.service.now();
        let mut exchange = Exchange::new(self.service.mint(started));
        let body = Bytes::new();
        // Whoever handles the request next meets the same panic, and answers for it.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer_now(parts, &body, &mut exchange)));
        let outcome = outcome.ok().flatten()?;
        Some(self.conclude(parts, &body, &exchange, outcome, started))
    }

    /// The response to what a request came to, and its line in the log.
    fn conclude(
        &self,
        parts: &Parts,
        body: &Bytes,
        exchange: &Exchange,
        outcome: Result<Outcome, Failure>,
        started: Timestamp,
    ) -> Response<Body> {
        let scim_type = outcome.as_ref().err().and_then(|failure| failure.error.scim_type);
        let manner = Manner {
            answer_type: media_type::answer_type(exchange.setting, &parts.headers, body.is_empty()),
            request_id: exchange.request_id.as_str(),
            head_only: parts.method == Method::HEAD,
        };
        let response = respond(outcome, manner);
        let elapsed_ms = self.service.now().micros().saturating_sub(started.micros()).div_euclid(1000);
        tracing::info!(
            request_id = exchange.request_id.as_str(),
            method = known_method(&parts.method),
            route = exchange.route,
            status = response.status().as_u16(),
            scim_type = scim_type.map(scim_schema::ScimType::as_str),
            connection = exchange.known.as_ref().map(|known| known.connection().as_str()),
            body_bytes = body.len(),
            elapsed_ms,
            "request"
        );
        response
    }

    /// The response for a request that could not be handed to [`Self::handle`].
    #[must_use]
    pub fn refuse(&self, headers: &HeaderMap, method: &Method, refusal: Refusal) -> Response<Body> {
        let request_id = self.service.mint(self.service.now()).to_string();
        let error = match refusal {
            Refusal::Malformed => ScimError::new(400, "the request line or a header is malformed"),
            Refusal::BodyIncomplete => {
                ScimError::new(400, "the body ended before it was whole; send the request again")
            }
            Refusal::BodySlow => {
                ScimError::new(408, "the body did not arrive in time; send the request again, whole and at once")
            }
            Refusal::BodyTooLarge => self.body_too_large(self.max_body_bytes()),
            Refusal::Overloaded => ScimError::new(
                503,
                "the server has too much to do and nothing was changed; send the request again in a few seconds",
            ),
            Refusal::TimedOut => ScimError::new(
                503,
                "the answer took too long and whether anything was changed is not known; read the resource before the request is sent again",
            ),
        };
        let status = error.status;
        let manner = Manner {
            answer_type: media_type::answer_type(ResponseMediaType::Auto, headers, false),
            request_id: &request_id,
            head_only: method == Method::HEAD,
        };
        let response = respond(Err(error.into()), manner);
        tracing::info!(request_id, method = known_method(method), route = "unknown", status, "request");
        response
    }

    /// The order of refusals: framing, sizes, credential, rate, rights, endpoint and method, media
    /// type, query and body, then whatever the use case finds.
    fn answer(&self, parts: &Parts, body: &Bytes, exchange: &mut Exchange) -> Result<Outcome, Failure> {
        let target = Target::new(parts.uri.path(), parts.uri.query());
        let segments = target.segments();
        let (base, segments) = entry::split_base(&segments);
        if base == Base::Outside {
            return Err(not_an_endpoint().into());
        }
        let route = Route::find(self.service.registry(), segments);
        exchange.route = route.pattern().into_owned();

        check_framing(&parts.headers, body)?;
        self.check_sizes(parts, body, &route)?;
        let asked = Asked { parts, body, query: &target.query, base: &base, route: &route };
        match self.attempt(&asked, exchange, Source::Memory) {
            Attempt::Over(outcome) => outcome,
            Attempt::Stale => match self.attempt(&asked, exchange, Source::Store) {
                Attempt::Over(outcome) => outcome,
                // What was read of a credential in this request is never called stale.
                Attempt::Stale => Err(ScimError::new(503, "the server is busy; send the request again").into()),
            },
        }
    }

    /// Answers with a credential from this source. Nothing leaves here, no answer and no refusal, that
    /// rests on a remembered credential of which the store did not say in this request that it is true.
    fn attempt(&self, asked: &Asked<'_>, exchange: &mut Exchange, source: Source) -> Attempt {
        exchange.known = None;
        exchange.setting = ResponseMediaType::Auto;
        let (caller, form) = match self.authenticate(asked.parts, asked.base, exchange.request_id.clone(), source) {
            Ok(accepted) => accepted,
            Err(failure) => return Attempt::Over(Err(failure)),
        };
        exchange.known = Some(Arc::clone(&caller.known));
        exchange.setting = caller.switches.response_media_type;
        let outcome = self.serve(asked, &caller, form, exchange);
        match self.service.confirm(&caller) {
            Ok(Confirmation::Stands) => Attempt::Over(outcome),
            Ok(Confirmation::Stale | Confirmation::Later) => Attempt::Stale,
            Err(error) => Attempt::Over(Err(error.into())),
        }
    }

    /// The same with nothing but what is at hand. Whatever is refused before the credential is looked
    /// at is refused where there is time.
    fn answer_now(&self, parts: &Parts, body: &Bytes, exchange: &mut Exchange) -> Option<Result<Outcome, Failure>> {
        let target = Target::new(parts.uri.path(), parts.uri.query());
        let segments = target.segments();
        let (base, segments) = entry::split_base(&segments);
        let route = Route::find(self.service.registry(), segments);
        let is_short = match &route {
            Route::Resource(_, Some(_)) => true,
            // Only what equals something is found so soon.
            Route::Resources(_) => target.query.contains("filter=") && names_equality(&target.query),
            _ => false,
        };
        if !is_short || check_framing(&parts.headers, body).is_err() || self.check_sizes(parts, body, &route).is_err() {
            return None;
        }
        let Credential::Bearer(token) = credential::read(&parts.headers) else { return None };
        let host = match base {
            Base::Host => entry::host(parts).ok()?,
            Base::Connection(_) | Base::Outside => "",
        };
        let entry = entry::entry(&base, host).ok()?;
        let caller = self.service.recognize(token.expose(), &entry, exchange.request_id.clone())?;
        exchange.route = route.pattern().into_owned();
        exchange.known = Some(Arc::clone(&caller.known));
        exchange.setting = caller.switches.response_media_type;
        let asked = Asked { parts, body, query: &target.query, base: &base, route: &route };
        let outcome = self.serve(&asked, &caller, None, exchange);
        match self.service.confirm(&caller) {
            Ok(Confirmation::Stands) => Some(outcome),
            Ok(Confirmation::Stale | Confirmation::Later) | Err(_) => None,
        }
    }

    fn serve(
        &self,
        asked: &Asked<'_>,
        caller: &Caller,
        form: Option<Form>,
        exchange: &mut Exchange,
    ) -> Result<Outcome, Failure> {
        // Whether a connection allows the form is its own setting, known once the token is.
        if form.is_some_and(|form| !form.is_allowed(&caller.switches)) {
            exchange.known = None;
            exchange.setting = ResponseMediaType::Auto;
            let error = ScimError::new(401, credential::EXPECTED);
            return Err(Failure { challenge: Challenge::InvalidToken, ..error.into() });
        }
        if !exchange.admitted {
            self.service.admit(caller)?;
            exchange.admitted = true;
        }
        let Asked { parts, body, query, route, .. } = *asked;
        self.check_scope(caller, route, &parts.method)?;
        check_method(route, &parts.method)?;
        self.dispatch(parts, body, query, caller, route)
    }

    fn check_sizes(&self, parts: &Parts, body: &Bytes, route: &Route<'_>) -> Result<(), ScimError> {
        let limits = self.service.limits();
        let max_body_bytes = match route {
            Route::Bulk => limits.max_bulk_bytes,
            _ => limits.max_body_bytes,
        };
        if body.len() > max_body_bytes {
            return Err(self.body_too_large(max_body_bytes));
        }
        let uri_bytes = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if uri_bytes > limits.max_uri_bytes {
            return Err(ScimError::new(
                414,
                format!(
                    "the address is longer than {} bytes; send a long filter by POST to /.search",
                    limits.max_uri_bytes
                ),
            ));
        }
        // Each line of a head is a name, a colon, a blank, a value and a line end.
        let header_bytes: usize = parts
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
            .sum();
        if header_bytes > limits.max_header_bytes {
            return Err(ScimError::new(
                431,
                format!(
                    "the headers together are longer than {} bytes; send fewer or shorter ones",
                    limits.max_header_bytes
                ),
            ));
        }
        Ok(())
    }

    fn body_too_large(&self, max_body_bytes: usize) -> ScimError {
        let limits = self.service.limits();
        ScimError::too_large(format!(
            "the body is longer than the {max_body_bytes} bytes that are taken; send fewer members, operations or resources at a time (maxOperations {}, maxPayloadSize {})",
            limits.max_bulk_operations, limits.max_bulk_bytes
        ))
    }

    /// The caller, and the form of the credential if a connection has to allow it.
    fn authenticate(
        &self,
        parts: &Parts,
        base: &Base<'_>,
        transaction: PublicId,
        source: Source,
    ) -> Result<(Caller, Option<Form>), Failure> {
        let presented = credential::read(&parts.headers);
        let challenge = if presented == Credential::Absent { Challenge::Plain } else { Challenge::InvalidToken };
        let refused = |error: ScimError| Failure { challenge, ..error.into() };
        let host = match base {
            Base::Host => entry::host(parts).map_err(refused)?,
            Base::Connection(_) | Base::Outside => "",
        };
        let entry = entry::entry(base, host).map_err(refused)?;
        let (token, form) = match &presented {
            Credential::Absent => (None, None),
            Credential::Bearer(token) => (Some(token), None),
            Credential::Unusual(form, token) => {
                // What has not even the shape of a token is refused as what it is: no bearer token.
                if PlainToken::parse(token.expose()).is_err() {
                    return Err(refused(ScimError::new(401, credential::EXPECTED)));
                }
                (Some(token), Some(*form))
            }
            Credential::Unusable(detail) => return Err(refused(ScimError::new(401, *detail))),
        };
        let caller = self
            .service
            .authenticate_as(token.map(headcount_model::Secret::expose), &entry, transaction, source)
            .map_err(refused)?;
        Ok((caller, form))
    }

    /// Discovery and OPTIONS need any scope at all; of the rest, GET, HEAD and `.search` need
    /// `scim:read` and all others `scim:write`, narrowed to the type of the endpoint.
    fn check_scope(&self, caller: &Caller, route: &Route<'_>, method: &Method) -> Result<(), Failure> {
        let allow = |access| self.service.allow(caller, access, route.resource_type().map(|kind| kind.name.as_str()));
        let allowed = if route.is_discovery() || method == Method::OPTIONS {
            self.service
                .allow(caller, Access::Read, None)
                .or_else(|error| self.service.allow(caller, Access::Write, None).map_err(|_also_refused| error))
        } else if route.is_search() || method == Method::GET || method == Method::HEAD {
            allow(Access::Read)
        } else {
            allow(Access::Write)
        };
        allowed.map_err(|error| Failure { challenge: Challenge::InsufficientScope, ..error.into() })
    }

    fn dispatch(
        &self,
        parts: &Parts,
        body: &Bytes,
        query: &str,
        caller: &Caller,
        route: &Route<'_>,
    ) -> Result<Outcome, Failure> {
        if parts.method == Method::OPTIONS {
            return Ok(Outcome::Options(route.methods()));
        }
        let service = &self.service;
        let answer = match route {
            Route::Unknown => return Err(not_an_endpoint().into()),
            Route::Me => return Err(me_is_not_built().into()),
            Route::Root => service.query(caller, None, &query_string::parse(query)?)?,
            Route::Search => service.query(caller, None, &self.read_search(parts, body, caller)?)?,
            Route::SearchIn(kind) => service.query(caller, Some(kind), &self.read_search(parts, body, caller)?)?,
            Route::Resources(kind) if parts.method == Method::POST => {
                let body = self.read_body(parts, body)?;
                service.create(caller, kind, body, &projection(query, caller)?)?
            }
            Route::Resources(kind) => service.query(caller, Some(kind), &query_string::parse(query)?)?,
            Route::Resource(kind, None) => return Err(no_such_id(kind).into()),
            Route::Resource(kind, Some(id)) => self.on_resource(parts, body, query, caller, kind, id)?,
            Route::Bulk => service.bulk(caller, self.read_text(parts, body)?)?,
            Route::ServiceProviderConfig => {
                no_filter(query)?;
                service.service_provider_config(caller)
            }
            Route::ResourceTypes(id) => {
                no_filter(query)?;
                service.resource_types(caller, id.as_deref())?
            }
            Route::Schemas(urn) => {
                no_filter(query)?;
                service.schemas(caller, urn.as_deref())?
            }
        };
        Ok(Outcome::Answer(answer))
    }

    fn on_resource(
        &self,
        parts: &Parts,
        body: &Bytes,
        query: &str,
        caller: &Caller,
        kind: &ResourceType,
        id: &str,
    ) -> Result<headcount_service::Answer, ScimError> {
        let service = &self.service;
        let precondition = precondition(&parts.headers);
        match parts.method {
            Method::PUT => {
                let body = self.read_body(parts, body)?;
                service.replace(caller, kind, id, body, &precondition, &projection(query, caller)?)
            }
            Method::PATCH => {
                let body = self.read_body(parts, body)?;
                service.patch(caller, kind, id, body, &precondition, &projection(query, caller)?)
            }
            Method::DELETE => service.delete(caller, kind, id, &precondition),
            // GET and HEAD: every other method was refused before.
            _ => service.read(caller, kind, id, &precondition, &projection(query, caller)?),
        }
    }

    fn read_search(&self, parts: &Parts, body: &Bytes, caller: &Caller) -> Result<QueryRequest, ScimError> {
        search_request::parse(self.read_body(parts, body)?, &caller.switches)
    }

    fn read_body(&self, parts: &Parts, body: &Bytes) -> Result<Map<String, Value>, ScimError> {
        json::parse(self.read_text(parts, body)?)
    }

    /// The text of a body, for whom it is too long to be parsed at once.
    fn read_text<'b>(&self, parts: &Parts, body: &'b Bytes) -> Result<&'b str, ScimError> {
        media_type::check_body(&parts.headers)?;
        let max_depth = self.service.limits().max_json_depth;
        if may_hold_too_many_values(body) {
            json::check_depth(body, max_depth)?;
            return Err(ScimError::too_large(format!(
                "the body holds more than {MAX_JSON_VALUES} values; send fewer members, operations or resources at a time"
            )));
        }
        json::text(body, max_depth)
    }
}

/// Whether a query string has the operator `eq` in it, or at least its letters.
fn names_equality(query: &str) -> bool {
    query.as_bytes().windows(2).any(|letters| letters.eq_ignore_ascii_case(b"eq"))
}

/// Counts what begins a value or parts two. Such characters inside strings count too: it is cheaper
/// not to tell them apart, and no honest body comes near the bound.
fn may_hold_too_many_values(body: &Bytes) -> bool {
    body.len() > MAX_JSON_VALUES
        && body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > MAX_JSON_VALUES
}

/// Contradictory lengths are how requests are smuggled past a proxy (RFC 9112 §6.3).
fn check_framing(headers: &HeaderMap, body: &Bytes) -> Result<(), ScimError> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(()) };
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(ScimError::new(400, "the request has both Content-Length and Transfer-Encoding; send one of them"));
    }
    let stated = length
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<usize>().ok());
    if lengths.next().is_some() || stated != Some(body.len()) {
        return Err(ScimError::new(400, "Content-Length is not the length of the body; send it once and right"));
    }
    Ok(())
}

fn check_method(route: &Route<'_>, method: &Method) -> Result<(), Failure> {
    let methods = route.methods();
    if methods.is_empty() {
        return Err(not_an_endpoint().into());
    }
    if methods.contains(&method.as_str()) {
        return Ok(());
    }
    let detail = format!("{} does not take {}; it takes {}", route.pattern(), known_method(method), methods.join(", "));
    Err(Failure { allow: methods, ..ScimError::new(405, detail).into() })
}

fn projection(query: &str, caller: &Caller) -> Result<Projection, ScimError> {
    let request = query_string::parse(query)?;
    Projection::parse(
        request.attributes.as_deref(),
        request.excluded_attributes.as_deref(),
        caller.switches.both_projections,
    )
}

/// Discovery answers with everything, and a client that filters must not take that for the matches
/// (RFC 7644 §4).
fn no_filter(query: &str) -> Result<(), ScimError> {
    match query_string::parse(query) {
        Ok(request) if request.filter.is_none() => Ok(()),
        // Whatever else cannot be read is ignored, as all other parameters are.
        Err(error) if error.scim_type != Some(scim_schema::ScimType::InvalidFilter) => Ok(()),
        Ok(_) | Err(_) => Err(ScimError::new(403, "what this endpoint lists cannot be filtered; send no filter")),
    }
}

fn precondition(headers: &HeaderMap) -> Precondition {
    Precondition { if_match: header_list(headers, IF_MATCH), if_none_match: header_list(headers, IF_NONE_MATCH) }
}

/// All values of a list header as one list. What is no text can match nothing, and is kept as text
/// that matches nothing, since leaving out a condition would be to ignore it.
fn header_list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("not text")).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn not_an_endpoint() -> ScimError {
    ScimError::new(
        404,
        "there is no such endpoint; the base URL of a connection ends in its id, and clients append /Users, /Groups, /Schemas and the like",
    )
}

fn no_such_id(kind: &ResourceType) -> ScimError {
    ScimError::new(404, format!("there is no {} with this id here: it is not text", kind.name))
}

fn me_is_not_built() -> ScimError {
    ScimError::new(501, "/Me is not supported: a token belongs to a connection, not to a user; use /Users")
}

/// The name of a method, from a closed set: text of the request stays out of logs and answers.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "this method",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn a_length_that_is_not_that_of_the_body_is_a_framing_error() {
        let check = |pairs: &[(&'static str, &'static str)]| check_framing(&headers(pairs), &Bytes::from_static(b"{}"));
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("content-length", "2")]), Ok(()));
        assert_eq!(check(&[("transfer-encoding", "chunked")]), Ok(()));
        for pairs in [
            &[("content-length", "3")][..],
            &[("content-length", "+2")],
            &[("content-length", "")],
            &[("content-length", "2, 2")],
            &[("content-length", "2"), ("content-length", "2")],
            &[("content-length", "2"), ("transfer-encoding", "chunked")],
        ] {
            assert_eq!(check(pairs).unwrap_err().status, 400, "{pairs:?}");
        }
    }

    #[test]
    fn conditions_in_several_headers_are_one_list_and_none_is_lost() {
        let found = precondition(&headers(&[("if-match", "W/\"1\""), ("if-match", "W/\"2\"")]));
        assert_eq!(found.if_match.as_deref(), Some("W/\"1\", W/\"2\""));
        assert_eq!(found.if_none_match, None);
        let mut odd = HeaderMap::new();
        odd.insert(IF_MATCH, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(precondition(&odd).if_match.is_some());
    }

    #[test]
    fn rfc7644_4_a_filter_on_discovery_is_403() {
        assert_eq!(no_filter(""), Ok(()));
        assert_eq!(no_filter("startIndex=1&count=1&attributes=id&count=2"), Ok(()));
        for query in ["filter=id%20pr", "FILTER=", "filter=%ff", "count=1&filter=x"] {
            assert_eq!(no_filter(query).unwrap_err().status, 403, "{query}");
        }
    }
}
