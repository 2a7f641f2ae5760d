//! Documents read and cut: what a projection or a schema leaves of them.

use std::{fmt::Write as _, sync::Arc};

use headcount_store::StoreError;
use scim_schema::{Projection, ResourceType, builtin, project::with_bare_names, validate::Leniency};
use serde_json::{Map, Value, json};

use super::{Frame, json::push_string};
use crate::{
    precondition::etag,
    show::{self, Shown},
};

/// What is left of a resource of a type.
#[derive(Debug)]
pub(crate) struct Cut {
    resource_type: Arc<ResourceType>,
    projection: Projection,
    specified: Vec<String>,
}

impl Cut {
    /// The projection with what its names mean on this connection.
    pub(super) fn new(
        frame: &Frame<'_>,
        resource_type: &ResourceType,
        projection: &Projection,
        specified: &[String],
    ) -> Self {
        let shared = frame.registry.resource_type(&resource_type.name).cloned();
        let (projection, specified) = match frame.switches.bare_extension_names {
            Leniency::Accept => (projection.with_bare_names(resource_type), with_bare_names(resource_type, specified)),
            Leniency::Refuse => (projection.clone(), specified.to_vec()),
        };
        Self { resource_type: shared.unwrap_or_else(|| Arc::new(resource_type.clone())), projection, specified }
    }

    pub(super) fn apply(&self, document: &mut Map<String, Value>) {
        self.projection.apply_after_write(&self.resource_type, document, &self.specified);
    }
}

/// Appends what is left of a stored document, with `id`, without the closing brace.
///
/// # Errors
/// [`StoreError::Corrupt`]: the document cannot be read.
pub(super) fn document(out: &mut String, cut: &Cut, frame: &Frame<'_>, shown: &Shown) -> Result<(), StoreError> {
    let mut document = whole(frame, shown)?;
    cut.apply(&mut document);
    out.push('{');
    push_members(out, &document, true);
    Ok(())
}

/// Appends what is left of what is not in the document, but for the members of a group.
pub(super) fn push_derived(out: &mut String, cut: &Cut, frame: &Frame<'_>, shown: &Shown, location: &str) {
    let mut derived = derived(frame, shown, location);
    cut.apply(&mut derived);
    push_members(out, &derived, false);
}

fn push_members(out: &mut String, members: &Map<String, Value>, first: bool) {
    let mut first = first;
    for (name, value) in members {
        if !first {
            out.push(',');
        }
        first = false;
        push_string(out, name);
        // Writing to a string does not fail.
        let _ = write!(out, ":{value}");
    }
}

/// The document, with `id` and the reference of a manager.
fn whole(frame: &Frame<'_>, shown: &Shown) -> Result<Map<String, Value>, StoreError> {
    let mut document = show::document(&shown.stored)?;
    let mut whole = Map::with_capacity(document.len().saturating_add(1));
    if let Some(schemas) = document.get_mut("schemas") {
        whole.insert("schemas".to_owned(), schemas.take());
    }
    whole.insert("id".to_owned(), shown.stored.id.as_str().into());
    for (name, mut value) in document {
        // externalId is what the owner calls the resource; nobody else sees it.
        if name == "schemas" || (name == "externalId" && !shown.owned) {
            continue;
        }
        if name == builtin::ENTERPRISE_USER {
            refer_to_manager(frame, &mut value);
        }
        whole.insert(name, value);
    }
    Ok(whole)
}

/// What is not in the document, but for the members of a group.
pub(super) fn derived(frame: &Frame<'_>, shown: &Shown, location: &str) -> Map<String, Value> {
    let mut derived = Map::new();
    if let Some(groups) = &shown.groups
        && !groups.is_empty()
    {
        let mut text = String::new();
        frame.push_groups(&mut text, groups, &frame.group_middle());
        // What was just written is JSON.
        derived.insert("groups".to_owned(), serde_json::from_str(&text).unwrap_or_default());
    }
    let stored = &shown.stored;
    let meta = json!({
        "resourceType": stored.resource_type,
        "created": stored.created.to_string(),
        "lastModified": stored.modified.to_string(),
        "location": location,
        "version": etag(stored.version),
    });
    derived.insert("meta".to_owned(), meta);
    derived
}

/// `manager.$ref` follows `manager.value`, which is any string and is not looked up.
fn refer_to_manager(frame: &Frame<'_>, extension: &mut Value) {
    if let Some(manager) = extension.get_mut("manager").and_then(Value::as_object_mut)
        && let Some(id) = manager.get("value").and_then(Value::as_str)
    {
        let location = frame.location("User", id);
        manager.insert("$ref".to_owned(), location.into());
    }
}
