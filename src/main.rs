//! The binary: parses, runs, exits.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    feast_rs::cli::run(std::env::args_os())
}
