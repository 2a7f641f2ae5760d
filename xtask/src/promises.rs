//! The tests that SECURITY.md names as proofs have to exist.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Fails if SECURITY.md names a test, as `` `crate: name` ``, that is not there.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let document = workspace.root().join("SECURITY.md");
    let named = proofs_in(&std::fs::read_to_string(document)?);
    let mut present = BTreeSet::new();
    for file in workspace.files()? {
        if file.extension().is_some_and(|extension| extension == "rs")
            && let Some(text) = workspace.read(&file)?
        {
            let folder = file.display().to_string();
            present.extend(named.iter().filter(|proof| proof.is_in(&folder, &text)).cloned());
        }
    }
    let missing: Vec<&Proof> = named.difference(&present).collect();
    for proof in &missing {
        println!("docs: SECURITY.md names the test `{}: {}`, which is not there", proof.owner, proof.name);
    }
    if !missing.is_empty() {
        bail!("{} promises of SECURITY.md have lost a test; name the test that proves each now", missing.len());
    }
    Ok(())
}

/// A test by its crate and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Proof {
    owner: String,
    name: String,
}

impl Proof {
    fn is_in(&self, file: &str, text: &str) -> bool {
        let folders = [format!("crates/{}/", self.owner), format!("bin/{}/", self.owner)];
        folders.iter().any(|folder| file.starts_with(folder)) && text.contains(&format!("fn {}(", self.name))
    }
}

/// Every `` `crate: name` `` of a text.
fn proofs_in(text: &str) -> BTreeSet<Proof> {
    text.split('`').skip(1).step_by(2).filter_map(proof_of).collect()
}

fn proof_of(span: &str) -> Option<Proof> {
    let (owner, name) = span.split_once(": ")?;
    let is_owner = !owner.is_empty() && owner.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_owner && is_name).then(|| Proof { owner: owner.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{Proof, proofs_in};

    #[test]
    fn proofs_are_found_among_other_code() {
        let text = "Use `headcount serve`. | promise | `headcount-token: a_test`, `scim-schema: b` |\n`PATCH: x y`";
        let found = proofs_in(text);
        let names: Vec<String> = found.iter().map(|proof| format!("{} {}", proof.owner, proof.name)).collect();
        assert_eq!(names, ["headcount-token a_test", "scim-schema b"]);
    }

    #[test]
    fn a_proof_is_a_function_of_its_crate() {
        let proof = Proof { owner: "a".to_owned(), name: "t".to_owned() };
        assert!(proof.is_in("crates/a/src/lib.rs", "fn t() {}"));
        assert!(!proof.is_in("crates/ab/src/lib.rs", "fn t() {}"));
        assert!(!proof.is_in("crates/a/src/lib.rs", "fn tt() {}"));
    }
}
