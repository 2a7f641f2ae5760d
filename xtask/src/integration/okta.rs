//! Okta: an application of the App Integration Wizard, which sends PUT, and one of the catalogue,
//! which sends PATCH.

mod groups;
mod users;

use anyhow::Result;
use serde_json::{Value, json};

use super::http::encode;
use super::import::{self, ADOPTABLE, TENANT};
use super::journey::{Client, Journey, Manners};
use super::{borders, gate, tokens};

/// The headers of Okta's client.
pub(crate) const MANNERS: Manners = Manners {
    always: &[
        ("User-Agent", "Okta SCIM Client 1.0.0"),
        ("Accept", "application/scim+json"),
        ("Accept-Charset", "utf-8"),
        ("Accept-Encoding", "gzip,deflate"),
    ],
    content_type: "application/scim+json; charset=utf-8",
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// "Test Connector Configuration".
const PROBE: &str = "/Users?startIndex=1&count=2";

/// The whole life.
pub(crate) fn play(journey: &mut Journey<'_>) -> Result<()> {
    import::move_in(journey)?;
    let client = journey.connect(TENANT, "okta", &MANNERS)?;
    gate::pass(journey, &client, PROBE, ADOPTABLE)?;
    forms_of_credential(journey, &client);

    journey
        .step(&client, "imports groups, of which there are none")
        .get("/Groups?startIndex=1&count=100")
        .finds(&[])
        .run();
    let imported = import::read_pages(journey, &client, "/Users", 100, ADOPTABLE);
    runscope(journey, &client);

    // Okta's catalogue applications put no word in front of the token.
    let catalogue = client.presenting(Some(client.token()));
    let people = users::live(journey, &client, &catalogue)?;
    let first: Vec<String> = imported.iter().take(100).cloned().collect();
    journey
        .step(&client, "imports again: writes have moved nobody to another page")
        .get("/Users?startIndex=1&count=100")
        .lists(&first)
        .run();
    let group = groups::live(journey, &client, &catalogue, &people);

    let client = tokens::rotate(journey, &client, &MANNERS, PROBE)?;
    tokens::narrow(journey, &client, &MANNERS)?;
    let waiting = [import::one_of_the_crowd(1), import::one_of_the_crowd(2)];
    borders::cross(
        journey,
        &borders::Scene {
            client: &client,
            manners: &MANNERS,
            preset: "okta",
            group_patch: 200,
            user: &people.ada,
            user_name: users::ADA,
            group: &group,
            group_name: groups::TEAM,
            adoptable: ADOPTABLE.saturating_sub(1),
            waiting: [&waiting[0], &waiting[1]],
            find: find_user,
        },
    )?;
    users::erase(journey, &client, &people);
    Ok(())
}

/// "User exists?"
fn find_user(user_name: &str) -> String {
    format!("/Users?filter=userName%20eq%20%22{}%22&startIndex=1&count=100", encode(user_name))
}

/// "Group exists?"
fn find_group(name: &str) -> String {
    format!("/Groups?filter=displayName%20eq%20%22{}%22&startIndex=1&count=100", encode(name))
}

fn operations(operations: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}

/// The three ways in which an Okta administrator can enter a token.
fn forms_of_credential(journey: &mut Journey<'_>, client: &Client) {
    for (what, authorization) in [
        ("sends the token without a scheme", client.token().to_owned()),
        ("sends the word Bearer twice", format!("Bearer Bearer {}", client.token())),
        ("sends the token as a password", format!("Basic {}", base64(format!("okta:{}", client.token()).as_bytes()))),
    ] {
        let client = client.presenting(Some(&authorization));
        journey.step(&client, what).get(PROBE).total(ADOPTABLE).run();
    }
}

/// Base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let sign = (bits >> (18 - 6 * place)) & 63;
            let sign = usize::try_from(sign).ok().and_then(|index| SIGNS.get(index));
            let is_padding = usize::try_from(place).is_ok_and(|place| place > chunk.len());
            text.push(if is_padding { '=' } else { sign.map_or('=', |sign| char::from(*sign)) });
        }
    }
    text
}

/// What Okta's own test suite of the protocol asserts, with its odd media types.
fn runscope(journey: &mut Journey<'_>, client: &Client) {
    const TYPE: &str = "application/scim+json; charset=utf-8";
    let first = journey
        .step(client, "Okta's tests: the first user has all that Okta needs")
        .get("/Users?count=1&startIndex=1")
        .of_type(TYPE)
        .tells("/Resources/0/id")
        .tells("/Resources/0/name/familyName")
        .tells("/Resources/0/name/givenName")
        .tells("/Resources/0/userName")
        .tells("/Resources/0/emails/0/value")
        .shows("/Resources/0/active", true)
        .run();
    let id = first.text("/Resources/0/id");
    journey
        .step(client, "Okta's tests: it can be read")
        .get(format!("/Users/{id}"))
        .of_type(TYPE)
        .shows("/id", id.as_str())
        .shows("/userName", first.text("/Resources/0/userName"))
        .run();
    journey
        .step(client, "Okta's tests: a name that nobody has")
        .get(find_user("nobody@nowhere.example"))
        .finds(&[])
        .run();
    journey
        .step(client, "Okta's tests: an id that is no id")
        .get("/Users/00919288221112222")
        .of_type(TYPE)
        .refused(404, "00919288221112222")
        .shows("/status", "404")
        .run();
    let body = json!({
        "schemas": [USER], "userName": "runscope@acme.example", "active": true,
        "name": {"givenName": "Run", "familyName": "Scope"},
        "emails": [{"primary": true, "value": "runscope@acme.example", "type": "work"}],
    });
    let made = journey
        .step(client, "Okta's tests: a user sent as application/json")
        .post("/Users", body.clone())
        .of_type("application/json")
        .shows("/active", true)
        .tells("/id")
        .shows("/userName", "runscope@acme.example")
        .run()
        .id();
    journey
        .step(client, "Okta's tests: the same user again")
        .post("/Users", body)
        .of_type("application/json")
        .refused_as(409, "uniqueness", "runscope@acme.example")
        .run();
    journey
        .step(client, "Okta's tests: the userName in capitals")
        .get(find_user("RUNSCOPE@ACME.EXAMPLE"))
        .finds(&[&made])
        .run();
    journey.step(client, "Okta's tests: tidied up").delete(format!("/Users/{made}")).run();
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn rfc4648_10_test_vectors() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
