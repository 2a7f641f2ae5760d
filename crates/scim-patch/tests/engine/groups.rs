//! Members of a group, in every shape (RFC 7643 §4.2, rule 61 of identity providers).

use scim_patch::{
    Dialect,
    MemberDelta::{self, Add, Immutable, Remove, RemoveWhere, Replace, Require},
};
use scim_schema::{ScimType, validate::MemberValue};
use serde_json::{Value, json};

use crate::support::{deltas, generic, keys, member, provider, refusal, run, strict, team};

fn one(operation: &Value, dialect: &Dialect) -> Vec<MemberDelta> {
    deltas(&json!([operation]), dialect)
}

fn refused(operation: &Value, dialect: &Dialect) -> ScimType {
    refusal(run("Group", &team(), &json!([operation]), dialect))
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_dialect_reads_the_shapes_of_the_rfc() {
    for dialect in [strict(), generic(), provider()] {
        for (operation, expected) in [
            (
                json!({"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}, {"value": "u1"}]}),
                vec![Add(vec![member("u1"), member("u2")])],
            ),
            (json!({"op": "add", "path": "MEMBERS", "value": []}), vec![]),
            (json!({"op": "add", "path": "members", "value": null}), vec![]),
            (
                json!({"op": "replace", "path": "members", "value": [{"value": "u1"}]}),
                vec![Replace(vec![member("u1")])],
            ),
            (json!({"op": "replace", "path": "members", "value": []}), vec![Replace(vec![])]),
            (json!({"op": "replace", "path": "members", "value": null}), vec![Replace(vec![])]),
            (json!({"op": "remove", "path": "members"}), vec![Replace(vec![])]),
            (json!({"op": "remove", "path": "members", "value": null}), vec![Replace(vec![])]),
            (json!({"op": "remove", "path": "members[value eq \"u1\"]"}), vec![Remove(ids(&["u1"]))]),
            (
                json!({"op": "remove", "path": "members[Value EQ \"u1\"]", "value": "ignored"}),
                vec![Remove(ids(&["u1"]))],
            ),
            (json!({"op": "replace", "path": "members[value eq \"u1\"]", "value": null}), vec![Remove(ids(&["u1"]))]),
            (
                json!({"op": "remove", "path": "members[value eq \"u1\" or (value eq \"u2\" or value eq \"u1\")]"}),
                vec![Remove(ids(&["u1", "u2"]))],
            ),
            (json!({"op": "add", "value": {"members": [{"value": "u1"}]}}), vec![Add(vec![member("u1")])]),
            (json!({"op": "replace", "value": {"members": [{"value": "u1"}]}}), vec![Replace(vec![member("u1")])]),
            (json!({"op": "replace", "value": {"members": []}}), vec![Replace(vec![])]),
            (json!({"op": "replace", "value": {"displayName": "B"}}), vec![]),
        ] {
            assert_eq!(one(&operation, &dialect), expected, "{operation}");
        }
    }
}

#[test]
fn the_type_of_a_member_is_kept() {
    let operation = json!({"op": "add", "path": "members", "value": [{"value": "g1", "type": "Group"}]});
    let nested = MemberValue { value: "g1".to_owned(), member_type: Some("Group".to_owned()) };
    assert_eq!(one(&operation, &strict()), vec![Add(vec![nested])]);
}

#[test]
fn other_filters_are_left_to_the_store() {
    for filter in
        ["type eq \"Group\"", "value ne \"u1\"", "value eq \"u1\" and type eq \"User\"", "not (value eq \"u1\")"]
    {
        let deltas = one(&json!({"op": "remove", "path": format!("members[{filter}]")}), &strict());
        assert!(matches!(deltas.as_slice(), [RemoveWhere(_)]), "{filter}: {deltas:?}");
    }
    assert_eq!(
        refused(&json!({"op": "remove", "path": "members[colour eq \"x\"]"}), &strict()),
        ScimType::InvalidFilter
    );
}

/// RFC 7643 §4.2.
#[test]
fn sub_attributes_of_members_cannot_be_changed() {
    for path in ["members.value", "members.type", "members[value eq \"u1\"].type", "members[value eq \"u1\"].$ref"] {
        for dialect in [strict(), generic(), provider()] {
            for op in ["add", "replace", "remove"] {
                let operation = json!({"op": op, "path": path, "value": "x"});
                assert_eq!(refused(&operation, &dialect), ScimType::Mutability, "{operation}");
            }
        }
    }
    let display = json!({"op": "replace", "path": "members[value eq \"u1\"].display", "value": "x"});
    assert_eq!(refused(&display, &strict()), ScimType::Mutability);
    assert_eq!(one(&display, &provider()), vec![]);
}

#[test]
fn a_path_that_selects_a_member_asks_for_it_to_be_there() {
    for operation in [
        json!({"op": "add", "path": "members[value eq \"u1\"]", "value": {"value": "u1"}}),
        json!({"op": "replace", "path": "members[value eq \"u1\"]", "value": {"display": "Ada"}}),
        json!({"op": "replace", "path": "members[type eq \"User\"]", "value": {}}),
    ] {
        for dialect in [strict(), generic()] {
            assert!(matches!(one(&operation, &dialect).as_slice(), [Require(_)]), "{operation}");
        }
    }
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"u1\"]", "value": {"value": "u2"}}),
        json!({"op": "replace", "path": "members[type eq \"User\"]", "value": {"value": "u2"}}),
    ] {
        assert!(matches!(one(&operation, &strict()).as_slice(), [Require(_), Immutable]), "{operation}");
    }
    let array = json!({"op": "add", "path": "members[value eq \"u1\"]", "value": [{"value": "u1"}]});
    assert_eq!(refused(&array, &strict()), ScimType::InvalidValue);
}

#[test]
fn identity_providers_add_a_member_by_a_path() {
    for operation in [
        json!({"op": "Add", "path": "members[value eq \"u1\"]", "value": {"value": "u1"}}),
        json!({"op": "Add", "path": "members[value eq \"u1\"]", "value": null}),
        json!({"op": "Add", "path": "members[value eq \"u1\"]"}),
    ] {
        assert_eq!(one(&operation, &provider()), vec![Add(vec![member("u1")])], "{operation}");
    }
    let other = json!({"op": "add", "path": "members[value sw \"u\"]", "value": {"value": "u1"}});
    assert_eq!(one(&other, &provider()), vec![]);
    let bare = json!({"op": "add", "path": "members[value eq \"u1\"]"});
    assert_eq!(refused(&bare, &strict()), ScimType::InvalidValue);
}

#[test]
fn removal_by_value_takes_out_those_only() {
    for operation in [
        json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
        json!({"op": "remove", "path": "members", "value": [{"value": "u1", "display": "ada", "type": "User"}]}),
        json!({"op": "remove", "path": "members", "value": {"value": "u1"}}),
    ] {
        for dialect in [generic(), provider()] {
            assert_eq!(one(&operation, &dialect), vec![Remove(ids(&["u1"]))], "{operation}");
        }
        assert_eq!(refused(&operation, &strict()), ScimType::InvalidValue, "{operation}");
    }
    let none = json!({"op": "remove", "path": "members", "value": []});
    assert_eq!(one(&none, &generic()), vec![]);
    assert_eq!(refused(&none, &strict()), ScimType::InvalidValue);
}

#[test]
fn removal_without_path_is_a_shape_of_identity_providers() {
    let operation = json!({"op": "remove", "value": {"Members": [{"value": "u1"}]}});
    assert_eq!(one(&operation, &provider()), vec![Remove(ids(&["u1"]))]);
    assert_eq!(refused(&operation, &generic()), ScimType::NoTarget);
    // Only a group has members to take out.
    assert_eq!(refusal(run("User", &crate::support::ada(), &json!([operation]), &provider())), ScimType::NoTarget);
}

#[test]
fn loose_members_are_read_for_identity_providers() {
    for value in [
        json!([{"$ref": "https://x/scim/v2/Users/u1"}]),
        json!([{"$ref": "Users/u1", "value": null}]),
        json!(["u1"]),
        json!("u1"),
        json!({"value": "u1", "display": "Ada"}),
    ] {
        let operation = json!({"op": "add", "path": "members", "value": value});
        assert_eq!(one(&operation, &provider()), vec![Add(vec![member("u1")])], "{value}");
    }
    for value in [json!(["u1"]), json!("u1"), json!([{"display": "Ada"}]), json!([1])] {
        let operation = json!({"op": "add", "path": "members", "value": value});
        assert_eq!(refused(&operation, &generic()), ScimType::InvalidValue, "{value}");
    }
}

#[test]
fn a_group_is_changed_beside_its_members() {
    let operations = json!([{"op": "replace", "value": {"displayName": "Team B", "members": [{"value": "u1"}]}}]);
    let patched = run("Group", &team(), &operations, &strict()).expect("accepted");
    assert_eq!(patched.changed, keys(&["displayName"]));
    assert_eq!(patched.members, vec![Replace(vec![member("u1")])]);
    let removal = json!([{"op": "remove", "path": "displayName"}]);
    assert_eq!(refusal(run("Group", &team(), &removal, &strict())), ScimType::Mutability);
}

#[test]
fn members_of_a_user_are_an_unknown_attribute() {
    let operations = json!([{"op": "add", "path": "members", "value": [{"value": "u1"}]}]);
    assert_eq!(refusal(run("User", &crate::support::ada(), &operations, &strict())), ScimType::InvalidPath);
}
