//! `serve`: what clients see of it, well-behaved ones and others.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value as Json, json};

use crate::harness::Repo;
use crate::http::{Reply, Server, eventually};
use crate::sample::WINDOW;

const READ: &str = "/get-online-features";

fn ask(features: &[&str], drivers: &[i64]) -> Json {
    json!({"features": features, "entities": {"driver_id": drivers}})
}

fn conv_rate() -> Json {
    ask(&["driver_hourly_stats:conv_rate"], &[1001, 7])
}

#[test]
fn features_are_served_as_the_command_prints_them() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let reply = server.post(READ, &conv_rate());
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    let arguments =
        ["get-online-features", "-e", "driver_id=1001", "-e", "driver_id=7", "-f", "driver_hourly_stats:conv_rate"];
    let printed = repo.json(arguments.iter().copied().chain(["-o", "json"]));
    assert_eq!(reply.json(), printed);
    let all = ask(&["driver_hourly_stats:avg_daily_trips", "driver_hourly_stats:acc_rate"], &[1003, 1001]);
    let answer = server.post(READ, &all).json();
    assert_eq!(answer["metadata"]["feature_names"], json!(["driver_id", "avg_daily_trips", "acc_rate"]));
    assert_eq!(answer["results"][1]["values"], json!([1053, 1051]));
    assert_eq!(answer["results"][2]["values"], json!([null, null]));
    assert_eq!(answer["results"][1]["event_timestamps"], json!(["2024-01-01T05:00:00Z", "2024-01-01T05:00:00Z"]));
}

/// As the documentation of Feast writes it, for `curl -d`.
#[test]
fn a_request_needs_no_content_type() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let body = conv_rate().to_string();
    for headers in [&[][..], &["content-type: application/x-www-form-urlencoded"]] {
        assert_eq!(server.send("POST", READ, headers, body.as_bytes()).status, 200);
    }
}

#[test]
fn services_full_names_and_versions_are_served() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let mut body =
        json!({"feature_service": "driver_activity", "entities": {"driver": ["1001"]}, "full_feature_names": true});
    let answer = server.post(READ, &body).json();
    let names = [
        "driver_id",
        "driver_hourly_stats__conv_rate",
        "driver_hourly_stats__acc_rate",
        "driver_hourly_stats__avg_daily_trips",
    ];
    assert_eq!(answer["metadata"], json!({ "feature_names": names }));
    assert_eq!(answer["results"][0]["values"], json!([1001]), "a text of digits, by the entity's own name");
    body["include_feature_view_version_metadata"] = json!(true);
    let metadata = &server.post(READ, &body).json()["metadata"];
    assert_eq!(metadata["feature_view_metadata"], json!([{"name": "driver_hourly_stats"}]));
}

#[test]
fn one_set_of_entities_serves_for_all_features() {
    let repo = Repo::sample();
    repo.edit(
        "features.yaml",
        "data_sources:\n",
        "  - {name: shop, join_keys: [shop_id], value_type: INT64}\n\ndata_sources:\n",
    );
    repo.run(["apply"]).ok();
    let server = Server::start(&repo, &[]);
    let with = |name: &str| {
        let features = ["driver_hourly_stats:conv_rate"];
        server.post(READ, &json!({"features": features, "entities": {"driver_id": [1001, 7], name: [1, 2]}}))
    };
    assert_eq!(with("shop_id").json()["metadata"]["feature_names"], json!(["driver_id", "conv_rate"]));
    assert_eq!(with("shop").status, 200);
    assert_eq!(with("shop_ip").failure(404)["code"], "E1006", "a typing error is no other join key");
}

#[test]
fn mistakes_are_told_in_the_form_that_feasts_client_reads() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let failure = |body: &Json, status| server.post(READ, body).failure(status);
    let unknown = failure(&ask(&["driver_hourly_stat:conv_rate"], &[1]), 404);
    assert_eq!(unknown["class"], "FeatureViewNotFoundException");
    assert_eq!((&unknown["code"], &unknown["module"]), (&json!("E1006"), &json!("feast.errors")));
    assert!(unknown["message"].as_str().unwrap().contains("did you mean `driver_hourly_stats`?"), "{unknown}");
    let service = failure(&json!({"feature_service": "nope", "entities": {"driver_id": [1]}}), 404);
    assert_eq!(service["class"], "FeatureServiceNotFoundException");
    for body in [
        ask(&["driver_hourly_stats:conv_rate", "driver_hourly_stats:conv_rate"], &[1]),
        ask(&[], &[1]),
        ask(&["conv_rate"], &[1]),
        json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {}}),
        json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [[1]]}}),
        json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [null]}}),
        json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1, 2], "driver": [1]}}),
        json!({"features": ["driver_hourly_stats:conv_rate"], "entities": [1]}),
    ] {
        let failure = failure(&body, 422);
        assert!(failure["message"].as_str().unwrap().len() > 10 && failure["hint"].is_string(), "{failure}");
    }
    assert_eq!(server.send("POST", READ, &[], b"{bad").failure(422)["code"], "E2301");
    assert_eq!(server.send("POST", READ, &["content-type: text/plain"], b"\xff\xfe").failure(422)["code"], "E2301");
    assert_eq!(server.get(READ).status, 405);
    assert_eq!(server.get("/nope").json(), json!({"detail": "Not Found"}));
}

#[test]
fn requests_are_bounded() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let many: Vec<i64> = (0..10_001).collect();
    assert_eq!(server.post(READ, &ask(&["driver_hourly_stats:conv_rate"], &many)).failure(413)["code"], "E2302");
    assert_eq!(
        server.post(READ, &ask(&vec!["driver_hourly_stats:conv_rate"; 1001], &[1])).failure(413)["code"],
        "E2302"
    );
    let long = vec![b' '; 4 * 1024 * 1024 + 1];
    assert_eq!(server.send("POST", READ, &[], &long).failure(413)["code"], "E2302");
    let most = server.post(READ, &ask(&["driver_hourly_stats:conv_rate"], &many[1..]));
    assert_eq!(most.status, 200, "{}", most.text());
    assert_eq!(most.json()["results"][1]["values"].as_array().unwrap().len(), 10_000);
    // a body whose length nobody tells is cut as well
    let mut stream = server.connect();
    stream.write_all(b"POST /get-online-features HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x1_0000], b"\r\n"].concat();
    while stream.write_all(&chunk).is_ok() {}
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
}

#[test]
fn a_token_guards_everything_but_health() {
    let repo = Repo::materialized().file("token", "0123456789abcdef\n");
    let server = Server::start(&repo, &["--token-file", "token"]);
    let body = conv_rate().to_string();
    let with = |header: &str| server.send("POST", READ, &[header], body.as_bytes());
    let refused = with("x-nothing: y");
    assert_eq!(refused.failure(401)["class"], "FeastPermissionError");
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    assert_eq!(with("authorization: Bearer 0123456789abcdeF").status, 401);
    assert_eq!(with("authorization: Bearer 0123456789abcdef").status, 200);
    assert_eq!(server.get("/metrics").status, 401);
    assert_eq!(server.get("/nope").status, 401);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn an_open_door_has_to_be_meant() {
    let repo = Repo::materialized().file("token", "short\n");
    repo.run(["serve", "--host", "0.0.0.0", "--port", "0"]).exits(1).says(&["E2307", "--token-file", "--insecure"]);
    repo.run(["serve", "--port", "0", "--token-file", "token"]).exits(1).says(&["E2307", "16 characters"]);
    repo.run(["serve", "--port", "0", "--type", "grpc"]).exits(1).says(&["E1009"]);
    repo.run(["serve", "--port", "0", "--cert", "x"]).exits(1).says(&["TLS"]);
    let server = Server::start(&repo, &["--host", "0.0.0.0", "--insecure", "-t", "http", "-w", "4", "--no-access-log"]);
    assert_eq!(server.get("/health").status, 200);
    let taken = server.address.port().to_string();
    repo.run(["serve", "--port", &taken]).exits(1).says(&["E2308", "another program listens there"]);
}

#[test]
fn changes_of_the_registry_are_served_without_a_restart() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let renamed = json!({"feature_service": "driver_activity_2", "entities": {"driver_id": [1001]}});
    assert_eq!(server.post(READ, &renamed).status, 404);
    repo.edit("features.yaml", "name: driver_activity", "name: driver_activity_2");
    repo.run(["apply", "--allow-destroy"]).ok();
    eventually("the new service is served", || server.post(READ, &renamed).status == 200);
    let gone = json!({"feature_service": "driver_activity", "entities": {"driver_id": [1001]}});
    assert_eq!(server.post(READ, &gone).status, 404);
}

#[test]
fn a_teardown_under_a_server_and_a_new_beginning() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
    repo.run(["teardown", "--yes"]).ok();
    eventually("the view is gone", || server.post(READ, &conv_rate()).status == 404);
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    eventually("the view is back", || {
        let reply = server.post(READ, &conv_rate());
        reply.status == 200 && reply.json()["results"][1]["values"] == json!([0.5, null])
    });
    // the files themselves go: the store is away until it comes back
    for file in ["data/online_store.db", "data/online_store.db-wal", "data/online_store.db-shm"] {
        let _ = std::fs::remove_file(repo.path(file));
    }
    let reply = server.post(READ, &conv_rate());
    assert_eq!(reply.failure(404)["code"], "E1002");
    assert_eq!(server.get("/health").status, 503);
    repo.run(["apply"]).ok();
    eventually("an empty store is served", || server.post(READ, &conv_rate()).status == 200);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_registry_that_goes_away_is_served_from_memory() {
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    let (registry, away) = (repo.path("data/registry.db"), repo.path("data/away.db"));
    std::fs::rename(&registry, &away).unwrap();
    eventually("the loss is counted", || {
        !server.get("/metrics").text().contains("feast_rs_registry_failures_total 0\n")
    });
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
    assert_eq!(push_one(&server, "2024-01-01").status, 200, "nor does a push read the registry");
    std::fs::rename(&away, &registry).unwrap();
    repo.edit("features.yaml", "name: driver_activity", "name: driver_activity_2");
    repo.run(["apply", "--allow-destroy"]).ok();
    let renamed = json!({"feature_service": "driver_activity_2", "entities": {"driver_id": [1001]}});
    eventually("it is read again", || server.post(READ, &renamed).status == 200);
    server.signal("-TERM");
    let (code, said) = server.wait();
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("served as it said last").count(), 1, "told once, not ten times a second: {said}");
}

#[test]
fn what_is_materialized_is_served() {
    let repo = Repo::applied();
    let server = Server::start(&repo, &[]);
    let value = |driver: i64| {
        let answer = server.post(READ, &ask(&["driver_hourly_stats:avg_daily_trips"], &[driver])).json();
        answer["results"][1]["values"][0].clone()
    };
    assert_eq!(value(1001), Json::Null);
    let between = json!({"start_ts": "2024-01-01T00:00:00", "end_ts": "2024-01-01T02:30:00", "feature_views": ["driver_hourly_stats"]});
    let done = server.post("/materialize", &between);
    assert_eq!((done.status, done.text()), (200, "null"));
    assert_eq!(value(1001), json!(1021));
    let done = server.post("/materialize-incremental", &json!({"end_ts": "2024-01-01T03:30:00"}));
    assert_eq!((done.status, done.text()), (200, "null"));
    assert_eq!(value(1001), json!(1031));
    let begun = server.post("/materialize-incremental?async=true", &json!({"end_ts": "2024-01-02T00:00:00"}));
    assert_eq!(begun.status, 202);
    assert_eq!(begun.json(), json!({"status": "accepted", "feature_views": ["driver_hourly_stats"]}));
    eventually("the work in the background is done", || value(1001) == json!(1051));
    let metrics = server.get("/metrics");
    let done = "feast_materialization_result_total{feature_view=\"driver_hourly_stats\",status=\"success\"} ";
    assert!(metrics.text().contains(done), "{}", metrics.text());
    eventually("the server has seen the new intervals", || {
        server.get("/metrics").text().contains("feast_feature_freshness_seconds{feature_view=\"driver_hourly_stats\"")
    });
    let future = json!({"end_ts": "2199-01-01T00:00:00"});
    assert_eq!(server.post("/materialize-incremental", &future).failure(422)["code"], "E1011");
    assert_eq!(server.post("/materialize", &json!({"start_ts": "x", "end_ts": "y"})).failure(422)["code"], "E1005");
    assert_eq!(
        server.post("/materialize", &json!({"version": "v1", "disable_event_timestamp": true})).failure(422)["code"],
        "E1009"
    );
}

const PUSHED: &str = "  - type: PushSource
    name: driver_push
    batch_source: driver_stats_source

feature_views:
  - name: pushed
    entities: [driver]
    ttl: 0
    schema: [{name: conv_rate, dtype: Float32}, {name: avg_daily_trips, dtype: Int64}]
    source: driver_push
";

fn pushable() -> Repo {
    let repo = Repo::sample();
    repo.edit("features.yaml", "feature_views:\n", PUSHED);
    repo.run(["apply"]).ok();
    repo
}

fn push_one(server: &Server, time: &str) -> Reply {
    let df = json!({"driver_id": [1], "event_timestamp": [time], "conv_rate": [0.5]});
    server.post("/push", &json!({"push_source_name": "driver_push", "df": df}))
}

/// The server keeps its writers open.
#[test]
fn what_is_pushed_after_a_teardown_goes_to_the_new_store() {
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    let value = || {
        let answer = server.post(READ, &ask(&["pushed:conv_rate"], &[1]));
        (answer.status, (answer.status == 200).then(|| answer.json()["results"][1]["values"][0].clone()))
    };
    assert_eq!(push_one(&server, "2024-01-02").status, 200);
    assert_eq!(value(), (200, Some(json!(0.5))));
    repo.run(["teardown", "--yes"]).ok();
    assert_eq!(push_one(&server, "2024-01-03").failure(422)["code"], "E1006", "at once, not with the next look");
    for file in ["data/online_store.db", "data/online_store.db-wal", "data/online_store.db-shm"] {
        let _ = std::fs::remove_file(repo.path(file));
    }
    repo.run(["apply"]).ok();
    eventually("the view is back", || value() == (200, Some(Json::Null)));
    assert_eq!(push_one(&server, "2024-01-01").status, 200);
    assert_eq!(value(), (200, Some(json!(0.5))));
}

/// Clients that send large bodies slowly, or never to the end.
#[test]
#[cfg(target_os = "linux")]
fn slow_bodies_hold_nobody_up() {
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    assert_eq!(push_one(&server, "2024-01-01").status, 200);
    let before = server.peak_memory();
    let slow = |path: &str, length: usize, sent: usize| {
        let mut stream = server.connect();
        stream
            .write_all(format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").as_bytes())
            .unwrap();
        // what the server does not read stays in the buffers of the connection
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(&vec![b' '; sent]);
        stream
    };
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(slow(READ, 4 << 20, 1 << 20));
        open.push(slow("/materialize-incremental", 4 << 20, 1 << 20));
        open.push(slow("/push", 60 << 20, 1 << 20));
        open.push(slow("/push/ndjson?push_source_name=driver_push", 60 << 20, 1 << 20));
    }
    assert_eq!(push_one(&server, "2024-01-03").status, 200);
    assert_eq!(server.post(READ, &ask(&["pushed:conv_rate"], &[1])).json()["results"][1]["values"], json!([0.5]));
    let grown = server.peak_memory() - before;
    assert!(grown <= 128, "{grown} MB more");
    drop(open);
}

#[test]
fn what_is_pushed_is_served() {
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    let values = || {
        let answer = server.post(READ, &ask(&["pushed:conv_rate", "pushed:avg_daily_trips"], &[1, 2])).json();
        (answer["results"][1]["values"].clone(), answer["results"][2]["values"].clone())
    };
    let df = json!({"driver_id": [1, 2], "event_timestamp": ["2024-01-01T09:00:00", "2024-01-01T09:00:00.5"],
        "created": [null, "2024-01-01T09:00:01Z"], "conv_rate": [0.5, null], "avg_daily_trips": [7, 8]});
    let pushed = server.post("/push", &json!({"push_source_name": "driver_push", "df": df}));
    assert_eq!((pushed.status, pushed.text()), (200, ""));
    assert_eq!(values(), (json!([0.5, null]), json!([7, 8])));
    // an older event stays out, a newer one comes in, by the names that Feast's client gives the times
    for (time, trips, expected) in [("2024-01-01T08:00:00", 1, 7), ("2024-01-01T10:00:00", 2, 2)] {
        let df = json!({"driver_id": [1], "event_timestamp": [time], "created": [null], "conv_rate": [0.25], "avg_daily_trips": [trips]});
        let written = server.post("/write-to-online-store", &json!({"feature_view_name": "pushed", "df": df}));
        assert_eq!((written.status, written.text()), (200, "null"));
        assert_eq!(values().1, json!([expected, 8]));
    }
    let bulk =
        b"{\"driver_id\": 1, \"event_timestamp\": \"2024-01-02\", \"avg_daily_trips\": 3}\n{\"driver_id\": \"x\"}\n";
    let report = server.send("POST", "/push/ndjson?push_source_name=driver_push&to=online", &[], bulk);
    assert_eq!(report.status, 200, "{}", report.text());
    let report = report.json();
    assert_eq!(
        (&report["views"][0]["written"], report["refused"].as_array().unwrap().len()),
        (&json!(1), 1),
        "{report}"
    );
    assert_eq!(report["refused"][0]["record"], 2);
    assert_eq!(values(), (json!([0.25, null]), json!([3, 8])));
    let metrics = server.get("/metrics");
    assert!(
        metrics.text().contains("feast_push_request_total{push_source=\"driver_push\",mode=\"online\"} 2\n"),
        "{}",
        metrics.text()
    );
}

#[test]
fn records_that_cannot_be_stored_are_the_clients_fault_and_stop_no_other() {
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    let df = json!({"driver_id": [1, 2], "event_timestamp": ["2024-01-01", "2024-01-01"], "created": [null, null], "conv_rate": [0.5, 0.5], "avg_daily_trips": [1.7, 5]});
    let failure = server.post("/push", &json!({"push_source_name": "driver_push", "df": df})).failure(422);
    assert_eq!(failure["code"], "E2309");
    assert!(failure["message"].as_str().unwrap().contains("1 of 2 records were refused"), "{failure}");
    let stored = server.post(READ, &ask(&["pushed:avg_daily_trips"], &[1, 2])).json();
    assert_eq!(stored["results"][1]["values"], json!([null, 5]));
    let push = |body: Json| server.post("/push", &body);
    assert_eq!(
        push(json!({"push_source_name": "nope", "df": {}})).failure(422)["class"],
        "PushSourceNotFoundException"
    );
    assert_eq!(push(json!({"push_source_name": "driver_push"})).failure(422)["code"], "E2301");
    assert_eq!(
        push(json!({"push_source_name": "driver_push", "df": [], "to": "online"})).failure(422)["code"],
        "E2301"
    );
    assert_eq!(push(json!({"push_source_name": "driver_push", "df": {}, "to": "bogus"})).failure(422)["code"], "E2301");
    let lengths =
        json!({"push_source_name": "driver_push", "df": {"driver_id": [1, 2], "event_timestamp": ["2024-01-01"]}});
    assert_eq!(push(lengths).status, 422);
    let many = json!({"push_source_name": "driver_push", "df": {"driver_id": vec![1; 100_001]}});
    assert_eq!(push(many).failure(413)["code"], "E2302");
    let write = json!({"feature_view_name": "nope", "df": {}});
    assert_eq!(server.post("/write-to-online-store", &write).failure(404)["class"], "FeastObjectNotFoundException");
    assert_eq!(server.send("POST", "/push/ndjson", &[], b"").status, 422);
    assert_eq!(server.send("POST", "/push/ndjson?push_source_name=nope", &[], b"").status, 422);
}

/// Rows of the historical log of a push source.
fn logged(repo: &Repo) -> usize {
    let file = File::open(repo.path("data/driver_stats.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn a_bulk_body_that_breaks_off_says_what_is_stored_and_a_retry_doubles_nothing() {
    /// Records of one commit of a view with two features.
    const COMMIT: usize = 16_384;
    let repo = pushable();
    let server = Server::start(&repo, &[]);
    let before = logged(&repo);
    let line = |id: usize| {
        format!(
            "{{\"driver_id\": {id}, \"event_timestamp\": 1709251200, \"created\": 1709251200, \"conv_rate\": 0.5, \"avg_daily_trips\": {id}}}\n"
        )
    };
    let body: String = (0..40_000).map(line).collect();
    let path = "/push/ndjson?push_source_name=driver_push&to=online_and_offline";
    // what arrives ends in the middle of a record
    let begin = |key: &str| {
        let part = &body.as_bytes()[..=(body.len() * 3 / 4)];
        let mut stream = server.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(part).unwrap();
        stream
    };
    let retry = |key: &str| {
        let reply = server.send("POST", path, &[&format!("idempotency-key: {key}")], body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        let report = reply.json();
        assert_eq!((&report["records"], &report["refused_count"]), (&json!(40_000), &json!(0)), "{report}");
        report
    };
    let stream = begin("a");
    stream.shutdown(Shutdown::Write).unwrap();
    let failure = Reply::read(stream).failure(408);
    assert_eq!(failure["code"], "E2304", "{failure}");
    for words in ["the first 16384 records are stored, and no more: the body did not arrive whole", "Idempotency-Key"] {
        assert!(failure["message"].as_str().unwrap().contains(words), "{failure}");
    }
    assert_eq!(logged(&repo), before + COMMIT);
    assert_eq!(retry("a")["repeated"], json!(COMMIT));
    assert_eq!(logged(&repo), before + 40_000);
    // nobody is left to be told, and the retry comes while the first may still be at work
    drop(begin("b"));
    retry("b");
    assert_eq!(retry("b")["repeated"], json!(40_000));
    assert_eq!(logged(&repo), before + 80_000);
}

#[test]
fn metrics_have_feasts_names() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
    assert_eq!(server.post(READ, &json!({})).status, 422);
    let metrics = server.get("/metrics");
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    for line in [
        "feast_feature_server_request_total{endpoint=\"/get-online-features\",status=\"200\"} 1\n",
        "feast_feature_server_request_total{endpoint=\"/get-online-features\",status=\"422\"} 1\n",
        "feast_online_features_request_total 1\n",
        "feast_online_features_status_total{feature_view=\"driver_hourly_stats\",status=\"NOT_FOUND\"} 1\n",
        "feast_online_features_status_total{feature_view=\"driver_hourly_stats\",status=\"PRESENT\"} 1\n",
        "feast_rs_connections ",
    ] {
        assert!(metrics.text().contains(line), "{line}{}", metrics.text());
    }
    let document = server.get("/openapi.json").json();
    assert!(document["paths"]["/get-online-features"]["post"].is_object());
}

#[test]
fn one_connection_serves_many_requests_and_a_broken_one_no_other() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let body = conv_rate().to_string();
    let request = format!("POST {READ} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = server.connect();
    // pipelined: all are sent before the first is read
    stream.write_all(request.repeat(3).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 200 OK").count(), 3, "{all}");
    // ends in the middle of a head, of a body, and with what is no HTTP
    for part in [&request[..20], &request[..request.len() - 5], "\u{16}\u{3}\u{1}\0\0"] {
        let mut stream = server.connect();
        stream.write_all(part.as_bytes()).unwrap();
        drop(stream);
    }
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
}

#[test]
fn a_signal_ends_it_after_the_requests_at_work() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let body = conv_rate().to_string();
    let mut idle = server.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).unwrap();
    let mut busy = server.connect();
    write!(busy, "POST {READ} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    // the request is at work once its beginning has arrived: `expect` makes the server say so
    let mut asked = server.connect();
    write!(asked, "POST {READ} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len())
        .unwrap();
    let mut more = [0; 25];
    asked.read_exact(&mut more).unwrap();
    assert!(more.starts_with(b"HTTP/1.1 100"), "{:?}", String::from_utf8_lossy(&more));
    server.signal("-TERM");
    // new connections are not taken any more, while those at work are served
    eventually("it stops listening", || {
        std::net::TcpStream::connect_timeout(&server.address, Duration::from_secs(1)).is_err()
    });
    asked.write_all(body.as_bytes()).unwrap();
    assert_eq!(Reply::read(asked).status, 200);
    drop((idle, busy));
    let (code, said) = server.wait();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("shutting down"), "{said}");
}

/// Bodies that are wrong, large or both: each is the client's fault, and all together take a bounded amount of memory.
#[test]
#[cfg(target_os = "linux")]
fn a_storm_of_bodies_takes_little_memory() {
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    server.post(READ, &conv_rate());
    let before = server.peak_memory();
    let deep = |mark: &str| mark.repeat(2_000_000).into_bytes();
    let long = |text: &str, count: usize| text.repeat(count).into_bytes();
    let bodies: [(&str, Vec<u8>); 8] = [
        (READ, deep("[")),
        (READ, deep("{\"a\":")),
        (
            READ,
            [
                &br#"{"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": ["#[..],
                &long("1001,", 700_000),
            ]
            .concat(),
        ),
        (READ, long("\u{0}\u{1}\u{2}", 1_300_000)),
        ("/push", [&br#"{"push_source_name": "x", "df": {"a": ["#[..], &long("\"\\ud800\",", 2_000_000)].concat()),
        ("/push", long("x", 60 << 20)),
        ("/write-to-online-store", deep("{\"df\":[")),
        ("/push/ndjson?push_source_name=x", long("{\"driver_id\": \"\n", 1_000_000)),
    ];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (server, bodies) = (&server, &bodies);
            scope.spawn(move || {
                for (path, body) in bodies {
                    let reply = server.send("POST", path, &[], body);
                    assert!((400..500).contains(&reply.status), "{path}: {}", reply.head);
                }
            });
        }
    });
    assert_eq!(server.post(READ, &conv_rate()).status, 200);
    let grown = server.peak_memory() - before;
    // two bodies with records at a time, of 64 MiB at most, and what is made of them
    assert!(grown <= 256, "{grown} MB more");
}
