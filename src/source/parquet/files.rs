//! From the path of a source to its files.

use std::path::{Component, Path, PathBuf};

use crate::source::SourceError;

/// What a directory may hold beside other things; the endings are those that dask, and so Feast, looks for.
const ENDINGS: [&str; 3] = ["parquet", "parq", "pq"];
/// How Hive writes the partition of rows without a value.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";
/// Directories below a source, at most: a loop of symbolic links ends here.
const MAX_DEPTH: usize = 32;

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Located {
    /// absolute
    pub path: PathBuf,
    /// Hive-style partitions on the way from the source to the file, outermost first: name and value (`None`: null)
    pub partitions: Vec<(String, Option<String>)>,
}

/// The files of a source in the order in which they count: by path.
///
/// `path` is a file, a directory (all levels of it) or a glob of either. A path that exists is never taken for a glob.
pub(super) fn locate(path: &Path) -> Result<Vec<Located>, SourceError> {
    if path.to_string_lossy().contains("://") {
        return Err(SourceError::Remote { path: path.to_owned() });
    }
    let mut files = Vec::new();
    if path.exists() {
        collect(path, path, &mut files)?;
    } else if is_glob(path) {
        expand(path, &mut files)?;
    } else {
        return Err(SourceError::Missing { path: path.to_owned() });
    }
    if files.is_empty() {
        return Err(SourceError::NoFiles { path: path.to_owned() });
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_glob(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn expand(pattern: &Path, files: &mut Vec<Located>) -> Result<(), SourceError> {
    let text = pattern.to_string_lossy();
    let matches = glob::glob(&text).map_err(|source| SourceError::Pattern { path: pattern.to_owned(), source })?;
    let root: PathBuf =
        pattern.components().take_while(|part| !is_glob(Path::new(part.as_os_str()))).collect::<PathBuf>();
    for found in matches {
        let found = found.map_err(|error| SourceError::Io { path: error.path().to_owned(), source: error.into() })?;
        if !is_hidden(&found) {
            collect(&root, &found, files)?;
        }
    }
    Ok(())
}

/// `path` itself if it is a file, else what lies in it.
fn collect(root: &Path, path: &Path, files: &mut Vec<Located>) -> Result<(), SourceError> {
    if path.is_dir() {
        return walk(root, path, MAX_DEPTH, files);
    }
    files.push(Located { path: path.to_owned(), partitions: partitions(root, path) });
    Ok(())
}

fn walk(root: &Path, directory: &Path, depth: usize, files: &mut Vec<Located>) -> Result<(), SourceError> {
    let failed = |source| SourceError::Io { path: directory.to_owned(), source };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_hidden(&path) {
            continue;
        }
        if path.is_dir() && depth > 0 {
            walk(root, &path, depth - 1, files)?;
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
        {
            files.push(Located { partitions: partitions(root, &path), path });
        }
    }
    Ok(())
}

/// Left there by a writer for itself: `_SUCCESS`, `_temporary/`, `.part-0.crc`.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']))
}

fn partitions(root: &Path, file: &Path) -> Vec<(String, Option<String>)> {
    let Some(below) = file.strip_prefix(root).ok().and_then(Path::parent) else { return Vec::new() };
    below
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str()?.split_once('='),
            _ => None,
        })
        .map(|(name, value)| (decoded(name), (value != NULL_PARTITION).then(|| decoded(value))))
        .collect()
}

/// Undoes the percent signs with which writers hide characters that file systems dislike.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hidden =
            (first == b'%').then(|| tail.get(..2)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = hidden.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    fn names(root: &Path, path: &str) -> Vec<String> {
        let files = locate(&root.join(path)).unwrap();
        files.iter().map(|file| file.path.strip_prefix(root).unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_directory_is_read_at_all_levels_without_what_writers_leave_there() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            dir.path(),
            &["d/b.parquet", "d/a.pq", "d/_SUCCESS", "d/.a.parquet", "d/_tmp/x.parquet", "d/s/c.parquet", "d/n.txt"],
        );
        assert_eq!(names(dir.path(), "d"), ["d/a.pq", "d/b.parquet", "d/s/c.parquet"]);
        assert_eq!(names(dir.path(), "d/n.txt"), ["d/n.txt"], "a file that was named is taken at its word");
        assert_eq!(names(dir.path(), "d/*.p*"), ["d/a.pq", "d/b.parquet"]);
        assert_eq!(names(dir.path(), "d/s*"), ["d/s/c.parquet"], "a glob may name directories");
    }

    #[test]
    fn partitions_are_read_from_the_directories_below_the_source() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            dir.path(),
            &["r=0/d/day=2024-01-01/city=S%C3%A3o%2FX/a.parquet", "r=0/d/day=__HIVE_DEFAULT_PARTITION__/b.parquet"],
        );
        let wanted =
            vec![("day".to_owned(), Some("2024-01-01".to_owned())), ("city".to_owned(), Some("São/X".to_owned()))];
        let files = locate(&dir.path().join("r=0/d")).unwrap();
        assert_eq!(files[0].partitions, wanted);
        assert_eq!(files[1].partitions, [("day".to_owned(), None)]);
        assert_eq!(locate(&dir.path().join("r=0/d/day=2*/*/*.parquet")).unwrap()[0].partitions, wanted);
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }

    #[test]
    fn what_cannot_be_found_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["d/n.txt", "odd[1].parquet"]);
        assert!(matches!(locate(&dir.path().join("gone")), Err(SourceError::Missing { .. })));
        assert!(matches!(locate(&dir.path().join("d")), Err(SourceError::NoFiles { .. })));
        assert!(matches!(locate(&dir.path().join("d/*.parquet")), Err(SourceError::NoFiles { .. })));
        assert!(matches!(locate(&dir.path().join("a[")), Err(SourceError::Pattern { .. })));
        assert!(matches!(locate(Path::new("/repo/s3://bucket/x.parquet")), Err(SourceError::Remote { .. })));
        assert_eq!(names(dir.path(), "odd[1].parquet"), ["odd[1].parquet"], "what exists is no glob");
    }
}
