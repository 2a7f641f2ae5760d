//! Tokens.

use headcount_model::{
    Connection, ConnectionKey, EventKind, ScopeSet, Tenant, TenantKey, Timestamp, TokenId, TokenRecord,
};
use headcount_store::StoreError;
use headcount_token::{PlainToken, TokenHash};
use serde_json::json;

use super::{Manage, ManageError};

/// A token that was just made: the only moment its text exists.
#[derive(Debug)]
pub struct MadeToken {
    /// The record.
    pub record: TokenRecord,
    /// The token.
    pub token: PlainToken,
    /// Its connection.
    pub connection: Connection,
}

impl Manage {
    /// Makes a token. Without a connection: the tenant's only one.
    ///
    /// # Errors
    /// [`ManageError`]; with several connections and none named, `Invalid` listing them.
    pub fn create_token(
        &self,
        tenant: &str,
        connection: Option<&str>,
        name: &str,
        scopes: ScopeSet,
        expires: Option<Timestamp>,
    ) -> Result<MadeToken, ManageError> {
        let tenant = self.tenant(tenant)?;
        let connection = self.connection_for_token(&tenant, connection)?;
        if scopes.is_empty() {
            return Err(ManageError::Invalid(
                "a token without a scope could do nothing; give scim:read, scim:write, or leave the scope away"
                    .to_owned(),
            ));
        }
        if expires.is_some_and(|end| end <= self.clock.now()) {
            return Err(ManageError::Invalid(
                "a token that has ended already could do nothing; choose a later end".to_owned(),
            ));
        }
        let (token, hash, record) = self.new_token(tenant.key, connection.key, name, scopes, expires)?;
        self.keep_token(&record, &hash)?;
        Ok(MadeToken { record, token, connection })
    }

    /// The tokens of one tenant or of all, dead ones too, with their connections.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn tokens(&self, tenant: Option<&str>) -> Result<Vec<(Tenant, Connection, TokenRecord)>, ManageError> {
        let tenants = match tenant {
            Some(tenant) => vec![self.tenant(tenant)?],
            None => self.tenants()?,
        };
        let mut found = Vec::new();
        for tenant in tenants {
            let (connections, tokens) = self.read(tenant.key, |txn| Ok((txn.connections()?, txn.tokens()?)))?;
            for token in tokens {
                if let Some(connection) = connections.iter().find(|connection| connection.key == token.connection) {
                    found.push((tenant.clone(), connection.clone(), token));
                }
            }
        }
        Ok(found)
    }

    /// Revokes a token: from the moment this returns it is refused everywhere.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub fn revoke_token(&self, id: &str) -> Result<TokenRecord, ManageError> {
        let id = TokenId::from_text(id);
        let binding = self.store.find_token(&id)?.ok_or_else(|| unknown_token(&id))?;
        let at = self.clock.now();
        let event = self.event(EventKind::TokenRevoked, &json!({"token": id.as_str()}));
        self.write(binding.tenant, |txn| {
            let before = txn.credential(&id)?.is_some_and(|credential| credential.token.revoked.is_some());
            let record = txn.revoke_token(&id, at)?;
            if !before {
                txn.append(&event)?;
            }
            Ok(record)
        })
        .map_err(|error| match error {
            ManageError::Store(StoreError::NotFound) => unknown_token(&id),
            error => error,
        })
    }

    /// Makes a new token like this one (connection, name, scopes, and how long it was made to live);
    /// the old one stays good until `old_expires`, or until revoked. An old one that ends sooner keeps
    /// its end, and one that is to end by now is revoked.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Invalid`] if the old one is revoked.
    pub fn rotate_token(&self, id: &str, old_expires: Option<Timestamp>) -> Result<MadeToken, ManageError> {
        let old_id = TokenId::from_text(id);
        let binding = self.store.find_token(&old_id)?.ok_or_else(|| unknown_token(&old_id))?;
        let credential =
            self.read(binding.tenant, |txn| Ok(txn.credential(&old_id)?))?.ok_or_else(|| unknown_token(&old_id))?;
        if credential.token.revoked.is_some() {
            return Err(ManageError::Invalid(format!(
                "token {old_id} is revoked; make a new one with `headcount token create`"
            )));
        }
        let old = &credential.token;
        let expires = old.lifetime_s.map(|seconds| self.clock.now().plus_seconds(seconds));
        let (token, hash, record) =
            self.new_token(old.tenant, old.connection, &old.name, old.scopes.clone(), expires)?;
        self.keep_token(&record, &hash)?;
        match old_expires {
            Some(end) if end <= self.clock.now() => {
                self.revoke_token(id)?;
            }
            Some(end) if old.expires.is_none_or(|present| end < present) => {
                self.write(binding.tenant, |txn| Ok(txn.expire_token(&old_id, Some(end)).map(|_| ())?))?;
            }
            _ => {}
        }
        Ok(MadeToken { record, token, connection: credential.connection })
    }

    fn connection_for_token(&self, tenant: &Tenant, named: Option<&str>) -> Result<Connection, ManageError> {
        let all = self.connections(Some(&tenant.slug))?;
        let list = || {
            let lines = all.iter().map(|(_, one)| format!("{} ({}, {})", one.id, one.name, one.state.as_str()));
            lines.collect::<Vec<_>>().join(", ")
        };
        if let Some(id) = named {
            let found = all.iter().find(|(_, connection)| connection.id.as_str() == id);
            return found.map(|(_, connection)| connection.clone()).ok_or_else(|| {
                ManageError::NotFound(if all.is_empty() {
                    format!("tenant '{}' has no connection '{id}', and no other", tenant.slug)
                } else {
                    format!("tenant '{}' has no connection '{id}'; it has {}", tenant.slug, list())
                })
            });
        }
        match all.as_slice() {
            [(_, only)] => Ok(only.clone()),
            [] => Err(ManageError::Invalid(format!(
                "tenant '{0}' has no connection yet; make one with `headcount connection create --tenant {0} --preset NAME`",
                tenant.slug
            ))),
            _ => Err(ManageError::Invalid(format!(
                "tenant '{}' has several connections; name one with --connection: {}",
                tenant.slug,
                list()
            ))),
        }
    }

    fn new_token(
        &self,
        tenant: TenantKey,
        connection: ConnectionKey,
        name: &str,
        scopes: ScopeSet,
        expires: Option<Timestamp>,
    ) -> Result<(PlainToken, TokenHash, TokenRecord), ManageError> {
        let token = PlainToken::mint(&*self.entropy);
        let hash = token.hash(&*self.entropy).map_err(ManageError::Token)?;
        let now = self.clock.now();
        let record = TokenRecord {
            id: token.id().clone(),
            tenant,
            connection,
            name: name.to_owned(),
            scopes,
            created: now,
            made_by: self.actor.to_text(),
            // To the nearest second: the end was reckoned from a moment just before this one.
            lifetime_s: expires
                .map(|end| Timestamp::from_micros(end.micros().saturating_add(500_000)).seconds_since(now)),
            expires,
            last_used: None,
            revoked: None,
        };
        Ok((token, hash, record))
    }

    fn keep_token(&self, record: &TokenRecord, hash: &TokenHash) -> Result<(), ManageError> {
        let event = self.event(
            EventKind::TokenCreated,
            &json!({"token": record.id.as_str(), "name": record.name, "scopes": record.scopes.to_string()}),
        );
        self.write(record.tenant, |txn| {
            txn.insert_token(record, hash)?;
            Ok(txn.append(&event)?)
        })
    }
}

fn unknown_token(id: &TokenId) -> ManageError {
    ManageError::NotFound(format!("there is no token '{id}'; `headcount token list` shows the ids of those there are"))
}
