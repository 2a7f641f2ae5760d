//! `--schemas DIR`: `Schema` and `ResourceType` documents beside the built-in ones.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use scim_schema::Registry;
use serde_json::Value;

/// What a server serves.
pub(crate) struct Schemas {
    /// The built-in schemas and resource types with those of the documents.
    pub(crate) registry: Registry,
    /// The documents.
    pub(crate) documents: Vec<Value>,
}

/// The built-in registry with the documents of a folder, in the order of file names.
///
/// A faulty document is refused with its file, the path in it, and the reason.
pub(crate) fn load(folder: Option<&Path>) -> Result<Schemas> {
    let builtin = Registry::builtin();
    let Some(folder) = folder else {
        return Ok(Schemas { registry: builtin, documents: Vec::new() });
    };
    let entries =
        fs::read_dir(folder).with_context(|| format!("the folder of schemas {} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("the folder of schemas {} cannot be read", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("the folder of schemas {} holds no .json file", folder.display());
    }

    let mut documents = Vec::new();
    let mut places = Vec::new();
    for file in &files {
        let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let value: Value = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        match value {
            Value::Array(list) => {
                for (n, document) in list.into_iter().enumerate() {
                    places.push((file, format!("/{n}")));
                    documents.push(document);
                }
            }
            document => {
                places.push((file, String::new()));
                documents.push(document);
            }
        }
    }
    let registry = builtin.with_documents(&documents).map_err(|(index, error)| match places.get(index) {
        Some((file, prefix)) => {
            let pointer = format!("{prefix}{}", error.pointer);
            let place = if pointer.is_empty() { "the document".to_owned() } else { pointer };
            anyhow::anyhow!("{}: {place}: {}", file.display(), error.reason)
        }
        None => anyhow::anyhow!("{error}"),
    })?;
    Ok(Schemas { registry, documents })
}
