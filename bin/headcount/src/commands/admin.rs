//! `headcount admin …`.

use anyhow::Result;
use headcount_model::{Administrator, Tenant};
use headcount_service::manage::{AdministratorState, MadeLink};
use serde_json::{Value, json};

use crate::{
    cli::{self, Output},
    output,
    setup::Opened,
};

/// Runs a command about administrators.
pub(crate) fn run(opened: &Opened, command: cli::Admin) -> Result<()> {
    let manage = &opened.manage;
    match command {
        cli::Admin::Create { email, name, role, tenant, printed } => {
            let (one, link) = manage.create_administrator(
                &email,
                name.as_deref().unwrap_or_default(),
                role.as_str(),
                tenant.as_deref(),
            )?;
            let tenant = tenant.map(|tenant| manage.tenant(&tenant)).transpose()?;
            print_link(opened, &one, tenant.as_ref(), &link, printed.output)
        }
        cli::Admin::List { printed } => {
            let all = manage.administrators()?;
            let rows: Vec<Value> = all.iter().map(|(one, tenant)| object(one, tenant.as_ref())).collect();
            output::list(printed.output, &["email", "name", "role", "tenant", "state", "created"], &rows)
        }
        cli::Admin::ResetPassword { email, printed } => {
            let (one, link) = manage.reset_administrator_password(&email)?;
            let tenant = tenant_of(opened, &one)?;
            print_link(opened, &one, tenant.as_ref(), &link, printed.output)
        }
        cli::Admin::Disable { email, printed } => set(opened, &email, AdministratorState::Disabled, printed.output),
        cli::Admin::Enable { email, printed } => set(opened, &email, AdministratorState::Enabled, printed.output),
    }
}

fn set(opened: &Opened, email: &str, state: AdministratorState, format: Output) -> Result<()> {
    let one = opened.manage.set_administrator_state(email, state)?;
    output::object(format, &object(&one, tenant_of(opened, &one)?.as_ref()))
}

fn tenant_of(opened: &Opened, one: &Administrator) -> Result<Option<Tenant>> {
    let tenants = opened.manage.tenants()?;
    Ok(tenants.into_iter().find(|tenant| Some(tenant.key) == one.role.tenant()))
}

/// Prints a link, the only time it can be seen.
fn print_link(
    opened: &Opened,
    one: &Administrator,
    tenant: Option<&Tenant>,
    link: &MadeLink,
    format: Output,
) -> Result<()> {
    let mut object = object(one, tenant);
    if let Value::Object(map) = &mut object {
        map.insert("link".to_owned(), opened.setup_url(link).into());
        map.insert("link_expires_at".to_owned(), link.expires.to_string().into());
    }
    output::object(format, &object)?;
    if format == Output::Table {
        eprintln!(
            "\nYou will see this link only now. Send it to {}: it works once, in the browser, and sets the password.",
            one.email
        );
    }
    Ok(())
}

fn object(one: &Administrator, tenant: Option<&Tenant>) -> Value {
    let state = match (one.disabled, one.password_set) {
        (Some(_), _) => "disabled",
        (None, None) => "invited",
        (None, Some(_)) => "active",
    };
    json!({
        "id": one.id.as_str(),
        "email": one.email,
        "name": one.name,
        "role": one.role.as_str(),
        "tenant": tenant.map(|tenant| tenant.slug.as_str()),
        "state": state,
        "created": one.created.to_string(),
    })
}
