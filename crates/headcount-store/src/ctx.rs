//! For whom a transaction is opened.

use headcount_model::TenantKey;

/// The right to open transactions of one tenant.
///
/// SECURITY: its constructor is private to this crate and reached through [`crate::auth`] and
/// [`crate::system`] only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantCtx {
    tenant: TenantKey,
}

impl TenantCtx {
    pub(crate) fn new(tenant: TenantKey) -> Self {
        Self { tenant }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantKey {
        self.tenant
    }
}
