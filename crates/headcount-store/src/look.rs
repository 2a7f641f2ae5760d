//! One look: a whole read transaction in one call, so that a store may make one statement of it.

use headcount_model::TokenId;

use crate::{
    ctx::TenantCtx,
    error::StoreError,
    members::{GroupOf, MemberIds},
    page::Page,
    query::{Query, View},
    resources::Lock,
    store::{Store, Txn, Verdict},
    tokens::Standing,
};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The token that asks.
    pub token: &'a TokenId,
    /// What it asks for.
    pub at: LookAt<'a>,
    /// How many levels of groups of what is found are wanted ([`crate::members::MemberTxn::groups_of`]);
    /// 0: none.
    pub levels: u8,
}

/// What a look asks for.
#[derive(Clone, Copy, Debug)]
pub enum LookAt<'a> {
    /// Nothing but the standing of the token.
    Standing,
    /// One resource, as by [`crate::resources::ResourceTxn::find_resource`]; the total of the page is
    /// how many were found.
    Resource {
        /// Who asks.
        view: &'a View,
        /// The resource type's name.
        resource_type: &'a str,
        /// The public id.
        id: &'a str,
    },
    /// One resource as [`Self::Resource`] names it, and its first members, whoever sees them.
    Group {
        /// Who asks.
        view: &'a View,
        /// The resource type's name.
        resource_type: &'a str,
        /// The public id.
        id: &'a str,
        /// At most so many members.
        limit: u64,
    },
    /// A query.
    Query(&'a Query),
}

/// What a look sees, all in one snapshot.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The standing of the token; `None`: there is no such token in this tenant, and nothing else
    /// was read.
    pub standing: Option<Standing>,
    /// What was found.
    pub page: Page,
    /// The groups of what was found, ordered by member, then group row.
    pub groups: Vec<GroupOf>,
    /// The members of what was found, where they were asked for.
    pub members: MemberIds,
}

impl Looked {
    /// What is seen by a token that is not there.
    #[must_use]
    pub fn nothing() -> Self {
        let page = Page { resources: Vec::new(), total: 0, next: None };
        Self { standing: None, page, groups: Vec::new(), members: MemberIds::default() }
    }
}

/// A look inside a transaction.
///
/// # Errors
/// As the transaction's own methods.
pub fn within(txn: &mut dyn Txn, look: &Look<'_>) -> Result<Looked, StoreError> {
    let Some(standing) = txn.standing(look.token)? else { return Ok(Looked::nothing()) };
    let page = match look.at {
        LookAt::Standing => Looked::nothing().page,
        LookAt::Resource { view, resource_type, id } | LookAt::Group { view, resource_type, id, .. } => {
            let resources = Vec::from_iter(txn.find_resource(view, resource_type, id, Lock::None)?);
            Page { total: u64::try_from(resources.len()).unwrap_or(0), resources, next: None }
        }
        LookAt::Query(query) => txn.query(query)?,
    };
    let view = match look.at {
        LookAt::Standing => None,
        LookAt::Resource { view, .. } | LookAt::Group { view, .. } => Some(view),
        LookAt::Query(query) => Some(&query.view),
    };
    let groups = match view {
        Some(view) if look.levels > 0 && !page.resources.is_empty() => {
            let seqs: Vec<_> = page.resources.iter().map(|resource| resource.seq).collect();
            txn.groups_of(view, &seqs, look.levels)?
        }
        _ => Vec::new(),
    };
    let members = match (look.at, page.resources.first()) {
        (LookAt::Group { limit, .. }, Some(group)) => txn.member_ids(group.seq, None, limit)?,
        _ => MemberIds::default(),
    };
    Ok(Looked { standing: Some(standing), page, groups, members })
}

/// A look in a transaction of its own.
///
/// # Errors
/// As [`Store::read`].
pub fn through<S: Store + ?Sized>(store: &S, ctx: &TenantCtx, look: &Look<'_>) -> Result<Looked, StoreError> {
    let mut looked = Looked::nothing();
    store.read(ctx, &mut |txn| {
        looked = within(txn, look)?;
        Ok(Verdict::Commit)
    })?;
    Ok(looked)
}
