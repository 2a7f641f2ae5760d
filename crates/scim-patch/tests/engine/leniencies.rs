//! Each leniency: accepted with it, refused without it.

use scim_filter::{parser::Leniencies, predicate::CompileOptions};
use scim_patch::{
    Dialect,
    dialect::{ComplexValues, ReadOnlyInput, UnmatchedValueFilter},
};
use scim_schema::{
    ScimType, builtin,
    validate::{Coercion, Leniency::Accept, UnknownAttributes},
};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, USER, ada, generic, patch_user, provider, refusal, strict, user_after};

fn coercion(coercion: Coercion) -> Dialect {
    Dialect { coercion, ..Dialect::default() }
}

/// The operation does what is expected with the one leniency alone, and is refused without it.
fn check(dialect: Dialect, operation: &Value, at: &str, expected: &Value, without: ScimType) {
    let operations = json!([operation]);
    let after = user_after(&ada(), &operations, &dialect);
    assert_eq!(after.pointer(at).unwrap_or(&Value::Null), expected, "{operations}");
    assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), without, "{operations}");
}

fn urn_pointer(rest: &str) -> String {
    format!("/{ENTERPRISE}{rest}")
}

#[test]
fn each_coercion_alone() {
    let string_booleans = coercion(Coercion { string_booleans: Accept, ..Coercion::default() });
    for text in ["False", "FALSE", "false"] {
        let operation = json!({"op": "replace", "path": "active", "value": text});
        check(string_booleans, &operation, "/active", &json!(false), ScimType::InvalidValue);
    }
    let operation = json!({"op": "replace", "value": {"active": "false"}});
    check(string_booleans, &operation, "/active", &json!(false), ScimType::InvalidValue);
    let operation = json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"});
    check(string_booleans, &operation, "/emails/1/primary", &json!(true), ScimType::InvalidValue);

    let object_for_array = coercion(Coercion { object_for_array: Accept, ..Coercion::default() });
    let operation = json!({"op": "add", "path": "emails", "value": {"value": "n@ex.com"}});
    check(object_for_array, &operation, "/emails/2", &json!({"value": "n@ex.com"}), ScimType::InvalidValue);

    let number_for_string = coercion(Coercion { number_for_string: Accept, ..Coercion::default() });
    let operation = json!({"op": "replace", "path": "externalId", "value": 7});
    check(number_for_string, &operation, "/externalId", &json!("7"), ScimType::InvalidValue);
    let operation = json!({"op": "add", "path": "addresses[type eq \"work\"].postalCode", "value": 91608});
    check(number_for_string, &operation, "/addresses/0/postalCode", &json!("91608"), ScimType::InvalidValue);

    let bare = coercion(Coercion { bare_string_element: Accept, ..Coercion::default() });
    for value in [json!("n@ex.com"), json!(["n@ex.com"])] {
        let operation = json!({"op": "add", "path": "emails", "value": value});
        check(bare, &operation, "/emails/2", &json!({"value": "n@ex.com"}), ScimType::InvalidValue);
    }

    let array_for_single = coercion(Coercion { array_for_single: Accept, ..Coercion::default() });
    let operation = json!({"op": "replace", "path": "title", "value": ["x"]});
    check(array_for_single, &operation, "/title", &json!("x"), ScimType::InvalidValue);
    let operation = json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": ["n@ex.com"]});
    check(array_for_single, &operation, "/emails/0/value", &json!("n@ex.com"), ScimType::InvalidValue);
    let operation = json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": [{"value": "m9"}]});
    check(array_for_single, &operation, &urn_pointer("/manager/value"), &json!("m9"), ScimType::InvalidValue);
    let two = json!([{"op": "replace", "path": "title", "value": ["x", "y"]}]);
    assert_eq!(refusal(patch_user(&ada(), &two, &array_for_single)), ScimType::InvalidValue);

    let string_manager = coercion(Coercion { string_manager: Accept, ..Coercion::default() });
    let operation = json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "m9"});
    check(string_manager, &operation, &urn_pointer("/manager/value"), &json!("m9"), ScimType::InvalidValue);
    let operation = json!({"op": "replace", "value": {ENTERPRISE: {"manager": "m9"}}});
    check(string_manager, &operation, &urn_pointer("/manager/value"), &json!("m9"), ScimType::InvalidValue);
    let operation = json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": ""});
    check(string_manager, &operation, &urn_pointer("/manager"), &json!(null), ScimType::InvalidValue);

    let loose_references = coercion(Coercion { loose_references: Accept, ..Coercion::default() });
    let operation = json!({"op": "replace", "path": "profileUrl", "value": "hello world"});
    check(loose_references, &operation, "/profileUrl", &json!("hello world"), ScimType::InvalidValue);

    let kept = coercion(Coercion { unknown_attributes: UnknownAttributes::Keep, ..Coercion::default() });
    let operation = json!({"op": "replace", "path": "shoeSize", "value": 44});
    check(kept, &operation, "/shoeSize", &json!(44), ScimType::InvalidPath);
    let ignored = coercion(Coercion { unknown_attributes: UnknownAttributes::Ignore, ..Coercion::default() });
    let operation = json!({"op": "replace", "value": {"shoeSize": 44}});
    check(ignored, &operation, "/shoeSize", &json!(null), ScimType::InvalidSyntax);

    let any_schemas = coercion(Coercion { any_schemas: Accept, ..Coercion::default() });
    let operation = json!({"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department", "value": "X"});
    check(any_schemas, &operation, &urn_pointer("/department"), &json!("X"), ScimType::InvalidPath);
    let operation = json!({"op": "add", "path": "schemas", "value": ["urn:scim:schemas:core:1.0"]});
    check(any_schemas, &operation, "/schemas", &json!([USER, ENTERPRISE]), ScimType::InvalidValue);

    let duplicates = coercion(Coercion { duplicate_primary: Accept, ..Coercion::default() });
    let operation = json!({"op": "add", "path": "emails", "value": [
        {"value": "a", "primary": true}, {"value": "b", "primary": true}
    ]});
    check(duplicates, &operation, "/emails/2/primary", &json!(true), ScimType::InvalidValue);
}

#[test]
fn every_way_to_unassign_the_manager() {
    let manager = format!("{ENTERPRISE}:manager");
    for operation in [
        json!({"op": "replace", "path": manager, "value": ""}),
        json!({"op": "replace", "path": manager, "value": {"value": ""}}),
        json!({"op": "add", "path": manager, "value": [{"value": "", "$ref": ""}]}),
        json!({"op": "replace", "path": format!("{manager}.value"), "value": ""}),
        json!({"op": "replace", "path": "manager", "value": null}),
        json!({"op": "Remove", "path": "manager"}),
        json!({"op": "replace", "value": {ENTERPRISE: {"manager": ""}}}),
        json!({"op": "replace", "path": "manager", "value": []}),
    ] {
        let after = user_after(&ada(), &json!([operation]), &provider());
        assert_eq!(after[ENTERPRISE], json!({"department": "Maths"}), "{operation}");
    }
    let unset = json!([{"op": "replace", "path": "externalId", "value": ""}]);
    assert!(user_after(&ada(), &unset, &provider()).get("externalId").is_none());
    assert_eq!(user_after(&ada(), &unset, &strict())["externalId"], "", "only named presets unassign by an empty text");
}

#[test]
fn each_leniency_of_paths_alone() {
    let loose = Dialect { grammar: Leniencies { loose_paths: Accept, ..Leniencies::default() }, ..Dialect::default() };
    for path in ["/title", " title ", " /title"] {
        let operation = json!({"op": "replace", "path": path, "value": "x"});
        check(loose, &operation, "/title", &json!("x"), ScimType::InvalidPath);
    }
    let dotted = json!({"op": "replace", "path": format!("{ENTERPRISE}.department"), "value": "x"});
    check(loose, &dotted, &urn_pointer("/department"), &json!("x"), ScimType::InvalidPath);
    let dotted = json!({"op": "replace", "path": format!("{ENTERPRISE}.manager.value"), "value": "x"});
    check(loose, &dotted, &urn_pointer("/manager/value"), &json!("x"), ScimType::InvalidPath);
    let blank = json!({"op": "replace", "path": "", "value": {"title": "x"}});
    check(loose, &blank, "/title", &json!("x"), ScimType::InvalidPath);

    let names = CompileOptions { bare_extension_names: Accept, ..CompileOptions::default() };
    let bare = Dialect { names, ..Dialect::default() };
    for (path, at) in
        [("manager.value", "/manager/value"), ("department", "/department"), ("Department", "/department")]
    {
        let operation = json!({"op": "replace", "path": path, "value": "x"});
        check(bare, &operation, &urn_pointer(at), &json!("x"), ScimType::InvalidPath);
    }
    let operation = json!({"op": "replace", "value": {"department": "x"}});
    check(bare, &operation, &urn_pointer("/department"), &json!("x"), ScimType::InvalidSyntax);

    let names = CompileOptions { string_booleans: Accept, ..CompileOptions::default() };
    let truth = Dialect { names, ..Dialect::default() };
    let operation = json!({"op": "replace", "path": "emails[primary eq \"True\"].value", "value": "x"});
    check(truth, &operation, "/emails/0/value", &json!("x"), ScimType::InvalidFilter);

    let grammar = Leniencies { loose_values: Accept, ..Leniencies::default() };
    let unquoted = Dialect { grammar, ..Dialect::default() };
    let operation = json!({"op": "replace", "path": "emails[type eq work].value", "value": "x"});
    check(unquoted, &operation, "/emails/0/value", &json!("x"), ScimType::InvalidPath);
}

#[test]
fn each_switch_of_the_engine_alone() {
    let string_object = Dialect { string_value_object: Accept, ..Dialect::default() };
    let operation = json!({"op": "replace", "value": "{\"title\": \"x\"}"});
    check(string_object, &operation, "/title", &json!("x"), ScimType::InvalidValue);
    let twice = json!([{"op": "replace", "value": "\"{}\""}]);
    assert_eq!(refusal(patch_user(&ada(), &twice, &string_object)), ScimType::InvalidValue, "it is read once only");

    let read_only = Dialect { read_only: ReadOnlyInput::Ignore, ..Dialect::default() };
    for operation in [
        json!({"op": "replace", "path": "id", "value": "x"}),
        json!({"op": "replace", "value": {"id": "x", "groups": [], "meta": {"version": "9"}}}),
        json!({"op": "remove", "path": "groups"}),
    ] {
        check(read_only, &operation, "/title", &json!("Countess"), ScimType::Mutability);
    }

    let create = Dialect { unmatched: UnmatchedValueFilter::Create, ..Dialect::default() };
    let operation = json!({"op": "add", "path": "emails[type eq \"other\"].value", "value": "x"});
    check(create, &operation, "/emails/2", &json!({"type": "other", "value": "x"}), ScimType::NoTarget);
    let operation =
        json!({"op": "replace", "path": "ims[type eq \"xmpp\" and primary eq true]", "value": {"value": "x"}});
    check(create, &operation, "/ims/0", &json!({"type": "xmpp", "primary": true, "value": "x"}), ScimType::NoTarget);
    let operation = json!({"op": "add", "path": "emails[type sw \"oth\"].value", "value": "x"});
    check(create, &operation, "/emails/2", &json!(null), ScimType::NoTarget);

    let empty = Dialect { empty_operations: Accept, ..Dialect::default() };
    assert!(patch_user(&ada(), &json!([]), &empty).expect("accepted").changed.is_empty());
    assert_eq!(refusal(patch_user(&ada(), &json!([]), &strict())), ScimType::InvalidSyntax);
}

#[test]
fn operations_with_the_same_filter_build_one_element() {
    let operations = json!([
        {"op": "Add", "path": "addresses[type eq \"other\"].locality", "value": "London"},
        {"op": "Add", "path": "addresses[type eq \"other\"].country", "value": "UK"},
        {"op": "Replace", "path": "addresses[type eq \"other\"].region", "value": "Greater London"}
    ]);
    let after = user_after(&ada(), &operations, &provider());
    assert_eq!(
        after["addresses"][2],
        json!({"type": "other", "locality": "London", "country": "UK", "region": "Greater London"})
    );
    // Also where the filter does not match the element that it made.
    let operations = json!([
        {"op": "Add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "n@ex.com"},
        {"op": "Add", "path": "emails[type eq \"other\" and primary eq true].display", "value": "N"},
        {"op": "Add", "path": "ims[value eq \"a\"].value", "value": "b"},
        {"op": "Add", "path": "ims[value eq \"a\"].display", "value": "B"}
    ]);
    let after = user_after(&ada(), &operations, &provider());
    assert_eq!(after["emails"][2], json!({"type": "other", "value": "n@ex.com", "display": "N"}));
    assert_eq!(after["emails"][0]["primary"], true, "the mark of an e-mail is not moved by a filter");
    assert_eq!(after["ims"], json!([{"value": "b", "display": "B"}]));
}

#[test]
fn a_removal_in_between_forgets_what_was_made() {
    let operations = json!([
        {"op": "add", "path": "ims[value eq \"a\"].value", "value": "b"},
        {"op": "remove", "path": "ims"},
        {"op": "add", "path": "ims", "value": [{"value": "x"}, {"value": "y"}]},
        {"op": "add", "path": "ims[value eq \"a\"].display", "value": "A"}
    ]);
    let after = user_after(&ada(), &operations, &provider());
    assert_eq!(after["ims"], json!([{"value": "x"}, {"value": "y"}, {"value": "a", "display": "A"}]));
}

#[test]
fn complex_values_merge() {
    let merge = Dialect { complex: ComplexValues::Merge, ..Dialect::default() };
    let operations = json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"locality": "Leeds"}}]);
    let after = user_after(&ada(), &operations, &merge);
    assert_eq!(
        after["addresses"][0],
        json!({"type": "work", "streetAddress": "1 Old Street", "locality": "Leeds", "primary": false})
    );
    let operations = json!([{"op": "add", "path": "emails", "value": [{"value": "ADA@home.org", "display": "H"}]}]);
    let after = user_after(&ada(), &operations, &merge);
    assert_eq!(after["emails"][1], json!({"value": "ADA@home.org", "type": "home", "display": "H"}));
}

#[test]
fn a_sub_attribute_without_filter_is_that_of_the_main_element() {
    let operations = json!([{"op": "replace", "path": "emails.value", "value": "n@ex.com"}]);
    let after = user_after(&ada(), &operations, &provider());
    assert_eq!(after["emails"][0], json!({"value": "n@ex.com", "type": "work", "primary": true}));
    assert_eq!(after["emails"][1], ada()["emails"][1]);
    let operations = json!([{"op": "replace", "path": "addresses.locality", "value": "X"}]);
    assert_eq!(user_after(&ada(), &operations, &provider())["addresses"][1]["locality"], "X", "the primary one");
    let bare = json!({"schemas": [USER], "userName": "a", "emails": [{"value": "1"}, {"value": "2"}]});
    let operations = json!([{"op": "replace", "path": "emails.value", "value": "n"}]);
    assert_eq!(user_after(&bare, &operations, &provider())["emails"], json!([{"value": "n"}, {"value": "2"}]));
    let none = json!({"schemas": [USER], "userName": "a"});
    assert_eq!(user_after(&none, &operations, &provider())["emails"], json!([{"value": "n"}]));
}

#[test]
fn generic_has_its_leniencies_and_no_other() {
    for operation in [
        json!({"op": "replace", "path": "title", "value": 1}),
        json!({"op": "replace", "path": "title", "value": ["x"]}),
        json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "m9"}),
        json!({"op": "add", "path": "emails", "value": "x@ex.com"}),
        json!({"op": "add", "path": "emails", "value": ["x@ex.com"]}),
        json!({"op": "replace", "value": "{\"title\": \"x\"}"}),
        json!({"op": "replace", "path": "/title", "value": "x"}),
        json!({"op": "replace", "path": "department", "value": "x"}),
        json!({"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x"}),
        json!({"op": "replace", "path": "id", "value": "id-1"}),
        json!({"op": "remove", "value": {"members": [{"value": "u1"}]}}),
    ] {
        refusal(patch_user(&ada(), &json!([operation]), &generic()));
    }
    let operations = json!([
        {"op": "ADD", "path": "ACTIVE", "value": "False"},
        {"op": "replace", "path": "emails", "value": {"value": "n@ex.com", "primary": "TRUE"}},
        {"op": "remove", "path": "emails[primary eq \"false\"]"}
    ]);
    let after = user_after(&ada(), &operations, &generic());
    assert_eq!((&after["active"], &after["emails"]), (&json!(false), &json!([{"value": "n@ex.com", "primary": true}])));
}

#[test]
fn of_a_reference_to_the_manager_the_id_at_its_end_is_kept() {
    let reference = format!("{ENTERPRISE}:manager.$ref");
    let operations = json!([{"op": "replace", "path": reference, "value": "https://x/scim/v2/Users/m7"}]);
    for dialect in [strict(), generic(), provider()] {
        assert_eq!(user_after(&ada(), &operations, &dialect)[ENTERPRISE]["manager"], json!({"value": "m7"}));
    }
    let removal = json!([{"op": "remove", "path": reference}]);
    assert!(patch_user(&ada(), &removal, &strict()).expect("it is not stored").changed.is_empty());
}

#[test]
fn a_path_that_is_the_core_schema_itself_is_told_apart_from_an_unknown_name() {
    for dialect in [strict(), generic(), provider()] {
        let operations = json!([{"op": "add", "path": builtin::USER.to_uppercase(), "value": {"title": "x"}}]);
        let error = patch_user(&ada(), &operations, &dialect).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidPath));
        assert!(error.detail.contains(&format!("names the schema `{}`", builtin::USER)), "{}", error.detail);
    }
}
