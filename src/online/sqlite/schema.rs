//! The shape of tables: what they should be, what they are, and how the one becomes the other.

use std::collections::HashMap;

use super::open::Database;
use super::{sql, state};
use crate::online::{OnlineError, TableSpec};

/// What the table of a view has in every version of Feast.
const FEASTS_COLUMNS: [&str; 5] = ["entity_key", "feature_name", "value", "event_ts", "created_ts"];

/// What a table looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) columns: Vec<String>,
    pub(super) without_rowid: bool,
    /// Feast's index on the entity key, which the primary key makes redundant
    pub(super) has_index: bool,
}

impl Shape {
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// Whether the table keeps our exact times.
    pub(super) fn is_exact(&self) -> bool {
        self.has(sql::EVENT_US) && self.has(sql::CREATED_US)
    }
}

/// What tables look like, as long as nobody changes one.
#[derive(Debug, Default)]
pub(super) struct Schema {
    version: Option<i64>,
    shapes: HashMap<String, Shape>,
    has_state: bool,
}

impl Schema {
    /// Forgets what it knows if any process changed a table since. To be asked in every transaction.
    pub(super) fn refresh(&mut self, db: &Database) -> Result<(), OnlineError> {
        let version = db.one(sql::SCHEMA_VERSION, [], "reading the tables of")?;
        if version != self.version {
            *self = Self { version: None, shapes: HashMap::new(), has_state: state::check_format(db)? };
            self.version = version;
        }
        Ok(())
    }

    /// Whether our tables beside the values are there.
    pub(super) fn has_state(&self) -> bool {
        self.has_state
    }

    /// Makes our tables beside the values.
    pub(super) fn need_state(&mut self, db: &Database) -> Result<(), OnlineError> {
        if !self.has_state {
            state::create(db)?;
            self.refresh(db)?;
        }
        Ok(())
    }

    /// What a table looks like.
    pub(super) fn shape(&mut self, db: &Database, table: &str) -> Result<&Shape, OnlineError> {
        if !self.shapes.contains_key(table) {
            let shape = inspect(db, table)?.ok_or_else(|| OnlineError::NoTable { table: table.to_owned() })?;
            self.shapes.insert(table.to_owned(), shape);
        }
        self.shapes.get(table).ok_or_else(|| OnlineError::NoTable { table: table.to_owned() })
    }

    /// A table that has every column we write; those that Python's table lacks are added.
    pub(super) fn writable(&mut self, db: &Database, table: &str) -> Result<&Shape, OnlineError> {
        let shape = self.shape(db, table)?;
        let was_exact = shape.is_exact();
        if add_columns(db, table, shape)? {
            if !was_exact {
                state::raise_generation(db, table)?;
            }
            self.refresh(db)?;
        }
        self.shape(db, table)
    }
}

/// What a table looks like; `None` where there is none.
///
/// # Errors
/// `ForeignTable`, where it lacks what the tables of every Feast have.
pub(super) fn inspect(db: &Database, table: &str) -> Result<Option<Shape>, OnlineError> {
    let doing = "reading the tables of";
    let Some(without_rowid) = db.one::<bool>(sql::TABLE, [table], doing)? else { return Ok(None) };
    let columns = db.all(sql::COLUMNS, [table], doing, |row| row.get(0))?;
    let indexes: Option<i64> = db.one(sql::INDEX, [sql::index_name(table)], doing)?;
    let shape = Shape { columns, without_rowid, has_index: indexes.unwrap_or(0) > 0 };
    match FEASTS_COLUMNS.into_iter().find(|column| !shape.has(column)) {
        Some(column) => Err(OnlineError::ForeignTable { path: db.path().to_owned(), table: table.to_owned(), column }),
        None => Ok(Some(shape)),
    }
}

/// Adds the columns that we write and the table lacks; says whether there were any.
fn add_columns(db: &Database, table: &str, shape: &Shape) -> Result<bool, OnlineError> {
    let wanted = [("value_text", "TEXT"), (sql::EVENT_US, "INTEGER"), (sql::CREATED_US, "INTEGER")];
    let mut added = false;
    for (column, column_type) in wanted {
        if !shape.has(column) {
            db.batch(&sql::add_column(table, column, column_type), "adding a column to a table of")?;
            added = true;
        }
    }
    Ok(added)
}

/// Makes a table fit. A table with a `rowid` that needs none is used as it is: Python made it.
pub(super) fn ensure(db: &Database, spec: &TableSpec) -> Result<(), OnlineError> {
    let doing = "making a table in";
    let table = &spec.name;
    let found = inspect(db, table)?;
    if !found.as_ref().is_some_and(Shape::is_exact) {
        state::raise_generation(db, table)?;
    }
    if found.is_some_and(|shape| shape.without_rowid && spec.needs_rowid) {
        rebuild(db, spec)?;
    }
    db.batch(&sql::create_table(table, spec.value_num, spec.without_rowid()), doing)?;
    let Some(shape) = inspect(db, table)? else { return Err(OnlineError::NoTable { table: table.clone() }) };
    add_columns(db, table, &shape)?;
    if spec.value_num && !shape.has("value_num") {
        db.batch(&sql::add_column(table, "value_num", "REAL"), doing)?;
    }
    match (shape.without_rowid, shape.has_index) {
        (true, true) => db.batch(&sql::drop_index(table), doing),
        (false, false) => db.batch(&sql::create_index(table), doing),
        _ => Ok(()),
    }
}

/// Copies a table into one that has a `rowid`.
fn rebuild(db: &Database, spec: &TableSpec) -> Result<(), OnlineError> {
    let doing = "rebuilding a table in";
    let (table, old) = (&spec.name, format!("{}_feast_rs_old", spec.name));
    db.batch(&sql::drop_index(table), doing)?;
    db.batch(&sql::rename_table(table, &old), doing)?;
    db.batch(&sql::create_table(table, spec.value_num, false), doing)?;
    let columns = inspect(db, &old)?.map(|shape| shape.columns).unwrap_or_default();
    let new = inspect(db, table)?.map(|shape| shape.columns).unwrap_or_default();
    let shared: Vec<String> = columns.into_iter().filter(|column| new.contains(column)).collect();
    db.batch(&sql::copy_table(&old, table, &shared), doing)?;
    db.batch(&sql::drop_table(&old), doing)
}
