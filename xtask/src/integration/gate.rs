//! The test of the connection, and everything that keeps an identity provider out.

use anyhow::Result;
use serde_json::json;

use super::import::TENANT;
use super::journey::{Client, Journey};

/// An id that nothing ever has.
pub(crate) const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

/// Tests the connection with a right token, wrong ones, switched off, and without the entitlement.
/// `probe` is the identity provider's own, and finds `total`.
pub(crate) fn pass(journey: &mut Journey<'_>, client: &Client, probe: &str, total: u64) -> Result<()> {
    journey.step(client, "tests the connection with the right token").get(probe).total(total).run();

    let nothing = client.presenting(None);
    journey
        .step(&nothing, "tests it without a token")
        .get(probe)
        .refused(401, "paste the token")
        .header("www-authenticate", "Bearer realm=\"scim\"")
        .run();
    let other = client.presenting(Some("non-token"));
    journey.step(&other, "tests it with a word that is no token").get(probe).refused(401, "Bearer <token>").run();
    let mistyped = client.presenting(Some(&format!("Bearer {}", mistype(client.token()))));
    journey.step(&mistyped, "tests it with a mistyped token").get(probe).refused(401, "incomplete or mistyped").run();
    let elsewhere = client.at(&format!("/scim/v2/{NOBODY}"));
    journey
        .step(&elsewhere, "tests it with the URL of a connection that is not there")
        .get(probe)
        .refused(401, "does not belong to the connection in the URL")
        .run();
    let twice = client.at(&format!("{}/Users", client.base()));
    journey.step(&twice, "calls a base URL with /Users typed at its end").get("/Users/1").refused(404, "").run();

    journey.operator(
        "the customer's administrator switches provisioning off",
        &["connection", "set", &client.connection, "state=off"],
    )?;
    closed(journey, client, probe, "switched off");
    journey.operator(
        "the customer's administrator switches it on",
        &["connection", "set", &client.connection, "state=on"],
    )?;
    journey.step(client, "tests the connection again").get(probe).total(total).run();

    journey.operator("the customer's plan ends", &["tenant", "set", TENANT, "entitled=false"])?;
    closed(journey, client, probe, "plan of this workspace does not include provisioning");
    journey.operator("the customer renews it", &["tenant", "set", TENANT, "entitled=true"])?;
    journey.step(client, "finds everything as it was").get(probe).total(total).run();
    Ok(())
}

/// Every kind of call is refused alike, before its body is looked at.
fn closed(journey: &mut Journey<'_>, client: &Client, probe: &str, words: &str) {
    journey.step(client, "tests the connection").get(probe).refused(403, words).run();
    journey.step(client, "asks what the server can do").get("/ServiceProviderConfig").refused(403, words).run();
    journey.step(client, "pushes a user").post("/Users", json!({})).refused(403, words).run();
}

/// A token with its last character changed.
fn mistype(token: &str) -> String {
    let mut text = token.to_owned();
    let last = text.pop();
    text.push(if last == Some('a') { 'b' } else { 'a' });
    text
}
