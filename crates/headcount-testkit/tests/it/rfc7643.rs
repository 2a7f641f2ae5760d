//! The examples of RFC 7643 §8 as requests and answers.

use headcount_testkit::client::{ENTERPRISE, GROUP, LIST_RESPONSE, USER};
use serde_json::{Value, json};

use crate::stores::each_strict;

/// Made as the example has it, a user is answered as the example has it, but for what is ours.
fn round_trip(example: &str) {
    each_strict(|client| {
        let sent: Value = serde_json::from_str(example).unwrap();
        let made = client.post("/Users", &sent).expect(201);
        let answered = client.get(&format!("/Users/{}", made.id())).expect(200).json();
        assert_eq!(made.json(), answered);
        let mut expected = sent;
        let object = expected.as_object_mut().unwrap();
        for ours in ["id", "meta", "groups", "password"] {
            object.remove(ours);
        }
        if let Some(manager) = object.get_mut(ENTERPRISE).and_then(|extension| extension.get_mut("manager")) {
            let id = manager["value"].as_str().unwrap().to_owned();
            *manager = json!({"value": id, "$ref": format!("{}/Users/{id}", client.base)});
        }
        let mut found = answered;
        let meta = found["meta"].take();
        assert_eq!(meta["resourceType"], "User");
        let found = found.as_object_mut().unwrap();
        found.remove("id");
        found.remove("meta");
        if !object.contains_key("active") {
            assert_eq!(found.remove("active"), Some(json!(true)), "a user is active unless told otherwise");
        }
        for schemas in [&mut *object, found] {
            let list = schemas["schemas"].as_array_mut().unwrap();
            list.sort_by_key(ToString::to_string);
        }
        assert_eq!(Value::Object(found.clone()), Value::Object(object.clone()));
    });
}

#[test]
fn rfc7643_8_1_minimal_user_is_made_and_read() {
    round_trip(include_str!("../../../scim-schema/tests/rfc7643/8_1_minimal_user.json"));
}

#[test]
fn rfc7643_8_2_full_user_is_made_and_read() {
    round_trip(include_str!("../../../scim-schema/tests/rfc7643/8_2_full_user.json"));
}

#[test]
fn rfc7643_8_3_enterprise_user_is_made_and_read() {
    round_trip(include_str!("../../../scim-schema/tests/rfc7643/8_3_enterprise_user.json"));
}

#[test]
fn rfc7643_8_4_group_is_made_and_read() {
    each_strict(|client| {
        let (babs, mandy) = (client.user("bjensen"), client.user("mpepperidge"));
        let made = client.post(
            "/Groups",
            &json!({
                "schemas": [GROUP],
                "displayName": "Tour Guides",
                "members": [
                    {"value": babs, "$ref": format!("{}/Users/{babs}", client.base), "display": "Babs Jensen"},
                    {"value": mandy, "$ref": format!("{}/Users/{mandy}", client.base), "display": "Mandy Pepperidge"}
                ],
            }),
        );
        let mut group = client.get(&format!("/Groups/{}", made.expect(201).id())).expect(200).json();
        let members = group["members"].as_array_mut().unwrap();
        members.sort_by_key(ToString::to_string);
        let member = |id: &str| json!({"value": id, "$ref": format!("{}/Users/{id}", client.base), "type": "User"});
        let mut expected = vec![member(&babs), member(&mandy)];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(*members, expected);
        assert_eq!((&group["schemas"], &group["displayName"]), (&json!([GROUP]), &json!("Tour Guides")));
        let user = client.get(&format!("/Users/{babs}")).json();
        assert_eq!(user["groups"][0]["value"], group["id"]);
    });
}

#[test]
fn rfc7643_8_5_service_provider_configuration_is_served() {
    each_strict(|client| {
        let reply = client.get("/ServiceProviderConfig").expect(200);
        let body = reply.json();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
        for key in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert!(body[key]["supported"].is_boolean(), "{key}");
        }
        assert_eq!(body["bulk"]["maxOperations"], 1000);
        assert_eq!(body["bulk"]["maxPayloadSize"], 10 * 1024 * 1024);
        assert_eq!(body["filter"]["maxResults"], 500);
        assert_eq!(body["authenticationSchemes"][0]["type"], "oauthbearertoken");
        assert_eq!(body["meta"]["location"], json!(format!("{}/ServiceProviderConfig", client.base)));
    });
}

#[test]
fn rfc7643_8_6_resource_types_are_served() {
    each_strict(|client| {
        let list = client.get("/ResourceTypes").expect(200).json();
        assert_eq!((&list["schemas"], &list["totalResults"]), (&json!([LIST_RESPONSE]), &json!(2)));
        let user = client.get("/ResourceTypes/User").expect(200).json();
        assert_eq!(
            user,
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": "User",
                "name": "User",
                "endpoint": "/Users",
                "description": user["description"],
                "schema": USER,
                "schemaExtensions": [{"schema": ENTERPRISE, "required": false}],
                "meta": {"location": format!("{}/ResourceTypes/User", client.base), "resourceType": "ResourceType"},
            })
        );
        assert!(list["Resources"].as_array().unwrap().contains(&user));
    });
}

#[test]
fn rfc7643_8_7_schemas_are_served() {
    each_strict(|client| {
        let list = client.get("/Schemas").expect(200).json();
        for urn in [USER, GROUP, ENTERPRISE] {
            let schema = client.get(&format!("/Schemas/{urn}")).expect(200).json();
            assert!(list["Resources"].as_array().unwrap().contains(&schema), "{urn}");
            assert_eq!(schema["meta"]["location"], json!(format!("{}/Schemas/{urn}", client.base)));
            for attribute in schema["attributes"].as_array().unwrap() {
                for characteristic in
                    ["name", "type", "multiValued", "description", "required", "mutability", "returned"]
                {
                    assert!(!attribute[characteristic].is_null(), "{urn} {attribute} {characteristic}");
                }
            }
        }
    });
}
