//! Every code that a problem can carry, and what it means: the text behind `feast-rs explain E0203`.

macro_rules! codes {
    ($($name:ident = $code:literal $title:literal $text:literal;)*) => {
        $(#[doc = $title] pub(super) const $name: &str = $code;)*

        /// Every code with its title and one paragraph of explanation, in order.
        pub static CODES: &[(&str, &str, &str)] = &[$(($code, $title, $text),)*];
    };
}

codes! {
    SYNTAX = "E0101" "the file is not YAML"
        "The text cannot be read as YAML at the place shown. Usual causes are a tab used for indentation, a missing space after a colon, an unclosed bracket or quote, or a text with `: ` or ` #` in it that needs quotes.";
    DUPLICATE_KEY = "E0102" "a key is given twice in one mapping"
        "YAML readers keep one of the two silently, and not always the same one. Remove one of them. A key that comes from a merge (`<<: *base`) may be given again: that overrides it.";
    UNSET_VARIABLE = "E0103" "an environment variable is not set"
        "Python Feast leaves the text as it is, which creates folders named `${NAME}`. Set the variable, give a default with `${NAME:-default}`, or write `$$` for a dollar sign.";
    BAD_VARIABLE = "E0104" "a reference to an environment variable cannot be read"
        "Written are `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; a name has letters, digits and underscores and begins with no digit. `$$` is a dollar sign.";
    UNKNOWN_KEY = "E0105" "a key is not known here"
        "Keys are the keyword arguments of Feast's Python classes. Python Feast ignores an unknown key in feature_store.yaml, so that a misspelt one falls back to its default without a word; here it is an error. Top-level keys that begin with `x-` are free, for anchors.";
    WRONG_SHAPE = "E0106" "a value has the wrong shape"
        "A text, number, flag, list or mapping was expected and something else was found. A text that YAML reads as a number or a flag needs quotes.";
    MISSING_KEY = "E0107" "a required key is missing"
        "The object cannot be made without it.";
    BAD_VALUE = "E0108" "a value is not one of those allowed"
        "The value is a text, but none that has a meaning here. The allowed ones are listed.";
    TOO_LARGE = "E0109" "the file is too large, too deep, or grows too much when its aliases are expanded"
        "Definition files are read whole: at most 4 MiB, 64 levels deep, and a million nodes once every alias stands for what it names. A YAML file that is no definition file can be listed in .feastignore.";
    PROJECT_NAME = "E0110" "the name of the project cannot be used"
        "The name is the beginning of every online table. It has letters, digits and underscores, begins with a letter, and has no hyphen: Feast writes table names without quotes.";
    STORE_TYPE = "E0111" "a store or registry type is not known"
        "The type is none of Feast's. Feast's other types (redis, postgres, ...) and a custom class (`module.Class`) are read without complaint; a command that needs such a store says so.";
    NOT_READABLE = "E0112" "a file cannot be read"
        "The file is missing, not permitted, or not UTF-8.";
    BAD_TIME = "E0113" "a duration or a time cannot be read"
        "A duration is a number of seconds, `90s`, `5m`, `2h`, `1d`, `1w`, `1d12h`, `250ms`, ISO 8601 `PT5M`, or a mapping with the keywords of timedelta (`{hours: 2}`). A time is an ISO 8601 date-time (no zone: UTC), a date, `now`, `7d-ago`, or a date-time and the name of a zone.";
    DTYPE = "E0114" "a type is not one of Feast's"
        "Types are spelt as in Python: Float32, Int64, String, Bool, UnixTimestamp, Array(Int64), Set(String), Map, Json, Struct({name: String}); or as a mapping, {Array: Int64}.";
    IGNORE_PATTERN = "E0115" "a pattern in `.feastignore` cannot be read"
        "Each line is a glob relative to the repo: `*`, `?`, `[ab]` and `**` as a whole path component. A pattern that matches a folder leaves out everything below it.";
    REGISTRY_PATH = "E0116" "the path of the registry cannot be used"
        "An SQL registry on SQLite has a path like sqlite:///data/registry.db (relative to the repo) or sqlite:////absolute/registry.db.";
    NAME = "E0201" "a name cannot be used"
        "Names of views become names of tables, which Feast writes without quotes: letters (of any alphabet), digits and underscores. Names that begin with two underscores are Feast's own.";
    NAME_TAKEN = "E0202" "a name is used twice"
        "Entities, data sources and feature services are unique by name in a project; views of all kinds share one space of names in which case does not count.";
    NO_COLUMN = "E0203" "a column is missing in the data source"
        "The view's schema (or the source's timestamp) names a column that the file does not have. Python Feast notices this when it materializes. With `field_mapping` the name after the mapping counts.";
    UNKNOWN_REFERENCE = "E0204" "a reference names nothing that is defined"
        "Entities, sources and views are referred to by name, in any file of the repo.";
    JOIN_KEYS = "E0205" "an entity does not have exactly one join key"
        "Feast's entities have one join key. Features of two things together belong to a view with two entities.";
    KEY_TYPE = "E0206" "a type can never be a join key"
        "Feast accepts any value type for an entity, but its keys have bytes for BYTES, STRING, INT32, INT64 and UNIX_TIMESTAMP only: a view with another type can be applied and then neither be written nor read.";
    NO_BATCH_SOURCE = "E0207" "a stream source has no batch source"
        "A view over a Kinesis, Kafka or push source needs the source's `batch_source`: its history, which materialize and historical retrieval read. Feast has the same rule.";
    STREAM_ADDRESS = "E0208" "it is not said which stream a Kinesis source reads"
        "A Kinesis source has a region (default: the variable AWS_REGION) and a stream_name, or `x-kinesis: {stream_arn: ...}` from which both are taken.";
    FEATURE_TWICE = "E0209" "a feature is listed twice"
        "A view has one feature of a name.";
    FEATURE_COLLIDES = "E0210" "a feature has the name of another column of the view"
        "The event timestamp and the created timestamp of the source are not features, and an entity column that is mapped away cannot be one.";
    SAME_TIMESTAMPS = "E0211" "the created timestamp is the event timestamp"
        "The created timestamp tells two rows of one event time apart, which it cannot do if it is the same column. Leave created_timestamp_column out.";
    DEPRECATED = "E0212" "an argument that Feast no longer has"
        "The argument was renamed in Feast; the new name is shown.";
    NEEDS_SINK = "E0213" "a stream view that logs its rows has no `sink_source`"
        "With `offline: true` the transformed rows are logged. The batch source holds the raw columns, so the log needs a place of its own: `sink_source`, a FileSource whose path is a folder.";
    BAD_SINK = "E0214" "a `sink_source` cannot be used"
        "It is a FileSource whose path is a folder (no glob), differs from the batch source, and belongs to a stream view or to a view that is derived from views. A derived view must have one.";
    TRANSFORMATION = "E0215" "a transformation is not complete or contradicts itself"
        "A feature_transformation has exactly one of sql, expressions and udf_string; expressions have one entry a feature; `filter` goes with expressions; the mode agrees with it (sql for sql and expressions, Python's modes for udf_string).";
    VIEW_SOURCE = "E0216" "a view cannot have this kind of source"
        "A stream feature view needs a KinesisSource, KafkaSource or PushSource; feature views and batch feature views any source with rows; request sources go with on-demand feature views.";
    PROJECTION = "E0217" "a projection names a feature that the view does not have"
        "A feature service and an on-demand feature view may take some features of a view by name.";
    JOIN_KEY_MAP = "E0218" "a `join_key_map` does not fit the view"
        "Its keys are join keys of the view, its values the names that a request uses for them, each once.";
    NO_FILE = "E0219" "the files of a data source cannot be read"
        "The path (relative to the repo) names no parquet file, or one that cannot be read. Python Feast says so when it materializes. `--skip-source-validation` applies the definitions all the same.";
    NO_TIMESTAMP = "E0220" "the event timestamp of a source is unknown or no time"
        "timestamp_field may be left out only where the source has exactly one timestamp column. The column must be a timestamp or a date.";
    INFERENCE = "E0221" "a schema cannot be inferred"
        "Without `schema` the features are the columns of the parquet file. A type that Feast cannot infer, an empty rest, or a file that must not or cannot be read ends this: declare the schema.";
    TYPE = "E0222" "the type of a column does not fit the declared type"
        "Values are widened where nothing is lost (int32 to Int64, float to Float64). Everything else would be refused row by row; declare the type of the column, or convert the data.";
    SCHEMA_JSON = "E0223" "a `schema_json` cannot be read"
        "It is a Spark DDL text (`driver_id bigint, event_timestamp timestamp, conv_rate double`) or a JSON Schema of an object.";
    SCHEMA_JSON_LACKS = "E0224" "a `schema_json` lacks a column that the view needs"
        "Records of the stream must carry the join keys and the event timestamp; without a transformation also the features. With `field_mapping` the name after the mapping counts.";
    ENTITY_TYPE = "E0225" "a field and its entity disagree about the type"
        "A schema field named like a join key has the entity's value_type, if that is declared.";
    AGGREGATION = "E0226" "aggregations are not complete"
        "Aggregations of a stream view need its timestamp_field, each its column and function, and the tiling hop must be smaller than the smallest window.";
    OTHER_PROJECT = "E0227" "a project is defined that is not the project of `feature_store.yaml`"
        "A repo belongs to one project. An entry of `projects` gives it a description, tags and an owner.";
    MAPPED_FIELD = "E0228" "a field is called by the name that `field_mapping` takes away"
        "field_mapping renames a column of the source; entities and features use the new name.";
    NEEDS_SCHEMA = "E0229" "a view with a transformation has no schema"
        "The results of a transformation have the names and types that `schema` declares; they cannot be inferred from the source.";
    KINESIS_OPTION = "E0230" "an option of `x-kinesis` is out of range or misses its partner"
        "max_records is 1 to 10000, reads_per_second more than 0 (a shard allows 5 to all its readers; more is for endpoints without quotas), start: AT_TIMESTAMP goes with at_timestamp, enhanced_fan_out with consumer_name.";
    VIEW_INPUT = "E0231" "an on-demand feature view lacks inputs, or they clash"
        "It needs `sources` or `input_schema`; the names of its sources differ from each other.";
    VERSION = "E0232" "a version cannot be read"
        "A view's version is `latest` or `v` and a number.";
    UNCOMPUTABLE = "E0233" "a transformation cannot be computed"
        "Expressions are scalar SQL over the columns of the source (a Kinesis stream's in the types of schema_json); `sql` is one SELECT FROM source with a projection and WHERE alone. What comes out fits the declared type without loss, but for Float64 into Float32, which is rounded. CAST says so where more is wanted.";
    NOT_EXECUTED = "E0301" "registered, not executed (warning)"
        "Aggregations, Avro and Protobuf records and Python functions are kept in the registry as Feast keeps them, but feast-rs does not run them: materialize, push and stream-ingest refuse such a view.";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_unique_sorted_and_explained() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, title, text) in CODES {
            assert_eq!(code.len(), 5, "{code}");
            assert!(!title.is_empty() && text.ends_with('.') && text.len() > 30, "{code}");
        }
    }
}
