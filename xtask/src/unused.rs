//! Declared dependencies that no source file of their crate names.

use anyhow::{Context as _, Result, bail};

use crate::workspace::{DependencyKind, Package, Workspace};

/// Fails if a crate declares a dependency that it does not use.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut faults = Vec::new();
    let members = workspace.metadata()?.members();
    for member in &members {
        faults.extend(unused_of(workspace, member)?);
    }
    if faults.is_empty() {
        println!("unused: {} crates use what they declare", members.len());
        return Ok(());
    }
    for fault in &faults {
        println!("unused: {fault}");
    }
    bail!("{} dependencies are declared and not used; take them out of the Cargo.toml", faults.len())
}

fn unused_of(workspace: &Workspace, member: &Package<'_>) -> Result<Vec<String>> {
    let directory = member.directory();
    let relative = directory.strip_prefix(workspace.root()).unwrap_or(&directory);
    let mut sources = String::new();
    for file in workspace.files()? {
        if file.starts_with(relative) && file.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(workspace.root().join(&file));
            sources.push_str(&text.with_context(|| format!("cannot read {}", file.display()))?);
        }
    }
    let mut faults = Vec::new();
    for kind in [DependencyKind::Normal, DependencyKind::Build, DependencyKind::Dev] {
        for dependency in member.dependencies(kind) {
            if !names_word(&sources, &dependency.ident()) && !links_only(dependency.name()) {
                faults.push(format!("{} does not use {}", member.name(), dependency.name()));
            }
        }
    }
    faults.sort();
    faults.dedup();
    Ok(faults)
}

/// Packages that are declared to choose a version or features of what another package links.
fn links_only(name: &str) -> bool {
    name.ends_with("-sys")
}

/// Whether `word` stands in `text` as a whole identifier.
fn names_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::names_word;

    #[test]
    fn a_name_counts_as_a_whole_word_only() {
        assert!(names_word("use http::Uri;", "http"));
        assert!(!names_word("use https::Uri;", "http"));
        assert!(!names_word("let my_http = 1;", "http"));
        assert!(names_word("https http", "http"));
        assert!(!names_word("", "http"));
    }
}
