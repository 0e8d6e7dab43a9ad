//! Commands of whoever operates a store.

use clap::{Args, Subcommand};

use super::{key_value, time};

/// `online ...`
#[derive(Debug, Subcommand)]
pub enum OnlineCommand {
    /// What is stored for an entity: values, exact times, who wrote them
    Get {
        /// The view
        view: String,
        /// Join key and value: driver_id=1001 (may be given several times)
        #[arg(short, long = "entities", value_name = "KEY=VALUE", value_parser = key_value)]
        entities: Vec<(String, String)>,
    },
    /// How many entities and values are stored, by view and by feature
    Count {
        /// Only this view
        view: Option<String>,
    },
    /// Read the batch source again and compare it with what is stored; exits with 1 where they differ
    Diff {
        /// The view
        view: String,
        /// First event time to compare [default: of the first materialization]
        #[arg(long, value_name = "TIME", value_parser = time, requires = "end")]
        start: Option<String>,
        /// Last event time to compare, included [default: of the last materialization]
        #[arg(long, value_name = "TIME", value_parser = time, requires = "start")]
        end: Option<String>,
    },
    /// Delete values that are older than their view's ttl
    Expire(ExpireArgs),
}

/// `online expire`
#[derive(Args, Debug)]
pub struct ExpireArgs {
    /// Only this view
    pub view: Option<String>,
    /// Values further in the future than feast_rs.max_future instead: no real value can replace them
    #[arg(long)]
    pub future: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `runs`
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Only of this view
    pub view: Option<String>,
    /// How many, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}
