//! Members as text (RFC 7643 §4.2).

use std::{borrow::Cow, sync::Arc};

use headcount_model::switches::Toggle;
use headcount_store::members::MemberRun;
use serde_json::{Map, Value};

use super::{Frame, cut::Cut, json::push_string, middle, push_value_and_ref};
use crate::{membership::MEMBERS, show::Found};

/// How members are written on one connection; needs nothing of the request, since the last of them
/// may be written long after it was answered.
#[derive(Debug)]
pub(crate) struct MemberForm {
    base_url: String,
    types: Vec<TypeText>,
    /// What is left of each; `None`: everything.
    cut: Option<Arc<Cut>>,
    /// An empty list is the same as none (RFC 7643 §2.5) and is left out, but for identity
    /// providers, some of which cannot do without (rule 35).
    empty: Empty,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Empty {
    Shown,
    LeftOut,
}

/// What is the same of all members of one resource type.
#[derive(Clone, Debug)]
struct TypeText {
    name: String,
    /// Between the two ids of a member.
    middle: String,
    /// Behind the second.
    end: String,
}

impl TypeText {
    fn new(name: &str, start: &str) -> Self {
        let mut end = "\",\"type\":".to_owned();
        push_string(&mut end, name);
        Self { name: name.to_owned(), middle: middle(start), end }
    }
}

impl MemberForm {
    pub(super) fn new(frame: &Frame<'_>, cut: Option<Arc<Cut>>) -> Self {
        let types = frame.registry.resource_types().iter();
        let types = types.map(|known| TypeText::new(&known.name, &frame.location(&known.name, ""))).collect();
        let is_cut = cut.as_ref().is_some_and(|cut| {
            let mut none = Map::from_iter([(MEMBERS.to_owned(), Value::Array(Vec::new()))]);
            cut.apply(&mut none);
            none.is_empty()
        });
        let empty = if frame.switches.member_display == Toggle::On && !is_cut { Empty::Shown } else { Empty::LeftOut };
        Self { base_url: frame.base_url.to_owned(), types, cut, empty }
    }

    /// What is the same of all members of this type; made anew for one that is not known any more.
    fn of_type(&self, name: &str) -> Cow<'_, TypeText> {
        match self.types.iter().find(|known| *known.name == *name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(TypeText::new(name, &format!("{}/", self.base_url))),
        }
    }

    /// Appends members, with commas between them; there is at least one.
    fn push(&self, out: &mut String, members: &Found) {
        match members {
            Found::Ids(ids) => {
                for (index, run) in ids.runs.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.push_run(out, run);
                }
            }
            Found::Rows(members, names) => {
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    let kind = self.of_type(&member.resource_type);
                    push_one(out, member.id.as_str(), &kind, names.get(&member.seq));
                }
            }
        }
    }

    fn push_run(&self, out: &mut String, run: &MemberRun) {
        let kind = self.of_type(&run.resource_type);
        // Ids of ours need no escape, neither as strings nor in URLs.
        if !is_plain(&run.ids) {
            for (index, id) in run.ids().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_one(out, id, &kind, None);
            }
            return;
        }
        let middle = ["\"", &kind.middle].concat();
        let between = [&kind.end, "},{\"value\":\""].concat();
        out.push_str("{\"value\":\"");
        for (index, id) in run.ids().enumerate() {
            if index > 0 {
                out.push_str(&between);
            }
            out.push_str(id);
            out.push_str(&middle);
            out.push_str(id);
        }
        out.push_str(&kind.end);
        out.push('}');
    }

    /// About how many bytes members take.
    fn likely_length(&self, members: &Found) -> usize {
        let each = self.base_url.len().saturating_add(MEMBER_LENGTH);
        match members {
            Found::Ids(ids) => usize::try_from(ids.count).unwrap_or(0).saturating_mul(each),
            Found::Rows(rows, _) => rows.len().saturating_mul(each),
        }
    }
}

/// Whether a list of ids is written as it is.
#[expect(clippy::needless_bitwise_bool, reason = "without an early end many bytes are looked at together")]
fn is_plain(ids: &str) -> bool {
    ids.bytes().fold(true, |plain, byte| plain & (byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b' ')))
}

fn push_one(out: &mut String, id: &str, kind: &TypeText, display: Option<&String>) {
    push_value_and_ref(out, id, &kind.middle);
    out.push_str(&kind.end);
    if let Some(display) = display {
        out.push_str(",\"display\":");
        push_string(out, display);
    }
    out.push('}');
}

fn is_empty(members: &Found) -> bool {
    match members {
        Found::Ids(ids) => ids.runs.is_empty(),
        Found::Rows(rows, _) => rows.is_empty(),
    }
}

/// A list of members that is being written.
#[derive(Clone, Debug)]
pub(crate) struct MemberList {
    form: Arc<MemberForm>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// There was no member yet.
    Empty,
    /// There were members, of which nothing was left.
    AllCut,
    /// The list has begun.
    Open,
}

impl MemberList {
    pub(super) fn new(form: &Arc<MemberForm>) -> Self {
        Self { form: Arc::clone(form), state: State::Empty }
    }

    /// Appends members, with the name of the list before the first.
    pub(super) fn push(&mut self, out: &mut String, members: &Found) {
        if is_empty(members) {
            return;
        }
        out.reserve(self.form.likely_length(members));
        let Some(cut) = &self.form.cut else {
            out.push_str(if self.state == State::Open { "," } else { BEGIN });
            self.state = State::Open;
            self.form.push(out, members);
            return;
        };
        if self.state == State::Empty {
            self.state = State::AllCut;
        }
        let mut text = "[".to_owned();
        self.form.push(&mut text, members);
        text.push(']');
        // What was just written is JSON.
        let elements: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut document = Map::from_iter([(MEMBERS.to_owned(), elements)]);
        cut.apply(&mut document);
        for element in document.get(MEMBERS).and_then(Value::as_array).into_iter().flatten() {
            out.push_str(if self.state == State::Open { "," } else { BEGIN });
            self.state = State::Open;
            out.push_str(&element.to_string());
        }
    }

    /// Ends the list.
    pub(super) fn end(&self, out: &mut String) {
        match (self.state, self.form.empty) {
            (State::Open, _) => out.push(']'),
            (State::Empty, Empty::Shown) => {
                out.push_str(BEGIN);
                out.push(']');
            }
            (State::Empty, Empty::LeftOut) | (State::AllCut, _) => {}
        }
    }
}

const BEGIN: &str = ",\"members\":[";

/// What a member takes beside the base URL, with ids of ours.
const MEMBER_LENGTH: usize = 128;
