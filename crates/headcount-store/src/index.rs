//! What is indexed of a resource, and where an attribute is found: the one place that decides it,
//! for every store.

use std::borrow::Cow;

use scim_filter::{Literal, Target};
use scim_schema::{AttrType, Attribute, Resource, ResourceType, fold::fold};
use serde_json::{Map, Value, json};

use crate::{
    error::StoreError,
    members::{GroupOf, MemberRef},
    resources::StoredResource,
};

/// The longest value of a value row, in bytes.
pub const LONGEST_ROW: usize = 512;

/// Within what a unique value is unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UniqueScope {
    /// The tenant.
    Tenant,
    /// The owner (connection).
    Owner,
}

/// One searchable value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ValueRow {
    /// Canonical key, e.g. `emails.value`.
    pub path: String,
    /// The comparison form ([`row_text`]), cut to [`LONGEST_ROW`] bytes at a character boundary
    /// (longer ones are rechecked against the document).
    pub folded: String,
    /// The element's position, 0 for single-valued attributes.
    pub element: u32,
    /// The element's `type` in its comparison form.
    pub element_type: Option<String>,
    /// Whether the element is the primary one.
    pub primary: bool,
}

/// A unique value beside userName and displayName.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UniqueValue {
    /// Canonical key of the attribute.
    pub path: String,
    /// Its comparison form, not cut.
    pub key: String,
    /// Within what.
    pub scope: UniqueScope,
}

/// The settings that change what is unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexPolicy {
    /// The switch `external_id_unique`.
    pub external_id_unique: bool,
    /// The switch `unique_group_names`.
    pub unique_group_names: bool,
}

/// What is indexed of a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexForm {
    /// The unique key: a user's folded userName without outer white space, a group's folded
    /// displayName while names are unique; `None` for other types.
    pub key: Option<String>,
    /// Within what `key` is unique.
    pub scope: UniqueScope,
    /// externalId as it is.
    pub external_id: Option<String>,
    /// Folded displayName, not cut (like all columns); at most 1,024 bytes before it was folded.
    pub display_key: Option<String>,
    /// Folded name.familyName; may have 64 KiB, which an index over it must bear.
    pub family_key: Option<String>,
    /// Folded name.givenName; may have 64 KiB.
    pub given_key: Option<String>,
    /// `active`; `None` where the document has none.
    pub active: Option<bool>,
    /// Presence bits of multi-valued attributes ([`presence_bit`]).
    pub present: i64,
    /// Searchable values, sorted.
    pub values: Vec<ValueRow>,
    /// Unique values beside the key, sorted, without repeats.
    pub unique: Vec<UniqueValue>,
}

/// What is indexed of this resource.
#[must_use]
pub fn form(resource_type: &ResourceType, resource: &Resource, policy: IndexPolicy) -> IndexForm {
    let document = resource.document();
    let (key, scope) = match resource_type.name.as_str() {
        "User" => (resource.text("userName").map(user_name_key), UniqueScope::Tenant),
        "Group" if policy.unique_group_names => {
            (resource.text("displayName").map(|name| fold(name).into_owned()), UniqueScope::Owner)
        }
        _ => (None, UniqueScope::Tenant),
    };
    let mut form = IndexForm {
        key,
        scope,
        external_id: resource.text("externalId").map(ToOwned::to_owned),
        display_key: None,
        family_key: None,
        given_key: None,
        active: document.get("active").and_then(Value::as_bool),
        present: presence_bits(document),
        values: Vec::new(),
        unique: Vec::new(),
    };
    if policy.external_id_unique
        && let Some(external_id) = form.external_id.clone().filter(|text| !text.is_empty())
    {
        form.unique.push(UniqueValue { path: "externalId".to_owned(), key: external_id, scope: UniqueScope::Owner });
    }
    for attribute in &resource_type.schema.attributes {
        index_attribute(&mut form, resource_type, None, attribute, document.get(&attribute.name));
    }
    for extension in &resource_type.extensions {
        let urn = extension.schema.urn.as_str();
        let Some(container) = resource.container(Some(urn)) else { continue };
        for attribute in &extension.schema.attributes {
            index_attribute(&mut form, resource_type, Some(urn), attribute, container.get(&attribute.name));
        }
    }
    form.values.sort();
    form.unique.sort();
    form.unique.dedup();
    form
}

/// The unique key of a userName: folded, without outer white space.
#[must_use]
pub fn user_name_key(user_name: &str) -> String {
    fold(user_name.trim()).into_owned()
}

/// Adds everything that is indexed of one top-level attribute.
fn index_attribute(
    form: &mut IndexForm,
    resource_type: &ResourceType,
    extension: Option<&str>,
    attribute: &Attribute,
    value: Option<&Value>,
) {
    let Some(value) = value else { return };
    let elements: &[Value] = match value {
        Value::Array(elements) => elements,
        single => std::slice::from_ref(single),
    };
    let leaf = |sub| Leaf { resource_type, extension, attribute, sub };
    for (position, element) in elements.iter().enumerate() {
        if attribute.attr_type != AttrType::Complex {
            index_leaf(form, &leaf(None), position, None, element);
            continue;
        }
        for sub in &attribute.sub_attributes {
            if let Some(value) = element.get(&sub.name) {
                index_leaf(form, &leaf(Some(sub)), position, Some(element), value);
            }
        }
    }
}

/// Adds what is indexed of one value of a leaf; `element` is the complex value around it.
fn index_leaf(form: &mut IndexForm, leaf: &Leaf<'_>, position: usize, element: Option<&Value>, value: &Value) {
    if let Value::Array(values) = value {
        for value in values {
            index_leaf(form, leaf, position, element, value);
        }
        return;
    }
    let column = leaf.column();
    // What is never returned is no more than told apart from others of its kind.
    let secret = leaf.attribute.is_secret() || leaf.definition().is_secret();
    let rows = column.is_none() && !secret && has_rows(leaf.attribute, leaf.sub);
    let unique = leaf.definition().is_unique() && !leaf.has_unique_column();
    if column.is_none() && !rows && !unique {
        return;
    }
    let Some(text) = leaf.text(value) else { return };
    // What a client sends for "none" is no value that two resources could have in common.
    if unique && !text.is_empty() {
        form.unique.push(UniqueValue { path: leaf.key(), key: text.to_string(), scope: UniqueScope::Tenant });
    }
    if rows {
        let part = |name: &str| {
            let sub = leaf.attribute.sub_attribute(name)?;
            Some((sub, element?.get(&sub.name)?))
        };
        form.values.push(ValueRow {
            path: leaf.key(),
            folded: cut(&text).to_owned(),
            element: u32::try_from(position).unwrap_or(u32::MAX),
            element_type: part("type")
                .and_then(|(sub, value)| Leaf { sub: Some(sub), ..*leaf }.text(value))
                .map(Cow::into_owned),
            primary: part("primary").is_some_and(|(_, value)| *value == Value::Bool(true)),
        });
    }
    match column {
        Some(Column::Display) => form.display_key = Some(text.into_owned()),
        Some(Column::Family) => form.family_key = Some(text.into_owned()),
        Some(Column::Given) => form.given_key = Some(text.into_owned()),
        _ => {}
    }
}

/// A declared attribute without parts, and where it is declared.
#[derive(Clone, Copy)]
struct Leaf<'a> {
    resource_type: &'a ResourceType,
    extension: Option<&'a str>,
    attribute: &'a Attribute,
    sub: Option<&'a Attribute>,
}

impl Leaf<'_> {
    fn definition(&self) -> &Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Its canonical key, as [`Target::key`].
    fn key(&self) -> String {
        let mut key = String::new();
        if let Some(urn) = self.extension {
            key.push_str(urn);
            key.push(':');
        }
        key.push_str(&self.attribute.name);
        if let Some(sub) = self.sub {
            key.push('.');
            key.push_str(&sub.name);
        }
        key
    }

    /// What [`row_text`] makes of a value, without a target.
    fn text<'v>(&self, value: &'v Value) -> Option<Cow<'v, str>> {
        let user_name = self.extension.is_none() && self.sub.is_none() && self.attribute.name == "userName";
        let comparison_form = |text: &'v str| {
            let text = if user_name { text.trim() } else { text };
            if self.definition().compares_exactly() { Cow::Borrowed(text) } else { fold(text) }
        };
        text_of(self.definition().attr_type, value, comparison_form)
    }

    /// Whether its uniqueness is that of the key, or of an attribute that is never kept here.
    fn has_unique_column(&self) -> bool {
        let common = ["schemas", "id", "externalId", "meta"];
        match (self.resource_type.name.as_str(), self.extension, self.attribute.name.as_str(), self.sub) {
            ("User", None, "userName", None) | ("Group", None, "displayName", None) => true,
            (_, None, name, _) => common.iter().any(|common| common.eq_ignore_ascii_case(name)),
            _ => false,
        }
    }

    /// The column that holds it, if any.
    fn column(&self) -> Option<Column> {
        if self.extension.is_some() || self.attribute.multi_valued || self.definition().multi_valued {
            return None;
        }
        let user = self.resource_type.name == "User";
        let folded_text = self.definition().attr_type == AttrType::String && !self.definition().case_exact;
        match (self.attribute.name.as_str(), self.sub.map(|sub| sub.name.as_str())) {
            ("userName", None) if user => Some(Column::Key),
            ("active", None) if user => Some(Column::Active),
            ("displayName", None) if folded_text => Some(Column::Display),
            ("name", Some("familyName")) if folded_text => Some(Column::Family),
            ("name", Some("givenName")) if folded_text => Some(Column::Given),
            _ => None,
        }
    }
}

/// Whether a leaf is marked for value rows: it is searchable itself, or it is the `value` of a
/// complex attribute that is.
fn has_rows(attribute: &Attribute, sub: Option<&Attribute>) -> bool {
    match sub {
        None => attribute.searchable,
        Some(sub) => sub.searchable || attribute.searchable && sub.name == "value",
    }
}

/// A value as it stands in value rows and unique values, not cut: text in its comparison form,
/// booleans as words, instants and numbers as text that sorts as they do. `None` for a value of
/// another JSON type than the attribute's.
#[must_use]
pub fn row_text(target: &Target, value: &Value) -> Option<String> {
    text_of(target.attr_type, value, |text| target.comparison_form(text)).map(Cow::into_owned)
}

fn text_of<'v>(
    attr_type: AttrType,
    value: &'v Value,
    comparison_form: impl FnOnce(&'v str) -> Cow<'v, str>,
) -> Option<Cow<'v, str>> {
    match (attr_type, value) {
        (AttrType::DateTime, Value::String(text)) => {
            // What is no date sorts behind all dates, so that it still counts as present.
            let text = scim_schema::datetime::parse(text).map_or_else(|| format!("~{text}"), instant_text);
            Some(Cow::Owned(text))
        }
        (AttrType::Integer | AttrType::Decimal, Value::Number(number)) => Some(Cow::Owned(number_text(number))),
        (AttrType::Boolean, Value::Bool(boolean)) => Some(Cow::Borrowed(if *boolean { "true" } else { "false" })),
        (AttrType::String | AttrType::Reference | AttrType::Binary, Value::String(text)) => Some(comparison_form(text)),
        _ => None,
    }
}

/// A literal as it is compared with [`ValueRow::folded`], not cut: a literal longer than
/// [`LONGEST_ROW`] bytes, and any comparison with a row that was cut ([`may_be_cut`]), needs a look
/// at the document.
#[must_use]
pub fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number_text(number),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Instant(micros) => instant_text(*micros),
    }
}

/// Whether the text of a value row may be the head of a longer one.
#[must_use]
pub fn may_be_cut(folded: &str) -> bool {
    folded.len() > LONGEST_ROW.saturating_sub(4)
}

/// The longest head of the text that fits a value row.
#[must_use]
pub fn cut(text: &str) -> &str {
    if text.len() <= LONGEST_ROW {
        return text;
    }
    let end = (0..=LONGEST_ROW).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Sixteen hexadecimal digits that sort as the instants do.
fn instant_text(micros: i64) -> String {
    let shifted = i128::from(micros).saturating_sub(i128::from(i64::MIN));
    format!("{shifted:016x}")
}

/// Text that sorts as numbers do, and is equal exactly for equal numbers: sign, decimal exponent,
/// digits; for negative numbers both complemented.
fn number_text(number: &serde_json::Number) -> String {
    let plain = match number.as_f64() {
        // `.0` prints every digit of an integral float, where the shortest form fills with zeros.
        Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    };
    let (negative, magnitude) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.as_str()),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let whole = whole.trim_start_matches('0');
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return "1".to_owned();
    }
    let leading_zeros = all.len().saturating_sub(all.trim_start_matches('0').len());
    // The value is 0.<digits> times ten to this power; a double's is within ±400.
    let exponent =
        i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_sub(i64::try_from(leading_zeros).unwrap_or(i64::MAX));
    let biased = exponent.saturating_add(500).clamp(0, 999);
    if negative {
        let complement = |c: char| c.to_digit(10).and_then(|digit| char::from_digit(9_u32.saturating_sub(digit), 10));
        let digits: String = digits.chars().filter_map(complement).collect();
        format!("0{:03}{digits}~", 999_i64.saturating_sub(biased))
    } else {
        format!("2{biased:03}{digits}")
    }
}

/// A column of `resources` that answers for an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// The public id.
    Id,
    /// The unique key (userName); a group's displayName is [`Column::Display`].
    Key,
    /// externalId, as it is.
    ExternalId,
    /// Folded displayName.
    Display,
    /// Folded name.familyName.
    Family,
    /// Folded name.givenName.
    Given,
    /// active.
    Active,
    /// meta.created, microseconds.
    Created,
    /// meta.lastModified, microseconds. On PostgreSQL a group's also has slots.
    Modified,
}

/// Where an attribute is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a column.
    Column(Column),
    /// In value rows of this path. `pr` on a target without sub-attribute is answered by the
    /// presence bit alone, if there is one (then a complex attribute needs no rows: nothing else can
    /// be asked of it as a whole); any other `pr` by a row whose text is not empty.
    Values {
        /// Canonical key of the value rows.
        path: String,
        /// The bit that answers `pr`.
        bit: Option<u8>,
    },
    /// `emails.type` and `emails.primary`, in the value rows of `emails.value`; exact only inside an
    /// element predicate that also has a term on `value`, else like [`Place::Document`].
    ElementPart {
        /// Canonical key of the value rows.
        path: String,
    },
    /// `groups.value`: the public id of a group the resource is directly in.
    Groups,
    /// `members.value`: the public id of a member.
    Members,
    /// `meta.resourceType`: the same for all resources of the type.
    ResourceType,
    /// In the document only: a bounded scan.
    Document,
}

/// Where an attribute of this resource type is found.
#[must_use]
pub fn place(resource_type: &ResourceType, target: &Target) -> Place {
    let extension = target.extension.as_deref();
    let sub = target.sub.as_deref();
    if extension.is_none() {
        match (&*target.name, sub) {
            ("id", None) => return Place::Column(Column::Id),
            ("externalId", None) => return Place::Column(Column::ExternalId),
            ("meta", Some("created")) => return Place::Column(Column::Created),
            ("meta", Some("lastModified")) => return Place::Column(Column::Modified),
            ("meta", Some("resourceType")) => return Place::ResourceType,
            ("groups", Some("value")) if resource_type.name == "User" => return Place::Groups,
            ("members", Some("value")) if resource_type.name == "Group" => return Place::Members,
            _ => {}
        }
    }
    let schema = match extension {
        None => Some(&resource_type.schema),
        Some(urn) => resource_type.extension(urn).map(|extension| &extension.schema),
    };
    let Some(attribute) = schema.and_then(|schema| schema.attribute(&target.name)) else { return Place::Document };
    let sub = match sub {
        None => None,
        Some(name) => match attribute.sub_attribute(name) {
            Some(sub) => Some(sub),
            None => return Place::Document,
        },
    };
    let leaf = Leaf { resource_type, extension, attribute, sub };
    if leaf.definition().attr_type == AttrType::Complex {
        // Only presence can be asked of a complex attribute as a whole.
        return match presence(target) {
            Some(bit) => Place::Values { path: target.key.to_string(), bit: Some(bit) },
            None => Place::Document,
        };
    }
    if let Some(column) = leaf.column() {
        return Place::Column(column);
    }
    if has_rows(attribute, sub) {
        return Place::Values { path: target.key.to_string(), bit: presence(target) };
    }
    if let Some(sub) = sub
        && attribute.multi_valued
        && matches!(sub.name.as_str(), "type" | "primary")
        && let Some(value) = attribute.value_attribute()
        && has_rows(attribute, Some(value))
    {
        return Place::ElementPart { path: Target::new(extension, attribute, Some(value)).key.to_string() };
    }
    Place::Document
}

const PRESENCE_BITS: [&str; 8] =
    ["emails", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates"];

/// The presence bit of a multi-valued core attribute, e.g. `emails`; `None` if it has none.
#[must_use]
pub fn presence_bit(name: &str) -> Option<u8> {
    PRESENCE_BITS.iter().position(|known| *known == name).and_then(|bit| u8::try_from(bit).ok())
}

/// The bit that answers `pr` on this target: on a multi-valued core attribute as a whole.
fn presence(target: &Target) -> Option<u8> {
    if target.extension.is_some() || target.sub.is_some() {
        return None;
    }
    presence_bit(&target.name)
}

/// The bits of the attributes that hold at least one value that is neither null nor empty.
fn presence_bits(document: &Map<String, Value>) -> i64 {
    PRESENCE_BITS.iter().enumerate().fold(0, |bits, (bit, name)| {
        let present = document.get(*name).is_some_and(has_value);
        bits | i64::from(present) << bit
    })
}

/// Whether a value is neither null nor empty (RFC 7644 §3.4.2.2, Table 3, `pr`).
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(has_value),
        Value::Object(parts) => parts.values().any(has_value),
    }
}

/// The document that [`scim_filter::matches::resource`] and [`scim_filter::order::sort_key`] see
/// for a stored resource, so that matching in memory and scans agree with columns and rows.
///
/// It holds `id`, `meta` without `location` (which depends on the request), the direct groups of
/// `groups` and the `members`.
/// `groups` must be those that the view of the query shows; pass none where the predicate does not
/// ask for them ([`scim_filter::Predicate::asks_about`]).
///
/// # Errors
/// [`StoreError::Corrupt`] if the stored document is no JSON object.
pub fn candidate(
    resource: &StoredResource,
    groups: &[GroupOf],
    members: &[MemberRef],
) -> Result<Map<String, Value>, StoreError> {
    let Ok(Value::Object(mut document)) = serde_json::from_str(&resource.document) else {
        return Err(StoreError::Corrupt { table: "resources", column: "doc", row: resource.id.to_string() });
    };
    document.insert("id".to_owned(), resource.id.as_str().into());
    document.insert(
        "meta".to_owned(),
        json!({
            "resourceType": resource.resource_type,
            "created": resource.created.to_string(),
            "lastModified": resource.modified.to_string(),
            "version": format!("W/\"{}\"", resource.version),
        }),
    );
    let groups: Vec<Value> = groups
        .iter()
        .filter(|group| group.direct)
        .map(|group| match &group.display {
            Some(display) => json!({"value": group.id.as_str(), "display": &**display, "type": "direct"}),
            None => json!({"value": group.id.as_str(), "type": "direct"}),
        })
        .collect();
    if !groups.is_empty() {
        document.insert("groups".to_owned(), groups.into());
    }
    let members: Vec<Value> =
        members.iter().map(|member| json!({"value": member.id.as_str(), "type": &*member.resource_type})).collect();
    if !members.is_empty() {
        document.insert("members".to_owned(), members.into());
    }
    Ok(document)
}

#[cfg(test)]
mod tests;
