//! The accounts that the application had before provisioning, and how they are read page by page.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use super::journey::{Client, Journey};

/// The customer.
pub(crate) const TENANT: &str = "acme";

/// The customer's DNS name.
pub(crate) const HOST: &str = "acme.example.com";

/// An account that is linked by the identity provider.
pub(crate) const GRACE: &str = "grace@acme.example";

/// An account whose e-mail address is another than the identity provider's.
pub(crate) const HEIDI: &str = "heidi@acme.example";

/// The address that the application has for [`HEIDI`].
pub(crate) const HEIDI_EMAIL: &str = "heidi.private@elsewhere.example";

/// An account that identity providers may not take over.
pub(crate) const IVAN: &str = "ivan@acme.example";

/// Accounts beside these, so that there is more than one page of any identity provider.
const CROWD: u64 = 230;

/// How many accounts identity providers may take over at first.
pub(crate) const ADOPTABLE: u64 = CROWD + 2;

/// The userName of one of the crowd.
pub(crate) fn one_of_the_crowd(number: u64) -> String {
    format!("person{number:03}@acme.example")
}

/// Makes the customer with its accounts.
pub(crate) fn move_in(journey: &mut Journey<'_>) -> Result<()> {
    journey.operator(
        "the operator makes the customer's tenant",
        &["tenant", "create", TENANT, "--name", "Acme", "--host", HOST],
    )?;
    let mut people: Vec<Value> = (1..=CROWD)
        .map(|number| account(&one_of_the_crowd(number), &one_of_the_crowd(number), &format!("Person {number}")))
        .collect();
    people.push(account(GRACE, GRACE, "Grace Hopper"));
    people.push(account(HEIDI, HEIDI_EMAIL, "Heidi Klein"));
    journey.import("the operator imports the application's accounts", TENANT, &people, &[])?;
    let held = [account(IVAN, IVAN, "Ivan Petrov")];
    journey.import("the operator imports an account that stays the application's", TENANT, &held, &["--not-adoptable"])
}

fn account(user_name: &str, email: &str, display_name: &str) -> Value {
    json!({
        "userName": user_name,
        "displayName": display_name,
        "emails": [{"value": email, "type": "work", "primary": true}],
        "externalId": format!("application-{user_name}"),
    })
}

/// Reads a list as an import does, page by page until the total is reached, and gives the ids.
pub(crate) fn read_pages(
    journey: &mut Journey<'_>,
    client: &Client,
    endpoint: &str,
    size: u64,
    total: u64,
) -> Vec<String> {
    let mut ids = Vec::new();
    let mut start = 1;
    while start <= total {
        let shown = size.min(total.saturating_sub(start).saturating_add(1));
        let page = journey
            .step(client, "reads the next page")
            .get(format!("{endpoint}?startIndex={start}&count={size}"))
            .total(total)
            .shows("/startIndex", start)
            .shows("/itemsPerPage", shown)
            .run();
        ids.extend(page.ids());
        start = start.saturating_add(size);
    }
    let different: BTreeSet<&String> = ids.iter().collect();
    journey.check(
        "the pages together show each once",
        u64::try_from(different.len()) == Ok(total) && ids.len() == different.len(),
        &format!("expected {total} different ids, got {} of which {} differ", ids.len(), different.len()),
    );
    ids
}
