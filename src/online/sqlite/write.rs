//! Rows into a table: one statement stores all features of an entity.

use rusqlite::CachedStatement;

use super::open::Database;
use super::schema::Shape;
use super::sql;
use crate::model::{DataType, Timestamp};
use crate::online::{Conflict, OnlineError, Outcome};
use crate::row::{Cell, Row, RowBatch};

/// Features in one statement. More gain nothing: what an entity's features share is bound once already.
const FEATURES_PER_STATEMENT: usize = 32;

/// Rows between two looks at the clock, about a tenth of a millisecond.
const ROWS_PER_LOOK: usize = 16;

const DOING: &str = "writing to";

/// How rows of one batch are stored.
pub(super) struct Upserts {
    chunks: Vec<Chunk>,
    value_num: bool,
}

/// Some features and the statement that stores them together; one by one where a row brings only some of them.
struct Chunk {
    features: Vec<Feature>,
    together: String,
}

struct Feature {
    position: usize,
    is_number: bool,
    alone: String,
}

impl Upserts {
    pub(super) fn new(table: &str, batch: &RowBatch, shape: &Shape, conflict: Conflict) -> Self {
        let value_num = shape.has("value_num");
        let fields = &batch.layout().features;
        let brought: Vec<usize> = (0..fields.len()).filter(|position| batch.brings(*position)).collect();
        let statement = |positions: &[usize]| {
            let fields = positions.iter().filter_map(|position| fields.get(*position));
            let names: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
            sql::upsert(table, &names, value_num, conflict)
        };
        let feature = |position: &usize| Feature {
            position: *position,
            is_number: fields.get(*position).is_some_and(|field| has_number(&field.dtype)),
            alone: statement(&[*position]),
        };
        let chunk = |positions: &[usize]| Chunk {
            features: positions.iter().map(feature).collect(),
            together: statement(positions),
        };
        Self { chunks: brought.chunks(FEATURES_PER_STATEMENT).map(chunk).collect(), value_num }
    }

    /// Stores `rows` until the time is up; says how many.
    pub(super) fn run<'r>(
        &self,
        db: &Database,
        rows: impl Iterator<Item = Row<'r>>,
        outcome: &mut Outcome,
        is_time_up: impl Fn() -> bool,
    ) -> Result<usize, OnlineError> {
        let statements = self.chunks.iter().map(|chunk| db.prepare(&chunk.together, DOING));
        let mut statements = statements.collect::<Result<Vec<_>, _>>()?;
        let mut done = 0;
        for row in rows {
            for (chunk, statement) in self.chunks.iter().zip(&mut statements) {
                self.store(db, chunk, statement, &row, outcome)?;
            }
            done += 1;
            if done % ROWS_PER_LOOK == 0 && is_time_up() {
                break;
            }
        }
        Ok(done)
    }

    fn store(
        &self,
        db: &Database,
        chunk: &Chunk,
        together: &mut CachedStatement<'_>,
        row: &Row<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), OnlineError> {
        if chunk.features.iter().all(|feature| row.cell(feature.position).is_some()) {
            return self.execute(together, &chunk.features, row, outcome).map_err(|error| db.error(error, DOING));
        }
        for feature in chunk.features.iter().filter(|feature| row.cell(feature.position).is_some()) {
            let mut alone = db.prepare(&feature.alone, DOING)?;
            self.execute(&mut alone, std::slice::from_ref(feature), row, outcome)
                .map_err(|error| db.error(error, DOING))?;
        }
        Ok(())
    }

    fn execute(
        &self,
        statement: &mut CachedStatement<'_>,
        features: &[Feature],
        row: &Row<'_>,
        outcome: &mut Outcome,
    ) -> rusqlite::Result<()> {
        bind_row(statement, row)?;
        let mut parameter = sql::ROW_PARAMETERS + 1;
        for feature in features {
            let Some(cell) = row.cell(feature.position) else { continue };
            statement.raw_bind_parameter(parameter, cell.value)?;
            statement.raw_bind_parameter(parameter + 1, cell.text)?;
            if self.value_num {
                statement.raw_bind_parameter(parameter + 2, number(feature, cell))?;
            }
            parameter += sql::cell_parameters(self.value_num);
        }
        let written = statement.raw_execute()?;
        outcome.written += written as u64;
        outcome.stale += features.len().saturating_sub(written) as u64;
        Ok(())
    }
}

/// What all values of a row share.
fn bind_row(statement: &mut CachedStatement<'_>, row: &Row<'_>) -> rusqlite::Result<()> {
    let created = row.created();
    statement.raw_bind_parameter(1, row.key())?;
    statement.raw_bind_parameter(2, row.event.seconds_toward_zero())?;
    statement.raw_bind_parameter(3, created.map(Timestamp::seconds_toward_zero))?;
    statement.raw_bind_parameter(4, row.event.micros())?;
    statement.raw_bind_parameter(5, created.map(Timestamp::micros))
}

/// The types whose values Feast also keeps in `value_num`.
fn has_number(dtype: &DataType) -> bool {
    matches!(dtype, DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 | DataType::Bool)
}

/// `value_num`: numbers as they are spelled, flags as 1 and 0.
fn number(feature: &Feature, cell: Cell<'_>) -> Option<f64> {
    match cell.text.filter(|_| feature.is_number)? {
        "True" => Some(1.0),
        "False" => Some(0.0),
        digits => digits.parse().ok(),
    }
}
