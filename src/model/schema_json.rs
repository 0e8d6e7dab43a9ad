//! The columns of a stream's records: Feast's `schema_json`, a Spark DDL text or a JSON Schema.
//!
//! DDL: <https://spark.apache.org/docs/latest/sql-ref-datatypes.html>, as `StructType.fromDDL` reads it.

use std::fmt;

use serde_json::Value;

/// Deepest nesting of arrays, maps and structs.
const MAX_DEPTH: usize = 32;

/// A column of a record, or a field of a struct in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordColumn {
    /// name in the record
    pub name: String,
    /// what its values are
    pub kind: RecordType,
    /// `false` for `NOT NULL`
    pub nullable: bool,
}

/// What a value of a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// `boolean`
    Bool,
    /// `tinyint`
    Int8,
    /// `smallint`
    Int16,
    /// `int`
    Int32,
    /// `bigint`
    Int64,
    /// `float`
    Float32,
    /// `double`
    Float64,
    /// `string`, `varchar(n)`, `char(n)`
    Text,
    /// `binary`
    Binary,
    /// `date`
    Date,
    /// `timestamp`, `timestamp_ntz`, `timestamp_ltz`
    Timestamp,
    /// `decimal(precision, scale)`
    Decimal {
        /// digits in all, 1 to 38
        precision: u8,
        /// digits after the point
        scale: u8,
    },
    /// `array<T>`
    Array(Box<RecordType>),
    /// `map<K, V>`
    Map(Box<RecordType>, Box<RecordType>),
    /// `struct<a: T, b: T>`
    Struct(Vec<RecordColumn>),
}

/// A `schema_json` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaJsonError {
    /// what is wrong
    pub message: String,
    /// where, in characters from the beginning of the text
    pub at: usize,
}

/// Reads a Spark DDL text, or a JSON Schema of an object where the text begins with `{`.
///
/// # Errors
/// The first thing that cannot be read, with its place.
pub fn parse_schema_json(text: &str) -> Result<Vec<RecordColumn>, SchemaJsonError> {
    let columns = if text.trim_start().starts_with('{') { json_schema(text)? } else { ddl(text)? };
    match columns.iter().enumerate().find(|(at, column)| columns.iter().take(*at).any(|c| c.name == column.name)) {
        Some((_, twice)) => Err(error(format!("column `{}` is given twice", twice.name), last_of(text, &twice.name))),
        None => Ok(columns),
    }
}

/// The character at which a name stands for the last time.
fn last_of(text: &str, name: &str) -> usize {
    text.rfind(name).map_or(0, |byte| text.chars().count() - text.get(byte..).map_or(0, |rest| rest.chars().count()))
}

fn error(message: impl Into<String>, at: usize) -> SchemaJsonError {
    SchemaJsonError { message: message.into(), at }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text,
    Sign(char),
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    next: usize,
    end: usize,
}

fn ddl(text: &str) -> Result<Vec<RecordColumn>, SchemaJsonError> {
    let mut reader = Reader { tokens: tokens(text)?, next: 0, end: text.chars().count() };
    let mut columns = Vec::new();
    loop {
        columns.push(reader.column(0)?);
        if reader.next >= reader.tokens.len() {
            return Ok(columns);
        }
        reader.expect(',')?;
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, SchemaJsonError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            ',' | '<' | '>' | '(' | ')' | ':' => tokens.push((Token::Sign(c), at)),
            '`' | '\'' | '"' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some((_, end)) if end == c => break,
                        Some((_, other)) => inner.push(other),
                        None => return Err(error(format!("{c} is never closed"), at)),
                    }
                }
                tokens.push((if c == '`' { Token::Word(inner) } else { Token::Text }, at));
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
                    word.push(c);
                }
                tokens.push((Token::Word(word), at));
            }
            c => return Err(error(format!("unexpected `{c}`"), at)),
        }
    }
    Ok(tokens)
}

impl Reader {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(_, at)| *at)
    }

    fn word(&mut self, what: &str) -> Result<String, SchemaJsonError> {
        match self.tokens.get(self.next) {
            Some((Token::Word(word), _)) => {
                self.next += 1;
                Ok(word.clone())
            }
            _ => Err(error(format!("expected {what}"), self.at())),
        }
    }

    fn take(&mut self, sign: char) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((Token::Sign(c), _)) if *c == sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((Token::Word(w), _)) if w.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: char) -> Result<(), SchemaJsonError> {
        if self.take(sign) { Ok(()) } else { Err(error(format!("expected `{sign}`"), self.at())) }
    }

    /// `name type`, `name: type`, then perhaps `NOT NULL` and `COMMENT '..'`.
    fn column(&mut self, depth: usize) -> Result<RecordColumn, SchemaJsonError> {
        let at = self.at();
        let name = self.word("the name of a column")?;
        if name.is_empty() {
            return Err(error("the name of a column is empty", at));
        }
        self.take(':');
        let kind = self.kind(depth)?;
        let nullable = !self.take_word("not");
        if !nullable && !self.take_word("null") {
            return Err(error("expected `NULL` after `NOT`", self.at()));
        }
        if self.take_word("comment") {
            match self.tokens.get(self.next) {
                Some((Token::Text, _)) => self.next += 1,
                _ => return Err(error("expected a quoted comment", self.at())),
            }
        }
        Ok(RecordColumn { name, kind, nullable })
    }

    fn kind(&mut self, depth: usize) -> Result<RecordType, SchemaJsonError> {
        let at = self.at();
        if depth > MAX_DEPTH {
            return Err(error(format!("types are nested more than {MAX_DEPTH} levels deep"), at));
        }
        let name = self.word("a type")?;
        Ok(match name.to_lowercase().as_str() {
            "boolean" | "bool" => RecordType::Bool,
            "tinyint" | "byte" => RecordType::Int8,
            "smallint" | "short" => RecordType::Int16,
            "int" | "integer" => RecordType::Int32,
            "bigint" | "long" => RecordType::Int64,
            "float" | "real" => RecordType::Float32,
            "double" => RecordType::Float64,
            "string" => RecordType::Text,
            "varchar" | "char" => self.sized(at)?,
            "binary" => RecordType::Binary,
            "date" => RecordType::Date,
            "timestamp" | "timestamp_ntz" | "timestamp_ltz" => RecordType::Timestamp,
            "decimal" | "dec" | "numeric" => self.decimal(at)?,
            "array" => {
                self.expect('<')?;
                let inner = self.kind(depth + 1)?;
                self.expect('>')?;
                RecordType::Array(Box::new(inner))
            }
            "map" => {
                self.expect('<')?;
                let key = self.kind(depth + 1)?;
                self.expect(',')?;
                let value = self.kind(depth + 1)?;
                self.expect('>')?;
                RecordType::Map(Box::new(key), Box::new(value))
            }
            "struct" => self.fields(depth)?,
            _ => return Err(error(format!("`{name}` is not a type"), at)),
        })
    }

    fn fields(&mut self, depth: usize) -> Result<RecordType, SchemaJsonError> {
        self.expect('<')?;
        let mut fields = vec![self.column(depth + 1)?];
        while self.take(',') {
            fields.push(self.column(depth + 1)?);
        }
        self.expect('>')?;
        Ok(RecordType::Struct(fields))
    }

    /// `varchar(n)`: the length is checked by nobody, as in Spark's JSON reader.
    fn sized(&mut self, at: usize) -> Result<RecordType, SchemaJsonError> {
        if self.take('(') {
            self.number(at)?;
            self.expect(')')?;
        }
        Ok(RecordType::Text)
    }

    fn number(&mut self, at: usize) -> Result<u32, SchemaJsonError> {
        self.word("a number")?.parse().map_err(|_| error("expected a number", at))
    }

    /// `decimal`, `decimal(p)`, `decimal(p, s)`; Spark's default is (10, 0).
    fn decimal(&mut self, at: usize) -> Result<RecordType, SchemaJsonError> {
        let (mut precision, mut scale) = (10, 0);
        if self.take('(') {
            precision = self.number(at)?;
            if self.take(',') {
                scale = self.number(at)?;
            }
            self.expect(')')?;
        }
        match (u8::try_from(precision), u8::try_from(scale)) {
            (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok(RecordType::Decimal { precision, scale }),
            _ => Err(error("a decimal has 1 to 38 digits, and not more of them after the point", at)),
        }
    }
}

/// A JSON Schema `{"type": "object", "properties": {..}, "required": [..]}`.
fn json_schema(text: &str) -> Result<Vec<RecordColumn>, SchemaJsonError> {
    let schema: Value = serde_json::from_str(text).map_err(|wrong| {
        let before = text.split_inclusive('\n').take(wrong.line().saturating_sub(1)).map(|l| l.chars().count());
        error(format!("not JSON: {wrong}"), before.sum::<usize>() + wrong.column().saturating_sub(1))
    })?;
    properties(&schema, 0).map_err(|message| error(message, 0))
}

fn properties(schema: &Value, depth: usize) -> Result<Vec<RecordColumn>, String> {
    if depth > MAX_DEPTH {
        return Err(format!("types are nested more than {MAX_DEPTH} levels deep"));
    }
    let Some(Value::Object(members)) = schema.get("properties") else {
        return Err("a JSON Schema of records has `properties`".to_owned());
    };
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|n| n == name))
    };
    members
        .iter()
        .map(|(name, member)| {
            if name.is_empty() {
                return Err("a property has an empty name".to_owned());
            }
            let (kind, null) = json_type(member, depth).map_err(|message| format!("property `{name}`: {message}"))?;
            Ok(RecordColumn { name: name.clone(), kind, nullable: null || !required(name) })
        })
        .collect()
}

/// The type of a property, and whether `null` is among its types.
fn json_type(schema: &Value, depth: usize) -> Result<(RecordType, bool), String> {
    let (name, null) = match schema.get("type") {
        Some(Value::String(name)) => (name.as_str(), false),
        Some(Value::Array(names)) => {
            let mut real = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            match (real.next(), real.next()) {
                (Some(name), None) => (name, names.iter().any(|name| name == "null")),
                _ => return Err("one type, perhaps with `null`, is expected".to_owned()),
            }
        }
        _ => return Err("it has no `type`".to_owned()),
    };
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let kind = match (name, format) {
        ("string", "date-time") => RecordType::Timestamp,
        ("string", "date") => RecordType::Date,
        ("string", _) => RecordType::Text,
        ("integer", "int32") => RecordType::Int32,
        ("integer", _) => RecordType::Int64,
        ("number", "float") => RecordType::Float32,
        ("number", _) => RecordType::Float64,
        ("boolean", _) => RecordType::Bool,
        ("array", _) => {
            let items = schema.get("items").ok_or("an array needs `items`")?;
            nested(depth)?;
            RecordType::Array(Box::new(json_type(items, depth + 1)?.0))
        }
        ("object", _) => match schema.get("additionalProperties").filter(|_| schema.get("properties").is_none()) {
            Some(values) => {
                nested(depth)?;
                RecordType::Map(Box::new(RecordType::Text), Box::new(json_type(values, depth + 1)?.0))
            }
            None => RecordType::Struct(properties(schema, depth + 1)?),
        },
        (other, _) => return Err(format!("`{other}` is not a type")),
    };
    Ok((kind, null))
}

fn nested(depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH { Err(format!("types are nested more than {MAX_DEPTH} levels deep")) } else { Ok(()) }
}

impl fmt::Display for RecordType {
    /// The DDL spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("boolean"),
            Self::Int8 => f.write_str("tinyint"),
            Self::Int16 => f.write_str("smallint"),
            Self::Int32 => f.write_str("int"),
            Self::Int64 => f.write_str("bigint"),
            Self::Float32 => f.write_str("float"),
            Self::Float64 => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Array(inner) => write!(f, "array<{inner}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (at, field) in fields.iter().enumerate() {
                    write!(f, "{}{}: {}", if at > 0 { ", " } else { "" }, field.name, field.kind)?;
                }
                f.write_str(">")
            }
        }
    }
}

#[cfg(test)]
#[path = "schema_json_tests.rs"]
mod tests;
