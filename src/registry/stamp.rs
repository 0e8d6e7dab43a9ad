//! What a row gets when it is written: times, and what the replaced row had that a definition does not decide.

use std::collections::BTreeMap;

use prost::Message as _;

use super::error::RowDamage;
use super::message::Message;
use super::plan::{Put, Version, Write};
use super::snapshot::Content;
use super::table::Table;
use crate::model::Timestamp;
use crate::proto::core;
use crate::proto::core::{FeatureViewMeta, FeatureViewProjection, OnDemandFeatureViewMeta, SourceMeta};
use crate::proto::{well_known, wire};

/// The time of one application, and the times that each source has after it.
pub(super) struct Stamps<'a> {
    project: &'a str,
    now: well_known::Timestamp,
    sources: BTreeMap<String, SourceMeta>,
}

/// An instant as protobuf has it.
pub(super) fn instant(at: Timestamp) -> well_known::Timestamp {
    let (seconds, nanos) = at.to_proto();
    well_known::Timestamp { seconds, nanos }
}

impl<'a> Stamps<'a> {
    /// Nested copies of a source carry the times of its own row.
    pub(super) fn new(project: &'a str, now: Timestamp, content: &Content, writes: &[Write]) -> Self {
        let now = instant(now);
        let stored = content.rows.iter().filter(|row| row.table == Table::DataSources);
        let mut sources: BTreeMap<String, SourceMeta> = stored
            .filter_map(|row| Some((row.name.clone(), core::DataSource::decode(&*row.proto).ok()?.meta?)))
            .collect();
        for write in writes {
            if let Write::Put(put) = write
                && let Message::DataSource(source) = &put.message
            {
                let meta = sources.entry(source.name.clone()).or_default();
                meta.created_timestamp.get_or_insert(now);
                meta.last_updated_timestamp = Some(now);
            }
        }
        Self { project, now, sources }
    }

    /// The bytes of a row.
    pub(super) fn finish(&self, put: &Put) -> Result<Vec<u8>, RowDamage> {
        let mut message = put.message.clone();
        self.stamp(&mut message, put)?;
        let bytes = message.encode();
        match &put.stored {
            Some(stored) if put.moved_from.as_ref().is_none_or(|(table, _)| *table == message.table()) => {
                carry(stored, bytes, &message)
            }
            _ => Ok(bytes),
        }
    }

    fn stamp(&self, message: &mut Message, put: &Put) -> Result<(), RowDamage> {
        let stored = put.stored.as_deref().unwrap_or_default();
        let old_meta = wire::submessage(stored, 2)?.unwrap_or_default();
        // asked of messages whose second field is their meta part: that of a source is its field mapping
        let created = || created(old_meta).map(|created| created.or(Some(self.now)));
        let updated = Some(self.now);
        match message {
            Message::Project(m) => {
                m.meta = Some(core::ProjectMeta { created_timestamp: created()?, last_updated_timestamp: updated });
            }
            Message::Entity(m) => {
                m.meta = Some(core::EntityMeta { created_timestamp: created()?, last_updated_timestamp: updated });
            }
            Message::FeatureService(m) => {
                m.meta =
                    Some(core::FeatureServiceMeta { created_timestamp: created()?, last_updated_timestamp: updated });
                let projections = m.spec.iter_mut().flat_map(|spec| &mut spec.features);
                projections.for_each(|projection| self.projection(projection));
            }
            Message::DataSource(m) => self.source(m),
            Message::FeatureView(m) => {
                m.meta = Some(self.view_meta(old_meta, put.version)?);
                if let Some(spec) = &mut m.spec {
                    self.view(spec);
                    spec.project = self.project_of(put.version);
                }
            }
            Message::StreamFeatureView(m) => {
                m.meta = Some(self.view_meta(old_meta, put.version)?);
                if let Some(spec) = &mut m.spec {
                    spec.batch_source.iter_mut().for_each(|source| self.source(source));
                    spec.stream_source.iter_mut().for_each(|source| self.source(source));
                    spec.project = self.project_of(put.version);
                }
            }
            Message::OnDemandFeatureView(m) => {
                m.meta = Some(self.on_demand_meta(old_meta, put.version)?);
                if let Some(spec) = &mut m.spec {
                    spec.sources.values_mut().for_each(|source| self.on_demand_source(source));
                    spec.project = self.project_of(put.version);
                }
            }
        }
        Ok(())
    }

    /// Feast names the project in a view only at its creation and at a new version.
    fn project_of(&self, version: Version) -> String {
        if version == Version::Same { String::new() } else { self.project.to_owned() }
    }

    fn view_meta(&self, old: &[u8], version: Version) -> Result<FeatureViewMeta, RowDamage> {
        let mut meta = FeatureViewMeta::decode(old)?;
        meta.created_timestamp.get_or_insert(self.now);
        meta.last_updated_timestamp = Some(self.now);
        if let Version::New { number, .. } = version {
            meta.current_version_number = number;
        }
        Ok(meta)
    }

    fn on_demand_meta(&self, old: &[u8], version: Version) -> Result<OnDemandFeatureViewMeta, RowDamage> {
        let mut meta = OnDemandFeatureViewMeta::decode(old)?;
        meta.created_timestamp.get_or_insert(self.now);
        meta.last_updated_timestamp = Some(self.now);
        if let Version::New { number, .. } = version {
            meta.current_version_number = number;
        }
        Ok(meta)
    }

    fn view(&self, spec: &mut core::FeatureViewSpec) {
        spec.batch_source.iter_mut().for_each(|source| self.source(source));
        spec.stream_source.iter_mut().for_each(|source| self.source(source));
        spec.source_views.iter_mut().for_each(|view| self.view(view));
    }

    fn projection(&self, projection: &mut FeatureViewProjection) {
        projection.batch_source.iter_mut().for_each(|source| self.source(source));
    }

    fn on_demand_source(&self, source: &mut core::OnDemandSource) {
        match &mut source.source {
            Some(core::OnDemandSourceSource::FeatureViewProjection(projection)) => self.projection(projection),
            Some(core::OnDemandSourceSource::RequestDataSource(source)) => self.source(source),
            Some(core::OnDemandSourceSource::FeatureView(_)) | None => {}
        }
    }

    fn source(&self, source: &mut core::DataSource) {
        source.meta = Some(self.sources.get(&source.name).cloned().unwrap_or(SourceMeta {
            created_timestamp: Some(self.now),
            last_updated_timestamp: Some(self.now),
            ..SourceMeta::default()
        }));
        source.batch_source.iter_mut().for_each(|batch| self.source(batch));
    }
}

/// The creation time in the meta part of any message that has one as its first field.
fn created(meta: &[u8]) -> Result<Option<well_known::Timestamp>, RowDamage> {
    Ok(wire::submessage(meta, 1)?.map(well_known::Timestamp::decode).transpose()?)
}

/// `new`, with the fields of `stored` that we do not know, at the top and in its spec and meta parts.
fn carry(stored: &[u8], new: Vec<u8>, message: &Message) -> Result<Vec<u8>, RowDamage> {
    let (spec, meta) = match message {
        Message::DataSource(source) => return carry_source(stored, new, source),
        Message::Project(_) => (4, 2),
        Message::Entity(_) => (10, 2),
        Message::FeatureService(_) => (8, 2),
        Message::FeatureView(_) => (20, 6),
        Message::StreamFeatureView(_) => (23, 6),
        Message::OnDemandFeatureView(_) => (19, 5),
    };
    let mut bytes = new;
    for (part, last_known) in [(1, spec), (2, meta)] {
        let known: Vec<u32> = (1..=last_known).collect();
        let unknown = wire::unknown_fields(wire::submessage(stored, part)?.unwrap_or_default(), &known)?;
        if !unknown.is_empty() {
            let mut content = wire::submessage(&bytes, part)?.unwrap_or_default().to_vec();
            content.extend(unknown);
            bytes = wire::replace(&bytes, part, &content)?;
        }
    }
    bytes.extend(wire::unknown_fields(stored, &[1, 2])?);
    Ok(bytes)
}

/// Field numbers of `feast.core.DataSource` that hold the options of one kind of source.
const SOURCE_OPTIONS: [u32; 13] = [11, 12, 13, 14, 15, 16, 18, 19, 22, 27, 30, 35, 17];
/// Those that every source may have.
const SOURCE_COMMON: [u32; 13] = [1, 2, 3, 4, 5, 20, 21, 23, 24, 25, 26, 28, 50];

fn carry_source(stored: &[u8], mut new: Vec<u8>, source: &core::DataSource) -> Result<Vec<u8>, RowDamage> {
    let known: Vec<u32> = SOURCE_COMMON.into_iter().chain(SOURCE_OPTIONS).collect();
    new.extend(wire::unknown_fields(stored, &known)?);
    let same_kind = core::DataSource::decode(stored)?.r#type == source.r#type;
    if same_kind && source.options.is_none() {
        // the options of a kind that we do not model
        for field in wire::fields(stored)?.iter().filter(|field| SOURCE_OPTIONS.contains(&field.number)) {
            new.extend_from_slice(field.raw);
        }
    }
    Ok(new)
}
