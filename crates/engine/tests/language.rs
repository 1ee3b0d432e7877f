//! The table of languages, the search for their programs, and TypeScript.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

#[expect(dead_code, reason = "each test uses a part of it")]
mod scratch;

use std::{collections::BTreeSet, path::PathBuf};

use engine::language::{self, LANGUAGES, Language, Search, Word, availability, python, typescript};
use proptest::prelude::*;
use scratch::Scratch;

fn named(name: &str) -> &'static Language {
    language::find(name).unwrap_or_else(|| panic!("no language {name}"))
}

fn search(directories: &[PathBuf]) -> Search<'_> {
    Search { directories, python: None }
}

#[test]
fn names_and_aliases_are_found_in_any_case() {
    let table = [
        ("python", "python"),
        ("python3", "python"),
        ("py", "python"),
        (" PY ", "python"),
        ("shell", "bash"),
        ("bash", "bash"),
        ("sh", "sh"),
        ("zsh", "zsh"),
        ("node", "javascript"),
        ("js", "javascript"),
        ("ts", "typescript"),
        ("TypeScript", "typescript"),
        ("rb", "ruby"),
        ("php", "php"),
        ("pl", "perl"),
        ("lua", "lua"),
        ("Rscript", "r"),
        ("R", "r"),
        ("c", "c"),
        ("C", "c"),
        ("cpp", "c++"),
        ("cc", "c++"),
        ("C++", "c++"),
        ("rs", "rust"),
        ("golang", "go"),
        ("java", "java"),
    ];
    for (given, expected) in table {
        assert_eq!(named(given).name, expected, "{given:?}");
    }
    for unknown in ["", "cobol", "python2", "py thon", "p\u{0}y"] {
        assert!(language::find(unknown).is_none(), "{unknown:?}");
    }
}

#[test]
fn endings_of_file_names_tell_the_language() {
    let table = [
        ("a.py", Some("python")),
        ("a.PY", Some("python")),
        ("dir.d/a.sh", Some("bash")),
        ("a.bash", Some("bash")),
        ("a.zsh", Some("zsh")),
        ("a.js", Some("javascript")),
        ("a.mjs", Some("javascript")),
        ("a.cjs", Some("javascript")),
        ("a.d.ts", Some("typescript")),
        ("a.mts", Some("typescript")),
        ("a.rb", Some("ruby")),
        ("a.php", Some("php")),
        ("a.pl", Some("perl")),
        ("a.lua", Some("lua")),
        ("a.R", Some("r")),
        ("a.r", Some("r")),
        ("a.c", Some("c")),
        ("a.C", Some("c++")),
        ("a.cc", Some("c++")),
        ("a.cpp", Some("c++")),
        ("a.rs", Some("rust")),
        ("a.go", Some("go")),
        ("A.java", Some("java")),
        ("a", None),
        ("a.", None),
        (".py", None),
        ("dir/.py", None),
        ("py", None),
        ("a.txt", None),
    ];
    for (given, expected) in table {
        assert_eq!(language::of_file_name(given).map(|l| l.name), expected, "{given}");
    }
}

#[test]
fn every_row_is_whole() {
    let mut names = BTreeSet::new();
    for row in LANGUAGES {
        for name in std::iter::once(&row.name).chain(row.aliases) {
            assert!(names.insert(*name), "{name} stands twice");
            assert_eq!(named(name).name, row.name);
        }
        assert!(!row.suffixes.is_empty() && !row.tools.is_empty(), "{}", row.name);
        assert!(!row.install.debian.is_empty() && !row.install.elsewhere.is_empty());
        assert!(row.file_name.contains('.'), "{}", row.name);
        let compile = match &row.compile {
            Some(language::Compile::Command { words, .. }) => *words,
            _ => &[],
        };
        for word in compile.iter().chain(row.run) {
            if let Word::Tool(place) | Word::WithTool(_, place) = word {
                assert!(*place < row.tools.len(), "{}", row.name);
            }
            let of_target = matches!(word, Word::Target | Word::MainClass);
            assert!(!of_target || row.compile.is_some(), "{}", row.name);
        }
    }
    assert_eq!(names.len(), LANGUAGES.iter().map(|row| 1 + row.aliases.len()).sum::<usize>());
}

#[test]
fn a_missing_toolchain_is_told_by_name_and_remedy() {
    let scratch = Scratch::new();
    let directories = [scratch.directory("bin")];
    let error = availability(named("lua"), &search(&directories)).unwrap_err();
    assert!(error.to_string().starts_with("lua cannot be run: this machine has no lua or lua5.4"));
    assert!(error.hint.contains("apt install lua5.4"), "{}", error.hint);
    assert_eq!(error.refused, None);
}

#[test]
fn a_program_outside_usr_brings_its_prefix() {
    let scratch = Scratch::new();
    let prefix = scratch.toolchain("opt/node-20");
    let program = scratch.binary("opt/node-20/bin/node");
    let by_link = scratch.link("links/node", &program);
    let directories = [by_link.parent().unwrap().to_owned()];
    let found = availability(named("js"), &search(&directories)).unwrap();
    assert_eq!(found.tools[0].program, program);
    assert_eq!(found.tools[0].prefix.as_deref(), Some(prefix.as_path()));
}

#[test]
fn programs_that_share_libraries_come_with_all_of_them() {
    let scratch = Scratch::new();
    let prefix = scratch.toolchain("brew");
    scratch.binary("brew/Cellar/node/22.1/bin/node");
    let link = scratch.link("brew/bin/node", "../Cellar/node/22.1/bin/node");
    let directories = [scratch.join("brew/bin")];
    let found = availability(named("js"), &search(&directories)).unwrap();
    assert_eq!(found.tools[0].program, link);
    assert_eq!(found.tools[0].prefix.as_deref(), Some(prefix.as_path()));
}

#[test]
fn a_program_that_acts_by_its_name_keeps_it() {
    let scratch = Scratch::new();
    scratch.toolchain("opt/llvm");
    scratch.binary("opt/llvm/bin/clang-19");
    let link = scratch.link("opt/llvm/bin/clang++", "clang-19");
    let directories = [scratch.join("opt/llvm/bin")];
    let found = availability(named("c++"), &search(&directories)).unwrap();
    assert_eq!(found.tools[0].program, link);
}

#[test]
fn earlier_names_come_before_earlier_directories() {
    let scratch = Scratch::new();
    for prefix in ["a", "b"] {
        scratch.toolchain(prefix);
    }
    scratch.binary("a/bin/lua5.3");
    let preferred = scratch.binary("b/bin/lua5.4");
    let directories = [scratch.join("a/bin"), scratch.join("b/bin")];
    let found = availability(named("lua"), &search(&directories)).unwrap();
    assert_eq!(found.tools[0].program, preferred);
}

#[test]
fn shims_dispatchers_and_what_cannot_run_are_passed_over() {
    let scratch = Scratch::new();
    scratch.script("shims/ruby");
    scratch.toolchain("volta");
    scratch.binary("volta/bin/volta-shim");
    scratch.link("volta/bin/ruby", "volta-shim");
    scratch.file("plain/ruby", b"\x7fELF not executable");
    scratch.directory("dir/ruby");
    scratch.link("circle/ruby", "ruby");
    scratch.toolchain("real");
    let real = scratch.binary("real/bin/ruby");
    let mut directories: Vec<PathBuf> =
        ["shims", "volta/bin", "plain", "dir", "circle", "absent"].map(|d| scratch.join(d)).into();
    directories.push(PathBuf::from("relative"));
    assert!(availability(named("ruby"), &search(&directories)).is_err());
    directories.push(scratch.join("real/bin"));
    let found = availability(named("ruby"), &search(&directories)).unwrap();
    assert_eq!(found.tools[0].program, real);
}

#[test]
fn what_is_not_plainly_a_toolchain_is_refused() {
    let scratch = Scratch::new();
    let homes = ["home-like", "user/.local", "no-lib"];
    scratch.toolchain(homes[0]);
    scratch.directory("home-like/.ssh");
    scratch.toolchain(homes[1]);
    scratch.directory("no-lib/bin");
    for home in homes {
        scratch.binary(&format!("{home}/bin/php"));
        let directories = [scratch.join(home).join("bin")];
        let error = availability(named("php"), &search(&directories)).unwrap_err();
        assert_eq!(error.refused.expect(home).path, scratch.join(home));
    }
    scratch.binary("loose/php");
    let error = availability(named("php"), &search(&[scratch.join("loose")])).unwrap_err();
    assert!(error.refused.is_some());
}

#[test]
fn behind_rustup_is_its_default_toolchain() {
    for (cargo, rustup) in [("u/.cargo", "u/.rustup"), ("local/cargo", "local/rustup")] {
        let scratch = Scratch::new();
        scratch.binary(&format!("{cargo}/bin/rustup"));
        scratch.link(&format!("{cargo}/bin/rustc"), "rustup");
        let settings = "version = \"12\"\ndefault_toolchain = \"stable-host\"\n[overrides]\n";
        scratch.file(&format!("{rustup}/settings.toml"), settings);
        let prefix = scratch.toolchain(&format!("{rustup}/toolchains/stable-host"));
        let rustc = scratch.binary(&format!("{rustup}/toolchains/stable-host/bin/rustc"));
        scratch.toolchain("cc");
        scratch.binary("cc/bin/cc");
        let directories = [scratch.join(cargo).join("bin"), scratch.join("cc/bin")];
        let found = availability(named("rust"), &search(&directories)).unwrap();
        assert_eq!(found.tools[0].program, rustc);
        assert_eq!(found.tools[0].prefix.as_deref(), Some(prefix.as_path()));
        assert_eq!(found.tools[1].program, scratch.join("cc/bin/cc"));
    }
}

#[test]
fn an_environment_on_the_search_path_stands_for_its_interpreter() {
    let scratch = Scratch::new();
    let prefix = scratch.toolchain("versions/3.12");
    let real = scratch.binary("versions/3.12/bin/python3.12");
    scratch.link("versions/3.12/bin/python3", "python3.12");
    // One environment links to its interpreter, the other holds a copy of it.
    scratch.link("linked/bin/python3", scratch.join("versions/3.12/bin/python3"));
    scratch.toolchain("copied");
    scratch.binary("copied/bin/python3");
    let settings = format!("home = {}\nversion = 3.12.1\n", prefix.join("bin").display());
    scratch.file("linked/pyvenv.cfg", &settings);
    scratch.file("copied/pyvenv.cfg", &settings);
    for environment in ["linked", "copied"] {
        let directories = [scratch.join(environment).join("bin")];
        let found = python::find(&search(&directories)).unwrap();
        assert_eq!(std::fs::canonicalize(&found.program).unwrap(), real);
        assert_eq!(found.prefix.as_deref(), Some(prefix.as_path()));
    }
}

#[test]
fn a_python_that_the_operator_names_is_taken_or_refused_with_a_reason() {
    let scratch = Scratch::new();
    scratch.toolchain("py");
    let good = scratch.binary("py/bin/python3.13");
    let shim = scratch.script("shims/python3");
    let with = |path: &std::path::Path| {
        let directories = [scratch.join("absent")];
        python::find(&Search { directories: &directories, python: Some(path) })
    };
    assert_eq!(with(&good).unwrap().program, good);
    assert!(with(&shim).unwrap_err().unwrap().reason.contains("script"));
    assert!(with(&scratch.join("none")).is_err());
    assert!(with(std::path::Path::new("python3")).is_err());
}

#[test]
fn types_are_taken_out_and_the_rest_is_kept() {
    let table: &[(&str, &str)] = &[
        ("const a: number = 1;", "const a = 1;"),
        ("let s = { a: 1 } as Foo;", "let s = { a: 1 };"),
        ("interface A { x: number }\ntype B = A | null;\nlet b = 1;", "let b = 1;"),
        ("function f<T>(x: T, y?: string): T { return x!; }", "function f(x, y) {"),
        ("import type { T } from './t';\nimport { U, v } from './u';\nv(1 as U);", "import { v }"),
        ("class C { constructor(private a: number) {} }", "this.a = a;"),
        ("abstract class D { abstract m(): void; declare z: number }", "class D {}"),
        ("enum E { A, B = 'b' }", "E[E[\"A\"] = 0] = \"A\""),
        ("const enum E { A = 1, B = A * 2 }", "E[E[\"B\"] = 2]"),
        ("namespace N { export const x = 1 }", "_N.x = 1"),
        ("let x = y satisfies Z;", "let x = y;"),
        ("const g = <T,>(x: T) => x", "const g = (x) => x"),
        ("let a = b?.c ?? 1n; label: for (;;) break label;", "b?.c ?? 1n"),
        ("console.log('π, 日本');", "π, 日本"),
        ("", ""),
    ];
    for (text, expected) in table {
        let made = typescript::strip(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(made.contains(expected), "{text}\ngave\n{made}");
        for gone in [": number", "interface", " as ", "<T>", "satisfies", "declare"] {
            assert!(!made.contains(gone), "{text}\ngave\n{made}");
        }
    }
}

#[test]
fn mistakes_are_told_by_line_and_column() {
    let table = [
        ("let a = 1;\nlet = ;\n", "line 2, column "),
        ("const x: = 1", "line 1, column 10"),
        ("let a = 1; let a = 2;", "line 1, column "),
        ("function f( {", "line 1"),
        ("\u{0}", "line 1, column 1"),
    ];
    for (text, expected) in table {
        let error = typescript::strip(text).unwrap_err();
        assert!(error.contains(expected), "{text:?} gave {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_typescript_or_a_mistake(
        text in "\\PC{0,40}|(let|const|enum|class|namespace|interface|type|import|export|from|as|=>|\
                 [a-c]|[0-9]|[ <>(){};:,.=?!&*@#'\"`$/\\\\\n-]){0,40}"
    ) {
        if let Err(mistakes) = typescript::strip(&text) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
