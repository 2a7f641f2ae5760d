//! The contract of stores: what every one must do, as functions that panic when it does not.
//!
//! A store proves itself by a [`Fixture`] and the macro [`contract!`](crate::contract), which makes
//! one `#[test]` of each property:
//!
//! ```
//! use std::sync::Arc;
//!
//! use headcount_store::{Store, testkit::{MemoryStore, contract::Fixture}};
//! use scim_schema::Registry;
//!
//! struct Memory;
//!
//! impl Fixture for Memory {
//!     fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
//!         Arc::new(MemoryStore::new(registry))
//!     }
//! }
//!
//! headcount_store::contract!(Memory);
//! # for (_, property) in headcount_store::testkit::contract::ALL.iter().take(3) {
//! #     property(&Memory);
//! # }
//! ```
//!
//! To add a property: a public function in one of the modules, and its name in the list at the end
//! of this file. Nothing here sleeps or asks a clock; threads meet at barriers.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "properties are bodies of tests: that they panic is how they fail"
)]

use std::sync::Arc;

use headcount_model::{
    Actor, Connection, ConnectionKey, ConnectionKind, ConnectionState, Event, EventKind, Preset, PublicId, Seq, Tenant,
    Timestamp,
};
use scim_filter::{CompileOptions, Predicate, Target};
use scim_schema::{AttrPath, Registry, Resource};
use serde_json::{Value, json};

use crate::{
    ctx::TenantCtx,
    error::StoreError,
    events::NumberedEvent,
    index::{self, IndexForm, IndexPolicy},
    members::MemberRef,
    page::{Page, Window},
    query::{Adoptable, Order, Query, ScanLimits, Selection, Sort, View},
    resources::{Lock, NewResource, StoredResource, Tombstone, Update},
    store::{Abort, Store, StoreExt, Txn},
    system::{NewTenant, SystemTx},
    tenants::NewConnection,
};

pub mod acts;
pub mod administrators;
pub mod concurrency;
pub mod filters;
pub mod isolation;
pub mod journal;
pub mod looks;
pub mod many;
pub mod members;
pub mod pages;
pub mod passwords;
pub mod resources;
pub mod tenants;
pub mod transactions;
pub mod uniqueness;
pub mod views;

/// Makes stores to be tested.
pub trait Fixture: Sync {
    /// A fresh, empty store for the resource types of this registry.
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store>;
}

/// A property: panics if the store lacks it.
pub type Property = fn(&dyn Fixture);

/// Both switches that change what is unique are on.
const POLICY: IndexPolicy = IndexPolicy { external_id_unique: true, unique_group_names: true };

/// The URN of the extension of User that only the tests have.
const EXTENSION: &str = "urn:example:scim:schemas:extension:1.0:User";

/// A fixed moment, `n` seconds after an arbitrary one.
fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(n)
}

/// The n-th public id; they sort as their numbers do.
fn id(n: u32) -> PublicId {
    PublicId::from_text(&format!("018bcfe5-6800-7000-8000-{n:012x}"))
}

/// User, Group and Enterprise User; an extension of User with an attribute of every type; Device,
/// a type of its own.
fn registry() -> Arc<Registry> {
    let attribute = |name: &str, kind: &str| json!({"name": name, "type": kind, "searchable": true});
    let extension = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": EXTENSION,
        "name": "Test",
        "attributes": [
            {"name": "badge", "type": "string", "searchable": true, "uniqueness": "server"},
            attribute("level", "integer"),
            attribute("score", "decimal"),
            attribute("since", "dateTime"),
            attribute("remote", "boolean"),
            {"name": "code", "type": "string", "caseExact": true, "searchable": true},
            {"name": "tags", "type": "string", "multiValued": true, "searchable": true},
            {"name": "note", "type": "string"},
        ],
    });
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "schema": scim_schema::builtin::USER,
        "schemaExtensions": [
            {"schema": scim_schema::builtin::ENTERPRISE_USER, "required": false},
            {"schema": EXTENSION, "required": false},
        ],
    });
    let device_schema = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": "urn:example:scim:schemas:core:1.0:Device",
        "name": "Device",
        "attributes": [
            {"name": "displayName", "type": "string"},
            {"name": "serial", "type": "string", "caseExact": true, "searchable": true, "uniqueness": "server"},
        ],
    });
    let device = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "Device",
        "name": "Device",
        "endpoint": "/Devices",
        "schema": "urn:example:scim:schemas:core:1.0:Device",
    });
    Arc::new(Registry::builtin().with_documents(&[extension, user, device_schema, device]).unwrap())
}

/// One tenant with two connections, in a store.
struct World {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    tenant: Tenant,
    ctx: TenantCtx,
    /// The built-in connection.
    application: ConnectionKey,
    /// The connection that most properties look through.
    connection: ConnectionKey,
    /// Another connection of the tenant.
    other: ConnectionKey,
}

impl World {
    fn new(fixture: &dyn Fixture) -> Self {
        let registry = registry();
        Self::in_store(fixture.open(Arc::clone(&registry)), registry, "acme")
    }

    /// Two tenants in one store.
    fn pair(fixture: &dyn Fixture) -> (Self, Self) {
        let registry = registry();
        let store = fixture.open(Arc::clone(&registry));
        let first = Self::in_store(Arc::clone(&store), Arc::clone(&registry), "acme");
        (first, Self::in_store(store, registry, "globex"))
    }

    fn in_store(store: Arc<dyn Store>, registry: Arc<Registry>, slug: &str) -> Self {
        let named = |suffix: &str| PublicId::from_text(&format!("{slug}-{suffix}"));
        let tenant = store
            .insert_tenant(&NewTenant {
                id: named("id"),
                slug: slug.to_owned(),
                name: format!("The {slug} company"),
                entitled: true,
                hosts: vec![format!("{slug}.example.com")],
                application: named("application"),
                created: at(0),
            })
            .unwrap();
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        let mut world = Self {
            store,
            registry,
            tenant,
            ctx,
            application: ConnectionKey(0),
            connection: ConnectionKey(0),
            other: ConnectionKey(0),
        };
        world.application = world.read(|txn| txn.connections()).unwrap()[0].key;
        world.connection = world.connect(&format!("{slug}-first")).key;
        world.other = world.connect(&format!("{slug}-second")).key;
        world
    }

    fn connect(&self, id: &str) -> Connection {
        let new = NewConnection {
            id: PublicId::from_text(id),
            kind: ConnectionKind::IdentityProvider,
            name: id.to_owned(),
            preset: Preset::Generic,
            state: ConnectionState::On,
            created: at(1),
        };
        self.write(|txn| txn.insert_connection(&new)).unwrap()
    }

    fn read<T: Send>(&self, work: impl FnMut(&mut dyn Txn) -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
        let mut work = work;
        flat(self.store.reading::<T, ()>(&self.ctx, |txn| work(txn).map_err(Abort::Store)))
    }

    fn write<T: Send>(&self, work: impl FnMut(&mut dyn Txn) -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
        let mut work = work;
        flat(self.store.writing::<T, ()>(&self.ctx, |txn| work(txn).map_err(Abort::Store)))
    }

    /// A write that is tried again while the store says that it is busy, as callers are told to.
    fn insist<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Txn) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        for _ in 0..1_000 {
            match self.write(&mut work) {
                Err(StoreError::Busy(_)) => {}
                result => return result,
            }
        }
        panic!("the store stayed busy for a thousand attempts");
    }

    /// What the connection sees, adoptable accounts included.
    fn view(&self) -> View {
        View { connection: self.connection, adoptable: Adoptable::Seen }
    }

    fn form(&self, resource_type: &str, document: &str, policy: IndexPolicy) -> IndexForm {
        let resource_type = self.registry.resource_type(resource_type).unwrap();
        let Ok(Value::Object(document)) = serde_json::from_str(document) else { panic!("{document} is no object") };
        index::form(resource_type, &Resource::from_document(document), policy)
    }

    /// A resource of the connection.
    fn new_resource(&self, resource_type: &str, n: u32, document: &Value) -> NewResource {
        let document = document.to_string();
        NewResource {
            id: id(n),
            resource_type: resource_type.to_owned(),
            owner: self.connection,
            adoptable: false,
            version: 1,
            created: at(i64::from(n)),
            modified: at(i64::from(n)),
            index: self.form(resource_type, &document, POLICY),
            document,
        }
    }

    /// A resource of the application that waits to be adopted.
    fn adoptable(&self, resource_type: &str, n: u32, document: &Value) -> NewResource {
        NewResource { owner: self.application, adoptable: true, ..self.new_resource(resource_type, n, document) }
    }

    fn insert(&self, new: &NewResource) -> StoredResource {
        let seq = self.write(|txn| txn.insert_resource(new)).unwrap();
        self.load(seq).unwrap()
    }

    /// Inserts a user of the connection.
    fn user(&self, n: u32, document: &Value) -> StoredResource {
        self.insert(&self.new_resource("User", n, document))
    }

    /// Inserts a user of the connection that has a name only.
    fn named_user(&self, n: u32) -> StoredResource {
        self.user(n, &json!({"userName": format!("user{n}")}))
    }

    /// Inserts a group of the connection.
    fn group(&self, n: u32) -> StoredResource {
        self.insert(&self.new_resource("Group", n, &json!({"displayName": format!("Group {n}")})))
    }

    fn load(&self, seq: Seq) -> Option<StoredResource> {
        self.read(|txn| txn.load_resources(&[seq])).unwrap().pop()
    }

    /// Writes a change of document, owner and flag, as a use case does.
    fn update(
        &self,
        before: &StoredResource,
        document: &Value,
        owner: ConnectionKey,
        adoptable: bool,
    ) -> Result<i64, StoreError> {
        self.write(|txn| self.update_in(txn, before, document, owner, adoptable))
    }

    fn update_in(
        &self,
        txn: &mut dyn Txn,
        before: &StoredResource,
        document: &Value,
        owner: ConnectionKey,
        adoptable: bool,
    ) -> Result<i64, StoreError> {
        let document = document.to_string();
        let index_before = self.form(&before.resource_type, &before.document, POLICY);
        let index = self.form(&before.resource_type, &document, POLICY);
        txn.update_resource(&Update {
            before,
            index_before: &index_before,
            owner,
            adoptable,
            modified: at(1_000),
            document,
            index: &index,
        })
    }

    /// Deletes as a use case does: the groups are touched before, in the order of their ids.
    fn delete(&self, resource: &StoredResource) -> Result<(), StoreError> {
        self.write(|txn| self.delete_in(txn, resource, at(2_000)))
    }

    fn delete_in(&self, txn: &mut dyn Txn, resource: &StoredResource, when: Timestamp) -> Result<(), StoreError> {
        let groups = txn.groups_with_member(resource.seq)?;
        for (group, _) in &groups {
            txn.touch_group(group.seq, when)?;
        }
        txn.delete_resource(
            resource,
            &self.tombstone(resource, when, groups.into_iter().map(|(group, _)| group.id).collect()),
        )
    }

    fn tombstone(&self, resource: &StoredResource, deleted: Timestamp, groups: Vec<PublicId>) -> Tombstone {
        Tombstone {
            id: resource.id.clone(),
            resource_type: resource.resource_type.clone(),
            owner: resource.owner,
            key: self.form(&resource.resource_type, &resource.document, POLICY).key,
            version: resource.version,
            created: resource.created,
            deleted,
            document: resource.document.to_string(),
            groups,
        }
    }

    fn predicate(&self, resource_type: &str, filter: &str) -> Predicate {
        if filter.is_empty() {
            return Predicate::All;
        }
        let kind = self.registry.resource_type(resource_type).unwrap();
        Predicate::parse(filter, &self.registry, kind).unwrap_or_else(|error| panic!("{filter}: {error:?}"))
    }

    fn selection(&self, resource_type: &str, filter: &str) -> Selection {
        Selection { resource_type: resource_type.to_owned(), predicate: self.predicate(resource_type, filter) }
    }

    fn sort(&self, resource_type: &str, attribute: &str, order: Order) -> Sort {
        let kind = self.registry.resource_type(resource_type).unwrap();
        let path = AttrPath::parse(attribute).unwrap();
        let target = Target::for_sort(&path, kind, CompileOptions::default()).unwrap();
        Sort { target, order }
    }

    /// Everything of one type that satisfies the filter, by sequence.
    fn query(&self, resource_type: &str, filter: &str) -> Query {
        Query {
            view: self.view(),
            selections: vec![self.selection(resource_type, filter)],
            sort: None,
            window: Window::Index { offset: 0, limit: 1_000 },
            scan: ScanLimits::default(),
        }
    }

    fn run(&self, query: &Query) -> Result<Page, StoreError> {
        self.read(|txn| txn.query(query))
    }

    /// The ids of everything of one type that satisfies the filter, by sequence.
    fn ids(&self, resource_type: &str, filter: &str) -> Vec<PublicId> {
        let page = self.run(&self.query(resource_type, filter)).unwrap();
        assert_eq!(page.total, u64::try_from(page.resources.len()).unwrap(), "total of {resource_type} [{filter}]");
        page.resources.into_iter().map(|resource| resource.id).collect()
    }

    fn total(&self, view: View, resource_type: &str) -> u64 {
        let window = Window::Index { offset: 0, limit: 0 };
        let page = self.run(&Query { view, window, ..self.query(resource_type, "") }).unwrap();
        assert!(page.resources.is_empty());
        page.total
    }

    fn add(&self, group: &StoredResource, members: &[&StoredResource]) -> Vec<PublicId> {
        let members: Vec<MemberRef> = members.iter().map(|member| member_ref(member)).collect();
        self.write(|txn| {
            txn.touch_group(group.seq, at(500))?;
            txn.add_members(group.seq, &members)
        })
        .unwrap()
    }

    fn member_ids(&self, group: &StoredResource) -> Vec<PublicId> {
        let members = self.read(|txn| txn.members(group.seq, None, 100_000)).unwrap();
        members.into_iter().map(|member| member.id).collect()
    }

    /// All numbered entries, after everything that is to be numbered was.
    fn events(&self) -> Vec<NumberedEvent> {
        self.settle();
        self.read(|txn| txn.events(0, 100_000)).unwrap()
    }

    /// Runs the background work that is due.
    fn settle(&self) {
        for _ in 0..1_000 {
            if !self.store.maintain().unwrap() {
                return;
            }
        }
        panic!("the background work did not end after a thousand rounds");
    }
}

fn flat<T>(result: Result<T, Abort<()>>) -> Result<T, StoreError> {
    match result {
        Ok(value) => Ok(value),
        Err(Abort::Store(error)) => Err(error),
        Err(Abort::Refuse(())) => panic!("the work refused nothing"),
    }
}

fn member_ref(resource: &StoredResource) -> MemberRef {
    MemberRef { seq: resource.seq, id: resource.id.clone(), resource_type: resource.resource_type.as_str().into() }
}

fn event(kind: EventKind, resource: Option<(&str, PublicId)>, version: i64) -> Event {
    Event {
        at: at(3_000),
        kind,
        actor: Actor::CommandLine,
        resource: resource.map(|(resource_type, id)| (resource_type.to_owned(), id)),
        version,
        paths: vec!["userName".to_owned()],
        transaction: id(9_999),
        detail: None,
    }
}

/// Fails unless the result is a refusal of this attribute's value.
#[track_caller]
fn assert_taken<T: std::fmt::Debug>(result: Result<T, StoreError>, wanted: &str) {
    match result {
        Err(StoreError::Unique { attribute }) => assert_eq!(attribute, wanted),
        other => panic!("expected the value of {wanted} to be taken, got {other:?}"),
    }
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::NotFound) => {}
        other => panic!("expected not found, got {other:?}"),
    }
}

fn find(world: &World, view: View, resource_type: &str, id: &PublicId) -> Option<StoredResource> {
    world.read(|txn| txn.find_resource(&view, resource_type, id.as_str(), Lock::None)).unwrap()
}

/// Makes one `#[test]` of each property for a fixture: `contract!(MyFixture);`
#[macro_export]
macro_rules! contract {
    ($fixture:expr) => {
        $crate::contract_properties! { tests ($fixture) }
    };
}

/// The list of all properties, given to [`contract_each!`](crate::contract_each).
#[doc(hidden)]
#[macro_export]
macro_rules! contract_properties {
    ($form:ident ($($argument:tt)*)) => {
        $crate::contract_each! {
            $form ($($argument)*)
            resources {
                inserted_resource_is_found_as_it_was_stored
                find_needs_the_right_type_and_the_exact_id
                sequences_grow_in_the_order_of_creation
                load_resources_gives_each_once_and_leaves_out_unknown_ones
                update_moves_the_version_and_replaces_the_document
                update_of_another_version_is_a_mismatch
                update_of_a_deleted_row_is_a_mismatch
                update_replaces_what_is_indexed
                reindexed_resource_is_found_by_its_new_form_only
                deleted_resource_is_gone_everywhere
                latest_tombstone_of_a_key_is_found_until_it_is_forgotten
                revived_resource_keeps_its_id_and_version
            }
            passwords {
                password_is_kept_replaced_and_taken_away
                password_needs_its_resource
                password_and_resource_leave_each_other_alone
                password_goes_with_its_resource
                password_follows_rollback_and_savepoints
                passwords_of_two_tenants_are_apart
            }
            uniqueness {
                user_name_is_unique_over_owners_and_states
                key_holder_names_owner_and_flag
                group_name_is_unique_within_its_owner
                group_names_repeat_while_the_switch_is_off
                adoptable_holder_finds_what_waits_under_a_name
                id_is_unique_over_all_types
                declared_unique_attribute_is_unique_in_the_tenant
                external_id_is_unique_within_its_connection_while_the_switch_is_on
                update_to_a_taken_name_is_refused
                names_can_be_swapped_in_one_transaction
                adoption_into_a_taken_group_name_is_refused
                refused_insert_under_a_savepoint_leaves_nothing
            }
            views {
                find_shows_own_and_adoptable_resources_only
                lists_and_totals_hold_own_and_adoptable_resources_only
                members_are_looked_up_through_the_view
                groups_of_a_user_are_those_of_the_view
                adopted_resource_is_seen_by_its_new_owner_only
                totals_follow_every_change
            }
            transactions {
                rollback_leaves_nothing
                error_of_the_work_leaves_nothing
                panic_of_the_work_leaves_nothing
                nested_rollback_undoes_its_part_only
                outer_rollback_undoes_what_a_savepoint_kept
                transaction_sees_its_own_writes
                read_sees_one_snapshot
                read_writes_nothing
                work_that_is_run_again_writes_once
            }
            concurrency {
                concurrent_changes_lose_nothing
                concurrent_compare_and_set_has_one_winner
                concurrent_inserts_of_one_name_have_one_winner
                concurrent_inserts_of_one_unique_value_have_one_winner
                concurrent_membership_changes_lose_no_member
                concurrent_delete_and_add_leave_no_dangling_member
                concurrent_writers_keep_totals_and_journal_true
                concurrent_settings_have_one_first_value
            }
            acts {
                acts_go_as_their_transactions_go
                acts_need_the_standing_that_was_known
                acts_leave_tombstones_alone
                acts_move_members_of_own_groups_only
                acts_call_a_group_large_only_while_it_is
                concurrent_acts_of_one_name_have_one_winner
                concurrent_acts_lose_no_member
                concurrent_acts_and_transactions_keep_totals_and_journal_true
            }
            many {
                many_inserts_go_as_one_after_another
                very_many_inserts_keep_their_order
                many_inserts_of_which_one_is_taken_leave_nothing
            }
            pages {
                unsorted_pages_cover_everything_once_by_sequence
                pages_sorted_by_user_name
                pages_sorted_by_names
                pages_sorted_by_id_and_external_id
                pages_sorted_by_times
                pages_sorted_by_active
                pages_sorted_by_the_primary_else_the_first_email
                pages_sorted_by_extension_text
                pages_sorted_by_extension_numbers_dates_and_booleans
                pages_sorted_by_a_document_only_attribute
                pages_sorted_by_long_values_cover_everything_once
                index_pages_at_the_edges
                cursor_pages_hold_while_rows_come_and_go
                several_types_are_one_list
                scan_past_its_bound_is_too_many
            }
            filters {
                filters_on_folded_columns
                filters_on_absent_and_empty_values
                filters_on_case_exact_attributes
                filters_on_multi_valued_attributes
                filters_on_one_element
                filters_on_numbers_dates_and_booleans
                filters_on_meta
                filters_on_document_only_attributes
                filters_combined
                filters_take_no_sign_for_a_pattern
                filters_fold_text
                filters_on_long_values
                filters_on_groups_and_members
                filters_on_a_type_of_its_own
                filters_hold_with_order_and_pages
            }
            members {
                find_members_gives_each_known_id_once_in_id_order
                adding_members_is_idempotent_and_names_the_new_ones
                adding_a_deleted_member_is_not_found
                removing_members_names_those_taken_out
                replacing_members_names_the_difference
                long_member_lists_are_written_whole
                member_pages_cover_everything_once
                members_of_several_groups_come_by_group
                groups_are_found_up_to_so_many_levels
                circles_of_groups_end_and_direct_wins
                groups_with_a_member_come_in_id_order
                delete_cleans_memberships_in_both_directions
                touching_a_group_moves_its_version_and_time
                update_of_a_touched_group_is_a_mismatch
                unmatched_member_ids_are_remembered
            }
            journal {
                entries_come_back_as_they_were_written
                entries_are_numbered_without_gaps
                entries_of_one_transaction_keep_their_order
                entries_are_read_in_parts
                chain_verifies_and_shows_an_edit
            }
            tenants {
                inserted_tenant_is_found_with_its_application
                slug_and_hosts_are_unique
                changed_tenant_moves_its_hosts
                rolled_back_hosts_are_not_taken
                changed_connection_moves_its_revision
                tokens_live_and_end
                credential_shows_connection_and_tenant_as_they_are
                rolled_back_token_is_nowhere
                repeated_conflicts_count_up
                settings_keep_their_last_value
                open_store_answers
            }
            administrators {
                administrators_come_back_as_they_were_written
                administrators_addresses_are_unique
                acts_on_administrators_are_in_their_tenants_journal
                password_of_an_administrator_ends_its_sessions
                disabled_or_changed_administrators_are_signed_out
                sessions_live_are_touched_replaced_and_ended
                link_for_the_first_administrator_makes_one
                an_administrator_voids_the_link_for_the_first_one
                links_of_administrators_set_the_password_once
                link_of_a_guide_stays_until_it_is_over
                concurrent_uses_of_one_link_have_one_winner
            }
            looks {
                looks_at_resources_agree_with_transactions
                looks_at_groups_agree_with_transactions
                looks_at_queries_agree_with_transactions
                looks_at_pages_agree_with_transactions
                looks_see_the_standing_as_it_is
                looks_of_other_tenants_tokens_see_nothing
            }
            isolation {
                what_another_tenant_has_is_as_if_absent
                lists_hold_the_tenants_own_only
                same_ids_and_names_are_apart
                token_ids_and_bindings_are_safe_from_other_tenants
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! contract_each {
    (tests ($fixture:expr) $($module:ident { $($name:ident)+ })+) => {
        $($(
            #[test]
            fn $name() {
                $crate::testkit::contract::$module::$name(&$fixture);
            }
        )+)+
    };
    (list () $($module:ident { $($name:ident)+ })+) => {
        &[$($((stringify!($name), $module::$name as Property)),+),+]
    };
}

/// Every property with its name.
pub const ALL: &[(&str, Property)] = crate::contract_properties! { list () };
