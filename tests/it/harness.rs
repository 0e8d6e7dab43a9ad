//! A repo in a folder of its own, and the binary run in it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No command of a test takes longer, however busy the machine is.
const LIMIT: Duration = Duration::from_mins(2);

/// A folder with a repo, removed after the test.
pub struct Repo {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub command: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Repo {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// Writes a file, and the folders above it.
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(name, text);
        self
    }

    /// An environment variable of every command.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes or replaces a file of a repo in use.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces `from` by `to` in a file, which must hold it.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}:\n{text}");
        self.write(name, text.replace(from, to));
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The command, not yet started: in the repo, with nothing of the tester's environment.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_feast-rs"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("TZ", "UTC").env("TMPDIR", std::env::temp_dir());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Answer {
        self.run_with(arguments, b"")
    }

    /// Runs the binary to its end with something on its standard input.
    pub fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        let shown = shown(&command);
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            // a command that does not read its input may close it
            let _ = stdin.write_all(input);
        }
        let (code, stdout, stderr) = finish(child, &shown);
        Answer { command: shown, code, stdout, stderr }
    }

    /// Runs the binary to its end with a limit of memory, in kilobytes of addresses.
    pub fn run_within(&self, arguments: &[&str], kilobytes: u64) -> Answer {
        let limited = self.command(arguments);
        let shown = shown(&limited);
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")).arg(limited.get_program());
        command.args(limited.get_args()).current_dir(self.folder.path()).env_clear();
        command.envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (code, stdout, stderr) = finish(command.spawn().unwrap(), &shown);
        Answer { command: shown, code, stdout, stderr }
    }

    /// What a command that must succeed printed as JSON.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        self.run(arguments).ok().json()
    }
}

fn shown(command: &Command) -> String {
    let mut shown = "feast-rs".to_owned();
    for argument in command.get_args() {
        write!(shown, " {}", argument.to_string_lossy()).unwrap();
    }
    shown
}

/// Waits for a process, but not for ever: its code (-1 where it was killed) and what it printed.
pub fn finish(mut child: Child, shown: &str) -> (i32, String, String) {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("`{shown}` did not end in {LIMIT:?}\n{}\n{}", stdout.join().unwrap(), stderr.join().unwrap());
        }
        thread::sleep(Duration::from_millis(2));
    };
    (status.code().unwrap_or(-1), stdout.join().unwrap(), stderr.join().unwrap())
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    })
}

impl Answer {
    /// Everything it said, for messages of tests and for words that may be on either side.
    pub fn all(&self) -> String {
        format!("`{}` (exit {})\n--- stdout\n{}\n--- stderr\n{}", self.command, self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Ended with this code, and without a panic.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked at"), "panicked: {}", self.all());
        assert_eq!(self.code, code, "expected exit {code}: {}", self.all());
        self
    }

    /// Each of the words is in what it printed.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let missing: Vec<_> =
            words.iter().filter(|word| !self.stdout.contains(**word) && !self.stderr.contains(**word)).collect();
        assert!(missing.is_empty(), "expected {missing:?}: {}", self.all());
        self
    }

    /// None of the words is in what it printed.
    #[track_caller]
    pub fn keeps_quiet_about(self, words: &[&str]) -> Self {
        let found: Vec<_> =
            words.iter().filter(|word| self.stdout.contains(**word) || self.stderr.contains(**word)).collect();
        assert!(found.is_empty(), "did not expect {found:?}: {}", self.all());
        self
    }

    /// Its stdout, which must be one JSON value and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.all()))
    }
}
