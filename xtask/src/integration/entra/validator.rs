//! What Microsoft's validator of SCIM servers checks, as far as the steps before have not.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER, find_user, operations};
use crate::integration::journey::{Client, Journey};

const NAME: &str = "validator@acme.example";

/// The list, ending with nothing left of it.
pub(crate) fn run(journey: &mut Journey<'_>, client: &Client) {
    discovery(journey, client);
    let made = journey
        .step(client, "validator: a user with booleans in strings and a scalar in a list")
        .post(
            "/Users",
            json!({
                "schemas": [USER, ENTERPRISE],
                "userName": NAME,
                "active": "True",
                "displayName": ["Val Idator"],
                "emails": [{"value": NAME, "type": "work", "primary": "True"}],
                "roles": [{"value": "Reader", "primary": "true"}],
                "nickName": "Val",
                ENTERPRISE: {"manager": {"value": "m-1"}},
            }),
        )
        .shows("/active", true)
        .shows("/displayName", "Val Idator")
        .shows("/roles/0/primary", true)
        .shows("/meta/resourceType", "User")
        .tells("/meta/location")
        .run();
    let id = made.id();
    let path = format!("/Users/{id}");
    journey
        .step(client, "validator: the location can be read")
        .get(&path)
        .shows("/meta/location", made.text("/meta/location"))
        .run();
    journey
        .step(client, "validator: the same user again")
        .post("/Users", json!({"schemas": [USER], "userName": NAME}))
        .refused_as(409, "uniqueness", NAME)
        .run();
    journey
        .step(client, "validator: ?attributes=manager names an attribute of the extension")
        .get(format!("{path}?attributes=manager"))
        .shows(&format!("/{ENTERPRISE}/manager/value"), "m-1")
        .lacks("/displayName")
        .lacks("/emails")
        .run();
    updates(journey, client, &path);
    journey.step(client, "validator: the user is deleted").delete(&path).run();
    journey.step(client, "validator: it is gone").get(&path).refused(404, &id).run();
    journey.step(client, "validator: deleting it again").delete(&path).refused(404, &id).run();
}

fn updates(journey: &mut Journey<'_>, client: &Client, path: &str) {
    let patched = journey
        .step(client, "validator: several attributes at once")
        .patch(
            path,
            operations(&json!([
                {"op": "replace", "path": "displayName", "value": "V. Idator"},
                {"op": "replace", "path": "nickName", "value": "Vee"},
                {"op": "replace", "path": "name.givenName", "value": "Val"},
                {"op": "add", "path": "timezone", "value": "Europe/Oslo"},
            ])),
        )
        .shows("/displayName", "V. Idator")
        .shows("/nickName", "Vee")
        .shows("/name/givenName", "Val")
        .shows("/timezone", "Europe/Oslo")
        .run();
    journey
        .step(client, "validator: no operations change nothing")
        .patch(path, operations(&json!([])))
        .shows("/meta/version", patched.text("/meta/version"))
        .run();
    journey
        .step(client, "validator: operations on one attribute run in order")
        .patch(
            path,
            operations(&json!([
                {"op": "replace", "path": "nickName", "value": "First"},
                {"op": "remove", "path": "nickName"},
                {"op": "add", "path": "nickName", "value": "Last"},
            ])),
        )
        .shows("/nickName", "Last")
        .run();
    journey
        .step(client, "validator: another userName, without a path")
        .patch(path, operations(&json!([{"op": "replace", "value": {"userName": "renamed@acme.example"}}])))
        .shows("/userName", "renamed@acme.example")
        .run();
    journey.step(client, "validator: the old name is free").get(find_user(NAME)).finds(&[]).run();
    journey
        .step(client, "validator: a missing user is an empty list")
        .get(find_user("missing@acme.example"))
        .finds(&[])
        .run();
}

/// Discovery for the validator: lists without nulls, key words in camel case.
fn discovery(journey: &mut Journey<'_>, client: &Client) {
    let schemas = journey.step(client, "validator: the schemas").get("/Schemas").shows("/startIndex", 1).run();
    let user = schemas
        .body()
        .get("Resources")
        .and_then(Value::as_array)
        .and_then(|all| all.iter().find(|schema| schema.get("id").and_then(Value::as_str) == Some(USER)));
    let user_name = user
        .and_then(|schema| schema.get("attributes"))
        .and_then(Value::as_array)
        .and_then(|all| all.iter().find(|attribute| attribute.get("name").and_then(Value::as_str) == Some("userName")));
    let word = |name: &str| user_name.and_then(|attribute| attribute.get(name)).cloned().unwrap_or_default();
    journey.check(
        "validator: userName is required and unique, its key words are in camel case",
        word("required") == json!(true) && word("uniqueness") == "server" && word("mutability") == "readWrite",
        &format!("got {user_name:?}"),
    );
    journey.step(client, "validator: the resource types").get("/ResourceTypes").tells("/Resources/0/endpoint").run();
    journey.step(client, "validator: one resource type").get("/ResourceTypes/User").shows("/endpoint", "/Users").run();
    journey
        .step(client, "validator: what the server can do")
        .get("/ServiceProviderConfig")
        .shows("/patch/supported", true)
        .shows("/filter/supported", true)
        .shows("/changePassword/supported", false)
        .shows("/authenticationSchemes/0/type", "oauthbearertoken")
        .run();
}
