//! What must not be shown: passwords in URLs, and the values of variables and settings whose names say that they are secret.

use std::borrow::Cow;

/// Stands where a secret was.
pub const MASK: &str = "***";

/// Parts of names, in lower case, that make a value a secret.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "api_key",
    "apikey",
    "access_key",
    "connection_string",
];

/// A shorter value is none: hiding it would hide half of every message.
const SHORTEST: usize = 6;

/// Whether a variable or setting of that name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// The text with the passwords of its URLs masked: `postgresql://user:***@host/db`, `https://host/?token=***`.
#[must_use]
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        out.push_str(&masked_url(part));
    }
    Cow::Owned(out)
}

/// What follows `://`.
fn masked_url(rest: &str) -> String {
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')).unwrap_or(rest.len());
    let (url, behind) = rest.split_at(end);
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    // a password may hold what should have been escaped: the last `@` before the path, or of all, ends it
    let at = url.get(..authority_end).and_then(|head| head.rfind('@')).or_else(|| url.rfind('@'));
    let user = at.and_then(|at| url.get(..at)).and_then(|info| info.split_once(':')).map(|(user, _)| user);
    let masked = match (user, at.and_then(|at| url.get(at..))) {
        (Some(user), Some(host)) => format!("{user}:{MASK}{}", masked_query(host)),
        _ => masked_query(url),
    };
    masked + behind
}

/// `?token=abc&x=1`: values of secret names.
fn masked_query(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if is_secret(name) && !value.is_empty() => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    };
    format!("{path}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&"))
}

/// Values that no message may show.
#[derive(Clone, Default)]
pub struct Secrets {
    /// longest first, so that one that holds another is masked whole
    values: Vec<String>,
}

impl Secrets {
    /// The values of the environment's variables whose names say that they are secret.
    #[must_use]
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let secret = |(name, value): &(String, String)| is_secret(name) && value.chars().count() >= SHORTEST;
        let mut values: Vec<String> = variables.into_iter().filter(secret).map(|(_, value)| value).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// The text with every secret, and every password of a URL, masked.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let hidden = self.values.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK));
        without_passwords(&hidden).into_owned()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_masked() {
        for (text, masked) in [
            ("postgresql://feast:hunter2@db:5432/registry", "postgresql://feast:***@db:5432/registry"),
            ("see `http://u:p/w@h/x` and http://a:b@c", "see `http://u:***@h/x` and http://a:***@c"),
            ("https://host/path?token=abc&n=1#x", "https://host/path?token=***&n=1#x"),
            ("https://user@host/", "https://user@host/"),
            ("sqlite:///data/registry.db", "sqlite:///data/registry.db"),
            ("12:30 a@b.c", "12:30 a@b.c"),
            ("http://h:80/a@b", "http://h:***@b"),
        ] {
            assert_eq!(without_passwords(text), masked, "{text}");
        }
    }

    #[test]
    fn secret_variables_are_masked_wherever_they_appear() {
        let variables = [
            ("AWS_SECRET_ACCESS_KEY", "abc/def+ghi"),
            ("DB_PASSWORD", "abc/de"),
            ("PWD", "/home/me"),
            ("A_TOKEN", "x"),
        ];
        let secrets = Secrets::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(secrets.hide("key abc/def+ghi, pw abc/de, in /home/me, x"), "key ***, pw ***, in /home/me, x");
        assert_eq!(format!("{secrets:?}"), "2 secrets");
    }
}
