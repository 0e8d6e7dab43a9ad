//! How the process ends: the exit status tells the truth.

use std::process::ExitCode;

use crate::error::Kind;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// everything was done
    Done,
    /// `plan --detailed-exitcode` found something to do
    Changes,
    /// part was done: a view failed, or rows were refused
    Partial,
    /// findings that need attention
    Findings,
    /// nothing was done, for this kind of reason
    Failed(Kind),
}

impl Exit {
    /// The status that the shell sees.
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 2,
            Self::Partial => 3,
            Self::Findings => 1,
            Self::Failed(kind) => kind.exit_status(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}
