//! What the codes of failures mean, for `explain`. Those of problems in definitions are the repo's own.

/// Code, title, explanation.
pub static CODES: &[(&str, &str, &str)] = &[
    (
        "E1001",
        "the registry cannot be used",
        "The SQLite file that `registry.path` names is locked, damaged, written by a later version, or no registry of \
         Feast. Nothing was changed. `feast-rs registry check` looks at every row.",
    ),
    (
        "E1002",
        "the online store cannot be used",
        "The SQLite file that `online_store.path` names is not there, lacks a table, has one of another program under the \
         name of a view's, is locked by another process, or was replaced while it was open. `feast-rs plan` shows missing \
         tables, `feast-rs apply` makes them.",
    ),
    (
        "E1003",
        "a file source cannot be read",
        "The parquet file, folder or glob of a source is missing, damaged, or lacks a column that the view needs.",
    ),
    (
        "E1004",
        "a key or a value has the wrong type",
        "An entity key can be made of INT32, INT64, STRING, BYTES and UNIX_TIMESTAMP values only, and a feature of the types \
         in the schema.",
    ),
    ("E1005", "what was asked for makes no sense", "An option or a value contradicts another, or says nothing."),
    (
        "E1006",
        "there is nothing of that name",
        "The registry has no object, or the object has no part, of the name that was given. The hint names the nearest.",
    ),
    (
        "E1007",
        "this is no feature repo",
        "Neither the folder nor one above it has a `feature_store.yaml`. Name a repo with `-c DIR`, or make one with \
         `feast-rs init`.",
    ),
    (
        "E1008",
        "stored values would be lost",
        "The change deletes stored values or whole tables. On a terminal feast-rs asks; elsewhere `--allow-destroy` (apply) \
         or `--yes` (teardown, delete) has to say so. Nothing was changed.",
    ),
    (
        "E1009",
        "only Python Feast can do that",
        "The repo uses a store, a registry or a kind of view that feast-rs registers but does not run.",
    ),
    ("E1010", "a file cannot be read or written", "The operating system refused; its own words follow `caused by`."),
    (
        "E1011",
        "a view cannot be materialized",
        "Its window, its files, or its definition stand in the way; the other views of the run were done all the same.",
    ),
    (
        "E1012",
        "an entity table cannot be read, or the answer cannot be written",
        "The table that `get-historical-features` answers is a parquet, CSV or JSON file, or a JSON array of objects, with \
         the join keys and one event time a row. The answer is written as parquet or CSV.",
    ),
    (
        "E2001",
        "a record is no JSON",
        "The text of a record cannot be read. The other records were used; after the mistake the next line that begins with \
         `{` is read again. `--dead-letter FILE` keeps the text.",
    ),
    ("E2002", "a record is no object", "A record is a JSON object: names of columns and their values."),
    (
        "E2003",
        "a value of a record is not of its column's type",
        "Values are taken exactly: `123` is a Float64, `1.7` is no Int64, and a whole number beyond 2^53 is no Float64. \
         A join key may be written as a number or as its text. `--cast lossy` converts as Feast does.",
    ),
    (
        "E2004",
        "a key stands in a record twice",
        "Readers of JSON differ in which of the two values they take, so the record is not used.",
    ),
    ("E2005", "a record lacks a value", "A column that is declared NOT NULL, or that was asked for, has no value."),
    (
        "E2006",
        "a record is too large",
        "A payload may have 256 MiB, a record of a pushed stream 16 MiB, and a value 100 levels of nesting.",
    ),
    ("E2007", "a record has a key that no column takes", "Under `--strict` such a record is not used."),
    ("E2008", "a record has no usable join key", "A join key is absent, null, or of another type than its entity."),
    (
        "E2009",
        "a record has no usable event time",
        "The event time is absent or null, or lies further in the future than `feast_rs.max_future` allows (1 day): it would \
         hide every real value until then.",
    ),
    (
        "E2010",
        "a record cannot be computed",
        "The view's transformation overflows, divides a whole number by zero, or fails a cast for the values of this record.",
    ),
    (
        "E2011",
        "a value does not fit the declared type of its feature",
        "Values are stored exactly or not at all. Declare the wider type, or pass `--cast lossy` to convert as Feast does.",
    ),
    (
        "E2012",
        "a record brings no feature",
        "None of its keys is a feature of a view that it was pushed to, so there is nothing to store.",
    ),
    (
        "E2013",
        "a line is no CSV",
        "A line has another number of cells than the header, or a quote that is never closed.",
    ),
    (
        "E2014",
        "a line is no dead letter",
        "`push --format dead-letter` reads the files that `--dead-letter` writes: a JSON object a line, with `id`, `code`, \
         `reason` and `payload` or `payload_base64`.",
    ),
    (
        "E2015",
        "a record does not fit the historical log",
        "A column of the log's files has a type that cannot hold a value of the record exactly, or takes no null. The record is \
         not logged; where it was pushed online too, it is stored there.",
    ),
    (
        "E2020",
        "no record can get into a view",
        "Its definition stands in the way: its transformation does not compile over the columns of the records, a source \
         does not say which column is the event time, or it has parts that are registered only.",
    ),
    (
        "E2201",
        "the table that a stream was read into was dropped or made anew",
        "Positions in a stream belong to the table that the rows before them went into. That table was dropped, by `feast \
         apply` in Python for example, or made anew; going on from the stored position would leave what is gone out without \
         a word. `feast-rs kinesis checkpoints reset VIEW --to latest|trim-horizon|at-timestamp=T` reads again from there; \
         `--to keep` goes on.",
    ),
    (
        "E2202",
        "the online store was used by a later version",
        "The tables that feast-rs keeps beside the values (positions in streams, rows for historical logs, marks of pushes) \
         have a later format than this version knows. Nothing was changed. Python Feast never reads them.",
    ),
    (
        "E2203",
        "what feast-rs keeps beside the values is damaged",
        "A row of a table `feast_rs_*` in the online store's file was changed by something else. The values of the features \
         are in other tables.",
    ),
    (
        "E2204",
        "rows cannot be written to a historical log",
        "The files of the log are missing, cannot be written, or have other columns than the rows. The rows wait in the online \
         store's file; the next command that logs to the same place writes them, each once.",
    ),
    (
        "E2101",
        "a record is late",
        "Its event time lies behind the watermark of its shard: the largest event time seen there, less \
         `watermark_delay_threshold`. With `x-kinesis.late: dead_letter` it is kept here instead of being written.",
    ),
    (
        "E2102",
        "a record's wrapping is damaged",
        "An aggregate of the Kinesis Producer Library that contradicts itself, or gzip that is cut or far too large. It is kept \
         whole.",
    ),
    (
        "E2110",
        "Kinesis refuses, or cannot be reached",
        "Permissions, the name of the stream, the region, credentials, or the network. `feast-rs stream-ingest --check` tests each \
         permission; those that are needed are in docs/kinesis.md.",
    ),
    (
        "E2111",
        "the stream was deleted and made again",
        "Positions belong to one stream, told apart by its time of creation: those of the old one mean nothing in the new one. \
         `feast-rs kinesis checkpoints reset VIEW --to trim-horizon` begins anew.",
    ),
    (
        "E2112",
        "records expired before they were read",
        "The stream keeps its records for its retention only, and reading stood still for longer. The message has the bounds. \
         Materialize that time from the batch source, then go on with `--on-gap warn`.",
    ),
    (
        "E2113",
        "the online table of a stream's view was dropped",
        "Positions say that records are stored, and the values are gone: going on would lose them silently. \
         `feast-rs kinesis checkpoints reset VIEW --to ..` says from where to go on.",
    ),
    (
        "E2114",
        "a view cannot be filled from a stream",
        "It has no Kinesis source, or records or aggregations that feast-rs registers only.",
    ),
    (
        "E2301",
        "the body of a request is not what the endpoint takes",
        "The body is no JSON, lacks a field, or has a value of another type. `GET /openapi.json` describes every body. The \
         content type does not matter.",
    ),
    (
        "E2302",
        "a request asks for too much",
        "Bodies, entities, features and values of one request are bounded; `docs/serve.md` has the limits. Ask in several \
         requests, or push in bulk with `POST /push/ndjson`, which has no limit on its length.",
    ),
    (
        "E2303",
        "the request has no valid token",
        "The server was started with `--token-file`: every request but `GET /health` needs the header `Authorization: Bearer \
         TOKEN` with the text of that file. Python Feast sends it with `auth: {type: oidc, token_env_var: NAME}` in the \
         client's feature_store.yaml.",
    ),
    (
        "E2304",
        "a body did not arrive in time",
        "The client sent too slowly, or its connection ended in the middle. Nothing was stored of a body that was read whole \
         first; of `POST /push/ndjson` the answer says how many records are stored, and a retry with the same `Idempotency-Key` stores \
         nothing twice.",
    ),
    ("E2305", "the server is shutting down", "It takes no new work. What was begun is brought to its end first."),
    (
        "E2306",
        "a view is already being materialized",
        "An earlier request with `async=true` has not ended. Materializing is exclusive for each view; reading and pushing \
         are not affected.",
    ),
    (
        "E2307",
        "a server that others can reach needs a token",
        "Listening on another address than loopback needs `--token-file FILE`, or `--insecure` to say that something else \
         guards it. The file holds one line of at least 16 characters.",
    ),
    (
        "E2308",
        "the address cannot be listened on",
        "Another program listens there, the address belongs to no interface of this machine, or the port needs a privilege.",
    ),
    (
        "E2309",
        "some of the records of a request were refused",
        "The message counts them and quotes the first; the good ones are stored. `POST /push/ndjson` reports each one with its \
         number and code.",
    ),
];
