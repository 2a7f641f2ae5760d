//! Tenants.

use headcount_model::{ConnectionState, EventKind, Preset, Tenant, tenant::is_slug};
use headcount_store::{StoreError, system::NewTenant, tenants::TenantChange};
use serde_json::json;

use super::{Manage, ManageError, parse_bool};

impl Manage {
    /// Makes the tenant `default` with one connection (preset `generic`, on, entitled) in a fresh
    /// database; nothing if there is any tenant. Two servers that start at once make one.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn bootstrap(&self) -> Result<(), ManageError> {
        if !self.store.list_tenants()?.is_empty() {
            return Ok(());
        }
        match self.create_tenant("default", None, &[], true) {
            Ok(tenant) => {
                self.create_connection(&tenant.slug, Preset::Generic, None, ConnectionState::On)?;
                Ok(())
            }
            Err(ManageError::Taken(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a tenant.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] for a slug or host that is none, [`ManageError::Taken`].
    pub fn create_tenant(
        &self,
        slug: &str,
        name: Option<&str>,
        hosts: &[String],
        entitled: bool,
    ) -> Result<Tenant, ManageError> {
        if !is_slug(slug) {
            return Err(ManageError::Invalid(format!(
                "'{slug}' is no slug: use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
            )));
        }
        let hosts = hosts.iter().map(|host| fold_host(host)).collect::<Result<Vec<_>, _>>()?;
        let new = NewTenant {
            id: self.mint(),
            slug: slug.to_owned(),
            name: name.unwrap_or(slug).to_owned(),
            entitled,
            hosts,
            application: self.mint(),
            created: self.clock.now(),
        };
        let tenant = self.store.insert_tenant(&new).map_err(|error| taken(error, slug))?;
        let event = self.event(EventKind::TenantCreated, &json!({"slug": slug, "entitled": entitled}));
        self.write(tenant.key, |txn| Ok(txn.append(&event)?))?;
        Ok(tenant)
    }

    /// All tenants, by slug.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn tenants(&self) -> Result<Vec<Tenant>, ManageError> {
        Ok(self.store.list_tenants()?)
    }

    /// The tenant of this slug or id.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] naming the tenants there are.
    pub fn tenant(&self, slug_or_id: &str) -> Result<Tenant, ManageError> {
        if let Some(tenant) = self.store.find_tenant(slug_or_id)? {
            return Ok(tenant);
        }
        let tenants = self.store.list_tenants()?;
        let mut slugs: Vec<&str> = tenants.iter().take(20).map(|tenant| tenant.slug.as_str()).collect();
        if tenants.len() > slugs.len() {
            slugs.push("…");
        }
        Err(ManageError::NotFound(if slugs.is_empty() {
            format!(
                "there is no tenant '{slug_or_id}', and no other; make one with `headcount tenant create {slug_or_id}`"
            )
        } else {
            format!("there is no tenant '{slug_or_id}'; there are {}", slugs.join(", "))
        }))
    }

    /// Sets `name`, `entitled` (`true`, `false`), `hosts` (comma list, empty for none) of a tenant,
    /// all or nothing.
    ///
    /// # Errors
    /// [`ManageError`] naming the keys or words that exist.
    pub fn set_tenant(&self, slug_or_id: &str, pairs: &[(String, String)]) -> Result<Tenant, ManageError> {
        let mut change = TenantChange::default();
        for (key, value) in pairs {
            match key.as_str() {
                "name" if !value.trim().is_empty() => change.name = Some(value.clone()),
                "name" => {
                    return Err(ManageError::Invalid("name takes a text that is not blank".to_owned()));
                }
                "entitled" => change.entitled = Some(parse_bool(key, value)?),
                "hosts" => {
                    let hosts = value.split(',').map(str::trim).filter(|host| !host.is_empty());
                    change.hosts = Some(hosts.map(fold_host).collect::<Result<_, _>>()?);
                }
                _ => {
                    return Err(ManageError::Invalid(format!(
                        "'{key}' is no setting of a tenant; the settings are name, entitled, hosts"
                    )));
                }
            }
        }
        let tenant = self.tenant(slug_or_id)?;
        let kind = match change.entitled {
            Some(true) if !tenant.entitled => EventKind::TenantThawed,
            Some(false) if tenant.entitled => EventKind::TenantFrozen,
            _ => EventKind::TenantChanged,
        };
        let event = self.event(
            kind,
            &json!({"set": pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()}),
        );
        self.write(tenant.key, |txn| {
            let changed = txn.change_tenant(&change)?;
            txn.append(&event)?;
            Ok(changed)
        })
        .map_err(|error| match error {
            ManageError::Store(error) => taken(error, slug_or_id),
            error => error,
        })
    }
}

fn taken(error: StoreError, slug: &str) -> ManageError {
    match error {
        StoreError::Unique { attribute } if attribute == "slug" => {
            ManageError::Taken(format!("there is a tenant '{slug}' already; choose another slug"))
        }
        StoreError::Unique { attribute } if attribute == "host" => ManageError::Taken(
            "one of the hosts belongs to another tenant; a host can belong to one tenant only".to_owned(),
        ),
        error => ManageError::Store(error),
    }
}

/// A DNS name in the form in which requests are matched: lower case, without port and final dot.
fn fold_host(host: &str) -> Result<String, ManageError> {
    let folded = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if folded.len() <= 253 && folded.split('.').all(label) {
        Ok(folded)
    } else {
        Err(ManageError::Invalid(format!(
            "'{host}' is no host: give a DNS name such as acme.example.com, without scheme, port or path"
        )))
    }
}
