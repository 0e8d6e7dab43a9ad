//! The binary: parses, runs, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    feast_rs::cli::run(std::env::args_os())
}
