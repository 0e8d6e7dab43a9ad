//! What a user may type. Feast's names, flags and environment variables are accepted as they are.

#![allow(clippy::doc_markdown, reason = "these comments are the help that a terminal shows")]

mod operate;
mod push;
mod serve;
mod stream;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

pub use operate::{ExpireArgs, OnlineCommand, RunsArgs};
pub use push::{FormatArg, PushArgs, ToArg};
pub use stream::{CheckpointsCommand, DestinationArg, KinesisCommand, OnGapArg, PlaceArg, ResetArg, StreamIngestArgs};

use crate::model::{Span, Timestamp};

pub use serve::{ServeArgs, ServerType};

/// A feature store in one binary, on Feast's own files.
#[derive(Debug, Parser)]
#[command(name = "feast-rs", version, about, max_term_width = 100)]
pub struct Cli {
    /// Folder of the repo; other paths of the command line start where it runs [env: FEATURE_REPO_DIR_ENV_VAR] [default: the
    /// nearest parent with a feature_store.yaml]
    #[arg(short, long, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// Settings file, instead of feature_store.yaml in the repo [env: FEAST_FS_YAML_FILE_PATH]
    #[arg(short = 'f', long, value_name = "FILE")]
    pub feature_store_yaml: Option<PathBuf>,
    /// Say more (-v), or everything (-vv)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Everything that works before and after a command
    #[command(flatten)]
    pub common: Common,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Options that work before and after a command.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Form of the result
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Nothing but the result and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Least important message that is shown
    #[arg(long, global = true, value_enum, ignore_case = true, default_value_t = LogLevel::Info, value_name = "LEVEL")]
    pub log_level: LogLevel,
    /// Form of messages on stderr
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// No progress bars (also by the environment variable FEAST_NO_PROGRESS)
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// Form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// for people
    Table,
    /// one JSON document
    Json,
    /// one JSON document a line
    Ndjson,
    /// YAML
    Yaml,
    /// comma-separated, with a header
    Csv,
    /// what Feast's own command prints (get-online-features)
    Feast,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// on a terminal, unless NO_COLOR is set
    Auto,
    /// always
    Always,
    /// never
    Never,
}

/// Importance of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    /// everything
    Debug,
    /// progress and notices
    Info,
    /// what may be wrong
    Warning,
    /// what is wrong
    Error,
}

/// Form of messages on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// lines for people
    Text,
    /// one JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new repo: definitions, sample data, next steps
    Init(InitArgs),
    /// The whole tour in a temporary folder, each command with its output
    Demo(DemoArgs),
    /// Read and check every definition; write nothing
    Validate(ValidateArgs),
    /// Show what `apply` would do
    Plan(PlanArgs),
    /// Register the definitions and make the online tables
    Apply(ApplyArgs),
    /// Remove the project: its tables and its registry entries
    Teardown(ConsentArgs),
    /// Remove one object from the registry
    Delete(DeleteArgs),
    /// Fill the online store from parquet, between two times
    Materialize(MaterializeArgs),
    /// Fill the online store from where the last run ended
    MaterializeIncremental(IncrementalArgs),
    /// Keep the online store up to date with Kinesis streams, until it is stopped
    StreamIngest(StreamIngestArgs),
    /// Write records into the views of a push source, or into one view
    Push(PushArgs),
    /// Read the newest values of features
    GetOnlineFeatures(OnlineArgs),
    /// Join features to a table of entities and instants, as they were known then
    GetHistoricalFeatures(HistoricalArgs),
    /// Serve features over HTTP, as Feast's feature server does
    Serve(ServeArgs),
    /// Entities
    #[command(subcommand)]
    Entities(Inspect),
    /// Data sources
    #[command(subcommand)]
    DataSources(Inspect),
    /// Feature views of every kind
    #[command(subcommand)]
    FeatureViews(Inspect),
    /// Stream feature views
    #[command(subcommand)]
    StreamFeatureViews(Inspect),
    /// On-demand feature views
    #[command(subcommand)]
    OnDemandFeatureViews(Inspect),
    /// Feature services
    #[command(subcommand)]
    FeatureServices(Inspect),
    /// Features, with the view that each belongs to
    #[command(subcommand)]
    Features(Inspect),
    /// Projects
    #[command(subcommand)]
    Projects(Inspect),
    /// What is stored: for an entity, in all, against the batch source, past its time
    #[command(subcommand)]
    Online(OnlineCommand),
    /// Kinesis: shards, and where the views stand in them
    #[command(subcommand)]
    Kinesis(KinesisCommand),
    /// How full and how fresh each view is
    Status,
    /// What was written, by which command, when and with what outcome
    Runs(RunsArgs),
    /// The whole registry as JSON
    RegistryDump,
    /// Registry files: import, export, check
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Look for what is wrong with registry, store, definitions and streams: ok, warn or FAIL, each with its cure
    Doctor,
    /// The settings that hold, and where each comes from; secrets are masked
    Configuration,
    /// Write the JSON Schema that editors check definitions with to .feast-rs/schema.json
    Schema {
        /// Print it instead
        #[arg(long)]
        print: bool,
    },
    /// What an error code or a YAML key means
    Explain {
        /// A code (E0203), a key (ttl, x-kinesis.late) or a kind of object (feature_views); without it, all codes
        topic: Option<String>,
        /// The reference of all keys and codes as a Markdown page
        #[arg(long, conflicts_with = "topic")]
        markdown: bool,
    },
    /// A completion script for your shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The version of feast-rs, and of the Feast whose files it shares
    Version,
}

impl Command {
    /// Whether the result is a table, which has a CSV form.
    pub fn is_table(&self) -> bool {
        match self {
            Self::GetOnlineFeatures(_)
            | Self::GetHistoricalFeatures(_)
            | Self::Doctor
            | Self::Runs(_)
            | Self::Configuration
            | Self::Explain { topic: None, markdown: false } => true,
            Self::Online(command) => matches!(command, OnlineCommand::Count { .. } | OnlineCommand::Expire(_)),
            Self::Kinesis(command) => {
                matches!(command, KinesisCommand::Checkpoints(CheckpointsCommand::List { .. }))
            }
            Self::Registry(command) => matches!(command, RegistryCommand::Check),
            Self::Entities(what)
            | Self::DataSources(what)
            | Self::FeatureViews(what)
            | Self::StreamFeatureViews(what)
            | Self::OnDemandFeatureViews(what)
            | Self::FeatureServices(what)
            | Self::Features(what)
            | Self::Projects(what) => matches!(what, Inspect::List { .. }),
            _ => false,
        }
    }
}

/// `init`
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Folder to make; its name becomes the name of the project
    #[arg(value_name = "DIR", default_value = "feature_repo")]
    pub directory: PathBuf,
    /// What the repo shows
    #[arg(short, long, value_enum, default_value_t = TemplateName::Local)]
    pub template: TemplateName,
    /// The same as `--template minimal`
    #[arg(short, long, conflicts_with = "template")]
    pub minimal: bool,
}

/// The templates of `init`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TemplateName {
    /// parquet, push and a Kinesis stream
    Local,
    /// a Kinesis stream
    Kinesis,
    /// settings and nothing else
    Minimal,
}

/// `demo`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Keep the demo's repo in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `validate`
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Do not open the files that the definitions name
    #[arg(long)]
    pub skip_source_validation: bool,
}

/// `plan`
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// Exit with 2 where there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scope: PlanScope,
}

/// What `plan` and `apply` consider.
#[derive(Args, Debug)]
pub struct PlanScope {
    /// Do not open the files that the definitions name
    #[arg(long)]
    pub skip_source_validation: bool,
    /// Keep the stored values of features that were removed or retyped
    #[arg(long)]
    pub keep_orphans: bool,
    /// Which objects that the definitions do not name are removed
    #[arg(long, value_enum, default_value_t = PruneArg::Own, value_name = "WHICH")]
    pub prune: PruneArg,
    /// Accepted for Feast's sake
    #[arg(long, hide = true)]
    pub skip_feature_view_validation: bool,
}

/// Which objects that the definitions do not name are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PruneArg {
    /// those that feast-rs applied
    Own,
    /// also those that Python applied
    All,
    /// none
    None,
}

/// `apply`
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// Do not ask, at a terminal, before stored values are deleted
    #[arg(short, long)]
    pub yes: bool,
    /// Allow the deletion of stored values where nobody can be asked
    #[arg(long)]
    pub allow_destroy: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scope: PlanScope,
}

/// Commands that remove things.
#[derive(Args, Debug)]
pub struct ConsentArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `delete`
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// What it is
    #[arg(value_enum, value_name = "KIND")]
    pub kind: KindArg,
    /// Its name
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub consent: ConsentArgs,
}

/// Kinds of objects that can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum KindArg {
    Entity,
    DataSource,
    FeatureView,
    StreamFeatureView,
    OnDemandFeatureView,
    FeatureService,
}

/// What `materialize` and `materialize-incremental` share.
#[derive(Args, Debug)]
pub struct MaterializeScope {
    /// Only this view (may be given several times)
    #[arg(short, long = "views", value_name = "VIEW")]
    pub views: Vec<String>,
    /// Let rows of the source replace newer stored values
    #[arg(long)]
    pub overwrite: bool,
    /// Whether a value may lose something to fit its declared type
    #[arg(long, value_enum, default_value_t = CastArg::Lossless, value_name = "HOW")]
    pub cast: CastArg,
    /// Read and count, but write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Allow an end in the future
    #[arg(long)]
    pub allow_future: bool,
}

/// Whether a value may lose something to fit its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CastArg {
    /// a value that does not fit is refused
    Lossless,
    /// as Feast: truncated, rounded or printed
    Lossy,
}

/// `materialize`
#[derive(Args, Debug)]
pub struct MaterializeArgs {
    /// First event time: 2026-11-22T20:00:00Z, 2026-11-22 or 7d-ago
    #[arg(required_unless_present = "disable_event_timestamp", conflicts_with = "disable_event_timestamp", value_parser = time)]
    pub start: Option<String>,
    /// Last event time, included
    #[arg(required_unless_present = "disable_event_timestamp", conflicts_with = "disable_event_timestamp", value_parser = time)]
    pub end: Option<String>,
    /// All rows, whatever their time
    #[arg(long)]
    pub disable_event_timestamp: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scope: MaterializeScope,
}

/// `materialize-incremental`
#[derive(Args, Debug)]
pub struct IncrementalArgs {
    /// Last event time, included
    #[arg(default_value = "now", value_parser = time)]
    pub end: String,
    /// Begin that much earlier than the last run ended, for rows that arrive late
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = Span::parse)]
    pub lookback: Span,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scope: MaterializeScope,
}

/// `get-online-features`
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("wanted").args(["features", "service"]).required(true)))]
pub struct OnlineArgs {
    /// Join key and value: driver_id=1001 (may be given several times)
    #[arg(short, long = "entities", value_name = "KEY=VALUE", value_parser = key_value)]
    pub entities: Vec<(String, String)>,
    /// Feature: driver_hourly_stats:conv_rate (may be given several times)
    #[arg(short, long = "features", value_name = "VIEW:FEATURE")]
    pub features: Vec<String>,
    /// All features of a feature service
    #[arg(short, long, value_name = "NAME")]
    pub service: Option<String>,
    /// Name each feature view__feature
    #[arg(long)]
    pub full_feature_names: bool,
}

/// `get-historical-features`
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("wanted").args(["features", "service"]).required(true)))]
pub struct HistoricalArgs {
    /// The rows to answer: a parquet, CSV or JSON file, or a JSON array of objects, with the join keys and
    /// event_timestamp
    #[arg(short = 'd', long, visible_alias = "dataframe", value_name = "FILE|JSON")]
    pub entity_df: String,
    /// Feature: driver_hourly_stats:conv_rate (may be given several times)
    #[arg(short, long = "features", value_name = "VIEW:FEATURE")]
    pub features: Vec<String>,
    /// All features of a feature service
    #[arg(short, long, value_name = "NAME")]
    pub service: Option<String>,
    /// Name each feature view__feature
    #[arg(long)]
    pub full_feature_names: bool,
    /// Write the answer to this parquet or CSV file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A time that can be read; which instant it is depends on the clock, and is found later.
fn time(text: &str) -> Result<String, String> {
    Timestamp::parse(text, Timestamp::EPOCH).map(|_| text.to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE, for example driver_id=1001".to_owned()),
    }
}

/// `list` and `describe`
#[derive(Debug, Subcommand)]
pub enum Inspect {
    /// A line for each
    List {
        /// Only those with this tag (may be given several times)
        #[arg(long, value_name = "KEY:VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// Everything about one
    Describe {
        /// Its name
        name: String,
    },
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY:VALUE, for example team:fleet".to_owned()),
    }
}

/// `registry ...`
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Copy a file registry of Feast into the SQL registry of this repo
    Import {
        /// The file (`data/registry.db` of Feast's default)
        file: PathBuf,
    },
    /// Write the registry as definitions that apply to the same objects
    Export {
        /// Language of the definitions
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
    },
    /// Look for damage and for what would break Python Feast
    Check,
}

/// Languages of exported definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// for feast-rs
    Yaml,
    /// for Feast
    Python,
}
