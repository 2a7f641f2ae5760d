//! What a request costs in this crate: reading filters and paths, checking them, matching.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use divan::{Bencher, black_box};
use scim_filter::{CompileOptions, Filter, Limits, Predicate, ValuePath, matches, parser::Leniencies};
use scim_schema::Registry;
use serde_json::json;

fn main() {
    divan::main();
}

const FILTERS: [&str; 4] = [
    r#"userName eq "Ada.Lovelace@Example.com""#,
    r#"emails[type eq "work" and value eq "ada@example.com"]"#,
    r#"userName eq "ada@example.com" and displayName pr"#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#,
];

#[divan::bench(args = FILTERS)]
fn parse(filter: &str) -> Filter {
    Filter::parse(black_box(filter), &Limits::FILTER, &Leniencies::default()).unwrap()
}

#[divan::bench(args = FILTERS)]
fn compile(bencher: Bencher<'_, '_>, filter: &str) {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let filter = Filter::parse(filter, &Limits::FILTER, &Leniencies::default()).unwrap();
    bencher.bench_local(|| {
        Predicate::compile(black_box(&filter), &registry, users, false, CompileOptions::default()).unwrap()
    });
}

#[divan::bench(args = ["active", r#"members[value eq "019eb2c4-0000-7000-8000-000000000000"]"#, r#"emails[type eq "work"].value"#])]
fn parse_path(path: &str) -> ValuePath {
    ValuePath::parse(black_box(path), &Limits::FILTER, &Leniencies::default()).unwrap()
}

#[divan::bench(args = FILTERS)]
fn matching(bencher: Bencher<'_, '_>, filter: &str) {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let predicate = Predicate::parse(filter, &registry, users).unwrap();
    let ada = json!({
        "userName": "ada@example.com", "displayName": "Ada",
        "emails": [{"value": "ada@example.com", "type": "work"}, {"value": "ada@home.example", "type": "home"}],
    });
    let ada = ada.as_object().unwrap();
    bencher.bench_local(|| matches::resource(&predicate, black_box(ada)));
}
