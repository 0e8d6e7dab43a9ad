//! What goes to an online store as one transaction.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::Conflict;
use crate::model::{PositionKey, ShardPosition, Span, Timestamp};
use crate::row::RowBatch;

/// How long the mark of a push is kept: a retry that comes later is a new push.
pub const PUSH_MARK_AGE: Span = Span::from_micros(7 * 86_400 * 1_000_000);

/// Rows of one view on their way to one table.
#[derive(Clone, Debug)]
pub struct TableRows {
    /// name of the table
    pub table: String,
    /// the rows
    pub batch: Arc<RowBatch>,
}

/// What is one transaction: the rows, and everything that must hold as soon as they are stored.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    /// rows, in the order of their arrival
    pub rows: Vec<TableRows>,
    /// which values stay
    pub conflict: Conflict,
    /// positions in streams that these rows reach
    pub advance: Vec<Advance>,
    /// rows on their way to historical logs, in the order of their arrival
    pub log: Vec<LogRows>,
    /// what makes a repeated push harmless
    pub pushed: Option<PushMark>,
}

impl WriteSet {
    /// Makes `later`, which would have been the next transaction, part of this one. Of both the newest value wins, and
    /// neither is a push. Says how many values went, because a row of the other set is newer.
    pub fn absorb(&mut self, mut later: Self) -> u64 {
        let mut gone = 0;
        for new in &mut later.rows {
            for known in self.rows.iter_mut().filter(|known| known.table == new.table) {
                if let (Some(known), Some(new)) = (Arc::get_mut(&mut known.batch), Arc::get_mut(&mut new.batch)) {
                    gone += (known.settle(new) * known.layout().features.len()) as u64;
                }
            }
        }
        self.rows.append(&mut later.rows);
        self.advance.append(&mut later.advance);
        self.log.append(&mut later.log);
        gone
    }
}

/// The position of a view in a shard after the rows of its [`WriteSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// whose position
    pub key: PositionKey,
    /// where the view stands now
    pub position: ShardPosition,
    /// the view's table
    pub table: String,
    /// the generation of the table that the reader knows; the commit fails where the table has another one
    pub generation: u64,
    /// where the stream was read, for display only
    pub endpoint: Option<String>,
}

/// A position as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPosition {
    /// whose position
    pub key: PositionKey,
    /// where the view stands
    pub position: ShardPosition,
    /// the generation of the view's table when it was stored
    pub generation: u64,
    /// where the stream was read, for display only
    pub endpoint: Option<String>,
}

/// The historical log of a view: the project, and the path as the definition writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// name of the project
    pub project: String,
    /// the log's directory or file; a relative one is relative to the repo
    pub path: String,
}

/// Rows on their way to a historical log: spooled in the store by the commit that made them, until they are in a file.
#[derive(Clone, Debug)]
pub struct LogRows {
    /// which log
    pub log: LogName,
    /// the rows, with the columns and types of the log's files
    pub batch: RecordBatch,
}

/// What makes a repeated push harmless: a commit whose mark is stored already stores nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushMark {
    /// an idempotency key, or the hash of all bytes up to the end of the commit
    pub key: String,
    /// now; marks that are older than [`PUSH_MARK_AGE`] by then are forgotten
    pub at: Timestamp,
}
