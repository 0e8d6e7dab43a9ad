//! The simulator as a program, for tests that are no Rust: `kinesis-simulator [--port PORT] [--scale FACTOR]` prints its address
//! on the first line and serves until it is stopped or its standard input ends.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program of the tests")]

#[path = "mod.rs"]
mod simulator;

use std::io::Read;

use simulator::clock::Pace;
use simulator::{Options, Simulator};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut port, mut options) = ("0".to_owned(), Options::default());
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--port" => port = value,
            "--scale" => options.pace = Pace::Scaled(value.parse().unwrap()),
            other => panic!("unknown argument {other}"),
        }
    }
    let simulator = Simulator::start_at(options, &format!("127.0.0.1:{port}"));
    println!("{}", simulator.url());
    let mut rest = Vec::new();
    // whoever started it holds the other end, and it ends with that program however that ends
    let _ = std::io::stdin().read_to_end(&mut rest);
}
