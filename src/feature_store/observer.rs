//! Who watches a verb at work.

/// What a verb is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// rows of a view are read; `rows` will be looked at
    Reading {
        /// name of the view
        view: &'a str,
        /// from the files' footers
        rows: u64,
    },
    /// so many more rows were looked at
    Read {
        /// since the last time
        rows: u64,
    },
    /// the newest rows of a view are written; there are `keys` of them
    Writing {
        /// name of the view
        view: &'a str,
        /// distinct entities
        keys: u64,
    },
    /// so many more of them were written
    Written {
        /// since the last time
        keys: u64,
    },
    /// a view is done
    Done {
        /// its name
        view: &'a str,
    },
}

/// Receives progress, from any thread. `()` ignores it.
pub trait Observer: Sync {
    /// Something happened. Called a few hundred times a second at most.
    fn progress(&self, event: Progress<'_>);
}

impl Observer for () {
    fn progress(&self, _event: Progress<'_>) {}
}
