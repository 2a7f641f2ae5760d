//! Every example of RFC 7644 §3.5.2.1 to §3.5.2.3, and every sentence that says what an operation
//! does.

use scim_filter::Predicate;
use scim_patch::{MemberDelta, PatchRequest};
use scim_schema::ScimType;
use serde_json::{Value, json};

use crate::support::{
    CUSTOM, ENTERPRISE, USER, ada, deltas, keys, member, object, patch_user, refusal, strict, user_after,
};

const BABS: &str = "2819c223-7f76-453a-919d-413861904646";
const JAMES: &str = "08e1d05d-121c-4561-8b96-473d93df9210";

fn babs() -> Value {
    json!({"display": "Babs Jensen", "$ref": format!("https://example.com/v2/Users/{BABS}"), "value": BABS})
}

fn james() -> Value {
    json!({"display": "James Smith", "$ref": format!("https://example.com/v2/Users/{JAMES}"), "value": JAMES})
}

#[test]
fn rfc7644_3_5_2_figure_6_basic_structure() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [babs()]}]
    });
    let request = PatchRequest::parse(object(body), &strict(), 10).expect("the RFC's own request");
    let [operation] = request.operations.as_slice() else { panic!("one operation") };
    assert_eq!(operation.op, scim_patch::Op::Add);
    assert_eq!(operation.path.as_ref().map(ToString::to_string).as_deref(), Some("members"));
    assert_eq!(operation.value, Some(json!([babs()])));
}

#[test]
fn rfc7644_3_5_2_figure_8_example_paths() {
    for path in [
        "members",
        "name.familyName",
        "addresses[type eq \"work\"]",
        "members[value eq \"2819c223-7f76-453a-919d-413861904646\"]",
        "members[value eq \"2819c223-7f76-453a-919d-413861904646\"].displayName",
    ] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": path}]
        });
        let request = PatchRequest::parse(object(body), &strict(), 10).expect(path);
        let path_read = request.operations[0].path.as_ref().expect("a path");
        assert_eq!(path_read.to_string(), path);
    }
}

#[test]
fn rfc7644_3_5_2_adding_by_qualified_name_adds_the_schema() {
    let before = json!({"schemas": [USER], "userName": "ada"});
    let key = format!("{ENTERPRISE}:employeeNumber");
    let operations = json!([{"op": "add", "path": key, "value": "77"}]);
    let patched = patch_user(&before, &operations, &strict()).expect("accepted");
    assert_eq!(
        Value::Object(patched.resource.into_document()),
        json!({"schemas": [USER, ENTERPRISE], "userName": "ada", ENTERPRISE: {"employeeNumber": "77"}})
    );
    assert_eq!(patched.changed, keys(&[&key]));
}

#[test]
fn rfc7644_3_5_2_operations_apply_in_order_to_the_result_of_the_one_before() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "A"},
        {"op": "add", "path": "emails", "value": [{"value": "new@ex.com", "type": "other"}]},
        {"op": "replace", "path": "emails[type eq \"other\"].display", "value": "New"},
        {"op": "replace", "path": "title", "value": "B"}
    ]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(after["title"], "B");
    assert_eq!(after["emails"][2], json!({"value": "new@ex.com", "type": "other", "display": "New"}));
}

#[test]
fn rfc7644_3_5_2_a_failing_operation_undoes_the_request() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "A"},
        {"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x"}
    ]);
    let error = patch_user(&ada(), &operations, &strict()).expect_err("the second operation has no target");
    assert_eq!(error.scim_type, Some(ScimType::NoTarget));
    assert!(error.detail.starts_with("operation 2: "), "{error}");
}

#[test]
fn rfc7644_3_5_2_a_new_primary_sets_the_others_to_false() {
    for operations in [
        json!([{"op": "add", "path": "emails", "value": [{"value": "n@ex.com", "primary": true}]}]),
        json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
        json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": true}}]),
        json!([{"op": "add", "value": {"emails": [{"value": "n@ex.com", "primary": true}]}}]),
    ] {
        let after = user_after(&ada(), &operations, &strict());
        assert_eq!(after["emails"][0]["primary"], json!(false), "{operations}");
        let primaries = after["emails"].as_array().expect("emails").iter().filter(|email| email["primary"] == true);
        assert_eq!(primaries.count(), 1, "{operations}");
    }
}

#[test]
fn rfc7644_3_5_2_1_add_a_member() {
    let operations = json!([{"op": "add", "path": "members", "value": [babs()]}]);
    assert_eq!(deltas(&operations, &strict()), vec![MemberDelta::Add(vec![member(BABS)])]);
}

#[test]
fn rfc7644_3_5_2_1_add_attributes_without_path() {
    let before = json!({"schemas": [USER], "userName": "babs", "emails": [{"value": "b@ex.com", "type": "work"}]});
    let operations = json!([{"op": "add", "value": {
        "emails": [{"value": "babs@jensen.org", "type": "home"}],
        "nickname": "Babs"
    }}]);
    let after = user_after(&before, &operations, &strict());
    assert_eq!(
        after,
        json!({
            "schemas": [USER],
            "userName": "babs",
            "emails": [{"value": "b@ex.com", "type": "work"}, {"value": "babs@jensen.org", "type": "home"}],
            "nickName": "Babs"
        })
    );
    let again = user_after(&after, &json!([{"op": "add", "value": {"nickname": "Barbara"}}]), &strict());
    assert_eq!(again["nickName"], "Barbara");
}

#[test]
fn rfc7644_3_5_2_1_add_to_a_complex_attribute_adds_the_named_sub_attributes() {
    let operations = json!([{"op": "add", "path": "name", "value": {"familyName": "Lovelace", "middleName": "K"}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(
        after["name"],
        json!({"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Byron", "middleName": "K"})
    );
}

#[test]
fn rfc7644_3_5_2_1_add_replaces_a_single_value_and_makes_an_absent_one() {
    let operations = json!([
        {"op": "add", "path": "title", "value": "Lady"},
        {"op": "add", "path": "nickName", "value": "A"},
        {"op": "add", "path": "ims", "value": [{"value": "ada", "type": "xmpp"}]}
    ]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!((&after["title"], &after["nickName"]), (&json!("Lady"), &json!("A")));
    assert_eq!(after["ims"], json!([{"value": "ada", "type": "xmpp"}]));
}

#[test]
fn rfc7644_3_5_2_1_add_of_a_present_value_changes_nothing() {
    for operations in [
        json!([{"op": "add", "path": "title", "value": "Countess"}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ada@ex.com", "type": "work"}]}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ADA@EX.COM", "type": "Work", "primary": true}]}]),
        json!([{"op": "add", "path": "addresses", "value": [
            {"type": "work", "streetAddress": "1 Old Street", "locality": "London", "primary": false}
        ]}]),
        json!([{"op": "add", "path": "name", "value": {"givenName": "Ada"}}]),
        json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": "ada@ex.com"}]),
    ] {
        let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
        assert!(patched.changed.is_empty(), "{operations}");
    }
}

#[test]
fn rfc7644_3_5_2_1_add_with_a_value_filter_adds_to_each_selected_element() {
    let operations = json!([{"op": "add", "path": "addresses[type pr]", "value": {"country": "UK"}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(
        after["addresses"],
        json!([
            {"type": "work", "streetAddress": "1 Old Street", "locality": "London", "primary": false, "country": "UK"},
            {"type": "home", "streetAddress": "2 Hill", "locality": "Bath", "primary": true, "country": "UK"}
        ])
    );
}

#[test]
fn rfc7644_3_5_2_2_remove_without_path_is_no_target() {
    assert_eq!(refusal(patch_user(&ada(), &json!([{"op": "remove"}]), &strict())), ScimType::NoTarget);
}

#[test]
fn rfc7644_3_5_2_2_remove_a_single_value() {
    let operations = json!([{"op": "remove", "path": "title"}, {"op": "remove", "path": "name.formatted"}]);
    let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
    assert_eq!(patched.changed, keys(&["name", "title"]));
    let after = Value::Object(patched.resource.into_document());
    assert_eq!(after["name"], json!({"givenName": "Ada", "familyName": "Byron"}));
    assert!(after.get("title").is_none());
}

#[test]
fn rfc7644_3_5_2_2_remove_a_whole_multi_valued_attribute() {
    let after = user_after(&ada(), &json!([{"op": "remove", "path": "emails"}]), &strict());
    assert!(after.get("emails").is_none());
}

#[test]
fn rfc7644_3_5_2_2_remove_a_single_member() {
    let operations = json!([{"op": "remove", "path": "members[value eq \"2819c223-7f76-...413861904646\"]"}]);
    assert_eq!(
        deltas(&operations, &strict()),
        vec![MemberDelta::Remove(vec!["2819c223-7f76-...413861904646".to_owned()])]
    );
}

#[test]
fn rfc7644_3_5_2_2_remove_all_members() {
    let operations = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(deltas(&operations, &strict()), vec![MemberDelta::Replace(Vec::new())]);
}

#[test]
fn rfc7644_3_5_2_2_remove_from_a_complex_multi_valued_attribute() {
    let before = json!({
        "schemas": [USER], "userName": "babs",
        "emails": [
            {"value": "b@example.com", "type": "work"},
            {"value": "b@other.org", "type": "work"},
            {"value": "b@home.example.com", "type": "home"}
        ]
    });
    let operations = json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]);
    let after = user_after(&before, &operations, &strict());
    assert_eq!(
        after["emails"],
        json!([{"value": "b@other.org", "type": "work"}, {"value": "b@home.example.com", "type": "home"}])
    );
}

#[test]
fn rfc7644_3_5_2_2_removing_the_last_element_unassigns_the_attribute() {
    let after = user_after(&ada(), &json!([{"op": "remove", "path": "emails[value pr]"}]), &strict());
    assert!(after.get("emails").is_none());
}

#[test]
fn rfc7644_3_5_2_2_remove_values_of_a_simple_multi_valued_attribute() {
    let before = json!({"schemas": [USER, CUSTOM], "userName": "a", CUSTOM: {"payroll": "1", "tags": ["x", "y", "z"]}});
    let path = format!("{CUSTOM}:tags[value eq \"x\" or value eq \"z\"]");
    let after = user_after(&before, &json!([{"op": "remove", "path": path}]), &strict());
    assert_eq!(after[CUSTOM]["tags"], json!(["y"]));
}

#[test]
fn rfc7644_3_5_2_2_remove_a_sub_attribute_of_selected_elements() {
    let after = user_after(&ada(), &json!([{"op": "remove", "path": "emails[type eq \"home\"].type"}]), &strict());
    assert_eq!(after["emails"][1], json!({"value": "ada@home.org"}));
}

#[test]
fn rfc7644_3_5_2_2_removing_a_required_or_read_only_attribute_is_a_mutability_error() {
    for path in ["userName", "id", "meta", "meta.created", "groups", "schemas", "groups[value eq \"g1\"]"] {
        let operations = json!([{"op": "remove", "path": path}]);
        assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::Mutability, "{path}");
    }
}

#[test]
fn rfc7644_3_5_2_2_remove_and_add_a_member() {
    let operations = json!([
        {"op": "remove", "path": format!("members[value eq\"{BABS}\"]")},
        {"op": "add", "path": "members", "value": [james()]}
    ]);
    // The blank behind `eq` is missing in the RFC's own text.
    assert_eq!(
        deltas(&operations, &strict()),
        vec![MemberDelta::Remove(vec![BABS.to_owned()]), MemberDelta::Add(vec![member(JAMES)])]
    );
}

#[test]
fn rfc7644_3_5_2_2_replace_all_members_by_remove_and_add() {
    let operations = json!([
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [babs(), james()]}
    ]);
    assert_eq!(
        deltas(&operations, &strict()),
        vec![MemberDelta::Replace(Vec::new()), MemberDelta::Add(vec![member(BABS), member(JAMES)])]
    );
}

#[test]
fn rfc7644_3_5_2_3_replace_all_members() {
    let operations = json!([{"op": "replace", "path": "members", "value": [babs(), james()]}]);
    assert_eq!(deltas(&operations, &strict()), vec![MemberDelta::Replace(vec![member(BABS), member(JAMES)])]);
}

#[test]
fn rfc7644_3_5_2_3_replace_value_path() {
    let value = json!({
        "type": "work",
        "streetAddress": "911 Universal City Plaza",
        "locality": "Hollywood",
        "region": "CA",
        "postalCode": "91608",
        "country": "US",
        "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US",
        "primary": true
    });
    let operations = json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": value}]);
    let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
    assert_eq!(patched.changed, keys(&["addresses"]));
    assert_eq!(
        patched.resource.document()["addresses"],
        json!([value, {"type": "home", "streetAddress": "2 Hill", "locality": "Bath", "primary": false}])
    );
}

#[test]
fn rfc7644_3_5_2_3_replace_value_path_sub_attribute() {
    let operations =
        json!([{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(
        after["addresses"][0],
        json!({"type": "work", "streetAddress": "1010 Broadway Ave", "locality": "London", "primary": false})
    );
    assert_eq!(after["addresses"][1], ada()["addresses"][1]);
}

#[test]
fn rfc7644_3_5_2_3_replace_value_path_drops_what_the_record_does_not_name() {
    let operations = json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"locality": "Leeds"}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(after["addresses"][0], json!({"locality": "Leeds"}));
}

#[test]
fn rfc7644_3_5_2_3_replace_all_matching_records() {
    let operations = json!([{"op": "replace", "path": "addresses[type pr].locality", "value": "Leeds"}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(
        (&after["addresses"][0]["locality"], &after["addresses"][1]["locality"]),
        (&json!("Leeds"), &json!("Leeds"))
    );
}

#[test]
fn rfc7644_3_5_2_3_replace_without_path() {
    let operations = json!([{"op": "replace", "value": {
        "emails": [{"value": "bob@ex.com", "type": "home", "primary": true}],
        "nickname": "Babs",
        "title": null
    }}]);
    let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
    assert_eq!(patched.changed, keys(&["emails", "nickName", "title"]));
    assert_eq!(
        patched.resource.document()["emails"],
        json!([{"value": "bob@ex.com", "type": "home", "primary": true}])
    );
    assert_eq!(patched.resource.document()["nickName"], "Babs");
}

#[test]
fn rfc7644_3_5_2_3_replace_of_an_absent_attribute_is_an_add() {
    let operations = json!([
        {"op": "replace", "path": "nickName", "value": "A"},
        {"op": "replace", "path": "ims.value", "value": "ada"}
    ]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!((&after["nickName"], &after["ims"]), (&json!("A"), &json!([{"value": "ada"}])));
}

#[test]
fn rfc7644_3_5_2_3_replace_of_a_complex_attribute_leaves_what_it_does_not_name() {
    let operations = json!([{"op": "replace", "path": "name", "value": {"familyName": "Lovelace", "formatted": null}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(after["name"], json!({"givenName": "Ada", "familyName": "Lovelace"}));
}

#[test]
fn rfc7644_3_5_2_3_a_value_filter_that_matches_nothing_is_no_target() {
    for op in ["add", "replace"] {
        for path in ["emails[type eq \"fax\"]", "emails[type eq \"fax\"].value", "ims[type eq \"xmpp\"].value"] {
            let value = if path.ends_with(']') { json!({"value": "x"}) } else { json!("x") };
            let operations = json!([{"op": op, "path": path, "value": value}]);
            assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::NoTarget, "{op} {path}");
        }
    }
}

#[test]
fn rfc7644_3_5_2_2_remove_whose_filter_matches_nothing_succeeds() {
    let operations = json!([{"op": "remove", "path": "emails[type eq \"fax\"]"}, {"op": "remove", "path": "nickName"}]);
    assert!(patch_user(&ada(), &operations, &strict()).expect("accepted").changed.is_empty());
}

#[test]
fn a_member_filter_of_more_than_ids_stays_a_predicate() {
    let operations = json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]);
    let deltas = deltas(&operations, &strict());
    let [MemberDelta::RemoveWhere(Predicate::Term(term))] = deltas.as_slice() else { panic!("{deltas:?}") };
    assert_eq!(&*term.target.key, "members.type");
}
