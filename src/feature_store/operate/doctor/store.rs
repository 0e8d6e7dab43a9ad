//! The online store: the file, its tables, the times in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::error::Error;
use crate::feature_store::operate::ViewTable;
use crate::feature_store::{FeatureStore, Observer};
use crate::model::{FeatureView, JournalMode, Span, Timestamp};
use crate::online::SqliteReader;
use crate::registry::Snapshot;

const CHECK: &str = "online store";

/// SQLite empties its log at 16 MiB unless a reader keeps it from doing so.
const LARGE_LOG: u64 = 256 << 20;

/// Half of the 24 hours that Kinesis keeps records by default, in seconds.
const HALF_RETENTION: f64 = 12.0 * 3_600.0;

impl FeatureStore<'_> {
    pub(super) fn examine_store(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        observer: &dyn Observer,
        findings: &mut Findings,
    ) {
        let settings = match self.online_settings() {
            Ok(settings) => settings,
            Err(error) => return findings.error(CHECK, &error),
        };
        if !snapshot.pending.is_empty() {
            let number = snapshot.pending.len();
            findings.fail(CHECK, format!("an interrupted command left {number} steps to be done"), "`feast-rs apply`");
        }
        if !settings.path.exists() {
            return match snapshot.definitions.feature_views.as_slice() {
                [] => {}
                _ => findings.fail(CHECK, format!("there is no `{}`", self.online_store_name()), "`feast-rs apply`"),
            };
        }
        self.examine_access(&settings.path, findings);
        let reader = match SqliteReader::open(&settings.path) {
            Ok(reader) => reader,
            Err(error) => return findings.error(CHECK, &error.into()),
        };
        if let Err(error) = self.examine_file(&reader, &settings.path, findings) {
            return findings.error(CHECK, &error);
        }
        match self.view_tables(snapshot, None) {
            Ok(tables) => {
                for table in tables {
                    if let Err(error) = self.examine_view(snapshot, &table, &reader, now, observer, findings) {
                        findings.error(&format!("view {}", table.view.name), &error);
                    }
                }
            }
            Err(error) => findings.error(CHECK, &error),
        }
    }

    /// SQLite needs to write beside the file as well: its log, our locks.
    fn examine_access(&self, path: &Path, findings: &mut Findings) {
        let name = self.online_store_name();
        if let Err(error) = fs::File::options().write(true).open(path) {
            findings.fail(CHECK, format!("`{name}` cannot be written: {error}"), format!("chmod u+w {name}"));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let probe = folder.join(format!(".feast-rs-doctor-{}", std::process::id()));
        match fs::File::create_new(&probe) {
            // what was made is removed; a leftover would be an empty file
            Ok(_) => drop(fs::remove_file(&probe)),
            Err(error) => findings.fail(
                CHECK,
                format!("no file can be made beside `{name}`, as SQLite and the locks need it: {error}"),
                format!("chmod u+wx {}", folder.display()),
            ),
        }
    }

    fn examine_file(&self, reader: &SqliteReader, path: &Path, findings: &mut Findings) -> Result<(), Error> {
        let damage = reader.damage()?;
        if !damage.is_empty() {
            findings.fail(
                CHECK,
                format!("the file is damaged: {}", damage.join("; ")),
                "move it away, then `feast-rs apply` and `feast-rs materialize --disable-event-timestamp`",
            );
            return Ok(());
        }
        let wanted = match self.settings.feast_rs.journal_mode {
            JournalMode::Wal => "wal",
            JournalMode::Delete => "delete",
        };
        let found = reader.journal_mode()?;
        if found != wanted {
            findings.warn(
                CHECK,
                format!("its journal mode is `{found}`, not `{wanted}`: readers and writers wait for each other"),
                "the next writing command changes it; on a network disk set `feast_rs.journal_mode: delete`",
            );
        }
        let log = log_size(path);
        if log > LARGE_LOG {
            findings.warn(
                CHECK,
                format!(
                    "SQLite's log has {} MB: a process that reads without an end keeps it from being emptied",
                    log >> 20
                ),
                "find it with `fuser`, stop it, and run a writing command",
            );
        }
        if found == wanted && log <= LARGE_LOG {
            findings.ok(CHECK, format!("`{}` is sound, journal mode {found}", self.online_store_name()));
        }
        Ok(())
    }

    fn examine_view(
        &self,
        snapshot: &Snapshot,
        ViewTable { view, table }: &ViewTable<'_>,
        reader: &SqliteReader,
        now: Timestamp,
        observer: &dyn Observer,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let check = format!("view {}", view.name);
        if snapshot.pending.iter().any(|pending| pending.step.table() == table) {
            return Ok(());
        }
        let Some(info) = reader.table_info(table)? else {
            if !findings.0.iter().any(|found| found.check == check) {
                findings.fail(&check, format!("table {table} is missing"), "`feast-rs apply`");
            }
            return Ok(());
        };
        let before = findings.0.len();
        for drift in info.drift(&self.table_spec(table, view)?) {
            if !findings.0.iter().any(|found| found.check == check) {
                findings.warn(&check, format!("table {table}: {drift}"), "`feast-rs apply`");
            }
        }
        let future = reader.count_events(table, self.too_late(now))?;
        if future > 0 {
            findings.fail(
                &check,
                format!(
                    "{future} values lie more than {} in the future: no real value replaces them until then",
                    self.settings.feast_rs.max_future
                ),
                format!("`feast-rs online expire --future {}`", view.name),
            );
        }
        if let Some(shift) = self.shift(snapshot, view, table, reader, now, observer)? {
            findings.fail(
                &check,
                format!("Python stored event times that are {shift} off: it ran in another time zone than UTC"),
                format!("`feast-rs materialize --disable-event-timestamp --overwrite -v {}`", view.name),
            );
        }
        self.examine_streams(view, table, reader, now, findings)?;
        let newest = reader.feature_counts(table)?.iter().filter_map(|feature| feature.newest).max();
        let ttl = view.ttl.filter(|ttl| *ttl > Span::ZERO);
        match (newest, ttl) {
            (Some(newest), Some(ttl)) if newest < now.saturating_sub(ttl) => findings.warn(
                &check,
                format!("even its newest value, of {newest}, is older than its ttl of {ttl}: nothing is served"),
                format!("`feast-rs materialize-incremental -v {}`", view.name),
            ),
            (None, _) => findings.warn(
                &check,
                "nothing is stored",
                format!("`feast-rs materialize-incremental -v {}`", view.name),
            ),
            _ if findings.0.len() == before => findings.ok(&check, "table and times are as they should be"),
            _ => {}
        }
        Ok(())
    }
}

impl FeatureStore<'_> {
    /// A position that nobody moves dies when its records leave the stream.
    fn examine_streams(
        &self,
        view: &FeatureView,
        table: &str,
        reader: &SqliteReader,
        now: Timestamp,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let check = format!("view {}", view.name);
        for shard in self.streams(view, table, reader, now)? {
            let at = format!("its position in {} of {}", shard.shard, shard.stream);
            if shard.refused {
                findings.fail(
                    &check,
                    format!("{at} is older than its table, which was made anew: `stream-ingest` refuses it"),
                    format!("`feast-rs kinesis checkpoints reset {} --to trim-horizon`", view.name),
                );
            } else if let Some(silent) = shard.silent_seconds.filter(|silent| *silent > HALF_RETENTION && !shard.ended)
            {
                findings.warn(
                    &check,
                    format!(
                        "{at} has not moved for {:.0} h; Kinesis keeps records for 24 h unless the stream's retention was raised",
                        silent / 3_600.0
                    ),
                    format!("`feast-rs stream-ingest {}`", view.name),
                );
            }
        }
        Ok(())
    }
}

/// The size of SQLite's log in bytes.
fn log_size(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    fs::metadata(PathBuf::from(name)).map_or(0, |log| log.len())
}
