//! `push`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CastArg;

/// `push`
#[derive(Args, Debug)]
pub struct PushArgs {
    /// A push source, or a feature view
    #[arg(value_name = "SOURCE|VIEW")]
    pub target: String,
    /// A file, `-` for standard input, or the records themselves as JSON [default: -]
    #[arg(value_name = "FILE|-|JSON", default_value = "-", hide_default_value = true)]
    pub input: String,
    /// Where the rows go
    #[arg(long, value_enum, default_value_t = ToArg::Online, value_name = "WHERE")]
    pub to: ToArg,
    /// How the records are written
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    pub format: FormatArg,
    /// Keep refused records in this file
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,
    /// The records hold features as they are stored, not the inputs of the view's transformation
    #[arg(long)]
    pub transformed: bool,
    /// Let what is pushed replace newer stored values
    #[arg(long)]
    pub overwrite: bool,
    /// Whether a value may lose something to fit its declared type
    #[arg(long, value_enum, default_value_t = CastArg::Lossless, value_name = "HOW")]
    pub cast: CastArg,
    /// Refuse records with a key that no view knows
    #[arg(long)]
    pub strict: bool,
    /// Refuse records that lack a feature, instead of keeping what is stored
    #[arg(long)]
    pub require_all: bool,
    /// Read, check and count, but write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Name of this push: pushing again under the same name within 7 days stores nothing twice
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// Where pushed rows go; Feast's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ToArg {
    /// the online store
    Online,
    /// the historical log
    Offline,
    /// both
    #[value(name = "online_and_offline", alias = "online-and-offline")]
    OnlineAndOffline,
}

/// How pushed records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// as the file's name or the beginning of the text says
    Auto,
    /// an array of objects, objects in a row, or Feast's object of columns
    Json,
    /// an object a line
    Ndjson,
    /// comma-separated, with a header
    Csv,
    /// a parquet file
    Parquet,
    /// a file that --dead-letter wrote
    DeadLetter,
}
