//! The table of languages: one row each, and nothing that acts.

use super::{Compile, Install, Language, Tool, Word};
use Word::{MainClass, Source, Target, Text, WithTool};

const fn tool(names: &'static [&'static str]) -> Tool {
    Tool { names }
}

const fn install(debian: &'static str, elsewhere: &'static str) -> Install {
    Install { debian, elsewhere }
}

/// What a row says where it has nothing of its own to say: one program that
/// takes the source file.
const INTERPRETED: Language = Language {
    name: "",
    aliases: &[],
    suffixes: &[],
    file_name: "",
    tools: &[],
    compile: None,
    run: &[Word::Tool(0), Source],
    env_vars: &[],
    etc: &[],
    install: install("", ""),
};

/// Where a compile step puts the one executable that it makes.
const EXECUTABLE: &str = "/tmp/program";

const C_FLAGS: &[Word] = &[Word::Tool(0), Text("-O1"), Text("-o"), Target, Source, Text("-lm")];

/// Output appears as it is written, and no cache files are left beside the code.
pub(crate) const PYTHON_ENV_VARS: &[(&str, &str)] =
    &[("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")];

/// Every language, one row each. Where two rows share a file ending, the first has it.
pub static LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        aliases: &["python3", "py", "py3"],
        suffixes: &["py", "pyw"],
        file_name: "main.py",
        tools: &[tool(&["python3"])],
        run: &[Word::Python, Source],
        env_vars: PYTHON_ENV_VARS,
        install: install("python3", "https://www.python.org, or `uv python install`"),
        ..INTERPRETED
    },
    Language {
        name: "bash",
        aliases: &["shell"],
        suffixes: &["sh", "bash"],
        file_name: "main.sh",
        tools: &[tool(&["bash"])],
        install: install("bash", "https://www.gnu.org/software/bash"),
        ..INTERPRETED
    },
    Language {
        name: "sh",
        aliases: &["dash", "posix"],
        suffixes: &["dash"],
        file_name: "main.sh",
        tools: &[tool(&["sh", "dash"])],
        install: install("dash", "any POSIX shell"),
        ..INTERPRETED
    },
    Language {
        name: "zsh",
        aliases: &[],
        suffixes: &["zsh"],
        file_name: "main.zsh",
        tools: &[tool(&["zsh"])],
        install: install("zsh", "https://www.zsh.org"),
        ..INTERPRETED
    },
    Language {
        name: "javascript",
        aliases: &["js", "node", "nodejs"],
        suffixes: &["js", "mjs", "cjs"],
        file_name: "main.js",
        tools: &[tool(&["node", "nodejs"])],
        install: install("nodejs", "https://nodejs.org"),
        ..INTERPRETED
    },
    Language {
        name: "typescript",
        aliases: &["ts"],
        suffixes: &["ts", "mts", "cts"],
        file_name: "main.ts",
        tools: &[tool(&["node", "nodejs"])],
        compile: Some(Compile::StripTypes),
        run: &[Word::Tool(0), Target],
        install: install("nodejs", "https://nodejs.org"),
        ..INTERPRETED
    },
    Language {
        name: "ruby",
        aliases: &["rb"],
        suffixes: &["rb"],
        file_name: "main.rb",
        tools: &[tool(&["ruby"])],
        install: install("ruby", "https://www.ruby-lang.org"),
        ..INTERPRETED
    },
    Language {
        name: "php",
        aliases: &[],
        suffixes: &["php"],
        file_name: "main.php",
        tools: &[tool(&["php"])],
        etc: &["php", "php.d", "php.ini"],
        install: install("php-cli", "https://www.php.net"),
        ..INTERPRETED
    },
    Language {
        name: "perl",
        aliases: &["pl"],
        suffixes: &["pl", "pm"],
        file_name: "main.pl",
        tools: &[tool(&["perl"])],
        etc: &["perl"],
        install: install("perl", "https://www.perl.org"),
        ..INTERPRETED
    },
    Language {
        name: "lua",
        aliases: &[],
        suffixes: &["lua"],
        file_name: "main.lua",
        tools: &[tool(&["lua", "lua5.4", "lua5.3", "lua5.2", "lua5.1", "luajit"])],
        install: install("lua5.4", "https://www.lua.org"),
        ..INTERPRETED
    },
    Language {
        name: "r",
        aliases: &["rscript"],
        suffixes: &["R", "r"],
        file_name: "main.R",
        tools: &[tool(&["Rscript"])],
        etc: &["R"],
        install: install("r-base-core", "https://www.r-project.org"),
        ..INTERPRETED
    },
    Language {
        name: "c",
        aliases: &["gcc"],
        suffixes: &["c"],
        file_name: "main.c",
        tools: &[tool(&["gcc", "cc", "clang"])],
        compile: Some(Compile::Command { words: C_FLAGS, target: EXECUTABLE }),
        run: &[Target],
        install: install("gcc libc6-dev", "gcc or clang with the C library's headers"),
        ..INTERPRETED
    },
    Language {
        name: "c++",
        aliases: &["cpp", "cxx", "cc", "g++"],
        suffixes: &["cpp", "cc", "cxx", "c++", "C"],
        file_name: "main.cpp",
        tools: &[tool(&["g++", "c++", "clang++"])],
        compile: Some(Compile::Command { words: C_FLAGS, target: EXECUTABLE }),
        run: &[Target],
        install: install("g++", "g++ or clang++ with the C++ library's headers"),
        ..INTERPRETED
    },
    Language {
        name: "rust",
        aliases: &["rs", "rustc"],
        suffixes: &["rs"],
        file_name: "main.rs",
        tools: &[tool(&["rustc"]), tool(&["cc", "gcc", "clang"])],
        compile: Some(Compile::Command {
            words: &[
                Word::Tool(0),
                Text("--edition=2021"),
                Text("--crate-name=program"),
                Text("-Copt-level=1"),
                WithTool("-Clinker=", 1),
                Text("-o"),
                Target,
                Source,
            ],
            target: EXECUTABLE,
        }),
        run: &[Target],
        install: install("rustc", "https://rustup.rs"),
        ..INTERPRETED
    },
    Language {
        name: "go",
        aliases: &["golang"],
        suffixes: &["go"],
        file_name: "main.go",
        tools: &[tool(&["go"])],
        compile: Some(Compile::Command {
            // Not with -trimpath: it has the standard library compiled anew each time.
            words: &[Word::Tool(0), Text("build"), Text("-o"), Target, Source],
            target: EXECUTABLE,
        }),
        run: &[Target],
        env_vars: &[
            ("GOCACHE", "/tmp/go-cache"),
            ("GOPATH", "/tmp/go"),
            ("GOPROXY", "off"),
            ("GOSUMDB", "off"),
            ("GOTELEMETRY", "off"),
            ("GOTOOLCHAIN", "local"),
        ],
        install: install("golang-go", "https://go.dev/dl"),
        ..INTERPRETED
    },
    Language {
        name: "java",
        aliases: &[],
        suffixes: &["java"],
        file_name: "Main.java",
        tools: &[tool(&["javac"]), tool(&["java"])],
        compile: Some(Compile::Command {
            words: &[
                Word::Tool(0),
                Text("-J-XX:+UseSerialGC"),
                Text("-J-XX:TieredStopAtLevel=1"),
                Text("-encoding"),
                Text("UTF-8"),
                Text("-d"),
                Target,
                Source,
            ],
            target: "/tmp/classes",
        }),
        run: &[Word::Tool(1), Text("-XX:+UseSerialGC"), Text("-cp"), Target, MainClass],
        etc: &["java", "java-*"],
        install: install("default-jdk-headless", "https://adoptium.net"),
        ..INTERPRETED
    },
];
