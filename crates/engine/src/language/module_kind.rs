//! Tells whether JavaScript or TypeScript is written as an ES module.
//!
//! node tells the two kinds of module apart by a file's name, so the name has
//! to be settled before anything parses the text. This looks at how lines
//! begin and no further: it decides a name, nothing hangs on it for safety.

/// How many lines are looked at: the imports of a program stand at its start.
const LINES_MAX: usize = 10_000;

/// Whether some line begins as only an ES module's can.
pub(crate) fn is_es_module(text: &str) -> bool {
    text.lines().take(LINES_MAX).any(begins_as_es_module)
}

fn begins_as_es_module(line: &str) -> bool {
    let indented = line.starts_with([' ', '\t']);
    let line = line.trim_start_matches(['\u{feff}', ' ', '\t']);
    if let Some(rest) = line.strip_prefix("import") {
        return rest.starts_with([' ', '{', '"', '\'', '*', '\t']) && !is_require(rest);
    }
    if let Some(rest) = line.strip_prefix("export") {
        return rest.starts_with([' ', '{', '*', '\t']) && !rest.trim_start().starts_with('=');
    }
    // `await` outside of any function.
    !indented && line.starts_with("await ")
}

/// TypeScript's `import name = require("…")`, which is for the other kind.
fn is_require(rest: &str) -> bool {
    rest.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with("require"))
}

#[cfg(test)]
mod tests {
    use super::is_es_module;

    #[test]
    fn lines_that_only_a_module_has_are_told() {
        let modules = [
            "import fs from 'node:fs'",
            "import{a}from'b'",
            "import \"x\"",
            "import * as x from 'y'",
            "import type { T } from './t'",
            "'use strict'\nexport default 1",
            "export {};",
            "export const a = 1",
            "\u{feff}import a from 'a'",
            "const a = 1\nawait a",
        ];
        for text in modules {
            assert!(is_es_module(text), "{text}");
        }
    }

    #[test]
    fn other_lines_are_not_taken_for_a_module() {
        let scripts = [
            "",
            "const fs = require('fs')",
            "import('x').then(print)",
            "import fs = require('fs')",
            "export = 3",
            "imported = 1",
            "exports.a = 1",
            "async function f() {\n  await g()\n}",
            "// import a from 'a'",
        ];
        for text in scripts {
            assert!(!is_es_module(text), "{text}");
        }
    }
}
