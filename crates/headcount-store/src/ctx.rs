//! For whom a transaction is opened.

use headcount_model::TenantKey;

/// The right to open transactions of one tenant.
///
/// SECURITY: its constructor is private to this crate and reached through [`crate::auth`] and
/// [`crate::system`] only. A key of a tenant is a plain value and opens nothing. None of these
/// compile:
///
/// ```compile_fail,E0451
/// // Made from its parts.
/// let ctx = headcount_store::TenantCtx { tenant: headcount_model::TenantKey(1) };
/// ```
///
/// ```compile_fail,E0624
/// // Made by the constructor.
/// let ctx = headcount_store::TenantCtx::new(headcount_model::TenantKey(1));
/// ```
///
/// ```compile_fail,E0277
/// // Made from a key.
/// let ctx: headcount_store::TenantCtx = headcount_model::TenantKey(1).into();
/// ```
///
/// ```compile_fail,E0599
/// // Made out of nothing.
/// let ctx = headcount_store::TenantCtx::default();
/// ```
///
/// ```compile_fail,E0616
/// // Turned to another tenant.
/// fn turn(ctx: &mut headcount_store::TenantCtx) {
///     ctx.tenant = headcount_model::TenantKey(2);
/// }
/// ```
///
/// ```compile_fail,E0308
/// // A transaction opened by a key alone.
/// use headcount_store::{Store, Verdict};
/// fn open(store: &dyn Store, tenant: headcount_model::TenantKey) {
///     let _ = store.read(&tenant, &mut |_| Ok(Verdict::Commit));
/// }
/// ```
///
/// ```compile_fail,E0061
/// // Another tenant's rows asked for inside a transaction.
/// use headcount_store::Txn;
/// fn look(txn: &mut dyn Txn, tenant: headcount_model::TenantKey, seq: headcount_model::Seq) {
///     let _ = txn.load_resources(tenant, &[seq]);
/// }
/// ```
///
/// ```compile_fail,E0277
/// // Read out of a request or a file.
/// let ctx: headcount_store::TenantCtx = serde_json::from_str("{\"tenant\": 1}").unwrap();
/// ```
///
/// This is how one is come by, on the command line and in background work:
///
/// ```
/// use headcount_store::system::SystemTx;
///
/// let ctx = SystemTx::for_command_line().tenant(headcount_model::TenantKey(1));
/// assert_eq!(ctx.tenant(), headcount_model::TenantKey(1));
/// ```
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
