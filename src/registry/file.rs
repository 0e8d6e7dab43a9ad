//! Feast's file registry: one serialized `feast.core.Registry`. It is read, and imported, never written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use prost::Message as _;
use rusqlite::params;

use super::apply::Writer;
use super::error::{Doing, RegistryError, RowDamage};
use super::snapshot::{Content, Row, Snapshot};
use super::sql;
use super::store::{self, Registry};
use super::table::{INFRA_NAME, Table};
use crate::model::Timestamp;
use crate::proto::core;
use crate::proto::wire;

/// A file registry with more bytes is something else: 256 MiB.
const LARGEST: u64 = 256 << 20;

/// The project `project` in the file registry at `path`.
///
/// # Errors
/// The file cannot be read, is no file registry, or has a damaged object.
pub fn read_file(path: &Path, project: &str) -> Result<Snapshot, RegistryError> {
    read_serialized(&read_bytes(path)?, path, project)
}

/// The project `project` in the bytes of a file registry, which came from `path`.
///
/// # Errors
/// The bytes are no file registry, or one with a damaged object.
pub fn read_serialized(bytes: &[u8], path: &Path, project: &str) -> Result<Snapshot, RegistryError> {
    let contents = Contents::parse(bytes, project)
        .map_err(|source| RegistryError::NotFileRegistry { path: path.to_owned(), source })?;
    let content = Content { rows: contents.rows, project_uuid: contents.project_uuid, ..Content::default() };
    Snapshot::new(project, content, Vec::new())
}

impl Registry {
    /// Brings the file registry at `path` in here: every object of this project, kinds that we do not model included,
    /// and its version history. Returns the number of objects.
    ///
    /// # Errors
    /// `NotEmpty` where the project has objects here, `NotFileRegistry`, or a damaged object; then nothing was written.
    pub fn import_file(&mut self, path: &Path, now: Timestamp) -> Result<usize, RegistryError> {
        const DOING: &str = "import a registry";
        let bytes = read_bytes(path)?;
        let project = self.project.clone();
        let contents = Contents::parse(&bytes, &project)
            .map_err(|source| RegistryError::NotFileRegistry { path: path.to_owned(), source })?;
        let transaction = self.begin(DOING)?;
        if !store::read(&transaction, &project)?.rows.is_empty() {
            return Err(RegistryError::NotEmpty(project));
        }
        let writer = Writer { transaction: &transaction, project: &project, now };
        for row in &contents.rows {
            writer.row(row.table, &row.name, &row.proto)?;
        }
        for record in &contents.history {
            writer.execute(
                sql::INSERT_VERSION,
                params![
                    record.feature_view_name,
                    project,
                    record.version_number,
                    record.feature_view_type,
                    record.feature_view_proto,
                    record.created_timestamp.map_or(0, |at| at.seconds),
                    record.description,
                    record.version_id,
                ],
            )?;
        }
        if let Some(uuid) = &contents.project_uuid {
            let seconds = now.micros().div_euclid(1_000_000);
            writer.execute(sql::INSERT_METADATA, params![project, "project_uuid", uuid, seconds])?;
        }
        writer.touch()?;
        transaction.commit().doing(DOING)?;
        Ok(contents.rows.iter().filter(|row| row.table != Table::ManagedInfra).count())
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let failed = |source| RegistryError::File { doing: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "a registry has 256 MiB at most")));
    }
    Ok(bytes)
}

/// One project of a file registry.
#[derive(Default)]
struct Contents {
    rows: Vec<Row>,
    history: Vec<core::FeatureViewVersionRecord>,
    project_uuid: Option<String>,
}

impl Contents {
    fn parse(bytes: &[u8], project: &str) -> Result<Self, RowDamage> {
        // its two metadata fields are read for the shape of the file: any other file fails here
        let registry = core::Registry::decode(bytes)?;
        let mut contents = Self::default();
        for field in wire::fields(bytes)? {
            let (Some(place), wire::Content::Bytes(proto)) = (Place::of(field.number), field.content) else { continue };
            if let Some(name) = place.name(proto, project)? {
                contents.rows.push(Row { table: place.table, name, proto: proto.to_vec() });
            }
        }
        contents.project_uuid =
            registry.project_metadata.into_iter().find(|m| m.project == project).map(|m| m.project_uuid);
        let history = registry.feature_view_version_history.unwrap_or_default().records;
        contents.history = history.into_iter().filter(|record| record.project_id == project).collect();
        Ok(contents)
    }
}

/// Where the objects of one field of `feast.core.Registry` go, and where in them name and project stand.
struct Place {
    table: Table,
    /// name and project stand in the spec (field 1) rather than at the top
    in_spec: bool,
    name: u32,
    /// `None`: one for all projects
    project: Option<u32>,
}

impl Place {
    fn of(field: u32) -> Option<Self> {
        let place = |table, in_spec, name, project| Some(Self { table, in_spec, name, project });
        match field {
            1 => place(Table::Entities, true, 1, Some(9)),
            6 => place(Table::FeatureViews, true, 1, Some(2)),
            7 => place(Table::FeatureServices, true, 1, Some(2)),
            8 => place(Table::OnDemandFeatureViews, true, 1, Some(2)),
            10 => place(Table::ManagedInfra, false, 0, None),
            11 => place(Table::SavedDatasets, true, 1, Some(2)),
            12 => place(Table::DataSources, false, 20, Some(21)),
            13 => place(Table::ValidationReferences, false, 1, Some(3)),
            14 => place(Table::StreamFeatureViews, true, 1, Some(2)),
            16 => place(Table::Permissions, true, 1, Some(2)),
            17 => place(Table::Projects, true, 1, Some(1)),
            19 => place(Table::LabelViews, true, 1, Some(2)),
            _ => None,
        }
    }

    /// The name of an object of `project`; `None` for one of another.
    fn name(&self, proto: &[u8], project: &str) -> Result<Option<String>, RowDamage> {
        let Some(project_field) = self.project else { return Ok(Some(INFRA_NAME.to_owned())) };
        let inner = if self.in_spec { wire::submessage(proto, 1)?.unwrap_or_default() } else { proto };
        let text = |number| -> Result<String, RowDamage> {
            let bytes = wire::submessage(inner, number)?.unwrap_or_default();
            let text = std::str::from_utf8(bytes).map_err(|error| RowDamage::Column(error.to_string()))?;
            Ok(text.to_owned())
        };
        Ok(if text(project_field)? == project { Some(text(self.name)?) } else { None })
    }
}
