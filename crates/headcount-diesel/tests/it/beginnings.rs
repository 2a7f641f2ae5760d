//! What several tests begin with: a tenant, a token of its application, an index form.

use headcount_model::{ConnectionKey, PublicId, ScopeSet, Tenant, Timestamp, TokenId, TokenRecord};
use headcount_store::{
    Store, StoreExt, TenantCtx,
    index::{IndexForm, UniqueScope},
    system::{NewTenant, SystemTx},
};

/// A tenant that was made.
pub(crate) struct Made {
    pub(crate) tenant: Tenant,
    pub(crate) ctx: TenantCtx,
    /// Its application connection.
    pub(crate) application: ConnectionKey,
}

pub(crate) fn tenant(store: &dyn Store, slug: &str) -> Made {
    let new = NewTenant {
        id: PublicId::from_text(slug),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        entitled: true,
        hosts: Vec::new(),
        application: PublicId::from_text(&format!("{slug}-application")),
        created: Timestamp::from_micros(0),
    };
    let tenant = store.insert_tenant(&new).unwrap();
    let ctx = SystemTx::for_command_line().tenant(tenant.key);
    let connections = store.reading::<_, ()>(&ctx, |txn| Ok(txn.connections()?)).unwrap();
    assert_eq!(connections[0].tenant, tenant.key);
    Made { application: connections[0].key, tenant, ctx }
}

/// A token of the tenant's application that never ends.
pub(crate) fn token(made: &Made, id: &TokenId) -> TokenRecord {
    TokenRecord {
        id: id.clone(),
        tenant: made.tenant.key,
        connection: made.application,
        name: String::new(),
        scopes: ScopeSet::default(),
        created: Timestamp::from_micros(0),
        made_by: "command line".to_owned(),
        lifetime_s: None,
        expires: None,
        last_used: None,
        revoked: None,
    }
}

/// The index form of a resource that has nothing but a unique key.
pub(crate) fn index(key: Option<String>) -> IndexForm {
    IndexForm {
        key,
        scope: UniqueScope::Tenant,
        external_id: None,
        display_key: None,
        family_key: None,
        given_key: None,
        active: None,
        present: 0,
        values: Vec::new(),
        unique: Vec::new(),
    }
}
