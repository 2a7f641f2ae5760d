//! Import of the application's existing accounts.

use headcount_model::{ConnectionKey, ConnectionKind, Event, EventKind, PublicId, TenantKey};
use headcount_store::{
    Abort, StoreError,
    index::{self, IndexPolicy},
    resources::NewResource,
    store::nesting,
};
use scim_schema::{
    ResourceType, ScimError,
    validate::{self, Coercion, Leniency, UnknownAttributes, Write},
};
use serde_json::{Map, Value};

use super::{Manage, ManageError};

/// Lines of one transaction: large enough that commits do not count, small enough that a server
/// beside the import is not kept waiting.
const BATCH: usize = 200;
/// Longest line, as the longest request body.
const MAX_LINE_BYTES: usize = 10 * 1024 * 1024;

/// The result of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// Accounts made.
    pub created: u64,
    /// Lines refused: line number from 1, and why.
    pub refused: Vec<(u64, String)>,
}

impl Manage {
    /// Imports SCIM Users, one JSON object a line, as accounts owned by the application. Blank lines
    /// are skipped; `schemas` may be left out; a `userName` that is taken, or any other fault,
    /// refuses its line alone. Every batch of lines is one durable transaction.
    /// `progress` is called with the number of lines done.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] for the tenant, [`ManageError::Invalid`] if the input cannot be
    /// read, [`ManageError::Store`]; what earlier batches made stays.
    pub fn import_users(
        &self,
        tenant: &str,
        lines: &mut dyn Iterator<Item = std::io::Result<Vec<u8>>>,
        adoptable: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ManageError> {
        let tenant = self.tenant(tenant)?;
        let connections = self.read(tenant.key, |txn| Ok(txn.connections()?))?;
        let application = connections
            .iter()
            .find(|connection| connection.kind == ConnectionKind::Application)
            .ok_or(ManageError::Store(StoreError::NotFound))?;
        let registry = self.registry.clone();
        let user = registry
            .resource_type("User")
            .ok_or_else(|| ManageError::Invalid("this server has no resource type User".to_owned()))?;

        let mut result = Imported::default();
        let mut batch: Vec<(u64, NewResource)> = Vec::with_capacity(BATCH);
        let mut number = 0;
        for line in lines {
            number += 1;
            let line = line.map_err(|error| ManageError::Invalid(format!("the input cannot be read: {error}")))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            match self.account(user, &line, application.key, adoptable) {
                Ok(account) => batch.push((number, account)),
                Err(error) => result.refused.push((number, error.detail)),
            }
            if batch.len() >= BATCH {
                self.import_batch(tenant.key, &batch, &mut result)?;
                batch.clear();
                progress(number);
            }
        }
        self.import_batch(tenant.key, &batch, &mut result)?;
        progress(number);
        result.refused.sort_unstable();
        Ok(result)
    }

    /// Checks one line and makes the row of its account.
    fn account(
        &self,
        user: &ResourceType,
        line: &[u8],
        owner: ConnectionKey,
        adoptable: bool,
    ) -> Result<NewResource, ScimError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(ScimError::new(413, "the line is longer than 10 MiB"));
        }
        let body: Map<String, Value> = serde_json::from_slice(line).map_err(|error| {
            // serde_json counts lines within what it is given, which is one line of the file.
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            ScimError::new(400, format!("it is no JSON object: {reason} (byte {})", error.column()))
        })?;
        // An application's export is no SCIM message, so what `schemas` says does not matter.
        let coercion = Coercion {
            string_booleans: Leniency::Accept,
            object_for_array: Leniency::Accept,
            any_schemas: Leniency::Accept,
            duplicate_primary: Leniency::Accept,
            // An account is not left out because of the address of a photo.
            loose_references: Leniency::Accept,
            unknown_attributes: UnknownAttributes::Ignore,
            ..Coercion::default()
        };
        let accepted = validate::accept(&self.registry, user, body, Write::Create, &coercion, &[])?;
        let mut resource = accepted.resource;
        complete(resource.document_mut());
        validate::finished(user, &resource)?;
        let policy = IndexPolicy { external_id_unique: false, unique_group_names: true };
        let now = self.clock.now();
        Ok(NewResource {
            id: PublicId::mint(now, &*self.entropy),
            resource_type: user.name.clone(),
            owner,
            adoptable,
            version: 1,
            created: now,
            modified: now,
            index: index::form(user, &resource, policy),
            document: Value::Object(resource.into_document()).to_string(),
        })
    }

    fn import_batch(
        &self,
        tenant: TenantKey,
        batch: &[(u64, NewResource)],
        result: &mut Imported,
    ) -> Result<(), ManageError> {
        if batch.is_empty() {
            return Ok(());
        }
        let transaction = self.mint();
        let (created, refused) = self.write(tenant, |txn| {
            let mut created = 0;
            let mut refused = Vec::new();
            for (number, account) in batch {
                let event = Event {
                    at: account.created,
                    kind: EventKind::Imported,
                    actor: self.actor.clone(),
                    resource: Some((account.resource_type.clone(), account.id.clone())),
                    version: account.version,
                    paths: Vec::new(),
                    transaction: transaction.clone(),
                    detail: None,
                };
                let inserted = nesting(txn, |txn| match txn.insert_resource(account) {
                    Ok(_) => Ok(txn.append(&event)?),
                    Err(StoreError::Unique { attribute }) => Err(Abort::Refuse(attribute)),
                    Err(error) => Err(Abort::Store(error)),
                });
                match inserted {
                    Ok(()) => created += 1,
                    Err(Abort::Refuse(attribute)) => {
                        let value = account.index.key.as_deref().unwrap_or_default();
                        refused.push((
                            *number,
                            format!("the {attribute} '{value}' belongs to another account of this tenant"),
                        ));
                    }
                    Err(Abort::Store(error)) => return Err(Abort::Store(error)),
                }
            }
            Ok((created, refused))
        })?;
        result.created += created;
        result.refused.extend(refused);
        Ok(())
    }
}

/// Fills in what clients of an imported account rely on: `active`, an e-mail address where the
/// userName is one, and a name from what there is (`docs/decisions` says why only here).
fn complete(document: &mut Map<String, Value>) {
    document.entry("active").or_insert(Value::Bool(true));
    let user_name = document.get("userName").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if !document.contains_key("emails")
        && user_name.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    {
        let email = serde_json::json!([{"value": user_name, "type": "work", "primary": true}]);
        document.insert("emails".to_owned(), email);
    }
    if !document.contains_key("name")
        && let Some(display) = document.get("displayName").and_then(Value::as_str)
    {
        let (given, family) = display.trim().rsplit_once(' ').unwrap_or(("", display.trim()));
        if !family.is_empty() {
            let mut name = Map::new();
            if !given.is_empty() {
                name.insert("givenName".to_owned(), given.into());
            }
            name.insert("familyName".to_owned(), family.into());
            document.insert("name".to_owned(), name.into());
        }
    }
}
