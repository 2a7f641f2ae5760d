//! One act: a whole write transaction in one call, for the plain cases, so that a store may make one
//! statement of it. Whatever is not plain is [`Done::Otherwise`], and its caller takes the long way,
//! a transaction of its own, which decides and explains.

use headcount_model::{ConnectionKey, Event, Seq, Timestamp, TokenId};

use crate::{
    ctx::TenantCtx,
    error::StoreError,
    members::MemberRef,
    query::View,
    resources::{Lock, NewResource, Update},
    store::{Store, Txn, Verdict},
    tokens::Standing,
};

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// The token that asks.
    pub token: &'a TokenId,
    /// Its standing as the caller knows it; the act is done only if what decides is still so
    /// ([`Standing::decides_like`]).
    pub standing: &'a Standing,
    /// The change.
    pub change: Change<'a>,
    /// The one journal entry of it; with [`Change::Member`] its version is filled in here.
    pub event: &'a Event,
}

/// A plain change.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A resource is inserted, unless there is a tombstone of its owner, type and key.
    Insert(&'a NewResource),
    /// A resource is updated if it is still at the version of `before`, whatever its lock; nothing
    /// is written if nothing changes. The owner stays.
    Update(&'a Update<'a>),
    /// One member of a group that the connection owns is added or taken out.
    Member {
        /// Who asks.
        view: &'a View,
        /// The type of the group.
        resource_type: &'a str,
        /// The public id of the group.
        group: &'a str,
        /// The public id of the member.
        member: &'a str,
        /// Which of the two.
        put: Put,
        /// When.
        at: Timestamp,
        /// Asks for the version afterwards of a group that has more members than this.
        beyond: Option<u64>,
    },
}

/// Whether a member is added or taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It is a member afterwards.
    In,
    /// It is none afterwards.
    Out,
}

/// What became of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// The resource is there.
    Inserted(Seq),
    /// The resource has this version.
    Updated(i64),
    /// The member is in, or out, and was not before.
    Moved,
    /// The same, in a group that has more members than was asked about and this version, both as they
    /// stood with the change. A store that would have to wait for other changes to know this says
    /// [`Done::Moved`].
    MovedAmongMany(i64),
    /// It was as it should be, and nothing was written.
    Unmoved,
    /// Nothing was written: the token's standing differs, there is a tombstone, another version, no
    /// such group of this connection, or no such member in its view.
    Otherwise,
}

/// An act inside a transaction; after [`Done::Otherwise`] it must be undone.
///
/// # Errors
/// [`StoreError::Unique`], and as the transaction's own methods.
pub fn within(txn: &mut dyn Txn, act: &Act<'_>) -> Result<Done, StoreError> {
    if !txn.standing(act.token)?.is_some_and(|now| now.decides_like(act.standing)) {
        return Ok(Done::Otherwise);
    }
    match act.change {
        Change::Insert(new) => {
            if let Some(key) = &new.index.key
                && txn.find_tombstone(&new.resource_type, new.owner, key)?.is_some()
            {
                return Ok(Done::Otherwise);
            }
            let seq = txn.insert_resource(new)?;
            txn.append(act.event)?;
            Ok(Done::Inserted(seq))
        }
        Change::Update(update) if update.changes_nothing() => {
            let now = txn.load_resources(&[update.before.seq])?.pop();
            let is_as_it_was = now.is_some_and(|now| now.version == update.before.version);
            Ok(if is_as_it_was { Done::Unmoved } else { Done::Otherwise })
        }
        Change::Update(update) => match txn.update_resource(update) {
            Ok(version) => {
                txn.append(&Event { version, ..act.event.clone() })?;
                Ok(Done::Updated(version))
            }
            Err(StoreError::VersionMismatch) => Ok(Done::Otherwise),
            Err(error) => Err(error),
        },
        Change::Member { view, resource_type, group, member, put, at, beyond: _ } => {
            let Some(group) = txn.find_resource(view, resource_type, group, Lock::Shared)? else {
                return Ok(Done::Otherwise);
            };
            if group.adoptable || !is_own(view, group.owner) {
                return Ok(Done::Otherwise);
            }
            let moved = match put {
                Put::In => {
                    let members: Vec<MemberRef> = txn.find_members(view, &[member])?;
                    if members.is_empty() {
                        return Ok(Done::Otherwise);
                    }
                    txn.add_members(group.seq, &members)?
                }
                Put::Out => txn.remove_members(group.seq, &[member])?,
            };
            if moved.is_empty() {
                return Ok(Done::Unmoved);
            }
            let version = txn.touch_group(group.seq, at.max(group.modified))?;
            txn.append(&Event { version, ..act.event.clone() })?;
            Ok(Done::Moved)
        }
    }
}

fn is_own(view: &View, owner: ConnectionKey) -> bool {
    view.connection == owner
}

/// An act in a transaction of its own.
///
/// # Errors
/// [`StoreError::Unique`], and as [`Store::write`].
pub fn through<S: Store + ?Sized>(store: &S, ctx: &TenantCtx, act: &Act<'_>) -> Result<Done, StoreError> {
    let mut done = Done::Otherwise;
    store.write(ctx, &mut |txn| {
        done = within(txn, act)?;
        Ok(match done {
            Done::Otherwise | Done::Unmoved => Verdict::Rollback,
            Done::Inserted(_) | Done::Updated(_) | Done::Moved | Done::MovedAmongMany(_) => Verdict::Commit,
        })
    })?;
    Ok(done)
}
