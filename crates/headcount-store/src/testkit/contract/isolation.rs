//! Tenants are islands: what belongs to another is as if it were not there, for every method.

use std::fmt::{Debug, Write as _};

use headcount_model::{ConnectionKey, EventKind, PublicId, ScopeSet, Seq, TokenId, TokenRecord};
use headcount_token::{PasswordHash, TokenHash};
use serde_json::json;

use super::{EXTENSION, Fixture, World, at, event, find, id, member_ref};
use crate::{
    error::StoreError,
    members::MemberRef,
    query::{Adoptable, Query, View},
    resources::{Lock, NewResource, StoredResource},
    store::{Abort, StoreExt, Txn},
    tenants::{Conflict, ConnectionChange},
};

/// The same data in every tenant: the same ids, names and values.
fn furnish(world: &World) {
    for n in 1..=3 {
        world.user(
            n,
            &json!({
                "userName": format!("user{n}"), "externalId": format!("ext{n}"), "active": true,
                "emails": [{"value": "same@example.com"}], EXTENSION: {"badge": format!("b{n}")},
            }),
        );
    }
    world.insert(&world.adoptable("User", 4, &json!({"userName": "waits"})));
    let group = world.group(10);
    let users = world.run(&world.query("User", "")).unwrap().resources;
    world.add(&group, &users.iter().collect::<Vec<_>>());
    world.write(|txn| txn.append(&event(EventKind::Create, Some(("User", id(1))), 1))).unwrap();
}

/// What only one tenant has.
struct Theirs {
    user: StoredResource,
    group: StoredResource,
    deleted: PublicId,
    connection: ConnectionKey,
    token: TokenId,
    names: [&'static str; 3],
}

pub(super) fn token(world: &World, name: &str) -> TokenRecord {
    TokenRecord {
        id: TokenId::from_text(name),
        tenant: world.tenant.key,
        connection: world.connection,
        name: String::new(),
        scopes: ScopeSet::default(),
        created: at(1),
        made_by: "command line".to_owned(),
        lifetime_s: None,
        expires: None,
        last_used: None,
        revoked: None,
    }
}

fn theirs(world: &World) -> Theirs {
    let user = world.user(77, &json!({
        "userName": "theirs", "externalId": "theirs", "title": "theirs", "emails": [{"value": "theirs@example.com"}],
    }));
    let group = world.insert(&world.new_resource("Group", 78, &json!({"displayName": "their group"})));
    world.insert(&world.adoptable("Group", 80, &json!({"displayName": "their waiting"})));
    let gone = world.user(79, &json!({"userName": "gone"}));
    world.add(&group, &[&user, &gone]);
    world.delete(&gone).unwrap();
    let record = token(world, "theirsAAAAAA");
    world
        .write(|txn| {
            txn.insert_token(&record, &TokenHash::from_stored("hash"))?;
            txn.set_password(user.seq, Some(&PasswordHash::from_stored("their hash")))?;
            txn.note_unmatched(group.seq, &["nobody"], at(5))?;
            txn.record_conflict(&conflict(world.connection)).map(|_| ())
        })
        .unwrap();
    Theirs {
        user: world.load(user.seq).unwrap(),
        group: world.load(group.seq).unwrap(),
        deleted: id(79),
        connection: world.connection,
        token: record.id,
        names: ["theirs", "their group", "their waiting"],
    }
}

/// What nobody has.
fn nobodys(theirs: &Theirs) -> Theirs {
    let absent = |resource: &StoredResource, n: i64| StoredResource {
        seq: Seq(i64::MAX - n),
        id: id(0xfff0 + u32::try_from(n).unwrap()),
        owner: ConnectionKey(i64::MAX - 10),
        ..resource.clone()
    };
    Theirs {
        user: absent(&theirs.user, 1),
        group: absent(&theirs.group, 2),
        deleted: id(0xffff),
        connection: ConnectionKey(i64::MAX - 10),
        token: TokenId::from_text("nobodysAAAAA"),
        names: ["no name", "no group", "no waiting"],
    }
}

fn conflict(connection: ConnectionKey) -> Conflict {
    Conflict {
        connection,
        attribute: "userName".to_owned(),
        kind: "taken_elsewhere".to_owned(),
        resource: None,
        refused: "x".to_owned(),
        first_seen: at(1),
        last_seen: at(1),
        times: 1,
    }
}

/// Everything that a tenant has, as text.
fn dump(world: &World) -> String {
    world.settle();
    let mut text = String::new();
    world
        .read(|txn| {
            let mut all = String::new();
            let mut note = |what: &dyn Debug| writeln!(all, "{what:?}").unwrap();
            note(&txn.tenant()?);
            note(&txn.connections()?);
            note(&txn.tokens()?);
            note(&txn.conflicts(100)?);
            note(&txn.events(0, 1_000)?);
            for connection in [world.application, world.connection, world.other] {
                let view = View { connection, adoptable: Adoptable::Seen };
                for resource_type in ["User", "Group"] {
                    for filter in ["", "id pr", r#"emails.value eq "same@example.com""#, r#"userName co "e""#] {
                        if resource_type == "Group" && !matches!(filter, "" | "id pr") {
                            continue;
                        }
                        let page = txn.query(&Query { view, ..world.query(resource_type, filter) })?;
                        note(&(page.total, &page.resources));
                        for resource in &page.resources {
                            note(&txn.password(resource.seq)?.map(|hash| hash.as_str().to_owned()));
                            note(&txn.members(resource.seq, None, 100)?);
                            note(&txn.unmatched(resource.seq)?);
                            note(&txn.groups_with_member(resource.seq)?);
                        }
                    }
                }
                for key in ["gone", "user1", "user2"] {
                    note(&txn.find_tombstone("User", connection, key)?);
                }
            }
            text = all;
            Ok(())
        })
        .unwrap();
    text
}

/// A method, called in a transaction of `mine` with what it should not know.
type Attempt = fn(&World, &mut dyn Txn, &Theirs) -> Result<String, StoreError>;

fn shown(value: impl Debug) -> String {
    format!("{value:?}")
}

/// A failure by its own words, without its cause.
fn told(result: Result<String, StoreError>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

/// Every method that takes something by which another tenant's data could be named.
const ATTEMPTS: &[(&str, Attempt)] = &[
    ("find_resource by id", |mine, txn, theirs| {
        let user = txn.find_resource(&mine.view(), "User", theirs.user.id.as_str(), Lock::None)?;
        let group = txn.find_resource(&mine.view(), "Group", theirs.group.id.as_str(), Lock::Shared)?;
        let locked = txn.find_resource(&mine.view(), "User", theirs.user.id.as_str(), Lock::Exclusive)?;
        Ok(shown((user, group, locked)))
    }),
    ("find_resource by their view", |_, txn, theirs| {
        let view = View { connection: theirs.connection, adoptable: Adoptable::Hidden };
        let both = txn.find_resource(&view, "User", id(1).as_str(), Lock::None)?;
        Ok(shown((both, txn.find_resource(&view, "User", theirs.user.id.as_str(), Lock::None)?)))
    }),
    ("load_resources", |_, txn, theirs| Ok(shown(txn.load_resources(&[theirs.user.seq, theirs.group.seq])?))),
    ("query by their view", |mine, txn, theirs| {
        let view = View { connection: theirs.connection, adoptable: Adoptable::Hidden };
        let users = txn.query(&Query { view, ..mine.query("User", "") })?;
        let groups = txn.query(&Query { view, ..mine.query("Group", "displayName pr") })?;
        Ok(shown((users.total, users.resources, groups.total, groups.resources)))
    }),
    ("query users by their values", |mine, txn, theirs| {
        let filters = [
            format!("id eq \"{}\"", theirs.user.id),
            format!("userName eq \"{}\"", theirs.names[0]),
            format!("userName sw \"{}\"", theirs.names[0]),
            format!("externalId eq \"{}\"", theirs.names[0]),
            format!("title eq \"{}\"", theirs.names[0]),
            format!("emails.value eq \"{}@example.com\"", theirs.names[0]),
            format!("groups.value eq \"{}\"", theirs.group.id),
        ];
        let pages = filters.iter().map(|filter| txn.query(&mine.query("User", filter)).map(|page| page.total));
        Ok(shown(pages.collect::<Result<Vec<_>, _>>()?))
    }),
    ("query groups by their values", |mine, txn, theirs| {
        let filters =
            [format!("displayName eq \"{}\"", theirs.names[1]), format!("members.value eq \"{}\"", theirs.user.id)];
        let pages = filters.iter().map(|filter| txn.query(&mine.query("Group", filter)).map(|page| page.total));
        Ok(shown(pages.collect::<Result<Vec<_>, _>>()?))
    }),
    ("key_holder", |_, txn, theirs| {
        let user = txn.key_holder("User", None, theirs.names[0])?;
        Ok(shown((user, txn.key_holder("Group", Some(theirs.connection), theirs.names[1])?)))
    }),
    ("adoptable_holder", |_, txn, theirs| Ok(shown(txn.adoptable_holder("Group", theirs.names[2])?))),
    ("insert_resource with their values", |mine, txn, theirs| {
        let document = json!({"userName": theirs.names[0], "externalId": theirs.names[0]});
        let new = NewResource { id: theirs.user.id.clone(), ..mine.new_resource("User", 1, &document) };
        txn.insert_resource(&new)?;
        Ok("inserted".to_owned())
    }),
    ("update_resource", |mine, txn, theirs| {
        Ok(shown(mine.update_in(txn, &theirs.user, &json!({"userName": "mine now"}), mine.connection, false)?))
    }),
    ("delete_resource", |mine, txn, theirs| {
        txn.delete_resource(&theirs.user, &mine.tombstone(&theirs.user, at(9), Vec::new())).map(shown)
    }),
    ("find_tombstone", |_, txn, theirs| Ok(shown(txn.find_tombstone("User", theirs.connection, "gone")?))),
    ("forget_tombstone", |_, txn, theirs| txn.forget_tombstone(&theirs.deleted).map(shown)),
    ("password", |_, txn, theirs| {
        let hash = txn.password(theirs.user.seq)?;
        Ok(shown(hash.map(|hash| hash.as_str().to_owned())))
    }),
    ("set_password", |_, txn, theirs| {
        txn.set_password(theirs.user.seq, Some(&PasswordHash::from_stored("stolen"))).map(shown)
    }),
    ("set_password: none", |_, txn, theirs| txn.set_password(theirs.user.seq, None).map(shown)),
    ("find_members", |mine, txn, theirs| {
        Ok(shown(txn.find_members(&mine.view(), &[theirs.user.id.as_str(), theirs.group.id.as_str()])?))
    }),
    ("add_members: theirs to mine", |mine, txn, theirs| {
        let group = my_group(mine, txn)?;
        txn.add_members(group.seq, &[member_ref(&theirs.user)]).map(shown)
    }),
    ("add_members: mine to theirs", |mine, txn, theirs| {
        let member = my_user(mine, txn)?;
        txn.add_members(theirs.group.seq, &[member]).map(shown)
    }),
    ("remove_members", |_, txn, theirs| {
        txn.remove_members(theirs.group.seq, &[theirs.user.id.as_str(), id(1).as_str()]).map(shown)
    }),
    ("replace_members: theirs in mine", |mine, txn, theirs| {
        let group = my_group(mine, txn)?;
        txn.replace_members(group.seq, &[member_ref(&theirs.user)]).map(shown)
    }),
    ("replace_members: nobody in theirs", |_, txn, theirs| txn.replace_members(theirs.group.seq, &[]).map(shown)),
    ("members", |_, txn, theirs| Ok(shown(txn.members(theirs.group.seq, None, 100)?))),
    ("members_of", |_, txn, theirs| Ok(shown(txn.members_of(&[theirs.group.seq], 10)?))),
    ("count_members", |_, txn, theirs| Ok(shown(txn.count_members(theirs.group.seq)?))),
    ("groups_of", |mine, txn, theirs| {
        let view = View { connection: theirs.connection, adoptable: Adoptable::Seen };
        let mut found = txn.groups_of(&mine.view(), &[theirs.user.seq], 8)?;
        found.extend(txn.groups_of(&view, &[theirs.user.seq], 1)?);
        Ok(shown(found))
    }),
    ("groups_with_member", |_, txn, theirs| Ok(shown(txn.groups_with_member(theirs.user.seq)?))),
    ("touch_group", |_, txn, theirs| txn.touch_group(theirs.group.seq, at(9)).map(shown)),
    ("note_unmatched", |_, txn, theirs| txn.note_unmatched(theirs.group.seq, &["mine"], at(9)).map(shown)),
    ("unmatched", |_, txn, theirs| Ok(shown(txn.unmatched(theirs.group.seq)?))),
    ("find_connection", |_, txn, theirs| Ok(shown(txn.find_connection(theirs.connection)?))),
    ("change_connection", |_, txn, theirs| {
        let change = ConnectionChange { name: Some("mine now".to_owned()), ..ConnectionChange::default() };
        txn.change_connection(theirs.connection, &change).map(shown)
    }),
    ("record_conflict", |_, txn, theirs| txn.record_conflict(&conflict(theirs.connection)).map(shown)),
    ("credential", |_, txn, theirs| Ok(shown(txn.credential(&theirs.token)?))),
    ("insert_token for their connection", |mine, txn, theirs| {
        let record = TokenRecord { connection: theirs.connection, ..token(mine, "mineAAAAAAAA") };
        let result = txn.insert_token(&record, &TokenHash::from_stored("hash"));
        assert!(result.is_err(), "a token of a connection that this tenant has not");
        result.map(shown)
    }),
    ("revoke_token", |_, txn, theirs| txn.revoke_token(&theirs.token, at(9)).map(shown)),
    ("expire_token", |_, txn, theirs| txn.expire_token(&theirs.token, Some(at(9))).map(shown)),
    ("use_token", |_, txn, theirs| txn.use_token(&theirs.token, at(9)).map(shown)),
];

fn my_group(mine: &World, txn: &mut dyn Txn) -> Result<StoredResource, StoreError> {
    txn.find_resource(&mine.view(), "Group", id(10).as_str(), Lock::Exclusive)?.ok_or(StoreError::NotFound)
}

fn my_user(mine: &World, txn: &mut dyn Txn) -> Result<MemberRef, StoreError> {
    let user = txn.find_resource(&mine.view(), "User", id(1).as_str(), Lock::None)?;
    user.as_ref().map(member_ref).ok_or(StoreError::NotFound)
}

/// Whatever is asked for by what another tenant has is answered like what nobody has, and changes
/// nothing there.
pub fn what_another_tenant_has_is_as_if_absent(fixture: &dyn Fixture) {
    let (mine, other) = World::pair(fixture);
    furnish(&mine);
    furnish(&other);
    let theirs = theirs(&other);
    let nobodys = nobodys(&theirs);
    let before = dump(&other);
    for (name, attempt) in ATTEMPTS {
        let mine_before = dump(&mine);
        let answer = |of: &Theirs| {
            let mut answer = String::new();
            // Rolled back, so that each attempt finds the same.
            let ended: Result<(), Abort<()>> = mine.store.writing(&mine.ctx, |txn| {
                answer = attempt(&mine, txn, of)?;
                Err(Abort::Refuse(()))
            });
            match ended {
                Err(Abort::Store(error)) => told(Err(error)),
                _ => answer,
            }
        };
        assert_eq!(answer(&theirs), answer(&nobodys), "{name}");
        assert_eq!(dump(&mine), mine_before, "{name}");
        // Now kept, where the store lets it.
        let _ = mine.write(|txn| attempt(&mine, txn, &theirs));
        assert_eq!(dump(&other), before, "{name}");
        // And in a read.
        let _ = mine.read(|txn| attempt(&mine, txn, &theirs));
        restore(&mine, &theirs);
    }
    assert_eq!(dump(&other), before);
    assert_eq!(other.store.find_token(&theirs.token).unwrap().map(|binding| binding.tenant), Some(other.tenant.key));
}

/// Undoes what an attempt may rightly have kept in its own tenant: a user with the same values as
/// theirs, an emptied list.
fn restore(mine: &World, theirs: &Theirs) {
    if let Some(user) = find(mine, mine.view(), "User", &theirs.user.id) {
        mine.delete(&user).unwrap();
        mine.write(|txn| txn.forget_tombstone(&user.id)).unwrap();
    }
}

/// What lists a whole tenant lists that tenant only, though all have the same.
pub fn lists_hold_the_tenants_own_only(fixture: &dyn Fixture) {
    let (mine, other) = World::pair(fixture);
    furnish(&mine);
    let alone = dump(&mine);
    furnish(&other);
    theirs(&other);
    assert_eq!(dump(&mine), alone);
    let numbers: Vec<i64> = other.events().into_iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1], "numbers are the tenant's own");
    assert_eq!(mine.read(|txn| txn.tenant()).unwrap().key, mine.tenant.key);
    assert_eq!(mine.read(|txn| txn.connections()).unwrap().len(), 3);
    assert_eq!(mine.read(|txn| txn.tokens()).unwrap(), []);
    assert_eq!(mine.read(|txn| txn.conflicts(10)).unwrap(), []);
}

/// Changing and deleting what has the same ids and names in both changes one tenant only.
pub fn same_ids_and_names_are_apart(fixture: &dyn Fixture) {
    let (mine, other) = World::pair(fixture);
    furnish(&mine);
    furnish(&other);
    let before = dump(&other);
    let user = |n: u32| find(&mine, mine.view(), "User", &id(n)).unwrap();
    let group = find(&mine, mine.view(), "Group", &id(10)).unwrap();
    mine.update(&user(1), &json!({"userName": "renamed", EXTENSION: {"badge": "b9"}}), mine.connection, false).unwrap();
    mine.update(&user(4), &json!({"userName": "waits"}), mine.connection, false).unwrap();
    mine.delete(&user(2)).unwrap();
    mine.write(|txn| {
        txn.touch_group(group.seq, at(700))?;
        txn.remove_members(group.seq, &[id(1).as_str()])?;
        txn.note_unmatched(group.seq, &["nobody"], at(700))?;
        txn.append(&event(EventKind::Patch, Some(("Group", id(10))), 3))?;
        txn.record_conflict(&conflict(mine.connection))?;
        txn.insert_token(&token(&mine, "mineAAAAAAAA"), &TokenHash::from_stored("hash"))
    })
    .unwrap();
    let loaded = mine.load(group.seq).unwrap();
    mine.delete(&loaded).unwrap();
    assert_eq!(dump(&other), before);
    assert_eq!(mine.ids("User", ""), [1, 3, 4].map(id));
    // And a name freed in one is still taken in the other.
    mine.user(2, &json!({"userName": "user2"}));
    let again = other.new_resource("User", 20, &json!({"userName": "user2"}));
    super::assert_taken(other.write(|txn| txn.insert_resource(&again)), "userName");
    assert_eq!(dump(&other), before);
}

/// A foreign token cannot be made again, nor one for another tenant.
pub fn token_ids_and_bindings_are_safe_from_other_tenants(fixture: &dyn Fixture) {
    let (mine, other) = World::pair(fixture);
    let record = token(&other, "theirsAAAAAA");
    other.write(|txn| txn.insert_token(&record, &TokenHash::from_stored("theirs"))).unwrap();
    let same = TokenRecord { id: record.id.clone(), ..token(&mine, "x") };
    let result = mine.write(|txn| txn.insert_token(&same, &TokenHash::from_stored("mine")));
    assert!(matches!(result, Err(StoreError::Unique { .. })), "{result:?}");
    let elsewhere = TokenRecord { id: TokenId::from_text("mineAAAAAAAA"), ..record.clone() };
    assert!(mine.write(|txn| txn.insert_token(&elsewhere, &TokenHash::from_stored("mine"))).is_err());
    assert_eq!(mine.store.find_token(&elsewhere.id).unwrap(), None);
    let binding = mine.store.find_token(&record.id).unwrap().unwrap();
    assert_eq!((binding.tenant, binding.hash.as_str()), (other.tenant.key, "theirs"));
    assert_eq!(mine.read(|txn| txn.tokens()).unwrap(), []);
    assert_eq!(other.read(|txn| txn.tokens()).unwrap(), [record]);
}
