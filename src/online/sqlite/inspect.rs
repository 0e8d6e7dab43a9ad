//! What tables there are, and how they differ from what they should be.

use std::fmt;

use super::{SqliteReader, schema, sql};
use crate::online::{OnlineError, TableSpec};

/// What a table looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// column names in order
    pub columns: Vec<String>,
    /// lies in its primary key's own tree
    pub without_rowid: bool,
    /// keeps event and created times to the microsecond
    pub has_exact_columns: bool,
    /// has Feast's index on the entity key
    pub has_index: bool,
}

/// One way in which a table is not what it should be. `ensure` mends all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// a column of Feast's is missing
    MissingColumn(&'static str),
    /// Feast's searches need a `rowid`
    NeedsRowid,
    /// an index that the primary key makes redundant: Python's `apply` puts it back
    RedundantIndex,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingColumn(name) => write!(f, "column `{name}` is missing"),
            Self::NeedsRowid => f.write_str("the table has no `rowid`, which Feast's searches select"),
            Self::RedundantIndex => f.write_str("an index repeats the primary key"),
        }
    }
}

impl TableInfo {
    /// How the table differs from what it should be. A table that Python made is used as it is: its `rowid`, its index
    /// and our columns, which the first write adds, are no difference.
    #[must_use]
    pub fn drift(&self, spec: &TableSpec) -> Vec<Drift> {
        let mut found = Vec::new();
        let optional = if spec.value_num { &["value_num"][..] } else { &[] };
        for column in ["value_text"].iter().chain(optional) {
            if !self.columns.iter().any(|name| name == column) {
                found.push(Drift::MissingColumn(column));
            }
        }
        if self.without_rowid && spec.needs_rowid {
            found.push(Drift::NeedsRowid);
        } else if self.without_rowid && self.has_index {
            found.push(Drift::RedundantIndex);
        }
        found
    }
}

impl SqliteReader {
    /// The tables whose names begin with `prefix`, sorted; ours beside the values are none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tables(&self, prefix: &str) -> Result<Vec<String>, OnlineError> {
        let mut names: Vec<String> = self.db.all(sql::TABLES, [], "reading the tables of", |row| row.get(0))?;
        names.retain(|name| name.starts_with(prefix) && !sql::STATE_NAMES.contains(&name.as_str()));
        Ok(names)
    }

    /// What a table looks like; `None` where there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn table_info(&self, table: &str) -> Result<Option<TableInfo>, OnlineError> {
        let shape = schema::inspect(&self.db, table)?;
        Ok(shape.map(|shape| TableInfo {
            has_exact_columns: shape.is_exact(),
            without_rowid: shape.without_rowid,
            has_index: shape.has_index,
            columns: shape.columns,
        }))
    }

    /// How many values a table holds, of one feature or of all; 0 where there is no such table.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn count_values(&self, table: &str, feature: Option<&str>) -> Result<u64, OnlineError> {
        if schema::inspect(&self.db, table)?.is_none() {
            return Ok(0);
        }
        let doing = "counting values in";
        let count: Option<i64> = match feature {
            Some(feature) => self.db.one(&sql::count_feature_values(table), [feature], doing)?,
            None => self.db.one(&sql::count_values(table), [], doing)?,
        };
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }
}
