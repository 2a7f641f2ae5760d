//! Memberships.

use std::collections::BTreeSet;

use headcount_model::{PublicId, Seq};
use serde_json::json;

use super::{Fixture, World, assert_not_found, at, find, id, member_ref};
use crate::{
    members::{GroupOf, MemberIds, MemberRef, MembershipChange},
    resources::StoredResource,
};

fn users(world: &World, count: u32) -> Vec<StoredResource> {
    // The ids fall while the sequences rise, so that no order passes for another.
    (1..=count).map(|n| world.named_user(1_000 - n)).collect()
}

fn refs(resources: &[StoredResource]) -> Vec<MemberRef> {
    resources.iter().map(member_ref).collect()
}

fn sorted_ids(resources: &[StoredResource]) -> Vec<PublicId> {
    let ids: BTreeSet<PublicId> = resources.iter().map(|resource| resource.id.clone()).collect();
    ids.into_iter().collect()
}

/// Looked up by one set: in id order, each once, with their types, without those that are not there.
pub fn find_members_gives_each_known_id_once_in_id_order(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 2);
    let group = world.group(5);
    let asked = [id(999), id(5), id(998), id(999), id(777)];
    let mut asked: Vec<&str> = asked.iter().map(PublicId::as_str).collect();
    asked.extend(["", "%", "nobody"]);
    let found = world.read(|txn| txn.find_members(&world.view(), &asked)).unwrap();
    assert_eq!(found, [member_ref(&group), member_ref(&users[1]), member_ref(&users[0])]);
    assert_eq!(*found[0].resource_type, *"Group");
    assert_eq!(world.read(|txn| txn.find_members(&world.view(), &[])).unwrap(), []);
}

/// Added once, however often it is asked; the new ones are named in id order.
pub fn adding_members_is_idempotent_and_names_the_new_ones(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 4);
    let group = world.group(5);
    assert_eq!(world.add(&group, &[&users[0], &users[2]]), [id(997), id(999)]);
    assert_eq!(world.add(&group, &[&users[0], &users[1], &users[1], &users[2]]), [id(998)]);
    assert_eq!(world.add(&group, &[&users[0]]), []);
    assert_eq!(world.add(&group, &[]), []);
    assert_eq!(world.member_ids(&group), [id(999), id(998), id(997)], "in the order of their rows");
    assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), 3);
    let other = world.group(6);
    assert_eq!(world.add(&other, &[&users[0]]), [id(999)]);
    assert_eq!(world.member_ids(&other), [id(999)]);
    assert_eq!(world.member_ids(&group).len(), 3);
}

/// A member that was deleted meanwhile is not found, and nothing is added.
pub fn adding_a_deleted_member_is_not_found(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 2);
    let group = world.group(5);
    world.delete(&users[1]).unwrap();
    assert_not_found(world.write(|txn| txn.add_members(group.seq, &refs(&users))));
    assert_not_found(world.write(|txn| txn.replace_members(group.seq, &refs(&users))));
    assert_eq!(world.member_ids(&group), []);
}

/// Taken out by id; absent ones are no error.
pub fn removing_members_names_those_taken_out(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 4);
    let group = world.group(5);
    world.add(&group, &users.iter().collect::<Vec<_>>());
    let remove = |ids: &[u32]| {
        let ids: Vec<PublicId> = ids.iter().copied().map(id).collect();
        let ids: Vec<&str> = ids.iter().map(PublicId::as_str).collect();
        world.write(|txn| txn.remove_members(group.seq, &ids)).unwrap()
    };
    assert_eq!(remove(&[999, 997, 5, 12_345, 999]), [id(997), id(999)]);
    assert_eq!(remove(&[999, 997]), []);
    assert_eq!(remove(&[]), []);
    assert_eq!(world.member_ids(&group), [id(998), id(996)]);
    assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), 2);
    assert_eq!(world.read(|txn| txn.groups_of(&world.view(), &[users[0].seq], 8)).unwrap(), []);
}

/// Only the difference is written and named.
pub fn replacing_members_names_the_difference(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 5);
    let group = world.group(5);
    let replace =
        |members: &[StoredResource]| world.write(|txn| txn.replace_members(group.seq, &refs(members))).unwrap();
    assert_eq!(replace(&users[..3]), MembershipChange { added: sorted_ids(&users[..3]), removed: vec![] });
    assert_eq!(
        replace(&users[1..]),
        MembershipChange { added: sorted_ids(&users[3..]), removed: sorted_ids(&users[..1]) }
    );
    assert_eq!(replace(&users[1..]), MembershipChange::default());
    assert_eq!(world.member_ids(&group), [998, 997, 996, 995].map(id));
    assert_eq!(replace(&[]), MembershipChange { added: vec![], removed: sorted_ids(&users[1..]) });
    assert_eq!(world.member_ids(&group), []);
}

/// A list longer than any batch of parameters is written whole.
pub fn long_member_lists_are_written_whole(fixture: &dyn Fixture) {
    const COUNT: u32 = 2_500;
    let world = World::new(fixture);
    let group = world.group(50_000);
    let members = world
        .write(|txn| {
            (1..=COUNT)
                .map(|n| {
                    let new = world.new_resource("User", n, &json!({"userName": format!("user{n}")}));
                    let seq = txn.insert_resource(&new)?;
                    Ok(MemberRef { seq, id: new.id, resource_type: new.resource_type.into() })
                })
                .collect::<Result<Vec<_>, _>>()
        })
        .unwrap();
    let count = usize::try_from(COUNT).unwrap();
    let ids: Vec<PublicId> = members.iter().map(|member| member.id.clone()).collect();
    let ids: Vec<&str> = ids.iter().map(PublicId::as_str).collect();
    assert_eq!(world.read(|txn| txn.find_members(&world.view(), &ids)).unwrap(), members);
    assert_eq!(world.write(|txn| txn.add_members(group.seq, &members)).unwrap().len(), count);
    assert_eq!(world.read(|txn| txn.members(group.seq, None, 100_000)).unwrap(), members);
    let seqs: Vec<Seq> = members.iter().map(|member| member.seq).collect();
    assert_eq!(world.read(|txn| txn.load_resources(&seqs)).unwrap().len(), count);
    assert_eq!(world.read(|txn| txn.groups_of(&world.view(), &seqs, 1)).unwrap().len(), count);
    let change = world.write(|txn| txn.replace_members(group.seq, &members[..10])).unwrap();
    assert_eq!((change.added.len(), change.removed.len()), (0, count - 10));
    let change = world.write(|txn| txn.replace_members(group.seq, &members)).unwrap();
    assert_eq!((change.added.len(), change.removed.len()), (count - 10, 0));
    assert_eq!(world.write(|txn| txn.remove_members(group.seq, &ids)).unwrap().len(), count);
    assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), 0);
}

/// Parts of a member list, in the order of the members' rows.
pub fn member_pages_cover_everything_once(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 7);
    let group = world.group(5);
    world.add(&group, &users.iter().rev().collect::<Vec<_>>());
    for size in [1, 3, 7, 100] {
        let mut after = None;
        let mut all = Vec::new();
        loop {
            let part = world.read(|txn| txn.members(group.seq, after, size)).unwrap();
            let ids = world.read(|txn| txn.member_ids(group.seq, after, size)).unwrap();
            assert_eq!(ids, MemberIds::of(part.clone(), size), "by {size}");
            let Some(last) = part.last() else { break };
            assert_eq!(ids.last.is_some(), part.len() == usize::try_from(size).unwrap());
            after = Some(last.seq);
            all.extend(part);
        }
        assert_eq!(all, refs(&users), "by {size}");
    }
    assert_eq!(world.read(|txn| txn.members(group.seq, None, 0)).unwrap(), []);
    assert_eq!(world.read(|txn| txn.members(Seq(i64::MAX), None, 10)).unwrap(), []);
}

/// The members of a page of groups, each group's in order.
pub fn members_of_several_groups_come_by_group(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 3);
    let groups = [1, 2, 3].map(|n| world.group(n));
    world.add(&groups[0], &[&users[2], &users[0]]);
    world.add(&groups[2], &[&users[1], &groups[0]]);
    let seqs = groups.each_ref().map(|group| group.seq);
    let found = world.read(|txn| txn.members_of(&seqs, 10)).unwrap();
    let expected = [(0, &users[0]), (0, &users[2]), (2, &users[1]), (2, &groups[0])]
        .map(|(n, member)| (groups[n].seq, member_ref(member)));
    for group in &groups {
        let of = |list: &[(Seq, MemberRef)]| -> Vec<MemberRef> {
            list.iter().filter(|(of, _)| *of == group.seq).map(|(_, member)| member.clone()).collect()
        };
        assert_eq!(of(&found), of(&expected));
    }
    assert_eq!(found.len(), 4);
    assert!(found.is_sorted_by_key(|(group, member)| (*group, member.seq)));
    for limit in 0..5 {
        let first = world.read(|txn| txn.members_of(&seqs, limit)).unwrap();
        assert_eq!(first, found[..usize::try_from(limit).unwrap().min(4)]);
    }
    assert_eq!(world.read(|txn| txn.members_of(&[], 10)).unwrap(), []);
}

fn group_of(member: &StoredResource, group: &StoredResource, direct: bool) -> GroupOf {
    let document: serde_json::Value = serde_json::from_str(&group.document).unwrap();
    GroupOf {
        member: member.seq,
        group: group.seq,
        id: group.id.clone(),
        display: document["displayName"].as_str().map(Into::into),
        direct,
    }
}

/// Up to so many levels above, the first of them direct.
pub fn groups_are_found_up_to_so_many_levels(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    // Made from the top, so that the order of rows is not the order of levels.
    let mut chain: Vec<StoredResource> = (1..=10).map(|n| world.group(200 + n)).collect();
    chain.reverse();
    let mut below = &user;
    for group in &chain {
        world.add(group, &[below]);
        below = group;
    }
    for levels in [0, 1, 2, 8, 9, 255] {
        let found = world.read(|txn| txn.groups_of(&world.view(), &[user.seq], levels)).unwrap();
        let reached = &chain[..usize::from(levels).min(10)];
        let mut expected: Vec<GroupOf> =
            reached.iter().enumerate().map(|(level, group)| group_of(&user, group, level == 0)).collect();
        expected.sort_by_key(|group| group.group);
        assert_eq!(found, expected, "{levels} levels");
    }
}

/// Circles end, a group is none of its own groups, and direct wins over indirect.
pub fn circles_of_groups_end_and_direct_wins(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    let groups = [11, 12, 13].map(|n| world.group(n));
    let [first, second, third] = &groups;
    // A circle of three with the user in the first and in the third, and a diamond within it.
    world.add(first, &[&user, third]);
    world.add(second, &[first]);
    world.add(third, &[second, &user, first]);
    let of = |member: &StoredResource, levels| {
        world.read(|txn| txn.groups_of(&world.view(), &[member.seq], levels)).unwrap()
    };
    assert_eq!(
        of(&user, 8),
        [group_of(&user, first, true), group_of(&user, second, false), group_of(&user, third, true)]
    );
    assert_eq!(of(&user, 1), [group_of(&user, first, true), group_of(&user, third, true)]);
    assert_eq!(of(first, 8), [group_of(first, second, true), group_of(first, third, true)]);
    assert_eq!(of(second, 8), [group_of(second, first, false), group_of(second, third, true)]);
    // Several at once, by member, then by group.
    let found = world.read(|txn| txn.groups_of(&world.view(), &[second.seq, user.seq, user.seq], 1)).unwrap();
    assert_eq!(found, [group_of(&user, first, true), group_of(&user, third, true), group_of(second, third, true)]);
    assert_eq!(world.read(|txn| txn.groups_of(&world.view(), &[], 8)).unwrap(), []);
}

/// The groups that a resource is directly in, in id order.
pub fn groups_with_a_member_come_in_id_order(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    let groups = [30, 10, 20].map(|n| world.group(n));
    for group in &groups {
        world.add(group, &[&user]);
    }
    world.add(&world.group(40), &[&groups[0]]);
    let found = world.read(|txn| txn.groups_with_member(user.seq)).unwrap();
    let expected = [1, 2, 0].map(|n: usize| (member_ref(&groups[n]), world.connection));
    assert_eq!(found, expected);
    assert_eq!(world.read(|txn| txn.groups_with_member(Seq(i64::MAX))).unwrap(), []);
}

/// A deleted user is in no group, and a deleted group has no members and is in none.
pub fn delete_cleans_memberships_in_both_directions(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users = users(&world, 2);
    let (inner, outer) = (world.group(10), world.group(11));
    world.add(&inner, &[&users[0], &users[1]]);
    world.add(&outer, &[&inner, &users[0]]);
    let version = world.load(outer.seq).unwrap().version;
    world.delete(&users[0]).unwrap();
    assert_eq!(world.member_ids(&inner), [users[1].id.clone()]);
    assert_eq!(world.member_ids(&outer), [id(10)]);
    for group in [&inner, &outer] {
        assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), 1, "no row is left behind");
    }
    assert!(world.load(outer.seq).unwrap().version > version);
    assert_eq!(world.ids("Group", &format!("members.value eq \"{}\"", users[0].id)), []);
    let loaded = world.load(inner.seq).unwrap();
    world.delete(&loaded).unwrap();
    assert!(find(&world, world.view(), "Group", &inner.id).is_none());
    assert_eq!(world.member_ids(&inner), []);
    assert_eq!(world.member_ids(&outer), []);
    assert_eq!(world.read(|txn| txn.count_members(inner.seq)).unwrap(), 0);
    assert_eq!(world.read(|txn| txn.groups_with_member(users[1].seq)).unwrap(), []);
    assert_eq!(world.read(|txn| txn.groups_of(&world.view(), &[users[1].seq], 8)).unwrap(), []);
    // A group of the old name starts empty.
    assert_eq!(
        world.member_ids(&world.insert(&world.new_resource("Group", 12, &json!({"displayName": "Group 10"})))),
        []
    );
}

/// Every committed touch gives a version that no other state has, and its time.
pub fn touching_a_group_moves_its_version_and_time(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let group = world.group(1);
    let mut seen = vec![group.version];
    for n in 1..=5 {
        let inside = world.write(|txn| txn.touch_group(group.seq, at(100 + n))).unwrap();
        let loaded = world.load(group.seq).unwrap();
        assert_eq!(loaded.modified, at(100 + n));
        assert!(inside >= loaded.version, "the transaction sees its own touch");
        seen.push(loaded.version);
        let changed =
            world.update(&loaded, &json!({"displayName": format!("Name {n}")}), world.connection, false).unwrap();
        let loaded = world.load(group.seq).unwrap();
        assert_eq!(loaded.version, changed);
        seen.push(changed);
    }
    assert!(seen.is_sorted_by(|left, right| left < right), "{seen:?}");
    let found = find(&world, world.view(), "Group", &group.id).unwrap();
    let listed = world.run(&world.query("Group", "")).unwrap().resources.remove(0);
    assert_eq!(found, listed, "by id and in a list the same");
    assert_eq!(found.version, *seen.last().unwrap());
    assert_eq!(world.load(group.seq).unwrap().document, found.document);
    assert_not_found(world.write(|txn| txn.touch_group(Seq(i64::MAX), at(1))));
}

/// A change of the document that rests on a version from before a touch is a mismatch.
pub fn update_of_a_touched_group_is_a_mismatch(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let group = world.group(1);
    let user = world.named_user(2);
    world.add(&group, &[&user]);
    let result = world.update(&group, &json!({"displayName": "New"}), world.connection, false);
    assert!(matches!(result, Err(crate::StoreError::VersionMismatch)), "{result:?}");
    let group = world.load(group.seq).unwrap();
    world.update(&group, &json!({"displayName": "New"}), world.connection, false).unwrap();
    assert_eq!(world.member_ids(&group), [id(2)], "a change of the document leaves the members");
}

/// Ids that named nobody are remembered once each, the latest thousand of a group.
pub fn unmatched_member_ids_are_remembered(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (group, other) = (world.group(1), world.group(2));
    let unmatched = |group: &StoredResource| {
        let ids = world.read(|txn| txn.unmatched(group.seq)).unwrap();
        let set: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(set.len(), ids.len(), "each once");
        set
    };
    let note = |group: &StoredResource, ids: &[String], when: i64| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        world.write(|txn| txn.note_unmatched(group.seq, &ids, at(when))).unwrap();
    };
    let ids = |range: std::ops::Range<u32>| range.map(|n| format!("nobody {n:04}")).collect::<Vec<_>>();
    note(&group, &["b", "a", "a", "'%_"].map(ToOwned::to_owned), 1);
    note(&group, &["b".to_owned()], 2);
    note(&group, &[], 3);
    assert_eq!(unmatched(&group), ["'%_", "a", "b"].map(ToOwned::to_owned).into());
    assert_eq!(unmatched(&other), BTreeSet::new());
    note(&other, &ids(0..600), 10);
    note(&other, &ids(600..1_000), 20);
    note(&other, &ids(0..1), 30);
    note(&other, &ids(1_000..1_010), 40);
    let kept = unmatched(&other);
    assert_eq!(kept.len(), 1_000);
    for n in ids(600..1_010).iter().chain(&ids(0..1)) {
        assert!(kept.contains(n), "{n} was seen lately");
    }
    assert_eq!(unmatched(&group).len(), 3);
    world.delete(&group).unwrap();
    assert_eq!(unmatched(&group), BTreeSet::new());
}
