//! From what was read to the body of an answer (RFC 7643 §3.1, §4; RFC 7644 §3.9).
//!
//! Documents are stored as the text that answers show, without what other rows decide: `id`,
//! `members`, `groups` and `meta`. Where nothing of a document has to be left out, that text is
//! copied and the rest is written around it ([`copied`]); where a projection or a schema asks for
//! less, it is read and cut first ([`cut`]).

pub(crate) mod json;

mod copied;
mod cut;
mod member;
mod out;

use std::{fmt::Write as _, sync::Arc};

use headcount_model::{Switches, Timestamp, switches::Toggle};
use headcount_store::{StoreError, members::GroupOf};
use scim_schema::{Projection, Registry, ResourceType, ScimError, builtin, datetime};
use serde_json::{Map, Value};

pub(crate) use self::out::{Rest, Source};
use self::{
    copied::Care,
    cut::Cut,
    json::{escaped, push_string},
    member::{MemberForm, MemberList},
    out::Out,
};
use crate::{
    answer::{Answer, Body},
    caller::Caller,
    error,
    membership::{self, MEMBERS},
    precondition::etag,
    show::{self, Members, Shown},
};

/// What a resource is rendered with.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) base_url: &'a str,
    pub(crate) switches: &'a Switches,
    /// The id of the request.
    transaction: &'a str,
}

/// How resources of one type are rendered under one projection.
struct Form<'a> {
    resource_type: &'a ResourceType,
    /// `None`: not shown.
    members: Option<Arc<MemberForm>>,
    groups: Groups,
    /// What is the same of all groups of a resource; empty where none are shown.
    group_middle: String,
    /// `None`: every document is cut.
    care: Option<Care<'a>>,
    cut: Arc<Cut>,
}

/// Whether the groups of a resource are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Groups {
    Shown,
    LeftOut,
}

/// What a page says of its place in the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PageMark {
    /// `startIndex`
    Start(u64),
    /// `nextCursor`, if there is a next page.
    Next(Option<String>),
}

impl<'a> Frame<'a> {
    pub(crate) fn new(registry: &'a Registry, caller: &'a Caller) -> Self {
        Self {
            registry,
            base_url: &caller.base_url,
            switches: &caller.switches,
            transaction: caller.transaction.as_str(),
        }
    }

    /// The URL of a resource.
    pub(crate) fn location(&self, resource_type: &str, id: &str) -> String {
        let endpoint = self.registry.resource_type(resource_type).map_or("", |known| known.endpoint.as_str());
        let length = self.base_url.len().saturating_add(endpoint.len()).saturating_add(id.len());
        let mut location = String::with_capacity(length.saturating_add(1));
        self.push_location(&mut location, endpoint, id);
        location
    }

    fn push_location(&self, location: &mut String, endpoint: &str, id: &str) {
        location.push_str(self.base_url);
        location.push_str(endpoint);
        location.push('/');
        push_segment(location, id);
    }

    /// The answer to a write that specified these attributes.
    ///
    /// # Errors
    /// [`ScimError`] 500 if the document cannot be read.
    pub(crate) fn written(
        &self,
        status: u16,
        resource_type: &ResourceType,
        shown: Shown,
        projection: &Projection,
        specified: &[String],
    ) -> Result<Answer, ScimError> {
        let mut answer = self.empty(status, &shown);
        let form = self.form(resource_type, projection, specified);
        let mut out = Out::with_capacity(shown.likely_length());
        let location = answer.location.as_deref().unwrap_or_default();
        self.resource(&mut out, &form, shown, location).map_err(|error| error::of_store(error, self.transaction))?;
        answer.body = Some(out.finish());
        Ok(answer)
    }

    /// The answer about a single resource.
    ///
    /// # Errors
    /// As [`Self::written`].
    pub(crate) fn answer(
        &self,
        status: u16,
        resource_type: &ResourceType,
        shown: Shown,
        projection: &Projection,
    ) -> Result<Answer, ScimError> {
        self.written(status, resource_type, shown, projection, &[])
    }

    /// An answer without a body about a resource that is there.
    pub(crate) fn empty(&self, status: u16, shown: &Shown) -> Answer {
        Answer {
            status,
            etag: Some(etag(shown.stored.version)),
            location: Some(self.location(&shown.stored.resource_type, shown.stored.id.as_str())),
            body: None,
        }
    }

    /// A `ListResponse` (RFC 7644 §3.4.2) of these resources.
    ///
    /// # Errors
    /// [`ScimError`] 500 if a document cannot be read.
    pub(crate) fn list(
        &self,
        total: u64,
        mark: &PageMark,
        resources: Vec<Shown>,
        projection: &Projection,
    ) -> Result<Body, ScimError> {
        let mut forms: Vec<Form<'_>> = Vec::new();
        let mut formed: Vec<(usize, Shown)> = Vec::with_capacity(resources.len());
        let mut length = 256_usize;
        for shown in resources {
            let name = shown.stored.resource_type.as_str();
            let known = forms.iter().position(|form| form.resource_type.name == name);
            let form = match (known, self.registry.resource_type(name)) {
                (Some(known), _) => known,
                (None, None) => continue,
                (None, Some(resource_type)) => {
                    forms.push(self.form(resource_type, projection, &[]));
                    forms.len().saturating_sub(1)
                }
            };
            length = length.saturating_add(shown.likely_length());
            formed.push((form, shown));
        }
        let mut out = Out::with_capacity(length);
        let text = out.text();
        text.push_str("{\"schemas\":[\"");
        text.push_str(builtin::LIST_RESPONSE);
        text.push_str("\"],\"totalResults\":");
        text.push_str(&total.to_string());
        text.push_str(",\"itemsPerPage\":");
        text.push_str(&formed.len().to_string());
        match mark {
            PageMark::Start(start) => {
                text.push_str(",\"startIndex\":");
                text.push_str(&start.to_string());
            }
            PageMark::Next(Some(cursor)) => {
                text.push_str(",\"nextCursor\":");
                push_string(text, cursor);
            }
            PageMark::Next(None) => {}
        }
        text.push_str(",\"Resources\":[");
        let mut location = String::new();
        for (index, (form, shown)) in formed.into_iter().enumerate() {
            let Some(form) = forms.get(form) else { continue };
            if index > 0 {
                out.text().push(',');
            }
            location.clear();
            self.push_location(&mut location, &form.resource_type.endpoint, shown.stored.id.as_str());
            self.resource(&mut out, form, shown, &location)
                .map_err(|error| error::of_store(error, self.transaction))?;
        }
        out.text().push_str("]}");
        Ok(out.finish())
    }

    /// What an answer shows that is in no document, but for members.
    pub(crate) fn derived(&self, shown: &Shown) -> Map<String, Value> {
        let location = self.location(&shown.stored.resource_type, shown.stored.id.as_str());
        let mut whole = Map::new();
        whole.insert("id".to_owned(), shown.stored.id.as_str().into());
        whole.extend(cut::derived(self, shown, &location));
        whole
    }

    /// `specified`: the names that a write gave.
    fn form<'f>(&self, resource_type: &'f ResourceType, projection: &Projection, specified: &[String]) -> Form<'f> {
        let has_members = membership::has_members(resource_type);
        let has_groups = show::has_groups(resource_type);
        let members = has_members && projection.wants(resource_type, MEMBERS);
        let groups = has_groups && projection.wants(resource_type, "groups");
        let documents_are_whole = match projection {
            Projection::Default => true,
            Projection::Only(_) => false,
            // What is kept apart from the document is left out by not writing it.
            Projection::Except(names) => names.iter().all(|name| {
                (has_members && !members && name.eq_ignore_ascii_case(MEMBERS))
                    || (has_groups && !groups && name.eq_ignore_ascii_case("groups"))
            }),
        };
        let care = if documents_are_whole { Care::of(resource_type) } else { None };
        let cut = Arc::new(Cut::new(self, resource_type, projection, specified));
        let members = members.then(|| {
            let cut = if care.is_some() { None } else { Some(Arc::clone(&cut)) };
            Arc::new(MemberForm::new(self, cut))
        });
        let group_middle = if groups { self.group_middle() } else { String::new() };
        let groups = if groups { Groups::Shown } else { Groups::LeftOut };
        Form { resource_type, members, groups, group_middle, care, cut }
    }

    /// Appends the resource as an answer holds it: the document with `id`, then what is not in it.
    fn resource(&self, out: &mut Out, form: &Form<'_>, mut shown: Shown, location: &str) -> Result<(), StoreError> {
        let text = out.text();
        let is_copied = form.care.as_ref().is_some_and(|care| copied::document(text, care, self, &shown));
        if !is_copied {
            cut::document(text, &form.cut, self, &shown)?;
        }
        if let (Some(Members { found, rest }), Some(form)) = (shown.members.take(), &form.members) {
            let mut list = MemberList::new(form);
            list.push(out.text(), &found);
            match rest {
                None => list.end(out.text()),
                Some(rest) => out.leave(rest, list),
            }
        }
        let text = out.text();
        if form.groups == Groups::LeftOut {
            shown.groups = None;
        }
        if form.care.is_some() {
            self.push_derived(text, &shown, location, &form.group_middle);
        } else {
            cut::push_derived(text, &form.cut, self, &shown, location);
        }
        text.push('}');
        Ok(())
    }

    fn push_derived(&self, text: &mut String, shown: &Shown, location: &str, group_middle: &str) {
        if let Some(groups) = &shown.groups
            && !groups.is_empty()
        {
            text.push_str(",\"groups\":");
            self.push_groups(text, groups, group_middle);
        }
        text.push_str(",\"meta\":{\"resourceType\":");
        push_string(text, &shown.stored.resource_type);
        text.push_str(",\"created\":\"");
        push_instant(text, shown.stored.created);
        text.push_str("\",\"lastModified\":\"");
        push_instant(text, shown.stored.modified);
        text.push_str("\",\"location\":");
        push_string(text, location);
        text.push_str(",\"version\":");
        // A tag of ours needs no more than that, and writing to a string does not fail.
        let _ = write!(text, "\"W/\\\"{}\\\"\"}}", shown.stored.version);
    }

    /// What is the same of all groups.
    fn group_middle(&self) -> String {
        middle(&self.location("Group", ""))
    }

    fn push_groups(&self, text: &mut String, groups: &[GroupOf], middle: &str) {
        text.push('[');
        for (index, group) in groups.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_value_and_ref(text, group.id.as_str(), middle);
            text.push('"');
            if let (Some(display), Toggle::On) = (&group.display, self.switches.member_display) {
                text.push_str(",\"display\":");
                push_string(text, display);
            }
            text.push_str(if group.direct { ",\"type\":\"direct\"}" } else { ",\"type\":\"indirect\"}" });
        }
        text.push(']');
    }
}

fn push_instant(text: &mut String, at: Timestamp) {
    // Writing to a string does not fail.
    let _ = datetime::write(text, at.micros(), datetime::Fraction::Millis);
}

/// What is between the id and the path segment of [`push_value_and_ref`], for URLs that begin so.
fn middle(start: &str) -> String {
    format!(",\"$ref\":\"{}", escaped(start))
}

/// Appends the first two members of an element that refers to a resource, but for the last quote.
fn push_value_and_ref(text: &mut String, id: &str, middle: &str) {
    text.push_str("{\"value\":");
    push_string(text, id);
    text.push_str(middle);
    push_segment(text, id);
}

/// Whether a path segment needs no percent-encoding.
#[expect(clippy::needless_bitwise_bool, reason = "without an early end many bytes are looked at together")]
fn is_unreserved(segment: &str) -> bool {
    segment.bytes().fold(true, |plain, byte| {
        plain & (byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'.') | (byte == b'_') | (byte == b'~'))
    })
}

/// Appends a path segment, percent-encoded but for unreserved characters (RFC 3986 §2.3).
fn push_segment(url: &mut String, segment: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    if is_unreserved(segment) {
        url.push_str(segment);
        return;
    }
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

#[cfg(test)]
mod tests;
