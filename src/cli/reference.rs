//! The reference of all keys and codes as a Markdown page: `docs/reference.md` is what this prints.

use std::fmt::Write as _;

use super::explain::codes;
use crate::repo::keys::OBJECTS;

pub fn page() -> String {
    let mut page = String::from(
        "# Reference\n\nThis page is printed by `feast-rs explain --markdown`. The reader takes the keys listed here and no other; \
         `feast-rs schema` writes the same as a JSON Schema for editors.\n\n## Keys\n\nRelative paths start at the repo. An \
         environment variable may stand in any text: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}`; `$$` is a \
         dollar sign.\n",
    );
    for (place, object) in OBJECTS {
        let _ = write!(page, "\n### {place}\n\n| key | values | default | meaning |\n|---|---|---|---|\n");
        for key in object.keys {
            let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                key.name,
                cell(&key.shape.to_string()),
                cell(&default),
                cell(key.about)
            );
        }
    }
    page.push_str("\n## Error codes\n\n`feast-rs explain CODE` prints the same.\n\n| code | what is wrong | what it means |\n|---|---|---|\n");
    for one in codes() {
        let _ = writeln!(page, "| {} | {} | {} |", one.code, cell(one.title), cell(one.text));
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
