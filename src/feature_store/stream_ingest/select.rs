//! Which views are filled from which streams.

use crate::error::{Error, StreamIngestError};
use crate::feature_store::FeatureStore;
use crate::model::{DataSource, FeatureView, KinesisSource, RecordFormat, SourceKind};
use crate::registry::Snapshot;

use super::{Destination, StreamIngestRequest};

/// A stream with the views that it fills. It is read once.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// the views' source
    pub source: DataSource,
    /// what of it is Kinesis's
    pub kinesis: KinesisSource,
    /// at least one
    pub views: Vec<StreamView>,
}

/// A view to fill.
#[derive(Clone, Debug)]
pub(super) struct StreamView {
    pub view: FeatureView,
    /// its table in the online store
    pub table: String,
    pub to: Destination,
}

impl Stream {
    /// What a user calls it.
    pub fn name(&self) -> &str {
        let options = &self.kinesis.options;
        options.stream_arn.as_deref().unwrap_or(&self.kinesis.stream_name)
    }
}

impl FeatureStore<'_> {
    /// The streams of the request's views, in the order of the registry.
    pub(super) fn kinesis_streams(
        &self,
        snapshot: &Snapshot,
        request: &StreamIngestRequest,
    ) -> Result<Vec<Stream>, Error> {
        let mut streams: Vec<Stream> = Vec::new();
        for view in selected(snapshot, &request.views)? {
            let Some((source, kinesis)) = stream_of(view) else { continue };
            let to = request.to.unwrap_or_else(|| Destination::declared(view));
            if !to.online && !to.offline {
                continue;
            }
            check_supported(view, kinesis)?;
            let stored = StreamView { view: view.clone(), table: self.table_of(snapshot, &view.name), to };
            if let Some(stream) = streams.iter_mut().find(|stream| stream.source == *source) {
                stream.views.push(stored);
            } else {
                let (source, kinesis) = (source.clone(), kinesis.clone());
                streams.push(Stream { source, kinesis, views: vec![stored] });
            }
        }
        match (streams.is_empty(), request.views.first()) {
            (false, _) => Ok(streams),
            (true, None) => Err(StreamIngestError::NoStreams.into()),
            (true, Some(view)) => Err(Error::invalid(
                format!("the view `{view}` is neither served online nor logged"),
                "say where its rows go with `--to online`, or set `online: true` in its definition",
            )),
        }
    }
}

/// The views that were named, or all with a stream.
fn selected<'a>(snapshot: &'a Snapshot, names: &[String]) -> Result<Vec<&'a FeatureView>, Error> {
    let all = &snapshot.definitions.feature_views;
    if names.is_empty() {
        return Ok(all.iter().filter(|view| view.is_kinesis() && view.enabled).collect());
    }
    let mut found: Vec<&FeatureView> = Vec::new();
    for name in names {
        let view = snapshot.definitions.feature_view(name);
        let streams = || all.iter().filter(|view| view.is_kinesis()).map(|view| view.name.as_str());
        let view = view.ok_or_else(|| Error::not_found("feature view", name.as_str(), streams()))?;
        if !view.is_kinesis() {
            return Err(StreamIngestError::NoStream { view: name.clone() }.into());
        }
        if !view.enabled {
            return Err(Error::invalid(format!("feature view `{name}` is disabled"), "set `enabled: true` and apply"));
        }
        if !found.iter().any(|known| known.name == view.name) {
            found.push(view);
        }
    }
    Ok(found)
}

fn stream_of(view: &FeatureView) -> Option<(&DataSource, &KinesisSource)> {
    let source = view.stream_source.as_ref()?;
    match &source.kind {
        SourceKind::Kinesis(kinesis) => Some((source, kinesis)),
        _ => None,
    }
}

fn check_supported(view: &FeatureView, kinesis: &KinesisSource) -> Result<(), StreamIngestError> {
    let unsupported = |what: &str, hint: &str| {
        Err(StreamIngestError::Unsupported { view: view.name.clone(), what: what.to_owned(), hint: hint.to_owned() })
    };
    if !view.aggregations.is_empty() {
        return unsupported("it has aggregations, which are registered only", "aggregate before the records are put");
    }
    match &kinesis.record_format {
        RecordFormat::Json(_) => Ok(()),
        RecordFormat::Avro(_) => unsupported(
            "its records are Avro, which is registered only",
            "put records as JSON, with `type: JsonFormat`",
        ),
        RecordFormat::Proto(_) => unsupported(
            "its records are protobuf, which is registered only",
            "put records as JSON, with `type: JsonFormat`",
        ),
    }
}
