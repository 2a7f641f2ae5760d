//! From failures of the store to what the client sees: exactly one place.

use headcount_store::StoreError;
use headcount_token::TokenError;
use scim_schema::ScimError;

/// How long a client is asked to wait after a 503, in seconds.
pub const RETRY_AFTER_S: u32 = 2;

/// Turns a failure of the store into an answer: 503 for `Busy` and `Unknown`, 400 `tooMany`, 409
/// `uniqueness`, 412, 404, and 500 with no more than the request id for everything unexpected.
/// Logs what is not the client's doing, once, with its full chain.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "it is the end of the error, and callers hand it over in map_err")]
pub fn of_store(error: StoreError, request_id: &str) -> ScimError {
    match &error {
        StoreError::NotFound => ScimError::new(404, "the resource was deleted while the request ran"),
        StoreError::VersionMismatch => ScimError::new(
            412,
            "the resource was changed while the request ran; read it again and repeat the change if it is still wanted",
        ),
        StoreError::Unique { attribute } => {
            ScimError::uniqueness(format!("the value of {attribute} is already in use; send another one"))
        }
        StoreError::TooMany { attribute } => ScimError::too_many(format!(
            "the filter or sort asks about {attribute}, which has no index, and more resources would have to be read for it than is allowed; narrow the filter by an indexed attribute such as userName or displayName, or ask whoever runs this server to mark {attribute} as searchable in its schema"
        )),
        StoreError::Busy(_) => {
            tracing::warn!(request_id, error = cause(&error), "the database is busy or away");
            ScimError::new(503, "the server is busy and nothing was changed; send the request again in a few seconds")
        }
        StoreError::Unknown(_) => {
            tracing::error!(request_id, error = cause(&error), "the outcome of a commit is unknown");
            ScimError::new(
                503,
                "whether the change was made is not known, since the database went away while it was saved; read the resource, then send the request again if it is still needed",
            )
        }
        // `Corrupt`, `Backend`, and what the enum, which may grow, does not have yet.
        _ => unexpected(&error, request_id),
    }
}

/// Turns a failure to hash a password into an answer: 503 for `Busy`, and 500 with no more than the
/// request id for everything else.
pub(crate) fn of_hashing(error: &TokenError, request_id: &str) -> ScimError {
    if *error == TokenError::Busy {
        return ScimError::new(
            503,
            "the server is busy hashing passwords and nothing was changed; send the request again in a few seconds",
        );
    }
    tracing::error!(request_id, error = cause(error), "a password could not be hashed");
    failed(request_id)
}

fn unexpected(error: &StoreError, request_id: &str) -> ScimError {
    tracing::error!(request_id, error = cause(error), "the store failed");
    failed(request_id)
}

fn failed(request_id: &str) -> ScimError {
    ScimError::new(500, format!("the server failed and has logged why under the request id {request_id}"))
}

/// An error as a field of a log line, printed with its sources.
pub(crate) fn cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    error
}
