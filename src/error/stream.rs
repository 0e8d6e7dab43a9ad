//! What stands in the way of a stream.

use crate::model::Timestamp;
use crate::online::OnlineError;
use crate::source::kinesis::StreamError;

/// What stands in the way of a stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamIngestError {
    /// the stream cannot be read
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// the view has no Kinesis stream
    #[error("the view `{view}` has no Kinesis stream")]
    NoStream {
        /// its name
        view: String,
    },
    /// no view has one
    #[error("no registered view has a Kinesis stream")]
    NoStreams,
    /// the view cannot be computed from its records
    #[error("`{view}` cannot be read from its stream: {what}")]
    Unsupported {
        /// its name
        view: String,
        /// what it has that we do not run
        what: String,
        /// what to do instead
        hint: String,
    },
    /// the table that was filled up to the stored positions is gone
    #[error("the online table of `{view}` was dropped since its stream was last read, and its values with it")]
    TableDropped {
        /// name of the view
        view: String,
    },
    /// `--input` stands for one stream
    #[error("`--input` poses as one stream, and the views read {}", streams.join(", "))]
    SeveralStreams {
        /// names of their sources
        streams: Vec<String>,
    },
    /// the input of `--input`
    #[error("cannot read the input `{input}`")]
    Input {
        /// its path
        input: String,
        /// why not
        source: std::io::Error,
    },
    /// a shard that `--from after=` names
    #[error("the stream `{stream}` has no shard `{shard}`")]
    NoShard {
        /// name of the stream
        stream: String,
        /// the shard
        shard: String,
    },
    /// a start in the future
    #[error("reading cannot begin at {at}: that is in the future")]
    Future {
        /// the instant
        at: Timestamp,
    },
}

impl StreamIngestError {
    /// The cure, where one is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Stream(error) => error.hint(),
            Self::NoStream { .. } => {
                "give it a `source` of type KinesisSource; `feast-rs push` writes rows without one".into()
            }
            Self::NoStreams => "define one (`feast-rs init -t kinesis` shows how) and run `feast-rs apply`".into(),
            Self::Unsupported { hint, .. } => hint.clone(),
            Self::TableDropped { view } => format!(
                "read what the stream still keeps again with `feast-rs kinesis checkpoints reset {view} --to trim-horizon` \
                 (after `materialize`, if older values are wanted), or go on from here with `--to keep`"
            ),
            Self::SeveralStreams { .. } => {
                "name the view that it is for: `feast-rs stream-ingest VIEW --input FILE`".into()
            }
            Self::Input { .. } => return None,
            Self::NoShard { .. } => "`feast-rs kinesis shards` lists them".into(),
            Self::Future { .. } => "name an instant that has passed, or `latest`".into(),
        })
    }

    /// An error of the store, said as what it means to the view of a stream.
    #[must_use]
    pub fn of_store(error: OnlineError) -> super::Error {
        match error {
            OnlineError::Generation { view, .. } => Self::TableDropped { view }.into(),
            other => other.into(),
        }
    }
}
