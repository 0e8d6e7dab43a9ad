//! A piece becomes rows of every view.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::input::{Piece, RecordForm};
use super::log::logged;
use super::plan::{PlannedView, PushPlan};
use super::refused::{Judgements, Refused};
use crate::error::{Error, IngestError};
use crate::feature_store::records::{NO_FEATURE, NotAfter, RowOptions, ViewRows};
use crate::model::Timestamp;
use crate::offline::DeadLetter;
use crate::online::{Conflict, LogRows, TableRows, WriteSet};
use crate::source::json::{DecodedRecords, RecordOrigin, TOO_LARGE, rows_of_columns};
use crate::source::pushed::{CsvHeader, MAX_RECORD, Records};

/// A line of CSV that is no record.
const NOT_CSV: &str = "E2013";
/// A line that is no dead letter.
const NO_LETTER: &str = "E2014";
/// A record that the historical log cannot hold.
const NOT_LOGGED: &str = "E2015";

/// Rows of a piece, ready to be stored.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// rows of each view
    pub views: Vec<EncodedView>,
    /// records that cannot be stored
    pub refused: Vec<Refused>,
    /// records of the piece
    pub records: u64,
    /// keys of records that no view knows
    pub extra: u64,
}

/// Rows of one view.
#[derive(Clone, Debug)]
pub struct EncodedView {
    /// name of the view
    pub view: String,
    /// records that it was offered
    pub read: u64,
    /// records that its filter leaves out
    pub filtered: u64,
    /// feature values of the rows that the store takes
    pub values: u64,
    /// feature values that a newer row of the piece replaces
    pub superseded: u64,
    /// what the store takes
    pub rows: TableRows,
    /// what logs take with the same commit
    pub log: Vec<LogRows>,
}

/// Encodes the pieces of one push, one after the other.
#[derive(Debug)]
pub struct Encoder<'p> {
    plan: &'p PushPlan,
    /// one a view, once the first line was read
    headers: Option<Vec<CsvHeader>>,
    /// records before the next piece
    before: u64,
}

impl Encoded {
    /// What is to be committed for one view.
    #[must_use]
    pub fn write_set(plan: &PushPlan, view: &EncodedView) -> WriteSet {
        let rows = if plan.request.to.online() { vec![view.rows.clone()] } else { Vec::new() };
        WriteSet { rows, conflict: plan.conflict, log: view.log.clone(), ..WriteSet::default() }
    }
}

/// A line of CSV: its place among the records, and the JSON that it stands for.
type CsvLine = (usize, Result<Vec<u8>, String>);

/// Records of a piece as texts, and those that are none.
struct Texts<'a> {
    payloads: Vec<&'a [u8]>,
    wrong: Vec<(usize, &'static str, String)>,
}

impl<'p> Encoder<'p> {
    /// An encoder of the pieces of one push.
    #[must_use]
    pub fn new(plan: &'p PushPlan) -> Self {
        Self { plan, headers: None, before: 0 }
    }

    /// Rows of the next piece. Events after `not_after` are refused.
    ///
    /// # Errors
    /// A header of CSV that names nothing, a table or an object of columns that is none, a type that never fits.
    pub fn encode(&mut self, piece: &Piece, not_after: Timestamp) -> Result<Encoded, Error> {
        let plan = self.plan;
        match piece {
            Piece::Records(records, RecordForm::Json) => self.texts(&plain(records), |_| plain(records), not_after),
            Piece::Records(records, RecordForm::DeadLetter) => {
                let (bytes, wrong) = letters(records);
                let texts = || Texts { payloads: bytes.iter().map(Vec::as_slice).collect(), wrong: wrong.clone() };
                self.texts(&texts(), |_| texts(), not_after)
            }
            Piece::Records(records, RecordForm::Csv) => self.csv(records, not_after),
            Piece::Columns(text) => {
                let decode = |planned: &PlannedView| {
                    planned.path.decoder().decode_columnar(text).map_err(|error| {
                        Error::invalid(
                            format!("{} [{}]", error.message, error.code),
                            "an object of columns looks like {\"driver_id\": [1001, 1002], \"conv_rate\": [0.5, 0.6]}",
                        )
                    })
                };
                let decoded = plan.views.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
                let rows = decoded.first().map_or(0, count);
                let texts = |refused: &[u32]| rows_of_columns(text, refused);
                self.finish(&decoded, rows, &by_index, &texts, not_after)
            }
            Piece::Table(table) => {
                let decoded = plan.views.iter().map(|planned| planned.path.from_table(table));
                let decoded = decoded.collect::<Result<Vec<_>, _>>()?;
                let texts = |refused: &[u32]| rows_of_table(table, refused);
                self.finish(&decoded, table.num_rows() as u64, &by_index, &texts, not_after)
            }
        }
    }

    fn csv(&mut self, records: &Records, not_after: Timestamp) -> Result<Encoded, Error> {
        let first = usize::from(self.headers.is_none());
        let headers = match self.headers.take() {
            Some(headers) => headers,
            None => self.headers(records)?,
        };
        let lines: Vec<Vec<CsvLine>> = headers
            .iter()
            .map(|header| {
                let line = |(place, line)| {
                    let mut out = Vec::new();
                    let made = header.push_json(line, &mut out).map(|()| out);
                    (place, made)
                };
                records.iter().enumerate().skip(first).map(line).collect()
            })
            .collect();
        self.headers = Some(headers);
        let texts = |view: usize| {
            let mut texts = Texts { payloads: Vec::new(), wrong: Vec::new() };
            for (place, line) in lines.get(view).into_iter().flatten() {
                let payload = texts.payloads.len();
                let is_cut = records.cut.contains(place);
                match line {
                    Ok(json) if !is_cut => texts.payloads.push(json),
                    line => {
                        let (code, reason) = match line {
                            _ if is_cut => (TOO_LARGE, too_large()),
                            Err(reason) => (NOT_CSV, reason.clone()),
                            Ok(_) => (NOT_CSV, String::new()),
                        };
                        texts.payloads.push(b"");
                        texts.wrong.push((payload, code, reason));
                    }
                }
            }
            texts
        };
        let originals: Vec<&[u8]> = records.iter().skip(first).collect();
        let shown = texts(0);
        let shown = Texts {
            payloads: shown
                .payloads
                .iter()
                .zip(originals)
                .map(|(json, line)| if json.is_empty() { line } else { *json })
                .collect(),
            wrong: shown.wrong.clone(),
        };
        self.texts(&shown, texts, not_after)
    }

    fn headers(&self, records: &Records) -> Result<Vec<CsvHeader>, Error> {
        let line = records.iter().next().unwrap_or_default();
        let header = |planned: &PlannedView| CsvHeader::new(line, planned.path.decoder().columns());
        let headers: Result<Vec<_>, _> = self.plan.views.iter().map(header).collect();
        headers.map_err(|error| {
            Error::invalid(error.to_string(), "say what it is with `--format json|ndjson|csv|parquet`")
        })
    }

    /// Records of JSON: one payload a record. `shown`: what a dead letter keeps of each.
    fn texts<'a>(
        &mut self,
        shown: &Texts<'a>,
        of_view: impl Fn(usize) -> Texts<'a>,
        not_after: Timestamp,
    ) -> Result<Encoded, Error> {
        let mut decoded = Vec::with_capacity(self.plan.views.len());
        for (place, planned) in self.plan.views.iter().enumerate() {
            let mut texts = of_view(place);
            // what is wrong is not read: a record that has lost its middle may be one again
            for (payload, ..) in &texts.wrong {
                if let Some(text) = texts.payloads.get_mut(*payload) {
                    *text = b"";
                }
            }
            let view = || planned.view.name.clone();
            let mut records = planned
                .path
                .decoder()
                .decode(texts.payloads.iter().copied())
                .map_err(|source| IngestError::Columns { view: view(), source })?;
            for (payload, code, message) in texts.wrong {
                let payload = u32::try_from(payload).unwrap_or(u32::MAX);
                // nothing is no JSON either; what was wrong before is what is told
                records.refused.retain(|refused| refused.origin.payload != payload);
                let origin = RecordOrigin { payload, index: 0, start: 0, end: 0 };
                records.refused.push(crate::source::json::RefusedRecord { origin, code, message, whole: true });
            }
            decoded.push(records);
        }
        let texts = |refused: &[u32]| {
            refused.iter().map(|payload| shown.payloads.get(*payload as usize).map_or(vec![], |p| p.to_vec())).collect()
        };
        self.finish(&decoded, shown.payloads.len() as u64, &by_payload, &texts, not_after)
    }

    /// Rows of decoded records. `number` gives a record's number in the piece, from 0; `texts` the texts of some of them.
    fn finish(
        &mut self,
        decoded: &[DecodedRecords],
        records: u64,
        number: &dyn Fn(&RecordOrigin) -> u32,
        texts: &dyn Fn(&[u32]) -> Vec<Vec<u8>>,
        not_after: Timestamp,
    ) -> Result<Encoded, Error> {
        let before = self.before;
        self.before += records;
        let place = |origin: &RecordOrigin| (before + u64::from(number(origin)) + 1, origin.index);
        let mut judged = Judgements::new(decoded.len());
        let (mut kept, mut filtered, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        let options = RowOptions {
            cast: self.plan.request.cast,
            not_after: NotAfter::Same(not_after),
            wanted: None,
            newest: self.plan.request.to.online() && self.plan.conflict == Conflict::NewestWins,
        };
        for (planned, decoded) in self.plan.views.iter().zip(decoded) {
            let name = &planned.view.name;
            let evaluated = planned.path.evaluate(decoded)?;
            filtered.push(evaluated.filtered);
            let rows = planned.path.encode(decoded, evaluated, &options)?;
            for refused in decoded.refused.iter().chain(&rows.refused) {
                judged.add(place(&refused.origin), refused.code, &refused.message, name);
            }
            let nothing = rows.empty.iter().filter_map(|record| decoded.origins.get(*record as usize));
            empty.push(nothing.map(place).collect::<Vec<_>>());
            kept.push(rows);
        }
        self.tell_empty(&empty, &mut judged);
        let logs = logged(&self.plan.views, &kept)?;
        for log in &logs {
            let (Some(decoded), Some(planned)) = (decoded.get(log.view), self.plan.views.get(log.view)) else {
                continue;
            };
            for (record, reason) in &log.refused {
                if let Some(origin) = decoded.origins.get(*record as usize) {
                    judged.add(place(origin), NOT_LOGGED, reason, &planned.view.name);
                }
            }
        }
        let parts = self.plan.views.iter().zip(decoded).zip(kept.into_iter().zip(filtered));
        let mut views: Vec<EncodedView> =
            parts.map(|((planned, decoded), (rows, filtered))| encoded(planned, decoded, rows, filtered)).collect();
        for log in logs.into_iter().filter(|log| log.rows.batch.num_rows() > 0) {
            if let Some(view) = views.get_mut(log.view) {
                view.log.push(log.rows);
            }
        }
        let mut wanted: Vec<u32> = Vec::new();
        let refused = judged.told(|_| Vec::new());
        for refused in &refused {
            wanted.extend(u32::try_from(refused.record.saturating_sub(before + 1)));
        }
        let bytes = if self.plan.request.dead_letter.is_some() { texts(&wanted) } else { Vec::new() };
        let mut refused = refused;
        for (refused, bytes) in refused.iter_mut().zip(bytes) {
            refused.bytes = bytes;
        }
        let extra = decoded.iter().map(|decoded| decoded.extra).min().unwrap_or(0);
        Ok(Encoded { views, refused, records, extra })
    }

    /// A record that no view takes anything of is refused by all.
    fn tell_empty(&self, empty: &[Vec<(u64, u32)>], judged: &mut Judgements) {
        let Some((first, others)) = empty.split_first() else { return };
        for place in first {
            if !judged.has(*place) && others.iter().all(|other| other.binary_search(place).is_ok()) {
                for planned in &self.plan.views {
                    judged.add(*place, NO_FEATURE, "it brings no feature", &planned.view.name);
                }
            }
        }
    }
}

fn encoded(planned: &PlannedView, decoded: &DecodedRecords, rows: ViewRows, filtered: u64) -> EncodedView {
    let features = rows.batch.layout().features.len();
    let brought: Vec<usize> = (0..features).filter(|feature| rows.batch.brings(*feature)).collect();
    let values =
        rows.batch.rows().map(|row| brought.iter().filter(|feature| row.cell(**feature).is_some()).count() as u64);
    let superseded = (rows.rows.len() - rows.batch.len()) as u64 * brought.len() as u64;
    EncodedView {
        view: planned.view.name.clone(),
        read: count(decoded),
        filtered,
        values: values.sum(),
        superseded,
        log: Vec::new(),
        rows: TableRows { table: planned.table.clone(), batch: Arc::new(rows.batch) },
    }
}

fn count(decoded: &DecodedRecords) -> u64 {
    (decoded.origins.len() + decoded.refused.len()) as u64
}

fn by_payload(origin: &RecordOrigin) -> u32 {
    origin.payload
}

fn by_index(origin: &RecordOrigin) -> u32 {
    origin.index
}

fn too_large() -> String {
    format!("a record of more than {} MiB", MAX_RECORD >> 20)
}

fn plain(records: &Records) -> Texts<'_> {
    let wrong = records.cut.iter().map(|place| (*place, TOO_LARGE, too_large()));
    Texts { payloads: records.iter().collect(), wrong: wrong.collect() }
}

/// The payloads of dead letters, and the lines that are none.
#[allow(clippy::type_complexity, reason = "payloads, and what is wrong with those that are none")]
fn letters(records: &Records) -> (Vec<Vec<u8>>, Vec<(usize, &'static str, String)>) {
    let (mut payloads, mut wrong) = (Vec::new(), Vec::new());
    for (place, line) in records.iter().enumerate() {
        let letter = DeadLetter::parse(line);
        match letter {
            Ok(letter) if !records.cut.contains(&place) => payloads.push(letter.payload.bytes().unwrap_or_default()),
            Ok(_) => {
                payloads.push(line.to_vec());
                wrong.push((place, TOO_LARGE, too_large()));
            }
            Err(reason) => {
                payloads.push(line.to_vec());
                wrong.push((place, NO_LETTER, format!("no dead letter: {reason}")));
            }
        }
    }
    (payloads, wrong)
}

/// Rows of a table as JSON objects; one that has no form in JSON is empty.
fn rows_of_table(table: &RecordBatch, rows: &[u32]) -> Vec<Vec<u8>> {
    let row = |row: &u32| {
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        let written = writer.write(&table.slice(*row as usize, 1)).and_then(|()| writer.finish());
        written.map(|()| writer.into_inner().trim_ascii().to_vec()).unwrap_or_default()
    };
    rows.iter().map(row).collect()
}
