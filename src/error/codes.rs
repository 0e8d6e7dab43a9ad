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
        "The SQLite file that `online_store.path` names is not there, lacks a table, is locked by another process, or was \
         replaced while it was open. `feast-rs plan` shows missing tables, `feast-rs apply` makes them.",
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
];
