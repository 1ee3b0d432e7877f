//! The scripts in which git runs inside. Values come as arguments and stand behind
//! something that makes options of none of them.

/// What git is told on every way: nothing of the host's or of a person's, no prompt, no
/// hook, no helper. `$HOME` is of a sandbox that has nothing in it.
pub(super) const CONFIGURATION: &str = "\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\taskPass =
[credential]
\thelper =
[safe]
\tdirectory = *
[transfer]
\tfsckObjects = true
[fetch]
\trecurseSubmodules = false
[submodule]
\trecurse = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[log]
\tmailmap = false
\tshowSignature = false
[i18n]
\tlogOutputEncoding = UTF-8
[tar]
\tumask = 0022
[init]
\tdefaultBranch = none
";

/// Files come out as they are in the commit, whatever its own attributes ask for.
pub(super) const ATTRIBUTES: &str =
    "* -export-ignore -export-subst -text !eol -ident -filter -working-tree-encoding !diff\n";

/// Before each script: `$SOURCE` is an address, or the directory `/source`, of which
/// `$OBJECTS` has the objects. `have COMMIT` sees to it that a commit is there with its
/// files, `know` that all commits of branches are.
pub(super) const PRELUDE: &str = r#"set -eu
printf '%s' "$CELLBLOCK_CONFIGURATION" > /workspace/gitconfig
own() {
    git init --quiet --bare --object-format="$1" own
    cd own
    printf '%s' "$CELLBLOCK_ATTRIBUTES" > info/attributes
    if [ -n "${OBJECTS-}" ]; then
        printf '%s\n' "$OBJECTS" > objects/info/alternates
        if [ -f "$OBJECTS/../shallow" ]; then cp "$OBJECTS/../shallow" shallow; fi
    fi
}
format_of() { if [ "${#1}" -eq 64 ]; then echo sha256; else echo sha1; fi; }
bring() { git fetch --quiet --no-tags --no-recurse-submodules --no-auto-gc "$@"; }
all='+refs/heads/*:refs/heads/*'
have() {
    if [ -n "${OBJECTS-}" ]; then return 0; fi
    if bring --depth=1 -- "$SOURCE" "$1" 2> first; then return 0; fi
    bring -- "$SOURCE" "$all"
}
know() {
    if [ -n "${OBJECTS-}" ]; then return 0; fi
    bring --filter=blob:none -- "$SOURCE" "$all"
}
"#;

pub(super) const REFS: &str = r#"
git ls-remote --quiet --symref -- "$SOURCE" HEAD 'refs/heads/*'
"#;

pub(super) const RESOLVE: &str = r#"
own "$(git ls-remote --quiet -- "$SOURCE" | { read -r id name || true; format_of "${id-}"; })"
know
git rev-parse --verify --quiet --end-of-options "$1^{commit}"
"#;

pub(super) const ARCHIVE: &str = r#"
own "$(format_of "$1")"
have "$1"
git cat-file -e "$1^{commit}"
git archive --format=tar "$1^{tree}"
"#;

pub(super) const LOG: &str = r#"
own "$(format_of "$1")"
know
git --literal-pathspecs log -z --no-color --no-notes --no-decorate \
    --format='%H%x00%an%x00%cI%x00%B' --max-count="$2" --skip="$3" \
    --end-of-options "$1" -- ${4:+"$4"}
"#;

pub(super) const DIFF: &str = r#"
own "$(format_of "$1")"
if [ -z "${OBJECTS-}" ]; then bring -- "$SOURCE" "$all"; fi
git cat-file -e "$1^{commit}"
git cat-file -e "$2^{commit}"
git --literal-pathspecs diff --no-color --no-ext-diff --no-textconv --submodule=short \
    --end-of-options "$1" "$2" -- ${3:+"$3"}
"#;
