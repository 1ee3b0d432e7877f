//! `languages`: which there are, and whether this machine has their tools.

use engine::language::{self, LANGUAGES, Language, Search};
use serde::Serialize;

use super::Context;
use crate::{
    args::FormatArgs,
    exit,
    failure::Failure,
    render::{self, Style, Table},
};

#[derive(Serialize)]
struct LanguageJson {
    name: &'static str,
    aliases: &'static [&'static str],
    suffixes: &'static [&'static str],
    available: bool,
    tools: Vec<String>,
    /// How to get it; `null` where it is here.
    hint: Option<String>,
}

/// Prints every language.
pub(super) fn list(format: FormatArgs, context: &Context) -> Result<u8, Failure> {
    let directories = context.vars.search_path();
    let python = context.config.settings.python.as_deref();
    let search = Search { directories: &directories, python };
    let rows: Vec<_> = LANGUAGES.iter().map(|language| row(language, &search)).collect();
    if format.json {
        render::pretty_json(&rows)?;
    } else {
        let style = render::style(context.config.settings.color, &context.vars);
        render::text(&table(&rows, style))?;
    }
    Ok(exit::SUCCESS)
}

fn row(language: &'static Language, search: &Search<'_>) -> LanguageJson {
    let found = language::availability(language, search);
    let (tools, hint) = match &found {
        Ok(toolchain) => {
            let programs = toolchain.tools.iter().map(|tool| tool.program.display().to_string());
            (programs.collect(), None)
        }
        Err(missing) => (Vec::new(), Some(missing.hint.clone())),
    };
    LanguageJson {
        name: language.name,
        aliases: language.aliases,
        suffixes: language.suffixes,
        available: found.is_ok(),
        tools,
        hint,
    }
}

fn table(rows: &[LanguageJson], style: Style) -> String {
    let mut table = Table::new(&["LANGUAGE", "HERE", "FILES", "TOOL, OR HOW TO GET IT"]);
    for row in rows {
        let files: Vec<_> = row.suffixes.iter().map(|suffix| format!(".{suffix}")).collect();
        let here = if row.available { "yes" } else { "no" };
        let tool = row.hint.clone().unwrap_or_else(|| row.tools.join(", "));
        table.row(&[row.name, here, &files.join(" "), &tool]);
    }
    table.text(|column, cell| match (column, cell) {
        (1, "yes") => style.good(cell),
        (1, _) => style.bad(cell),
        _ => cell.to_owned(),
    })
}
