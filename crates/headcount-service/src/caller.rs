//! Who asks, after authentication.

use headcount_model::{PublicId, Switches};
use headcount_store::{TenantCtx, tokens::Credential};

/// By which base the request came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// `/scim/v2/<connection>/`: the id in the path.
    Connection(&'a str),
    /// `/api/service/scim/`: the request's host, as sent.
    Host(&'a str),
}

/// A caller whose token was good when the request began; every transaction looks again.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The right to open the tenant's transactions.
    pub ctx: TenantCtx,
    /// Token, connection and tenant as read when the request began.
    pub credential: Credential,
    /// The connection's switches.
    pub switches: Switches,
    /// The base that `meta.location`, `Location` and `$ref` begin with, without trailing slash.
    pub base_url: String,
    /// The id shared by all journal entries of this request; also its request id.
    pub transaction: PublicId,
}
