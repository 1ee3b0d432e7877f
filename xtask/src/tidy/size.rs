//! Length of files and functions, tests not counted, with exceptions that may only shrink.

use std::{collections::BTreeMap, ops::RangeInclusive};

use anyhow::{Context, Result};
use serde::Deserialize;
use syn::{spanned::Spanned, visit::Visit};

use super::{finding::Finding, tree::SourceFile};

/// Beyond this a file is more than one thing.
const FILE_LINES_MAX: usize = 600;

/// Beyond this a function does not fit on a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// A program's first file is a table of contents.
const MAIN_LINES_MAX: usize = 120;

/// The exceptions of `xtask/ratchet.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ratchet {
    file: Vec<Exception>,
    function: Vec<Exception>,
}

/// One file or function that may be longer than the rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// The file, and for a function `FILE::NAME`.
    name: String,
    /// What it has now; may only shrink.
    lines: usize,
    /// Why it is not shorter.
    reason: String,
}

impl Ratchet {
    /// Reads the list.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("cannot read xtask/ratchet.toml")
    }
}

/// Checks every Rust file against the rule and the exceptions.
pub(crate) fn check(files: &[SourceFile], ratchet: &Ratchet) -> Vec<Finding> {
    let mut sizes = Sizes::default();
    for file in files.iter().filter(|file| file.extension() == "rs" && !file.is_test()) {
        sizes.measure(file);
    }
    let mut findings = compare(&sizes.files, &ratchet.file, file_lines_max);
    findings.extend(compare(&sizes.functions, &ratchet.function, |_| FUNCTION_LINES_MAX));
    findings
}

fn file_lines_max(path: &str) -> usize {
    if path.ends_with("src/main.rs") { MAIN_LINES_MAX } else { FILE_LINES_MAX }
}

/// Lines by name of file or function.
#[derive(Default)]
struct Sizes {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

impl Sizes {
    fn measure(&mut self, file: &SourceFile) {
        // A file that does not parse is reported by the check that reads tokens.
        let Ok(syntax) = syn::parse_file(&file.text) else { return };
        let mut outline = Outline::default();
        outline.visit_file(&syntax);
        let tests: usize = outline.tests.iter().map(|range| range.clone().count()).sum();
        self.files.insert(file.path.clone(), file.text.lines().count() - tests);
        for (name, lines) in outline.functions {
            let longest = self.functions.entry(format!("{}::{name}", file.path)).or_default();
            *longest = lines.max(*longest);
        }
    }
}

/// Functions outside tests with their lengths, and where the tests are.
#[derive(Default)]
struct Outline {
    functions: Vec<(String, usize)>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Outline {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let lines = lines_of(signature).start().to_owned()..=*lines_of(body).end();
        self.functions.push((signature.ident.to_string(), lines.count()));
    }
}

impl<'ast> Visit<'ast> for Outline {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.attrs.iter().any(is_cfg_test) {
            self.tests.push(lines_of(module));
        } else {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let test = attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test");
    attribute.path().is_ident("cfg") && test
}

fn lines_of(item: &impl Spanned) -> RangeInclusive<usize> {
    let span = item.span();
    span.start().line..=span.end().line
}

fn compare(
    sizes: &BTreeMap<String, usize>,
    exceptions: &[Exception],
    max: impl Fn(&str) -> usize,
) -> Vec<Finding> {
    let listed: BTreeMap<&str, &Exception> =
        exceptions.iter().map(|exception| (exception.name.as_str(), exception)).collect();
    let mut findings = Vec::new();
    for (name, &lines) in sizes {
        let max = max(name);
        match listed.get(name.as_str()) {
            None if lines <= max => {}
            None => findings.push(Finding::new(name, 0, format!("has {lines} lines, not {max}"))),
            Some(exception) => findings.extend(judge(exception, lines, max)),
        }
    }
    let gone = exceptions.iter().filter(|exception| !sizes.contains_key(&exception.name));
    findings.extend(gone.map(|exception| {
        Finding::new(&exception.name, 0, "is listed in xtask/ratchet.toml but does not exist")
    }));
    findings
}

fn judge(exception: &Exception, lines: usize, max: usize) -> Option<Finding> {
    let message = if lines <= max {
        format!("has {lines} lines now: take it out of xtask/ratchet.toml")
    } else if lines > exception.lines {
        format!("has grown from {} to {lines} lines: it may only shrink", exception.lines)
    } else if lines < exception.lines {
        format!("has shrunk to {lines} lines: write that into xtask/ratchet.toml")
    } else if exception.reason.trim().is_empty() {
        "is listed in xtask/ratchet.toml without a reason".to_owned()
    } else {
        return None;
    };
    Some(Finding::new(&exception.name, 0, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "a();\n".repeat(lines - 2))
    }

    fn found(path: &str, text: &str, ratchet: &str) -> Vec<String> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        let findings = check(&[file], &Ratchet::parse(ratchet).unwrap());
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn functions_have_a_longest_length() {
        assert_eq!(found("a.rs", &function("f", 70), ""), Vec::<String>::new());
        assert_eq!(found("a.rs", &function("f", 71), ""), ["a.rs::f: has 71 lines, not 70"]);
        let method = format!("impl A {{\n{}}}\n", function("m", 71));
        assert_eq!(found("a.rs", &method, "").len(), 1);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("t", 90));
        assert_eq!(found("a.rs", &test, ""), Vec::<String>::new());
        assert_eq!(found("a/tests/it.rs", &function("t", 90), ""), Vec::<String>::new());
    }

    #[test]
    fn files_have_a_longest_length_without_their_tests() {
        let code = "const A: u8 = 1;\n".repeat(600);
        let tests = "#[cfg(test)]\nmod tests {\n    const A: u8 = 1;\n}\n";
        assert_eq!(found("a.rs", &format!("{code}{tests}"), ""), Vec::<String>::new());
        let longer = format!("{code}const B: u8 = 1;\n{tests}");
        assert_eq!(found("a.rs", &longer, ""), ["a.rs: has 601 lines, not 600"]);
        let main = "const A: u8 = 1;\n".repeat(121);
        assert_eq!(found("src/main.rs", &main, ""), ["src/main.rs: has 121 lines, not 120"]);
    }

    #[test]
    fn exceptions_may_only_shrink() {
        let listed = |lines: usize, reason: &str| {
            format!("[[function]]\nname = \"a.rs::f\"\nlines = {lines}\nreason = \"{reason}\"\n")
        };
        let check = |actual: usize, ratchet: &str| found("a.rs", &function("f", actual), ratchet);
        assert_eq!(check(80, &listed(80, "a table")), Vec::<String>::new());
        assert!(check(81, &listed(80, "a table"))[0].contains("grown"));
        assert!(check(79, &listed(80, "a table"))[0].contains("shrunk"));
        assert!(check(70, &listed(80, "a table"))[0].contains("take it out"));
        assert!(check(80, &listed(80, " "))[0].contains("without a reason"));
        assert!(found("a.rs", "", &listed(80, "a table"))[0].contains("does not exist"));
    }
}
