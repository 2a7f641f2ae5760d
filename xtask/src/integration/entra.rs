//! Microsoft Entra ID: PATCH for everything, in two dialects, and the list of its validator.

mod groups;
mod users;
mod validator;

use anyhow::Result;
use serde_json::{Value, json};

use super::http::encode;
use super::import::{self, ADOPTABLE, TENANT};
use super::journey::{Client, Journey, Manners};
use super::{borders, gate, tokens};

/// The headers of Entra's client.
pub(crate) const MANNERS: Manners =
    Manners { always: &[("Accept", "application/scim+json")], content_type: "application/scim+json; charset=utf-8" };

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// "Test connection": a userName that cannot be there.
const PROBE: &str = "/Users?filter=userName+eq+%220d7c5a6e-6a0f-4a52-9f5e-0f2f3c1b7a11%22";

/// The word that an administrator appends to the tenant URL.
const FLAG: &str = "?aadOptscim062020";

/// The whole life.
pub(crate) fn play(journey: &mut Journey<'_>) -> Result<()> {
    import::move_in(journey)?;
    let client = journey.connect(TENANT, "entra", &MANNERS)?;
    gate::pass(journey, &client, PROBE, 0)?;
    spellings_of_the_url(journey, &client);

    let people = users::live(journey, &client);
    let group = groups::live(journey, &client, &people);
    validator::run(journey, &client);

    let client = tokens::rotate(journey, &client, &MANNERS, PROBE)?;
    tokens::narrow(journey, &client, &MANNERS)?;
    let waiting = [import::one_of_the_crowd(1), import::one_of_the_crowd(2)];
    borders::cross(
        journey,
        &borders::Scene {
            client: &client,
            manners: &MANNERS,
            preset: "entra",
            group_patch: 204,
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

/// The match by userName, with pluses for blanks.
fn find_user(user_name: &str) -> String {
    find("/Users?", "userName", user_name)
}

fn find_group(name: &str) -> String {
    find("/Groups?excludedAttributes=members&", "displayName", name)
}

fn find(path: &str, attribute: &str, value: &str) -> String {
    format!("{path}filter={attribute}+eq+%22{}%22", encode(value).replace("%20", "+"))
}

fn operations(operations: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}

/// A slash or the feature flag at the end of the tenant URL reach the server as they were typed.
fn spellings_of_the_url(journey: &mut Journey<'_>, client: &Client) {
    let base = client.base();
    let (_, query) = PROBE.split_once('?').unwrap_or_default();
    for (what, base, path) in [
        ("tests a tenant URL with a slash at its end", format!("{base}/"), PROBE.to_owned()),
        ("tests a tenant URL with the feature flag", format!("{base}{FLAG}"), PROBE.to_owned()),
        ("tests with the flag in front of the filter", base.to_owned(), format!("/Users{FLAG}&{query}")),
        ("tests with the flag stuck to the filter", base.to_owned(), format!("/Users{FLAG}{query}")),
    ] {
        let client = client.at(&base);
        journey.step(&client, what).get(path).finds(&[]).run();
    }
}
