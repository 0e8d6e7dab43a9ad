//! `demo`: the whole tour in a temporary folder, each command as a user would type it, with what it prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Context;
use super::args::DemoArgs;
use super::exit::Exit;
use super::output::{BOLD, paint};
use crate::error::Error;

/// The folder that `init` makes in the demo.
const REPO: &str = "drivers";

/// What is shown: a line of explanation, and the command.
const TOUR: &[(&str, &str)] = &[
    ("Definitions are YAML, data is parquet: a new repo has both.", "init drivers"),
    ("A plan says what would be registered, and changes nothing.", "plan"),
    ("Applying registers it in SQLite tables that Python Feast opens too.", "apply"),
    (
        "Materializing fills the online store with the newest row of each driver.",
        "materialize 2026-11-01 2026-11-22T23:59:59",
    ),
    (
        "The newest values, for two drivers.",
        "get-online-features -e driver_id=1001 -e driver_id=1002 -f driver_hourly_stats:conv_rate -f driver_hourly_stats:avg_daily_trips",
    ),
    (
        "A program pushes what it knows: newer than the history, so it replaces it.",
        r#"push driver_hourly_stats '[{"driver_id":1001,"event_timestamp":"2026-11-23T08:00:00Z","conv_rate":0.75,"acc_rate":0.9,"avg_daily_trips":12}]'"#,
    ),
    (
        "And is read at once.",
        "get-online-features -e driver_id=1001 -f driver_hourly_stats:conv_rate -f driver_hourly_stats:avg_daily_trips",
    ),
    (
        "A stream view over Kinesis, filled from its history by the expressions that will be applied to its records.",
        "get-online-features -e driver_id=1001 -f driver_hourly_stats_stream:conv_percentage",
    ),
    (
        "The same view kept up to date by its stream; here a file of records poses as the stream, so nothing of AWS is needed.",
        "stream-ingest --input data/drivers.ndjson",
    ),
    (
        "Of each driver the newest event is there, whatever the order in which they came.",
        "get-online-features -e driver_id=1001 -e driver_id=1002 -f driver_hourly_stats_stream:conv_percentage",
    ),
    ("The same as a program would want it.", "get-online-features -e driver_id=1001 -s driver_activity -o json"),
    (
        "Training data: what was known at an instant of the past.",
        r#"get-historical-features --entity-df '[{"driver_id":1001,"event_timestamp":"2026-11-21T12:00:00Z"}]' -f driver_hourly_stats:conv_rate"#,
    ),
    ("What is registered.", "feature-views list"),
];

pub fn run(context: &Context, args: &DemoArgs) -> Result<Exit, Error> {
    let folder = Folder::make(args.keep.as_deref(), std::process::id())?;
    for (index, (why, command)) in TOUR.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        context.printer.text(&format!("{gap}# {why}\n{}", prompt(command, context.printer.colour())))?;
        run_command(&folder.path, command)?;
        if command.starts_with("init") {
            context.printer.text(&format!("\n{}", paint(&format!("$ cd {REPO}"), BOLD, context.printer.colour())))?;
        }
    }
    context.printer.text(&folder.farewell())?;
    Ok(Exit::Done)
}

fn prompt(command: &str, colour: bool) -> String {
    paint(&format!("$ feast-rs {command}"), BOLD, colour)
}

/// Runs one command of the tour, in the folder that the user of the tour would be in.
fn run_command(folder: &Path, command: &str) -> Result<(), Error> {
    let failed = |error| Error::io(format!("run `feast-rs {command}`"), error);
    let place = if command.starts_with("init") { folder.to_owned() } else { folder.join(REPO) };
    // no word of the tour has a space in it, so that quotes, which a shell needs, only stand around whole words
    let words = command.split_whitespace().map(|word| word.trim_matches('\''));
    let mut program = Command::new(std::env::current_exe().map_err(failed)?);
    // a repo that the environment names is another one
    program.current_dir(&place).args(["-c", ".", "--no-progress"]).args(words);
    let status = program.status().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::internal(format!("run `feast-rs {command}`"), status.to_string()))
}

/// The folder of the tour; removed at its end unless the user keeps it.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    fn make(keep: Option<&Path>, process: u32) -> Result<Self, Error> {
        let path =
            keep.map_or_else(|| std::env::temp_dir().join(format!("feast-rs-demo-{process}")), Path::to_path_buf);
        let made = std::fs::create_dir_all(&path);
        made.map_err(|e| Error::io(format!("make the folder `{}`", path.display()), e))?;
        Ok(Self { path, kept: keep.is_some() })
    }

    fn farewell(&self) -> String {
        if self.kept {
            format!("\nThe repo is in {}.", self.path.join(REPO).display())
        } else {
            "\nThat was the tour. `feast-rs demo --keep DIR` leaves the repo for you to play with.".to_owned()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // a leftover in the system's temporary folder harms nobody
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
