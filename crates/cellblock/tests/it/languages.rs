//! Every language says hello, with an argument and standard input; where its tools
//! are missing, the message says what is missing and how to get it.

use crate::fixture::{cellblock, has_language, run};

/// Prints `hello ARGUMENT LINE`.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("python", "a.py", "import sys; print('hello', sys.argv[1], input())"),
    ("bash", "a.bash", "read -r line; words=(hello \"$1\" \"$line\"); echo \"${words[@]}\""),
    ("sh", "a.sh", "read -r line; echo hello \"$1\" \"$line\""),
    (
        "zsh",
        "a.zsh",
        "read -r line; words=(hello $1 $line); print ${words[1]} ${words[2]} ${words[3]}",
    ),
    (
        "javascript",
        "a.js",
        "const line = require('fs').readFileSync(0, 'utf8').trim();\n\
         console.log('hello', process.argv[2], line);",
    ),
    (
        "typescript",
        "a.ts",
        "import { readFileSync } from 'node:fs';\n\
         enum Word { Hello = 'hello' }\n\
         interface Said { line: string }\n\
         const said: Said = { line: readFileSync(0, 'utf8').trim() };\n\
         console.log(Word.Hello, process.argv[2] as string, said.line);",
    ),
    ("ruby", "a.rb", "puts \"hello #{ARGV[0]} #{$stdin.gets}\""),
    ("php", "a.php", "<?php echo 'hello ', $argv[1], ' ', fgets(STDIN), \"\\n\";"),
    ("perl", "a.pl", "my $line = <STDIN>; print \"hello $ARGV[0] $line\\n\";"),
    ("lua", "a.lua", "print('hello ' .. arg[1] .. ' ' .. io.read())"),
    (
        "r",
        "a.R",
        "cat('hello', commandArgs(TRUE)[1], readLines(file('stdin'), warn = FALSE), '\\n', sep = ' ')",
    ),
    (
        "c",
        "a.c",
        "#include <stdio.h>\n\
         int main(int n, char **args) {\n\
         char line[99]; scanf(\"%98s\", line); printf(\"hello %s %s\\n\", args[1], line); }",
    ),
    (
        "c++",
        "a.cpp",
        "#include <iostream>\n#include <string>\n\
         int main(int, char **args) {\n\
         std::string line; std::cin >> line; std::cout << \"hello \" << args[1] << ' ' << line << '\\n'; }",
    ),
    (
        "rust",
        "a.rs",
        "fn main() {\n\
         let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap();\n\
         println!(\"hello {} {}\", std::env::args().nth(1).unwrap(), line); }",
    ),
    (
        "go",
        "a.go",
        "package main\nimport (\"fmt\"; \"os\")\n\
         func main() { var line string; fmt.Scan(&line); fmt.Println(\"hello\", os.Args[1], line) }",
    ),
    (
        "java",
        "A.java",
        "import java.util.Scanner;\n\
         public class A { public static void main(String[] args) {\n\
         System.out.println(\"hello \" + args[0] + \" \" + new Scanner(System.in).next()); } }",
    ),
];

fn says_hello(name: &str) {
    if !has_language(name) {
        return;
    }
    let (_, file, text) = PROGRAMS.iter().find(|(language, ..)| *language == name).unwrap();
    let came = run(&["-t", "2m", "-m", "2G", file, "there"]).file(file, text).stdin("you").came();
    assert_eq!((came.stdout.trim_end(), came.status), ("hello there you", 0), "{}", came.stderr);
}

macro_rules! says_hello {
    ($($test:ident $name:literal,)+) => {
        $(#[test] fn $test() { says_hello($name); })+
        const TESTED: &[&str] = &[$($name),+];
    };
}

says_hello! {
    python_says_hello "python",
    bash_says_hello "bash",
    sh_says_hello "sh",
    zsh_says_hello "zsh",
    javascript_says_hello "javascript",
    typescript_says_hello "typescript",
    ruby_says_hello "ruby",
    php_says_hello "php",
    perl_says_hello "perl",
    lua_says_hello "lua",
    r_says_hello "r",
    c_says_hello "c",
    cpp_says_hello "c++",
    rust_says_hello "rust",
    go_says_hello "go",
    java_says_hello "java",
}

#[test]
fn no_language_is_left_out() {
    let json = cellblock(&["languages", "--json"]).came().json();
    let mut names: Vec<_> =
        json.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let mut tested = TESTED.to_vec();
    names.sort_unstable();
    tested.sort_unstable();
    assert_eq!(names, tested);
}

#[test]
fn a_python_that_is_not_there_is_named_with_how_to_get_one() {
    let call = run(&["-c", "print(1)", "-l", "python"]);
    call.var("CELLBLOCK_PYTHON", "/nowhere/python3")
        .refused(127, &["python cannot be run", "/nowhere/python3", "apt install"]);
}

#[test]
fn a_missing_toolchain_is_named_with_how_to_get_it() {
    let json = cellblock(&["languages", "--json"]).came().json();
    let missing = json.as_array().unwrap().iter().filter(|row| row["available"] == false);
    for row in missing {
        let name = row["name"].as_str().unwrap();
        let hint = row["hint"].as_str().unwrap();
        assert!(hint.contains("apt install"), "{hint}");
        run(&["-c", "x", "-l", name]).refused(127, &[name, hint]);
    }
}

#[test]
fn aliases_are_understood() {
    for alias in ["py", "python3", "Python"] {
        run(&["-c", "print(1)", "-l", alias]).prints("1\n");
    }
}
