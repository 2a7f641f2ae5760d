//! Which licences may enter, and which packages may not, whatever their licence.
//!
//! The cheap gate of every run; deny.toml holds the same lists for cargo-deny, which runs at a
//! release. A test compares the two.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::{Metadata, Workspace};

/// Licences (SPDX identifiers) under which a package may be linked into Headcount.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "blessing",
];

/// Packages that may not enter, each with the reason.
const BANNED: &[(&str, &str)] = &[
    ("actix-governor", "GPL-3.0-or-later; write the middleware on the crate governor"),
    ("aws-lc-rs", "minutes of build for nothing; rustls is used with ring"),
    ("chumsky", "only pre-releases; the parsers are written by hand"),
    ("openidconnect", "brings rsa 0.9, RUSTSEC-2023-0071, which has no fix"),
    ("openssl", "TLS is rustls with ring; only the feature postgres-tls brings OpenSSL, as openssl-sys"),
    ("native-tls", "TLS is rustls with ring"),
    ("rsa", "RUSTSEC-2023-0071, which has no fix"),
    ("utoipa-scalar", "its page loads a script from a public CDN"),
];

/// Checks every package that is built on this platform.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = workspace.metadata()?;
    let built: BTreeSet<&str> = metadata.resolved_ids().into_iter().collect();
    let faults = faults(metadata, &built);
    if faults.is_empty() {
        println!("licences: {} packages, all allowed", built.len());
        return Ok(());
    }
    for fault in &faults {
        println!("licences: {fault}");
    }
    bail!(
        "{} packages may not enter; use another package, or change the lists in xtask/src/licences.rs \
         and deny.toml and say why in docs/decisions/",
        faults.len()
    )
}

fn faults(metadata: &Metadata, built: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    for package in metadata.packages() {
        if !built.contains(package.id()) || package.is_member() {
            continue;
        }
        let name = package.name();
        if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            faults.push(format!("{name} {} is banned: {reason}", package.version()));
        }
        match package.license() {
            None => faults.push(format!("{name} {} declares no licence", package.version())),
            Some(licence) if !is_allowed(licence) => {
                faults.push(format!("{name} {} is under {licence}, which is not allowed", package.version()));
            }
            Some(_) => {}
        }
    }
    faults
}

/// Whether a licence expression leaves a choice of allowed licences only.
/// The old form with a slash means OR. What cannot be read is not allowed.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words };
    let allowed = reader.any_of(0);
    allowed == Some(true) && reader.words.is_empty()
}

/// Reads a licence expression: OR of ANDs of identifiers, exceptions and parentheses.
struct Reader<'a> {
    words: &'a [&'a str],
}

/// How deep parentheses may nest; no real expression has more than two levels.
const MAX_DEPTH: usize = 8;

impl<'a> Reader<'a> {
    fn any_of(&mut self, depth: usize) -> Option<bool> {
        let mut allowed = self.all_of(depth)?;
        while self.take("OR") {
            let next = self.all_of(depth)?;
            allowed = allowed || next;
        }
        Some(allowed)
    }

    fn all_of(&mut self, depth: usize) -> Option<bool> {
        let mut allowed = self.one(depth)?;
        while self.take("AND") {
            let next = self.one(depth)?;
            allowed = allowed && next;
        }
        Some(allowed)
    }

    fn one(&mut self, depth: usize) -> Option<bool> {
        if self.take("(") {
            if depth == MAX_DEPTH {
                return None;
            }
            let allowed = self.any_of(depth + 1)?;
            return self.take(")").then_some(allowed);
        }
        let id = self.next()?;
        if matches!(id, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        if self.take("WITH") {
            let exception = self.next()?;
            return Some(ALLOWED.contains(&format!("{id} WITH {exception}").as_str()));
        }
        Some(ALLOWED.contains(&id))
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case(word) => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::json;

    use super::{ALLOWED, BANNED, faults, is_allowed};
    use crate::workspace::Metadata;

    #[test]
    fn a_choice_needs_one_allowed_licence() {
        assert!(is_allowed("MIT OR GPL-3.0-only"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
    }

    #[test]
    fn a_conjunction_needs_all_allowed() {
        assert!(!is_allowed("MIT AND GPL-3.0-only"));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND GPL-3.0-or-later"));
    }

    #[test]
    fn copyleft_unknown_and_malformed_are_refused() {
        for text in ["GPL-3.0-or-later", "Foo", "", "MIT OR", "(MIT", "MIT)", "OR MIT", "GPL-2.0 WITH LLVM-exception"] {
            assert!(!is_allowed(text), "{text:?}");
        }
        assert!(!is_allowed(&"(".repeat(100_000)));
    }

    #[test]
    fn a_banned_package_is_named_with_its_reason() {
        let metadata = Metadata::new(json!({
            "workspace_members": [],
            "packages": [{"id": "a", "name": "actix-governor", "version": "0.10.0", "license": "GPL-3.0-or-later"}],
        }));
        let found = faults(&metadata, &BTreeSet::from(["a"]));
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("banned"), "{found:?}");
        assert!(found[1].contains("not allowed"), "{found:?}");
    }

    #[test]
    fn what_is_not_built_here_is_not_judged() {
        let metadata = Metadata::new(json!({
            "workspace_members": [],
            "packages": [{"id": "a", "name": "a", "version": "1.0.0", "license": "GPL-3.0-only"}],
        }));
        assert_eq!(faults(&metadata, &BTreeSet::new()), Vec::<String>::new());
    }

    #[test]
    fn the_list_for_releases_is_the_same() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deny.toml");
        let deny: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        let allow: BTreeSet<&str> =
            deny["licenses"]["allow"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(allow, ALLOWED.iter().copied().collect());
        let deny: BTreeSet<&str> =
            deny["bans"]["deny"].as_array().unwrap().iter().map(|entry| entry["crate"].as_str().unwrap()).collect();
        assert_eq!(deny, BANNED.iter().map(|(name, _)| *name).collect());
    }
}
