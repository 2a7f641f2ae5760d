//! `headcount tenant …`.

use anyhow::Result;
use headcount_model::Tenant;
use serde_json::{Value, json};

use crate::{cli, output, setup::Opened};

/// Runs a tenant command.
pub(crate) fn run(opened: &Opened, command: cli::Tenant) -> Result<()> {
    match command {
        cli::Tenant::Create { slug, name, hosts, not_entitled, printed } => {
            let tenant = opened.manage.create_tenant(&slug, name.as_deref(), &hosts, !not_entitled)?;
            output::object(printed.output, &object(&tenant))
        }
        cli::Tenant::List { printed } => {
            let rows: Vec<Value> = opened.manage.tenants()?.iter().map(object).collect();
            output::list(printed.output, &["id", "slug", "name", "entitled", "hosts"], &rows)
        }
        cli::Tenant::Show { slug, printed } => output::object(printed.output, &object(&opened.manage.tenant(&slug)?)),
        cli::Tenant::Set { slug, pairs, printed } => {
            output::object(printed.output, &object(&opened.manage.set_tenant(&slug, &pairs)?))
        }
    }
}

fn object(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id.as_str(),
        "slug": tenant.slug,
        "name": tenant.name,
        "entitled": tenant.entitled,
        "hosts": tenant.hosts,
        "created": tenant.created.to_string(),
    })
}
