//! One place where rows of a view lie: its batch source, which may go through a transformation, or its log.

use std::path::Path;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType as Arrow;

use crate::error::Error;
use crate::feature_store::RefusedValue;
use crate::feature_store::transformation::Steps;
use crate::model::{DataSource, FeatureView, Field};
use crate::row::{DeclaredColumn, Refusal, RowError, ViewLayout};
use crate::source::SourceError;
use crate::source::parquet::{Dataset, Judge, RefusedRow, Scan, Step};

/// Files with rows of a view.
pub(super) struct Side<'a> {
    source: &'a DataSource,
    /// the column of the event time, as it is in a view or in the files
    event: &'a str,
    pub dataset: Dataset,
    steps: Option<Steps>,
    /// how many join keys a transformation computes before the features
    keys: usize,
    /// the columns that features are made of, by their names in the files
    columns: Vec<String>,
    /// the requested features; with a transformation all features, for a record is refused as a whole
    features: Vec<DeclaredColumn>,
    /// where the requested features are among `features`
    places: Vec<usize>,
    /// rows of the sides before this one
    pub first_row: u64,
}

/// Features of some rows.
#[derive(Default)]
pub(super) struct Gathered {
    /// one a requested feature
    pub columns: Vec<ArrayRef>,
    /// values that do not fit; they are null
    pub unfit: Vec<RefusedRow>,
    /// rows that cannot be computed, ascending: they are no rows of the view
    pub bad: Vec<u64>,
}

impl<'a> Side<'a> {
    /// Opens files whose columns are features already; `event` is the column of their event time.
    pub fn plain(
        source: &'a DataSource,
        event: &'a str,
        path: &Path,
        layout: &ViewLayout,
        requested: &[&Field],
    ) -> Result<Self, Error> {
        let dataset = Dataset::open(path)?;
        let (mut features, mut columns) = (Vec::new(), Vec::new());
        for field in requested {
            let column = source.column_of(&field.name).to_owned();
            let found = dataset.column(&column)?;
            features.push(declared(&dataset, field, &column, found)?);
            columns.push(column);
        }
        let places = (0..features.len()).collect();
        let side = Self { source, event, dataset, steps: None, keys: 0, columns, features, places, first_row: 0 };
        side.scan(layout)?;
        Ok(side)
    }

    /// Opens files whose rows go through the view's transformation.
    pub fn transformed(
        view: &FeatureView,
        source: &'a DataSource,
        path: &Path,
        layout: &ViewLayout,
        requested: &[&Field],
    ) -> Result<Self, Error> {
        let dataset = Dataset::open(path)?;
        let event = &source.timestamp_field;
        let Some(transformation) = &view.transformation else {
            return Self::plain(source, event, path, layout, requested);
        };
        let steps = Steps::compile(view, transformation, source, layout, &dataset)?;
        let keys = layout.join_keys.len();
        let mut features = Vec::new();
        for (field, found) in layout.features.iter().zip(steps.compute().outputs().fields().iter().skip(keys)) {
            features.push(declared(&dataset, field, &field.name, found.data_type())?);
        }
        let place = |field: &&Field| layout.features.iter().position(|known| known.name == field.name);
        let places = requested.iter().filter_map(place).collect();
        let columns = steps.compute().inputs().to_vec();
        let side = Self { source, event, dataset, steps: Some(steps), keys, columns, features, places, first_row: 0 };
        side.scan(layout)?;
        Ok(side)
    }

    /// The types of the requested features.
    pub fn types(&self) -> Vec<Arrow> {
        self.requested().map(|feature| feature.arrow_type().clone()).collect()
    }

    fn requested(&self) -> impl Iterator<Item = &DeclaredColumn> {
        self.places.iter().filter_map(|place| self.features.get(*place))
    }

    /// Bytes of one row in the columns that features are made of, on average.
    pub fn row_bytes(&self) -> u64 {
        self.dataset.row_bytes(&self.columns)
    }

    /// Reads join keys and times, through the transformation where there is one.
    pub fn scan(&self, layout: &ViewLayout) -> Result<Scan<'_>, Error> {
        let dates = self.source.timestamp_field_type == "DATE";
        if let Some(steps) = &self.steps {
            return Ok(steps.scan(&self.dataset, layout, dates)?);
        }
        let column = |name: &str| self.source.column_of(name).to_owned();
        let created = &self.source.created_timestamp_column;
        let keys = layout.join_keys.iter().map(|key| column(&key.name)).collect();
        let created = (!created.is_empty()).then(|| column(created));
        Ok(Scan::new(&self.dataset, keys, column(self.event), created, dates)?)
    }

    /// Tells rows that can be computed; `None` where all can.
    pub fn judge(&self) -> Option<&dyn Judge> {
        self.steps.is_some().then_some(self as &dyn Judge)
    }

    /// The requested features of these rows of the side, which are in order; numbered among all sides.
    pub fn gather(&self, rows: &[u64], types: &[Arrow]) -> Result<Gathered, Error> {
        let wanted = rows.iter().map(|row| row - self.first_row);
        let columns = self.dataset.gather(&self.columns, wanted)?.columns(0..rows.len())?;
        let mut gathered = match &self.steps {
            None => self.fitted(&columns, rows)?,
            Some(steps) => self.computed(steps.compute(), &columns, rows)?,
        };
        for (column, wanted) in gathered.columns.iter_mut().zip(types) {
            if column.data_type() != wanted {
                *column = cast(column, wanted).map_err(|error| Error::internal("put features together", error))?;
            }
        }
        Ok(gathered)
    }

    fn fitted(&self, columns: &[ArrayRef], rows: &[u64]) -> Result<Gathered, Error> {
        let mut gathered = Gathered::default();
        for (feature, column) in self.features.iter().zip(columns) {
            let (converted, refused) = feature.convert(column)?;
            let unfit =
                refused.into_iter().filter_map(|refusal| Some(RefusedRow { row: *rows.get(refusal.row)?, refusal }));
            gathered.unfit.extend(unfit);
            gathered.columns.push(converted);
        }
        Ok(gathered)
    }

    fn computed(&self, compute: &dyn Step, inputs: &[ArrayRef], rows: &[u64]) -> Result<Gathered, Error> {
        let failed = |error| Error::internal("compute features", error);
        let computed = compute.run(rows.len(), inputs).map_err(failed)?;
        let mut bad: Vec<usize> = computed.refused.iter().map(|refusal| refusal.row).collect();
        let features = computed.columns.get(self.keys..).unwrap_or_default();
        let mut converted = Vec::new();
        for (feature, column) in self.features.iter().zip(features) {
            let (column, refused) = feature.convert(column)?;
            bad.extend(refused.iter().filter_map(|refusal| computed.rows.get(refusal.row)).map(|row| *row as usize));
            converted.push(column);
        }
        bad.sort_unstable();
        bad.dedup();
        let mut places: Vec<Option<u32>> = vec![None; rows.len()];
        for (place, row) in (0_u32..).zip(&computed.rows) {
            places.iter_mut().skip(*row as usize).take(1).for_each(|slot| *slot = Some(place));
        }
        let places = UInt32Array::from(places);
        let columns = self.places.iter().filter_map(|place| converted.get(*place));
        let columns = columns.map(|column| take(column, &places, None)).collect::<Result<_, _>>().map_err(failed)?;
        let bad = bad.into_iter().filter_map(|row| rows.get(row).copied()).collect();
        Ok(Gathered { columns, unfit: Vec::new(), bad })
    }

    /// A refused row as a user finds it; numbered among all sides.
    pub fn refused_value(&self, refused: &RefusedRow) -> RefusedValue {
        let RefusedRow { row, refusal } = refused;
        let (file, row) = self.dataset.place(row - self.first_row);
        RefusedValue {
            file: file.display().to_string(),
            row,
            column: refusal.column.clone(),
            value: refusal.value.clone(),
            reason: refusal.reason.clone(),
        }
    }

    /// No rows.
    pub fn nothing(types: &[Arrow]) -> Vec<ArrayRef> {
        types.iter().map(|dtype| new_null_array(dtype, 0)).collect()
    }
}

impl Judge for Side<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn refused(&self, rows: usize, columns: &[ArrayRef]) -> Result<Vec<Refusal>, SourceError> {
        let Some(steps) = &self.steps else { return Ok(Vec::new()) };
        let decode = |source| SourceError::Decode { path: self.dataset.path().to_owned(), source };
        let computed = steps.compute().run(rows, columns).map_err(decode)?;
        let mut refused = computed.refused;
        for (feature, column) in self.features.iter().zip(computed.columns.iter().skip(self.keys)) {
            let (_, unfit) = feature.convert(column)?;
            refused.extend(
                unfit
                    .into_iter()
                    .filter_map(|refusal| Some(Refusal { row: *computed.rows.get(refusal.row)? as usize, ..refusal })),
            );
        }
        refused.sort_by_key(|refusal| refusal.row);
        refused.dedup_by_key(|refusal| refusal.row);
        Ok(refused)
    }
}

fn declared(dataset: &Dataset, field: &Field, column: &str, found: &Arrow) -> Result<DeclaredColumn, Error> {
    DeclaredColumn::new(&field.name, found, &field.dtype).map_err(|error| match error {
        RowError::Column { reason, .. } => Error::Source(SourceError::WrongType {
            path: dataset.path().to_owned(),
            column: column.to_owned(),
            role: format!("feature `{}` ({})", field.name, field.dtype),
            reason,
            hint: Some("change the declared type, or the file".to_owned()),
        }),
        other => Error::Row(other),
    })
}
