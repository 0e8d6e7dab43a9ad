//! What ends the reading of a stream.

use super::ApiError;
use crate::model::{Span, Timestamp};

/// What ends the reading of a stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Kinesis refuses, or could not be reached for as long as we try
    #[error("cannot {doing} of the stream `{stream}`")]
    Api {
        /// what was asked for: `list the shards`
        doing: &'static str,
        /// name or ARN of the stream
        stream: String,
        /// what it said
        source: ApiError,
    },
    /// a stream of that name was deleted and made again since we read it
    #[error(
        "the stream `{stream}` was deleted and made again: it was created at {found}, the one that was read at {read}"
    )]
    Recreated {
        /// name or ARN of the stream
        stream: String,
        /// when the stream of the positions was created
        read: Timestamp,
        /// when this one was
        found: Timestamp,
    },
    /// records expired before they were read
    #[error(
        "records of the shard `{shard}` of `{stream}` expired before they were read: everything that arrived until {read} \
         was read, and what arrived before {kept} is no longer kept"
    )]
    Gap {
        /// name or ARN of the stream
        stream: String,
        /// the shard
        shard: String,
        /// up to then nothing is missing
        read: Timestamp,
        /// from then on nothing is missing
        kept: Timestamp,
        /// how long the stream keeps its records
        retention: Span,
    },
}

impl StreamError {
    /// The cure.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Api { source, .. } => api_hint(source).to_owned(),
            Self::Recreated { .. } => {
                "begin anew with `feast-rs kinesis checkpoints reset VIEW --to trim-horizon` (or `latest`, `at-timestamp=T`)"
                    .to_owned()
            }
            Self::Gap { retention, .. } => format!(
                "materialize that time from the batch source, then go on with `--on-gap warn`; a retention longer than {retention} \
                 gives more time for repairs"
            ),
        }
    }
}

fn api_hint(error: &ApiError) -> &'static str {
    match error {
        ApiError::NotFound(_) => "is it the right region, account and name? (`aws kinesis list-streams`)",
        ApiError::Request { code, .. } if code.contains("AccessDenied") || code.starts_with("KMS") => {
            "the permissions that are needed are in docs/kinesis.md; `feast-rs stream-ingest --check` tests them"
        }
        ApiError::Request { code, .. } if code == NO_CREDENTIALS => {
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
        }
        ApiError::Request { .. } => "`feast-rs stream-ingest --check` tests each permission and the decoding",
        ApiError::Throttled(_) => "other readers of the stream use its quota up: lower `x-kinesis.reads_per_second`",
        ApiError::Unavailable(_) | ApiError::IteratorExpired | ApiError::InUse(_) => {
            "is the endpoint reachable? (`--endpoint-url`, AWS_ENDPOINT_URL_KINESIS, proxies)"
        }
    }
}

/// The code of a request that could not be signed.
pub(super) const NO_CREDENTIALS: &str = "NoCredentials";
