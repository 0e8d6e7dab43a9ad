//! A look into the two database files, as any other program has it.

use rusqlite::Connection;

use crate::harness::Repo;

impl Repo {
    pub fn online(&self) -> Connection {
        Connection::open(self.path("data/online_store.db")).unwrap()
    }

    pub fn registry(&self) -> Connection {
        Connection::open(self.path("data/registry.db")).unwrap()
    }

    /// The tables of the online store that belong to views of the sample project.
    pub fn online_tables(&self) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'driver_stats_%' ORDER BY name";
        let online = self.online();
        let mut statement = online.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    /// How many values one feature has in a view's table.
    pub fn stored(&self, view: &str, feature: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM \"driver_stats_{view}\" WHERE feature_name = ?1");
        self.online().query_row(&sql, [feature], |row| row.get(0)).unwrap()
    }

    /// `(value_text, event_ts)` of a feature of one driver.
    pub fn cell(&self, view: &str, feature: &str, driver: i64) -> Option<(Option<String>, i64)> {
        let sql = format!(
            "SELECT value_text, event_ts FROM \"driver_stats_{view}\" WHERE feature_name = ?1 AND entity_key = ?2"
        );
        let found = self.online().query_row(&sql, (feature, driver_key(driver)), |row| Ok((row.get(0)?, row.get(1)?)));
        match found {
            Ok(cell) => Some(cell),
            Err(rusqlite::Error::QueryReturnedNoRows) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Feast's bytes (version 3) of the key `driver_id = driver`.
pub fn driver_key(driver: i64) -> Vec<u8> {
    let mut key = Vec::new();
    // one key; then type STRING, length and name; then type INT64, length and value
    for number in [1_u32, 2, 9] {
        key.extend(number.to_le_bytes());
    }
    key.extend(b"driver_id");
    for number in [4_u32, 8] {
        key.extend(number.to_le_bytes());
    }
    key.extend(driver.to_le_bytes());
    key
}
