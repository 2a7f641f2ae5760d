//! Who may use whom: the table of the architecture as data, compared with `cargo metadata`.

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::{DependencyKind, Metadata, Package, Workspace};

/// One row of the table: a crate, its layer, and the workspace crates it may use.
struct Row {
    layer: u8,
    name: &'static str,
    may_use: &'static [&'static str],
}

/// Packages from outside that only some crates may see.
struct Fence {
    packages: &'static [&'static str],
    seen_by: &'static [&'static str],
}

/// The layers. A crate uses only crates of a lower layer, and of those only the ones named here.
/// A new edge is a decision: change this table and docs/architecture.md together.
const TABLE: &[Row] = &[
    Row { layer: 0, name: "scim-schema", may_use: &[] },
    Row { layer: 1, name: "scim-filter", may_use: &["scim-schema"] },
    Row { layer: 2, name: "scim-patch", may_use: &["scim-schema", "scim-filter"] },
    Row { layer: 3, name: "headcount-model", may_use: &["scim-schema", "scim-filter", "scim-patch"] },
    Row { layer: 4, name: "headcount-token", may_use: &["headcount-model"] },
    Row {
        layer: 5,
        name: "headcount-store",
        may_use: &["scim-schema", "scim-filter", "scim-patch", "headcount-model", "headcount-token"],
    },
    Row {
        layer: 6,
        name: "headcount-service",
        may_use: &["scim-schema", "scim-filter", "scim-patch", "headcount-model", "headcount-token", "headcount-store"],
    },
    Row {
        layer: 6,
        name: "headcount-diesel",
        may_use: &["scim-schema", "scim-filter", "scim-patch", "headcount-model", "headcount-token", "headcount-store"],
    },
    Row {
        layer: 7,
        name: "headcount-api",
        may_use: &[
            "scim-schema",
            "scim-filter",
            "scim-patch",
            "headcount-model",
            "headcount-token",
            "headcount-store",
            "headcount-service",
        ],
    },
    Row { layer: 8, name: "headcount-actix", may_use: &["headcount-api"] },
    Row {
        layer: 9,
        name: "headcount-admin",
        may_use: &["headcount-model", "headcount-token", "headcount-store", "headcount-service", "headcount-actix"],
    },
    Row { layer: 10, name: "headcount", may_use: EVERYTHING },
    Row { layer: 11, name: "headcount-testkit", may_use: EVERYTHING },
    Row { layer: 11, name: "xtask", may_use: &[] },
    // The floor is measured against Headcount, so it shares nothing with it.
    Row { layer: 11, name: "floor", may_use: &[] },
];

/// Every library of the workspace that ships.
const EVERYTHING: &[&str] = &[
    "scim-schema",
    "scim-filter",
    "scim-patch",
    "headcount-model",
    "headcount-token",
    "headcount-store",
    "headcount-service",
    "headcount-diesel",
    "headcount-api",
    "headcount-actix",
    "headcount-admin",
];

const FENCES: &[Fence] = &[
    Fence {
        packages: &["diesel", "diesel_migrations", "libsqlite3-sys", "pq-sys"],
        seen_by: &["headcount-diesel", "floor"],
    },
    Fence { packages: &["rusqlite"], seen_by: &["floor"] },
    Fence {
        packages: &["actix-web", "actix-rt", "actix-http", "actix-service"],
        seen_by: &["headcount-actix", "headcount-admin", "headcount", "headcount-testkit", "floor"],
    },
    Fence { packages: &["tokio"], seen_by: &["headcount-actix", "headcount", "headcount-testkit", "floor"] },
    Fence { packages: &["anyhow"], seen_by: &["headcount", "xtask", "floor"] },
    Fence { packages: &["clap"], seen_by: &["headcount", "xtask", "floor"] },
];

/// A way in which the workspace differs from the table.
#[derive(PartialEq, Eq, Debug)]
enum Fault {
    /// A crate has no row.
    NoRow { name: String },
    /// A row has no crate.
    NoCrate { name: String },
    /// A crate uses another that its row does not name.
    Edge { from: String, layer: u8, to: String },
    /// A crate sees a package that is kept to others.
    Fenced { from: String, package: String },
    /// A `scim-*` crate tests with a crate that knows tenants.
    ScimDev { from: String, to: String },
    /// The map in the documents forgot a crate.
    NotInMap { name: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRow { name } => write!(f, "{name} has no row in the table of layers"),
            Self::NoCrate { name } => {
                write!(f, "the table of layers names {name}, which is no member")
            }
            Self::Edge { from, layer, to } => {
                write!(f, "{from} uses {to}, which layer {layer} may not")
            }
            Self::Fenced { from, package } => {
                write!(f, "{from} uses {package}, which is kept to other crates")
            }
            Self::ScimDev { from, to } => {
                write!(f, "{from} tests with {to}; scim-* crates know no tenant, in tests neither")
            }
            Self::NotInMap { name } => write!(f, "docs/architecture.md does not name {name}"),
        }
    }
}

/// Compares the workspace with the table.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = workspace.metadata()?;
    let mut faults = compare(metadata);
    let map = workspace.root().join("docs/architecture.md");
    if map.is_file() {
        let text = std::fs::read_to_string(&map)?;
        faults.extend(missing_in_map(metadata, &text));
    }
    if faults.is_empty() {
        println!("layers: {} crates, as the table says", TABLE.len());
        return Ok(());
    }
    for fault in &faults {
        println!("layers: {fault}");
    }
    bail!(
        "{} of the workspace's edges are not in the table; take them out, or change TABLE or FENCES in \
         xtask/src/layers.rs together with docs/architecture.md and say why in docs/decisions/",
        faults.len()
    )
}

fn compare(metadata: &Metadata) -> Vec<Fault> {
    let members = metadata.members();
    let names: Vec<&str> = members.iter().map(Package::name).collect();
    let mut faults = Vec::new();
    for row in TABLE {
        if !names.contains(&row.name) {
            faults.push(Fault::NoCrate { name: row.name.to_owned() });
        }
    }
    for member in &members {
        let Some(row) = TABLE.iter().find(|row| row.name == member.name()) else {
            faults.push(Fault::NoRow { name: member.name().to_owned() });
            continue;
        };
        faults.extend(faults_of(row, member, &names));
    }
    faults
}

fn faults_of(row: &Row, member: &Package<'_>, names: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for kind in [DependencyKind::Normal, DependencyKind::Build] {
        for dependency in member.dependencies(kind) {
            let to = dependency.name();
            if names.contains(&to) && !row.may_use.contains(&to) {
                faults.push(Fault::Edge { from: row.name.to_owned(), layer: row.layer, to: to.to_owned() });
            }
            let fence = FENCES.iter().find(|fence| fence.packages.contains(&to));
            if fence.is_some_and(|fence| !fence.seen_by.contains(&row.name)) {
                faults.push(Fault::Fenced { from: row.name.to_owned(), package: to.to_owned() });
            }
        }
    }
    if row.name.starts_with("scim-") {
        for dependency in member.dependencies(DependencyKind::Dev) {
            let to = dependency.name();
            if names.contains(&to) && !to.starts_with("scim-") {
                faults.push(Fault::ScimDev { from: row.name.to_owned(), to: to.to_owned() });
            }
        }
    }
    faults
}

fn missing_in_map(metadata: &Metadata, map: &str) -> Vec<Fault> {
    let members = metadata.members();
    let absent = members.iter().filter(|member| !map.contains(&format!("`{}`", member.name())));
    absent
        // The binary is written by its path there.
        .filter(|member| member.name() != "headcount" || !map.contains("bin/headcount"))
        .map(|member| Fault::NotInMap { name: member.name().to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fault, TABLE, compare, missing_in_map};
    use crate::workspace::Metadata;

    /// A workspace as the table has it, without any edge.
    fn workspace() -> Value {
        let packages: Vec<Value> = TABLE
            .iter()
            .map(|row| json!({"id": row.name, "name": row.name, "version": "0.1.0", "dependencies": []}))
            .collect();
        let ids: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        json!({"packages": packages, "workspace_members": ids})
    }

    fn with_dependency(from: &str, to: &str, kind: &Value) -> Metadata {
        let mut value = workspace();
        for package in value["packages"].as_array_mut().unwrap() {
            if package["name"] == from {
                package["dependencies"].as_array_mut().unwrap().push(json!({"name": to, "kind": kind}));
            }
        }
        Metadata::new(value)
    }

    #[test]
    fn the_table_points_downwards_only() {
        for row in TABLE {
            for used in row.may_use {
                let below = TABLE.iter().find(|other| other.name == *used).unwrap();
                assert!(below.layer < row.layer, "{} may not use {used}", row.name);
            }
        }
    }

    #[test]
    fn an_edge_of_the_table_is_accepted() {
        let metadata = with_dependency("scim-patch", "scim-filter", &Value::Null);
        assert_eq!(compare(&metadata), []);
    }

    #[test]
    fn a_new_edge_is_named() {
        let metadata = with_dependency("headcount-service", "headcount-diesel", &Value::Null);
        let fault = Fault::Edge { layer: 6, from: "headcount-service".to_owned(), to: "headcount-diesel".to_owned() };
        assert_eq!(compare(&metadata), [fault]);
    }

    #[test]
    fn a_build_dependency_is_an_edge_too() {
        let metadata = with_dependency("scim-schema", "scim-filter", &json!("build"));
        let fault = Fault::Edge { layer: 0, from: "scim-schema".to_owned(), to: "scim-filter".to_owned() };
        assert_eq!(compare(&metadata), [fault]);
    }

    #[test]
    fn diesel_is_kept_to_its_crate() {
        let metadata = with_dependency("headcount-api", "diesel", &Value::Null);
        let fault = Fault::Fenced { from: "headcount-api".to_owned(), package: "diesel".to_owned() };
        assert_eq!(compare(&metadata), [fault]);
        assert_eq!(compare(&with_dependency("headcount-diesel", "diesel", &Value::Null)), []);
    }

    #[test]
    fn scim_crates_do_not_test_with_tenants() {
        let metadata = with_dependency("scim-schema", "headcount-store", &json!("dev"));
        let fault = Fault::ScimDev { from: "scim-schema".to_owned(), to: "headcount-store".to_owned() };
        assert_eq!(compare(&metadata), [fault]);
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let mut value = workspace();
        value["packages"].as_array_mut().unwrap().push(json!({"id": "new", "name": "new", "dependencies": []}));
        value["workspace_members"].as_array_mut().unwrap().push(json!("new"));
        assert_eq!(compare(&Metadata::new(value)), [Fault::NoRow { name: "new".to_owned() }]);
    }

    #[test]
    fn the_map_has_to_name_every_crate() {
        let names: Vec<String> = TABLE.iter().skip(1).map(|row| format!("`{}`", row.name)).collect();
        let map = names.join(" ");
        let faults = missing_in_map(&Metadata::new(workspace()), &map);
        assert_eq!(faults, [Fault::NotInMap { name: "scim-schema".to_owned() }]);
    }
}
