//! A registry as JSON, in the layout of `feast registry-dump`.

use std::collections::BTreeMap;

use prost::Message as _;
use serde_json::{Map, Value, json};

use super::error::{RegistryError, RowDamage};
use super::snapshot::{Row, Snapshot};
use super::store::Registry;
use super::table::{INFRA_NAME, Table};
use crate::model::ObjectId;
use crate::proto::core::{FeatureTransformationV2Transformation, OnDemandFeatureView, StreamFeatureView};
use crate::proto::json::to_json;

impl Registry {
    /// What `feast registry-dump` prints: lists of objects by kind, each sorted by name, keys sorted. Kinds without
    /// objects are left out.
    ///
    /// # Errors
    /// A damaged row.
    pub fn dump_json(&self) -> Result<Value, RegistryError> {
        self.snapshot()?.dump_json()
    }

    /// One object as protobuf JSON, or `None` where there is none of that kind and name.
    ///
    /// # Errors
    /// A damaged row.
    pub fn describe(&self, id: &ObjectId) -> Result<Option<Value>, RegistryError> {
        self.snapshot()?.describe(id)
    }
}

impl Snapshot {
    /// See [`Registry::dump_json`].
    ///
    /// # Errors
    /// A damaged row.
    pub fn dump_json(&self) -> Result<Value, RegistryError> {
        let mut lists: BTreeMap<&str, Vec<(&str, Value)>> = BTreeMap::new();
        for row in &self.rows {
            if row.table == Table::ManagedInfra && row.name == INFRA_NAME {
                let infra = row_json(row)?;
                let objects = infra.get("infraObjects").and_then(Value::as_array).cloned().unwrap_or_default();
                lists.entry("infra").or_default().extend(objects.into_iter().map(|object| ("", infra_object(object))));
            } else if let Some(list) = list_name(row.table) {
                lists.entry(list).or_default().push((&row.name, dumped(row)?));
            }
        }
        if let Some(uuid) = &self.project_uuid {
            let metadata = json!({ "project": self.project, "projectUuid": uuid });
            lists.insert("projectMetadata", vec![("", metadata)]);
        }
        let mut dump: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, mut list) in lists {
            list.sort_by(|a, b| a.0.cmp(b.0));
            dump.insert(name, list.into_iter().map(|(_, value)| sorted(value)).collect());
        }
        dump.insert("project", Value::from(self.project.as_str()));
        Ok(dump.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into())
    }

    /// See [`Registry::describe`].
    ///
    /// # Errors
    /// A damaged row.
    pub fn describe(&self, id: &ObjectId) -> Result<Option<Value>, RegistryError> {
        let row = self.find(id).and_then(|stored| self.rows.get(stored.row));
        row.map(row_json).transpose()
    }
}

/// The key of a table's list; `None` for what Feast does not dump.
fn list_name(table: Table) -> Option<&'static str> {
    match table {
        Table::Entities => Some("entities"),
        Table::DataSources => Some("dataSources"),
        Table::FeatureViews => Some("featureViews"),
        Table::StreamFeatureViews => Some("streamFeatureViews"),
        Table::OnDemandFeatureViews => Some("onDemandFeatureViews"),
        Table::LabelViews => Some("labelViews"),
        Table::FeatureServices => Some("featureServices"),
        Table::SavedDatasets => Some("savedDatasets"),
        Table::Permissions => Some("permissions"),
        Table::Projects | Table::ValidationReferences | Table::ManagedInfra => None,
    }
}

fn row_json(row: &Row) -> Result<Value, RegistryError> {
    to_json(&row.proto, row.table.message()).map_err(|source| damaged(row, source.into()))
}

/// Feast reads a row into a Python object before it dumps it, and shows the text of a function in place of its pickled
/// bytes.
fn dumped(row: &Row) -> Result<Value, RegistryError> {
    let mut value = row_json(row)?;
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("project");
    } else if let Some(source) = value.as_object_mut() {
        source.remove("project");
        source.remove("dataSourceClassType");
    }
    if let Some(text) = function_text(row).map_err(|source| damaged(row, source))? {
        show_text(&mut value, &text);
    }
    Ok(value)
}

fn function_text(row: &Row) -> Result<Option<String>, RowDamage> {
    match row.table {
        Table::StreamFeatureViews => {
            let spec = StreamFeatureView::decode(&*row.proto)?.spec.unwrap_or_default();
            Ok(spec.user_defined_function.map(|udf| udf.body_text))
        }
        Table::OnDemandFeatureViews => {
            let spec = OnDemandFeatureView::decode(&*row.proto)?.spec.unwrap_or_default();
            Ok(match spec.feature_transformation.and_then(|function| function.transformation) {
                Some(FeatureTransformationV2Transformation::UserDefinedFunction(udf)) => Some(udf.body_text),
                _ => None,
            })
        }
        _ => Ok(None),
    }
}

fn show_text(value: &mut Value, text: &str) {
    let is_pandas = |spec: &Map<String, Value>| spec.get("mode").is_some_and(|mode| mode == "pandas");
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut).filter(|spec| is_pandas(spec)) {
        // Feast shows such a function in its old place too
        spec.entry("userDefinedFunction").or_insert_with(|| json!({}));
    }
    for pointer in ["/spec/userDefinedFunction", "/spec/featureTransformation/userDefinedFunction"] {
        if let Some(function) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
            function.insert("body".to_owned(), Value::from(text));
        }
    }
}

/// Feast dumps what the object holds, without its class.
fn infra_object(mut object: Value) -> Value {
    object.get_mut("sqliteTable").map(Value::take).unwrap_or(object)
}

fn damaged(row: &Row, source: RowDamage) -> RegistryError {
    RegistryError::Damaged { table: row.table.name(), name: row.name.clone(), source }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
