//! `serve`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `serve`
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Address to listen on; any other than loopback needs a token
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 6566)]
    pub port: u16,
    /// File with the token that every request must bring (`Authorization: Bearer ..`)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Let everybody who reaches the address in, without a token
    #[arg(long)]
    pub insecure: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub feast: FeastServeArgs,
}

/// Options of `feast serve`: what they ask for is there without them, or is refused.
#[derive(Args, Debug)]
pub struct FeastServeArgs {
    /// Kind of server
    #[arg(short = 't', long = "type", value_enum, default_value_t = ServerType::Http, hide = true)]
    pub server_type: ServerType,
    /// Requests are not logged anyway
    #[arg(long, hide = true)]
    pub no_access_log: bool,
    /// One process serves all processors
    #[arg(short, long, hide = true)]
    pub workers: Option<i32>,
    /// Connections are bounded
    #[arg(long, hide = true)]
    pub worker_connections: Option<u32>,
    /// The process does not have to be renewed
    #[arg(long, hide = true)]
    pub max_requests: Option<u32>,
    /// The process does not have to be renewed
    #[arg(long, hide = true)]
    pub max_requests_jitter: Option<u32>,
    /// Connections are kept for 30 s
    #[arg(long, hide = true)]
    pub keep_alive_timeout: Option<u32>,
    /// Changes of the registry are noticed within a second
    #[arg(short = 'r', long = "registry_ttl_sec", hide = true)]
    pub registry_ttl_sec: Option<u32>,
    /// `/metrics` is always there
    #[arg(short, long, hide = true)]
    pub metrics: bool,
    /// TLS is a proxy's task
    #[arg(short, long, hide = true)]
    pub key: Option<PathBuf>,
    /// TLS is a proxy's task
    #[arg(long, hide = true)]
    pub cert: Option<PathBuf>,
}

/// Kinds of servers that Feast has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServerType {
    /// JSON over HTTP
    Http,
    /// protocol buffers over HTTP 2
    Grpc,
}
