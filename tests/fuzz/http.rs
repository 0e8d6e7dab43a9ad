//! The server that the fuzz target for request bodies talks to, without a socket between them.

use std::path::PathBuf;
use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use feast_rs::feature_store::{FeatureStore, Location, PlanScope};
use feast_rs::model::Timestamp;
use feast_rs::server::{Server, Setup};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Runtime;

const PATHS: &[&str] = &[
    "/get-online-features",
    "/push",
    "/write-to-online-store",
    "/materialize",
    "/materialize-incremental",
    "/push/ndjson?push_source_name=pushed",
];

const SETTINGS: &str = "\
project: fuzz
provider: local
registry: {registry_type: sql, path: \"sqlite:///registry.db\"}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
";

const DEFINITIONS: &str = "\
entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64}
  - {name: shop, join_keys: [shop_id], value_type: STRING}
data_sources:
  - {type: FileSource, name: files, path: none.parquet, timestamp_field: ts, created_timestamp_column: created}
  - {type: PushSource, name: pushed, batch_source: files}
feature_views:
  - name: v
    entities: [driver]
    ttl: 1d
    source: pushed
    schema: [{name: f, dtype: Float32}, {name: n, dtype: Int64}, {name: s, dtype: String}, {name: l, dtype: Array(Int64)}]
  - {name: w, entities: [shop], ttl: 0, source: files, schema: [{name: t, dtype: UnixTimestamp}]}
feature_services:
  - {name: all, features: [v, {feature_view: w, name_alias: x, join_key_map: {shop_id: y}}]}
";

static SERVER: LazyLock<(Runtime, TowerToHyperService<Router>)> = LazyLock::new(start);

/// The first byte chooses the endpoint, the rest is the body. No body makes the server fail.
pub fn post(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    let (runtime, service) = &*SERVER;
    let request = Request::post(path).body(Body::from(body.to_vec())).unwrap();
    let (status, answer) = runtime.block_on(async {
        let response = service.call(request).await.unwrap();
        (response.status().as_u16(), to_bytes(response.into_body(), usize::MAX).await.unwrap())
    });
    assert!((200..500).contains(&status), "{path}: {status} {}", String::from_utf8_lossy(&answer));
}

/// A server over a repo of its own, which stays until the process ends.
fn start() -> (Runtime, TowerToHyperService<Router>) {
    let folder = std::env::temp_dir().join(format!("feast-rs-http-bodies-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let router = server(folder).into_router();
    (runtime, TowerToHyperService::new(router))
}

fn server(folder: PathBuf) -> Server {
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("feature_store.yaml"), SETTINGS).unwrap();
    std::fs::write(folder.join("features.yaml"), DEFINITIONS).unwrap();
    let location = Location { directory: folder, ..Location::default() };
    let store = FeatureStore::open(&location, &|_| None).unwrap();
    let now = Timestamp::from_micros(1_795_377_600_000_000);
    let planned = store.plan(PlanScope { skip_source_validation: true, ..PlanScope::default() }, now).unwrap();
    store.apply(&planned, now).unwrap();
    let clock = || Timestamp::from_micros(1_795_377_600_000_000);
    Server::new(Setup { store, token: None, clock, log: Box::new(|_| {}) }).unwrap()
}
