//! Which names entries of an archive may have.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
};

use super::EntryFault;
use crate::transfer::DEPTH_MAX;

/// The longest part of a name that the host kernel takes.
const PART_BYTES_MAX: usize = 255;
/// The longest name, below the host kernel's 4096 for where it is put.
pub(super) const NAME_BYTES_MAX: usize = 3072;

/// The names of an archive, as a tree: the memory is that of the names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By name without case.
    below: BTreeMap<String, Node>,
}

#[derive(Debug)]
struct Node {
    name: String,
    is_directory: bool,
    /// Whether an entry has that name, and not only one below it.
    is_named: bool,
    names: Names,
}

impl Names {
    /// The place that a name stands for, relative to where the archive is unpacked;
    /// empty for that itself. No other entry may have it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        is_directory: bool,
        depth: usize,
    ) -> Result<PathBuf, EntryFault> {
        let parts = parts(name)?;
        if depth + parts.len() > DEPTH_MAX {
            return Err(EntryFault::TooDeep);
        }
        let Some((last, parents)) = parts.split_last() else {
            return if is_directory { Ok(PathBuf::new()) } else { Err(EntryFault::Nameless) };
        };
        let mut names = self;
        for parent in parents {
            names = &mut names.enter(parent, true, false)?.names;
        }
        names.enter(last, is_directory, true)?;
        Ok(parts.into_iter().collect())
    }

    fn enter(
        &mut self,
        name: &str,
        is_directory: bool,
        is_named: bool,
    ) -> Result<&mut Node, EntryFault> {
        let node = match self.below.entry(name.to_lowercase()) {
            Entry::Vacant(vacant) => {
                let (name, names) = (name.to_owned(), Self::default());
                return Ok(vacant.insert(Node { name, is_directory, is_named, names }));
            }
            Entry::Occupied(node) => node.into_mut(),
        };
        if node.name != name {
            return Err(EntryFault::Case);
        }
        if node.is_directory != is_directory {
            return Err(EntryFault::FileAndDirectory);
        }
        if node.is_named && is_named {
            return Err(EntryFault::Twice);
        }
        node.is_named |= is_named;
        Ok(node)
    }
}

fn parts(name: &[u8]) -> Result<Vec<&str>, EntryFault> {
    if name.len() > NAME_BYTES_MAX {
        return Err(EntryFault::TooLong);
    }
    let text = str::from_utf8(name).map_err(|_| EntryFault::NotText)?;
    if text.is_empty() {
        return Err(EntryFault::Nameless);
    }
    if text.contains(['\0', '\\']) {
        return Err(EntryFault::Character);
    }
    if text.starts_with('/') {
        return Err(EntryFault::Absolute);
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(EntryFault::LeadsOut);
    }
    if parts.iter().any(|part| part.len() > PART_BYTES_MAX) {
        return Err(EntryFault::TooLong);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stand_for_places_or_are_refused() {
        use EntryFault::{Absolute, Character, LeadsOut, Nameless, NotText, TooDeep, TooLong};
        let long = "x".repeat(256);
        let longer = "x/".repeat(2000);
        let deep = "x/".repeat(DEPTH_MAX) + "x";
        let table: [(&[u8], Result<&str, EntryFault>); 19] = [
            (b"a/b.txt", Ok("a/b.txt")),
            (b"./a//b", Ok("a/b")),
            (b"-rf", Ok("-rf")),
            (b"$(x) *~\n", Ok("$(x) *~\n")),
            ("d\u{f6}ner".as_bytes(), Ok("d\u{f6}ner")),
            (b"..a/...", Ok("..a/...")),
            (b"", Err(Nameless)),
            (b".", Err(Nameless)),
            (b"./", Err(Nameless)),
            (b"/etc/passwd", Err(Absolute)),
            (b"//a", Err(Absolute)),
            (b"../a", Err(LeadsOut)),
            (b"a/../../b", Err(LeadsOut)),
            (b"a/..", Err(LeadsOut)),
            (b"..\\a", Err(Character)),
            (b"a\0b", Err(Character)),
            (b"a\xff", Err(NotText)),
            (long.as_bytes(), Err(TooLong)),
            (longer.as_bytes(), Err(TooLong)),
        ];
        for (name, expected) in table {
            let place = Names::default().add(name, false, 0);
            assert_eq!(place, expected.map(PathBuf::from), "{}", name.escape_ascii());
        }
        assert_eq!(Names::default().add(deep.as_bytes(), false, 0), Err(TooDeep));
        assert_eq!(Names::default().add(b"a/b", false, DEPTH_MAX - 1), Err(TooDeep));
        assert_eq!(Names::default().add(b"./", true, 0), Ok(PathBuf::new()));
    }

    #[test]
    fn no_place_is_taken_twice() {
        use EntryFault::{Case, FileAndDirectory, Twice};
        type Entries = &'static [(&'static str, bool)];
        let table: [(Entries, Option<EntryFault>); 9] = [
            (&[("a", false), ("b", false)], None),
            (&[("a/b", false), ("a", true), ("a/c", false)], None),
            (&[("a", false), ("./a", false)], Some(Twice)),
            (&[("a/", true), ("a", true)], Some(Twice)),
            (&[("A", false), ("a", false)], Some(Case)),
            (&[("A/x", false), ("a/y", false)], Some(Case)),
            (&[("\u{c4}", false), ("\u{e4}", false)], Some(Case)),
            (&[("a", false), ("a/b", false)], Some(FileAndDirectory)),
            (&[("a/b", false), ("a", false)], Some(FileAndDirectory)),
        ];
        for (entries, expected) in table {
            let mut names = Names::default();
            let all = entries.iter().map(|(name, is_dir)| names.add(name.as_bytes(), *is_dir, 0));
            let fault = all.collect::<Result<Vec<_>, _>>().err();
            assert_eq!(fault, expected, "{entries:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leads_out(name in prop::collection::vec(
            prop::sample::select(b"ab./\\\0\xc3\xa4".to_vec()), 0..14,
        )) {
            if let Ok(place) = Names::default().add(&name, true, 0) {
                let is_below = |part| matches!(part, Component::Normal(_));
                prop_assert!(place.components().all(is_below));
                prop_assert!(!Path::new(&place).is_absolute());
            }
        }
    }
}
