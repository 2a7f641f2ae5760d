//! The Enterprise User extension (RFC 7643 §4.3, §8.7.1).

use crate::{
    builtin::{
        ENTERPRISE_USER,
        define::{complex, read_only, reference, schema, searchable, text},
    },
    schema::Schema,
};

/// The Enterprise User extension. `employeeNumber`, `department` and `manager.value` are searchable.
#[must_use]
pub fn enterprise_user() -> Schema {
    schema(
        ENTERPRISE_USER,
        "EnterpriseUser",
        "Enterprise User",
        vec![
            searchable(text("employeeNumber", "The identifier that the organization gave the person.")),
            text("costCenter", "The cost center."),
            text("organization", "The organization."),
            text("division", "The division."),
            searchable(text("department", "The department.")),
            complex(
                "manager",
                "The user's manager.",
                vec![
                    searchable(text("value", "The identifier of the manager's user.")),
                    reference("$ref", &["User"], "Where the manager's user is."),
                    read_only(text("displayName", "The manager's display name.")),
                ],
            ),
        ],
    )
}
