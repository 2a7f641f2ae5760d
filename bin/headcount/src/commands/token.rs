//! `headcount token …`.

use anyhow::Result;
use headcount_model::{ScopeSet, Timestamp, TokenRecord, token::Scope};
use headcount_service::manage::{MadeToken, ManageError};
use serde_json::{Value, json};

use crate::{
    cli::{self, Output, Overlap},
    output,
    setup::Opened,
};

/// Runs a token command.
pub(crate) fn run(opened: &Opened, command: cli::Token) -> Result<()> {
    let now = opened.manage.clock.now();
    match command {
        cli::Token::Create { tenant, connection, name, expires_in, scopes, printed } => {
            let expires = expires_in.map(|span| now.plus_seconds(span.0));
            let made = opened.manage.create_token(
                &tenant,
                connection.as_deref(),
                name.as_deref().unwrap_or_default(),
                scope_set(&scopes)?,
                expires,
            )?;
            print_made(opened, &made, printed.output)
        }
        cli::Token::List { tenant, printed } => {
            let rows: Vec<Value> = opened
                .manage
                .tokens(tenant.as_deref())?
                .iter()
                .map(|(tenant, connection, token)| {
                    let mut row = object(token, now);
                    if let Value::Object(map) = &mut row {
                        map.insert("tenant".to_owned(), tenant.slug.as_str().into());
                        map.insert("connection".to_owned(), connection.id.as_str().into());
                    }
                    row
                })
                .collect();
            let columns = ["id", "tenant", "connection", "name", "state", "scopes", "expires_at", "last_used_at"];
            output::list(printed.output, &columns, &rows)
        }
        cli::Token::Revoke { id, printed } => {
            output::object(printed.output, &object(&opened.manage.revoke_token(&id)?, now))
        }
        cli::Token::Rotate { id, overlap, printed } => {
            let old_expires = match overlap {
                Overlap::None => now,
                Overlap::For(span) => now.plus_seconds(span.0),
            };
            let made = opened.manage.rotate_token(&id, Some(old_expires))?;
            match overlap {
                Overlap::None => eprintln!("the old token {id} is revoked"),
                Overlap::For(_) => eprintln!(
                    "the old token {id} stays good until {old_expires} at the latest; revoke it when the new one is in use"
                ),
            }
            print_made(opened, &made, printed.output)
        }
    }
}

fn scope_set(texts: &[String]) -> Result<ScopeSet> {
    if texts.is_empty() {
        return Ok(ScopeSet::default());
    }
    let scopes = texts
        .iter()
        .flat_map(|text| text.split([' ', ',']))
        .filter(|text| !text.is_empty())
        .map(Scope::parse)
        .collect::<Result<Vec<_>, _>>()
        .map_err(ManageError::Invalid)?;
    Ok(ScopeSet::new(scopes))
}

/// Prints a token, the only time it can be seen.
fn print_made(opened: &Opened, made: &MadeToken, format: Output) -> Result<()> {
    let object = json!({
        "id": made.record.id.as_str(),
        "token": made.token.text().expose(),
        "connection": made.connection.id.as_str(),
        "base_url": opened.base_url(&made.connection),
        "expires_at": made.record.expires.map(|expires| expires.to_string()),
    });
    output::object(format, &object)?;
    if format == Output::Table {
        eprintln!("\nYou will see this token only now. Store it where it can be pasted into the identity provider.");
    }
    Ok(())
}

fn object(token: &TokenRecord, now: Timestamp) -> Value {
    let state = match (token.revoked, token.expires) {
        (Some(_), _) => "revoked",
        (None, Some(expires)) if expires <= now => "expired",
        _ => "live",
    };
    json!({
        "id": token.id.as_str(),
        "name": token.name,
        "state": state,
        "scopes": token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": token.created.to_string(),
        "made_by": token.made_by,
        "expires_at": token.expires.map(|at| at.to_string()),
        "last_used_at": token.last_used.map(|at| at.to_string()),
        "revoked_at": token.revoked.map(|at| at.to_string()),
    })
}
