//! Stored documents copied as they are, with what is not stored written in between.

use scim_schema::{Attribute, ResourceType, Returned, builtin, validate};

use super::{
    Frame,
    json::{self, push_string},
};
use crate::show::Shown;

/// What has to be looked at before a document of a type is copied.
pub(super) struct Care<'a> {
    /// Extensions that documents may have had before their schemas were known: only an object is
    /// shown of them.
    extensions: Vec<&'a str>,
}

impl<'a> Care<'a> {
    /// `None` if documents of this type may hold what answers do not show, so that each has to be
    /// cut.
    pub(super) fn of(resource_type: &'a ResourceType) -> Option<Self> {
        let withheld = may_withhold(resource_type)
            && resource_type.all_attributes().any(|at| {
                let leaf = at.leaf();
                leaf.is_some_and(|leaf| leaf.is_secret() || leaf.returned == Returned::Request)
                // A password is never part of a document.
                && !(at.extension.is_none()
                    && at.attribute.is_some_and(|attribute| validate::is_password(resource_type, attribute)))
            });
        if withheld {
            return None;
        }
        let is_user = resource_type.schema.urn.is(builtin::USER);
        let urns = resource_type.extensions.iter().map(|extension| extension.schema.urn.as_str());
        // The enterprise extension of users is built in: no document is older than it.
        Some(Self { extensions: urns.filter(|urn| !(is_user && *urn == builtin::ENTERPRISE_USER)).collect() })
    }
}

/// Whether any attribute, of all that are declared, may be withheld: mostly there is none, and this is seen
/// at a glance.
fn may_withhold(resource_type: &ResourceType) -> bool {
    let withholds = |leaf: &Attribute| leaf.is_secret() || leaf.returned == Returned::Request;
    let any = |attribute: &Attribute| withholds(attribute) || attribute.sub_attributes.iter().any(withholds);
    let core = &resource_type.schema.attributes;
    let extended = resource_type.extensions.iter().flat_map(|extension| &extension.schema.attributes);
    core.iter().any(|attribute| any(attribute) && !validate::is_password(resource_type, attribute))
        || builtin::common_attributes().iter().chain(extended).any(any)
}

/// Appends the document with `id` behind `schemas` and without the closing brace; nothing, and
/// `false`, if it is not as documents are written now or something of it is not shown.
pub(super) fn document(out: &mut String, care: &Care<'_>, frame: &Frame<'_>, shown: &Shown) -> bool {
    let text = &*shown.stored.document;
    // An object without members is as good as none (RFC 7643 §2.5), and is cut.
    if text.contains("{}") || (!shown.owned && text.contains("\"externalId\"")) {
        return false;
    }
    let Some((schemas, rest)) = split(text) else { return false };
    let mut rest = (rest, "");
    let mut manager = None;
    if !care.extensions.is_empty() || text.contains("\"manager\"") {
        let Looked::Copy(found) = look(text, care) else { return false };
        if let Some(Manager { at, id }) = found {
            let parts = at.checked_sub(schemas.len()).and_then(|at| rest.0.split_at_checked(at));
            let Some(parts) = parts else { return false };
            rest = parts;
            manager = Some(id);
        }
    }
    out.push_str(schemas);
    out.push_str(",\"id\":");
    push_string(out, shown.stored.id.as_str());
    out.push_str(rest.0);
    if let Some(manager) = manager {
        out.push_str(",\"$ref\":");
        push_string(out, &frame.location("User", &manager));
        out.push_str(rest.1);
    }
    true
}

/// The text up to the end of `schemas`, and what follows without the closing brace; `None` if it does
/// not begin with `schemas`.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut rest = text.strip_prefix("{\"schemas\":[\"")?;
    loop {
        // An URN with an escape in it may have a quote or bracket anywhere.
        let (urn, after) = rest.split_once('"')?;
        if urn.contains('\\') {
            return None;
        }
        if let Some(after) = after.strip_prefix(",\"") {
            rest = after;
            continue;
        }
        let after = after.strip_prefix(']')?;
        let (schemas, _) = text.split_at_checked(text.len().checked_sub(after.len())?)?;
        let after = after.strip_suffix('}')?;
        return (after.is_empty() || after.starts_with(',')).then_some((schemas, after));
    }
}

/// Where the `$ref` of a manager belongs.
struct Manager {
    /// Right behind the last member of `manager`.
    at: usize,
    /// Its `value`.
    id: String,
}

enum Looked {
    Copy(Option<Manager>),
    Cut,
}

/// Walks over the document: are all extensions objects, and is there a manager?
fn look(text: &str, care: &Care<'_>) -> Looked {
    let mut manager = None;
    for member in json::members(text) {
        let Some(member) = member else { return Looked::Cut };
        let is_object = member.value.starts_with('{');
        if !is_object && care.extensions.iter().any(|urn| urn.eq_ignore_ascii_case(member.key)) {
            return Looked::Cut;
        }
        if member.key == builtin::ENTERPRISE_USER {
            if !is_object {
                return Looked::Cut;
            }
            match manager_of(member) {
                Looked::Copy(found) => manager = found,
                Looked::Cut => return Looked::Cut,
            }
        }
    }
    Looked::Copy(manager)
}

/// The manager in an extension, if its text need not be read by a parser.
fn manager_of(extension: json::Member<'_>) -> Looked {
    for member in json::members(extension.value) {
        let Some(member) = member else { return Looked::Cut };
        if member.key != "manager" || !member.value.starts_with('{') {
            continue;
        }
        let mut id = None;
        for part in json::members(member.value) {
            match part {
                // It is written anew, where it stands.
                None | Some(json::Member { key: "$ref", .. }) => return Looked::Cut,
                Some(json::Member { key: "value", value, .. }) if value.starts_with('"') => {
                    id = serde_json::from_str(value).ok();
                }
                Some(_) => {}
            }
        }
        let before = extension.at.saturating_add(member.at);
        let at = before.saturating_add(member.value.len().saturating_sub(1));
        return Looked::Copy(id.map(|id| Manager { at, id }));
    }
    Looked::Copy(None)
}
