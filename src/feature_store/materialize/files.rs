//! The files of a view: its batch source, and the log of its stream where it has one.

use std::sync::Arc;

use crate::error::MaterializeError;
use crate::feature_store::transformation::Steps;
use crate::model::{DataSource, FeatureView, Settings, SourceKind};
use crate::row::{Cast, ViewLayout};
use crate::source::SourceError;
use crate::source::parquet::{Dataset, Scan, Winners};

/// Files with rows of a view, opened.
pub(super) struct Files<'a> {
    pub source: &'a DataSource,
    pub dataset: Dataset,
    /// the column of the event time, as it is in a view or in the files
    event: &'a str,
    /// what their rows go through
    steps: Option<Steps>,
}

/// The batch source, through the view's transformation, and then the log, whose rows are transformed already. A log that is
/// not there yet, or has no row, is none.
///
/// # Errors
/// Sources that we do not read, files that cannot be read, a transformation that does not fit them.
pub(super) fn files<'a>(
    settings: &Settings,
    view: &'a FeatureView,
    layout: &ViewLayout,
) -> Result<Vec<Files<'a>>, MaterializeError> {
    let source = batch_source(view)?;
    if source.timestamp_field.is_empty() {
        return Err(MaterializeError::NoTimestampField { view: view.name.clone(), name: source.name.clone() });
    }
    let dataset = open(settings, view, source)?;
    let steps = match &view.transformation {
        None => None,
        Some(transformation) => Some(Steps::compile(view, transformation, source, layout, &dataset)?),
    };
    let mut all = vec![Files { source, dataset, event: &source.timestamp_field, steps }];
    if let Some(source) = view.sink_source.as_ref().filter(|_| view.source_views.is_empty()) {
        match open(settings, view, source) {
            Ok(dataset) if dataset.rows() == 0 => {}
            Ok(dataset) => all.push(Files { source, dataset, event: view.logged_event(source), steps: None }),
            Err(MaterializeError::Source(SourceError::Missing { .. } | SourceError::NoFiles { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn open(settings: &Settings, view: &FeatureView, source: &DataSource) -> Result<Dataset, MaterializeError> {
    Ok(Dataset::open(&settings.resolve(&source_path(view, source)?))?)
}

impl Files<'_> {
    /// Reads join keys and times.
    ///
    /// # Errors
    /// A column that is not there, or is of another type.
    pub fn scan(&self, layout: &ViewLayout) -> Result<Scan<'_>, MaterializeError> {
        let dates = self.source.timestamp_field_type == "DATE";
        if let Some(steps) = &self.steps {
            return steps.scan(&self.dataset, layout, dates);
        }
        let column = |name: &str| self.source.column_of(name).to_owned();
        let created = &self.source.created_timestamp_column;
        let keys = layout.join_keys.iter().map(|key| column(&key.name)).collect();
        let created = (!created.is_empty()).then(|| column(created));
        Ok(Scan::new(&self.dataset, keys, column(self.event), created, dates)?)
    }

    /// Reads the features of the newest rows that `scan` finds.
    ///
    /// # Errors
    /// A column that is not there, or can never be stored as declared.
    pub fn winners<'s>(
        &self,
        scan: &'s Scan<'s>,
        layout: &Arc<ViewLayout>,
        cast: Cast,
    ) -> Result<Winners<'s>, MaterializeError> {
        let features: Vec<String> =
            layout.features.iter().map(|field| self.source.column_of(&field.name).to_owned()).collect();
        Ok(Winners::new(scan, layout, &features, cast)?)
    }
}

pub(super) fn check_supported(view: &FeatureView) -> Result<(), MaterializeError> {
    let unsupported = |what: &str, hint: &str| {
        Err(MaterializeError::Unsupported { view: view.name.clone(), what: what.to_owned(), hint: hint.to_owned() })
    };
    if !view.aggregations.is_empty() {
        return unsupported("it has aggregations, which are registered only", "aggregate before the rows are written");
    }
    if view.transformation.is_some() && !view.source_views.is_empty() {
        return unsupported(
            "its transformation reads other views, which feast-rs does not run",
            "write the transformed rows to its `sink_source`, and define a view over that without a transformation",
        );
    }
    Ok(())
}

fn batch_source(view: &FeatureView) -> Result<&DataSource, MaterializeError> {
    let own = view.batch_source.as_ref().and_then(DataSource::batch);
    let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
    source.ok_or_else(|| MaterializeError::NoBatchSource { view: view.name.clone() })
}

fn source_path(view: &FeatureView, source: &DataSource) -> Result<String, MaterializeError> {
    use crate::model::FileFormat::Delta;
    let unsupported = |what: String| MaterializeError::Unsupported {
        view: view.name.clone(),
        what,
        hint: "materialize it with Python, or name parquet files in a FileSource".to_owned(),
    };
    match &source.kind {
        SourceKind::File(file) if file.file_format == Some(Delta) => {
            Err(unsupported(format!("its source `{}` is a Delta table", source.name)))
        }
        SourceKind::File(file) => Ok(file.path.clone()),
        _ => Err(unsupported(format!("its source `{}` is a {}", source.name, source.class_name()))),
    }
}
