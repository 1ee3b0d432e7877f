//! Names that Java derives from a source file: the file's own and its class's.
//!
//! The compiler wants a public class in a file of its name, and the starter
//! wants the class with its package. Both are read off the text by its words;
//! where the text misleads, the compiler or the starter says so.

/// How much of a source file is looked at for its package and public class.
const WORDS_MAX: usize = 20_000;

/// The file name that the compiler wants for a source file.
pub(crate) fn file_name(given: &str, text: &str) -> String {
    match public_type(text) {
        Some(name) => format!("{name}.java"),
        None => given.to_owned(),
    }
}

/// The class to start, by the source file's name and text.
pub(crate) fn main_class(file_name: &str, text: &str) -> String {
    let class = file_name.strip_suffix(".java").unwrap_or(file_name);
    match package(text) {
        Some(package) => format!("{package}.{class}"),
        None => class.to_owned(),
    }
}

/// The words of the code, with line comments left out.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let words = lines.flat_map(move |line| line.split(move |c| !is_part(c)));
    words.filter(|word| !word.is_empty()).take(WORDS_MAX)
}

fn package(text: &str) -> Option<String> {
    let mut words = words(text).skip_while(|word| *word != "package");
    let name = words.nth(1)?;
    name.split('.').all(is_identifier).then(|| name.to_owned())
}

fn public_type(text: &str) -> Option<String> {
    const MODIFIERS: [&str; 5] = ["abstract", "final", "sealed", "static", "strictfp"];
    let mut words = words(text).skip_while(|word| *word != "public").skip(1);
    let kind = words.find(|word| !MODIFIERS.contains(word))?;
    let name = words.next()?;
    let is_type = matches!(kind, "class" | "interface" | "enum" | "record");
    (is_type && is_identifier(name)).then(|| name.to_owned())
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
        && name.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::{file_name, main_class};

    #[test]
    fn a_public_class_names_its_file() {
        let table = [
            ("public class Hello { public static void main(String[] a) {} }", "Hello.java"),
            ("public final class Hello {}", "Hello.java"),
            ("import java.util.*;\n\npublic record Point(int x) {}", "Point.java"),
            ("class Main { public static void main(String[] a) {} }", "Main.java"),
            ("// public class Not {}\nclass Main {}", "Main.java"),
            ("public class ../../Up {}", "Main.java"),
            ("", "Main.java"),
        ];
        for (text, expected) in table {
            assert_eq!(file_name("Main.java", text), expected, "{text}");
        }
    }

    #[test]
    fn a_package_stands_before_the_class() {
        assert_eq!(main_class("Main.java", "package a.b;\nclass Main {}"), "a.b.Main");
        assert_eq!(main_class("Main.java", "class Main {}"), "Main");
        assert_eq!(main_class("Main.java", "package ../x;"), "Main");
    }
}
