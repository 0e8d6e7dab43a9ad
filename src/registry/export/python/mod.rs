//! Definitions as a Python file for Feast.

mod sources;
mod text;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use text::{Names, Py};

use super::omit::{Language, Omitted, source_reason};
use super::stored::Stored;
use crate::model::{DataSource, DataType, Definitions, Entity, Field, Project, Span, Tags, ValueType};

const HEADER: &str = "# Feast definitions, written by `feast-rs registry export --format python`.\n";

/// A Python file for Feast 0.67 whose `feast apply` registers the same objects.
///
/// Kinesis stream feature views, which Feast refuses, are plain feature views with the tags in which feast-rs keeps the
/// rest, so that a Python repo which holds this text leaves them as they are. What Python itself cannot say is a
/// comment that says so. A source's `timestamp_field_type` and `date_partition_column` have no argument in Feast's file
/// source and are not written.
#[must_use]
pub fn python(definitions: &Definitions) -> String {
    let omitted = Omitted::of(definitions, Language::Python);
    let mut file = File::new(definitions);
    file.project(&definitions.project);
    for entity in &definitions.entities {
        file.entity(entity);
    }
    for source in &definitions.data_sources {
        file.source(source);
    }
    views::write(&mut file, &omitted);
    file.finish()
}

/// Where each imported name comes from.
const MODULES: &[(&str, &[&str])] = &[
    (
        "feast",
        &[
            "Aggregation",
            "BatchFeatureView",
            "Entity",
            "FeatureService",
            "FeatureView",
            "Field",
            "FileSource",
            "KafkaSource",
            "KinesisSource",
            "OnDemandFeatureView",
            "Project",
            "PushSource",
            "RequestSource",
            "StreamFeatureView",
            "ValueType",
        ],
    ),
    ("feast.data_format", &["AvroFormat", "DeltaFormat", "JsonFormat", "ParquetFormat", "ProtoFormat"]),
    ("feast.feature_logging", &["LoggingConfig"]),
    ("feast.feature_view_projection", &["FeatureViewProjection"]),
    ("feast.infra.offline_stores.file_source", &["FileLoggingDestination"]),
    ("feast.transformation.udf_rehydrate", &["rehydrate_udf_from_source"]),
    ("datetime", &["timedelta"]),
    (
        "feast.types",
        &[
            "Array",
            "Bool",
            "Bytes",
            "Decimal",
            "Float32",
            "Float64",
            "ImageBytes",
            "Int32",
            "Int64",
            "Invalid",
            "Json",
            "Map",
            "PdfBytes",
            "ScalarMap",
            "Set",
            "String",
            "Struct",
            "TimeUuid",
            "UnixTimestamp",
            "Uuid",
            "ZonedTimestamp",
        ],
    ),
];

/// The file being written.
struct File<'a> {
    definitions: &'a Definitions,
    stored: Stored,
    names: Names,
    imports: BTreeMap<&'static str, BTreeSet<&'static str>>,
    inspects: bool,
    body: String,
    /// variables of the entities, by name
    entities: BTreeMap<&'a str, String>,
    /// variables of the sources, by name
    sources: BTreeMap<&'a str, String>,
    /// variables of the views, by name
    views: BTreeMap<&'a str, String>,
}

impl<'a> File<'a> {
    fn new(definitions: &'a Definitions) -> Self {
        let mut names = Names::default();
        for name in MODULES.iter().flat_map(|(_, names)| *names) {
            names.reserve(*name);
        }
        names.reserve(views::AT_VERSION);
        let stored = Stored::of(definitions);
        for name in stored.function_names() {
            names.reserve(name);
        }
        Self {
            definitions,
            stored,
            names,
            imports: BTreeMap::new(),
            inspects: false,
            body: String::new(),
            entities: BTreeMap::new(),
            sources: BTreeMap::new(),
            views: BTreeMap::new(),
        }
    }

    fn finish(self) -> String {
        let mut text = HEADER.to_owned();
        if !self.imports.is_empty() {
            text.push('\n');
        }
        if self.inspects {
            text.push_str("import inspect\n");
        }
        let (standard, feast): (Vec<_>, Vec<_>) = self.imports.iter().partition(|(module, _)| **module == "datetime");
        for (module, names) in standard.iter().chain(&feast) {
            let names: Vec<&str> = names.iter().copied().collect();
            text.push_str(&import(module, &names));
        }
        text + &self.body
    }

    /// Marks a name of Feast's as used, and gives it back.
    fn import(&mut self, name: &str) -> String {
        let found = MODULES.iter().find_map(|(module, names)| Some((*module, *names.iter().find(|n| **n == name)?)));
        if let Some((module, name)) = found {
            self.imports.entry(module).or_default().insert(name);
        }
        name.to_owned()
    }

    fn call(&mut self, class: &str, arguments: Arguments) -> Py {
        Py::Call(self.import(class), arguments.0)
    }

    fn assign(&mut self, name: &str, value: &Py) {
        self.write(&format!("\n{name} = {}\n", value.pretty(0, name.len() + 3)));
    }

    fn write(&mut self, text: &str) {
        self.body.push_str(text);
    }

    fn statement(&mut self, text: &str) {
        self.write(text);
        self.write("\n");
    }

    fn comment(&mut self, text: &str) {
        let text = text.replace(char::is_control, " ");
        self.write(&format!("\n# {text}\n"));
    }

    /// A project that says no more than its name is made by `feast apply` anyway.
    fn project(&mut self, project: &Project) {
        if project.description.is_empty() && project.tags.is_empty() && project.owner.is_empty() {
            return;
        }
        let mut arguments = Arguments::default();
        arguments.put("name", Py::text(&project.name));
        arguments.labels(&project.description, &project.tags, &project.owner);
        let value = self.call("Project", arguments);
        let name = self.names.unique("project");
        self.assign(&name, &value);
    }

    fn entity(&mut self, entity: &'a Entity) {
        let mut arguments = Arguments::default();
        arguments.put("name", Py::text(&entity.name));
        arguments.put("join_keys", Py::List(vec![Py::text(&entity.join_key)]));
        if entity.value_type != ValueType::Unknown {
            let class = self.import("ValueType");
            arguments.put("value_type", Py::raw(format!("{class}.{}", entity.value_type)));
        }
        arguments.labels(&entity.description, &entity.tags, &entity.owner);
        let value = self.call("Entity", arguments);
        let name = self.names.unique(&entity.name);
        self.assign(&name, &value);
        self.entities.insert(&entity.name, name);
    }

    /// Writes a source of the project, after those it is made of.
    fn source(&mut self, source: &'a DataSource) {
        match source_reason(source) {
            Some(reason) => self.comment(&format!("left out: data source {reason}")),
            None => {
                self.source_name(source);
            }
        }
    }

    /// The variable of a source, which is written now if it was not yet. Feast takes one source a name, so a copy inside
    /// a view that differs from the project's own source of that name means the latter.
    fn source_name(&mut self, source: &'a DataSource) -> String {
        if let Some(name) = self.sources.get(source.name.as_str()) {
            return name.clone();
        }
        let name = self.names.unique(&source.name);
        self.sources.insert(&source.name, name.clone());
        let definitions = self.definitions;
        let own = definitions.data_sources.iter().find(|own| own.name == source.name).unwrap_or(source);
        let value = sources::source(self, own);
        self.assign(&name, &value);
        name
    }

    fn field(&mut self, field: &Field) -> Py {
        let mut arguments = Arguments::default();
        arguments.put("name", Py::text(&field.name));
        arguments.put("dtype", self.dtype(&field.dtype));
        arguments.text("description", &field.description);
        arguments.tags("tags", &field.tags);
        arguments.flag("vector_index", field.vector_index, false);
        if field.vector_length != 0 {
            arguments.put("vector_length", Py::raw(field.vector_length));
        }
        arguments.text("vector_search_metric", &field.vector_search_metric);
        self.call("Field", arguments)
    }

    fn fields<'f>(&mut self, fields: impl IntoIterator<Item = &'f Field>) -> Py {
        Py::List(fields.into_iter().map(|field| self.field(field)).collect())
    }

    fn dtype(&mut self, dtype: &DataType) -> Py {
        match dtype {
            DataType::Array(inner) => {
                let inner = self.dtype(inner);
                Py::Call(self.import("Array"), vec![("", inner)])
            }
            DataType::Set(inner) => {
                let inner = self.dtype(inner);
                Py::Call(self.import("Set"), vec![("", inner)])
            }
            DataType::Struct(fields) => {
                let fields = fields.iter().map(|(name, dtype)| (name.clone(), self.dtype(dtype))).collect();
                Py::Call(self.import("Struct"), vec![("", Py::Dict(fields))])
            }
            DataType::Unknown => Py::Raw(self.import("Invalid")),
            scalar => Py::Raw(self.import(&scalar.to_string())),
        }
    }

    fn span(&mut self, span: Span) -> Py {
        const DAY: i64 = 86_400_000_000;
        let micros = span.micros();
        let mut arguments = Vec::new();
        if micros % DAY == 0 {
            arguments.push(("days", Py::raw(micros / DAY)));
        } else {
            if micros / 1_000_000 != 0 {
                arguments.push(("seconds", Py::raw(micros / 1_000_000)));
            }
            if micros % 1_000_000 != 0 {
                arguments.push(("microseconds", Py::raw(micros % 1_000_000)));
            }
        }
        Py::Call(self.import("timedelta"), arguments)
    }
}

/// `from module import a, b`, over several lines where it is long.
fn import(module: &str, names: &[&str]) -> String {
    let line = format!("from {module} import {}\n", names.join(", "));
    if line.len() <= 100 {
        return line;
    }
    format!("from {module} import (\n    {},\n)\n", names.join(",\n    "))
}

/// Keyword arguments, each written only if it says something.
#[derive(Default)]
struct Arguments(Vec<(&'static str, Py)>);

impl Arguments {
    fn put(&mut self, name: &'static str, value: Py) {
        self.0.push((name, value));
    }

    fn text(&mut self, name: &'static str, value: &str) {
        if !value.is_empty() {
            self.put(name, Py::text(value));
        }
    }

    fn flag(&mut self, name: &'static str, value: bool, default: bool) {
        if value != default {
            self.put(name, Py::flag(value));
        }
    }

    fn tags(&mut self, name: &'static str, tags: &Tags) {
        if !tags.is_empty() {
            self.put(name, Py::Dict(tags.iter().map(|(k, v)| (k.clone(), Py::text(v))).collect()));
        }
    }

    fn labels(&mut self, description: &str, tags: &Tags, owner: &str) {
        self.text("description", description);
        self.tags("tags", tags);
        self.text("owner", owner);
    }
}

#[cfg(test)]
mod tests;
