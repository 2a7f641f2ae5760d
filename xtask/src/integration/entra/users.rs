//! Users as Entra creates, matches, updates, disables, restores and deletes them.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER, find, find_user, operations};
use crate::integration::http::encode;
use crate::integration::import::{GRACE, HEIDI, HEIDI_EMAIL, IVAN};
use crate::integration::journey::{Client, Journey};

pub(crate) const ADA: &str = "ada@acme.example";
const BOSS: &str = "boss@acme.example";
/// A guest, whose name has to be encoded.
const GUEST: &str = "bob_other.example#EXT#@acme.example";

/// Users by their ids.
pub(crate) struct People {
    pub(crate) ada: String,
    pub(crate) boss: String,
    pub(crate) guest: String,
    pub(crate) grace: String,
}

/// Everything up to groups.
pub(crate) fn live(journey: &mut Journey<'_>, client: &Client) -> People {
    let boss = create(journey, client, BOSS, "boss", None);
    let ada = create(journey, client, ADA, "ada", Some(&boss));
    let guest = create(journey, client, GUEST, "guest", None);
    journey
        .step(client, "Entra creates Ada once more")
        .post("/Users", created(ADA, "ada-2", None))
        .refused_as(409, "uniqueness", ADA)
        .run();
    journey
        .step(client, "Entra creates somebody with Ada's externalId")
        .post("/Users", created("other@acme.example", "ada", None))
        .refused_as(409, "uniqueness", "externalId")
        .run();
    matching(journey, client, &ada, &boss);
    without_flag(journey, client, &ada, &guest);
    with_flag(journey, client, &ada);
    absent_values(journey, client, &guest);
    manager(journey, client, &ada, &boss);
    roles(journey, client, &ada);
    enabled_and_disabled(journey, client, &ada);
    all_or_nothing(journey, client, &ada);
    let grace = link(journey, client);
    clash(journey, client);
    held(journey, client);
    People { ada, boss, guest, grace }
}

/// A creation with the awkward parts: nulls, an empty list, the manager as a plain string.
fn created(user_name: &str, external_id: &str, manager: Option<&str>) -> Value {
    let mut body = json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": external_id,
        "userName": user_name,
        "active": true,
        "addresses": null,
        "displayName": format!("Display {external_id}"),
        "emails": [{"primary": true, "type": "work", "value": user_name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Some Body", "familyName": "Body", "givenName": "Some"},
        "phoneNumbers": null,
        "roles": [],
        "title": null,
    });
    let mut extension = json!({"department": "Maths"});
    if let (Some(manager), Some(parts)) = (manager, extension.as_object_mut()) {
        parts.insert("manager".to_owned(), json!(manager));
    }
    if let Some(parts) = body.as_object_mut() {
        parts.insert(ENTERPRISE.to_owned(), extension);
    }
    body
}

fn create(
    journey: &mut Journey<'_>,
    client: &Client,
    user_name: &str,
    external_id: &str,
    manager: Option<&str>,
) -> String {
    journey.step(client, "Entra looks for a match").get(find_user(user_name)).finds(&[]).run();
    let step = journey
        .step(client, "Entra creates the user")
        .post("/Users", created(user_name, external_id, manager))
        .tells("/id")
        .shows("/userName", user_name)
        .shows("/externalId", external_id)
        .shows("/active", true)
        .shows("/meta/resourceType", "User")
        .tells("/meta/location")
        .has("/emails", json!({"value": user_name, "type": "work", "primary": true}))
        .shows(&format!("/{ENTERPRISE}/department"), "Maths")
        .shows("/schemas", json!([USER, ENTERPRISE]))
        .lacks("/roles")
        .lacks("/addresses")
        .lacks("/title");
    let step = match manager {
        Some(manager) => step.shows(&format!("/{ENTERPRISE}/manager/value"), manager),
        None => step.lacks(&format!("/{ENTERPRISE}/manager")),
    };
    step.run().id()
}

fn matching(journey: &mut Journey<'_>, client: &Client, ada: &str, boss: &str) {
    for (what, path) in [
        ("Entra matches by userName", find_user(ADA)),
        ("Entra matches by userName in another letter case", find_user("ADA@acme.example")),
        ("Entra matches by externalId", find("/Users?", "externalId", "ada")),
        ("Entra matches by externalId without quotes", "/Users?filter=externalId+eq+ada".to_owned()),
        (
            "Entra matches by the address of type work",
            format!("/Users?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22{}%22", encode(ADA)),
        ),
        (
            "Entra matches by a name with its schema in front",
            format!("/Users?filter={}+eq+%22{}%22", encode(&format!("{USER}:userName")), encode(ADA)),
        ),
        (
            "Entra checks a reference",
            format!("/Users?filter=id+eq+%22{ada}%22+and+manager+eq+%22{boss}%22&attributes=id"),
        ),
    ] {
        journey.step(client, what).get(path).finds(&[ada]).run();
    }
    journey
        .step(client, "externalId is compared letter by letter")
        .get(find("/Users?", "externalId", "ADA"))
        .finds(&[])
        .run();
    journey
        .step(client, "a guest's name is found")
        .get(find_user(GUEST))
        .total(1)
        .shows("/Resources/0/userName", GUEST)
        .run();
}

fn without_flag(journey: &mut Journey<'_>, client: &Client, ada: &str, other: &str) {
    let body = operations(&json!([
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ada2@acme.example"},
        {"op": "Replace", "path": "name.familyName", "value": "Lovelace"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "London"},
        {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "UK"},
        {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "R&D"},
        {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": other},
        {"op": "Replace", "path": "active", "value": "False"},
    ]));
    let path = format!("/Users/{ada}");
    journey
        .step(client, "Entra updates without the feature flag")
        .patch(&path, body)
        .shows("/id", ada)
        .shows("/emails", json!([{"primary": true, "type": "work", "value": "ada2@acme.example"}]))
        .shows("/name/familyName", "Lovelace")
        .shows("/name/givenName", "Some")
        .shows("/addresses", json!([{"type": "work", "locality": "London", "country": "UK"}]))
        .shows(&format!("/{ENTERPRISE}/department"), "R&D")
        .shows(&format!("/{ENTERPRISE}/manager/value"), other)
        .shows("/active", false)
        .run();
}

fn with_flag(journey: &mut Journey<'_>, client: &Client, ada: &str) {
    let body = operations(&json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada3@acme.example"},
        {"op": "replace", "value": {
            "displayName": "Ada L",
            "name.givenName": "Ada",
            format!("{ENTERPRISE}:employeeNumber"): "77",
            "active": true,
        }},
    ]));
    journey
        .step(client, "Entra updates with the feature flag")
        .patch(format!("/Users/{ada}"), body)
        .has("/emails", json!({"type": "work", "value": "ada3@acme.example"}))
        .shows("/displayName", "Ada L")
        .shows("/name/givenName", "Ada")
        .shows("/name/familyName", "Lovelace")
        .shows(&format!("/{ENTERPRISE}/employeeNumber"), "77")
        .shows(&format!("/{ENTERPRISE}/department"), "R&D")
        .shows("/active", true)
        .run();
}

fn absent_values(journey: &mut Journey<'_>, client: &Client, guest: &str) {
    let path = format!("/Users/{guest}");
    journey
        .step(client, "Entra takes the address away")
        .patch(&path, operations(&json!([{"op": "Remove", "path": "emails[type eq \"work\"]"}])))
        .lacks("/emails")
        .run();
    let body = operations(&json!([
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "guest@other.example"},
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+47 1"},
        {"op": "Replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "+47 2"},
        {"op": "Add", "path": "addresses[type eq \"work\"].formatted", "value": "1 Street"},
        {"op": "Replace", "path": "addresses[type eq \"work\"].postalCode", "value": 1234},
        {"op": "Add", "path": "title", "value": ["Visitor"]},
    ]));
    journey
        .step(client, "Entra adds what is absent, by type")
        .patch(&path, body)
        .shows("/emails", json!([{"type": "work", "value": "guest@other.example"}]))
        .has("/phoneNumbers", json!({"type": "mobile", "value": "+47 1"}))
        .has("/phoneNumbers", json!({"type": "work", "value": "+47 2"}))
        .shows("/addresses", json!([{"type": "work", "formatted": "1 Street", "postalCode": "1234"}]))
        .shows("/title", "Visitor")
        .run();
}

fn manager(journey: &mut Journey<'_>, client: &Client, ada: &str, boss: &str) {
    let path = format!("/Users/{ada}");
    let place = format!("/{ENTERPRISE}/manager");
    let value = format!("{place}/value");
    let urn = format!("{ENTERPRISE}:manager");
    let users = format!("{}{}/Users/", journey.address(), client.base());
    for (what, op, at, sent) in [
        ("Entra sets the manager as a string", "Add", urn.as_str(), json!(boss)),
        ("Entra sets it as older jobs do", "Replace", "manager", json!([{"$ref": "../Users/x", "value": boss}])),
        ("Entra sets it as an object", "Replace", urn.as_str(), json!({"value": boss})),
    ] {
        journey
            .step(client, what)
            .patch(&path, operations(&json!([{"op": op, "path": at, "value": sent}])))
            .shows(&value, boss)
            .begins(&format!("{place}/$ref"), users.as_str())
            .run();
        journey
            .step(client, "and takes it away with an empty string")
            .patch(&path, operations(&json!([{"op": "Replace", "path": at, "value": ""}])))
            .lacks(&place)
            .run();
    }
    journey
        .step(client, "Entra sets the manager again")
        .patch(&path, operations(&json!([{"op": "Add", "path": urn, "value": boss}])))
        .shows(&value, boss)
        .run();
    journey
        .step(client, "Entra removes it")
        .patch(&path, operations(&json!([{"op": "Remove", "path": urn}])))
        .lacks(&place)
        .run();
}

fn roles(journey: &mut Journey<'_>, client: &Client, ada: &str) {
    let path = format!("/Users/{ada}");
    let role = "{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"Admin\"}";
    journey
        .step(client, "Entra assigns an app role, which is JSON in a string")
        .patch(
            &path,
            operations(&json!([{"op": "Add", "path": "roles", "value": [{"value": role, "primary": "True"}]}])),
        )
        .shows("/roles", json!([{"value": role, "primary": true}]))
        .run();
    journey
        .step(client, "Entra replaces the primary role")
        .patch(
            &path,
            operations(&json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "Reader"}])),
        )
        .shows("/roles", json!([{"value": "Reader", "primary": true}]))
        .run();
    for word in ["%22true%22", "true"] {
        journey
            .step(client, "a filter asks for the primary role")
            .get(format!("/Users?filter=roles%5Bprimary+eq+{word}+and+value+eq+%22Reader%22%5D"))
            .finds(&[ada])
            .run();
    }
}

/// Soft deletion and restoration, in both dialects.
fn enabled_and_disabled(journey: &mut Journey<'_>, client: &Client, ada: &str) {
    let path = format!("/Users/{ada}");
    for (what, operation, active) in [
        ("Entra disables, no flag", json!({"op": "Replace", "path": "active", "value": "False"}), false),
        ("Entra enables, no flag", json!({"op": "Replace", "path": "active", "value": "True"}), true),
        ("Entra disables, flag", json!({"op": "replace", "path": "active", "value": false}), false),
        ("Entra enables, flag", json!({"op": "replace", "path": "active", "value": true}), true),
        ("Entra disables among others", json!({"op": "replace", "value": {"active": "false", "title": "Away"}}), false),
        ("Entra enables among others", json!({"op": "Add", "value": {"active": "TRUE", "title": "Back"}}), true),
    ] {
        journey
            .step(client, what)
            .patch(&path, operations(&json!([operation])))
            .shows("/id", ada)
            .shows("/active", active)
            .run();
        journey
            .step(client, "the user is found")
            .get(find_user(ADA))
            .finds(&[ada])
            .shows("/Resources/0/active", active)
            .run();
    }
}

fn all_or_nothing(journey: &mut Journey<'_>, client: &Client, ada: &str) {
    let path = format!("/Users/{ada}");
    let before = journey.step(client, "Entra reads Ada").get(&path).run();
    journey
        .step(client, "a PATCH with one malformed path is refused as a whole")
        .patch(
            &path,
            operations(&json!([
                {"op": "Replace", "path": "title", "value": "Lost"},
                {"op": "Replace", "path": "emails[type eq \"work\".value", "value": "x"},
            ])),
        )
        .refused_as(400, "invalidPath", "")
        .run();
    journey.step(client, "nothing of it applied").get(&path).answers(before.raw()).run();
}

/// R8: an existing account is linked by the first PATCH and never doubled.
fn link(journey: &mut Journey<'_>, client: &Client) -> String {
    let found = journey
        .step(client, "Entra matches an account that the application has already")
        .get(find_user(GRACE))
        .total(1)
        .lacks("/Resources/0/externalId")
        .run();
    let grace = found.text("/Resources/0/id");
    journey
        .step(client, "a creation does not double it")
        .post("/Users", created(GRACE, "grace", None))
        .refused_as(409, "uniqueness", "look it up with a filter")
        .run();
    journey
        .step(client, "Entra links it by an update")
        .patch(
            format!("/Users/{grace}"),
            operations(&json!([
                {"op": "Add", "path": "externalId", "value": "grace"},
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "GRACE@acme.example"},
                {"op": "Add", "path": "title", "value": "Rear Admiral"},
            ])),
        )
        .shows("/id", grace.as_str())
        .shows("/externalId", "grace")
        .shows("/title", "Rear Admiral")
        .run();
    journey.step(client, "there is one such user, with its old id").get(find_user(GRACE)).finds(&[&grace]).run();
    journey
        .step(client, "it is matched by its new externalId")
        .get(find("/Users?", "externalId", "grace"))
        .finds(&[&grace])
        .run();
    grace
}

/// R8: the same userName with another e-mail address.
fn clash(journey: &mut Journey<'_>, client: &Client) {
    let found = journey
        .step(client, "Entra matches an account with another e-mail address")
        .get(find_user(HEIDI))
        .total(1)
        .has("/Resources/0/emails", json!({"value": HEIDI_EMAIL}))
        .run();
    let path = format!("/Users/{}", found.text("/Resources/0/id"));
    let before = journey.step(client, "Entra reads it").get(&path).run();
    journey
        .step(client, "Entra's link is refused as a conflict")
        .patch(
            &path,
            operations(&json!([
                {"op": "Add", "path": "externalId", "value": "heidi"},
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": HEIDI},
            ])),
        )
        .refused_as(409, "uniqueness", "another e-mail address")
        .run();
    journey.step(client, "the account is as it was").get(&path).answers(before.raw()).run();
}

fn held(journey: &mut Journey<'_>, client: &Client) {
    journey
        .step(client, "Entra does not match an account that stays the application's")
        .get(find_user(IVAN))
        .finds(&[])
        .run();
    journey
        .step(client, "Entra's creation of its userName is refused")
        .post("/Users", created(IVAN, "ivan", None))
        .refused_as(409, "uniqueness", "held by another source of this workspace")
        .run();
}

/// Hard deletion, and a new user of the same name.
pub(crate) fn erase(journey: &mut Journey<'_>, client: &Client, people: &People) {
    let path = format!("/Users/{}", people.guest);
    journey.step(client, "Entra deletes the guest for good").delete(&path).run();
    journey.step(client, "the guest is gone").get(&path).refused(404, &people.guest).run();
    journey.step(client, "and cannot be deleted twice").delete(&path).refused(404, &people.guest).run();
    let again = create(journey, client, GUEST, "guest", None);
    journey.check("the new user has an id of its own", again != people.guest, &format!("got {again} again"));
}
