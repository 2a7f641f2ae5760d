//! The attributes that every resource has (RFC 7643 §3, §3.1).

use std::sync::LazyLock;

use crate::{
    attribute::{AttrType, Attribute, Returned},
    builtin::define::{complex, exact, list, read_only, reference, required, returned, text, typed, unique},
};

static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    vec![
        returned(
            required(list(text("schemas", "The URIs of the schemas whose attributes the resource has."))),
            Returned::Always,
        ),
        returned(
            read_only(unique(exact(text("id", "The identifier that the service provider gave.")))),
            Returned::Always,
        ),
        exact(text("externalId", "The identifier that the provisioning client gave.")),
        read_only(complex(
            "meta",
            "What the service provider records of the resource.",
            vec![
                exact(text("resourceType", "The name of the resource's type.")),
                typed("created", AttrType::DateTime, "When the resource was made."),
                typed("lastModified", AttrType::DateTime, "When the resource last changed."),
                exact(reference("location", &["uri"], "Where the resource is.")),
                exact(text("version", "The entity tag of this state of the resource.")),
            ],
        )),
    ]
});

/// `schemas`, `id`, `externalId` and `meta`: part of every resource, declared by no schema (RFC 7643
/// §3.1). `schemas` is declared as text, not as a reference, because URNs compare ignoring case.
#[must_use]
pub fn common_attributes() -> &'static [Attribute] {
    &COMMON
}
