//! From a presented token to a caller.

use std::sync::Arc;

use headcount_model::{ConnectionState, PublicId, Timestamp, token::Access};
use headcount_store::{
    Abort, StoreExt, TenantCtx,
    auth::{self, AuthError, Authenticated},
    look::{Look, LookAt},
    tokens::{Credential, Standing},
};
use headcount_token::TokenError;
use scim_schema::ScimError;

use crate::{
    caller::{Caller, Confirmation, Entry, Known, Pace, Seen, Source},
    error,
    service::Service,
};

/// How old the note of a token's last use may be before it is written again, in seconds.
const USE_NOTED_EVERY_S: i64 = 60;

/// See [`Service::authenticate_as`].
pub(crate) fn authenticate(
    service: &Service,
    presented: Option<&str>,
    entry: &Entry<'_>,
    transaction: PublicId,
    source: Source,
) -> Result<Caller, ScimError> {
    let now = service.now();
    let Some(presented) = presented else {
        return Err(ScimError::new(
            401,
            "the request has no bearer token; paste the token that was made for this connection into the identity provider's settings, so that it sends \"Authorization: Bearer <token>\"",
        ));
    };
    let recognized = match source {
        Source::Memory => auth::recognize(service.bindings(), service.verifier(), presented),
        Source::Store => None,
    };
    let Authenticated { ctx, connection: _, token } = match recognized {
        Some(recognized) => recognized,
        None => auth::authenticate(service.store(), service.bindings(), service.verifier(), presented)
            .map_err(|error| refused(error, transaction.as_str()))?,
    };
    // What speaks against a remembered credential may not be true any more, so that it is read again
    // before anybody is refused.
    if source == Source::Memory
        && let Some(known) = service.memory().find(&token)
        && standing(&known.credential, now).is_ok()
        && let Ok(base_url) = confirm_entry(&known, entry)
    {
        return Ok(caller(ctx, known, base_url, transaction, Source::Memory));
    }
    let credential = service
        .store()
        .reading(&ctx, |txn| txn.credential(&token).map_err(Abort::<std::convert::Infallible>::Store))
        .map_err(|abort| match abort {
            Abort::Store(error) => error::of_store(error, transaction.as_str()),
            Abort::Refuse(never) => match never {},
        })?;
    let Some(credential) = credential else {
        service.memory().forget(&token);
        return Err(unknown_token());
    };
    let is_good = standing(&credential, now);
    let known = Arc::new(Known::new(credential, service.public_url()));
    if is_good.is_ok() {
        service.memory().remember(&known);
    } else {
        service.memory().forget(&token);
    }
    let base_url = confirm_entry(&known, entry)?;
    is_good?;
    note_use(service, &ctx, &known, known.standing.last_used, now);
    Ok(caller(ctx, known, base_url, transaction, Source::Store))
}

fn caller(ctx: TenantCtx, known: Arc<Known>, base_url: Arc<str>, transaction: PublicId, source: Source) -> Caller {
    let switches = known.switches;
    Caller { ctx, known, switches, base_url, transaction, source, pace: Pace::Patient, seen: Seen::nothing() }
}

/// See [`Service::recognize`].
pub(crate) fn recognize(
    service: &Service,
    presented: &str,
    entry: &Entry<'_>,
    transaction: PublicId,
) -> Option<Caller> {
    let Authenticated { ctx, connection: _, token } =
        auth::recognize(service.bindings(), service.verifier(), presented)?;
    let known = service.memory().find(&token)?;
    standing(&known.credential, service.now()).ok()?;
    let base_url = confirm_entry(&known, entry).ok()?;
    let caller = caller(ctx, known, base_url, transaction, Source::Memory);
    Some(Caller { pace: Pace::Now, ..caller })
}

/// See [`Service::confirm`].
pub(crate) fn confirm(service: &Service, caller: &Caller) -> Result<Confirmation, ScimError> {
    if caller.source == Source::Store {
        return Ok(Confirmation::Stands);
    }
    if caller.seen.is_nothing() {
        let look = Look { token: caller.known.token(), at: LookAt::Standing, levels: 0 };
        let looked = match caller.pace {
            Pace::Patient => service.store().look(&caller.ctx, &look),
            Pace::Now => match service.store().look_now(&caller.ctx, &look) {
                Some(Ok(looked)) => Ok(looked),
                Some(Err(_)) | None => return Ok(Confirmation::Later),
            },
        };
        let looked = looked.map_err(|error| error::of_store(error, caller.transaction.as_str()))?;
        if meet(caller, looked.standing.as_ref()) != Meeting::Same {
            return Ok(Confirmation::Stale);
        }
    }
    if caller.seen.is_later() {
        return Ok(Confirmation::Later);
    }
    if caller.seen.is_other() {
        return Ok(Confirmation::Stale);
    }
    let (last, now) = (caller.seen.last_used(), service.now());
    if note_is_due(last, now) {
        // A note is a write.
        if caller.pace == Pace::Now {
            return Ok(Confirmation::Later);
        }
        note_use(service, &caller.ctx, &caller.known, last, now);
    }
    Ok(Confirmation::Stands)
}

/// Compares what is known of a credential with what the store says of it now.
pub(crate) fn meet(caller: &Caller, standing: Option<&Standing>) -> Meeting {
    match standing {
        Some(standing) if standing.decides_like(&caller.known.standing) => {
            caller.seen.same(standing);
            Meeting::Same
        }
        _ => match caller.source {
            Source::Memory => Meeting::Stale,
            Source::Store => Meeting::Other,
        },
    }
}

/// How a credential that is known meets the store's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meeting {
    /// It is as it was.
    Same,
    /// It was remembered and is another now: everything is to be done again.
    Stale,
    /// It was read in this request and is another already: the work reads it again and goes by that.
    Other,
}

/// Whether the note of a token's last use is due to be written again.
fn note_is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.seconds_since(last) >= USE_NOTED_EVERY_S)
}

fn note_use(service: &Service, ctx: &TenantCtx, known: &Known, last: Option<Timestamp>, now: Timestamp) {
    if !note_is_due(last, now) || !known.claim_note(now, USE_NOTED_EVERY_S) {
        return;
    }
    let noted = service
        .store()
        .writing(ctx, |txn| txn.use_token(known.token(), now).map_err(Abort::<std::convert::Infallible>::Store));
    if let Err(Abort::Store(error)) = noted {
        // The request does not depend on it; the next one tries again.
        known.release_note();
        tracing::debug!(error = error::cause(&error), "the use of a token could not be noted");
    }
}

/// A token that does not open anything here: unknown, or its secret is wrong. The two are not told
/// apart.
pub(crate) fn unknown_token() -> ScimError {
    ScimError::new(
        401,
        "the token is not known here; copy the whole token again into the identity provider's settings, or generate a new one for this connection if it is lost",
    )
}

/// What a use case ends with whose remembered credential is not true any more; whoever gave it that
/// caller does everything again, so that no client sees it.
pub(crate) fn changed() -> ScimError {
    ScimError::new(
        503,
        "the settings of the connection were changed while the request ran, and nothing was done; send the request again",
    )
}

fn refused(error: AuthError, request_id: &str) -> ScimError {
    match error {
        AuthError::Token(TokenError::Malformed) => ScimError::new(
            401,
            "the token is incomplete or mistyped: it must begin with \"hc_\" and end with its check characters; copy it again as a whole, without blanks, from where it was generated",
        ),
        AuthError::Unknown | AuthError::Token(TokenError::Wrong) => unknown_token(),
        // Tokens that verified before are not touched by this, so the answer is about a wrong one.
        AuthError::Token(TokenError::Throttled) => ScimError::new(
            401,
            "too many wrong tokens with this id were tried, so it is not checked for a minute; correct the token in the identity provider's settings, then try again",
        ),
        AuthError::Token(TokenError::Busy) => {
            ScimError::new(503, "the server is busy checking tokens; send the request again in a few seconds")
        }
        AuthError::Token(other) => {
            tracing::error!(request_id, error = error::cause(&other), "a token could not be verified");
            ScimError::new(500, format!("the server failed and has logged why under the request id {request_id}"))
        }
        AuthError::Store(error) => error::of_store(error, request_id),
    }
}

/// The token decides; host and path only confirm it. Returns the base URL of answers.
fn confirm_entry(known: &Known, entry: &Entry<'_>) -> Result<Arc<str>, ScimError> {
    match entry {
        Entry::Connection(id) if *id == known.connection().as_str() => Ok(Arc::clone(&known.connection_url)),
        Entry::Connection(_) => Err(ScimError::new(
            401,
            "the token does not belong to the connection in the URL; check that base URL and token in the identity provider's settings were copied from the same connection",
        )),
        Entry::Host(host) => {
            let host = fold_host(host);
            let found = known.host_urls.iter().find(|(stored, _)| *stored == host);
            found.map(|(_, url)| Arc::clone(url)).ok_or_else(|| {
                ScimError::new(
                    401,
                    "the token does not belong to the workspace at this address; check that base URL and token in the identity provider's settings were copied from the same workspace",
                )
            })
        }
    }
}

/// A Host header in the form in which hosts are stored: lower case, without port and without the
/// dot of the root.
pub(crate) fn fold_host(host: &str) -> String {
    let host = host.trim();
    let name = if host.starts_with('[') {
        host.split_inclusive(']').next().unwrap_or(host)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.to_ascii_lowercase()
}

/// Whether a credential may act: not revoked and not expired (401), its connection switched on, its
/// tenant entitled (403). A connection in shadow is answered like one that is on.
pub(crate) fn standing(credential: &Credential, now: Timestamp) -> Result<(), ScimError> {
    if credential.token.revoked.is_some() {
        return Err(ScimError::new(
            401,
            "the token was revoked; generate a new one for this connection and paste it into the identity provider's settings",
        ));
    }
    if credential.token.expires.is_some_and(|end| end <= now) {
        return Err(ScimError::new(
            401,
            "the token has expired; generate a new one for this connection and paste it into the identity provider's settings",
        ));
    }
    if credential.connection.state == ConnectionState::Off {
        return Err(ScimError::new(
            403,
            "provisioning is switched off for this connection; the token is good, so an administrator of the workspace only has to switch \"Automate provisioning with SCIM\" on",
        ));
    }
    if !credential.tenant.entitled {
        return Err(ScimError::new(
            403,
            "the plan of this workspace does not include provisioning with SCIM, so the connection is frozen; nothing was removed, and it goes on once the plan includes it",
        ));
    }
    Ok(())
}

/// Whether the token's scopes allow this access to this type (`None`: to some type).
pub(crate) fn allow(credential: &Credential, access: Access, resource_type: Option<&str>) -> Result<(), ScimError> {
    let scopes = &credential.token.scopes;
    let allowed = match resource_type {
        Some(name) => scopes.allows(access, name),
        None => scopes.allows_some(access),
    };
    if allowed {
        return Ok(());
    }
    let scope = match access {
        Access::Read => "scim:read",
        Access::Write => "scim:write",
    };
    let narrowed = resource_type.map(|name| format!(" or {scope}:{name}")).unwrap_or_default();
    Err(ScimError::new(
        403,
        format!(
            "the token lacks the scope {scope}{narrowed}, which this request needs; use a token of this connection that was made with it"
        ),
    ))
}
