//! A process in which the n-th file operation fails, or at which it is killed: see `shim.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// What happens at the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// the disk is full
    NoSpace,
    /// the disk fails
    Io,
    /// the file system may only be read
    ReadOnly,
    /// somebody else has the lock
    Busy,
    /// killed before it
    Kill,
    /// killed in the middle of it
    Torn,
}

/// Which operations count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ops {
    /// what writes, names, removes or synchronizes
    Change,
    /// what reads
    Read,
    /// what asks for a lock
    Lock,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::NoSpace => "enospc",
            Self::Io => "eio",
            Self::ReadOnly => "erofs",
            Self::Busy => "busy",
            Self::Kill => "kill",
            Self::Torn => "torn",
        }
    }

    pub fn kills(self) -> bool {
        matches!(self, Self::Kill | Self::Torn)
    }
}

/// Compiles the library. A C compiler is there: SQLite is compiled with it.
static SHIM: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/shim.c");
    let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(command.status().unwrap().success(), "the library cannot be compiled");
    library
});

/// Arms a command: the `number`th of these operations on files below `root` goes wrong.
pub fn arm(command: &mut Command, root: &Path, ops: Ops, number: usize, fault: Fault) {
    let root = root.canonicalize().unwrap();
    let ops = match ops {
        Ops::Change => "change",
        Ops::Read => "read",
        Ops::Lock => "lock",
    };
    command.env("LD_PRELOAD", &*SHIM).env("FAULT_ROOT", root).env("FAULT_OPS", ops);
    command.env("FAULT_AT", number.to_string()).env("FAULT_KIND", fault.name());
}

/// Lets a command write the number of these operations to `file` at its end; nothing goes wrong.
pub fn count(command: &mut Command, root: &Path, ops: Ops, file: &Path) {
    arm(command, root, ops, 0, Fault::Io);
    command.env("FAULT_COUNT", file);
}
