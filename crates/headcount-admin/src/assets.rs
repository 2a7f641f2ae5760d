//! The stylesheet, the script and the icon, under names that change with their content.

use std::{fmt::Write, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, CACHE_CONTROL, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS},
    },
};
use sha2::{Digest, Sha256};

/// A file that is served.
pub(crate) struct Asset {
    name: String,
    tag: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut hash = String::new();
        for byte in digest.iter().take(8) {
            // Writing to a text does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Self { name: format!("{stem}-{hash}.{extension}"), tag: format!("\"{hash}\""), kind, text }
    }

    /// The path by which pages name it.
    pub(crate) fn path(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

/// The stylesheet.
pub(crate) static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_str!("../assets/console.css")));

/// The script.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("../assets/console.js"))
});

/// The icon of tabs and bookmarks.
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg")));

/// Answers with the file of this name; a browser keeps it for as long as it likes.
pub(crate) fn answer(request: &HttpRequest, name: &str) -> HttpResponse {
    let is_read = matches!(request.method(), &Method::GET | &Method::HEAD);
    let Some(asset) = [&*STYLESHEET, &*SCRIPT, &*ICON].into_iter().find(|asset| is_read && asset.name == name) else {
        return HttpResponse::NotFound().insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body("not found\n");
    };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known =
        known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.tag));
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((ETAG, asset.tag.clone()))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if is_known {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, asset.kind)).body(asset.text)
}
