//! From failures of the store to what the client sees: exactly one place.

use headcount_store::StoreError;
use scim_schema::ScimError;

/// How long a client is asked to wait after a 503, in seconds.
pub const RETRY_AFTER_S: u32 = 2;

/// Turns a failure of the store into an answer: 503 for `Busy` and `Unknown`, 400 `tooMany`, 409
/// `uniqueness`, 412, 404, and 500 with no more than the request id for everything unexpected.
/// Logs what is not the client's doing, once, with its full chain.
#[must_use]
pub fn of_store(error: StoreError, request_id: &str) -> ScimError {
    let _ = (error, request_id);
    todo!()
}
