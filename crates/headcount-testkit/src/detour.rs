//! A store that does nothing in one go.

use std::sync::Arc;

use headcount_model::{ConnectionKey, Tenant, TenantKey, TokenId};
use headcount_store::{
    Store, StoreError, TenantCtx,
    act::{Act, Done},
    administrators::AdministratorStore,
    look::{self, Look, LookAt, Looked},
    store::Work,
    system::{NewTenant, SystemStore, TokenBinding},
};

/// A store whose looks never suit and whose acts are never plain, so that everything goes by
/// transactions: what the short ways answer must be what the long ways answer.
pub(crate) struct Detour(pub(crate) Arc<dyn Store>);

impl Store for Detour {
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.0.read(ctx, work)
    }

    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.0.write(ctx, work)
    }

    fn look(&self, ctx: &TenantCtx, look: &Look<'_>) -> Result<Looked, StoreError> {
        let mut looked = look::through(&*self.0, ctx, look)?;
        if let (Some(standing), LookAt::Resource { .. } | LookAt::Query(_)) = (&mut looked.standing, look.at) {
            // As if the settings had just been changed.
            standing.connection_revision = standing.connection_revision.saturating_add(1);
        }
        Ok(looked)
    }

    fn act(&self, _ctx: &TenantCtx, _act: &Act<'_>) -> Result<Done, StoreError> {
        Ok(Done::Otherwise)
    }
}

impl SystemStore for Detour {
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError> {
        self.0.find_token(id)
    }

    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError> {
        self.0.find_host(host)
    }

    fn find_connection_index(&self, id: &str) -> Result<Option<(TenantKey, ConnectionKey)>, StoreError> {
        self.0.find_connection_index(id)
    }

    fn insert_tenant(&self, new: &NewTenant) -> Result<Tenant, StoreError> {
        self.0.insert_tenant(new)
    }

    fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.0.list_tenants()
    }

    fn find_tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError> {
        self.0.find_tenant(slug_or_id)
    }

    fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.0.setting(key)
    }

    fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.0.set_setting(key, value)
    }

    fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        self.0.setting_or_insert(key, value)
    }

    fn administrators(&self) -> &dyn AdministratorStore {
        self.0.administrators()
    }

    fn ping(&self) -> Result<(), StoreError> {
        self.0.ping()
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        self.0.maintain()
    }
}
