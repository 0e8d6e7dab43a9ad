//! The files of a repo's data folder, to begin again from.

use std::path::{Path, PathBuf};

use crate::harness::Repo;

/// Files by their paths in the data folder.
pub type Saved = Vec<(PathBuf, Vec<u8>)>;

pub fn save(repo: &Repo) -> Saved {
    let mut saved = Saved::new();
    collect(&repo.path("data"), Path::new(""), &mut saved);
    saved
}

fn collect(root: &Path, below: &Path, saved: &mut Saved) {
    let Ok(folder) = std::fs::read_dir(root.join(below)) else { return };
    for entry in folder.map(Result::unwrap) {
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, saved);
        } else {
            let bytes = std::fs::read(root.join(&path)).unwrap();
            saved.push((path, bytes));
        }
    }
}

pub fn restore(repo: &Repo, saved: &Saved) {
    let _ = std::fs::remove_dir_all(repo.path("data"));
    for (path, bytes) in saved {
        let path = repo.path("data").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
