//! Tokens in a transaction.

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{ConnectionKey, ScopeSet, Timestamp, TokenId, TokenRecord};
use headcount_store::{
    StoreError,
    tenants::TenantTxn,
    tokens::{Credential, Standing, TokenTxn},
};
use headcount_token::TokenHash;

use crate::{
    sql::{Bind, Fixed, Sql},
    tenants::{ConnectionRow, ConnectionSql, TenantRow, TenantSql, connection_of, tenant_of},
    txn::DieselTxn,
};

pub(crate) type TokenSql =
    (Text, BigInt, Text, Text, BigInt, Text, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>);
pub(crate) type TokenRow =
    (String, i64, String, String, i64, String, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// The SQL types of a standing.
pub(crate) type StandingSql = (Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, BigInt, BigInt);
/// The columns that are a token's standing.
pub(crate) type StandingRow = (Option<i64>, Option<i64>, Option<i64>, i64, i64);

pub(crate) fn standing_of(row: StandingRow) -> Standing {
    let (expires, revoked, last_used, connection_revision, tenant_revision) = row;
    Standing {
        expires: expires.map(Timestamp::from_micros),
        revoked: revoked.map(Timestamp::from_micros),
        last_used: last_used.map(Timestamp::from_micros),
        connection_revision,
        tenant_revision,
    }
}

/// The columns of [`StandingRow`].
macro_rules! standing {
    () => {
        "t.expires, t.revoked, t.last_used, c.revision, w.revision"
    };
}

/// The rows `t`, `c` and `w` that a standing is read from.
macro_rules! of_token {
    () => {
        " FROM tokens t JOIN connections c ON c.tenant_id = t.tenant_id AND c.conn = t.conn \
         JOIN tenants w ON w.tenant_id = t.tenant_id"
    };
}

pub(crate) use {of_token, standing};

/// The standing of a token; binds: tenant, token.
struct OfToken;

impl Fixed for OfToken {
    const SQLITE: &'static [&'static str] =
        &[concat!("SELECT ", standing!(), of_token!(), " WHERE t.tenant_id = "), " AND t.id = ", ""];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

impl TokenTxn for DieselTxn<'_> {
    fn credential(&mut self, id: &TokenId) -> Result<Option<Credential>, StoreError> {
        if id.as_str().contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new(
            "SELECT t.id, t.conn, t.name, t.scopes, t.created, t.made_by, t.lifetime_s, t.expires, t.last_used, t.revoked, \
             c.conn, c.id, c.kind, c.name, c.preset, c.state, c.overrides, c.revision, c.created, \
             w.tenant_id, w.id, w.slug, w.name, w.entitled, w.revision, w.created, \
             (SELECT COUNT(*) FROM tenant_hosts h WHERE h.tenant_id = w.tenant_id) \
             FROM tokens t \
             JOIN connections c ON c.tenant_id = t.tenant_id AND c.conn = t.conn \
             JOIN tenants w ON w.tenant_id = t.tenant_id \
             WHERE t.tenant_id = ",
        )
        .int(self.key())
        .raw(" AND t.id = ")
        .text(id.as_str());
        let row =
            self.one::<(TokenSql, ConnectionSql, TenantSql, BigInt), (TokenRow, ConnectionRow, TenantRow, i64)>(&sql)?;
        let Some((token, connection, tenant, hosts)) = row else { return Ok(None) };
        let hosts = if hosts == 0 { Vec::new() } else { self.hosts()? };
        Ok(Some(Credential {
            token: self.record(token)?,
            connection: connection_of(self.tenant, connection)?,
            tenant: tenant_of(tenant, hosts),
        }))
    }

    fn standing(&mut self, id: &TokenId) -> Result<Option<Standing>, StoreError> {
        if id.as_str().contains('\0') {
            return Ok(None);
        }
        let binds = [Bind::Int(self.key()), Bind::Text(id.as_str())];
        let row = self.load_fixed::<OfToken, StandingSql, StandingRow>(&binds)?.into_iter().next();
        Ok(row.map(standing_of))
    }

    fn insert_token(&mut self, record: &TokenRecord, hash: &TokenHash) -> Result<(), StoreError> {
        if record.tenant != self.tenant || self.find_connection(record.connection)?.is_none() {
            return Err(StoreError::NotFound);
        }
        let sql = Sql::new("INSERT INTO token_index (id, tenant_id, conn, hash) VALUES (")
            .text(record.id.as_str())
            .raw(", ")
            .ints([self.key(), record.connection.0])
            .raw(", ")
            .text(hash.as_str())
            .raw(")");
        self.run(&sql)?;
        let sql = Sql::new(
            "INSERT INTO tokens (tenant_id, id, place, conn, name, scopes, created, made_by, lifetime_s, expires, last_used, \
             revoked) VALUES (",
        )
        .int(self.key())
        .raw(", ")
        .text(record.id.as_str())
        .raw(", (SELECT COALESCE(MAX(p.place), 0) + 1 FROM tokens p WHERE p.tenant_id = ")
        .int(self.key())
        .raw("), ")
        .int(record.connection.0)
        .raw(", ")
        .text(&*record.name)
        .raw(", ")
        .text(record.scopes.to_string())
        .raw(", ")
        .int(record.created.micros())
        .raw(", ")
        .text(&*record.made_by)
        .raw(", ")
        .maybe_int(record.lifetime_s)
        .raw(", ")
        .maybe_int(record.expires.map(Timestamp::micros))
        .raw(", ")
        .maybe_int(record.last_used.map(Timestamp::micros))
        .raw(", ")
        .maybe_int(record.revoked.map(Timestamp::micros))
        .raw(")");
        self.run(&sql).map(|_| ())
    }

    fn tokens(&mut self) -> Result<Vec<TokenRecord>, StoreError> {
        let sql = Sql::new("SELECT ")
            .raw(COLUMNS)
            .raw(" FROM tokens WHERE tenant_id = ")
            .int(self.key())
            .raw(" ORDER BY place, id");
        let rows = self.load::<TokenSql, TokenRow>(&sql)?;
        rows.into_iter().map(|row| self.record(row)).collect()
    }

    fn revoke_token(&mut self, id: &TokenId, at: Timestamp) -> Result<TokenRecord, StoreError> {
        self.change_token(Sql::new("UPDATE tokens SET revoked = COALESCE(revoked, ").int(at.micros()).raw(")"), id)
    }

    fn expire_token(&mut self, id: &TokenId, at: Option<Timestamp>) -> Result<TokenRecord, StoreError> {
        self.change_token(Sql::new("UPDATE tokens SET expires = ").maybe_int(at.map(Timestamp::micros)), id)
    }

    fn use_token(&mut self, id: &TokenId, at: Timestamp) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE tokens SET last_used = ")
            .int(at.micros())
            .raw(" WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND id = ")
            .text(id.as_str())
            .raw(" AND (last_used IS NULL OR last_used < ")
            .int(at.micros())
            .raw(")");
        self.run(&sql).map(|_| ())
    }
}

impl DieselTxn<'_> {
    fn change_token(&mut self, set: Sql, id: &TokenId) -> Result<TokenRecord, StoreError> {
        if id.as_str().contains('\0') {
            return Err(StoreError::NotFound);
        }
        let sql = set
            .raw(" WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND id = ")
            .text(id.as_str())
            .raw(" RETURNING ")
            .raw(COLUMNS);
        let row = self.one::<TokenSql, TokenRow>(&sql)?.ok_or(StoreError::NotFound)?;
        self.record(row)
    }

    fn record(&self, row: TokenRow) -> Result<TokenRecord, StoreError> {
        let (id, conn, name, scopes, created, made_by, lifetime_s, expires, last_used, revoked) = row;
        let scopes = ScopeSet::parse(&scopes).map_err(|reason| {
            tracing::debug!(reason, "the scopes of a token cannot be read");
            StoreError::Corrupt { table: "tokens", column: "scopes", row: id.clone() }
        })?;
        Ok(TokenRecord {
            id: TokenId::from_text(&id),
            tenant: self.tenant,
            connection: ConnectionKey(conn),
            name,
            scopes,
            created: Timestamp::from_micros(created),
            made_by,
            lifetime_s,
            expires: expires.map(Timestamp::from_micros),
            last_used: last_used.map(Timestamp::from_micros),
            revoked: revoked.map(Timestamp::from_micros),
        })
    }

    pub(crate) fn hosts(&mut self) -> Result<Vec<String>, StoreError> {
        let sql = Sql::new("SELECT host FROM tenant_hosts WHERE tenant_id = ").int(self.key()).raw(" ORDER BY host");
        self.load::<Text, String>(&sql)
    }
}

const COLUMNS: &str = "id, conn, name, scopes, created, made_by, lifetime_s, expires, last_used, revoked";
