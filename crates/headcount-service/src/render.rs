//! From what was read to the body of an answer (RFC 7643 §3.1, §4; RFC 7644 §3.9).

use std::borrow::Cow;

use headcount_model::{Switches, switches::Toggle};
use scim_schema::{Projection, Registry, ResourceType, builtin, project::with_bare_names, validate::Leniency};
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    caller::Caller,
    precondition::etag,
    show::{Shown, ShownMember},
};

/// What a resource is rendered with.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) base_url: &'a str,
    pub(crate) switches: &'a Switches,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(registry: &'a Registry, caller: &'a Caller) -> Self {
        Self { registry, base_url: &caller.base_url, switches: &caller.switches }
    }

    /// The URL of a resource.
    pub(crate) fn location(&self, resource_type: &str, id: &str) -> String {
        let endpoint = self.registry.resource_type(resource_type).map_or("", |known| known.endpoint.as_str());
        let mut location = format!("{}{endpoint}/", self.base_url);
        push_segment(&mut location, id);
        location
    }

    /// The resource as an answer holds it.
    pub(crate) fn resource(
        &self,
        resource_type: &ResourceType,
        shown: Shown,
        projection: &Projection,
    ) -> Map<String, Value> {
        let mut document = self.whole(shown);
        self.meant(resource_type, projection).apply(resource_type, &mut document);
        document
    }

    /// The answer to a write that specified these attributes.
    pub(crate) fn written(
        &self,
        status: u16,
        resource_type: &ResourceType,
        shown: Shown,
        projection: &Projection,
        specified: &[String],
    ) -> Answer {
        let mut answer = self.empty(status, &shown);
        let mut document = self.whole(shown);
        let specified = match self.switches.bare_extension_names {
            Leniency::Accept => Cow::Owned(with_bare_names(resource_type, specified)),
            Leniency::Refuse => Cow::Borrowed(specified),
        };
        self.meant(resource_type, projection).apply_after_write(resource_type, &mut document, &specified);
        answer.body = Some(Value::Object(document));
        answer
    }

    /// The projection with what its names mean on this connection.
    fn meant<'p>(&self, resource_type: &ResourceType, projection: &'p Projection) -> Cow<'p, Projection> {
        match self.switches.bare_extension_names {
            Leniency::Accept => Cow::Owned(projection.with_bare_names(resource_type)),
            Leniency::Refuse => Cow::Borrowed(projection),
        }
    }

    /// The answer about a single resource.
    pub(crate) fn answer(
        &self,
        status: u16,
        resource_type: &ResourceType,
        shown: Shown,
        projection: &Projection,
    ) -> Answer {
        self.written(status, resource_type, shown, projection, &[])
    }

    /// An answer without a body about a resource that is there.
    pub(crate) fn empty(&self, status: u16, shown: &Shown) -> Answer {
        Answer {
            status,
            etag: Some(etag(shown.version)),
            location: Some(self.location(&shown.resource_type, shown.id.as_str())),
            body: None,
        }
    }

    /// Everything that is known of the resource, before the projection.
    pub(crate) fn whole(&self, shown: Shown) -> Map<String, Value> {
        let meta = self.meta(&shown);
        let Shown { document, members, groups, owned, id, .. } = shown;
        let mut whole = Map::new();
        if let Some(schemas) = document.get("schemas") {
            whole.insert("schemas".to_owned(), schemas.clone());
        }
        whole.insert("id".to_owned(), id.as_str().into());
        for (name, mut value) in document {
            // externalId is what the owner calls the resource; nobody else sees it.
            if name == "schemas" || (name == "externalId" && !owned) {
                continue;
            }
            if name == builtin::ENTERPRISE_USER {
                self.refer_to_manager(&mut value);
            }
            whole.insert(name, value);
        }
        if let Some(members) = members
            && self.shows_list(members.is_empty())
        {
            let members = members.iter().map(|member| self.member(member)).collect();
            whole.insert("members".to_owned(), Value::Array(members));
        }
        if let Some(groups) = groups
            && !groups.is_empty()
        {
            let groups = groups.into_iter().map(|group| {
                let mut element = Map::new();
                element.insert("value".to_owned(), group.id.as_str().into());
                element.insert("$ref".to_owned(), self.location("Group", group.id.as_str()).into());
                if let (Some(display), Toggle::On) = (group.display, self.switches.member_display) {
                    element.insert("display".to_owned(), display.into());
                }
                element.insert("type".to_owned(), if group.direct { "direct" } else { "indirect" }.into());
                Value::Object(element)
            });
            whole.insert("groups".to_owned(), groups.collect());
        }
        whole.insert("meta".to_owned(), meta);
        whole
    }

    pub(crate) fn meta(&self, shown: &Shown) -> Value {
        json!({
            "resourceType": shown.resource_type,
            "created": shown.created.to_string(),
            "lastModified": shown.modified.to_string(),
            "location": self.location(&shown.resource_type, shown.id.as_str()),
            "version": etag(shown.version),
        })
    }

    /// An empty list is the same as none (RFC 7643 §2.5) and is left out, but for identity
    /// providers, some of which cannot do without (rule 35).
    fn shows_list(&self, empty: bool) -> bool {
        !empty || self.switches.member_display == Toggle::On
    }

    fn member(&self, member: &ShownMember) -> Value {
        let mut element = Map::new();
        element.insert("value".to_owned(), member.id.as_str().into());
        element.insert("$ref".to_owned(), self.location(&member.resource_type, member.id.as_str()).into());
        element.insert("type".to_owned(), member.resource_type.as_str().into());
        if let Some(display) = &member.display {
            element.insert("display".to_owned(), display.as_str().into());
        }
        Value::Object(element)
    }

    /// `manager.$ref` follows `manager.value`, which is any string and is not looked up.
    fn refer_to_manager(&self, extension: &mut Value) {
        if let Some(manager) = extension.get_mut("manager").and_then(Value::as_object_mut)
            && let Some(id) = manager.get("value").and_then(Value::as_str)
        {
            let location = self.location("User", id);
            manager.insert("$ref".to_owned(), location.into());
        }
    }
}

/// Appends a path segment, percent-encoded but for unreserved characters (RFC 3986 §2.3).
fn push_segment(url: &mut String, segment: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push('%');
            for digit in [byte >> 4, byte & 15] {
                url.push(HEX.get(usize::from(digit)).copied().unwrap_or('0'));
            }
        }
    }
}

/// The text of a percent-encoded path segment; `None` if it is not as [`push_segment`] writes it.
pub(crate) fn decoded_segment(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit()? << 4 | digit()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut again = String::with_capacity(segment.len());
    push_segment(&mut again, &text);
    (again == segment).then_some(text)
}
