//! The command-line face: one file a command.

mod apply;
mod args;
mod configuration;
mod defects;
mod demo;
mod doctor;
mod exit;
mod explain;
mod historical;
mod init;
mod inspect;
mod kinesis;
mod materialize;
mod online;
mod output;
mod progress;
mod push;
mod reference;
mod registry;
mod schema;
mod serve;
mod status;
mod stop;
mod stored;
mod stream_ingest;
mod stream_watch;
mod validate;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use args::{Cli, Command, Format};
use exit::Exit;
use output::{Output, Printer};

use crate::error::Error;
use crate::feature_store::{FeatureStore, Listing, Location};
use crate::model::Timestamp;
use crate::repo::{Env, Problem};

/// Runs one command line: results on stdout, talk on stderr.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(args) {
        Ok(cli) => defects::told(|| run_parsed(&cli, &environment)).into(),
        Err(error) => usage(&error),
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Help goes to stdout and is no failure; a wrong command line goes to stderr with status 2.
fn usage(error: &clap::Error) -> ExitCode {
    // nobody is left to be told that the terminal is gone
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

fn run_parsed(cli: &Cli, env: &'static Env<'static>) -> Exit {
    let printer = Printer::new(&cli.common, cli.verbose, env);
    let context = Context { cli, printer: &printer, env, now: now() };
    match context.run() {
        Ok(exit) => exit,
        Err(error) => {
            printer.error(&error);
            Exit::Failed(error.kind())
        }
    }
}

/// A path of the command line starts where the command runs, whatever repo `-c` names.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::io("find the current folder", error))
}

fn now() -> Timestamp {
    Timestamp::from_micros(Utc::now().timestamp_micros())
}

/// What every command is given.
struct Context<'a> {
    cli: &'a Cli,
    printer: &'a Printer,
    env: &'static Env<'static>,
    now: Timestamp,
}

impl Context<'_> {
    fn run(&self) -> Result<Exit, Error> {
        let is_online = matches!(self.cli.command, Command::GetOnlineFeatures(_));
        if self.cli.common.output == Format::Feast && !is_online {
            return Err(Error::invalid("`-o feast` is a form of get-online-features alone", "use `-o json`"));
        }
        if self.cli.common.output == Format::Csv && !self.cli.command.is_table() {
            return Err(Error::invalid(
                "the result of this command is no table, so it has no CSV form",
                "use `-o json`",
            ));
        }
        let output = match &self.cli.command {
            Command::Init(args) => init::run(args)?,
            Command::Demo(args) => return demo::run(self, args),
            Command::Validate(args) => validate::run(self, args)?,
            Command::Plan(args) => apply::plan(self, args)?,
            Command::Apply(args) => apply::apply(self, args)?,
            Command::Teardown(args) => apply::teardown(self, args)?,
            Command::Delete(args) => apply::delete(self, args)?,
            Command::Materialize(args) => materialize::between(self, args)?,
            Command::MaterializeIncremental(args) => materialize::incremental(self, args)?,
            Command::StreamIngest(args) => stream_ingest::run(self, args)?,
            Command::Push(args) => push::run(self, args)?,
            Command::GetOnlineFeatures(args) => online::run(self, args)?,
            Command::GetHistoricalFeatures(args) => historical::run(self, args)?,
            Command::Serve(args) => return serve::run(self, args),
            Command::Entities(which) => inspect::run(self, Listing::Entities, which)?,
            Command::DataSources(which) => inspect::run(self, Listing::DataSources, which)?,
            Command::FeatureViews(which) => inspect::run(self, Listing::FeatureViews, which)?,
            Command::StreamFeatureViews(which) => inspect::run(self, Listing::StreamFeatureViews, which)?,
            Command::OnDemandFeatureViews(which) => inspect::run(self, Listing::OnDemandFeatureViews, which)?,
            Command::FeatureServices(which) => inspect::run(self, Listing::FeatureServices, which)?,
            Command::Features(which) => inspect::run(self, Listing::Features, which)?,
            Command::Projects(which) => inspect::run(self, Listing::Projects, which)?,
            Command::Online(command) => stored::run(self, command)?,
            Command::Kinesis(command) => kinesis::run(self, command)?,
            Command::Status => status::status(self)?,
            Command::Runs(args) => status::runs(self, args)?,
            Command::RegistryDump => registry::dump(self)?,
            Command::Registry(command) => registry::run(self, command)?,
            Command::Doctor => doctor::run(self)?,
            Command::Configuration => configuration::run(self)?,
            Command::Schema { print } => schema::run(self, *print)?,
            Command::Explain { markdown: true, .. } => return self.reference(),
            Command::Explain { topic, .. } => explain::run(topic.as_deref())?,
            Command::Completions { shell } => return self.completions(*shell),
            Command::Version => version()?,
        };
        self.printer.result(&output)?;
        Ok(output.exit)
    }

    fn completions(&self, shell: Shell) -> Result<Exit, Error> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "feast-rs", &mut script);
        self.printer.text(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }

    fn reference(&self) -> Result<Exit, Error> {
        self.printer.text(&reference::page())?;
        Ok(Exit::Done)
    }

    /// Opens the repo that the options name.
    fn open(&self) -> Result<FeatureStore<'static>, Error> {
        FeatureStore::open(&self.location()?, self.env)
    }

    fn location(&self) -> Result<Location, Error> {
        let here = std::env::current_dir().map_err(|e| Error::io("find the current folder", e))?;
        let given = |option: &Option<PathBuf>, variable| {
            let from_env = || (self.env)(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
            option.clone().or_else(from_env)
        };
        let named = given(&self.cli.chdir, "FEATURE_REPO_DIR_ENV_VAR");
        let settings_file = given(&self.cli.feature_store_yaml, "FEAST_FS_YAML_FILE_PATH");
        Ok(Location {
            directory: named.as_ref().map_or_else(|| here.clone(), |folder| here.join(folder)),
            search_parents: named.is_none(),
            settings_file: settings_file.map(|file| here.join(file)),
        })
    }

    /// Says what is worth a word about the definitions.
    fn tell(&self, warnings: &[Problem], notices: &[String]) {
        for warning in warnings {
            self.printer.problem(warning);
        }
        for notice in notices {
            self.printer.debug(notice);
        }
    }

    /// Reads a time that a user wrote.
    fn time(&self, text: &str) -> Result<Timestamp, Error> {
        Timestamp::parse(text, self.now).map_err(|reason| Error::invalid(reason, "a time without a zone is UTC"))
    }
}

/// The Feast whose files we share.
const FEAST_VERSION: &str = "0.67";

fn version() -> Result<Output, Error> {
    let version = env!("CARGO_PKG_VERSION");
    let report = serde_json::json!({"feast_rs": version, "feast": FEAST_VERSION});
    Output::new(&report, format!("feast-rs {version} (files of Feast {FEAST_VERSION})"))
}
