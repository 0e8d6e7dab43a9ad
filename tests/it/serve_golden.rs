//! The requests that Feast 0.67's own server was asked, asked again: the same answers, but for the listed differences.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::harness::Repo;
use crate::http::Server;

/// Number of the request, our status, and why it is another than Feast's, or why the body is.
const DIFFERENCES: &[(usize, u16, &str)] = &[
    (9, 422, "the client can mend it: no 5xx, which its client would repeat"),
    (11, 404, "there is no such feature"),
    (13, 404, "a join key that nobody knows, with the nearest that there is"),
    (14, 422, "no reference"),
    (15, 422, "two features of one name"),
    (16, 422, "a value that is no join key"),
    (17, 422, "a null that is no join key"),
    (18, 422, "no features"),
    (19, 422, "the same status, in the form of every other failure"),
    (21, 422, "the same status, in the form of every other failure"),
    (25, 422, "no such place to push to"),
    (26, 200, "times with and without a fraction in one column are read, where Feast's rewriting of the file fails"),
    (29, 422, "the same status, in the form of every other failure"),
    (30, 422, "columns of different lengths"),
    (33, 422, "a window that ends before it begins"),
    (34, 422, "no window"),
    (35, 422, "no time"),
    (38, 422, "an earlier run has recorded a later end: nothing would be read, without a word"),
    (39, 422, "the same status, in the form of every other failure"),
    (40, 422, "no time"),
    (41, 404, "there is no vector search"),
    (42, 404, "there is no vector search"),
    (43, 404, "there is no vector search"),
    (44, 404, "there is no vector search"),
    (45, 404, "there is no chat"),
    (46, 200, "metrics are on the same port"),
];

/// The repo that Python Feast made and served, in a folder of its own.
fn golden_repo() -> Repo {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast/repo");
    let repo = Repo::new();
    for file in ["data/registry.db", "data/online_store.db", "data/driver_trips.parquet"] {
        repo.write(file, std::fs::read(golden.join(file)).unwrap());
    }
    let settings = std::fs::read_to_string(golden.join("feature_store.yaml")).unwrap();
    repo.file("feature_store.yaml", settings + "\nfeast_rs: {ttl_on_read: false}\n")
}

/// The columns of an answer by their names: Feast's order of features is unspecified.
fn by_name(answer: &Json) -> Option<Map<String, Json>> {
    let names = answer.get("metadata")?.get("feature_names")?.as_array()?;
    let columns = answer.get("results")?.as_array()?.iter().cloned();
    Some(names.iter().map(|name| name.as_str().unwrap().to_owned()).zip(columns).collect())
}

#[test]
fn feasts_own_requests_are_answered_as_feast_did() {
    let repo = golden_repo();
    let server = Server::start(&repo, &[]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast/rest.json");
    let golden: Json = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let requests = golden["server"].as_array().unwrap();
    assert_eq!(requests.len(), 48);
    for (number, request) in requests.iter().enumerate() {
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let body = match &request["body"] {
            Json::Null => String::new(),
            body => body.get("$raw").map_or_else(|| body.to_string(), |raw| raw.as_str().unwrap().to_owned()),
        };
        let reply = server.send(method, path, &[], body.as_bytes());
        let status = request["status"].as_u64().unwrap();
        let label = format!("{number}: {method} {path} {body}\n-> {} {}", reply.status, reply.text());
        if let Some((_, ours, why)) = DIFFERENCES.iter().find(|(known, ..)| *known == number) {
            assert_eq!(reply.status, *ours, "{why}: {label}");
            assert!(reply.status < 500, "{label}");
            continue;
        }
        assert_eq!(u64::from(reply.status), status, "{label}");
        compare(&request["response"], reply.text(), &label);
    }
}

fn compare(theirs: &Json, ours: &str, label: &str) {
    if *theirs == json!("") {
        assert_eq!(ours, "", "{label}");
        return;
    }
    let ours: Json = serde_json::from_str(ours).unwrap_or_else(|error| panic!("{error}: {label}"));
    if let Some(columns) = by_name(theirs) {
        assert_eq!(by_name(&ours), Some(columns), "{label}");
        return;
    }
    // a failure: a text that holds an object, with the class that Feast's client raises
    let object = |json: &Json| json.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    match (object(theirs), object(&ours)) {
        (Some(theirs), Some(ours)) => {
            assert_eq!((&ours["module"], &ours["class"]), (&theirs["module"], &theirs["class"]), "{label}");
        }
        _ => assert_eq!(&ours, theirs, "{label}"),
    }
}
