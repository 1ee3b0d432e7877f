//! TypeScript to JavaScript: types out, enums and namespaces made into objects.
//!
//! The text is the caller's and may be hostile, deep nesting included. This is
//! only ever called in a process that is confined as the program itself is.

use std::path::Path;

use oxc_allocator::Allocator;
use oxc_codegen::Codegen;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{TransformOptions, Transformer};

/// The most mistakes that are told of at once.
const MISTAKES_MAX: usize = 10;

/// Turns TypeScript into JavaScript of the same language level. Types are not
/// checked.
///
/// # Errors
/// The text is not TypeScript. The message has a line for each mistake, with
/// line and column.
pub fn strip(text: &str) -> Result<String, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::ts()).parse();
    refuse_mistakes(text, &parsed.diagnostics)?;
    let mut program = parsed.program;
    // Enum members take their values from one another, so those are worked out here.
    let semantic =
        SemanticBuilder::new().with_check_syntax_error(true).with_enum_eval(true).build(&program);
    refuse_mistakes(text, &semantic.diagnostics)?;
    let scoping = semantic.semantic.into_scoping();
    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, Path::new("main.ts"), &options)
        .build_with_scoping(scoping, &mut program);
    refuse_mistakes(text, &transformed.diagnostics)?;
    Ok(Codegen::new().build(&program).code)
}

fn refuse_mistakes<'a>(
    text: &str,
    mistakes: impl IntoIterator<Item = &'a OxcDiagnostic>,
) -> Result<(), String> {
    let lines: Vec<String> =
        mistakes.into_iter().take(MISTAKES_MAX).map(|mistake| describe(text, mistake)).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

fn describe(text: &str, mistake: &OxcDiagnostic) -> String {
    let label = mistake.labels.iter().next();
    match label.and_then(|label| text.get(..usize::try_from(label.offset()).ok()?)) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: {}", mistake.message)
        }
        None => mistake.message.to_string(),
    }
}
