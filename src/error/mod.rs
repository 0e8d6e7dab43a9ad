//! Every failure that a user can see: its kind, its exit and HTTP status, its cure. One exhaustive page.

mod codes;
mod ingest;
mod materialize;
mod server;
mod stream;

use std::path::PathBuf;

pub use codes::CODES;
pub use ingest::IngestError;
pub use materialize::MaterializeError;
pub use server::ServerError;
pub use stream::StreamIngestError;

use crate::offline::{LogError, OfflineError};
use crate::online::OnlineError;
use crate::registry::RegistryError;
use crate::repo::RepoError;
use crate::row::RowError;
use crate::source::SourceError;
use crate::source::kinesis::{ApiError, StreamError};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of a verb.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// settings or definitions
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// the registry
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// the online store
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// tables of training data
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// historical logs
    #[error(transparent)]
    Log(#[from] LogError),
    /// files
    #[error(transparent)]
    Source(#[from] SourceError),
    /// keys and values
    #[error(transparent)]
    Row(#[from] RowError),
    /// one view
    #[error(transparent)]
    Materialize(#[from] MaterializeError),
    /// records on their way into a view
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// a stream
    #[error(transparent)]
    Stream(#[from] StreamIngestError),
    /// the server itself
    #[error(transparent)]
    Server(#[from] ServerError),
    /// what was asked for cannot be done with that input
    #[error("{what}")]
    Invalid {
        /// what is wrong
        what: String,
        /// the cure
        hint: String,
    },
    /// no object of that name
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// what was looked for
        what: String,
        /// under which name
        name: String,
        /// the nearest name there is, or all of them
        hint: String,
    },
    /// no settings file, here or above
    #[error("there is no `feature_store.yaml` in `{}` or above it", .0.display())]
    NoRepo(PathBuf),
    /// stored values would be lost and nobody agreed to it
    #[error("{what} would be lost, and nobody could be asked")]
    Consent {
        /// what would be lost
        what: String,
        /// the option that agrees
        hint: String,
    },
    /// somebody was asked and said no
    #[error("nothing was changed")]
    Declined,
    /// Feast can, we cannot
    #[error("{what}")]
    Unsupported {
        /// what was asked for
        what: String,
        /// what to do instead
        hint: String,
    },
    /// reading or writing a file
    #[error("cannot {what}")]
    Io {
        /// what we were doing
        what: String,
        /// what the system said
        source: std::io::Error,
    },
    /// part was done, and then something failed
    #[error("{what}")]
    Partly {
        /// what was done
        what: String,
        /// what failed
        source: Box<Error>,
    },
    /// our own defect
    #[error("cannot {what}")]
    Internal {
        /// what we were doing
        what: String,
        /// what went wrong
        source: Cause,
    },
}

/// What a failure means to whoever has to act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// fix the input
    Invalid,
    /// no such object
    NotFound,
    /// the state moved, or somebody holds a lock
    Conflict,
    /// our defect, or a damaged file
    Internal,
    /// busy beyond the retries
    Unavailable,
}

impl Kind {
    /// The exit status of a process that failed so.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Invalid | Self::NotFound | Self::Conflict => 1,
            Self::Internal => 70,
            Self::Unavailable => 75,
        }
    }

    /// The status with which a server answers. What the client can mend is no 5xx: Feast's client would try it again.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

impl Error {
    /// Input that cannot be used, and the cure.
    pub fn invalid(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), hint: hint.into() }
    }

    /// The same failure, after so many records were stored.
    #[must_use]
    pub fn after(self, records: u64) -> Self {
        if records == 0 {
            return self;
        }
        Self::Partly { what: format!("the first {records} records are stored, and no more"), source: Box::new(self) }
    }

    /// Something that Feast can and we cannot, and what to do instead.
    pub fn unsupported(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), hint: hint.into() }
    }

    /// A name that nothing has; `known` are the names there are.
    pub fn not_found<'a>(
        what: impl Into<String>,
        name: impl Into<String>,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let name = name.into();
        let known: Vec<&str> = known.collect();
        let hint = match nearest(&name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there are none".to_owned(),
            None => format!("there are: {}", known.join(", ")),
        };
        Self::NotFound { what: what.into(), name, hint }
    }

    /// A failed file operation; `what` completes "cannot ..".
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// Our own defect; `what` completes "cannot ..".
    pub fn internal(what: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Internal { what: what.into(), source: source.into() }
    }

    /// What the failure means.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Repo(RepoError::NoSettings { .. }) | Self::NotFound { .. } | Self::NoRepo(_) => Kind::NotFound,
            Self::Repo(_)
            | Self::Row(_)
            | Self::Invalid { .. }
            | Self::Consent { .. }
            | Self::Declined
            | Self::Unsupported { .. } => Kind::Invalid,
            Self::Registry(error) => registry_kind(error),
            Self::Online(error) => online_kind(error),
            Self::Source(error) => source_kind(error),
            Self::Offline(error) => offline_kind(error),
            Self::Log(error) => log_kind(error),
            Self::Materialize(error) => materialize_kind(error),
            Self::Ingest(error) => ingest_kind(error),
            Self::Stream(error) => stream_kind(error),
            Self::Server(error) => server_kind(error),
            Self::Io { source, .. } => io_kind(source),
            Self::Partly { source, .. } => source.kind(),
            Self::Internal { .. } => Kind::Internal,
        }
    }

    /// The status with which a server answers.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Server(error) => error.http_status(),
            Self::Partly { source, .. } => source.http_status(),
            other => other.kind().http_status(),
        }
    }

    /// The code that documentation and programs know it by.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Partly { source, .. } => return source.code(),
            Self::Repo(_) | Self::Declined | Self::Internal { .. } => return None,
            Self::Registry(RegistryError::InUse { .. } | RegistryError::NotEmpty(_)) | Self::Invalid { .. } => "E1005",
            Self::Registry(RegistryError::NotFound(_)) | Self::NotFound { .. } => "E1006",
            Self::Registry(RegistryError::File { .. }) | Self::Io { .. } => "E1010",
            Self::Registry(_) => "E1001",
            Self::Online(OnlineError::Generation { .. }) => "E2201",
            Self::Online(OnlineError::Newer { .. }) => "E2202",
            Self::Online(OnlineError::Damaged { .. }) => "E2203",
            Self::Online(_) => "E1002",
            Self::Source(_) => "E1003",
            Self::Row(_) => "E1004",
            Self::NoRepo(_) => "E1007",
            Self::Consent { .. } => "E1008",
            Self::Unsupported { .. } => "E1009",
            Self::Materialize(_) => "E1011",
            Self::Ingest(_) => "E2020",
            Self::Stream(error) => stream_code(error),
            Self::Server(error) => error.code(),
            Self::Offline(_) => "E1012",
            Self::Log(_) => "E2204",
        })
    }

    /// The cure, where one is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Repo(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::Online(error) => error.hint(),
            Self::Offline(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Row(error) => error.hint(),
            Self::Materialize(error) => error.hint(),
            Self::Ingest(error) => error.hint(),
            Self::Stream(error) => error.hint(),
            Self::Server(error) => error.hint(),
            Self::Partly { source, .. } => source.hint(),
            Self::Invalid { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::Consent { hint, .. }
            | Self::Unsupported { hint, .. } => Some(hint.clone()),
            Self::NoRepo(_) => {
                Some("change to your repo, name it with `-c DIR`, or make one with `feast-rs init`".into())
            }
            Self::Declined | Self::Io { .. } => None,
            Self::Internal { .. } => Some("this is a defect of feast-rs, or a damaged file; please report it".into()),
        }
    }
}

fn offline_kind(error: &OfflineError) -> Kind {
    if let OfflineError::Io { source, .. } = error { io_kind(source) } else { Kind::Invalid }
}

fn log_kind(error: &LogError) -> Kind {
    match error {
        LogError::Missing { .. } => Kind::NotFound,
        LogError::Busy { .. } => Kind::Unavailable,
        LogError::Changed { .. } => Kind::Conflict,
        LogError::Io { source, .. } => io_kind(source),
        LogError::NoPlace { .. } | LogError::Parquet { .. } | LogError::Columns { .. } => Kind::Invalid,
    }
}

fn io_kind(error: &std::io::Error) -> Kind {
    if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Invalid }
}

fn registry_kind(error: &RegistryError) -> Kind {
    match error {
        RegistryError::Open { .. }
        | RegistryError::File { .. }
        | RegistryError::NotFileRegistry { .. }
        | RegistryError::InUse { .. }
        | RegistryError::NotEmpty(_)
        | RegistryError::Newer { .. } => Kind::Invalid,
        RegistryError::NotFound(_) => Kind::NotFound,
        RegistryError::Conflict => Kind::Conflict,
        RegistryError::Busy { .. } => Kind::Unavailable,
        error @ RegistryError::Sql { .. } if error.lacks_room_or_rights() => Kind::Invalid,
        RegistryError::Sql { .. }
        | RegistryError::ForeignTables { .. }
        | RegistryError::Damaged { .. }
        | RegistryError::ReadOnly => Kind::Internal,
    }
}

fn online_kind(error: &OnlineError) -> Kind {
    match error {
        OnlineError::NoStore { .. } | OnlineError::NoTable { .. } => Kind::NotFound,
        OnlineError::Busy { .. } => Kind::Unavailable,
        OnlineError::ViewLocked { .. } | OnlineError::Replaced { .. } | OnlineError::Generation { .. } => {
            Kind::Conflict
        }
        OnlineError::Journal { .. } | OnlineError::File { .. } | OnlineError::Newer { .. } => Kind::Invalid,
        error @ OnlineError::Sqlite { .. } if error.lacks_room_or_rights() => Kind::Invalid,
        OnlineError::Sqlite { .. }
        | OnlineError::ForeignTable { .. }
        | OnlineError::Damaged { .. }
        | OnlineError::Spool { .. }
        | OnlineError::LaneEnded => Kind::Internal,
    }
}

fn server_kind(error: &ServerError) -> Kind {
    match error {
        ServerError::Materializing { .. } => Kind::Conflict,
        ServerError::Ending => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

fn materialize_kind(error: &MaterializeError) -> Kind {
    match error {
        MaterializeError::Source(error) => source_kind(error),
        MaterializeError::Online(error) => online_kind(error),
        MaterializeError::Row(_)
        | MaterializeError::Unsupported { .. }
        | MaterializeError::Transformation { .. }
        | MaterializeError::Narrowing { .. }
        | MaterializeError::NoBatchSource { .. }
        | MaterializeError::NoTimestampField { .. }
        | MaterializeError::StartAfterEnd { .. }
        | MaterializeError::FutureEnd { .. } => Kind::Invalid,
        MaterializeError::Changed { .. } => Kind::Conflict,
        MaterializeError::Thread { .. } => Kind::Internal,
    }
}

fn ingest_kind(error: &IngestError) -> Kind {
    match error {
        IngestError::Source(error) => source_kind(error),
        IngestError::Columns { .. } => Kind::Internal,
        _ => Kind::Invalid,
    }
}

fn stream_kind(error: &StreamIngestError) -> Kind {
    match error {
        StreamIngestError::Stream(StreamError::Api { source, .. }) => match source {
            ApiError::NotFound(_) => Kind::NotFound,
            ApiError::Request { .. } => Kind::Invalid,
            _ => Kind::Unavailable,
        },
        StreamIngestError::Stream(StreamError::Recreated { .. } | StreamError::Gap { .. })
        | StreamIngestError::TableDropped { .. } => Kind::Conflict,
        StreamIngestError::Input { source, .. } => io_kind(source),
        StreamIngestError::NoShard { .. } => Kind::NotFound,
        StreamIngestError::NoStream { .. }
        | StreamIngestError::NoStreams
        | StreamIngestError::Unsupported { .. }
        | StreamIngestError::SeveralStreams { .. }
        | StreamIngestError::Future { .. } => Kind::Invalid,
    }
}

fn stream_code(error: &StreamIngestError) -> &'static str {
    match error {
        StreamIngestError::Stream(StreamError::Api { .. }) => "E2110",
        StreamIngestError::Stream(StreamError::Recreated { .. }) => "E2111",
        StreamIngestError::Stream(StreamError::Gap { .. }) => "E2112",
        StreamIngestError::TableDropped { .. } => "E2113",
        StreamIngestError::NoStream { .. }
        | StreamIngestError::NoStreams
        | StreamIngestError::Unsupported { .. }
        | StreamIngestError::SeveralStreams { .. } => "E2114",
        StreamIngestError::Input { .. } => "E1010",
        StreamIngestError::NoShard { .. } => "E1006",
        StreamIngestError::Future { .. } => "E1005",
    }
}

fn source_kind(error: &SourceError) -> Kind {
    match error {
        SourceError::Missing { .. } | SourceError::NoFiles { .. } => Kind::NotFound,
        _ => Kind::Invalid,
    }
}

/// The known name that `name` was most likely meant to be.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), *candidate));
    let (score, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= 0.6).then_some(best)
}
