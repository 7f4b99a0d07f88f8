//! The static page: files from one folder.

use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

/// A folder of files to serve.
#[derive(Debug, Clone)]
pub struct Page {
    root: PathBuf,
}

/// A file of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its content type.
    pub content_type: &'static str,
}

impl Page {
    /// The page in a folder, if there is an `index.html` in it.
    #[must_use]
    pub fn open(root: &Path) -> Option<Self> {
        let root = root.canonicalize().ok()?;
        root.join("index.html").is_file().then_some(Self { root })
    }

    /// The file behind a URL's path, which starts with a slash; a folder stands for its `index.html`.
    ///
    /// # Errors
    /// When there is a file but it cannot be read. No such file is `Ok(None)`.
    pub async fn file(&self, url_path: &str) -> io::Result<Option<File>> {
        let Some(path) = self.locate(url_path) else {
            return Ok(None);
        };
        let bytes = tokio::fs::read(&path).await?;
        Ok(Some(File {
            bytes,
            content_type: content_type(&path),
        }))
    }

    fn locate(&self, url_path: &str) -> Option<PathBuf> {
        let mut path = self.root.clone();
        for segment in url_path.split('/') {
            let segment = percent_decode_str(segment).decode_utf8().ok()?;
            // `..`, `.`, hidden files, and separators that came in encoded have no business in a URL here.
            if segment.starts_with('.') || segment.contains(['/', '\\', '\0', ':']) {
                return None;
            }
            if !segment.is_empty() {
                path.push(segment.as_ref());
            }
        }
        if url_path.ends_with('/') {
            path.push("index.html");
        }
        // A link in the folder may not lead out of it either.
        let path = path.canonicalize().ok()?;
        (path.is_file() && path.starts_with(&self.root)).then_some(path)
    }
}

fn content_type(path: &Path) -> &'static str {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn serves_its_folder_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("page");
        fs::create_dir_all(root.join("assets")).expect("made");
        for (name, text) in [
            ("secret.txt", "secret"),
            ("page/index.html", "home"),
            ("page/assets/a b.mjs", "code"),
            ("page/.hidden", "hidden"),
        ] {
            fs::write(dir.path().join(name), text).expect("written");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("secret.txt"), root.join("link.txt"))
            .expect("linked");

        let page = Page::open(&root).expect("a page");
        let get = async |path: &str| page.file(path).await.expect("readable");
        let home = get("/").await.expect("the home page");
        assert_eq!(home.bytes, b"home");
        assert_eq!(home.content_type, "text/html; charset=utf-8");
        let code = get("/assets/a%20b.mjs").await.expect("the script");
        assert_eq!(code.content_type, "text/javascript; charset=utf-8");
        for path in [
            "/none.js",
            "/assets",
            "/assets/",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/assets/..%5c..%5csecret.txt",
            "/.hidden",
            "/link.txt",
            "/%ff",
            "/index.html%00",
        ] {
            assert_eq!(get(path).await, None, "{path}");
        }
    }

    #[test]
    fn a_folder_without_a_home_page_is_no_page() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(Page::open(dir.path()).is_none());
        assert!(Page::open(&dir.path().join("none")).is_none());
    }
}
