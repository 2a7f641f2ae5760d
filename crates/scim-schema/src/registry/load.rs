//! Adding Schema and `ResourceType` documents to a registry.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    builtin,
    document::{Node, fault, kind},
    registry::{Extension, Registry, RegistryError, ResourceType, common_attribute},
    schema::Schema,
};

const RESOURCE_TYPE_MEMBERS: &[&str] =
    &["schemas", "id", "name", "description", "endpoint", "schema", "schemaExtensions", "meta"];

const EXTENSION_MEMBERS: &[&str] = &["schema", "required"];

/// First path segments that the protocol uses itself (RFC 7644 §3.2).
const RESERVED_ENDPOINTS: &[&str] = &["Me", "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk"];

/// URNs that name messages and discovery resources, and so no schema of a resource.
const RESERVED_URNS: &[&str] = &[
    builtin::SERVICE_PROVIDER_CONFIG,
    builtin::RESOURCE_TYPE,
    builtin::SCHEMA,
    builtin::LIST_RESPONSE,
    builtin::SEARCH_REQUEST,
    builtin::PATCH_OP,
    builtin::BULK_REQUEST,
    builtin::BULK_RESPONSE,
    builtin::ERROR,
];

enum Kind {
    Schema,
    ResourceType,
}

pub(super) fn documents(base: &Registry, documents: &[Value]) -> Result<Registry, (usize, RegistryError)> {
    let mut registry = base.clone();
    let mut resource_types = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let at = |error| (index, error);
        match document_kind(document).map_err(at)? {
            Kind::Schema => {
                let schema = schema(&registry, document).map_err(at)?;
                registry.schemas.push(Arc::new(schema));
            }
            Kind::ResourceType => resource_types.push((index, document)),
        }
    }
    // Names given in this call, so that a second document of one name is seen.
    let mut given: Vec<String> = Vec::new();
    for (index, document) in resource_types {
        let resource_type = resource_type(&registry, document, &given).map_err(|error| (index, error))?;
        given.push(resource_type.name.clone());
        let resource_type = Arc::new(resource_type);
        match registry.resource_types.iter_mut().find(|present| present.name == resource_type.name) {
            Some(present) => *present = resource_type,
            None => registry.resource_types.push(resource_type),
        }
    }
    Ok(registry)
}

fn document_kind(document: &Value) -> Result<Kind, RegistryError> {
    let Value::Object(members) = document else {
        return Err(fault("", format!("must be an object, but is {}", kind(document))));
    };
    let find = |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let says = |urn: &str| {
        let listed = find("schemas").and_then(Value::as_array);
        listed.is_some_and(|listed| {
            listed.iter().filter_map(Value::as_str).any(|listed| listed.eq_ignore_ascii_case(urn))
        })
    };
    if says(builtin::SCHEMA) {
        return Ok(Kind::Schema);
    }
    if says(builtin::RESOURCE_TYPE) {
        return Ok(Kind::ResourceType);
    }
    if find("attributes").is_some() {
        return Ok(Kind::Schema);
    }
    if find("endpoint").is_some() {
        return Ok(Kind::ResourceType);
    }
    Err(fault("", "is neither a Schema (with \"attributes\") nor a ResourceType (with \"endpoint\")"))
}

fn schema(registry: &Registry, document: &Value) -> Result<Schema, RegistryError> {
    let schema = Schema::parse(document)?;
    if registry.schema(schema.urn.as_str()).is_some() {
        return Err(fault("/id", format!("\"{}\" is already a schema here; give yours another URN", schema.urn)));
    }
    if RESERVED_URNS.iter().any(|reserved| schema.urn.is(reserved)) {
        return Err(fault("/id", format!("\"{}\" belongs to the protocol; give yours another URN", schema.urn)));
    }
    Ok(schema)
}

fn resource_type(registry: &Registry, document: &Value, given: &[String]) -> Result<ResourceType, RegistryError> {
    let node = Node::read(document, String::new(), RESOURCE_TYPE_MEMBERS)?;
    node.check_schemas(builtin::RESOURCE_TYPE)?;
    let name = name(&node)?;
    let endpoint = endpoint(&node)?;
    let schema = referred(registry, &node, "schema")?;
    declares_its_own(&node, &schema)?;
    let extensions = extensions(registry, &node, &schema)?;
    let id = match node.text("id")? {
        Some(id) if !id.trim().is_empty() => id,
        _ => name,
    };
    let resource_type = ResourceType {
        id: id.to_owned(),
        name: name.to_owned(),
        endpoint,
        description: node.text("description")?.map(ToOwned::to_owned),
        schema,
        extensions,
    };
    if given.iter().any(|given| given.eq_ignore_ascii_case(name)) {
        return Err(fault("/name", format!("\"{name}\" is the name of two of these documents")));
    }
    let same = |present: &&Arc<ResourceType>| present.name.eq_ignore_ascii_case(name);
    if let Some(present) = registry.resource_types.iter().find(same) {
        return extended(present, resource_type);
    }
    if let Some(other) = registry.by_endpoint(resource_type.endpoint.trim_start_matches('/')) {
        let reason = format!("\"{}\" is already the endpoint of {}", resource_type.endpoint, other.name);
        return Err(fault("/endpoint", reason));
    }
    Ok(resource_type)
}

/// A resource type that is already there, with what `given` adds to its extensions.
fn extended(present: &ResourceType, given: ResourceType) -> Result<ResourceType, RegistryError> {
    if present.name != given.name {
        return Err(fault("/name", format!("is \"{}\" in this spelling", present.name)));
    }
    if !present.endpoint.eq_ignore_ascii_case(&given.endpoint) {
        let reason = format!("the endpoint of {} is \"{}\" and stays so", present.name, present.endpoint);
        return Err(fault("/endpoint", reason));
    }
    if present.schema.urn != given.schema.urn {
        let reason = format!("the schema of {} is \"{}\" and stays so", present.name, present.schema.urn);
        return Err(fault("/schema", reason));
    }
    let mut extensions = present.extensions.clone();
    for extension in given.extensions {
        match extensions.iter_mut().find(|kept| kept.schema.urn == extension.schema.urn) {
            Some(kept) => kept.required = extension.required,
            None => extensions.push(extension),
        }
    }
    Ok(ResourceType { extensions, ..present.clone() })
}

fn name<'a>(node: &Node<'a>) -> Result<&'a str, RegistryError> {
    let name = node.required_text("name")?;
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !fits || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        // Scopes of tokens carry the name (`scim:read:User`), so it has no colon and no blank.
        return Err(fault("/name", format!("\"{name}\" must be a letter, then letters, digits, \"-\" and \"_\"")));
    }
    Ok(name)
}

fn endpoint(node: &Node<'_>) -> Result<String, RegistryError> {
    let text = node.required_text("endpoint")?;
    let segment = text.strip_prefix('/').unwrap_or(text);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if segment.is_empty() || segment.starts_with('.') || !segment.bytes().all(fits) {
        let reason =
            format!("\"{text}\" must be one path segment of letters, digits, \"-\", \"_\" and \"~\", as in \"/Users\"");
        return Err(fault("/endpoint", reason));
    }
    if RESERVED_ENDPOINTS.iter().any(|reserved| reserved.eq_ignore_ascii_case(segment)) {
        return Err(fault("/endpoint", format!("\"{text}\" belongs to the protocol (RFC 7644 §3.2)")));
    }
    Ok(format!("/{segment}"))
}

/// The schema that a member refers to by its URN.
fn referred(registry: &Registry, node: &Node<'_>, member: &str) -> Result<Arc<Schema>, RegistryError> {
    let urn = node.required_text(member)?;
    registry.schema(urn).map(Arc::clone).ok_or_else(|| {
        fault(&node.at(member), format!("there is no schema \"{urn}\"; load its Schema document with this one"))
    })
}

/// What every resource has is not for a schema to declare: its definition there would be passed over
/// (RFC 7643 §3.1), and discovery would show it all the same.
fn declares_its_own(node: &Node<'_>, schema: &Schema) -> Result<(), RegistryError> {
    match schema.attributes.iter().find(|attribute| common_attribute(&attribute.name).is_some()) {
        None => Ok(()),
        Some(common) => Err(fault(
            &node.at("schema"),
            format!(
                "\"{}\" declares \"{}\", which every resource has already (RFC 7643 §3.1); take it out of that schema",
                schema.urn, common.name
            ),
        )),
    }
}

fn extensions(registry: &Registry, node: &Node<'_>, core: &Schema) -> Result<Vec<Extension>, RegistryError> {
    let mut extensions: Vec<Extension> = Vec::new();
    for (index, value) in node.list("schemaExtensions")?.iter().enumerate() {
        let pointer = format!("{}/{index}", node.at("schemaExtensions"));
        let element = Node::read(value, pointer, EXTENSION_MEMBERS)?;
        let schema = referred(registry, &element, "schema")?;
        if schema.urn == core.urn {
            return Err(fault(&element.at("schema"), "is the core schema of this resource type already"));
        }
        if extensions.iter().any(|earlier| earlier.schema.urn == schema.urn) {
            return Err(fault(&element.at("schema"), "is listed twice"));
        }
        extensions.push(Extension { schema, required: element.flag("required")? });
    }
    Ok(extensions)
}
