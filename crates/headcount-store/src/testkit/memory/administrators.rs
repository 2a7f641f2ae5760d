//! Administrators, sessions and links.

use headcount_model::{Administrator, Event, PublicId, TenantKey, Timestamp};
use headcount_token::PasswordHash;

use super::{MemoryStore, State, unique};
use crate::{
    administrators::{AdministratorChange, AdministratorStore, Link, Purpose, Redemption, SecretDigest, Session},
    error::StoreError,
    events::NumberedEvent,
};

/// An administrator and the password's hash.
pub(super) type Row = (Administrator, Option<PasswordHash>);

impl State {
    fn insert_administrator(&mut self, new: &Administrator, password: Option<&PasswordHash>) -> Result<(), StoreError> {
        if self.administrators.values().any(|(known, _)| known.email_key == new.email_key) {
            return Err(unique("email"));
        }
        if self.administrators.contains_key(&new.id) {
            return Err(unique("id"));
        }
        self.links.retain(|_, link| link.purpose != Purpose::FirstAdministrator);
        self.administrators.insert(new.id.clone(), (new.clone(), password.cloned()));
        Ok(())
    }

    fn administrator_mut(&mut self, id: &PublicId) -> Result<&mut Row, StoreError> {
        self.administrators.get_mut(id).ok_or(StoreError::NotFound)
    }

    fn dismiss(&mut self, id: &PublicId) {
        self.sessions.retain(|_, (whose, _)| whose != id);
        self.links.retain(|_, link| link.purpose.administrator() != Some(id));
    }

    fn give_password(&mut self, id: &PublicId, password: &PasswordHash, at: Timestamp) -> Result<(), StoreError> {
        let row = self.administrator_mut(id)?;
        row.0.password_set = Some(at);
        row.1 = Some(password.clone());
        self.dismiss(id);
        Ok(())
    }

    fn note(&mut self, tenant: Option<TenantKey>, event: &Event) -> Result<(), StoreError> {
        let Some(tenant) = tenant else { return Ok(()) };
        let own = self.tenants.get_mut(&tenant).map(std::sync::Arc::make_mut).ok_or(StoreError::NotFound)?;
        let (number, previous): (i64, &[u8]) =
            own.journal.last().map_or((1, &[]), |last| (last.number.saturating_add(1), &last.hash));
        let entry = NumberedEvent::chained(number, event, previous);
        own.journal.insert(number, entry);
        Ok(())
    }
}

impl AdministratorStore for MemoryStore {
    fn insert(&self, new: &Administrator, password: Option<&PasswordHash>, event: &Event) -> Result<(), StoreError> {
        self.system(|state| {
            state.insert_administrator(new, password)?;
            state.note(new.role.tenant(), event)
        })
    }

    fn find_by_email(&self, email_key: &str) -> Result<Option<Row>, StoreError> {
        let state = self.snapshot();
        Ok(state.administrators.values().find(|(one, _)| one.email_key == email_key).cloned())
    }

    fn find(&self, id: &PublicId) -> Result<Option<Row>, StoreError> {
        Ok(self.snapshot().administrators.get(id).cloned())
    }

    fn list(&self) -> Result<Vec<Administrator>, StoreError> {
        let mut all: Vec<_> = self.snapshot().administrators.values().map(|(one, _)| one.clone()).collect();
        all.sort_by(|left, right| left.email_key.cmp(&right.email_key));
        Ok(all)
    }

    fn change(&self, id: &PublicId, change: &AdministratorChange, event: &Event) -> Result<Administrator, StoreError> {
        self.system(|state| {
            let one = &mut state.administrator_mut(id)?.0;
            let before = one.clone();
            one.role = change.role.unwrap_or(one.role);
            one.disabled = change.disabled.unwrap_or(one.disabled);
            let after = one.clone();
            if after.disabled.is_some() || after.role != before.role {
                state.dismiss(id);
            }
            state.note(before.role.tenant(), event)?;
            Ok(after)
        })
    }

    fn set_password(
        &self,
        id: &PublicId,
        password: &PasswordHash,
        at: Timestamp,
        event: &Event,
    ) -> Result<(), StoreError> {
        self.system(|state| {
            let tenant = state.administrator_mut(id)?.0.role.tenant();
            state.give_password(id, password, at)?;
            state.note(tenant, event)
        })
    }

    fn begin_session(
        &self,
        administrator: &Administrator,
        session: &Session,
        replaced: Option<&SecretDigest>,
    ) -> Result<(), StoreError> {
        self.system(|state| {
            let id = &administrator.id;
            let present = &state.administrator_mut(id)?.0;
            if present.disabled.is_some() || present.password_set != administrator.password_set {
                return Err(StoreError::NotFound);
            }
            if let Some(replaced) = replaced {
                state.sessions.remove(replaced);
            }
            let now = session.created;
            state.sessions.retain(|_, (whose, known)| whose != id || (known.idle_until > now && known.ends > now));
            state.sessions.insert(session.digest, (id.clone(), *session));
            Ok(())
        })
    }

    fn find_session(&self, digest: &SecretDigest) -> Result<Option<(Session, Administrator)>, StoreError> {
        let state = self.snapshot();
        let Some((whose, session)) = state.sessions.get(digest) else { return Ok(None) };
        Ok(state.administrators.get(whose).map(|(one, _)| (*session, one.clone())))
    }

    fn touch_session(&self, digest: &SecretDigest, seen: Timestamp, idle_until: Timestamp) -> Result<(), StoreError> {
        self.system(|state| {
            if let Some((_, session)) = state.sessions.get_mut(digest) {
                session.seen = seen;
                session.idle_until = idle_until;
            }
            Ok(())
        })
    }

    fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        self.system(|state| {
            state.sessions.remove(digest);
            Ok(())
        })
    }

    fn end_sessions(&self, administrator: &PublicId) -> Result<u64, StoreError> {
        self.system(|state| {
            let before = state.sessions.len();
            state.sessions.retain(|_, (whose, _)| whose != administrator);
            Ok(u64::try_from(before.saturating_sub(state.sessions.len())).unwrap_or(u64::MAX))
        })
    }

    fn insert_link(&self, link: &Link) -> Result<bool, StoreError> {
        self.system(|state| {
            let is_first = link.purpose == Purpose::FirstAdministrator;
            if is_first && !state.administrators.is_empty() {
                return Ok(false);
            }
            if link.purpose.administrator().is_some_and(|id| !state.administrators.contains_key(id)) {
                return Err(StoreError::NotFound);
            }
            state.links.retain(|_, known| {
                let is_replaced = match &link.purpose {
                    Purpose::FirstAdministrator => known.purpose == Purpose::FirstAdministrator,
                    Purpose::Guide(..) => false,
                    purpose => known.purpose.administrator() == purpose.administrator(),
                };
                !is_replaced && known.expires > link.created
            });
            state.links.insert(link.digest, link.clone());
            Ok(true)
        })
    }

    fn find_link(&self, digest: &SecretDigest) -> Result<Option<(Link, Option<Administrator>)>, StoreError> {
        let state = self.snapshot();
        let Some(link) = state.links.get(digest) else { return Ok(None) };
        let whose = link.purpose.administrator().and_then(|id| state.administrators.get(id));
        Ok(Some((link.clone(), whose.map(|(one, _)| one.clone()))))
    }

    fn redeem_link(
        &self,
        digest: &SecretDigest,
        at: Timestamp,
        redemption: Redemption<'_>,
        event: &Event,
    ) -> Result<Option<PublicId>, StoreError> {
        self.system(|state| {
            let Some(link) = state.links.get(digest).filter(|link| at < link.expires).cloned() else {
                return Ok(None);
            };
            match (&link.purpose, redemption) {
                (Purpose::FirstAdministrator, Redemption::First(new, password)) => {
                    state.insert_administrator(new, Some(password))?;
                    state.note(new.role.tenant(), event)?;
                    Ok(Some(new.id.clone()))
                }
                (Purpose::Invitation(id) | Purpose::PasswordReset(id), Redemption::Password(name, password)) => {
                    let one = &mut state.administrator_mut(id)?.0;
                    if one.disabled.is_some() {
                        return Ok(None);
                    }
                    if let Some(name) = name {
                        name.clone_into(&mut one.name);
                    }
                    let tenant = one.role.tenant();
                    state.give_password(id, password, at)?;
                    state.note(tenant, event)?;
                    Ok(Some(id.clone()))
                }
                _ => Ok(None),
            }
        })
    }
}
