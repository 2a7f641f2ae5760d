//! Bulk requests (RFC 7644 §3.7).

use scim_schema::ScimError;
use serde_json::{Map, Value};

use crate::{answer::Answer, caller::Caller, service::Service};

/// See [`Service::bulk`].
pub(crate) fn bulk(service: &Service, caller: &Caller, body: Map<String, Value>) -> Result<Answer, ScimError> {
    let _ = (service, caller, body);
    todo!()
}
