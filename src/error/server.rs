//! What a server refuses before a verb is asked.

/// What a server refuses before a verb is asked, and what keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// a body that is not what the endpoint takes
    #[error("the body is no request of this endpoint: {reason}")]
    Body {
        /// what is wrong, and where
        reason: String,
    },
    /// more than one request may ask for
    #[error("{what}")]
    TooMuch {
        /// of what, how much, and how much is allowed
        what: String,
        /// how to ask for less
        hint: &'static str,
    },
    /// no token, or another one
    #[error("the request has no valid token")]
    Unauthorized,
    /// some records were refused; the others are stored
    #[error("{count} of {records} records were refused, {written} values were written: {first}")]
    Refused {
        /// how many were refused
        count: u64,
        /// how many there were
        records: u64,
        /// feature values that were stored
        written: u64,
        /// the first that was refused, and why
        first: String,
    },
    /// the client sends too slowly
    #[error("the body did not arrive in {seconds} s")]
    TooSlow {
        /// how long it was waited for
        seconds: u64,
    },
    /// the connection ended in the middle of a body
    #[error("the body did not arrive whole")]
    Interrupted,
    /// the server ends
    #[error("the server is shutting down")]
    Ending,
    /// a view is being materialized by an earlier request
    #[error("already being materialized: {views}")]
    Materializing {
        /// their names
        views: String,
    },
    /// a token is needed to listen there
    #[error("to listen on `{address}` without a token would let everybody who reaches it read and write features")]
    TokenNeeded {
        /// where
        address: String,
    },
    /// a token file that holds no token
    #[error("`{file}` holds no token: {reason}")]
    TokenFile {
        /// its path
        file: String,
        /// what is wrong
        reason: &'static str,
    },
    /// the address cannot be listened on
    #[error("cannot listen on `{address}`")]
    Listen {
        /// where
        address: String,
        /// why not
        #[source]
        source: std::io::Error,
    },
}

impl ServerError {
    /// The code that documentation and programs know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Body { .. } => "E2301",
            Self::TooMuch { .. } => "E2302",
            Self::Unauthorized => "E2303",
            Self::TooSlow { .. } | Self::Interrupted => "E2304",
            Self::Ending => "E2305",
            Self::Materializing { .. } => "E2306",
            Self::TokenNeeded { .. } | Self::TokenFile { .. } => "E2307",
            Self::Listen { .. } => "E2308",
            Self::Refused { .. } => "E2309",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Body { .. } | Self::Refused { .. } => 422,
            Self::TooMuch { .. } => 413,
            Self::Unauthorized => 401,
            Self::TooSlow { .. } | Self::Interrupted => 408,
            Self::Materializing { .. } => 409,
            Self::Ending => 503,
            Self::TokenNeeded { .. } | Self::TokenFile { .. } | Self::Listen { .. } => 500,
        }
    }

    /// The cure.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Body { .. } => "`GET /openapi.json` describes the bodies".to_owned(),
            Self::TooMuch { hint, .. } => (*hint).to_owned(),
            Self::Unauthorized => {
                "send `Authorization: Bearer TOKEN`; in Python: `auth: {type: oidc, token_env_var: NAME}` in the client's \
                 feature_store.yaml"
                    .to_owned()
            }
            Self::Refused { .. } => "the good records are stored; mend the others and push them again".to_owned(),
            Self::TooSlow { .. } | Self::Interrupted => {
                "send the whole body again; `/push/ndjson` stores nothing twice under the same `Idempotency-Key`".to_owned()
            }
            Self::Ending => "ask again, or another server".to_owned(),
            Self::Materializing { .. } => "wait until it ends".to_owned(),
            Self::TokenNeeded { .. } => {
                "pass `--token-file FILE`, or `--insecure` where something else guards the address".to_owned()
            }
            Self::TokenFile { .. } => "write one line of at least 16 characters, for example of `openssl rand -hex 32`".to_owned(),
            Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "another program listens there; choose another one with `--port`".to_owned()
            }
            Self::Listen { .. } => return None,
        })
    }
}
