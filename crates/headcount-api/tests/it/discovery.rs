//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7644 §4).

use headcount_model::Preset;
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn rfc7643_8_5_the_configuration_is_one_object_at_its_own_place() {
    let world = World::new(Preset::Generic);
    let reply = world.get("/ServiceProviderConfig");
    assert_eq!(reply.status, 200);
    let location = format!("https://scim.example/scim/v2/{}/ServiceProviderConfig", world.connection);
    assert_eq!(reply.body["meta"], json!({"resourceType": "ServiceProviderConfig", "location": location}));
    assert_eq!(reply.header("location"), Some(location.as_str()));
    assert_eq!(reply.body["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
}

#[test]
fn rfc7644_4_lists_are_list_responses_and_know_no_pages() {
    let world = World::new(Preset::Generic);
    for (target, total) in [("/ResourceTypes", 2), ("/Schemas", 6)] {
        for query in ["", "?startIndex=5&count=1&attributes=id&sortBy=x&cursor=x"] {
            let reply = world.get(&format!("{target}{query}"));
            assert_eq!(reply.body["totalResults"], total, "{target}{query}");
            assert_eq!(reply.body["itemsPerPage"], total);
            assert_eq!(reply.body["startIndex"], 1);
            assert_eq!(reply.body["Resources"].as_array().unwrap().len(), total);
            assert_eq!(reply.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        }
    }
}

/// RFC 7643 §6, §7.
#[test]
fn every_listed_document_is_at_its_own_location() {
    let world = World::new(Preset::Generic);
    let base = format!("https://scim.example/scim/v2/{}", world.connection);
    for (target, kind) in [("/ResourceTypes", "ResourceType"), ("/Schemas", "Schema")] {
        for listed in world.get(target).body["Resources"].as_array().unwrap() {
            let location = listed["meta"]["location"].as_str().unwrap();
            assert_eq!(listed["meta"]["resourceType"], kind);
            let single = world.get(location.strip_prefix(&base).unwrap());
            assert_eq!(single.status, 200, "{location}");
            assert_eq!(&single.body, listed);
        }
    }
}

/// RFC 7643 §6: every schema that a resource type names is the `id` of a schema that is served.
#[test]
fn resource_types_name_schemas_that_are_served() {
    let world = World::new(Preset::Generic);
    for kind in world.get("/ResourceTypes").body["Resources"].as_array().unwrap() {
        for required in ["name", "endpoint", "schema"] {
            assert!(kind[required].is_string(), "{required} of {kind}");
        }
        assert_eq!(world.get(kind["endpoint"].as_str().unwrap()).status, 200);
        let extensions = kind["schemaExtensions"].as_array().into_iter().flatten();
        assert!(extensions.clone().all(|extension| extension["required"].is_boolean()), "{kind}");
        for urn in extensions.map(|extension| &extension["schema"]).chain([&kind["schema"]]) {
            let schema = world.get(&format!("/Schemas/{}", urn.as_str().unwrap()));
            assert_eq!((schema.status, &schema.body["id"]), (200, urn));
        }
    }
}

/// RFC 7644 §8.2.
#[test]
fn rfc7644_3_1_schemas_of_messages_are_not_discoverable() {
    let world = World::new(Preset::Generic);
    for message in ["ListResponse", "SearchRequest", "PatchOp", "BulkRequest", "BulkResponse", "Error"] {
        let target = format!("/Schemas/urn:ietf:params:scim:api:messages:2.0:{message}");
        assert_eq!(world.get(&target).status, 404, "{message}");
    }
    for schema in world.get("/Schemas").body["Resources"].as_array().unwrap() {
        assert!(!schema["id"].as_str().unwrap().starts_with("urn:ietf:params:scim:api:"), "{schema}");
    }
}

#[test]
fn a_schema_is_found_in_any_letter_case_and_others_are_404() {
    let world = World::new(Preset::Generic);
    let urn = "URN:IETF:params:scim:schemas:core:2.0:user";
    assert_eq!(world.get(&format!("/Schemas/{urn}")).body["name"], "User");
    assert_eq!(world.get("/Schemas/urn:nobody").status, 404);
    assert_eq!(world.get("/ResourceTypes/Nobody").status, 404);
    assert_eq!(world.get("/ResourceTypes/User").body["endpoint"], "/Users");
}

/// RFC 7643 §6, §7.
#[test]
fn rfc7644_4_a_filter_is_403_and_a_write_405() {
    let world = World::new(Preset::Generic);
    for target in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
        assert_eq!(world.get(&format!("{target}?filter=id%20pr")).status, 403, "{target}");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(world.request(method, target).send().status, 405, "{method} {target}");
        }
    }
}

/// RFC 7643 §4.
#[test]
fn what_a_resource_holds_is_declared() {
    fn check(value: &Value, attributes: &Value, place: &str) {
        let Value::Object(members) = value else { return };
        for (name, value) in members {
            if place.is_empty()
                && (["schemas", "id", "externalId", "meta"].contains(&name.as_str()) || name.starts_with("urn:"))
            {
                continue;
            }
            let declared = attributes.as_array().unwrap().iter().find(|attribute| attribute["name"] == name.as_str());
            let declared = declared.unwrap_or_else(|| panic!("{place}{name} is not declared"));
            let elements = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            assert_eq!(value.is_array(), declared["multiValued"] == true, "{place}{name}");
            for element in elements {
                check(&element, &declared["subAttributes"], &format!("{place}{name}."));
            }
        }
    }
    for preset in Preset::ALL {
        let world = World::new(preset);
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "userName": "ada", "displayName": "Ada", "emails": [{"value": "a@x.example", "type": "work", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "m1"}, "department": "d"},
        });
        let ada = world.post("/Users", &user).body["id"].as_str().unwrap().to_owned();
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff", "members": [{"value": ada}],
        });
        let group = world.post("/Groups", &group);
        assert_eq!(group.status, 201, "{preset:?} {group:?}");
        let user = world.get(&format!("/Users/{ada}"));
        assert_eq!(user.body["groups"][0]["value"], group.body["id"], "{preset:?}");
        let schema = |urn: &str| world.get(&format!("/Schemas/{urn}")).body["attributes"].clone();
        check(&user.body, &schema("urn:ietf:params:scim:schemas:core:2.0:User"), "");
        check(&group.body, &schema("urn:ietf:params:scim:schemas:core:2.0:Group"), "");
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        check(&user.body[enterprise], &schema(enterprise), "enterprise.");
    }
}
