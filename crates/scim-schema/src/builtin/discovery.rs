//! The schemas of the discovery endpoints (RFC 7643 §5, §6, §7, §8.7.2).

use crate::{
    attribute::{AttrType, Attribute, Mutability, Returned, Uniqueness},
    builtin::{
        RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG,
        define::{
            complex, exact, flag, list, primary, read_only, reference, required, schema, suggesting, text, typed,
        },
    },
    schema::Schema,
};

/// The schemas of `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`, in this order.
#[must_use]
pub fn discovery_schemas() -> Vec<Schema> {
    vec![service_provider_config(), resource_type(), schema_schema()]
}

fn service_provider_config() -> Schema {
    let supported = || required(flag("supported", "Whether it is supported."));
    let integer = |name, description| required(typed(name, AttrType::Integer, description));
    let feature = |name, description, sub_attributes| required(complex(name, description, sub_attributes));
    all_read_only(schema(
        SERVICE_PROVIDER_CONFIG,
        "Service Provider Configuration",
        "What the service provider supports.",
        vec![
            reference("documentationUri", &["external"], "Where the documentation for people is."),
            feature("patch", "PATCH (RFC 7644 §3.5.2).", vec![supported()]),
            feature(
                "bulk",
                "Bulk requests (RFC 7644 §3.7).",
                vec![
                    supported(),
                    integer("maxOperations", "How many operations a request may have."),
                    integer("maxPayloadSize", "How many bytes a request may have."),
                ],
            ),
            feature(
                "filter",
                "Filters (RFC 7644 §3.4.2.2).",
                vec![supported(), integer("maxResults", "How many resources an answer may have.")],
            ),
            feature("changePassword", "Changing a user's password.", vec![supported()]),
            feature("sort", "Sorting (RFC 7644 §3.4.2.3).", vec![supported()]),
            feature("etag", "Entity tags (RFC 7644 §3.14).", vec![supported()]),
            complex(
                "pagination",
                "Paging (RFC 9865 §4).",
                vec![
                    required(flag("cursor", "Whether paging by cursor is supported.")),
                    required(flag("index", "Whether paging by index is supported.")),
                    suggesting(
                        text("defaultPaginationMethod", "The method when a request names none."),
                        &["cursor", "index"],
                    ),
                    typed("defaultPageSize", AttrType::Integer, "How many resources a page has if not told."),
                    typed("maxPageSize", AttrType::Integer, "How many resources a page has at most."),
                    typed("cursorTimeout", AttrType::Integer, "For how many seconds a cursor can be used."),
                ],
            ),
            required(list(complex(
                "authenticationSchemes",
                "The ways to authenticate.",
                vec![
                    required(suggesting(
                        text("type", "The kind of scheme."),
                        &["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"],
                    )),
                    required(text("name", "The scheme's name.")),
                    required(text("description", "What the scheme is.")),
                    reference("specUri", &["external"], "Where its specification is."),
                    reference("documentationUri", &["external"], "Where its documentation for people is."),
                    primary(),
                ],
            ))),
        ],
    ))
}

fn resource_type() -> Schema {
    let uri = |name, description| exact(reference(name, &["uri"], description));
    all_read_only(schema(
        RESOURCE_TYPE,
        "ResourceType",
        "A kind of resource: its endpoint, schema and schema extensions.",
        vec![
            text("id", "The identifier, often the same as the name."),
            required(text("name", "The name, which meta.resourceType repeats.")),
            text("description", "What the resource type is, for people."),
            required(reference(
                "endpoint",
                &["uri"],
                "Where the resources are, from the base of the service provider.",
            )),
            required(uri("schema", "The URI of the core schema.")),
            list(complex(
                "schemaExtensions",
                "The schema extensions.",
                vec![
                    required(uri("schema", "The URI of the extension's schema.")),
                    required(flag("required", "Whether every resource has the extension.")),
                ],
            )),
        ],
    ))
}

fn schema_schema() -> Schema {
    let mut attributes = characteristics();
    attributes.push(list(complex("subAttributes", "The parts of a complex attribute.", characteristics())));
    all_read_only(schema(
        SCHEMA,
        "Schema",
        "A named set of attribute definitions.",
        vec![
            Attribute { returned: Returned::Always, ..required(text("id", "The URI of the schema.")) },
            required(text("name", "The name of the schema, for people.")),
            text("description", "What the schema is for, for people."),
            required(list(complex("attributes", "The attributes.", attributes))),
        ],
    ))
}

/// What an attribute definition says, but for its sub-attributes.
fn characteristics() -> Vec<Attribute> {
    let words = |name, description, words: Vec<&'static str>| suggesting(exact(text(name, description)), &words);
    vec![
        required(exact(text("name", "The attribute's name."))),
        required(suggesting(
            text("type", "The data type."),
            &AttrType::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        )),
        required(flag("multiValued", "Whether the value is an array.")),
        exact(text("description", "What the attribute is, for people.")),
        flag("required", "Whether a value must be there."),
        list(exact(text("canonicalValues", "Suggested values."))),
        flag("caseExact", "Whether text is compared by case."),
        words("mutability", "When a value may be written.", Mutability::ALL.iter().map(|word| word.as_str()).collect()),
        words("returned", "When a value is returned.", Returned::ALL.iter().map(|word| word.as_str()).collect()),
        words("uniqueness", "How far a value is unique.", Uniqueness::ALL.iter().map(|word| word.as_str()).collect()),
        list(exact(text("referenceTypes", "What a reference may refer to."))),
    ]
}

fn all_read_only(schema: Schema) -> Schema {
    Schema { attributes: schema.attributes.into_iter().map(read_only).collect(), ..schema }
}
