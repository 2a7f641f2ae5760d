//! Users as Okta pushes, links, updates, deactivates and reactivates them.

use anyhow::Result;
use serde_json::{Value, json};

use super::{USER, find_user, operations};
use crate::integration::import::{GRACE, HEIDI, HEIDI_EMAIL, IVAN};
use crate::integration::journey::{Client, Journey};

pub(crate) const ADA: &str = "ada@acme.example";
const BOB: &str = "bob@acme.example";
const CAROL: &str = "carol@acme.example";

/// An extension that the customer has mapped and no schema declares.
const CUSTOM: &str = "urn:okta:acme_app:1.0:user:custom";

/// Users by their ids.
pub(crate) struct People {
    pub(crate) ada: String,
    pub(crate) bob: String,
    pub(crate) carol: String,
    pub(crate) grace: String,
}

/// Everything up to groups.
pub(crate) fn live(journey: &mut Journey<'_>, wizard: &Client, catalogue: &Client) -> Result<People> {
    let ada = push(journey, wizard, ADA, "Ada", "Byron", "00uAAA111");
    let bob = push(journey, catalogue, BOB, "Bob", "Moss", "00uBBB222");
    let carol = push(journey, wizard, CAROL, "Carol", "Rand", "00uCCC333");
    journey
        .step(wizard, "Okta pushes Ada once more")
        .post("/Users", pushed(ADA, "Ada", "Byron", "00uAAA111"))
        .refused_as(409, "uniqueness", ADA)
        .run();
    custom_attributes(journey, wizard, &carol);
    let grace = link(journey, wizard);
    clash(journey, wizard);
    held(journey, wizard);
    profile(journey, wizard, &ada);
    deactivation(journey, wizard, catalogue, &ada);
    password(journey, catalogue, &bob);
    identity(journey, wizard, &bob)?;
    Ok(People { ada, bob, carol, grace })
}

/// The body of a push, with the random password that Okta sends unasked.
fn pushed(user_name: &str, given: &str, family: &str, external_id: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": true, "value": user_name, "type": "work"}],
        "displayName": format!("{given} {family}"),
        "locale": "en-US",
        "externalId": external_id,
        "groups": [],
        "password": "r4nd0m-and-secret",
        "active": true,
    })
}

fn push(
    journey: &mut Journey<'_>,
    client: &Client,
    user_name: &str,
    given: &str,
    family: &str,
    external_id: &str,
) -> String {
    journey.step(client, "Okta asks whether the user exists").get(find_user(user_name)).finds(&[]).run();
    let made = journey
        .step(client, "Okta pushes a new user")
        .post("/Users", pushed(user_name, given, family, external_id))
        .tells("/id")
        .shows("/userName", user_name)
        .shows("/externalId", external_id)
        .shows("/name/givenName", given)
        .shows("/name/familyName", family)
        .shows("/active", true)
        .shows("/locale", "en-US")
        .shows("/schemas", json!([USER]))
        .shows("/meta/resourceType", "User")
        .has("/emails", json!({"value": user_name, "type": "work", "primary": true}))
        .run();
    let id = made.id();
    journey.step(client, "Okta finds the new user").get(find_user(user_name)).finds(&[&id]).run();
    id
}

fn custom_attributes(journey: &mut Journey<'_>, client: &Client, carol: &str) {
    let path = format!("/Users/{carol}");
    let custom = json!({"badge": "B-17", "sites": ["Oslo", "Bergen"]});
    let mut body = journey.step(client, "Okta reads Carol").get(&path).run().object();
    body.insert("schemas".to_owned(), json!([USER, CUSTOM]));
    body.insert(CUSTOM.to_owned(), custom.clone());
    body.insert("favouriteColour".to_owned(), json!("green"));
    for (what, step) in [("Okta maps custom attributes, which are kept", Some(body)), ("Okta reads them back", None)] {
        let asked = journey.step(client, what);
        let asked = match step {
            Some(body) => asked.put(&path, body),
            None => asked.get(&path),
        };
        asked
            .shows(&format!("/{CUSTOM}"), custom.clone())
            .shows("/schemas", json!([USER, CUSTOM]))
            .shows("/favouriteColour", "green")
            .run();
    }
}

/// R8: an existing account is linked and never doubled.
fn link(journey: &mut Journey<'_>, client: &Client) -> String {
    let found = journey
        .step(client, "Okta finds an account that the application has already")
        .get(find_user(&GRACE.to_uppercase()))
        .total(1)
        .lacks("/Resources/0/externalId")
        .run();
    let grace = found.text("/Resources/0/id");
    let path = format!("/Users/{grace}");
    journey
        .step(client, "a push of the same userName does not double it")
        .post("/Users", pushed(GRACE, "Grace", "Hopper", "00uGGG777"))
        .refused_as(409, "uniqueness", "look it up with a filter")
        .run();
    let mut body = journey.step(client, "Okta reads it").get(&path).shows("/userName", GRACE).run().object();
    body.insert("externalId".to_owned(), json!("00uGGG777"));
    body.insert("name".to_owned(), json!({"givenName": "Grace", "familyName": "Murray Hopper"}));
    journey
        .step(client, "Okta links it")
        .put(&path, body)
        .shows("/id", grace.as_str())
        .shows("/externalId", "00uGGG777")
        .shows("/name/familyName", "Murray Hopper")
        .run();
    journey.step(client, "there is one such user, with its old id").get(find_user(GRACE)).finds(&[&grace]).run();
    grace
}

/// R8: the same userName with another e-mail address.
fn clash(journey: &mut Journey<'_>, client: &Client) {
    let found =
        journey.step(client, "Okta finds an account with another e-mail address").get(find_user(HEIDI)).total(1).run();
    let id = found.text("/Resources/0/id");
    let path = format!("/Users/{id}");
    let before = journey.step(client, "Okta reads it").get(&path).run();
    let mut body = before.object();
    body.insert("externalId".to_owned(), json!("00uHHH888"));
    body.insert("emails".to_owned(), json!([{"primary": true, "value": HEIDI, "type": "work"}]));
    journey
        .step(client, "Okta's link is refused as a conflict")
        .put(&path, body)
        .refused_as(409, "uniqueness", "another e-mail address")
        .run();
    journey
        .step(client, "the account is as it was")
        .get(&path)
        .answers(before.raw())
        .has("/emails", json!({"value": HEIDI_EMAIL}))
        .run();
}

/// An account that only the application may change.
fn held(journey: &mut Journey<'_>, client: &Client) {
    journey
        .step(client, "Okta does not see an account that stays the application's")
        .get(find_user(IVAN))
        .finds(&[])
        .run();
    journey
        .step(client, "Okta's push of its userName is refused")
        .post("/Users", pushed(IVAN, "Ivan", "Petrov", "00uIII999"))
        .refused_as(409, "uniqueness", "held by another source of this workspace")
        .run();
}

/// R9: the identity provider's values overwrite.
fn profile(journey: &mut Journey<'_>, client: &Client, ada: &str) {
    let path = format!("/Users/{ada}");
    let before = journey.step(client, "Okta reads Ada").get(&path).run();
    let mut body = before.object();
    body.insert("name".to_owned(), json!({"givenName": "Augusta Ada", "familyName": "King"}));
    body.insert("title".to_owned(), json!("Countess"));
    let after = journey
        .step(client, "Okta updates the profile")
        .put(&path, body.clone())
        .shows("/id", ada)
        .shows("/name", json!({"givenName": "Augusta Ada", "familyName": "King"}))
        .shows("/title", "Countess")
        .run();
    journey.check(
        "the version has changed",
        before.text("/meta/version") != after.text("/meta/version"),
        &format!("got {} twice", after.text("/meta/version")),
    );
    journey
        .step(client, "the same update again changes nothing")
        .put(&path, body)
        .shows("/meta/version", after.text("/meta/version"))
        .shows("/meta/lastModified", after.text("/meta/lastModified"))
        .run();
    let mut body = after.object();
    body.remove("title");
    journey.step(client, "Okta's update without a title clears it").put(&path, body).lacks("/title").run();
}

/// R10, R16: disabled and enabled, by PUT and by PATCH.
fn deactivation(journey: &mut Journey<'_>, wizard: &Client, catalogue: &Client, ada: &str) {
    let path = format!("/Users/{ada}");
    for (what, active) in [("deactivates Ada", false), ("reactivates Ada", true)] {
        let mut body = journey.step(wizard, "Okta reads Ada").get(&path).run().object();
        body.insert("active".to_owned(), json!(active));
        journey
            .step(wizard, &format!("Okta {what} by PUT, echoing what it read"))
            .put(&path, body)
            .shows("/id", ada)
            .shows("/active", active)
            .run();
        found(journey, wizard, ada, active);
    }
    for (what, active) in [("deactivates Ada", false), ("reactivates Ada", true)] {
        journey
            .step(catalogue, &format!("Okta {what} by PATCH without a path"))
            .patch(&path, operations(&json!([{"op": "replace", "value": {"active": active}}])))
            .shows("/id", ada)
            .shows("/active", active)
            .run();
        found(journey, catalogue, ada, active);
    }
    let mut body = journey.step(wizard, "Okta reads Ada").get(&path).run().object();
    body.insert("externalId".to_owned(), json!("00uAAA112"));
    journey
        .step(wizard, "Okta links a user that was made anew there")
        .put(&path, body)
        .shows("/id", ada)
        .shows("/externalId", "00uAAA112")
        .run();
}

fn found(journey: &mut Journey<'_>, client: &Client, ada: &str, active: bool) {
    journey.step(client, "Ada is readable").get(format!("/Users/{ada}")).shows("/active", active).run();
    journey
        .step(client, "Ada is found by her userName")
        .get(find_user(ADA))
        .finds(&[ada])
        .shows("/Resources/0/active", active)
        .run();
}

fn password(journey: &mut Journey<'_>, client: &Client, bob: &str) {
    let path = format!("/Users/{bob}");
    let before = journey.step(client, "Okta reads Bob").get(&path).lacks("/password").run();
    journey
        .step(client, "Okta synchronises a password, which is accepted and never shown")
        .patch(&path, operations(&json!([{"op": "replace", "value": {"password": "another-secret"}}])))
        .lacks("/password")
        .shows("/meta/version", before.text("/meta/version"))
        .run();
}

/// R11: userName and e-mail once they are provisioned.
fn identity(journey: &mut Journey<'_>, client: &Client, bob: &str) -> Result<()> {
    const NEW: &str = "robert@acme.example";
    let path = format!("/Users/{bob}");
    let mut body = journey.step(client, "Okta reads Bob").get(&path).run().object();
    body.insert("userName".to_owned(), json!(NEW));
    body.insert("emails".to_owned(), json!([{"primary": true, "value": NEW, "type": "work"}]));
    body.insert("title".to_owned(), json!("Lead"));
    let kept = journey
        .step(client, "Okta changes userName and e-mail: both are kept, the rest applies")
        .put(&path, body.clone())
        .shows("/userName", BOB)
        .has("/emails", json!({"value": BOB, "primary": true}))
        .shows("/title", "Lead")
        .run();
    journey
        .step(client, "Okta tries again, and nothing changes")
        .put(&path, body.clone())
        .shows("/userName", BOB)
        .shows("/meta/version", kept.text("/meta/version"))
        .run();
    journey.operator(
        "the administrator has such changes refused",
        &["connection", "set", &client.connection, "identity_changes=reject"],
    )?;
    journey
        .step(client, "Okta's change is refused")
        .put(&path, body.clone())
        .refused_as(400, "mutability", "identity_changes")
        .run();
    journey.operator(
        "the administrator lets such changes through",
        &["connection", "set", &client.connection, "identity_changes=follow"],
    )?;
    journey
        .step(client, "Okta's change applies")
        .put(&path, body)
        .shows("/id", bob)
        .shows("/userName", NEW)
        .has("/emails", json!({"value": NEW, "primary": true}))
        .run();
    journey.step(client, "the new name is found").get(find_user(NEW)).finds(&[bob]).run();
    journey.step(client, "the old name is free").get(find_user(BOB)).finds(&[]).run();
    let mut body = journey.step(client, "Okta reads Bob").get(&path).run().object();
    body.insert("userName".to_owned(), json!(ADA));
    journey
        .step(client, "Okta changes the userName to that of another user")
        .put(&path, body)
        .refused_as(409, "uniqueness", ADA)
        .run();
    let set = journey.operator(
        "the administrator goes back to what the preset has",
        &["connection", "set", &client.connection, "identity_changes=preset"],
    )?;
    let word = set.pointer("/switches/identity_changes").and_then(Value::as_str);
    journey.check("the preset keeps such values", word == Some("immutable"), &format!("got {word:?}"));
    Ok(())
}

/// The end: DELETE, which Okta itself never sends for a user, and a new user of the same name.
pub(crate) fn erase(journey: &mut Journey<'_>, client: &Client, people: &People) {
    let path = format!("/Users/{}", people.carol);
    journey.step(client, "a user is deleted").delete(&path).run();
    journey.step(client, "it is gone").get(&path).refused(404, &people.carol).run();
    journey.step(client, "it cannot be deleted twice").delete(&path).refused(404, &people.carol).run();
    journey.step(client, "it is not found").get(find_user(CAROL)).finds(&[]).run();
    let again = push(journey, client, CAROL, "Carol", "Rand", "00uCCC334");
    journey.check("the new user has an id of its own", again != people.carol, &format!("got {again} again"));
}
