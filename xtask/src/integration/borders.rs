//! What a second connection and a second customer see of the first: nothing.

use anyhow::Result;
use serde_json::{Value, json};

use super::gate::NOBODY;
use super::import::{HOST, TENANT};
use super::journey::{Client, Journey, Manners};

/// The second customer and its DNS name.
const OTHER_TENANT: &str = "globex";
const OTHER_HOST: &str = "globex.example.com";

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What the first connection has.
pub(crate) struct Scene<'s> {
    pub(crate) client: &'s Client,
    pub(crate) manners: &'static Manners,
    pub(crate) preset: &'static str,
    /// What a group PATCH answers.
    pub(crate) group_patch: u16,
    /// A user and a group of it.
    pub(crate) user: &'s str,
    pub(crate) user_name: &'s str,
    pub(crate) group: &'s str,
    pub(crate) group_name: &'s str,
    /// How many accounts wait to be adopted, and the userNames of two of them.
    pub(crate) adoptable: u64,
    pub(crate) waiting: [&'s str; 2],
    /// The query that finds a userName.
    pub(crate) find: fn(&str) -> String,
}

/// Crosses every border there is.
pub(crate) fn cross(journey: &mut Journey<'_>, scene: &Scene<'_>) -> Result<()> {
    second_connection(journey, scene)?;
    second_tenant(journey, scene)?;
    hosts(journey, scene);
    Ok(())
}

fn second_connection(journey: &mut Journey<'_>, scene: &Scene<'_>) -> Result<()> {
    let first = scene.client;
    let second = journey.connect(TENANT, scene.preset, scene.manners)?;
    journey
        .step(&second, "second connection sees only accounts that wait to be linked")
        .get("/Users?startIndex=1&count=1")
        .total(scene.adoptable)
        .run();
    journey
        .step(&second, "second connection sees no group of the first")
        .get("/Groups?startIndex=1&count=1")
        .finds(&[])
        .run();
    strangers(journey, &second, scene);
    journey
        .step(&second, "second connection does not find the first's user")
        .get((scene.find)(scene.user_name))
        .finds(&[])
        .run();
    journey
        .step(&second, "second connection pushes the userName of the first's user")
        .post("/Users", user(scene.user_name))
        .refused_as(409, "uniqueness", "another source of this workspace")
        .run();
    let group = journey
        .step(&second, "second connection pushes a group of the same name, which is its own")
        .post("/Groups", json!({"schemas": [GROUP], "displayName": scene.group_name, "members": []}))
        .run()
        .id();
    let path = format!("/Groups/{group}");
    journey
        .step(&second, "second connection adds the first's user to it, who is unknown")
        .patch(&path, add_member(scene.user))
        .wants(scene.group_patch)
        .run();
    journey.step(&second, "second connection reads the group").get(&path).members(&[]).run();

    let [waiting, untouched] = scene.waiting;
    let found = journey
        .step(&second, "second connection looks up an account that waits")
        .get((scene.find)(waiting))
        .total(1)
        .run();
    let account = found.text("/Resources/0/id");
    journey
        .step(&second, "second connection adds it to the group")
        .patch(&path, add_member(&account))
        .wants(scene.group_patch)
        .run();
    journey.step(&second, "second connection reads the group").get(&path).members(&[&account]).run();
    journey
        .step(first, "first connection links the account by a PATCH")
        .patch(
            format!("/Users/{account}"),
            json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "Linked"}]}),
        )
        .shows("/id", account.as_str())
        .shows("/title", "Linked")
        .lacks("/groups/0")
        .run();
    journey.step(&second, "second connection's group has lost the account").get(&path).members(&[]).run();
    journey
        .step(&second, "second connection does not see the account any more")
        .get(format!("/Users/{account}"))
        .refused(404, &account)
        .run();

    let found = journey
        .step(&second, "second connection looks up another account that waits")
        .get((scene.find)(untouched))
        .total(1)
        .run();
    let account = found.text("/Resources/0/id");
    journey
        .step(&second, "second connection may not delete what it never linked")
        .delete(format!("/Users/{account}"))
        .refused(403, "never linked")
        .run();
    journey.operator("the administrator forbids linking", &["connection", "set", &second.connection, "adopt=never"])?;
    journey
        .step(&second, "second connection sees no account that waits")
        .get("/Users?startIndex=1&count=1")
        .finds(&[])
        .run();
    journey
        .step(&second, "second connection pushes the userName of one")
        .post("/Users", user(untouched))
        .refused_as(409, "uniqueness", "another source of this workspace")
        .run();
    journey
        .operator("the administrator allows it again", &["connection", "set", &second.connection, "adopt=preset"])?;
    journey
        .step(&second, "second connection sees them again")
        .get("/Users?startIndex=1&count=1")
        .total(scene.adoptable.saturating_sub(1))
        .run();
    let swapped = second.presenting(Some(&format!("Bearer {}", first.token())));
    journey
        .step(&swapped, "first's token at the second's URL")
        .get("/Users?count=1")
        .refused(401, "does not belong to the connection in the URL")
        .run();
    Ok(())
}

fn second_tenant(journey: &mut Journey<'_>, scene: &Scene<'_>) -> Result<()> {
    let first = scene.client;
    journey
        .operator("the operator makes a second customer", &["tenant", "create", OTHER_TENANT, "--host", OTHER_HOST])?;
    let other = journey.connect(OTHER_TENANT, scene.preset, scene.manners)?;
    journey.step(&other, "second customer has no users").get("/Users?startIndex=1&count=2").finds(&[]).run();
    strangers(journey, &other, scene);
    let twin = journey
        .step(&other, "second customer pushes the same userName")
        .post("/Users", user(scene.user_name))
        .shows("/userName", scene.user_name)
        .run()
        .id();
    journey.check("it is another user", twin != scene.user, &format!("got the id {twin} for both"));
    journey
        .step(&other, "second customer deactivates its own")
        .patch(
            format!("/Users/{twin}"),
            json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": false}}]}),
        )
        .shows("/active", false)
        .run();
    journey
        .step(first, "first customer's user is still active")
        .get(format!("/Users/{}", scene.user))
        .shows("/active", true)
        .run();
    let group = journey
        .step(&other, "second customer pushes a group of the same name with the first's user")
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": scene.group_name, "members": [{"value": scene.user}, {"value": twin}]}),
        )
        .members(&[&twin])
        .run()
        .id();
    journey.step(first, "first customer does not see it").get(format!("/Groups/{group}")).refused(404, &group).run();
    for (one, whose, at) in [(&other, "second", first), (first, "first", &other)] {
        let swapped = at.presenting(Some(&format!("Bearer {}", one.token())));
        journey
            .step(&swapped, &format!("{whose} customer's token at the other's URL"))
            .get("/Users?count=1")
            .refused(401, "does not belong to the connection in the URL")
            .run();
    }
    let wrong = other.at("/api/service/scim").calling(HOST);
    journey
        .step(&wrong, "second customer's token at the first's DNS name")
        .get("/Users?count=1")
        .refused(401, "does not belong to the workspace at this address")
        .run();
    let right = wrong.calling(OTHER_HOST);
    journey.step(&right, "second customer's token at its own DNS name").get("/Users?count=1").finds(&[&twin]).run();
    Ok(())
}

/// Ids of others answer byte for byte as ids that never were.
fn strangers(journey: &mut Journey<'_>, client: &Client, scene: &Scene<'_>) {
    for (endpoint, id) in [("/Users", scene.user), ("/Groups", scene.group)] {
        let unknown = journey
            .step(client, "reads an id that never was")
            .get(format!("{endpoint}/{NOBODY}"))
            .refused(404, NOBODY)
            .run();
        let expected = unknown.raw().replace(NOBODY, id);
        let path = format!("{endpoint}/{id}");
        journey.step(client, "reads the first's id: the same").get(&path).wants(404).answers(&expected).run();
        let rename =
            json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Mine"}]});
        journey.step(client, "patches it: the same").patch(&path, rename).wants(404).answers(&expected).run();
        let body = match endpoint {
            "/Users" => user("mine@acme.example"),
            _ => json!({"schemas": [GROUP], "displayName": "Mine", "members": []}),
        };
        journey.step(client, "replaces it: the same").put(&path, body).wants(404).answers(&expected).run();
        journey.step(client, "deletes it: the same").delete(&path).wants(404).answers(&expected).run();
    }
}

fn hosts(journey: &mut Journey<'_>, scene: &Scene<'_>) {
    let by_host = scene.client.at("/api/service/scim").calling(HOST);
    let path = format!("/Users/{}", scene.user);
    let location = format!("http://{HOST}/api/service/scim{path}");
    journey
        .step(&by_host, "reads a user at the customer's own DNS name")
        .get(&path)
        .shows("/meta/location", location.as_str())
        .run();
    let spelled = by_host.at("/api/service/scim/").calling("ACME.Example.com:8443");
    journey
        .step(&spelled, "the same with a port, in another letter case, with the final slash of the base URL")
        .get(&path)
        .shows("/meta/location", location.as_str())
        .run();
    for host in [OTHER_HOST, "nobody.example.com", "127.0.0.1"] {
        let wrong = by_host.calling(host);
        journey
            .step(&wrong, &format!("calls with the Host header {host}"))
            .get(&path)
            .refused(401, "does not belong to the workspace at this address")
            .run();
    }
    let forged = by_host.calling(OTHER_HOST);
    journey
        .step(&forged, "a forwarded host counts only from a trusted proxy")
        .get(&path)
        .with_header("X-Forwarded-Host", HOST)
        .wants(401)
        .run();
    let expected = format!("{}{}{path}", journey.address(), scene.client.base());
    let any = scene.client.calling("whatever.example.com");
    journey
        .step(&any, "with the connection in the path the Host header is not looked at")
        .get(&path)
        .shows("/meta/location", expected)
        .run();
}

fn user(user_name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Some", "familyName": "Body"},
        "emails": [{"value": user_name, "type": "work", "primary": true}],
        "active": true,
    })
}

fn add_member(id: &str) -> Value {
    json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": id}]}]})
}
