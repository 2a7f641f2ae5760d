//! Where in a resource a value stands, spelled out only when an error or a key needs it.

use std::fmt;

/// A link of the chain from the resource to a value; displays like [`crate::AttrRef::key`].
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Self>,
    separator: &'static str,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// A top-level attribute, an extension, or a path already spelled out.
    pub(super) fn top(name: &'a str) -> Self {
        Self { parent: None, separator: "", name }
    }

    /// An attribute inside this extension.
    pub(super) fn attribute(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), separator: ":", name }
    }

    /// A sub-attribute of this attribute.
    pub(super) fn sub(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), separator: ".", name }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The chain has three links at most: extension, attribute, sub-attribute.
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        f.write_str(self.separator)?;
        f.write_str(self.name)
    }
}
