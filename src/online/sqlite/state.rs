//! What is stored beside the values: positions in streams, generations of tables, marks of pushes.

use rusqlite::{Row, params};

use super::open::Database;
use super::{SqliteReader, schema, sql};
use crate::model::{PositionKey, RecordPosition, SequenceNumber, ShardPosition, ShardProgress, StreamId, Timestamp};
use crate::online::{Advance, OnlineError, PUSH_MARK_AGE, PushMark, StoredPosition};

const READING: &str = "reading positions from";
const WRITING: &str = "writing positions to";

/// Whether our tables are there, and in a format that we know.
pub(super) fn check_format(db: &Database) -> Result<bool, OnlineError> {
    let exists = |table: &str| Ok::<_, OnlineError>(db.one::<bool>(sql::TABLE, [table], READING)?.is_some());
    if !exists("feast_rs_meta")? {
        return Ok(false);
    }
    match db.one::<i64>(sql::SELECT_FORMAT, [], READING)? {
        Some(found) if found > sql::FORMAT => {
            Err(OnlineError::Newer { path: db.path().to_owned(), found, known: sql::FORMAT })
        }
        // without the entry it is the table of a registry in the same file
        found => Ok(found.is_some()),
    }
}

pub(super) fn create(db: &Database) -> Result<(), OnlineError> {
    db.batch(sql::STATE_TABLES, "making tables in")
}

/// A table was made, or got our columns: what positions say was written to it before is gone.
pub(super) fn raise_generation(db: &Database, table: &str) -> Result<(), OnlineError> {
    create(db)?;
    db.execute(sql::RAISE_GENERATION, [table], WRITING).map(drop)
}

/// See [`OnlineStore::generation`](crate::online::OnlineStore::generation). A table that an earlier version made has the
/// generation 0.
pub(super) fn generation(db: &Database, has_state: bool, table: &str) -> Result<Option<u64>, OnlineError> {
    if !schema::inspect(db, table)?.is_some_and(|shape| shape.is_exact()) {
        return Ok(None);
    }
    recorded_generation(db, has_state, table).map(Some)
}

fn recorded_generation(db: &Database, has_state: bool, table: &str) -> Result<u64, OnlineError> {
    if !has_state {
        return Ok(0);
    }
    Ok(db.one::<i64>(sql::SELECT_GENERATION, [table], READING)?.map_or(0, i64::cast_unsigned))
}

pub(super) fn check_generation(db: &Database, has_state: bool, advance: &Advance) -> Result<(), OnlineError> {
    if generation(db, has_state, &advance.table)? == Some(advance.generation) {
        return Ok(());
    }
    Err(OnlineError::Generation { view: advance.key.view.clone(), table: advance.table.clone() })
}

/// The positions of a view that is called `view` now, and whose table was called `from`. They stay good where the table
/// was renamed with its values. A table that was not there takes them along all the same, and they wait for a reset.
pub(super) fn rename(db: &Database, from: &str, to: &str, view: &str, with_values: bool) -> Result<(), OnlineError> {
    let (mut old, mut new) = (None, None);
    if with_values {
        old = Some(recorded_generation(db, true, from)?.cast_signed());
        db.execute(sql::RENAME_GENERATION, [from, to], WRITING)?;
        new = Some(recorded_generation(db, true, to)?.cast_signed());
    }
    db.execute(sql::RENAME_POSITIONS, params![from, to, view, old, new], WRITING).map(drop)
}

pub(super) fn advance(db: &Database, advance: &Advance) -> Result<(), OnlineError> {
    let Advance { key, position, table, generation, endpoint } = advance;
    let (progress, at, after) = match &position.progress {
        ShardProgress::TrimHorizon => ("trim-horizon", None, None),
        ShardProgress::AtTimestamp(at) => ("at-timestamp", Some(at.micros()), None),
        ShardProgress::After(after) => ("after", None, Some(after)),
        ShardProgress::Ended => ("ended", None, None),
    };
    let mut statement = db.prepare(sql::UPSERT_POSITION, WRITING)?;
    let done = statement.execute(params![
        key.project,
        key.view,
        key.stream.arn,
        key.stream.created.micros(),
        key.shard,
        table,
        generation.cast_signed(),
        progress,
        at,
        after.map(|after| after.sequence.as_str()),
        after.map(|after| after.sub_sequence.cast_signed()),
        position.arrival.map(Timestamp::micros),
        position.caught_up.map(Timestamp::micros),
        position.watermark.map(Timestamp::micros),
        endpoint,
    ]);
    done.map(drop).map_err(|error| db.error(error, WRITING))
}

/// A row of `feast_rs_positions` as it stands.
struct Raw {
    stream: StreamId,
    shard: String,
    generation: i64,
    progress: String,
    at: Option<i64>,
    sequence: Option<String>,
    sub_sequence: Option<i64>,
    arrival: Option<i64>,
    caught_up: Option<i64>,
    watermark: Option<i64>,
    endpoint: Option<String>,
}

impl Raw {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            stream: StreamId { arn: row.get(0)?, created: Timestamp::from_micros(row.get(1)?) },
            shard: row.get(2)?,
            generation: row.get(3)?,
            progress: row.get(4)?,
            at: row.get(5)?,
            sequence: row.get(6)?,
            sub_sequence: row.get(7)?,
            arrival: row.get(8)?,
            caught_up: row.get(9)?,
            watermark: row.get(10)?,
            endpoint: row.get(11)?,
        })
    }

    fn progress(&self) -> Result<ShardProgress, String> {
        match (self.progress.as_str(), self.at, &self.sequence, self.sub_sequence) {
            ("trim-horizon", ..) => Ok(ShardProgress::TrimHorizon),
            ("ended", ..) => Ok(ShardProgress::Ended),
            ("at-timestamp", Some(at), ..) => Ok(ShardProgress::AtTimestamp(Timestamp::from_micros(at))),
            ("after", _, Some(sequence), Some(sub_sequence)) => Ok(ShardProgress::After(RecordPosition {
                sequence: SequenceNumber::parse(sequence)?,
                sub_sequence: sub_sequence.cast_unsigned(),
            })),
            _ => Err(format!("`{}` is no progress of the shard `{}`", self.progress, self.shard)),
        }
    }

    fn position(self, project: &str, view: &str) -> Result<StoredPosition, OnlineError> {
        let progress = self.progress();
        let progress = progress.map_err(|reason| OnlineError::Damaged { table: "feast_rs_positions", reason })?;
        let instant = |micros: Option<i64>| micros.map(Timestamp::from_micros);
        let position = ShardPosition {
            progress,
            arrival: instant(self.arrival),
            caught_up: instant(self.caught_up),
            watermark: instant(self.watermark),
        };
        let key =
            PositionKey { project: project.to_owned(), view: view.to_owned(), stream: self.stream, shard: self.shard };
        Ok(StoredPosition { key, position, generation: self.generation.cast_unsigned(), endpoint: self.endpoint })
    }
}

pub(super) fn positions(
    db: &Database,
    has_state: bool,
    project: &str,
    view: &str,
) -> Result<Vec<StoredPosition>, OnlineError> {
    if !has_state {
        return Ok(Vec::new());
    }
    let rows = db.all(sql::SELECT_POSITIONS, [project, view], READING, Raw::read)?;
    rows.into_iter().map(|raw| raw.position(project, view)).collect()
}

/// Stores a mark; `false` where it is stored already.
pub(super) fn mark(db: &Database, mark: &PushMark) -> Result<bool, OnlineError> {
    let doing = "marking a push in";
    db.execute(sql::TRIM_MARKS, [mark.at.saturating_sub(PUSH_MARK_AGE).micros()], doing)?;
    Ok(db.execute(sql::INSERT_MARK, params![mark.key, mark.at.micros()], doing)? > 0)
}

pub(super) fn was_pushed(db: &Database, has_state: bool, key: &str) -> Result<bool, OnlineError> {
    Ok(has_state && db.one::<i64>(sql::SELECT_MARK, [key], "reading marks of pushes from")?.is_some())
}

impl SqliteReader {
    /// The positions of a view in all streams and shards, sorted by their keys.
    ///
    /// # Errors
    /// `Newer`, `Damaged`, or the store cannot be read.
    pub fn positions(&self, project: &str, view: &str) -> Result<Vec<StoredPosition>, OnlineError> {
        positions(&self.db, check_format(&self.db)?, project, view)
    }

    /// The generation of a table: see [`OnlineStore::generation`](crate::online::OnlineStore::generation).
    ///
    /// # Errors
    /// `Newer`, or the store cannot be read.
    pub fn generation(&self, table: &str) -> Result<Option<u64>, OnlineError> {
        generation(&self.db, check_format(&self.db)?, table)
    }
}
