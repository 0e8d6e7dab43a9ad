//! `decode` is the inverse of `encode`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixtures::{file_source, golden_definitions, kinesis_source, own_definitions, push_source, trips, view};
use crate::model::{
    Aggregation, DataSource, DataType, Definitions, FeatureView, Field, KinesisOptions, LateRecords, OnGap, SourceKind,
    Span, StartPosition, Timestamp, Transformation, ViewKind,
};
use crate::registry::decode::Object;
use crate::registry::encode::encode;
use crate::registry::message::Message;

fn there_and_back(definitions: &Definitions) -> Definitions {
    let mut back = Definitions::default();
    for row in encode(definitions, &BTreeMap::new()) {
        let message = Message::decode(row.message.table(), &row.message.encode()).unwrap().unwrap();
        let object = Object::decode(&message).unwrap();
        assert_eq!(object.id(), row.id);
        object.add_to(&mut back);
    }
    back
}

/// Encoding names every source that is reached; their order means nothing.
fn without_sources(definitions: &Definitions) -> Definitions {
    let mut views = definitions.feature_views.clone();
    for view in &mut views {
        // such a view has its join keys among its features, whether or not they were written there
        if view.kind == ViewKind::StreamFeatureView && !view.is_kinesis() {
            view.features.retain(|feature| feature.name != "driver_id");
        }
    }
    views.sort_by_key(|view| (view.kind == ViewKind::StreamFeatureView, view.name.clone()));
    Definitions { data_sources: Vec::new(), feature_views: views, ..definitions.clone() }
}

#[test]
fn definitions_come_back_as_they_were() {
    for definitions in [golden_definitions(), own_definitions()] {
        let mut back = without_sources(&there_and_back(&definitions));
        // a service's copy of a batch source is that of the stored view: the sink of a logged stream
        for service in &mut back.feature_services {
            for (projection, original) in service
                .features
                .iter_mut()
                .zip(&definitions.feature_services.iter().find(|s| s.name == service.name).unwrap().features)
            {
                projection.batch_source.clone_from(&original.batch_source);
            }
        }
        assert_eq!(back, without_sources(&definitions));
    }
}

#[test]
fn every_source_is_registered_once() {
    let back = there_and_back(&own_definitions());
    let mut names: Vec<&str> = back.data_sources.iter().map(|source| source.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bonus", "driver_trips_src", "late_src", "log_src", "logged_src", "p"]);
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 _'\"{}\\\\\u{e9}\u{1F600}-]{0,12}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}"
}

fn span() -> impl Strategy<Value = Option<Span>> {
    proptest::option::of((0..8_640_000_000_000_000_i64).prop_map(Span::from_micros))
}

fn transformation() -> impl Strategy<Value = Option<Transformation>> {
    let pairs = proptest::collection::btree_map(name(), text(), 1..4);
    let expressions = (pairs, proptest::option::of("[a-z]{1,9}"))
        .prop_map(|(pairs, filter)| Transformation::Expressions { expressions: pairs.into_iter().collect(), filter });
    let text = prop_oneof![text().prop_map(Transformation::Sql), "[a-z]{1,9}".prop_map(Transformation::UdfString)];
    proptest::option::of(prop_oneof![expressions, text])
}

fn options() -> impl Strategy<Value = KinesisOptions> {
    let start = prop_oneof![
        Just(StartPosition::Latest),
        Just(StartPosition::TrimHorizon),
        (0..4_000_000_000_000_000_i64).prop_map(|at| StartPosition::AtTimestamp(Timestamp::from_micros(at))),
    ];
    let late = prop_oneof![Just(LateRecords::Write), Just(LateRecords::Drop), Just(LateRecords::DeadLetter)];
    let texts = (proptest::option::of(text()), proptest::option::of(text()), text(), proptest::option::of(text()));
    (start, 1..10_000_u32, 0.1..5.0_f64, any::<[bool; 3]>(), late, texts).prop_map(
        |(start, max_records, reads_per_second, [fan_out, deaggregate, warn], late, texts)| KinesisOptions {
            start,
            endpoint_url: texts.0,
            max_records,
            reads_per_second,
            enhanced_fan_out: fan_out,
            consumer_name: texts.1,
            deaggregate,
            dead_letter: texts.2,
            late,
            on_gap: if warn { OnGap::Warn } else { OnGap::Fail },
            stream_arn: texts.3,
        },
    )
}

fn source() -> impl Strategy<Value = DataSource> {
    let kinesis = (options(), span()).prop_map(|(options, watermark)| {
        let mut source = kinesis_source("stream");
        if let SourceKind::Kinesis(kinesis) = &mut source.kind {
            kinesis.options = options;
            kinesis.watermark_delay_threshold = watermark;
        }
        source
    });
    let mapping = proptest::collection::btree_map(name(), name(), 0..3);
    let file =
        (text(), mapping).prop_map(|(path, field_mapping)| DataSource { field_mapping, ..file_source("file", &path) });
    prop_oneof![kinesis, file, Just(push_source("push")), Just(trips())]
}

fn dtype() -> impl Strategy<Value = DataType> {
    let scalar = proptest::sample::select(DataType::SCALARS.iter().map(|(_, dtype)| dtype.clone()).collect::<Vec<_>>());
    scalar.prop_flat_map(|scalar| {
        let listed = DataType::array(scalar.clone()).unwrap_or(DataType::Int64);
        let nested = DataType::array(listed.clone()).unwrap_or(DataType::Int64);
        proptest::sample::select(vec![scalar, listed, nested, DataType::Struct(vec![("a".into(), DataType::String)])])
    })
}

fn any_view() -> impl Strategy<Value = FeatureView> {
    let kind =
        prop_oneof![Just(ViewKind::FeatureView), Just(ViewKind::BatchFeatureView), Just(ViewKind::StreamFeatureView),];
    let features = proptest::collection::btree_map(name(), (dtype(), text()), 0..5);
    let aggregation = (name(), span(), span()).prop_map(|(column, time_window, slide_interval)| Aggregation {
        column,
        function: "sum".to_owned(),
        time_window,
        slide_interval,
        name: String::new(),
    });
    let aggregations = proptest::collection::vec(aggregation, 0..3);
    let sink = proptest::option::of(Just(file_source("sink", "data/sink")));
    let what = (features, source(), transformation(), aggregations, sink);
    (kind, what, span(), any::<[bool; 5]>(), proptest::option::of("[a-z]{1,6}"), text(), text(), span()).prop_map(
        |(kind, (features, source, transformation, aggregations, sink), ttl, flags, mode, words, tag, hop)| {
            let [online, offline, tiling, validation, enabled] = flags;
            // what no repo can say: a stream view needs a stream, a sink needs one too, Feast's native mode is never empty
            let kind =
                if source.is_stream() || kind != ViewKind::StreamFeatureView { kind } else { ViewKind::FeatureView };
            let native = kind == ViewKind::StreamFeatureView;
            let sink_source = sink.filter(|_| native);
            let features = features
                .into_iter()
                .map(|(name, (dtype, description))| Field { description, ..Field::new(name, dtype) });
            FeatureView {
                kind,
                features: features.filter(|field| field.name != "driver_id").collect(),
                ttl,
                online,
                offline,
                sink_source,
                mode: if native { Some(mode.unwrap_or("python".into())) } else { mode },
                transformation,
                aggregations,
                timestamp_field: words.clone(),
                enable_tiling: tiling,
                tiling_hop_size: hop,
                enable_validation: validation,
                enabled,
                tags: super::fixtures::tags(&[("t", &tag)]),
                description: words,
                ..view("v", 1, source)
            }
        },
    )
}

proptest! {
    #[test]
    fn any_view_comes_back(view in any_view()) {
        let definitions = Definitions { feature_views: vec![view], ..Definitions::default() };
        let back = without_sources(&there_and_back(&definitions));
        prop_assert_eq!(back.feature_views, without_sources(&definitions).feature_views);
    }

    #[test]
    fn damaged_rows_are_told_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for table in crate::registry::Table::ALL {
            if let Ok(Some(message)) = Message::decode(table, &bytes) {
                let _ = Object::decode(&message);
                let _ = message.bare();
            }
        }
    }
}
