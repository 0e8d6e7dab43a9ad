//! Rows that were committed and are not in a file of their historical log yet.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::{LogName, OnlineError};

/// Rows that wait for their file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledLog {
    /// which log
    pub log: LogName,
    /// bytes of its rows, in Arrow's format
    pub bytes: u64,
}

/// Spooled rows that one file of a log will hold. Which these are, and what the file is called, is decided and durable
/// before the file gets its name; so whoever finishes the work knows whether it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// which log
    pub log: LogName,
    /// names the file; no other claim ever has it
    pub part: String,
    /// the first entry of the spool
    pub first: u64,
    /// the last entry of the spool
    pub last: u64,
}

/// The spool of a store: first `claim`, then write the file, then `release`.
///
/// A log has at most one claim. It stays until it is released, also over a crash.
pub trait Spool {
    /// The logs with spooled rows, sorted.
    ///
    /// # Errors
    /// The store cannot be read.
    fn spooled_logs(&mut self) -> Result<Vec<SpooledLog>, OnlineError>;

    /// Decides which rows the next file of a log holds: the oldest, as long as they have the same columns and are not
    /// much more than `bytes`. A claim that was not released is answered again. `None`: nothing is spooled. When this
    /// returns, the claim and its rows are safe from a loss of power.
    ///
    /// # Errors
    /// The store cannot be written.
    fn claim(&mut self, log: &LogName, bytes: u64, part: &str) -> Result<Option<Claim>, OnlineError>;

    /// Some of the rows of a claim: those of the entries after `after` (0 at first), with the last entry's number. Empty
    /// at the end.
    ///
    /// # Errors
    /// The store cannot be read.
    fn spooled(&mut self, claim: &Claim, after: u64) -> Result<Option<(u64, Vec<RecordBatch>)>, OnlineError>;

    /// Forgets a claim with its rows: they are in their file.
    ///
    /// # Errors
    /// The store cannot be written; the claim stays.
    fn release(&mut self, claim: &Claim) -> Result<(), OnlineError>;
}

/// A batch with its schema, as an Arrow IPC stream.
pub(super) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}

/// The batches of an Arrow IPC stream.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(bytes, None)?.collect()
}

/// The same for batches with the same columns, names and types.
pub(super) fn columns(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let columns = schema.fields().iter().map(|field| format!("{:?} {:?}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(",")
}
