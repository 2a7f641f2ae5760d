//! Queries over one resource type or several (RFC 7644 §3.4.2, §3.4.3; RFC 9865).

use std::sync::Arc;

use headcount_model::{Seq, token::Access};
use headcount_store::{
    Txn, index,
    look::{LookAt, Looked},
    members::GroupOf,
    page::{PageKey, SortValue, Window},
    query::{Adoptable, Order, Query, ScanLimits, Selection, Sort, View},
    resources::StoredResource,
};
use scim_filter::{
    Filter, Predicate,
    order::{self, SortKey},
    predicate::Target,
};
use scim_schema::{AttrPath, Projection, ResourceType, ScimError};

use crate::{
    answer::Answer,
    authenticate,
    caller::Caller,
    cursor::{self, KeyInCursor, Question, Reading},
    located,
    membership::{self, MEMBERS},
    paging::Paging,
    render::{Frame, PageMark},
    service::{QueryRequest, Service},
    session::{Job, Session},
    show::{self, Shown},
    stop::Stop,
};

/// A checked query.
struct Prepared {
    selections: Vec<Selection>,
    /// By the other reading of the filter.
    retry: Option<Vec<Selection>>,
    sort: Option<Sort>,
    paging: Paging,
    projection: Projection,
    question: Question,
}

/// What was found.
struct Found {
    total: u64,
    resources: Vec<Shown>,
    next: Option<(Reading, PageKey)>,
}

/// See [`Service::query`].
pub(crate) fn query(
    service: &Service,
    caller: &Caller,
    resource_type: Option<&ResourceType>,
    request: &QueryRequest,
) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Read, resource_type.map(|known| known.name.as_str()))?;
    let job = Job::new(service, caller);
    let mut prepared = prepare(&job, resource_type, request)?;
    let found = match at_once(&job, &mut prepared)? {
        Some(found) => found,
        None => job.reading(|txn, session| run(txn, &job, session, &prepared))?,
    };
    let Found { total, resources, next } = found;
    let mark = mark(&job, &prepared, next);
    let body = Frame::new(service.registry(), caller).list(total, &mark, resources, &prepared.projection)?;
    Ok(Answer { status: 200, body: Some(body), etag: None, location: None })
}

fn prepare(job: &Job<'_>, resource_type: Option<&ResourceType>, request: &QueryRequest) -> Result<Prepared, ScimError> {
    let switches = &job.caller.switches;
    let registry = job.service.registry();
    let scopes = &job.caller.credential().token.scopes;
    let types: Vec<&ResourceType> = match resource_type {
        Some(one) => vec![one],
        // A query at the root leaves out the types that the token lacks.
        None => registry
            .resource_types()
            .iter()
            .map(Arc::as_ref)
            .filter(|known| scopes.allows(Access::Read, &known.name))
            .collect(),
    };
    let at_root = resource_type.is_none();
    let projection = Projection::parse(
        request.attributes.as_deref(),
        request.excluded_attributes.as_deref(),
        switches.both_projections,
    )?;
    let selections = select(job, &types, at_root, request.filter.as_deref())?;
    let retry = match &request.filter_retry {
        Some(filter) => Some(select(job, &types, at_root, Some(filter))?),
        None => None,
    };
    let sort = sort(job, &types, request)?;
    let paging = Paging::of(request, job.service.limits(), switches.loose_paging)?;
    let order = match &sort {
        None => "",
        Some(Sort { order: Order::Ascending, .. }) => "ascending",
        Some(Sort { order: Order::Descending, .. }) => "descending",
    };
    let digest = || {
        let names = types.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(" ");
        cursor::digest(&[
            if at_root { "root" } else { "type" },
            &names,
            request.filter.as_deref().unwrap_or_default(),
            request.filter_retry.as_deref().unwrap_or_default(),
            sort.as_ref().map_or("", |sort| &sort.target.key),
            order,
        ])
    };
    // Only a cursor tells of which question it is.
    let digest = match &paging {
        Paging::Cursor { .. } => digest(),
        Paging::Index { .. } => <_>::default(),
    };
    let question = Question { connection: job.caller.credential().connection.key, digest };
    Ok(Prepared { selections, retry, sort, paging, projection, question })
}

fn select(
    job: &Job<'_>,
    types: &[&ResourceType],
    at_root: bool,
    filter: Option<&str>,
) -> Result<Vec<Selection>, ScimError> {
    let switches = &job.caller.switches;
    let filter = match filter {
        None => None,
        Some(text) => Some(
            Filter::parse(text, &job.service.limits().filter, &switches.grammar())
                .map_err(scim_filter::FilterError::into_invalid_filter)?,
        ),
    };
    types
        .iter()
        .map(|resource_type| {
            let predicate = match &filter {
                None => Predicate::All,
                Some(filter) => {
                    let registry = job.service.registry();
                    let options = switches.compile_options();
                    let predicate = Predicate::compile(filter, registry, resource_type, at_root, options)?;
                    located::from_ids(predicate, &Frame::new(registry, job.caller), resource_type)?
                }
            };
            Ok(Selection { resource_type: resource_type.name.clone(), predicate })
        })
        .collect()
}

fn sort(job: &Job<'_>, types: &[&ResourceType], request: &QueryRequest) -> Result<Option<Sort>, ScimError> {
    let switches = &job.caller.switches;
    let ignores = switches.unknown_sort.accepts();
    let order = match request.sort_order.as_deref() {
        None => Order::Ascending,
        Some(word) if word.eq_ignore_ascii_case("ascending") => Order::Ascending,
        Some(word) if word.eq_ignore_ascii_case("descending") => Order::Descending,
        Some(_) if ignores => Order::Ascending,
        Some(_) => {
            return Err(ScimError::invalid_value(
                "sortOrder is neither \"ascending\" nor \"descending\"; send one of them",
            ));
        }
    };
    let Some(text) = request.sort_by.as_deref() else { return Ok(None) };
    match sort_target(job, types, text) {
        Ok(target) => Ok(Some(Sort { target, order })),
        Err(_) if ignores => Ok(None),
        Err(error) => Err(error),
    }
}

/// The attribute to sort by. At the root it is looked for in each type in turn; resources of types
/// that lack it have no value.
fn sort_target(job: &Job<'_>, types: &[&ResourceType], text: &str) -> Result<Target, ScimError> {
    let path = AttrPath::parse(text)
        .map_err(|error| ScimError::invalid_value(format!("sortBy is no attribute name: {error}")))?;
    let mut refusal = None;
    for resource_type in types {
        match Target::for_sort(&path, resource_type, job.caller.switches.compile_options()) {
            // These are lists of other resources, kept apart from the resource itself.
            Ok(target) if target.extension.is_none() && matches!(&*target.name, "groups" | "members") => {
                return Err(ScimError::invalid_value(format!(
                    "the result cannot be sorted by {}; sort by an attribute of the resource itself, such as displayName",
                    target.name
                )));
            }
            Ok(target) => return Ok(target),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| ScimError::invalid_value("there is nothing that sortBy could name here")))
}

/// Asks with one look, which sees the page and the groups of what is on it. `None`: the answer takes
/// more than that, or the credential changed meanwhile, and a transaction reads.
fn at_once(job: &Job<'_>, prepared: &mut Prepared) -> Result<Option<Found>, ScimError> {
    if prepared.retry.is_some() {
        return Ok(None);
    }
    let registry = job.service.registry();
    let projection = &prepared.projection;
    let mut wants_groups = false;
    for selection in &prepared.selections {
        let Some(resource_type) = registry.resource_type(&selection.resource_type) else { return Ok(None) };
        if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
            return Ok(None);
        }
        wants_groups |= show::has_groups(resource_type) && projection.wants(resource_type, "groups");
    }
    let Place::Known(reading, window) = place(job, prepared)? else { return Ok(None) };
    let known = &job.caller.known;
    let levels = if wants_groups { show::group_levels(job.service.limits(), &known.switches) } else { 0 };
    let query = Query {
        view: view_of(known.view, &prepared.selections),
        selections: std::mem::take(&mut prepared.selections),
        sort: prepared.sort.take(),
        window,
        scan: ScanLimits::default(),
    };
    let looked = job.look(LookAt::Query(&query), levels)?;
    (prepared.selections, prepared.sort) = (query.selections, query.sort);
    let Some(Looked { page, groups, .. }) = looked else { return Ok(None) };
    let resources = shown(job, page.resources, groups, wants_groups);
    Ok(Some(Found { total: page.total, resources, next: page.next.map(|key| (reading, key)) }))
}

/// What a look saw, as answers show it. Its groups are in the order of their members.
fn shown(job: &Job<'_>, resources: Vec<StoredResource>, groups: Vec<GroupOf>, wants_groups: bool) -> Vec<Shown> {
    let mut places: Vec<(Seq, usize)> = resources.iter().zip(0..).map(|(stored, place)| (stored.seq, place)).collect();
    let view = &job.caller.known.view;
    let mut shown: Vec<Shown> = resources.into_iter().map(|stored| Shown::of(stored, view)).collect();
    if !wants_groups {
        return shown;
    }
    if !places.is_sorted() {
        places.sort_unstable();
    }
    let mut groups = groups.into_iter().peekable();
    for (seq, place) in places {
        let mut own = Vec::new();
        while let Some(group) = groups.next_if(|group| group.member <= seq) {
            if group.member == seq {
                own.push(group);
            }
        }
        if let Some(shown) = shown.get_mut(place) {
            shown.groups = Some(own);
        }
    }
    shown
}

fn run(txn: &mut dyn Txn, job: &Job<'_>, session: &Session, prepared: &Prepared) -> Result<Found, Stop> {
    let (mut reading, window) = window(txn, job, prepared)?;
    let ask = |selections: &[Selection]| Query {
        view: view_of(session.view, selections),
        selections: selections.to_vec(),
        sort: prepared.sort.clone(),
        window: window.clone(),
        scan: ScanLimits::default(),
    };
    let mut page = match (reading, &prepared.retry) {
        (Reading::Retry, Some(retry)) => txn.query(&ask(retry))?,
        _ => txn.query(&ask(&prepared.selections))?,
    };
    if let (Reading::First, Some(retry), 0) = (reading, &prepared.retry, page.total) {
        reading = Reading::Retry;
        page = txn.query(&ask(retry))?;
    }
    let resources = show::page(txn, job, session, page.resources, &prepared.projection)?;
    Ok(Found { total: page.total, resources, next: page.next.map(|key| (reading, key)) })
}

/// Which part of the result is asked for, and where a long sort value has to be read first, what of it
/// is known.
enum Place {
    Known(Reading, Window),
    Long { reading: Reading, seq: Seq, digest: [u8; 16], count: u64 },
}

fn place(job: &Job<'_>, prepared: &Prepared) -> Result<Place, ScimError> {
    Ok(match &prepared.paging {
        Paging::Index { start, count } => {
            Place::Known(Reading::First, Window::Index { offset: start.saturating_sub(1), limit: *count })
        }
        Paging::Cursor { cursor, count } if cursor.is_empty() => {
            Place::Known(Reading::First, Window::After { key: None, limit: *count })
        }
        Paging::Cursor { cursor, count } => {
            let timeout = job.service.limits().cursor_timeout_s;
            let key = job.service.cursor_key();
            let place = cursor::read(key, cursor, &prepared.question, *count, job.now, timeout)?;
            match place.key {
                KeyInCursor::Whole(key) => Place::Known(place.reading, Window::After { key: Some(key), limit: *count }),
                KeyInCursor::Long { seq, digest } => Place::Long { reading: place.reading, seq, digest, count: *count },
            }
        }
    })
}

fn window(txn: &mut dyn Txn, job: &Job<'_>, prepared: &Prepared) -> Result<(Reading, Window), Stop> {
    match place(job, prepared)? {
        Place::Known(reading, window) => Ok((reading, window)),
        Place::Long { reading, seq, digest, count } => {
            let text = sort_text(txn, prepared, seq, digest)?;
            let Some(text) = text else { return Err(cursor::moved().into()) };
            let key = PageKey { sort: Some(SortValue::Text(text)), seq };
            Ok((reading, Window::After { key: Some(key), limit: count }))
        }
    }
}

/// What is seen by a query. The `externalId` of an account that waits to be adopted is the
/// application's and not this connection's, so where one is asked for, no such account answers.
fn view_of(view: View, selections: &[Selection]) -> View {
    let adoptable = if selections.iter().all(|selection| needs_external_id(&selection.predicate)) {
        Adoptable::Hidden
    } else {
        view.adoptable
    };
    View { adoptable, ..view }
}

/// Whether nothing satisfies the predicate that has no `externalId`.
fn needs_external_id(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All | Predicate::Not(_) | Predicate::Element(..) => false,
        Predicate::Nothing => true,
        Predicate::And(parts) => parts.iter().any(needs_external_id),
        Predicate::Or(parts) => parts.iter().all(needs_external_id),
        Predicate::Term(term) => term.target.extension.is_none() && &*term.target.name == "externalId",
    }
}

/// What a row is sorted by, if that still has this digest. Columns and value rows hold no more than
/// the head of a long text and are sorted by that, documents by the whole.
fn sort_text(txn: &mut dyn Txn, prepared: &Prepared, seq: Seq, digest: [u8; 16]) -> Result<Option<String>, Stop> {
    let Some(sort) = &prepared.sort else { return Ok(None) };
    let stored = txn.load_resources(&[seq])?;
    let Some(stored) = stored.first() else { return Ok(None) };
    let Some(SortKey::Text(text)) = order::sort_key(&sort.target, &show::document(stored)?) else {
        return Ok(None);
    };
    let forms = [text.as_str(), index::cut(&text)];
    Ok(forms.into_iter().find(|form| cursor::digest(&[form]) == digest).map(ToOwned::to_owned))
}

/// What the page says of its place in the result (RFC 7644 §3.4.2.4; RFC 9865 §2).
fn mark(job: &Job<'_>, prepared: &Prepared, next: Option<(Reading, PageKey)>) -> PageMark {
    match &prepared.paging {
        Paging::Index { start, .. } => PageMark::Start(*start),
        // A page of none ends nowhere: with count 0 only the total is asked for.
        Paging::Cursor { count: 0, .. } => PageMark::Next(None),
        Paging::Cursor { count, .. } => PageMark::Next(next.map(|(reading, key)| {
            cursor::write(job.service.cursor_key(), &prepared.question, *count, job.now, reading, &key)
        })),
    }
}
