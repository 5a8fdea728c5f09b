//! Files that may be replaced while the process runs. Symbolic links are followed, as Kubernetes replaces them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

/// Files of which it is noticed that they are others than before.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    /// What was there when they were read last.
    known: u64,
    /// What was there at the last look.
    seen: u64,
}

impl Files {
    pub(crate) async fn at(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let paths: Vec<_> = paths.into_iter().collect();
        let known = look(paths.clone()).await;
        Self { paths, known, seen: known }
    }

    /// Whether they have changed, and not between the last look and this one: then they may not be complete.
    pub(crate) async fn have_changed(&mut self) -> bool {
        let now = look(self.paths.clone()).await;
        let settled = now == self.seen && now != self.known;
        self.seen = now;
        if settled {
            self.known = now;
        }
        settled
    }
}

/// Something that differs when the contents do.
async fn look(paths: Vec<PathBuf>) -> u64 {
    let read = move || {
        let mut hasher = DefaultHasher::new();
        for path in paths {
            std::fs::read(path).map_err(|error| error.kind()).hash(&mut hasher);
        }
        hasher.finish()
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_changed_file_is_reported_once_after_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate");
        std::fs::write(&path, "one").unwrap();
        let mut files = Files::at([path.clone()]).await;
        assert!(!files.have_changed().await);
        std::fs::write(&path, "two").unwrap();
        assert!(!files.have_changed().await, "it may still be written");
        assert!(files.have_changed().await);
        assert!(!files.have_changed().await);
    }

    #[tokio::test]
    async fn a_symbolic_link_that_is_swapped_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("one"), "one").unwrap();
        std::fs::write(at("two"), "two").unwrap();
        std::os::unix::fs::symlink(at("one"), at("data")).unwrap();
        let mut files = Files::at([at("data")]).await;
        std::os::unix::fs::symlink(at("two"), at("next")).unwrap();
        std::fs::rename(at("next"), at("data")).unwrap();
        assert!(!files.have_changed().await);
        assert!(files.have_changed().await);
    }
}
