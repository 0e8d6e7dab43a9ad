//! `init`: a new repo from the embedded template.

use std::path::PathBuf;

use serde::Serialize;

use super::args::{InitArgs, TemplateName};
use super::output::Output;
use crate::error::Error;
use crate::repo::template::{self, Template};

#[derive(Serialize)]
struct InitReport {
    directory: String,
    project: String,
    files: Vec<String>,
}

pub fn run(args: &InitArgs) -> Result<Output, Error> {
    let here = std::env::current_dir().map_err(|e| Error::io("find the current folder", e))?;
    let directory = here.join(&args.directory);
    let project = project_name(&directory);
    let written = template::write(&directory, template_of(args), &project)?;
    let inside = |file: &PathBuf| file.strip_prefix(&directory).unwrap_or(file).display().to_string();
    let files: Vec<String> = written.iter().map(inside).collect();
    let shown = args.directory.display();
    let list: Vec<String> = files.iter().map(|file| format!("  {shown}/{file}")).collect();
    let list = list.join("\n");
    let enter = if directory == here { String::new() } else { format!("  cd {}\n", for_a_shell(&shown.to_string())) };
    let text = format!(
        "Made a feature repo in {shown}, project `{project}`:\n{list}\n\nNext:\n{enter}{}",
        next_steps(template_of(args))
    );
    Output::new(&InitReport { directory: directory.display().to_string(), project, files }, text)
}

/// A path as a shell takes it.
fn for_a_shell(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let is_plain = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn template_of(args: &InitArgs) -> Template {
    match (args.minimal, args.template) {
        (true, _) | (_, TemplateName::Minimal) => Template::Minimal,
        (_, TemplateName::Local) => Template::Local,
        (_, TemplateName::Kinesis) => Template::Kinesis,
    }
}

fn next_steps(template: Template) -> &'static str {
    match template {
        Template::Minimal => {
            "  feast-rs apply                     # after you wrote your definitions into features.yaml"
        }
        Template::Local => {
            "  feast-rs plan                          # what would be registered\n  \
             feast-rs apply                         # register it, make the online tables\n  \
             feast-rs materialize 2026-11-01 now    # fill the online store from data/driver_stats.parquet\n  \
             feast-rs get-online-features -e driver_id=1001 -s driver_activity"
        }
        Template::Kinesis => {
            "  feast-rs apply                         # register the stream view, make its online table\n  \
             feast-rs materialize 2026-11-01 now    # fill it from the history in data/driver_stats.parquet\n  \
             feast-rs get-online-features -e driver_id=1001 -f driver_hourly_stats_stream:conv_percentage"
        }
    }
}

/// The folder's name as a project name: what cannot be part of one becomes `_`.
fn project_name(directory: &std::path::Path) -> String {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let name = name.trim_start_matches('_');
    match name.chars().next() {
        None => "feature_repo".to_owned(),
        Some(first) if first.is_numeric() => format!("p{name}"),
        Some(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_name_becomes_a_project_name() {
        for (folder, project) in [
            ("drivers", "drivers"),
            ("my-repo.v2", "my_repo_v2"),
            ("2026", "p2026"),
            ("_x", "x"),
            ("---", "feature_repo"),
        ] {
            assert_eq!(project_name(std::path::Path::new(folder)), project, "{folder}");
        }
    }
}
