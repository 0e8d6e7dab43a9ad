//! What can go wrong with a registry.

use std::path::PathBuf;

use crate::model::ObjectId;
use crate::proto::wire::Damaged;

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowDamage {
    /// the bytes are no such message
    #[error(transparent)]
    Message(#[from] prost::DecodeError),
    /// the bytes are no message at all
    #[error(transparent)]
    Wire(#[from] Damaged),
    /// a tag of ours holds something that we cannot read
    #[error("tag `{0}` holds `{1}`")]
    Tag(String, String),
    /// another value than a message
    #[error("{0}")]
    Column(String),
}

/// Everything that can go wrong with a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// the file is there but cannot be opened as a database
    #[error("cannot open the registry `{}`", path.display())]
    Open {
        /// which file
        path: PathBuf,
        /// SQLite's words
        #[source]
        source: rusqlite::Error,
    },
    /// the file, or its folder, cannot be read or made
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// what we were doing
        doing: &'static str,
        /// which file
        path: PathBuf,
        /// the system's words
        #[source]
        source: std::io::Error,
    },
    /// a statement failed
    #[error("cannot {doing}")]
    Sql {
        /// what we were doing
        doing: &'static str,
        /// SQLite's words
        #[source]
        source: rusqlite::Error,
    },
    /// tables of another program stand where Feast's should, or some are gone
    #[error("cannot {doing}: it lacks what Feast's registries have: {reason}")]
    ForeignTables {
        /// what we were doing
        doing: &'static str,
        /// what SQLite misses
        reason: String,
    },
    /// another program holds the lock for too long
    #[error("cannot {doing}: another program holds the lock of the registry")]
    Busy {
        /// what we were doing
        doing: &'static str,
        /// SQLite's words
        #[source]
        source: rusqlite::Error,
    },
    /// a row whose content is no message of its kind
    #[error("row `{name}` of table `{table}` in the registry is damaged")]
    Damaged {
        /// which table
        table: &'static str,
        /// which row
        name: String,
        /// what is wrong with it
        #[source]
        source: RowDamage,
    },
    /// the file is no registry of Feast
    #[error("`{}` is not a file registry of Feast", path.display())]
    NotFileRegistry {
        /// which file
        path: PathBuf,
        /// what is wrong with it
        #[source]
        source: RowDamage,
    },
    /// the registry is not what the plan was made from
    #[error("the registry changed since the plan was made")]
    Conflict,
    /// no such object
    #[error("no {} `{}` in the registry", .0.kind, .0.name)]
    NotFound(ObjectId),
    /// other objects need this one
    #[error("{} `{}` is used by {}", id.kind, id.name, list(dependents))]
    InUse {
        /// what was to be deleted
        id: ObjectId,
        /// what needs it
        dependents: Vec<ObjectId>,
    },
    /// an import would mix two registries
    #[error("project `{0}` already has objects in this registry")]
    NotEmpty(String),
    /// written by a later version of this program
    #[error("the registry's own tables have format {found}, this program knows {known}")]
    Newer {
        /// in the file
        found: i64,
        /// here
        known: i64,
    },
    /// opened for reading, asked to write
    #[error("the registry was opened for reading")]
    ReadOnly,
}

impl RegistryError {
    /// Whether the machine is what stands in the way: no room on the disk, no right to the file.
    #[must_use]
    pub fn lacks_room_or_rights(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly};
        let Self::Sql { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly))
    }

    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                Some("a file registry of Feast is brought into SQLite with `feast-rs registry import FILE`".to_owned())
            }
            Self::Sql { source, .. } => sql_hint(source),
            Self::ForeignTables { .. } => {
                let hint = "a file of another program can be no registry: name another one as `registry.path`; tables \
                            that are gone are made again by `feast-rs apply`";
                Some(hint.to_owned())
            }
            Self::Damaged { .. } => Some("`feast-rs registry check` lists every damaged row".to_owned()),
            Self::Conflict => Some("plan again".to_owned()),
            Self::Busy { .. } => Some("try again when the other program is done".to_owned()),
            Self::InUse { .. } => Some("delete what uses it first".to_owned()),
            Self::NotEmpty(_) => Some("import into a new registry, or `feast-rs teardown` this one first".to_owned()),
            Self::Newer { .. } => Some("use the newer feast-rs".to_owned()),
            _ => None,
        }
    }
}

fn sql_hint(error: &rusqlite::Error) -> Option<String> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, ReadOnly};
    let hint = match error.sqlite_error_code()? {
        DatabaseCorrupt => "the file is damaged: bring it back from a copy, or apply the definitions to a new one",
        DiskFull => "make room on the disk and run the command again; nothing was written",
        ReadOnly => "the file, or its folder, cannot be written by this user",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn list(ids: &[ObjectId]) -> String {
    ids.iter().map(|id| format!("{} `{}`", id.kind, id.name)).collect::<Vec<_>>().join(", ")
}

/// What we were doing when SQLite refused.
pub(super) trait Doing<T> {
    /// Names it.
    fn doing(self, what: &'static str) -> Result<T, RegistryError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, RegistryError> {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        self.map_err(|source| match source.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => RegistryError::Busy { doing, source },
            _ => match source {
                // the statements are ours and sound: what one names and the file lacks, Feast did not make
                rusqlite::Error::SqlInputError { msg, .. } => RegistryError::ForeignTables { doing, reason: msg },
                source => RegistryError::Sql { doing, source },
            },
        })
    }
}
