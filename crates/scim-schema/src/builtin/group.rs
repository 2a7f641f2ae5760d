//! The core Group schema (RFC 7643 §4.2, §8.7.1).

use crate::{
    attribute::Mutability,
    builtin::{
        GROUP,
        define::{complex, list, read_only, reference, required, schema, suggesting, text, unique, with_mutability},
    },
    schema::Schema,
};

/// The core Group schema. `displayName` is required (§4.2) and unique; members have a read-only
/// `display` (§2.4).
#[must_use]
pub fn group() -> Schema {
    let immutable = |attribute| with_mutability(attribute, Mutability::Immutable);
    schema(
        GROUP,
        "Group",
        "Group",
        vec![
            required(unique(text("displayName", "The group's name."))),
            list(complex(
                "members",
                "The members of the group.",
                vec![
                    immutable(text("value", "The identifier of the member.")),
                    immutable(reference("$ref", &["User", "Group"], "Where the member is.")),
                    immutable(suggesting(text("type", "What the member is."), &["User", "Group"])),
                    read_only(text("display", "The member's name.")),
                ],
            )),
        ],
    )
}
