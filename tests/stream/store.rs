//! An online store that refuses a transaction: what is not stored is read again.

use rusqlite::Connection;

use crate::load::record;
use crate::repo::{Reader, STREAM, Source};
use crate::simulator::{Options, Simulator};

fn open() -> Options {
    Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        records_per_page: 10,
        ..Options::default()
    }
}

/// The one that comes next is made while the one before is written, and must not be stored in its stead.
#[test]
fn a_transaction_that_fails_is_not_passed_by_the_next() {
    const RECORDS: i64 = 2_000;
    let simulator = Simulator::start(open());
    simulator.create(STREAM, 1);
    let event = simulator.now();
    for number in 1..=RECORDS {
        simulator.put(STREAM, "k", record(number, event, number));
    }
    let reader = Reader::new(&simulator, &Source::fast());
    for poison in [5, 1_000] {
        let online = Connection::open(reader.repo.path("data/online.db")).unwrap();
        let refuses = format!(
            "CREATE TRIGGER poison BEFORE INSERT ON p_counts WHEN NEW.value_text = '{poison}' AND NEW.feature_name = 'n' \
             BEGIN SELECT RAISE(ABORT, 'refused on purpose'); END"
        );
        online.execute_batch(&refuses).unwrap();
        let answer = reader.run(&[]);
        assert_ne!(answer.code, 0, "{}", answer.all());
        assert!(answer.stderr.contains("refused on purpose"), "{}", answer.all());
        let stored = reader.newest();
        let first_missing = (1..=RECORDS).find(|number| !stored.contains_key(number)).unwrap();
        assert!(first_missing <= poison, "{first_missing}");
        assert_eq!(
            stored.len(),
            usize::try_from(first_missing - 1).unwrap(),
            "what lies behind the failure is not stored"
        );
        online.execute_batch("DROP TRIGGER poison").unwrap();
    }
    reader.catch_up();
    assert_eq!(reader.newest(), (1..=RECORDS).map(|number| (number, number)).collect());
}
