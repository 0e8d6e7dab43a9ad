//! Enhanced fan-out: however a subscription breaks or ends, it goes on behind the last record.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::faults::on_threads;
use crate::kills::reshard_under_load;
use crate::load::Load;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::fault::{Fault, Rule, When, next_random};
use crate::simulator::{Options, Simulator};
use crate::tally::Tally;

const SUBSCRIBE: &str = "SubscribeToShard";

fn fanned_out() -> Source {
    Source::fast().with("enhanced_fan_out: true").with("consumer_name: reader")
}

fn open() -> Options {
    Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        consumer_creation: 100,
        ..Options::default()
    }
}

#[test]
fn subscriptions_that_break_lose_nothing() {
    let mut cases = vec![
        Fault::CorruptFrame(1),
        Fault::CutFrame(1),
        Fault::ErrorFrame(1),
        Fault::SilentFrames(1),
        Fault::EarlyEnd(1),
        Fault::CorruptFrame(0),
        Fault::CutFrame(0),
        Fault::ErrorFrame(0),
        Fault::EarlyEnd(0),
        Fault::Status(500),
        Fault::error("ResourceInUseException"),
        Fault::error("LimitExceededException"),
    ];
    for code in ["InternalFailureException", "ResourceInUseException", "KMSThrottlingException"] {
        cases.push(Fault::ExceptionFrame(1, code.to_owned()));
    }
    let template = Reader::new(&Simulator::start(open()), &fanned_out());
    let tally = Tally::new("`stream-ingest` by fan-out, each way in which a subscription breaks");
    let survives = |fault: &Fault| {
        let simulator = Simulator::start(open());
        simulator.create(STREAM, 1);
        let mut load = Load::new(&simulator);
        // more than an event holds
        load.put(&simulator, 1_500);
        simulator.update_shard_count(STREAM, 2);
        load.put(&simulator, 1_500);
        simulator.script(Rule::new(SUBSCRIBE, When::Call(1), fault.clone()));
        let reader = template.copied(&simulator);
        let report = reader.catch_up();
        assert_eq!(report["records"], load.count(), "{fault:?}: {report}");
        assert_eq!(reader.newest(), *load.expected(), "{fault:?}");
        let statistics = simulator.statistics();
        assert!(statistics.faults() > 0, "{fault:?}: no call failed");
        assert!(statistics.count(SUBSCRIBE) > 3, "{fault:?}: it did not subscribe again");
        assert_eq!(statistics.count("GetRecords"), 0, "{fault:?}: it polled");
    };
    on_threads(cases.len() as u64, |number| {
        let fault = &cases[usize::try_from(number).unwrap()];
        tally.attempt(|| survives(fault));
    });
    tally.report();
}

/// kinesis-local sends none.
#[test]
fn an_event_stream_without_its_initial_response_is_read() {
    let simulator = Simulator::start(open());
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 1_500);
    simulator.update_shard_count(STREAM, 2);
    load.put(&simulator, 1_500);
    simulator.script(Rule::new(SUBSCRIBE, When::Always, Fault::NoInitialResponse));
    let reader = Reader::new(&simulator, &fanned_out());
    assert_eq!(reader.catch_up()["records"], load.count());
    assert_eq!(reader.newest(), *load.expected());
    assert_eq!(simulator.statistics().count("GetRecords"), 0, "it polled");
}

#[test]
fn a_subscription_that_has_lived_its_life_is_followed_by_the_next() {
    let simulator = Simulator::start(Options { subscription_life: 2_000, ..open() });
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &fanned_out());
    let mut load = Load::new(&simulator);
    let mut running = Running::start(reader.ingest(&[]));
    for _ in 0..3 {
        load.put(&simulator, 100);
        running.until("everything is read", || reader.newest() == *load.expected());
        let subscriptions = simulator.statistics().count(SUBSCRIBE);
        running.until("the next subscription", || simulator.statistics().count(SUBSCRIBE) > subscriptions);
    }
    let statistics = simulator.statistics();
    let calls = statistics.calls(SUBSCRIBE, "shardId-000000000000");
    assert!(calls.windows(2).all(|pair| pair[1].at - pair[0].at >= 5_000), "{calls:?}");
    assert!(calls.iter().all(|call| call.refused.is_none()), "a subscription was refused: {calls:?}");
}

#[test]
fn killed_at_any_time_while_it_is_resharded() {
    let simulator = Arc::new(Simulator::start(Options { subscription_spacing: 0, ..open() }));
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &fanned_out());
    let loading = thread::spawn({
        let simulator = Arc::clone(&simulator);
        move || reshard_under_load(&simulator)
    });
    let tally = Tally::new("`stream-ingest` by fan-out, killed at any time, under load");
    let mut random = 5;
    for _ in 0..12 {
        let mut running = Running::start(reader.ingest(&[]));
        thread::sleep(Duration::from_millis(200 + next_random(&mut random) % 600));
        running.kill();
        tally.count();
    }
    let load = loading.join().unwrap();
    tally.check(|| {
        reader.catch_up();
        assert_eq!(reader.newest(), *load.expected());
    });
    tally.report();
}

/// Where fan-out is refused, records come by polling, and that is said.
#[test]
fn it_falls_back_to_polling_where_it_is_refused() {
    let simulator = Simulator::start(open());
    simulator.create(STREAM, 1);
    simulator.script(Rule::new("RegisterStreamConsumer", When::Always, Fault::error("AccessDeniedException")));
    let reader = Reader::new(&simulator, &fanned_out());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 10);
    let answer = reader.run(&[]).ok();
    assert_eq!(reader.newest(), *load.expected());
    assert!(answer.stderr.contains("polled"), "{}", answer.all());
}

/// A consumer that somebody else registered is used and left.
#[test]
fn a_consumer_is_registered_once_used_again_and_deregistered_on_request() {
    let simulator = Simulator::start(open());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &fanned_out());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 10);
    reader.catch_up();
    reader.catch_up();
    assert_eq!(simulator.statistics().count("RegisterStreamConsumer"), 1);
    assert_eq!(simulator.statistics().count("DeregisterStreamConsumer"), 0);
    reader.repo.run(["kinesis", "deregister"]).ok();
    assert_eq!(simulator.stream(STREAM, |stream| stream.consumers.len()), 0);
}

/// The five minutes of a subscription, on the simulator's clock.
#[test]
fn a_subscription_that_is_cut_after_five_minutes_goes_on_behind_its_last_record() {
    let simulator = Simulator::start(open());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &fanned_out());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 100);
    let mut running = Running::start(reader.ingest(&[]));
    running.until("everything is read", || reader.newest() == *load.expected());
    let subscriptions = simulator.statistics().count(SUBSCRIBE);
    simulator.advance(300_000);
    load.put(&simulator, 100);
    running.until("everything is read again", || reader.newest() == *load.expected());
    assert!(simulator.statistics().count(SUBSCRIBE) > subscriptions, "the subscription was not cut");
    running.kill();
    assert_eq!(reader.catch_up()["records"], 0);
}
