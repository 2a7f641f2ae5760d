//! Clashes that somebody should look at (R8, R11).

use headcount_model::{EventKind, PublicId};
use headcount_store::{StoreError, Txn, tenants::Conflict};
use serde_json::json;

use crate::{
    journal::{self, Subject},
    session::{Job, Session},
};

/// Why a value was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Another source of the tenant holds it.
    TakenElsewhere,
    /// The account to be adopted has another e-mail.
    EmailDiffers,
    /// The connection's policy keeps the stored value.
    Immutable,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::TakenElsewhere => "taken_elsewhere",
            Self::EmailDiffers => "email_differs",
            Self::Immutable => "immutable",
        }
    }
}

/// A conflict of this request.
pub(crate) fn of(
    job: &Job<'_>,
    session: &Session,
    kind: Kind,
    attribute: &str,
    resource: Option<PublicId>,
    refused: &str,
) -> Conflict {
    Conflict {
        connection: session.view.connection,
        attribute: attribute.to_owned(),
        kind: kind.as_str().to_owned(),
        resource,
        refused: refused.to_owned(),
        first_seen: job.now,
        last_seen: job.now,
        times: 1,
    }
}

/// Records a conflict. One that is open already only counts up, and is told of once.
pub(crate) fn record(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    conflict: &Conflict,
) -> Result<(), StoreError> {
    if txn.record_conflict(conflict)? {
        let detail = json!({ "kind": conflict.kind, "attribute": conflict.attribute, "refused": conflict.refused });
        let resource_type = if conflict.attribute == "displayName" { "Group" } else { "User" };
        let subject = conflict.resource.as_ref().map(|id| Subject { resource_type, id, version: 0 });
        journal::append(
            txn,
            job,
            session,
            EventKind::ConflictFound,
            subject,
            vec![conflict.attribute.clone()],
            Some(&detail),
        )?;
    }
    Ok(())
}
