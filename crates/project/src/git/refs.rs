//! What a repository says of its branches. Hostile text; total functions.

/// The most branches of a repository; those past it are left out.
const BRANCHES_MAX: usize = 10_000;
/// The longest name of a branch: what file systems take of a path's part, some times over.
const BRANCH_BYTES_MAX: usize = 1024;
/// The fewest digits of a commit's id that tell it from others.
const BEGINNING_MIN: usize = 4;

/// A branch and the commit that it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// The commit's id.
    pub commit: String,
}

/// The branches of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// The branch that is taken unasked, if there is one.
    pub default_branch: Option<String>,
    /// In the order of their names.
    pub branches: Vec<Branch>,
}

impl Refs {
    /// Reads what `git ls-remote --symref` writes; `None` where it is something else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (mut refs, mut head) = (Self::default(), None);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let (value, name) = (line.get(..tab)?, line.get(tab + 1..)?);
            // A name that is not text cannot be asked for.
            let Ok(name) = str::from_utf8(name) else { continue };
            let value = str::from_utf8(value).ok()?;
            if let Some(target) = value.strip_prefix("ref: ") {
                if name == "HEAD" {
                    refs.default_branch = branch_name(target);
                }
                continue;
            }
            if !is_commit(value) {
                return None;
            }
            match branch_name(name) {
                Some(name) if refs.branches.len() < BRANCHES_MAX => {
                    refs.branches.push(Branch { name, commit: value.to_owned() });
                }
                _ if name == "HEAD" => head = Some(value.to_owned()),
                _ => {}
            }
        }
        refs.branches.sort_by(|left, right| left.name.cmp(&right.name));
        refs.settle(head);
        Some(refs)
    }

    /// The commit that a branch points to.
    #[must_use]
    pub fn commit_of(&self, branch: &str) -> Option<&str> {
        let found = self.branches.iter().find(|found| found.name == branch);
        found.map(|found| found.commit.as_str())
    }

    /// Which branch is taken unasked, where the repository does not say or says nonsense.
    fn settle(&mut self, head: Option<String>) {
        let is_there =
            self.default_branch.as_deref().is_some_and(|name| self.commit_of(name).is_some());
        if is_there {
            return;
        }
        let usual = ["main", "master"].into_iter().find(|name| self.commit_of(name).is_some());
        let same = || self.branches.iter().find(|branch| Some(&branch.commit) == head.as_ref());
        let only = || self.branches.first().filter(|_| self.branches.len() == 1);
        let found = same().or_else(only).map(|branch| branch.name.clone());
        self.default_branch = usual.map(str::to_owned).or(found);
    }
}

fn branch_name(name: &str) -> Option<String> {
    let name = name.strip_prefix("refs/heads/")?;
    is_branch(name).then(|| name.to_owned())
}

/// Whether a text can be a branch's name that is shown and asked for.
pub(crate) fn is_branch(name: &str) -> bool {
    let is_odd = |character: char| character.is_control() || " ~^:?*[\\".contains(character);
    !name.is_empty()
        && name.len() <= BRANCH_BYTES_MAX
        && !name.starts_with(['-', '/'])
        && !name.contains("..")
        && !name.contains(is_odd)
}

/// Whether a text is a full id of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_lower_hex(text)
}

/// Whether a text is the beginning of a commit's id, or all of it.
pub(crate) fn is_beginning(text: &str) -> bool {
    (BEGINNING_MIN..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn parsed(text: &str) -> Option<(Option<String>, Vec<String>)> {
        let refs = Refs::parse(text.as_bytes())?;
        Some((refs.default_branch, refs.branches.into_iter().map(|found| found.name).collect()))
    }

    #[test]
    fn branches_are_read() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let some = |name: &str| Some(name.to_owned());
        let table = [
            (String::new(), Some((None, names(&[])))),
            (
                format!(
                    "ref: refs/heads/x\tHEAD\n{A}\tHEAD\n{B}\trefs/heads/main\n{A}\trefs/heads/x\n"
                ),
                Some((some("x"), names(&["main", "x"]))),
            ),
            (format!("{A}\tHEAD\n{A}\trefs/heads/one\n"), Some((some("one"), names(&["one"])))),
            // It points to a branch that is not there.
            (
                format!("ref: refs/heads/gone\tHEAD\n{A}\trefs/heads/master\n"),
                Some((some("master"), names(&["master"]))),
            ),
            (
                format!("{A}\trefs/heads/-x\n{A}\trefs/heads/a..b\n{A}\trefs/heads/a b\n"),
                Some((None, names(&[]))),
            ),
            (
                format!("{A}\trefs/tags/v1\n{A}\trefs/heads/a/b\n"),
                Some((some("a/b"), names(&["a/b"]))),
            ),
            ("nonsense\n".to_owned(), None),
            ("short\trefs/heads/a\n".to_owned(), None),
        ];
        for (text, expected) in table {
            assert_eq!(parsed(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn ids_are_told_from_other_texts() {
        assert!(is_commit(A) && is_commit(&"0".repeat(64)));
        assert!(!is_commit("") && !is_commit(&A.to_uppercase()) && !is_commit(&A[1..]));
        assert!(is_beginning("abcd") && is_beginning(A) && is_beginning("ABCD"));
        assert!(!is_beginning("abc") && !is_beginning("main") && !is_beginning("--abc"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Refs::parse(&bytes);
        }

        #[test]
        fn names_that_are_read_are_no_options(name in "[-a./ ~\\\\]{0,12}") {
            let text = format!("{A}\trefs/heads/{name}\n");
            for branch in Refs::parse(text.as_bytes()).unwrap_or_default().branches {
                prop_assert!(!branch.name.starts_with('-') && !branch.name.contains(' '));
            }
        }
    }
}
