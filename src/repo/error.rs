//! What can go wrong while a repo is read.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::problem::Problem;

/// A repo that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// there is no `feature_store.yaml`
    #[error("there is no `{}`", path.display())]
    NoSettings {
        /// where it was looked for
        path: PathBuf,
    },
    /// a file or folder cannot be read
    #[error("cannot read `{}`", path.display())]
    Read {
        /// which one
        path: PathBuf,
        /// what the system said
        #[source]
        source: io::Error,
    },
    /// a file of a new repo cannot be written
    #[error("cannot write `{}`", path.display())]
    Write {
        /// which one
        path: PathBuf,
        /// what the system said
        #[source]
        source: io::Error,
    },
    /// a new repo would replace a file
    #[error("`{}` exists already", path.display())]
    Exists {
        /// which one
        path: PathBuf,
    },
    /// a new repo was given a name that no project can have
    #[error("`{name}` cannot be the name of a project: {reason}")]
    ProjectName {
        /// as given
        name: String,
        /// which rule it breaks
        reason: String,
    },
    /// the files were read and are wrong
    #[error("{}", Count(.0))]
    Invalid(Vec<Problem>),
}

impl RepoError {
    /// How to mend it, where that is not said by the problems themselves.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSettings { .. } => {
                Some("run this in a feature repo, name one with -c, or make one with `feast-rs init`".to_owned())
            }
            Self::Exists { .. } => Some("choose an empty folder; nothing was written".to_owned()),
            Self::ProjectName { .. } => Some("letters, digits and underscores, beginning with a letter".to_owned()),
            Self::Invalid(problems) => {
                let code = problems.iter().find(|problem| !problem.warning)?.code;
                Some(format!("`feast-rs explain {code}` says more"))
            }
            Self::Read { .. } | Self::Write { .. } => None,
        }
    }

    /// The problems, where there are some to show.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            _ => &[],
        }
    }
}

/// `3 errors in the feature repo`.
struct Count<'a>(&'a [Problem]);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iter().filter(|problem| !problem.warning).count() {
            1 => f.write_str("1 error in the feature repo"),
            count => write!(f, "{count} errors in the feature repo"),
        }
    }
}
