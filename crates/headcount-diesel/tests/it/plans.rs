//! How the databases find what the hot paths ask for: the statements that the store runs are
//! recorded, and their plans may scan no tenant.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation},
    pg::PgConnection,
    sql_types::Text,
    sqlite::SqliteConnection,
};
use headcount_model::{Actor, Event, EventKind, PublicId, Timestamp, TokenId};
use headcount_store::{
    Store, StoreError, StoreExt, TenantCtx,
    act::{Act, Change, Put},
    index::{IndexForm, IndexPolicy, form},
    look::{Look, LookAt},
    members::MemberRef,
    page::Window,
    query::{Adoptable, Order, Query, ScanLimits, Selection, Sort, View},
    resources::{Lock, NewResource, StoredResource, Tombstone, Update},
    store::Txn,
};
use headcount_token::TokenHash;
use scim_filter::{CompileOptions, Filter, Limits, Predicate, Target, parser::Leniencies};
use scim_schema::{AttrPath, Registry, Resource};
use serde_json::{Value, json};

use crate::{beginnings, postgres::Postgres, sqlite::Sqlite};

thread_local! {
    /// What this thread's connections ran, while it is recorded.
    static RECORD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    /// How many statements this thread's connections have put into their caches of prepared ones
    /// since those were emptied last, and the most there were.
    static CACHED: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

struct Recorder;

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            let (now, most) = CACHED.get();
            CACHED.set((now + 1, most.max(now + 1)));
        }
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            if query.to_string().starts_with("DEALLOCATE ALL") {
                CACHED.set((0, CACHED.get().1));
            }
            RECORD.with_borrow_mut(|record| {
                if let Some(record) = record {
                    record.push(query.to_string());
                }
            });
        }
    }
}

fn record_from_now_on() {
    set_default_instrumentation(|| Some(Box::new(Recorder))).unwrap();
}

/// The statements that the work runs.
fn recorded(work: impl FnOnce()) -> Vec<String> {
    RECORD.set(Some(Vec::new()));
    work();
    RECORD.take().unwrap()
}

/// A statement with its binds written into it.
fn with_binds(recorded: &str) -> String {
    let Some((sql, binds)) = recorded.rsplit_once(" -- binds: ") else { return recorded.to_owned() };
    let binds = literals(binds);
    let mut text = String::new();
    let mut next = 0;
    let mut characters = sql.chars().peekable();
    while let Some(c) = characters.next() {
        // A number stands behind a dollar sign, or it is part of a path into JSON.
        let is_bind = c == '?' || c == '$' && characters.peek().is_some_and(char::is_ascii_digit);
        if !is_bind {
            text.push(c);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = characters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let n = digits.parse::<usize>().map_or(next, |n| n - 1);
        text.push_str(binds.get(n).unwrap_or_else(|| panic!("no bind {n}: {recorded}")));
        next = n + 1;
    }
    text
}

/// Binds as diesel prints them, as literals of SQL.
fn literals(binds: &str) -> Vec<String> {
    let inner = binds.trim().strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped, mut depth) = (false, false, 0);
    for c in inner.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        parts.last_mut().unwrap().push(c);
    }
    parts.iter().map(|part| literal(part.trim())).collect()
}

fn literal(part: &str) -> String {
    let part = part.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(part);
    match part {
        "None" | "NULL" | "" => "NULL".to_owned(),
        _ if part.starts_with('[') => "''".to_owned(),
        _ if part.starts_with('"') => {
            let text: String = serde_json::from_str(part).unwrap_or_else(|_| part.trim_matches('"').to_owned());
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => part.to_owned(),
    }
}

/// A line of a plan of SQLite.
#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// A line of a plan of PostgreSQL.
#[derive(QueryableByName)]
struct PgLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// Explains statements to a test.
enum Explainer {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Explainer {
    /// The lines of a statement's plan; none for what has none.
    #[expect(clippy::disallowed_methods, reason = "a plan is asked for with the statement's text")]
    fn plan(&mut self, recorded: &str) -> Vec<String> {
        let statement = with_binds(recorded);
        let verb = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if !["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].contains(&verb.as_str()) {
            return Vec::new();
        }
        match self {
            Self::Sqlite(conn) => {
                let explained = format!("EXPLAIN QUERY PLAN {statement}");
                let rows = diesel::sql_query(explained).load::<Detail>(conn);
                rows.unwrap_or_else(|error| panic!("{error}: {statement}")).into_iter().map(|row| row.detail).collect()
            }
            Self::Postgres(conn) => {
                let rows = diesel::sql_query(format!("EXPLAIN {statement}")).load::<PgLine>(conn);
                rows.unwrap_or_else(|error| panic!("{error}: {statement}")).into_iter().map(|row| row.line).collect()
            }
        }
    }
}

/// What is asked, and what its plans must show.
struct Case {
    name: &'static str,
    /// Indexes, or other words, that some line of the plans has: on SQLite, on PostgreSQL.
    wanted: [&'static [&'static str]; 2],
    reads: Reads,
}

/// How much of a tenant a plan may read.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    /// The rows that are asked for.
    Few,
    /// A part in its order, up to a limit.
    Ordered,
    /// A narrow index of a part.
    Index,
}

/// A tenant with users and groups, beside others, and a token of its connection.
struct World<'s> {
    store: &'s dyn Store,
    registry: Arc<Registry>,
    ctx: TenantCtx,
    view: View,
    token: TokenId,
}

const USERS: usize = 1_500;

fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(n)
}

fn user_id(n: usize) -> PublicId {
    PublicId::from_text(&format!("018bcfe5-6800-7000-8000-{n:012x}"))
}

fn group_id(n: usize) -> PublicId {
    user_id(1_000_000 + n)
}

fn event(kind: EventKind, resource: &PublicId, resource_type: &str) -> Event {
    Event {
        at: at(0),
        kind,
        actor: Actor::CommandLine,
        resource: Some((resource_type.to_owned(), resource.clone())),
        version: 1,
        paths: Vec::new(),
        transaction: user_id(0),
        detail: None,
    }
}

impl World<'_> {
    fn form(&self, resource_type: &str, document: &Value) -> IndexForm {
        let policy = IndexPolicy { external_id_unique: false, unique_group_names: true };
        let document = Resource::from_document(document.as_object().unwrap().clone());
        form(self.registry.resource_type(resource_type).unwrap(), &document, policy)
    }

    fn user(&self, n: usize) -> NewResource {
        let family = format!("Garcia{:02}", n % 50);
        let name = format!("user{n:07}@example.com");
        let document = json!({
            "userName": name,
            "externalId": format!("00u{n}"),
            "name": {"familyName": family, "givenName": format!("Given{}", n % 77)},
            "displayName": format!("Given{} {family}", n % 77),
            "active": !n.is_multiple_of(10),
            "emails": [{"value": name, "type": "work", "primary": true}],
        });
        self.resource("User", user_id(n), &document)
    }

    fn group(&self, n: usize) -> NewResource {
        self.resource("Group", group_id(n), &json!({"displayName": format!("Group {n}")}))
    }

    fn resource(&self, resource_type: &str, id: PublicId, document: &Value) -> NewResource {
        NewResource {
            id,
            resource_type: resource_type.to_owned(),
            owner: self.view.connection,
            adoptable: false,
            version: 1,
            created: at(0),
            modified: at(0),
            document: document.to_string(),
            index: self.form(resource_type, document),
        }
    }

    fn write<T: Send>(&self, mut work: impl FnMut(&mut dyn Txn) -> Result<T, StoreError> + Send) -> T {
        self.store.writing::<T, ()>(&self.ctx, |txn| Ok(work(txn)?)).unwrap()
    }

    fn furnish(&self, users: usize, groups: usize) {
        for chunk in (0..users).collect::<Vec<_>>().chunks(250) {
            self.write(|txn| {
                for n in chunk {
                    let user = self.user(*n);
                    txn.insert_resource(&user)?;
                    txn.append(&event(EventKind::Create, &user.id, "User"))?;
                }
                Ok(())
            });
        }
        self.write(|txn| {
            for n in 0..groups {
                let seq = txn.insert_resource(&self.group(n))?;
                let ids: Vec<String> = (0..20).map(|k| user_id((n * 13 + k) % users).to_string()).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let members: Vec<MemberRef> = txn.find_members(&self.view, &ids)?;
                txn.add_members(seq, &members)?;
            }
            Ok(())
        });
    }

    fn look(&self, at: LookAt<'_>, levels: u8) {
        self.store.look(&self.ctx, &Look { token: &self.token, at, levels }).unwrap();
    }

    fn query(&self, resource_type: &str, filter: &str, sort: Option<(&str, Order)>, window: Window) -> Query {
        let kind = self.registry.resource_type(resource_type).unwrap();
        let predicate = match filter {
            "" => Predicate::All,
            filter => {
                let filter = Filter::parse(filter, &Limits::FILTER, &Leniencies::default()).unwrap();
                Predicate::compile(&filter, &self.registry, kind, false, CompileOptions::default()).unwrap()
            }
        };
        let sort = sort.map(|(path, order)| Sort {
            target: Target::for_sort(&AttrPath::parse(path).unwrap(), kind, CompileOptions::default()).unwrap(),
            order,
        });
        let selections = vec![Selection { resource_type: resource_type.to_owned(), predicate }];
        Query { view: self.view, selections, sort, window, scan: ScanLimits::default() }
    }

    /// Looks for users by a filter, a page of 100.
    fn find(&self, filter: &str) {
        let query = self.query("User", filter, None, Window::Index { offset: 0, limit: 100 });
        self.look(LookAt::Query(&query), 0);
    }

    fn stored(&self, id: &PublicId, resource_type: &str) -> StoredResource {
        let found = self.store.reading::<_, ()>(&self.ctx, |txn| {
            Ok(txn.find_resource(&self.view, resource_type, id.as_str(), Lock::None)?)
        });
        found.unwrap().unwrap()
    }

    fn act(&self, change: Change<'_>, event: &Event) {
        let standing = self.store.reading::<_, ()>(&self.ctx, |txn| Ok(txn.standing(&self.token)?)).unwrap().unwrap();
        self.store.act(&self.ctx, &Act { token: &self.token, standing: &standing, change, event }).unwrap();
    }
}

fn world<'s>(store: &'s dyn Store, registry: &Arc<Registry>, slug: &str) -> World<'s> {
    let made = beginnings::tenant(store, slug);
    let token = TokenId::from_text(&format!("{slug}-token"));
    let record = beginnings::token(&made, &token);
    let view = View { connection: made.application, adoptable: Adoptable::Seen };
    let world = World { store, registry: Arc::clone(registry), ctx: made.ctx, view, token };
    world.write(|txn| txn.insert_token(&record, &TokenHash::from_stored("x")));
    world
}

const FEW: Reads = Reads::Few;

/// What is asked of users by filters.
const FILTERS: [(&str, [&[&str]; 2], Reads); 20] = [
    (r#"userName eq "user0000007@example.com""#, [&["r_key"], &["r_key"]], FEW),
    (r#"externalId eq "00u7""#, [&["r_ext"], &["r_ext"]], FEW),
    (r#"id eq "018bcfe5-6800-7000-8000-000000000007""#, [&["r_id"], &["r_id"]], FEW),
    (r#"displayName eq "given7 garcia07""#, [&["r_disp"], &["r_disp"]], FEW),
    (r#"emails.value eq "user0000007@example.com""#, [&["SEARCH v USING PRIMARY KEY"], &["vals_pkey"]], FEW),
    (
        r#"emails[type eq "work" and value eq "user0000007@example.com"]"#,
        [&["SEARCH v USING PRIMARY KEY"], &["vals_pkey"]],
        FEW,
    ),
    (r#"userName eq "user0000007@example.com" and displayName pr"#, [&["r_key"], &["r_key"]], FEW),
    (r#"displayName pr and emails.value eq "user0000007@example.com""#, [&["PRIMARY KEY"], &["vals_pkey"]], FEW),
    (
        r#"userName eq "user0000007@example.com" or externalId eq "00u8""#,
        [&["r_key", "r_ext"], &["r_key", "r_ext"]],
        FEW,
    ),
    (
        r#"userName eq "user0000007@example.com" or emails.value eq "user0000008@example.com""#,
        [&["r_key", "SEARCH v USING PRIMARY KEY"], &["r_key", "vals_pkey"]],
        FEW,
    ),
    (
        r#"(userName eq "user0000007@example.com" and active eq true) or (externalId eq "00u8" and title pr)"#,
        [&["r_key", "r_ext"], &["r_key", "r_ext"]],
        FEW,
    ),
    (r#"name.familyName sw "garcia07""#, [&["r_fam"], &["r_fam"]], FEW),
    (r#"emails.value sw "user000012""#, [&["SEARCH v USING PRIMARY KEY"], &["vals_pkey"]], FEW),
    (r#"userName sw "user000012""#, [&["r_key"], &["r_key"]], FEW),
    (r#"name.familyName co "cia07""#, [&["SCAN grams VIRTUAL TABLE"], &["ProjectSet"]], FEW),
    (r#"userName ew "007@example.com""#, [&["SCAN grams VIRTUAL TABLE"], &["ProjectSet"]], FEW),
    (r#"name.givenName sw "given71""#, [&["SCAN grams VIRTUAL TABLE"], &["ProjectSet"]], FEW),
    (r#"emails.value co "0000007@""#, [&["SCAN grams VIRTUAL TABLE", "v_resource"], &["ProjectSet"]], FEW),
    (r#"name.familyName co "07""#, [&["r_fam"], &[]], Reads::Index),
    (r#"not (userName eq "user0000007@example.com")"#, [&["r_page"], &[]], Reads::Ordered),
];

/// Everything on the hot paths: its name, what its plans must show, and how it is done.
fn plans(world: &World<'_>, explainer: &mut Explainer) {
    let which = usize::from(matches!(explainer, Explainer::Postgres(_)));
    let mut failures = Vec::new();
    let mut check = |case: &Case, work: &mut dyn FnMut()| {
        let statements = recorded(work);
        let mut lines = Vec::new();
        for statement in &statements {
            let plan = explainer.plan(statement);
            for line in &plan {
                if is_scan(line, case.reads) {
                    failures.push(format!("{}: {line}\n  {statement}\n  {plan:#?}", case.name));
                }
            }
            lines.extend(plan);
        }
        for wanted in case.wanted[which] {
            if !lines.iter().any(|line| line.contains(wanted)) {
                failures.push(format!("{}: no {wanted}\n  {statements:#?}\n  {lines:#?}", case.name));
            }
        }
    };
    let page = |offset| Window::Index { offset, limit: 100 };

    for (name, wanted, reads) in FILTERS {
        check(&Case { name, wanted, reads }, &mut || world.find(name));
    }
    let sorted = [
        (r#"emails.value eq "user0000007@example.com""#, [&["PRIMARY KEY"][..], &["vals_pkey"]]),
        (r#"name.familyName co "cia07""#, [&["SCAN grams"], &["ProjectSet"]]),
    ];
    for (name, wanted) in sorted {
        for path in ["userName", "displayName", "meta.created"] {
            check(&Case { name, wanted, reads: FEW }, &mut || {
                let query = world.query("User", name, Some((path, Order::Ascending)), page(0));
                world.look(LookAt::Query(&query), 0);
            });
        }
    }
    let users = u64::try_from(USERS).unwrap();
    let (last, deep) = (users - 100, users / 3);
    for (name, offset) in [("the first page", 0), ("a deep page", deep), ("the last page", last)] {
        let case = Case { name, wanted: [&["r_page"], &["Limit"]], reads: Reads::Ordered };
        check(&case, &mut || {
            let query = world.query("User", "", None, page(offset));
            world.look(LookAt::Query(&query), 0);
        });
    }
    let case = Case { name: "a page by userName", wanted: [&["r_key"], &["r_key"]], reads: Reads::Ordered };
    check(&case, &mut || {
        let query = world.query("User", "", Some(("userName", Order::Ascending)), page(0));
        world.look(LookAt::Query(&query), 0);
    });
    let case = Case { name: "a page by cursor", wanted: [&["r_page"], &["Limit"]], reads: Reads::Ordered };
    check(&case, &mut || {
        let mut key = None;
        for _ in 0..2 {
            let query = world.query("User", "", None, Window::After { key: key.take(), limit: 100 });
            let look = Look { token: &world.token, at: LookAt::Query(&query), levels: 0 };
            key = world.store.look(&world.ctx, &look).unwrap().page.next;
        }
    });
    let case = Case { name: "a user and its groups", wanted: [&["r_id", "m_rev"], &["r_id", "m_rev"]], reads: FEW };
    check(&case, &mut || {
        let id = user_id(7);
        let (view, resource_type) = (&world.view, "User");
        world.look(LookAt::Resource { view, resource_type, id: id.as_str() }, 1);
    });
    let case = Case { name: "a group and its members", wanted: [&["r_id"], &["r_id"]], reads: FEW };
    check(&case, &mut || {
        let id = group_id(3);
        let (view, resource_type) = (&world.view, "Group");
        world.look(LookAt::Group { view, resource_type, id: id.as_str(), limit: 10 }, 0);
    });
    let case = Case {
        name: "the standing of a token",
        wanted: [&["SEARCH t USING PRIMARY KEY (tenant_id=? AND id=?)"], &[]],
        reads: FEW,
    };
    check(&case, &mut || world.look(LookAt::Standing, 0));
    let id = group_id(3);
    let by_member = format!(r#"members.value eq "{}""#, user_id(7));
    let case = Case { name: "groups by a member", wanted: [&["r_id", "m_rev"], &["r_id"]], reads: FEW };
    check(&case, &mut || {
        let query = world.query("Group", &by_member, None, page(0));
        world.look(LookAt::Query(&query), 0);
    });
    let by_group = format!(r#"groups.value eq "{id}""#);
    for by_group in [by_group.clone(), format!("{by_group} and active eq true")] {
        let case = Case { name: "users of a group", wanted: [&["r_id", "m"], &["r_id"]], reads: FEW };
        check(&case, &mut || world.find(&by_group));
    }
    let group = world.stored(&id, "Group");
    let case = Case {
        name: "the members of a group",
        wanted: [&["SEARCH memberships USING PRIMARY KEY (tenant_id=? AND grp=?"], &["memberships_pkey"]],
        reads: FEW,
    };
    check(&case, &mut || {
        world.store.reading::<_, ()>(&world.ctx, |txn| Ok(txn.members(group.seq, None, 100)?)).unwrap();
    });
    let case = Case { name: "a tombstone", wanted: [&["t_key"], &[]], reads: FEW };
    check(&case, &mut || {
        let found = world.store.reading::<_, ()>(&world.ctx, |txn| {
            Ok(txn.find_tombstone("User", world.view.connection, "user0000007@example.com")?)
        });
        found.unwrap();
    });
    let case = Case { name: "the tail of the journal", wanted: [&["journal"], &[]], reads: Reads::Ordered };
    check(&case, &mut || {
        world.store.reading::<_, ()>(&world.ctx, |txn| Ok(txn.events(1_400, 100)?)).unwrap();
    });
    writes(world, &mut check);
    assert!(failures.is_empty(), "{} plans are not as they should be:\n{}", failures.len(), failures.join("\n"));
}

type Check<'c> = dyn FnMut(&Case, &mut dyn FnMut()) + 'c;

fn writes(world: &World<'_>, check: &mut Check<'_>) {
    let written = |name, wanted| Case { name, wanted, reads: FEW };
    let new = world.user(USERS + 1);
    let created = event(EventKind::Create, &new.id, "User");
    check(&written("a create", [&["t_key"], &[]]), &mut || {
        world.act(Change::Insert(&new), &created);
    });
    let before = world.stored(&new.id, "User");
    let after = world.user(USERS + 2);
    let update = Update {
        before: &before,
        index_before: &new.index,
        owner: before.owner,
        adoptable: false,
        modified: at(10),
        document: after.document.clone(),
        index: &after.index,
    };
    let patched = event(EventKind::Patch, &new.id, "User");
    check(&written("an update", [&[], &[]]), &mut || {
        world.act(Change::Update(&update), &patched);
    });
    let (group, member) = (group_id(3), user_id(900));
    for put in [Put::In, Put::Out] {
        let kind = if put == Put::In { EventKind::MemberAdded } else { EventKind::MemberRemoved };
        let moved = event(kind, &group, "Group");
        let change = Change::Member {
            view: &world.view,
            resource_type: "Group",
            group: group.as_str(),
            member: member.as_str(),
            put,
            at: at(20),
            beyond: None,
        };
        check(&written("a member", [&["r_id"], &["r_id"]]), &mut || world.act(change, &moved));
    }
    let gone = world.stored(&new.id, "User");
    let tombstone = Tombstone {
        id: gone.id.clone(),
        resource_type: "User".to_owned(),
        owner: gone.owner,
        key: after.index.key.clone(),
        version: gone.version,
        created: gone.created,
        deleted: at(30),
        document: "{}".to_owned(),
        groups: Vec::new(),
    };
    check(&written("a delete", [&["v_resource", "m_rev"], &[]]), &mut || {
        world.write(|txn| txn.delete_resource(&gone, &tombstone));
    });
}

/// Whether a line of a plan reads more of a tenant than it may.
fn is_scan(line: &str, reads: Reads) -> bool {
    const TABLES: [&str; 9] = [
        "resources",
        "vals",
        "memberships",
        "journal",
        "tombstones",
        "unique_values",
        "search_grams",
        "passwords",
        "counts",
    ];
    // What SQLite calls them here.
    const ALIASES: [&str; 8] = ["r", "q", "g", "v", "m", "s", "x", "h"];
    let line = line.trim_start().trim_start_matches("-> ").trim_start();
    if let Some((_, table)) = line.split_once("Seq Scan on ") {
        let table = table.split_whitespace().next().unwrap_or_default();
        // A tenant that is most of a table is rightly read with it, if all of it is to be looked at.
        return reads == FEW
            && TABLES.contains(&table)
            && !["counts", "passwords", "unique_values", "tombstones"].contains(&table);
    }
    let named = |table: &str| TABLES.contains(&table) || ALIASES.contains(&table);
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("SCAN"), Some(table)) => named(table),
        (Some("SEARCH"), Some(table)) if named(table) => {
            let bounds = line.split_once('(').map_or("", |(_, bounds)| bounds.trim_end_matches(')'));
            let is_part = [
                "tenant_id=?",
                "tenant_id=? AND conn=? AND type=?",
                "tenant_id=? AND conn=?",
                "tenant_id=? AND scope=? AND type=?",
                "tenant_id=? AND type=?",
                "tenant_id=? AND path=?",
            ];
            let is_ordered = reads == Reads::Ordered
                && ["r_page", "r_key", "r_adopt", "PRIMARY KEY", "COVERING"].iter().any(|index| line.contains(index));
            let is_narrow = reads == Reads::Index && line.contains("COVERING");
            // Counts of a part have few slots, and what waits to be adopted is looked for by its bit.
            is_part.contains(&bounds)
                && !is_ordered
                && !is_narrow
                && !line.contains("counts")
                && !line.contains("r_long")
        }
        _ => false,
    }
}

fn furnished<'s>(store: &'s dyn Store, registry: &Arc<Registry>) -> World<'s> {
    for slug in ["one", "two", "three"] {
        world(store, registry, slug).furnish(100, 3);
    }
    let world = world(store, registry, "many");
    world.furnish(USERS, 40);
    world
}

/// Two thousand filters of two thousand shapes.
fn shapes() -> impl Iterator<Item = String> {
    const PATHS: [&str; 11] = [
        "userName",
        "externalId",
        "displayName",
        "name.familyName",
        "name.givenName",
        "emails.value",
        "id",
        "userName",
        "displayName",
        "name.familyName",
        "externalId",
    ];
    (0..2_000_usize).map(|n| {
        let term = |bit: usize| format!("{} {} \"x\"", PATHS[bit], if n >> bit & 1 == 1 { "gt" } else { "eq" });
        (0..PATHS.len()).map(term).collect::<Vec<_>>().join(" and ")
    })
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// Asks with every shape as often as it takes to be kept.
fn ask_in_all_shapes(world: &World<'_>) {
    // What does not depend on shapes is there before.
    shapes().take(100).for_each(|filter| world.find(&filter));
    CACHED.set((0, 0));
    let before = resident();
    for filter in shapes().skip(100) {
        for _ in 0..2 {
            world.find(&filter);
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 << 20, "two thousand shapes took {grown} bytes");
}

#[test]
fn sqlite_keeps_no_statement_for_each_shape() {
    record_from_now_on();
    let registry = Arc::new(Registry::builtin());
    let sqlite = Sqlite::default();
    let store = sqlite.fresh(&registry);
    ask_in_all_shapes(&world(&store, &registry, "shapes"));
}

/// Two characters are looked for in an index that is read from end to end.
#[test]
fn sqlite_ends_a_scan_that_takes_longer_than_it_may() {
    let registry = Arc::new(Registry::builtin());
    let sqlite = Sqlite::default();
    let store = sqlite.fresh(&registry);
    let world = world(&store, &registry, "scans");
    world.furnish(200, 0);
    for filter in [r#"displayName co "iv""#, r#"userName co "se""#] {
        let ask = |millis: u64| {
            let scan = ScanLimits { documents: u64::MAX, millis };
            let query = Query { scan, ..world.query("User", filter, None, Window::Index { offset: 0, limit: 10 }) };
            let look = Look { token: &world.token, at: LookAt::Query(&query), levels: 0 };
            world.store.look(&world.ctx, &look).map(|looked| looked.page.total)
        };
        assert!(matches!(ask(60_000), Ok(200)), "{filter}: {:?}", ask(60_000));
        // It is over before it has begun.
        assert!(matches!(ask(0), Err(StoreError::TooMany { .. })), "{filter}: {:?}", ask(0));
        // It was one statement that ended, and no more.
        assert!(matches!(ask(60_000), Ok(200)), "{filter}");
    }
}

#[test]
fn sqlite_finds_what_is_asked_for_by_indexes() {
    record_from_now_on();
    let registry = Arc::new(Registry::builtin());
    let sqlite = Sqlite::default();
    let file = sqlite.file();
    let store = Sqlite::at(&file, &registry);
    let world = furnished(&store, &registry);
    let conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // As the store's connections have it.
    conn.register_noarg_sql_function::<diesel::sql_types::BigInt, i64, _>("in_time", false, || 1).unwrap();
    plans(&world, &mut Explainer::Sqlite(conn));
}

mod postgres {
    use super::*;

    /// Sixteen users for each, since small tables are rightly scanned; and what the planner is to
    /// know of them.
    const MANY: &str = "
        INSERT INTO resources (tenant_id, conn, type, id, version, scope, key, external_id, display_key, family_key,
                given_key, present, adoptable, active, created, modified, doc)
            SELECT tenant_id, conn, type, id || n, version, scope, key || n, external_id || n, display_key || n,
                family_key || n, given_key || n, present, adoptable, active, created, modified, doc
            FROM resources CROSS JOIN generate_series(10, 24) n WHERE type = 1;
        INSERT INTO vals SELECT o.tenant_id, v.path, v.folded || right(o.id, 2), o.seq, v.element, v.etype, v.is_primary
            FROM resources o JOIN resources r ON r.tenant_id = o.tenant_id AND r.id = left(o.id, 36)
            JOIN vals v ON v.tenant_id = r.tenant_id AND v.resource = r.seq WHERE length(o.id) = 38;
        INSERT INTO search_grams SELECT o.tenant_id, o.seq, s.grams
            FROM resources o JOIN resources r ON r.tenant_id = o.tenant_id AND r.id = left(o.id, 36)
            JOIN search_grams s ON s.tenant_id = r.tenant_id AND s.resource = r.seq WHERE length(o.id) = 38;
        ANALYZE";

    #[test]
    fn postgres_keeps_no_statement_for_each_shape() {
        let Some(postgres) = Postgres::from_environment() else { return };
        record_from_now_on();
        let registry = Arc::new(Registry::builtin());
        let (store, _) = postgres.fresh(Arc::clone(&registry));
        ask_in_all_shapes(&world(&store, &registry, "shapes"));
        let most = CACHED.get().1;
        assert!(most < 300, "{most} statements were prepared on the server at one time");
    }

    #[test]
    fn postgres_finds_what_is_asked_for_by_indexes() {
        let Some(postgres) = Postgres::from_environment() else { return };
        record_from_now_on();
        let registry = Arc::new(Registry::builtin());
        let (store, name) = postgres.fresh(Arc::clone(&registry));
        let world = furnished(&store, &registry);
        postgres.superuser(Some(&name)).batch_execute(MANY).unwrap();
        let mut conn = postgres.plain_role(&name);
        conn.batch_execute(&format!("SET app.tenant = '{}'", world.ctx.tenant().0)).unwrap();
        plans(&world, &mut Explainer::Postgres(conn));
    }
}
