//! Administrators, sessions and links.

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{Administrator, ConnectionKey, Event, PublicId, Role, TenantKey, Timestamp};
use headcount_store::{
    StoreError, Verdict,
    administrators::{AdministratorChange, AdministratorStore, Link, Purpose, Redemption, SecretDigest, Session},
    events::JournalTxn,
};
use headcount_token::PasswordHash;

use crate::{connection::NOBODY, sql::Sql, store::DieselStore, txn::DieselTxn};

type Found = (Administrator, Option<PasswordHash>);

type AdministratorSql =
    (Text, Text, Text, Text, Text, Nullable<BigInt>, Nullable<Text>, BigInt, Nullable<BigInt>, Nullable<BigInt>);
type AdministratorRow =
    (String, String, String, String, String, Option<i64>, Option<String>, i64, Option<i64>, Option<i64>);

const SELECT: &str = "SELECT a.id, a.email, a.email_key, a.name, a.role, a.tenant_id, a.phc, a.created, \
                      a.password_set, a.disabled FROM administrators a";

impl AdministratorStore for DieselStore {
    fn insert(&self, new: &Administrator, password: Option<&PasswordHash>, event: &Event) -> Result<(), StoreError> {
        self.write_noted(new.role.tenant(), event, &mut |txn| insert(txn, new, password))
    }

    fn find_by_email(&self, email_key: &str) -> Result<Option<Found>, StoreError> {
        if email_key.contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new(SELECT).raw(" WHERE a.email_key = ").text(email_key);
        self.with_link(|link| link.one::<AdministratorSql, AdministratorRow>(&sql))?.map(found).transpose()
    }

    fn find(&self, id: &PublicId) -> Result<Option<Found>, StoreError> {
        if id.as_str().contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new(SELECT).raw(" WHERE a.id = ").text(id.as_str());
        self.with_link(|link| link.one::<AdministratorSql, AdministratorRow>(&sql))?.map(found).transpose()
    }

    fn list(&self) -> Result<Vec<Administrator>, StoreError> {
        let sql = Sql::new(SELECT);
        let rows = self.with_link(|link| link.load::<AdministratorSql, AdministratorRow>(&sql))?;
        let mut all = rows.into_iter().map(|row| Ok(found(row)?.0)).collect::<Result<Vec<_>, StoreError>>()?;
        // The databases' orders of texts differ.
        all.sort_by(|left, right| left.email_key.cmp(&right.email_key));
        Ok(all)
    }

    fn change(&self, id: &PublicId, change: &AdministratorChange, event: &Event) -> Result<Administrator, StoreError> {
        let tenant = self.tenant_of_administrator(id)?;
        let mut after = None;
        self.write_noted(tenant, event, &mut |txn| {
            let before = load(txn, id)?;
            let role = change.role.unwrap_or(before.role);
            let disabled = change.disabled.unwrap_or(before.disabled);
            let sql = Sql::new("UPDATE administrators SET role = ")
                .text(role.as_str())
                .raw(", tenant_id = ")
                .maybe_int(role.tenant().map(|tenant| tenant.0))
                .raw(", disabled = ")
                .maybe_int(disabled.map(Timestamp::micros))
                .raw(" WHERE id = ")
                .text(id.as_str());
            txn.run(&sql)?;
            if disabled.is_some() || role != before.role {
                dismiss(txn, id)?;
            }
            after = Some(Administrator { role, disabled, ..before });
            Ok(())
        })?;
        after.ok_or(StoreError::NotFound)
    }

    fn set_password(
        &self,
        id: &PublicId,
        password: &PasswordHash,
        at: Timestamp,
        event: &Event,
    ) -> Result<(), StoreError> {
        let tenant = self.tenant_of_administrator(id)?;
        self.write_noted(tenant, event, &mut |txn| give_password(txn, id, None, password, at))
    }

    fn begin_session(
        &self,
        administrator: &Administrator,
        session: &Session,
        replaced: Option<&SecretDigest>,
    ) -> Result<(), StoreError> {
        let id = administrator.id.as_str();
        self.write_plain(&mut |txn| {
            // Locks the row, so that a password set at the same time comes before or after.
            let sql = Sql::new("UPDATE administrators SET name = name WHERE disabled IS NULL AND id = ")
                .text(id)
                .raw(" AND COALESCE(password_set, 0) = ")
                .int(administrator.password_set.map_or(0, Timestamp::micros));
            if txn.run(&sql)? == 0 {
                return Err(StoreError::NotFound);
            }
            if let Some(replaced) = replaced {
                txn.run(&Sql::new("DELETE FROM sessions WHERE digest = ").blob(replaced.as_bytes().to_vec()))?;
            }
            let now = session.created.micros();
            let sql = Sql::new("DELETE FROM sessions WHERE administrator = ")
                .text(id)
                .raw(" AND (idle_until <= ")
                .int(now)
                .raw(" OR ends <= ")
                .int(now)
                .raw(")");
            txn.run(&sql)?;
            let sql = Sql::new(
                "INSERT INTO sessions (digest, administrator, created, seen, idle_until, ends, authenticated) VALUES (",
            )
            .blob(session.digest.as_bytes().to_vec())
            .raw(", ")
            .text(id)
            .raw(", ")
            .ints([
                now,
                session.seen.micros(),
                session.idle_until.micros(),
                session.ends.micros(),
                session.authenticated.micros(),
            ])
            .raw(")");
            txn.run(&sql).map(|_| ())
        })
    }

    fn find_session(&self, digest: &SecretDigest) -> Result<Option<(Session, Administrator)>, StoreError> {
        type SessionSql = (BigInt, BigInt, BigInt, BigInt, BigInt, AdministratorSql);
        type SessionRow = (i64, i64, i64, i64, i64, AdministratorRow);
        let sql = Sql::new(
            "SELECT s.created, s.seen, s.idle_until, s.ends, s.authenticated, a.id, a.email, a.email_key, a.name, \
             a.role, a.tenant_id, a.phc, a.created, a.password_set, a.disabled \
             FROM sessions s JOIN administrators a ON a.id = s.administrator WHERE s.digest = ",
        )
        .blob(digest.as_bytes().to_vec());
        let Some(row) = self.with_link(|link| link.one::<SessionSql, SessionRow>(&sql))? else { return Ok(None) };
        let (created, seen, idle_until, ends, authenticated, administrator) = row;
        let session = Session {
            digest: *digest,
            created: Timestamp::from_micros(created),
            seen: Timestamp::from_micros(seen),
            idle_until: Timestamp::from_micros(idle_until),
            ends: Timestamp::from_micros(ends),
            authenticated: Timestamp::from_micros(authenticated),
        };
        Ok(Some((session, found(administrator)?.0)))
    }

    fn touch_session(&self, digest: &SecretDigest, seen: Timestamp, idle_until: Timestamp) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE sessions SET seen = ")
            .int(seen.micros())
            .raw(", idle_until = ")
            .int(idle_until.micros())
            .raw(" WHERE digest = ")
            .blob(digest.as_bytes().to_vec());
        self.write_plain(&mut |txn| txn.run(&sql).map(|_| ()))
    }

    fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM sessions WHERE digest = ").blob(digest.as_bytes().to_vec());
        self.write_plain(&mut |txn| txn.run(&sql).map(|_| ()))
    }

    fn end_sessions(&self, administrator: &PublicId) -> Result<u64, StoreError> {
        let sql = Sql::new("DELETE FROM sessions WHERE administrator = ").text(administrator.as_str());
        let mut ended = 0;
        self.write_plain(&mut |txn| {
            ended = txn.run(&sql)?;
            Ok(())
        })?;
        Ok(u64::try_from(ended).unwrap_or(u64::MAX))
    }

    fn insert_link(&self, link: &Link) -> Result<bool, StoreError> {
        let mut kept = false;
        self.write_plain(&mut |txn| {
            kept = insert_link(txn, link)?;
            Ok(())
        })?;
        Ok(kept)
    }

    fn find_link(&self, digest: &SecretDigest) -> Result<Option<(Link, Option<Administrator>)>, StoreError> {
        type LinkSql = (Text, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, BigInt, BigInt);
        type LinkRow = (String, Option<String>, Option<i64>, Option<i64>, i64, i64);
        let sql =
            Sql::new("SELECT purpose, administrator, tenant_id, conn, created, expires FROM links WHERE digest = ")
                .blob(digest.as_bytes().to_vec());
        let Some(row) = self.with_link(|link| link.one::<LinkSql, LinkRow>(&sql))? else { return Ok(None) };
        let (purpose, administrator, tenant, conn, created, expires) = row;
        let whose = match administrator.as_deref().map(PublicId::from_text) {
            Some(id) => self.find(&id)?.map(|(one, _)| one),
            None => None,
        };
        let link = Link {
            digest: *digest,
            purpose: purpose_of(&purpose, administrator.as_deref(), tenant, conn)?,
            created: Timestamp::from_micros(created),
            expires: Timestamp::from_micros(expires),
        };
        Ok(Some((link, whose)))
    }

    fn redeem_link(
        &self,
        digest: &SecretDigest,
        at: Timestamp,
        redemption: Redemption<'_>,
        event: &Event,
    ) -> Result<Option<PublicId>, StoreError> {
        // Whose journal it is has to be known before; the link itself is judged inside.
        let Some((_, whose)) = self.find_link(digest)? else { return Ok(None) };
        let tenant = match redemption {
            Redemption::First(new, _) => new.role.tenant(),
            Redemption::Password(..) => whose.and_then(|whose| whose.role.tenant()),
        };
        let mut redeemed = None;
        self.write_inner(tenant.unwrap_or(NOBODY), &mut |txn| {
            redeemed = redeem(txn, digest, at, redemption)?;
            if redeemed.is_none() {
                return Ok(Verdict::Rollback);
            }
            if tenant.is_some() {
                txn.append(event)?;
            }
            Ok(Verdict::Commit)
        })?;
        Ok(redeemed)
    }
}

impl DieselStore {
    /// A write of the installation's tables and of the event that tells of it, in the journal of the
    /// tenant that it concerns.
    fn write_noted(
        &self,
        tenant: Option<TenantKey>,
        event: &Event,
        work: &mut dyn FnMut(&mut DieselTxn<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write_inner(tenant.unwrap_or(NOBODY), &mut |txn| {
            work(txn)?;
            if tenant.is_some() {
                txn.append(event)?;
            }
            Ok(Verdict::Commit)
        })
        .map(|_| ())
    }

    /// A write of the installation's tables.
    fn write_plain(
        &self,
        work: &mut dyn FnMut(&mut DieselTxn<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write_inner(NOBODY, &mut |txn| work(txn).map(|()| Verdict::Commit)).map(|_| ())
    }

    fn tenant_of_administrator(&self, id: &PublicId) -> Result<Option<TenantKey>, StoreError> {
        Ok(self.find(id)?.ok_or(StoreError::NotFound)?.0.role.tenant())
    }
}

fn insert(txn: &mut DieselTxn<'_>, new: &Administrator, password: Option<&PasswordHash>) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO administrators (id, email, email_key, name, role, tenant_id, phc, created, password_set, disabled) \
         VALUES (",
    )
    .texts([new.id.as_str(), &*new.email, &*new.email_key, &*new.name, new.role.as_str()])
    .raw(", ")
    .maybe_int(new.role.tenant().map(|tenant| tenant.0))
    .raw(", ")
    .maybe_text(password.map(PasswordHash::as_str))
    .raw(", ")
    .int(new.created.micros())
    .raw(", ")
    .maybe_int(new.password_set.map(Timestamp::micros))
    .raw(", ")
    .maybe_int(new.disabled.map(Timestamp::micros))
    .raw(")");
    txn.run(&sql)?;
    txn.run(&Sql::new("DELETE FROM links WHERE purpose = 'first_administrator'")).map(|_| ())
}

fn load(txn: &mut DieselTxn<'_>, id: &PublicId) -> Result<Administrator, StoreError> {
    let sql = Sql::new(SELECT).raw(" WHERE a.id = ").text(id.as_str());
    let row = txn.one::<AdministratorSql, AdministratorRow>(&sql)?.ok_or(StoreError::NotFound)?;
    Ok(found(row)?.0)
}

fn dismiss(txn: &mut DieselTxn<'_>, id: &PublicId) -> Result<(), StoreError> {
    txn.run(&Sql::new("DELETE FROM sessions WHERE administrator = ").text(id.as_str()))?;
    txn.run(&Sql::new("DELETE FROM links WHERE administrator = ").text(id.as_str())).map(|_| ())
}

fn give_password(
    txn: &mut DieselTxn<'_>,
    id: &PublicId,
    name: Option<&str>,
    password: &PasswordHash,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut sql =
        Sql::new("UPDATE administrators SET phc = ").text(password.as_str()).raw(", password_set = ").int(at.micros());
    if let Some(name) = name {
        sql = sql.raw(", name = ").text(name);
    }
    if txn.run(&sql.raw(" WHERE id = ").text(id.as_str()))? == 0 {
        return Err(StoreError::NotFound);
    }
    dismiss(txn, id)
}

fn insert_link(txn: &mut DieselTxn<'_>, link: &Link) -> Result<bool, StoreError> {
    txn.run(&Sql::new("DELETE FROM links WHERE expires <= ").int(link.created.micros()))?;
    let (tenant, conn) = match &link.purpose {
        Purpose::FirstAdministrator => {
            txn.run(&Sql::new("DELETE FROM links WHERE purpose = 'first_administrator'"))?;
            if txn.one::<Text, String>(&Sql::new("SELECT id FROM administrators LIMIT 1"))?.is_some() {
                return Ok(false);
            }
            (None, None)
        }
        Purpose::Invitation(id) | Purpose::PasswordReset(id) => {
            txn.run(&Sql::new("DELETE FROM links WHERE administrator = ").text(id.as_str()))?;
            (None, None)
        }
        Purpose::Guide(tenant, conn) => (Some(tenant.0), Some(conn.0)),
    };
    let sql =
        Sql::new("INSERT INTO links (digest, purpose, administrator, tenant_id, conn, created, expires) VALUES (")
            .blob(link.digest.as_bytes().to_vec())
            .raw(", ")
            .text(link.purpose.as_str())
            .raw(", ")
            .maybe_text(link.purpose.administrator().map(PublicId::as_str))
            .raw(", ")
            .maybe_int(tenant)
            .raw(", ")
            .maybe_int(conn)
            .raw(", ")
            .ints([link.created.micros(), link.expires.micros()])
            .raw(")");
    txn.run(&sql)?;
    Ok(true)
}

/// Takes the link away, which only one of all that try at once can do, and does what it is for.
fn redeem(
    txn: &mut DieselTxn<'_>,
    digest: &SecretDigest,
    at: Timestamp,
    redemption: Redemption<'_>,
) -> Result<Option<PublicId>, StoreError> {
    let sql = Sql::new("DELETE FROM links WHERE digest = ")
        .blob(digest.as_bytes().to_vec())
        .raw(" AND expires > ")
        .int(at.micros())
        .raw(" AND purpose <> 'guide' RETURNING purpose, administrator");
    let row = txn.one::<(Text, Nullable<Text>), (String, Option<String>)>(&sql)?;
    let Some((purpose, administrator)) = row else { return Ok(None) };
    match (purpose_of(&purpose, administrator.as_deref(), None, None)?, redemption) {
        (Purpose::FirstAdministrator, Redemption::First(new, password)) => {
            insert(txn, new, Some(password))?;
            Ok(Some(new.id.clone()))
        }
        (Purpose::Invitation(id) | Purpose::PasswordReset(id), Redemption::Password(name, password)) => {
            if load(txn, &id)?.disabled.is_some() {
                return Ok(None);
            }
            give_password(txn, &id, name, password, at)?;
            Ok(Some(id))
        }
        _ => Ok(None),
    }
}

fn purpose_of(
    word: &str,
    administrator: Option<&str>,
    tenant: Option<i64>,
    conn: Option<i64>,
) -> Result<Purpose, StoreError> {
    match (word, administrator.map(PublicId::from_text), tenant, conn) {
        ("first_administrator", ..) => Ok(Purpose::FirstAdministrator),
        ("invitation", Some(id), ..) => Ok(Purpose::Invitation(id)),
        ("password_reset", Some(id), ..) => Ok(Purpose::PasswordReset(id)),
        ("guide", _, Some(tenant), Some(conn)) => Ok(Purpose::Guide(TenantKey(tenant), ConnectionKey(conn))),
        // The digest is no secret, but the row is named by nothing else.
        _ => Err(StoreError::Corrupt { table: "links", column: "purpose", row: word.to_owned() }),
    }
}

fn found(row: AdministratorRow) -> Result<Found, StoreError> {
    let (id, email, email_key, name, role, tenant, phc, created, password_set, disabled) = row;
    let Some(role) = Role::parse(&role, tenant.map(TenantKey)) else {
        return Err(StoreError::Corrupt { table: "administrators", column: "role", row: id });
    };
    let administrator = Administrator {
        id: PublicId::from_text(&id),
        email,
        email_key,
        name,
        role,
        created: Timestamp::from_micros(created),
        password_set: password_set.map(Timestamp::from_micros),
        disabled: disabled.map(Timestamp::from_micros),
    };
    Ok((administrator, phc.as_deref().map(PasswordHash::from_stored)))
}
