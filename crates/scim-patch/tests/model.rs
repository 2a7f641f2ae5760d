//! The engine against a slow model of RFC 7644 §3.5.2 that shares no code with it, and laws that
//! hold for every request.
//!
//! The model knows a resource as lists of records: a single value is a list of one record, a simple
//! value a record with the one part `""`. It is written from the RFC's sentences, which are quoted
//! where they decide.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking; clippy takes the helpers of a test for production code"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::Config};
use scim_patch::{Dialect, PatchRequest, Patched, apply};
use scim_schema::{Registry, Resource, ScimError, ScimType, validate};
use serde_json::{Map, Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CUSTOM: &str = "urn:example:schemas:custom:2.0:User";

// What the model knows of the schemas.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Simple,
    Complex,
    SimpleList,
    ComplexList,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Free,
    Required,
    ReadOnly,
    Immutable,
}

#[derive(Clone, Copy, Debug)]
struct Definition {
    schema: &'static str,
    name: &'static str,
    kind: Kind,
    rule: Rule,
    parts: &'static [(&'static str, Rule)],
}

const PLURAL: &[(&str, Rule)] =
    &[("value", Rule::Free), ("type", Rule::Free), ("primary", Rule::Free), ("display", Rule::Free)];

const fn simple(schema: &'static str, name: &'static str, rule: Rule) -> Definition {
    Definition { schema, name, kind: Kind::Simple, rule, parts: &[] }
}

const fn plural(name: &'static str) -> Definition {
    Definition { schema: USER, name, kind: Kind::ComplexList, rule: Rule::Free, parts: PLURAL }
}

const DEFINITIONS: &[Definition] = &[
    simple(USER, "userName", Rule::Required),
    simple(USER, "title", Rule::Free),
    simple(USER, "active", Rule::Free),
    Definition {
        schema: USER,
        name: "name",
        kind: Kind::Complex,
        rule: Rule::Free,
        parts: &[("familyName", Rule::Free), ("givenName", Rule::Free), ("formatted", Rule::Free)],
    },
    plural("emails"),
    plural("phoneNumbers"),
    plural("roles"),
    simple(ENTERPRISE, "department", Rule::Free),
    simple(ENTERPRISE, "employeeNumber", Rule::Free),
    Definition {
        schema: ENTERPRISE,
        name: "manager",
        kind: Kind::Complex,
        rule: Rule::Free,
        parts: &[("value", Rule::Free), ("displayName", Rule::ReadOnly)],
    },
    Definition { schema: CUSTOM, name: "tags", kind: Kind::SimpleList, rule: Rule::Free, parts: &[] },
    simple(CUSTOM, "badge", Rule::Immutable),
    simple(CUSTOM, "rank", Rule::ReadOnly),
    Definition {
        schema: CUSTOM,
        name: "desk",
        kind: Kind::Complex,
        rule: Rule::Free,
        parts: &[("floor", Rule::Free), ("serial", Rule::Immutable), ("site", Rule::Required)],
    },
    Definition {
        schema: CUSTOM,
        name: "devices",
        kind: Kind::ComplexList,
        rule: Rule::Free,
        parts: &[
            ("value", Rule::Free),
            ("type", Rule::Free),
            ("primary", Rule::Free),
            ("serial", Rule::Immutable),
            ("state", Rule::ReadOnly),
        ],
    },
];

fn registry() -> Registry {
    let part = |name: &str, mutability: &str, required: bool| json!({"name": name, "type": "string", "multiValued": false, "mutability": mutability, "required": required});
    let text = |name: &str| part(name, "readWrite", false);
    let schema = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": CUSTOM,
        "name": "Custom",
        "attributes": [
            {"name": "tags", "type": "string", "multiValued": true},
            part("badge", "immutable", false),
            part("rank", "readOnly", false),
            {"name": "desk", "type": "complex", "multiValued": false, "subAttributes": [
                text("floor"), part("serial", "immutable", false), part("site", "readWrite", true)
            ]},
            {"name": "devices", "type": "complex", "multiValued": true, "subAttributes": [
                text("value"), text("type"), {"name": "primary", "type": "boolean", "multiValued": false},
                part("serial", "immutable", false), part("state", "readOnly", false)
            ]}
        ]
    });
    let resource_type = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User", "name": "User", "endpoint": "/Users", "schema": USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": false}, {"schema": CUSTOM, "required": false}]
    });
    Registry::builtin().with_documents(&[schema, resource_type]).expect("the custom schema is right")
}

// Operations, before they are JSON.

/// A sub-attribute with its rule.
type Part = (&'static str, Rule);

/// An attribute or a sub-attribute, with a value for it.
type Entry = (Definition, Option<Part>, Value);

#[derive(Clone, PartialEq, Debug)]
enum Term {
    Equal(&'static str, Value),
    Unequal(&'static str, Value),
    Contains(&'static str, &'static str),
    Present(&'static str),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

#[derive(Clone, Debug)]
enum Step {
    /// One operation with a path.
    At { op: &'static str, at: Definition, filter: Option<Box<Term>>, part: Option<Part>, value: Value },
    /// One operation without, or with the path of an extension: attributes and their values.
    Object { op: &'static str, schema: Option<&'static str>, entries: Vec<Entry> },
    /// Removal of a whole extension.
    Drop { schema: &'static str },
}

fn show(term: &Term) -> String {
    match term {
        Term::Equal(part, value) => format!("{part} eq {value}"),
        Term::Unequal(part, value) => format!("{part} ne {value}"),
        Term::Contains(part, text) => format!("{part} co \"{text}\""),
        Term::Present(part) => format!("{part} pr"),
        Term::Both(left, right) => format!("({}) and ({})", show(left), show(right)),
        Term::Either(left, right) => format!("({}) or ({})", show(left), show(right)),
        Term::Not(inner) => format!("not ({})", show(inner)),
    }
}

fn path_of(at: Definition, filter: Option<&Term>, part: Option<(&str, Rule)>) -> String {
    let mut path = if at.schema == USER { at.name.to_owned() } else { format!("{}:{}", at.schema, at.name) };
    if let Some(filter) = filter {
        path = format!("{path}[{}]", show(filter));
    }
    if let Some((part, _)) = part {
        path = format!("{path}.{part}");
    }
    path
}

fn to_json(step: &Step) -> Value {
    match step {
        Step::At { op: "remove", at, filter, part, .. } => {
            json!({"op": "remove", "path": path_of(*at, filter.as_deref(), *part)})
        }
        Step::At { op, at, filter, part, value } => {
            json!({"op": op, "path": path_of(*at, filter.as_deref(), *part), "value": value})
        }
        Step::Object { op, schema: None, entries } => {
            let value: Map<String, Value> =
                entries.iter().map(|(at, part, value)| (path_of(*at, None, *part), value.clone())).collect();
            json!({"op": op, "value": value})
        }
        Step::Object { op, schema: Some(schema), entries } => {
            let name = |at: &Definition, part: &Option<(&str, Rule)>| match part {
                Some((part, _)) => format!("{}.{part}", at.name),
                None => at.name.to_owned(),
            };
            let value: Map<String, Value> =
                entries.iter().map(|(at, part, value)| (name(at, part), value.clone())).collect();
            json!({"op": op, "path": schema, "value": value})
        }
        Step::Drop { schema } => json!({"op": "remove", "path": schema}),
    }
}

// Choices: a tape of numbers that shrinks to zeros and to nothing.

struct Tape {
    numbers: std::vec::IntoIter<u8>,
}

impl Tape {
    fn below(&mut self, bound: usize) -> usize {
        self.numbers.next().map_or(0, usize::from) % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn part_value(&mut self, part: &str) -> Value {
        match part {
            "primary" => json!(!self.one_in(3)),
            "type" => json!(self.pick(&["work", "home", "Work"])),
            _ => json!(self.pick(&["a", "b", "A", "ab"])),
        }
    }

    fn record(&mut self, at: Definition, nulls: bool) -> Value {
        let mut record = Map::new();
        for (part, _) in at.parts {
            let skip = if *part == "primary" { !self.one_in(4) } else { self.one_in(2) };
            if skip {
                continue;
            }
            let value = if nulls && self.one_in(6) { Value::Null } else { self.part_value(part) };
            record.insert((*part).to_owned(), value);
        }
        Value::Object(record)
    }

    fn list<T>(&mut self, longest: usize, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = self.below(longest + 1);
        (0..length).map(|_| element(self)).collect()
    }

    /// A value for the whole attribute.
    fn whole(&mut self, at: Definition) -> Value {
        if self.one_in(8) {
            return Value::Null;
        }
        match at.kind {
            Kind::Simple if at.name == "active" => json!(!self.one_in(2)),
            Kind::Simple => self.part_value(""),
            Kind::Complex => self.record(at, true),
            Kind::SimpleList => Value::Array(self.list(3, |tape| tape.part_value(""))),
            Kind::ComplexList => Value::Array(self.list(3, |tape| tape.record(at, false))),
        }
    }

    fn term(&mut self, at: Definition, depth: usize) -> Term {
        if depth > 0 && self.one_in(3) {
            let left = Box::new(self.term(at, depth - 1));
            return match self.below(3) {
                0 => Term::Both(left, Box::new(self.term(at, depth - 1))),
                1 => Term::Either(left, Box::new(self.term(at, depth - 1))),
                _ => Term::Not(left),
            };
        }
        let part = if at.kind == Kind::SimpleList { "value" } else { at.parts[self.below(at.parts.len())].0 };
        if part == "primary" {
            return Term::Equal(part, json!(!self.one_in(2)));
        }
        match self.below(4) {
            0 => Term::Equal(part, self.part_value(part)),
            1 => Term::Unequal(part, self.part_value(part)),
            2 => Term::Contains(part, self.pick(&["a", "B", "or"])),
            _ => Term::Present(part),
        }
    }

    fn entry(&mut self, among: &[Definition]) -> Entry {
        let at = self.pick(among);
        if !at.parts.is_empty() && self.one_in(3) {
            let part = self.pick(at.parts);
            let value = if self.one_in(6) { Value::Null } else { self.part_value(part.0) };
            return (at, Some(part), value);
        }
        (at, None, self.whole(at))
    }

    fn step(&mut self) -> Step {
        let op = self.pick(&["add", "replace", "remove"]);
        match self.below(8) {
            0 if op != "remove" => {
                let entries = self.entries(DEFINITIONS);
                Step::Object { op, schema: None, entries }
            }
            1 if op != "remove" => {
                let schema = self.pick(&[ENTERPRISE, CUSTOM]);
                let among: Vec<Definition> =
                    DEFINITIONS.iter().copied().filter(|definition| definition.schema == schema).collect();
                let entries = self.entries(&among);
                Step::Object { op, schema: Some(schema), entries }
            }
            2 if op == "remove" => Step::Drop { schema: self.pick(&[ENTERPRISE, CUSTOM]) },
            _ => {
                let at = self.pick(DEFINITIONS);
                let is_list = matches!(at.kind, Kind::SimpleList | Kind::ComplexList);
                let filter = (is_list && !self.one_in(3)).then(|| Box::new(self.term(at, 2)));
                let part = (!at.parts.is_empty() && self.one_in(2)).then(|| self.pick(at.parts));
                let value = match (part, &filter) {
                    (Some((part, _)), _) if !self.one_in(7) => self.part_value(part),
                    (Some(_), _) => Value::Null,
                    (None, None) => self.whole(at),
                    (None, Some(_)) if self.one_in(8) => Value::Null,
                    (None, Some(_)) if at.kind == Kind::SimpleList => self.part_value(""),
                    (None, Some(_)) => self.record(at, true),
                };
                Step::At { op, at, filter, part, value }
            }
        }
    }

    /// Distinct keys, as an object has them.
    fn entries(&mut self, among: &[Definition]) -> Vec<Entry> {
        let mut seen = BTreeSet::new();
        let entries = self.list(3, |tape| tape.entry(among));
        entries.into_iter().filter(|(at, part, _)| seen.insert(path_of(*at, None, *part))).collect()
    }
}

// The model.

type Record = BTreeMap<String, Value>;

#[derive(Clone, PartialEq, Debug, Default)]
struct State(BTreeMap<(&'static str, &'static str), Vec<Record>>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    NoTarget,
    Mutability,
    InvalidValue,
}

fn fault_of(error: &ScimError) -> Option<Fault> {
    match error.scim_type? {
        ScimType::NoTarget => Some(Fault::NoTarget),
        ScimType::Mutability => Some(Fault::Mutability),
        ScimType::InvalidValue => Some(Fault::InvalidValue),
        _ => None,
    }
}

fn lower(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.to_ascii_lowercase()),
        other => other.clone(),
    }
}

fn alike(left: Option<&Value>, right: Option<&Value>) -> bool {
    left.map(lower) == right.map(lower)
}

fn satisfies(term: &Term, record: &Record) -> bool {
    let part = |name: &str| record.get(name).or_else(|| if name == "value" { record.get("") } else { None });
    match term {
        Term::Equal(name, value) => part(name).is_some_and(|present| lower(present) == lower(value)),
        Term::Unequal(name, value) => !satisfies(&Term::Equal(name, value.clone()), record),
        Term::Contains(name, text) => part(name)
            .and_then(Value::as_str)
            .is_some_and(|present| present.to_ascii_lowercase().contains(&text.to_ascii_lowercase())),
        Term::Present(name) => part(name).is_some(),
        Term::Both(left, right) => satisfies(left, record) && satisfies(right, record),
        Term::Either(left, right) => satisfies(left, record) || satisfies(right, record),
        Term::Not(inner) => !satisfies(inner, record),
    }
}

/// "SHOULD NOT return the same (type, value) combination more than once" (RFC 7643 §2.4).
fn same_pair(left: &Record, right: &Record) -> bool {
    if left.contains_key("") {
        return alike(left.get(""), right.get(""));
    }
    left.contains_key("value")
        && alike(left.get("value"), right.get("value"))
        && alike(left.get("type"), right.get("type"))
}

fn is_primary(record: &Record) -> bool {
    record.get("primary") == Some(&json!(true))
}

fn same_record(left: &Record, right: &Record) -> bool {
    left.len() == right.len() && left.iter().all(|(name, value)| alike(Some(value), right.get(name)))
}

impl State {
    fn of(document: &Value) -> Self {
        let mut state = Self::default();
        for at in DEFINITIONS {
            let container = if at.schema == USER { document } else { &document[at.schema] };
            let records = records_of(&container[at.name]);
            if !records.is_empty() {
                state.0.insert((at.schema, at.name), records);
            }
        }
        state
    }

    fn to_document(&self) -> Value {
        let mut document = json!({"schemas": [USER]});
        for schema in [USER, ENTERPRISE, CUSTOM] {
            for at in DEFINITIONS.iter().filter(|at| at.schema == schema) {
                let Some(records) = self.0.get(&(at.schema, at.name)) else {
                    continue;
                };
                let values: Vec<Value> = records
                    .iter()
                    .map(|record| match record.get("") {
                        Some(value) => value.clone(),
                        None => Value::Object(record.clone().into_iter().collect()),
                    })
                    .collect();
                let value = match at.kind {
                    Kind::Simple | Kind::Complex => values[0].clone(),
                    Kind::SimpleList | Kind::ComplexList => Value::Array(values),
                };
                if schema == USER {
                    document[at.name] = value;
                } else {
                    document[schema][at.name] = value;
                }
            }
            if schema != USER && document.get(schema).is_some() {
                document["schemas"].as_array_mut().expect("an array").push(json!(schema));
            }
        }
        document
    }

    fn records(&self, at: Definition) -> Vec<Record> {
        self.0.get(&(at.schema, at.name)).cloned().unwrap_or_default()
    }

    /// "If an attribute is removed or becomes unassigned and is defined as a required attribute or a
    /// read-only attribute, the server SHALL return … mutability" (§3.5.2.2).
    fn store(&mut self, at: Definition, records: Vec<Record>, faults: &mut Vec<Fault>) {
        let before = self.records(at);
        if before == records {
            return;
        }
        if at.rule == Rule::Immutable && !before.is_empty() {
            let equal = before.len() == records.len() && same_record(&before[0], &records[0]);
            if !equal {
                faults.push(Fault::Mutability);
            }
            return;
        }
        if records.is_empty() {
            if at.rule == Rule::Required {
                faults.push(Fault::Mutability);
            }
            let keeps = at.parts.iter().any(|(part, rule)| *rule == Rule::Immutable && before[0].contains_key(*part));
            if at.kind == Kind::Complex && keeps {
                faults.push(Fault::Mutability);
            }
            self.0.remove(&(at.schema, at.name));
        } else {
            self.0.insert((at.schema, at.name), records);
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Vec<Fault>> {
        match step {
            Step::At { op, at, filter, part, value } => self.change(op, *at, filter.as_deref(), *part, value, false),
            Step::Object { op, entries, .. } => {
                entries.iter().try_for_each(|(at, part, value)| self.change(op, *at, None, *part, value, true))
            }
            Step::Drop { schema } => {
                let mut faults = Vec::new();
                for at in DEFINITIONS.iter().filter(|at| at.schema == *schema && at.rule != Rule::ReadOnly) {
                    let immutable = |record: &Record| {
                        at.kind == Kind::Complex
                            && at
                                .parts
                                .iter()
                                .any(|(part, rule)| *rule == Rule::Immutable && record.contains_key(*part))
                    };
                    if self.records(*at).iter().any(|record| at.rule == Rule::Immutable || immutable(record)) {
                        faults.push(Fault::Mutability);
                    }
                    self.0.remove(&(at.schema, at.name));
                }
                if faults.is_empty() { Ok(()) } else { Err(faults) }
            }
        }
    }

    fn change(
        &mut self,
        op: &str,
        at: Definition,
        filter: Option<&Term>,
        part: Option<(&str, Rule)>,
        value: &Value,
        is_key: bool,
    ) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if at.rule == Rule::ReadOnly || part.is_some_and(|(_, rule)| rule == Rule::ReadOnly) {
            let present =
                self.records(at).first().and_then(|record| record.get(part.map_or("", |(part, _)| part))).cloned();
            let repeats = is_key && alike(present.as_ref(), Some(value).filter(|value| !value.is_null()));
            return if repeats { Ok(()) } else { Err(vec![Fault::Mutability]) };
        }
        // RFC 7643 §2.5: assigning null makes the attribute unassigned.
        let removes = op == "remove" || value.is_null();
        let mut records = self.records(at);
        let chosen: Vec<usize> = (0..records.len())
            .filter(|index| filter.is_none_or(|filter| satisfies(filter, &records[*index])))
            .collect();
        if filter.is_some() && chosen.is_empty() && !removes {
            return Err(vec![Fault::NoTarget]);
        }
        let is_list = matches!(at.kind, Kind::SimpleList | Kind::ComplexList);
        let mut written: Vec<usize> = Vec::new();
        let mut marked: Vec<usize> = Vec::new();
        match part {
            Some((name, rule)) => {
                let mut chosen = chosen;
                // "If the target location does not exist, the attribute and value are added".
                if chosen.is_empty() && !removes {
                    records.push(Record::new());
                    chosen.push(records.len() - 1);
                }
                let next = (!removes).then(|| value.clone());
                for index in chosen {
                    set(&mut records[index], name, rule, next.clone(), &mut faults);
                    written.push(index);
                    if name == "primary" && next == Some(json!(true)) {
                        marked.push(index);
                    }
                }
            }
            // "the values matched by the filter are removed", or all of them.
            None if removes => {
                let mut index = 0;
                records.retain(|_| {
                    index += 1;
                    !chosen.contains(&(index - 1))
                });
            }
            None if filter.is_some() && at.kind == Kind::SimpleList => {
                for index in chosen {
                    records[index] = Record::from([(String::new(), value.clone())]);
                    written.push(index);
                }
            }
            None if filter.is_some() || at.kind == Kind::Complex => {
                let mut chosen = chosen;
                if chosen.is_empty() {
                    records.push(Record::new());
                    chosen.push(0);
                }
                let named = value.as_object().expect("a record");
                for index in chosen {
                    let record = &mut records[index];
                    // "all matching record values SHALL be replaced", but for what clients cannot
                    // write; of a single complex attribute, "sub-attributes that are not specified in
                    // the value parameter are left unchanged". A record that assigns nothing replaces
                    // nothing.
                    let assigns = named.iter().any(|(name, value)| {
                        !value.is_null() && at.parts.iter().any(|(part, rule)| part == name && *rule != Rule::ReadOnly)
                    });
                    if op == "replace" && is_list && assigns {
                        record.retain(|name, _| {
                            let named = named.get(name).is_some();
                            named
                                || at.parts.iter().any(|(part, rule)| {
                                    part == name && matches!(rule, Rule::Immutable | Rule::ReadOnly)
                                })
                        });
                    }
                    for (name, rule) in at.parts {
                        if let Some(value) = named.get(*name)
                            && *rule != Rule::ReadOnly
                        {
                            set(record, name, *rule, Some(value.clone()).filter(|value| !value.is_null()), &mut faults);
                        }
                    }
                    written.push(index);
                    if named.get("primary") == Some(&json!(true)) {
                        marked.push(index);
                    }
                }
            }
            None if is_list => {
                let sent: Vec<Record> = records_of(value)
                    .into_iter()
                    .map(|mut record| {
                        record.retain(|name, _| !at.parts.contains(&(name.as_str(), Rule::ReadOnly)));
                        record
                    })
                    .filter(|record| !record.is_empty())
                    .collect();
                if at.kind == Kind::ComplexList {
                    let twice =
                        (0..sent.len()).any(|index| sent[..index].iter().any(|other| same_pair(other, &sent[index])));
                    if twice || sent.iter().filter(|record| is_primary(record)).count() > 1 {
                        return Err(vec![Fault::InvalidValue]);
                    }
                }
                let unassigns = value.as_array().is_some_and(Vec::is_empty);
                if op == "replace" && (!unassigns || !records.is_empty()) {
                    records.clear();
                }
                for record in sent {
                    // "If the target location already contains the value specified, no changes SHOULD
                    // be made".
                    let contained = op == "add"
                        && records.iter().any(|present| {
                            if same_pair(present, &record) {
                                record.iter().all(|(name, value)| alike(Some(value), present.get(name)))
                            } else {
                                *present == record
                            }
                        });
                    if contained {
                        continue;
                    }
                    if op == "add" && records.iter().any(|present| same_pair(present, &record)) {
                        faults.push(Fault::InvalidValue);
                    }
                    if is_primary(&record) {
                        marked.push(records.len());
                    }
                    written.push(records.len());
                    records.push(record);
                }
            }
            None => records = vec![Record::from([(String::new(), value.clone())])],
        }
        // "a PATCH operation that sets a value's primary sub-attribute to true SHALL cause the server
        // to automatically set primary to false for any other values in the array".
        if is_list {
            if marked.len() > 1 {
                faults.push(Fault::InvalidValue);
            }
            if let [only] = marked.as_slice() {
                for (index, record) in records.iter_mut().enumerate() {
                    if index != *only && is_primary(record) {
                        record.insert("primary".to_owned(), json!(false));
                    }
                }
            }
            let mut gone = BTreeSet::new();
            for index in written {
                for other in 0..records.len() {
                    let both = !gone.contains(&index) && !gone.contains(&other) && index != other;
                    if both && same_pair(&records[index], &records[other]) {
                        if same_record(&records[index], &records[other]) {
                            gone.insert(other);
                        } else {
                            faults.push(Fault::InvalidValue);
                        }
                    }
                }
            }
            let mut index = 0;
            records.retain(|_| {
                index += 1;
                !gone.contains(&(index - 1))
            });
        }
        records.retain(|record| !record.is_empty());
        self.store(at, records, &mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// "A client MUST NOT modify an attribute that has mutability readOnly or immutable. However, a
/// client MAY add a value to an immutable attribute if the attribute had no previous value" (§3.5.2).
fn set(record: &mut Record, name: &str, rule: Rule, next: Option<Value>, faults: &mut Vec<Fault>) {
    let present = record.get(name).cloned();
    if rule == Rule::Immutable && present.is_some() {
        if !alike(present.as_ref(), next.as_ref()) {
            faults.push(Fault::Mutability);
        }
        return;
    }
    if let Some(value) = next {
        record.insert(name.to_owned(), value);
        return;
    }
    if rule == Rule::Required && present.is_some() {
        faults.push(Fault::Mutability);
    }
    record.remove(name);
}

fn records_of(value: &Value) -> Vec<Record> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().flat_map(records_of).collect(),
        Value::Object(parts) if parts.is_empty() => Vec::new(),
        Value::Object(parts) => vec![parts.clone().into_iter().collect()],
        simple => vec![Record::from([(String::new(), simple.clone())])],
    }
}

// The resources to start from, and the comparison.

/// A random user that holds the invariant: made by the model's own writes to an empty one, with what
/// only the server sets put in.
fn user(tape: &mut Tape) -> Value {
    let mut state = State::of(&json!({"userName": "ada"}));
    for at in DEFINITIONS.iter().filter(|at| at.rule != Rule::ReadOnly && at.rule != Rule::Required) {
        let value = tape.whole(*at);
        let mut next = state.clone();
        if next.change("replace", *at, None, None, &value, false).is_ok() {
            state = next;
        }
    }
    let mut document = state.to_document();
    if document.get(CUSTOM).is_some() && tape.one_in(2) {
        document[CUSTOM]["rank"] = json!("a");
    }
    document
}

fn run(before: &Value, operations: &[Value], dialect: &Dialect) -> Result<Patched, ScimError> {
    thread_local! {
        static REGISTRY: Registry = registry();
    }
    REGISTRY.with(|registry| {
        let user = registry.resource_type("User").expect("users");
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        let Value::Object(body) = body else { unreachable!("an object") };
        let request = PatchRequest::parse(body, dialect, 100)?;
        let Value::Object(document) = before.clone() else { unreachable!("an object") };
        let resource = Resource::from_document(document);
        let patched = apply(registry, user, &resource, &Map::new(), &request, dialect)?;
        assert_eq!(patched.changed.is_empty(), patched.resource == resource, "`changed` tells of every change");
        Ok(patched)
    })
}

fn document(patched: &Patched) -> Value {
    Value::Object(patched.resource.document().clone())
}

fn no_empty_values(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty() && elements.iter().all(no_empty_values),
        Value::Object(parts) => !parts.is_empty() && parts.values().all(no_empty_values),
        _ => true,
    }
}

fn config(usual: u32) -> Config {
    let given = Config::default();
    // The variable PROPTEST_CASES, which the default reads, has the last word.
    let cases = if given.cases == 256 { usual } else { given.cases };
    Config { cases, max_shrink_iters: 4_096, failure_persistence: None, ..given }
}

fn tape() -> impl Strategy<Value = Tape> + Clone {
    prop::collection::vec(any::<u8>(), 0..260).prop_map(|numbers| Tape { numbers: numbers.into_iter() })
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.numbers.as_slice()).finish()
    }
}

fn steps(tape: &mut Tape, most: usize) -> Vec<Step> {
    let count = 1 + tape.below(most);
    (0..count).map(|_| tape.step()).collect()
}

proptest! {
    #![proptest_config(config(24_000))]

    #[test]
    fn the_engine_does_what_the_model_does(mut tape in tape()) {
        let before = user(&mut tape);
        let steps = steps(&mut tape, 4);
        let operations: Vec<Value> = steps.iter().map(to_json).collect();
        let mut state = State::of(&before);
        let modelled = steps.iter().try_for_each(|step| state.step(step));
        let engine = run(&before, &operations, &Dialect::default());
        match (modelled, engine) {
            (Ok(()), Ok(patched)) => {
                prop_assert_eq!(document(&patched), state.to_document(), "{:?}\nto {}", operations, before);
            }
            (Err(faults), Err(error)) => {
                let fault = fault_of(&error);
                prop_assert!(fault.is_some_and(|fault| faults.contains(&fault)),
                    "{error} but {faults:?}\n{operations:?}\nto {before}");
            }
            (modelled, engine) => {
                prop_assert!(false, "model: {modelled:?}\nengine: {engine:?}\n{operations:?}\nto {before}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn every_success_holds_the_invariant_in_every_dialect(mut tape in tape(), lenient in any::<bool>()) {
        let dialect = if lenient { lenient_dialect() } else { Dialect::default() };
        let before = user(&mut tape);
        let operations: Vec<Value> = steps(&mut tape, 6).iter().map(to_json).collect();
        if let Ok(patched) = run(&before, &operations, &dialect) {
            let after = document(&patched);
            prop_assert!(no_empty_values(&after), "{after}");
            let registry = registry();
            let user = registry.resource_type("User").expect("users");
            // A new `desk` may lack its required part, which is for the finished resource to tell.
            if let Err(error) = validate::finished(user, &patched.resource) {
                prop_assert!(error.detail.contains("site"), "{error}: {after}");
            }
            for (name, value) in patched.resource.document() {
                if let (Some(attribute), false) = (user.attribute(name), name == "schemas") {
                    let checked = validate::value(user, attribute, name, value.clone(), &dialect.coercion);
                    prop_assert_eq!(checked.as_ref(), Ok(value), "{} is valid as it stands", name);
                }
            }
            let again = run(&after, &[json!({"op": "replace", "value": after})], &dialect);
            prop_assert!(again.expect("its own values are accepted").changed.is_empty());
        }
    }

    #[test]
    fn replacing_twice_is_replacing_once(mut tape in tape()) {
        let before = user(&mut tape);
        let (at, part, value) = tape.entry(DEFINITIONS);
        let operation = json!({"op": "replace", "path": path_of(at, None, part), "value": value});
        if let Ok(once) = run(&before, std::slice::from_ref(&operation), &Dialect::default()) {
            let twice = run(&before, &[operation.clone(), operation], &Dialect::default()).expect("again");
            prop_assert_eq!(document(&once), document(&twice));
        }
    }

    #[test]
    fn what_is_removed_is_gone(mut tape in tape()) {
        let before = user(&mut tape);
        let at = tape.pick(DEFINITIONS);
        let operation = json!({"op": "remove", "path": path_of(at, None, None)});
        if let Ok(patched) = run(&before, &[operation], &Dialect::default()) {
            let after = document(&patched);
            let container = if at.schema == USER { Some(&after) } else { after.get(at.schema) };
            prop_assert!(container.and_then(|container| container.get(at.name)).is_none(), "{after}");
        }
    }

    #[test]
    fn a_request_that_repeats_what_is_changes_nothing(mut tape in tape()) {
        let before = user(&mut tape);
        for op in ["add", "replace"] {
            let patched = run(&before, &[json!({"op": op, "value": before})], &Dialect::default())
                .expect("a resource may be written to itself");
            prop_assert!(patched.changed.is_empty(), "{op} {before}: {:?}", patched.changed);
        }
    }
}

fn lenient_dialect() -> Dialect {
    use scim_patch::dialect::{ComplexValues, ReadOnlyInput, UnmatchedValueFilter};
    use scim_schema::validate::{Coercion, Leniency::Accept};

    Dialect {
        coercion: Coercion { duplicate_primary: Accept, string_manager: Accept, ..Coercion::default() },
        read_only: ReadOnlyInput::Ignore,
        unmatched: UnmatchedValueFilter::Create,
        complex: ComplexValues::Merge,
        ..Dialect::default()
    }
}
