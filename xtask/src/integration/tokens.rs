//! The life of tokens: rotation with an overlap, revocation, scopes.

use anyhow::Result;
use serde_json::{Value, json};

use super::import::TENANT;
use super::journey::{Client, Journey, Manners};

/// Rotates the token, ends the old one, and gives the client with the new one.
pub(crate) fn rotate(
    journey: &mut Journey<'_>,
    client: &Client,
    manners: &'static Manners,
    probe: &str,
) -> Result<Client> {
    let made = journey
        .operator("the operator rotates the token", &["token", "rotate", &client.token_id, "--overlap", "7d"])?;
    let new = journey.client(&made, manners)?;
    journey.step(client, "goes on with the old token in the overlap").get(probe).run();
    journey.step(&new, "is given the new token").get(probe).run();
    journey.operator("the operator revokes the old token", &["token", "revoke", &client.token_id])?;
    journey.step(client, "calls with the revoked token").get(probe).refused(401, "was revoked").run();
    journey.step(&new, "goes on with the new token").get(probe).run();
    let list = journey.operator("the operator looks at the tokens", &["token", "list", "--tenant", TENANT])?;
    let state = |id: &str| row(&list, id).and_then(|row| row.get("state")).cloned().unwrap_or_default();
    let used = row(&list, &new.token_id).and_then(|row| row.get("last_used_at")).is_some_and(Value::is_string);
    journey.check(
        "the list tells which is revoked, which is live, and its last use",
        state(&client.token_id) == "revoked" && state(&new.token_id) == "live" && used,
        &format!("got {list}"),
    );
    Ok(new)
}

fn row<'v>(list: &'v Value, id: &str) -> Option<&'v Value> {
    list.as_array()?.iter().find(|row| row.get("id").and_then(Value::as_str) == Some(id))
}

/// Tokens that may do less.
pub(crate) fn narrow(journey: &mut Journey<'_>, client: &Client, manners: &'static Manners) -> Result<()> {
    let make = |journey: &mut Journey<'_>, scope: &str| {
        let made = journey.operator(
            "the operator makes a token that may do less",
            &["token", "create", "--tenant", TENANT, "--connection", &client.connection, "--scope", scope],
        )?;
        journey.client(&made, manners)
    };
    let reader = make(journey, "scim:read")?;
    journey.step(&reader, "reads").get("/Users?count=1").run();
    journey
        .step(&reader, "may not write")
        .post("/Users", json!({"userName": "eve@acme.example"}))
        .refused(403, "scim:write")
        .run();
    let users = make(journey, "scim:read:User")?;
    journey.step(&users, "reads users").get("/Users?count=1").run();
    journey.step(&users, "may not read groups").get("/Groups?count=1").refused(403, "scim:read").run();
    Ok(())
}
