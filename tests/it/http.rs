//! A server under test, and the few words of HTTP that it takes to talk to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::harness::Repo;

/// Nothing that a test waits for takes longer, however busy the machine is.
const LIMIT: Duration = Duration::from_mins(1);

/// `serve`, running; ended with the test.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    talk: Option<thread::JoinHandle<String>>,
}

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Server {
    /// Starts `serve` on a free port and waits until it listens.
    pub fn start(repo: &Repo, options: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--port", "0"];
        arguments.extend(options);
        let mut child = repo.command(arguments).spawn().unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert!(talk.read_line(&mut said).unwrap() > 0, "it does not serve: {said}");
            if let Some((_, rest)) = said[from..].split_once("serving on http://") {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        let talk = thread::spawn(move || {
            talk.read_to_string(&mut said).unwrap();
            said
        });
        Self { child, address, talk: Some(talk) }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        head += &format!("content-length: {}\r\n", body.len());
        for header in headers {
            head += &format!("{header}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // a server that refuses a body does not read it
        let _ = stream.write_all(body);
        Reply::read(stream)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Json) -> Reply {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    /// Most memory that the process has had, in megabytes.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process: its exit code, and all that it said.
    pub fn wait(mut self) -> (i32, String) {
        let mut code = None;
        eventually("the server ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let said = self.talk.take().unwrap().join().unwrap();
        (code.unwrap().code().unwrap_or(-1), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reply {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut all = Vec::new();
        // what a closed connection still held counts
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&all)));
        let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: all[end + 4..].to_vec() }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The object inside the text that a failure is.
    #[track_caller]
    pub fn failure(&self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_str(self.json().as_str().unwrap()).unwrap()
    }
}

/// Waits until something holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "not in {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
