//! A body being written, of which some may be read from the store only when it is sent.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, mem,
    sync::Arc,
};

use headcount_model::{PublicId, Seq, switches::Toggle};
use headcount_store::{Txn, resources::Lock};
use scim_schema::ScimError;

use super::member::MemberList;
use crate::{
    answer::{Body, Parts},
    caller::Caller,
    membership,
    service::Service,
    session::{Job, Session},
    show::{self, Found},
    stop::Stop,
};

/// A part is not lengthened beyond this, in bytes, but for its last piece.
const PART_BYTES: usize = 256 * 1024;

/// By whom and of whom members are read later.
pub(crate) struct Source {
    service: Service,
    caller: Caller,
}

impl Source {
    pub(crate) fn new(job: &Job<'_>) -> Self {
        Self { service: job.service.clone(), caller: job.caller.afterwards() }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Members that are still in the store.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) source: Arc<Source>,
    pub(crate) resource_type: String,
    pub(crate) id: PublicId,
    pub(crate) group: Seq,
    /// The last member that is already there.
    pub(crate) after: Option<Seq>,
}

/// The body.
pub(super) struct Out {
    text: String,
    pieces: VecDeque<Piece>,
}

enum Piece {
    Text(String),
    Members(Rest, MemberList),
}

impl Out {
    pub(super) fn with_capacity(length: usize) -> Self {
        Self { text: String::with_capacity(length), pieces: VecDeque::new() }
    }

    /// Where to write on.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Leaves the rest of a list to be read when the body is sent.
    pub(super) fn leave(&mut self, rest: Rest, list: MemberList) {
        self.pieces.push_back(Piece::Text(mem::take(&mut self.text)));
        self.pieces.push_back(Piece::Members(rest, list));
    }

    pub(super) fn finish(mut self) -> Body {
        if self.pieces.is_empty() {
            return Body::Whole(self.text);
        }
        self.pieces.push_back(Piece::Text(self.text));
        Body::Parts(Parts::new(Reading { pieces: self.pieces }))
    }
}

/// The parts of a body.
///
/// What is copied of the store was true at the moment of its part; see the decision
/// `docs/decisions/0013-large-groups-are-not-one-snapshot.md`.
struct Reading {
    pieces: VecDeque<Piece>,
}

/// A part, and what is left behind it.
struct Part {
    text: String,
    /// How many pieces are done.
    done: usize,
    /// Where the next piece goes on, if it is begun.
    at: Option<(Option<Seq>, MemberList)>,
}

impl Iterator for Reading {
    type Item = Result<String, ScimError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(Piece::Text(_)) = self.pieces.front()
            && let Some(Piece::Text(text)) = self.pieces.pop_front()
        {
            return Some(Ok(text));
        }
        let source = self.pieces.iter().find_map(|piece| match piece {
            Piece::Members(rest, _) => Some(Arc::clone(&rest.source)),
            Piece::Text(_) => None,
        })?;
        let job = Job::new(&source.service, &source.caller);
        // Two parts are held while one of them is being sent.
        let most = source.service.limits().members_at_once.div_euclid(2).max(1);
        match job.reading(|txn, session| self.read(txn, session, most)) {
            Ok(Part { text, done, at }) => {
                self.pieces.drain(..done.min(self.pieces.len()));
                if let (Some((after, list)), Some(Piece::Members(rest, begun))) = (at, self.pieces.front_mut()) {
                    rest.after = after;
                    *begun = list;
                }
                Some(Ok(text))
            }
            Err(error) => {
                self.pieces.clear();
                Some(Err(error))
            }
        }
    }
}

impl Reading {
    /// Reads as many pieces as make a part, with at most so many members. May be run again, so it changes nothing.
    fn read(&self, txn: &mut dyn Txn, session: &Session, most: u64) -> Result<Part, Stop> {
        let mut part = Part { text: String::new(), done: 0, at: None };
        let mut left = most;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => part.text.push_str(text),
                Piece::Members(rest, list) => {
                    let mut list = list.clone();
                    if let Some(after) = members(txn, session, rest, &mut list, &mut part.text, &mut left)? {
                        part.at = Some((Some(after), list));
                        return Ok(part);
                    }
                }
            }
            part.done = part.done.saturating_add(1);
            if left == 0 || part.text.len() > PART_BYTES {
                break;
            }
        }
        Ok(part)
    }
}

/// Appends members until the list ends or `left` is used up; then the last one is returned.
fn members(
    txn: &mut dyn Txn,
    session: &Session,
    rest: &Rest,
    list: &mut MemberList,
    text: &mut String,
    left: &mut u64,
) -> Result<Option<Seq>, Stop> {
    let found = txn.find_resource(&session.view, &rest.resource_type, rest.id.as_str(), Lock::None)?;
    let Some(group) = found.filter(|group| group.seq == rest.group) else {
        return Err(ScimError::not_found(&rest.resource_type, rest.id.as_str()).into());
    };
    let limit = *left;
    let (found, count, reached) = if show::shows_ids(&session.view, &session.switches, group.adoptable) {
        let ids = txn.member_ids(rest.group, rest.after, limit)?;
        let (count, reached) = (ids.count, ids.last);
        (Found::Ids(ids), count, reached)
    } else {
        let mut batch = txn.members(rest.group, rest.after, limit)?;
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let reached = batch.last().map(|member| member.seq);
        if membership::looks_up_members(&session.view, group.adoptable) {
            batch = membership::seen_of(txn, &session.view, batch)?;
        }
        let names = match session.switches.member_display {
            Toggle::On => membership::names(txn, &batch)?,
            Toggle::Off => BTreeMap::new(),
        };
        (Found::Rows(batch, names), count, reached)
    };
    *left = limit.saturating_sub(count);
    list.push(text, &found);
    match reached {
        Some(_) if count >= limit => Ok(reached),
        _ => {
            list.end(text);
            Ok(None)
        }
    }
}
