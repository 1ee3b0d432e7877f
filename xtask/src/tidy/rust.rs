//! Checks of Rust source beyond what the compiler and clippy look at: module
//! docs, where unsafe code lives and how it is argued for, banned forms.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{finding::Finding, tree::SourceFile};

/// The one crate that may hold unsafe code.
const UNSAFE_HOME: &str = "crates/sys/src/";

/// How far above an unsafe block its argument may begin.
const SAFETY_LINES_MAX: usize = 12;

/// An argument shorter than this argues nothing.
const SAFETY_CHARS_MIN: usize = 15;

/// Macros for code that is not finished or not meant to stay.
const BANNED_MACROS: &[&str] = &["dbg", concat!("to", "do"), "unimplemented"];

/// Checks one file.
pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !has_module_docs(&file.text) {
        findings.push(Finding::new(&file.path, 1, "does not open with `//!` docs"));
    }
    findings.extend(commented_out(file));
    match file.text.parse::<TokenStream>() {
        Ok(tokens) => Walk { file, findings: &mut findings }.stream(tokens),
        Err(error) => findings.push(Finding::new(&file.path, 0, format!("is not Rust: {error}"))),
    }
    findings
}

fn has_module_docs(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.starts_with("//!") && line.len() > "//! ".len())
}

/// Comment lines that read as statements. Docs are left alone: they hold examples.
fn commented_out(file: &SourceFile) -> Vec<Finding> {
    let lines = (1..).zip(file.text.lines());
    let comments = lines.filter_map(|(number, line)| {
        let text = line.trim_start().strip_prefix("//")?;
        (!text.starts_with(['/', '!'])).then_some((number, text.trim()))
    });
    let code = comments.filter(|(_, text)| is_statement(text));
    code.map(|(number, _)| Finding::new(&file.path, number, "holds code in a comment: delete it"))
        .collect()
}

fn is_statement(comment: &str) -> bool {
    let opens = ["let ", "if ", "for ", "while ", "match ", "fn ", "pub ", "use ", "return "];
    let is_block = comment.ends_with('{') && opens.iter().any(|word| comment.starts_with(word));
    let is_call = comment.ends_with(");") || comment.ends_with("?;");
    let is_let = comment.ends_with(';') && opens.iter().any(|word| comment.starts_with(word));
    is_block || is_call || is_let
}

struct Walk<'a> {
    file: &'a SourceFile,
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, tree) in trees.iter().enumerate() {
            let rest = &trees[index + 1..];
            match tree {
                TokenTree::Ident(ident) => self.ident(&ident.to_string(), tree, rest),
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(rest),
                TokenTree::Group(group) => self.stream(group.stream()),
                _ => {}
            }
        }
    }

    fn ident(&mut self, name: &str, tree: &TokenTree, rest: &[TokenTree]) {
        let line = tree.span().start().line;
        if name == "unsafe" {
            self.unsafe_code(line, rest);
        }
        let is_call =
            is_punct(rest.first(), '!') && matches!(rest.get(1), Some(TokenTree::Group(_)));
        if is_call && BANNED_MACROS.contains(&name) {
            self.report(line, format!("uses {name}!"));
        }
    }

    fn unsafe_code(&mut self, line: usize, rest: &[TokenTree]) {
        if !self.file.path.starts_with(UNSAFE_HOME) {
            self.report(line, format!("has unsafe code; only {UNSAFE_HOME} may"));
        }
        let is_block = matches!(rest.first(), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Brace);
        let is_impl = matches!(rest.first(), Some(TokenTree::Ident(word)) if word == "impl");
        if (is_block || is_impl) && !is_argued_for(&self.file.text, line) {
            self.report(line, "has no `// SAFETY:` comment that says why it is sound");
        }
    }

    /// `#[allow(…)]`, `#![allow(…)]` and either inside `cfg_attr`.
    fn attribute(&mut self, rest: &[TokenTree]) {
        let body = if is_punct(rest.first(), '!') { rest.get(1) } else { rest.first() };
        let Some(TokenTree::Group(group)) = body else { return };
        let allows = group.delimiter() == Delimiter::Bracket && allows(group.stream());
        if allows {
            let line = group.span_open().start().line;
            self.report(line, "allows a lint: use #[expect(…, reason = …)]");
        }
    }

    fn report(&mut self, line: usize, message: impl Into<String>) {
        self.findings.push(Finding::new(&self.file.path, line, message));
    }
}

fn allows(attribute: TokenStream) -> bool {
    let trees: Vec<TokenTree> = attribute.into_iter().collect();
    match trees.as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(_)] if name == "allow" => true,
        [TokenTree::Ident(name), TokenTree::Group(group)] if name == "cfg_attr" => {
            let inner = group.stream().into_iter();
            inner.into_iter().any(|tree| matches!(tree, TokenTree::Ident(word) if word == "allow"))
        }
        _ => false,
    }
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether the statement that `line` (from 1) belongs to is headed by an argument.
fn is_argued_for(text: &str, line: usize) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let above = lines[..line.saturating_sub(1)].iter().rev().take(SAFETY_LINES_MAX);
    for text in above.map(|line| line.trim()) {
        if let Some(argument) = text.strip_prefix("// SAFETY:") {
            return argument.trim().chars().count() >= SAFETY_CHARS_MIN;
        }
        let is_comment = text.starts_with("//");
        if !is_comment && (text.is_empty() || text.ends_with([';', '}'])) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, body: &str) -> Vec<String> {
        let text = format!("//! Docs of a module.\n{body}");
        let file = SourceFile { path: path.to_owned(), text };
        check(&file).iter().map(ToString::to_string).collect()
    }

    fn assert_found(path: &str, body: &str, expected: &[&str]) {
        let found = messages(path, body);
        assert_eq!(found.len(), expected.len(), "{body}: {found:?}");
        for (message, part) in found.iter().zip(expected) {
            assert!(message.contains(part), "{body}: {message}");
        }
    }

    #[test]
    fn module_docs_are_wanted() {
        for (text, expected) in [("fn a() {}\n", 1), ("//!\n", 1), ("//! Says what.\n", 0)] {
            let file = SourceFile { path: "a.rs".to_owned(), text: text.to_owned() };
            assert_eq!(check(&file).len(), expected, "{text:?}");
        }
    }

    #[test]
    fn unsafe_code_lives_in_one_place_and_is_argued_for() {
        let sys = "crates/sys/src/a.rs";
        let argued = "fn a() {\n  // SAFETY: the pointer comes from a live reference.\n  \
                      let x =\n    unsafe { b() };\n}\n";
        assert_found(sys, argued, &[]);
        assert_found("crates/api/src/a.rs", argued, &["only crates/sys"]);
        assert_found(sys, "fn a() { unsafe { b() } }\n", &["SAFETY"]);
        assert_found(sys, "// SAFETY: valid.\nfn a() { unsafe { b() } }\n", &["SAFETY"]);
        let stale = "fn a() {\n  // SAFETY: the pointer comes from a live reference.\n  c();\n  \
                     unsafe { b() };\n}\n";
        assert_found(sys, stale, &["SAFETY"]);
        assert_found(sys, "unsafe impl Send for A {}\n", &["SAFETY"]);
        assert_found(sys, "macro_rules! a { () => { unsafe { b() } } }\n", &["SAFETY"]);
        assert_found("crates/api/src/a.rs", "const A: &str = \"unsafe { }\";\n", &[]);
    }

    #[test]
    fn banned_forms_are_found() {
        let path = "crates/api/src/a.rs";
        assert_found(path, "#[allow(dead_code)]\nfn a() {}\n", &["expect"]);
        assert_found(path, "mod a { #![allow(dead_code)] }\n", &["expect"]);
        assert_found(path, "#[cfg_attr(test, allow(dead_code))]\nfn a() {}\n", &["expect"]);
        assert_found(path, "#[expect(dead_code, reason = \"x\")]\nfn allow() {}\n", &[]);
        assert_found(path, "fn a() { dbg!(1); }\n", &["dbg!"]);
        assert_found(path, "fn dbg() -> bool { dbg != a }\n", &[]);
    }

    #[test]
    fn code_in_comments_is_found() {
        let path = "crates/api/src/a.rs";
        let table = [
            ("// let a = 1;\n", 1),
            ("// close(fd);\n", 1),
            ("// if ready {\n", 1),
            ("// if it is ready; else later\n", 0),
            ("// The file is closed; so is the pipe.\n", 0),
            ("/// close(fd);\nfn a() {}\n", 0),
        ];
        for (body, expected) in table {
            assert_eq!(messages(path, body).len(), expected, "{body:?}");
        }
    }
}
