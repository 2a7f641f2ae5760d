//! Acts: one goes as its transaction goes.

use std::collections::BTreeMap;

use headcount_model::{
    Actor, ConnectionKey, ConnectionState, Event, EventKind, PublicId, Timestamp, TokenId, TokenRecord,
};
use headcount_token::TokenHash;
use serde_json::{Value, json};

use super::{EXTENSION, Fixture, POLICY, World, at, concurrency::together, event, find, id, isolation, member_ref};
use crate::{
    act::{self, Act, Change, Done, Put},
    error::StoreError,
    events::verify_chain,
    query::{Adoptable, View},
    resources::{Lock, NewResource, StoredResource, Update},
    store::{Abort, StoreExt},
    tenants::{ConnectionChange, TenantChange},
    tokens::Standing,
};

/// A world that is asked with a token.
struct Asked {
    world: World,
    token: TokenId,
}

impl Asked {
    fn of(world: World) -> Self {
        let name = format!("{}-token", world.tenant.slug);
        let record = TokenRecord { expires: Some(at(100_000)), ..isolation::token(&world, &name) };
        let token = record.id.clone();
        world.write(|txn| txn.insert_token(&record, &TokenHash::from_stored("x"))).unwrap();
        Self { world, token }
    }

    fn new(fixture: &dyn Fixture) -> Self {
        Self::of(World::new(fixture))
    }

    fn standing(&self) -> Standing {
        self.world.read(|txn| txn.standing(&self.token)).unwrap().unwrap()
    }

    /// Does an act, in one go or in a transaction.
    fn act(&self, way: Way, standing: &Standing, change: Change<'_>, event: &Event) -> Result<Done, StoreError> {
        let act = Act { token: &self.token, standing, change, event };
        for _ in 0..1_000 {
            let done = match way {
                Way::InOne => self.world.store.act(&self.world.ctx, &act),
                Way::Through => act::through(&*self.world.store, &self.world.ctx, &act),
            };
            match done {
                Err(StoreError::Busy(_)) => {}
                done => return done,
            }
        }
        panic!("the store stayed busy for a thousand attempts");
    }

    fn insert(&self, way: Way, new: &NewResource) -> Result<Done, StoreError> {
        let event = event(EventKind::Create, Some((&new.resource_type, new.id.clone())), new.version);
        self.act(way, &self.standing(), Change::Insert(new), &event)
    }

    fn update(&self, way: Way, before: &StoredResource, document: &Value) -> Result<Done, StoreError> {
        let document = document.to_string();
        let kind = &before.resource_type;
        let update = Update {
            before,
            index_before: &self.world.form(kind, &before.document, POLICY),
            owner: before.owner,
            adoptable: before.adoptable,
            modified: at(5_000).max(before.modified),
            index: &self.world.form(kind, &document, POLICY),
            document,
        };
        let event = event(EventKind::Patch, Some((kind, before.id.clone())), 0);
        self.act(way, &self.standing(), Change::Update(&update), &event)
    }

    fn put(&self, way: Way, group: &str, member: &str, put: Put, when: Timestamp) -> Result<Done, StoreError> {
        self.put_beyond(way, group, member, put, when, None)
    }

    fn put_beyond(
        &self,
        way: Way,
        group: &str,
        member: &str,
        put: Put,
        when: Timestamp,
        beyond: Option<u64>,
    ) -> Result<Done, StoreError> {
        let (kind, view) = match put {
            Put::In => (EventKind::MemberAdded, Adoptable::Seen),
            Put::Out => (EventKind::MemberRemoved, Adoptable::Hidden),
        };
        let view = View { adoptable: view, ..self.world.view() };
        let change = Change::Member { view: &view, resource_type: "Group", group, member, put, at: when, beyond };
        let event = Event {
            detail: Some(json!({"members": [member]}).to_string()),
            ..event(kind, Some(("Group", PublicId::from_text(group))), 0)
        };
        self.act(way, &self.standing(), change, &event)
    }

    /// Everything that can be told apart from outside.
    fn state(&self) -> State {
        let world = &self.world;
        let mut resources = BTreeMap::new();
        let mut totals = Vec::new();
        let owners = [world.connection, world.other, world.application];
        for owner in owners {
            let view = View { connection: owner, adoptable: Adoptable::Hidden };
            for kind in ["User", "Group", "Device"] {
                let page = world.run(&crate::query::Query { view, ..world.query(kind, "") }).unwrap();
                totals.push((kind, page.total, world.total(view, kind), world.total(world.view(), kind)));
                for resource in page.resources {
                    let members = if kind == "Group" { world.member_ids(&resource) } else { Vec::new() };
                    let position = owners.iter().position(|other| *other == resource.owner);
                    let row = (position, resource.version, resource.modified, resource.document.to_string(), members);
                    resources.insert(resource.id, (resource.adoptable, row));
                }
            }
        }
        let mut found = Vec::new();
        for n in 0..NAMES {
            for filter in [
                format!("emails.value eq \"mail{n}@example.com\""),
                format!("emails[type eq \"work\" and value eq \"mail{n}@example.com\"]"),
                format!("{EXTENSION}:badge eq \"badge{n}\""),
                format!("userName eq \"name{n}\" or externalId eq \"external{n}\""),
                format!("displayName eq \"Name {n}\" and active eq true"),
            ] {
                found.push((world.ids("User", &filter), filter));
            }
        }
        let events = world.events();
        verify_chain(None, &events).unwrap();
        let journal = events.into_iter().map(|entry| {
            (entry.number, entry.at, entry.kind, entry.resource, entry.version, entry.paths, entry.detail)
        });
        State { resources, totals, found, journal: journal.collect() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    InOne,
    Through,
}

type Row = (Option<usize>, i64, Timestamp, String, Vec<PublicId>);
type Entry = (i64, Timestamp, String, Option<(String, String)>, i64, Vec<String>, Option<String>);

#[derive(PartialEq, Debug)]
struct State {
    resources: BTreeMap<PublicId, (bool, Row)>,
    totals: Vec<(&'static str, u64, u64, u64)>,
    found: Vec<(Vec<PublicId>, String)>,
    journal: Vec<Entry>,
}

/// What became of an act, without the row's number, which the store chooses.
fn outline(result: Result<Done, StoreError>) -> Result<&'static str, String> {
    match result {
        Ok(Done::Inserted(_)) => Ok("inserted"),
        Ok(Done::Updated(_)) => Ok("updated"),
        Ok(Done::Moved | Done::MovedAmongMany(_)) => Ok("moved"),
        Ok(Done::Unmoved) => Ok("unmoved"),
        Ok(Done::Otherwise) => Ok("otherwise"),
        Err(StoreError::Unique { attribute }) => Err(attribute),
        Err(other) => panic!("{other:?}"),
    }
}

/// Numbers that only look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(sides)).unwrap()
    }
}

const NAMES: u32 = 4;

fn document(kind: &str, dice: &mut Dice) -> Value {
    let n = dice.roll(NAMES);
    if kind != "User" {
        return json!({"displayName": format!("Name {n}"), "externalId": format!("{kind}{}", dice.roll(40))});
    }
    let mut document = json!({"userName": format!("name{}", dice.roll(3 * NAMES)), "displayName": format!("Name {n}")});
    let emails = (0..dice.roll(4)).map(|_| {
        let kind = ["work", "home"][usize::try_from(dice.roll(2)).unwrap()];
        json!({"value": format!("Mail{}@example.com", dice.roll(NAMES)), "type": kind, "primary": false})
    });
    document["emails"] = emails.collect();
    if dice.roll(2) == 0 {
        document["active"] = json!(dice.roll(2) == 0);
    }
    if dice.roll(3) == 0 {
        document["externalId"] = json!(format!("external{}", dice.roll(NAMES)));
    }
    if dice.roll(4) == 0 {
        document[EXTENSION] = json!({"badge": format!("badge{}", dice.roll(NAMES))});
    }
    document
}

/// One random step in one of the worlds; every number is rolled before anything is asked.
fn step(asked: &Asked, way: Way, n: u32, dice: &mut Dice) -> Result<&'static str, String> {
    let world = &asked.world;
    let kind = ["User", "User", "User", "Group"][usize::try_from(dice.roll(4)).unwrap()];
    let after = document(kind, dice);
    let (some, other, chance) = (id(1 + dice.roll(n.min(24) + 1)), id(1 + dice.roll(n.min(24) + 1)), dice.roll(20));
    let view = world.view();
    match dice.roll(10) {
        0..3 => {
            let new = world.new_resource(kind, n + 1, &after);
            let new = match chance {
                0..3 => NewResource { owner: world.application, adoptable: true, ..new },
                3..6 => NewResource { owner: world.other, index: new.index, ..new },
                _ => new,
            };
            outline(asked.insert(way, &new))
        }
        3..6 => {
            let Some(before) = find(world, view, "User", &some).or_else(|| find(world, view, "Group", &some)) else {
                return Ok("nothing to update");
            };
            let before = if chance == 0 { StoredResource { version: before.version + 1, ..before } } else { before };
            let unchanged = serde_json::from_str(&before.document).unwrap();
            let after = match (chance, before.resource_type == kind) {
                (1..3, _) | (_, false) => unchanged,
                _ => after,
            };
            outline(asked.update(way, &before, &after))
        }
        6..9 => {
            let put = if chance % 3 == 0 { Put::Out } else { Put::In };
            outline(asked.put(way, some.as_str(), other.as_str(), put, at(i64::from(4_000 + n * (chance % 2)))))
        }
        _ => {
            let Some(user) = find(world, view, "User", &some) else { return Ok("nothing to delete") };
            world.delete(&user).unwrap();
            Ok("deleted")
        }
    }
}

/// The same acts leave the same behind, done in one go or in transactions.
pub fn acts_go_as_their_transactions_go(fixture: &dyn Fixture) {
    const STEPS: u32 = 120;
    let mut met = BTreeMap::<String, u32>::new();
    for seed in 0..3 {
        let (first, second) = World::pair(fixture);
        let (first, second) = (Asked::of(first), Asked::of(second));
        let (mut dice, mut again) = (Dice(seed), Dice(seed));
        for n in 0..STEPS {
            let went = step(&first, Way::InOne, n, &mut dice);
            assert_eq!(went, step(&second, Way::Through, n, &mut again), "seed {seed}, step {n}");
            *met.entry(format!("{went:?}")).or_default() += 1;
            assert_eq!(dice.0, again.0, "seed {seed}, step {n}");
        }
        let (left, right) = (first.state(), second.state());
        assert_eq!(left.resources, right.resources, "seed {seed}");
        assert_eq!(left.journal, right.journal, "seed {seed}");
        assert_eq!(left, right, "seed {seed}");
    }
    for outcome in ["inserted", "updated", "moved", "unmoved", "otherwise", "deleted"] {
        assert!(met.contains_key(&format!("Ok({outcome:?})")), "no step was {outcome}: {met:?}");
    }
    for taken in ["userName", "displayName", "externalId"] {
        assert!(met.contains_key(&format!("Err({taken:?})")), "{taken} was never taken: {met:?}");
    }
}

/// A token whose standing differs in anything that decides acts on nothing.
pub fn acts_need_the_standing_that_was_known(fixture: &dyn Fixture) {
    let asked = Asked::new(fixture);
    let world = &asked.world;
    let (user, group) = (world.named_user(1), world.group(2));
    let new = world.new_resource("User", 3, &json!({"userName": "new"}));
    let after = json!({"userName": "user1", "title": "after"}).to_string();
    let (index_before, index) = (world.form("User", &user.document, POLICY), world.form("User", &after, POLICY));
    let update = Update {
        before: &user,
        index_before: &index_before,
        owner: user.owner,
        adoptable: false,
        modified: at(5_000),
        document: after,
        index: &index,
    };
    let view = world.view();
    let (group_id, member) = (group.id.as_str(), user.id.as_str());
    let moving = |put| Change::Member {
        view: &view,
        resource_type: "Group",
        group: group_id,
        member,
        put,
        at: at(5_000),
        beyond: None,
    };
    let changes = [Change::Insert(&new), Change::Update(&update), moving(Put::In), moving(Put::Out)];
    let refused = |standing: &Standing, what: &str| {
        for change in changes {
            let event = event(EventKind::Create, Some(("User", id(3))), 1);
            let done = asked.act(Way::InOne, standing, change, &event).unwrap();
            assert_eq!(done, Done::Otherwise, "{what}: {change:?}");
        }
    };
    let known = asked.standing();
    refused(&Standing { expires: None, ..known }, "no end");
    refused(&Standing { expires: Some(at(99_999)), ..known }, "another end");
    refused(&Standing { revoked: Some(at(1)), ..known }, "was revoked");
    refused(&Standing { connection_revision: known.connection_revision + 1, ..known }, "another connection");
    refused(&Standing { tenant_revision: known.tenant_revision - 1, ..known }, "another tenant");
    let off = ConnectionChange { state: Some(ConnectionState::Off), ..ConnectionChange::default() };
    world.write(|txn| txn.change_connection(world.connection, &off)).unwrap();
    refused(&known, "the connection changed");
    let known = asked.standing();
    world.write(|txn| txn.change_tenant(&TenantChange { entitled: Some(false), ..TenantChange::default() })).unwrap();
    refused(&known, "the tenant changed");
    let known = asked.standing();
    world.write(|txn| txn.expire_token(&asked.token, Some(at(70)))).unwrap();
    refused(&known, "the token ends");
    let known = asked.standing();
    world.write(|txn| txn.revoke_token(&asked.token, at(80))).unwrap();
    refused(&known, "the token was revoked");
    let known = asked.standing();
    let created = event(EventKind::Create, None, 1);
    let nobody = TokenId::from_text("nobody");
    let act = Act { token: &nobody, standing: &known, change: Change::Insert(&new), event: &created };
    assert_eq!(world.store.act(&world.ctx, &act).unwrap(), Done::Otherwise, "no such token");
    assert_eq!(world.events(), [], "nothing was written");
    assert_eq!(world.load(user.seq), Some(user));
    assert_eq!(world.load(group.seq), Some(group));
    // The note of the last use decides nothing.
    let known = Standing { last_used: Some(at(7)), ..known };
    let insert = asked.act(Way::InOne, &known, Change::Insert(&new), &created);
    assert!(matches!(insert, Ok(Done::Inserted(_))), "{insert:?}");
}

/// A tombstone of the owner, type and key is left to the long way.
pub fn acts_leave_tombstones_alone(fixture: &dyn Fixture) {
    let asked = Asked::new(fixture);
    let world = &asked.world;
    world.delete(&world.user(1, &json!({"userName": "Gone"}))).unwrap();
    let again = world.new_resource("User", 2, &json!({"userName": "gone"}));
    assert_eq!(asked.insert(Way::InOne, &again).unwrap(), Done::Otherwise);
    let elsewhere = NewResource { owner: world.other, ..world.new_resource("User", 3, &json!({"userName": "gone"})) };
    assert!(matches!(asked.insert(Way::InOne, &elsewhere), Ok(Done::Inserted(_))));
}

/// Members are moved in groups that the connection owns, and only those that the view shows.
pub fn acts_move_members_of_own_groups_only(fixture: &dyn Fixture) {
    let asked = Asked::new(fixture);
    let world = &asked.world;
    let user = world.named_user(1);
    let hidden = NewResource { owner: world.other, ..world.new_resource("User", 2, &json!({"userName": "hidden"})) };
    let hidden = world.insert(&hidden);
    let waiting = world.insert(&world.adoptable("User", 3, &json!({"userName": "waiting"})));
    let own = world.group(4);
    let owned = |n, owner: ConnectionKey, adoptable| {
        let new = world.new_resource("Group", n, &json!({"displayName": format!("Group {n}")}));
        world.insert(&NewResource { owner, adoptable, ..new })
    };
    let foreign = owned(5, world.other, false);
    let adoptable = owned(6, world.application, true);
    let cases = [
        (&own, user.id.as_str(), Put::In, Done::Moved),
        (&own, user.id.as_str(), Put::In, Done::Unmoved),
        (&own, hidden.id.as_str(), Put::In, Done::Otherwise),
        (&own, waiting.id.as_str(), Put::In, Done::Moved),
        (&own, own.id.as_str(), Put::In, Done::Moved),
        (&own, "nobody", Put::In, Done::Otherwise),
        (&own, "no\0body", Put::In, Done::Otherwise),
        (&own, "nobody", Put::Out, Done::Unmoved),
        (&own, "no\0body", Put::Out, Done::Unmoved),
        (&own, hidden.id.as_str(), Put::Out, Done::Unmoved),
        (&own, waiting.id.as_str(), Put::Out, Done::Moved),
        (&own, user.id.as_str(), Put::Out, Done::Moved),
        (&own, user.id.as_str(), Put::Out, Done::Unmoved),
        (&foreign, user.id.as_str(), Put::In, Done::Otherwise),
        (&foreign, user.id.as_str(), Put::Out, Done::Otherwise),
        (&adoptable, user.id.as_str(), Put::In, Done::Otherwise),
        (&adoptable, user.id.as_str(), Put::Out, Done::Otherwise),
        (&user, user.id.as_str(), Put::In, Done::Otherwise),
    ];
    let mut moved = 0;
    for (group, member, put, expected) in cases {
        let done = asked.put(Way::InOne, group.id.as_str(), member, put, at(4_000)).unwrap();
        assert_eq!(done, expected, "{member} {put:?} {}", group.id);
        moved += i64::from(expected == Done::Moved);
    }
    let after = world.load(own.seq).unwrap();
    assert_eq!((after.version, after.modified), (own.version + moved, at(4_000)));
    assert_eq!(world.member_ids(&own), std::slice::from_ref(&own.id));
    let versions: Vec<i64> = world.events().iter().map(|entry| entry.version).collect();
    assert_eq!(versions, (own.version + 1..=own.version + moved).collect::<Vec<_>>());
    // The time of a group never goes back.
    assert_eq!(asked.put(Way::InOne, own.id.as_str(), user.id.as_str(), Put::In, at(9)).unwrap(), Done::Moved);
    assert_eq!(world.load(own.seq).unwrap().modified, at(4_000));
    // The group has two members now, then one, then two again.
    for (put, beyond, is_large) in [(Put::Out, 0, true), (Put::In, 2, false), (Put::Out, 1, false), (Put::In, 1, true)]
    {
        let (group, member) = (own.id.as_str(), user.id.as_str());
        let done = asked.put_beyond(Way::InOne, group, member, put, at(4_000), Some(beyond)).unwrap();
        let version = world.load(own.seq).unwrap().version;
        let may_say = is_large && done == Done::MovedAmongMany(version);
        assert!(may_say || done == Done::Moved, "{put:?} beyond {beyond}: {done:?}");
    }
    // What other work puts in and takes out in between counts.
    let others = [71, 72].map(|n| world.user(n, &json!({"userName": format!("Other {n}")})));
    let ids = others.each_ref().map(|other| other.id.as_str());
    world.add(&own, &others.each_ref());
    for (put, beyond) in [(Put::Out, 2), (Put::In, 2)] {
        let done =
            asked.put_beyond(Way::InOne, own.id.as_str(), user.id.as_str(), put, at(4_000), Some(beyond)).unwrap();
        let is_large = world.member_ids(&own).len() > 2;
        assert_eq!(is_large, put == Put::Out);
        assert!(done == Done::Moved || is_large, "{put:?}: {done:?}");
        world.write(|txn| txn.remove_members(own.seq, &ids)).unwrap();
    }
}

/// What an act says of a group's size holds whatever was done to the group before, and by whom.
pub fn acts_call_a_group_large_only_while_it_is(fixture: &dyn Fixture) {
    const BEYOND: u64 = 6;
    let asked = Asked::new(fixture);
    let world = &asked.world;
    let group = world.group(100);
    let users: Vec<_> = (1..=12).map(|n| world.named_user(n)).collect();
    let mut dice = Dice(7);
    let mut roll = |sides| usize::try_from(dice.roll(sides)).unwrap();
    let mut deleted = 0;
    for step in 0..160 {
        let user = &users[deleted + roll(12 - u32::try_from(deleted).unwrap())];
        match roll(12) {
            0 => {
                // Another list, and with it all members at once or few.
                let wanted: Vec<_> = users[deleted..].iter().filter(|_| roll(4) > 0).map(member_ref).collect();
                let wanted = if roll(2) == 0 { wanted } else { Vec::new() };
                let replaced = world.insist(|txn| {
                    txn.replace_members(group.seq, &wanted)?;
                    txn.touch_group(group.seq, at(5_000))
                });
                replaced.unwrap();
            }
            1 if step % 20 == 19 && deleted < 4 => {
                let gone = &users[deleted];
                world.delete(gone).unwrap();
                deleted += 1;
            }
            n => {
                let put = if n % 3 == 0 { Put::Out } else { Put::In };
                let (group_id, member) = (group.id.as_str(), user.id.as_str());
                let done = asked.put_beyond(Way::InOne, group_id, member, put, at(6_000), Some(BEYOND)).unwrap();
                let count = u64::try_from(world.member_ids(&group).len()).unwrap();
                let version = world.load(group.seq).unwrap().version;
                let may_say = done == Done::MovedAmongMany(version) && count > BEYOND;
                assert!(may_say || matches!(done, Done::Moved | Done::Unmoved), "step {step}, {count}: {done:?}");
            }
        }
    }
}

/// Of many acts that insert one name, one wins.
pub fn concurrent_acts_of_one_name_have_one_winner(fixture: &dyn Fixture) {
    let asked = Asked::new(fixture);
    let world = &asked.world;
    for round in 0..3 {
        let results = together(32, |n| {
            let document = json!({"userName": format!("Name {round}"), "emails": [{"value": "x@example.com"}]});
            outline(asked.insert(Way::InOne, &world.new_resource("User", 100 * (round + 1) + n, &document)))
        });
        assert_eq!(results.iter().filter(|result| **result == Ok("inserted")).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|result| **result == Err("userName".to_owned())).count(), 31, "{results:?}");
    }
    assert_eq!(world.ids("User", "emails.value eq \"x@example.com\"").len(), 3);
    assert_eq!(world.total(world.view(), "User"), 3);
    let events = world.events();
    verify_chain(None, &events).unwrap();
    assert_eq!(events.len(), 3);
}

/// Members that many acts put in and out of one group are neither lost nor doubled.
pub fn concurrent_acts_lose_no_member(fixture: &dyn Fixture) {
    const THREADS: u32 = 16;
    const EACH: u32 = 4;
    let asked = Asked::new(fixture);
    let world = &asked.world;
    let group = world.group(9_000);
    let users: Vec<_> = (0..2 * THREADS * EACH).map(|n| world.named_user(n + 1)).collect();
    let (incoming, outgoing) = users.split_at(usize::try_from(THREADS * EACH).unwrap());
    world.add(&group, &outgoing.iter().collect::<Vec<_>>());
    let before = world.load(group.seq).unwrap().version;
    together(THREADS, |thread| {
        for step in 0..EACH {
            let position = usize::try_from(thread * EACH + step).unwrap();
            let moves = [(&incoming[position], Put::In), (&outgoing[position], Put::Out)];
            for (user, put) in moves {
                let done = asked.put(Way::InOne, group.id.as_str(), user.id.as_str(), put, at(4_000));
                assert_eq!(done.unwrap(), Done::Moved);
            }
        }
    });
    let mut members = world.member_ids(&group);
    members.sort();
    assert_eq!(members, incoming.iter().map(|user| user.id.clone()).collect::<Vec<_>>());
    let moved = i64::from(2 * THREADS * EACH);
    assert_eq!(world.load(group.seq).unwrap().version, before + moved);
    let events = world.events();
    verify_chain(None, &events).unwrap();
    let versions: Vec<i64> = events.iter().map(|entry| entry.version).collect();
    assert!(versions.is_sorted_by(|left, right| left < right), "no two states share a version: {versions:?}");
    assert_eq!(i64::try_from(events.len()).unwrap(), moved);
}

/// Acts, transactions that are kept, and such that are undone in whole or in part, side by side.
pub fn concurrent_acts_and_transactions_keep_totals_and_journal_true(fixture: &dyn Fixture) {
    const THREADS: u32 = 8;
    const EACH: u32 = 12;
    let (first, second) = World::pair(fixture);
    let asked = [Asked::of(first), Asked::of(second)];
    together(THREADS, |thread| {
        let asked = &asked[usize::try_from(thread % 2).unwrap()];
        let world = &asked.world;
        for step in 0..EACH {
            let n = thread * EACH + step + 1;
            let new = world.new_resource("User", n, &json!({"userName": format!("user{n}")}));
            let insert = |txn: &mut dyn crate::Txn, new: &NewResource| {
                txn.insert_resource(new)?;
                txn.append(&event(EventKind::Create, Some(("User", new.id.clone())), 1))
            };
            match step % 4 {
                0 | 1 => assert_eq!(outline(asked.insert(Way::InOne, &new)), Ok("inserted")),
                2 => loop {
                    let undone: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
                        insert(txn, &new)?;
                        Err(Abort::Refuse(()))
                    });
                    match undone {
                        Err(Abort::Store(StoreError::Busy(_))) => {}
                        Err(Abort::Refuse(())) => break,
                        other => panic!("{other:?}"),
                    }
                },
                _ => {
                    let undone = world.new_resource("User", n + 1_000, &json!({"userName": format!("undone{n}")}));
                    let kept = world.insist(|txn| {
                        insert(txn, &new)?;
                        txn.nested(&mut |txn| {
                            insert(txn, &undone)?;
                            Ok(crate::Verdict::Rollback)
                        })?;
                        let found = txn.find_resource(&world.view(), "User", new.id.as_str(), Lock::None)?;
                        let total = txn.query(&world.query("User", ""))?.total;
                        Ok((found.is_some(), total > 0))
                    });
                    assert_eq!(kept.unwrap(), (true, true));
                }
            }
        }
    });
    for Asked { world, .. } in &asked {
        assert_eq!(world.ids("User", "").len(), 36);
        assert_eq!(world.total(world.view(), "User"), 36);
        let events = world.events();
        verify_chain(None, &events).unwrap();
        assert_eq!(events.len(), 36);
        assert!(events.iter().all(|entry| entry.actor == Actor::CommandLine.to_text()));
    }
}
