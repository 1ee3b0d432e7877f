//! Archives as others write them, and as nobody should.

use std::{
    fs,
    io::{Cursor, Write},
    os::fd::OwnedFd,
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::*;

const ROOM: Room =
    Room { bytes: 1 << 20, file_bytes: 1 << 19, entries: ENTRIES_MAX, depth: 0, links: false };

fn spooled(bytes: &[u8]) -> fs::File {
    let mut file = crate::spool::nameless().unwrap();
    file.write_all(bytes).unwrap();
    crate::spool::reopen(&file).unwrap()
}

/// An archive, and its entries or a part of why it is refused.
type Case = (Vec<u8>, Result<Vec<&'static str>, &'static str>);

/// What came of an archive: its entries, or why it is refused.
fn staged(format: ArchiveFormat, bytes: &[u8]) -> Result<Vec<String>, String> {
    let staged = stage(spooled(bytes), format, ROOM).map_err(|error| error.to_string())?;
    let show = |(path, body): &(std::path::PathBuf, Body)| match *body {
        Body::Link { .. } => panic!("a link was let in"),
        Body::Directory => format!("{}/", path.display()),
        Body::File { start, size, executable } => {
            let text = staged.bytes(start, size.min(20)).unwrap();
            let star = if executable { "*" } else { "" };
            format!("{}{star}={}", path.display(), String::from_utf8_lossy(&text))
        }
    };
    Ok(staged.entries.iter().map(show).collect())
}

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4755);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

/// A tape archive of entries whose headers say what they are told to.
fn tape(entries: &[(EntryType, &[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, content) in entries {
        bytes.extend_from_slice(header(*kind, name, content.len() as u64).as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, mode) in entries {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        if let Some(name) = name.strip_suffix('/') {
            writer.add_directory(name, options).unwrap();
        } else if mode >> 12 == 0o12 {
            writer.add_symlink(*name, str::from_utf8(content).unwrap(), options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn tapes_have_files_and_directories_and_nothing_else() {
    use EntryType as T;
    let file: (T, &[u8], &[u8]) = (T::Regular, b"a", b"one");
    let long = "l".repeat(150);
    let long_name = format!("{long}\0");
    let table: Vec<Case> = vec![
        (tape(&[]), Ok(vec![])),
        (tape(&[file, (T::Directory, b"d/", b"")]), Ok(vec!["a*=one", "d/"])),
        (tape(&[(T::Regular, b"old/", b"")]), Ok(vec!["old/"])),
        (tape(&[(T::Directory, b"./", b""), (T::Regular, b"./a", b"1")]), Ok(vec!["a*=1"])),
        (tape(&[file, (T::Symlink, b"l", b"")]), Err("\"l\" is a link")),
        (tape(&[file, (T::Link, b"l", b"")]), Err("\"l\" is a link")),
        (tape(&[(T::Char, b"null", b"")]), Err("\"null\" is neither a file nor a directory")),
        (tape(&[(T::Fifo, b"pipe", b"")]), Err("\"pipe\" is neither a file nor a directory")),
        (tape(&[(T::GNUSparse, b"s", b"")]), Err("\"s\" is a sparse file")),
        (tape(&[file, (T::Regular, b"../x", b"")]), Err("\"../x\" has `..` in it")),
        (tape(&[(T::Regular, b"/etc/x", b"")]), Err("\"/etc/x\" is an absolute path")),
        (tape(&[file, (T::Regular, b"A", b"")]), Err("\"A\" differs from another entry by case")),
        (tape(&[file, file]), Err("\"a\" is there twice")),
        (tape(&[(T::XHeader, b"x", b"12 path=b/c\n"), file]), Ok(vec!["b/c*=one"])),
        (tape(&[(T::XHeader, b"x", b"13 path=../x\n"), file]), Err("\"../x\" has `..` in it")),
        (tape(&[(T::XHeader, b"x", b"10 size=3\n"), file]), Ok(vec!["a*=one"])),
        (tape(&[(T::XHeader, b"x", b"10 size=9\n"), file]), Err("\"a\" is described in two ways")),
        (tape(&[(T::XHeader, b"x", b"99 path=b\n"), file]), Err("attributes are malformed")),
        (tape(&[(T::XGlobalHeader, b"x", b"10 size=9\n"), file]), Err("in common")),
        (tape(&[(T::XGlobalHeader, b"x", b"13 comment=1\n"), file]), Ok(vec!["a*=one"])),
        (tape(&[(T::GNULongName, b"n", b"../x\0"), file]), Err("\"../x\" has `..` in it")),
        (tape(&[(T::GNULongName, b"n", &[b'n'; 70_000]), file]), Err("are too long")),
        (b"no archive at all".to_vec(), Err("it ends early")),
        (vec![b'x'; 2000], Err("checksum is wrong")),
        (tape(&[file])[..1024].to_vec(), Err("it ends early")),
        (tape(&[(T::Regular, b"big", &vec![0; (1 << 19) + 1])]), Err("\"big\" is larger than")),
    ];
    for (bytes, expected) in &table {
        for (format, bytes) in
            [(ArchiveFormat::Tar, bytes.clone()), (ArchiveFormat::TarGz, gzipped(bytes))]
        {
            match (staged(format, &bytes), expected) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, *wanted),
                (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{found}: {wanted}"),
                (found, wanted) => panic!("{found:?} is not {wanted:?}"),
            }
        }
    }
    let named = tape(&[(T::GNULongName, b"n", long_name.as_bytes()), file]);
    assert_eq!(staged(ArchiveFormat::Tar, &named), Ok(vec![format!("{long}*=one")]));
}

#[test]
fn zips_have_files_and_directories_and_nothing_else() {
    let all: Vec<Case> = vec![
        (zipped(&[]), Ok(vec![])),
        (
            zipped(&[("d/", b"", 0o755), ("d/a", b"one", 0o644), ("run", b"#!", 0o4755)]),
            Ok(vec!["d/", "d/a=one", "run*=#!"]),
        ),
        (zipped(&[("l", b"/etc/passwd", 0o120_777)]), Err("\"l\" is a link")),
        (zipped(&[("../x", b"", 0o644)]), Err("\"../x\" has `..` in it")),
        (zipped(&[("/etc/x", b"", 0o644)]), Err("\"/etc/x\" is an absolute path")),
        (zipped(&[("..\\x", b"", 0o644)]), Err("a NUL or a backslash")),
        (zipped(&[("a", b"", 0o644), ("A", b"", 0o644)]), Err("by case alone")),
        (zipped(&[("a", b"", 0o644), ("a/b", b"", 0o644)]), Err("both a file and a directory")),
        (b"PK\x05\x06".to_vec(), Err("it has no end")),
        (Vec::new(), Err("it has no end")),
    ];
    for (bytes, expected) in all {
        match (staged(ArchiveFormat::Zip, &bytes), expected) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
            (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{found}: {wanted}"),
            (found, wanted) => panic!("{found:?} is not {wanted:?}"),
        }
    }
}

/// Where these bytes are, counted from the end backwards.
fn last(bytes: &[u8], wanted: &[u8]) -> usize {
    (0..bytes.len()).rev().find(|at| bytes[*at..].starts_with(wanted)).unwrap()
}

#[test]
fn zips_that_contradict_themselves_are_refused() {
    let plain = zipped(&[("one", b"11111111111111111111", 0o644), ("two", b"22", 0o644)]);
    let (first, directory) = (0, last(&plain, b"PK\x01\x02") - 46 - 3);
    let second = last(&plain, b"PK\x03\x04");
    let end = last(&plain, b"PK\x05\x06");
    assert!(plain[directory..].starts_with(b"PK\x01\x02"), "it has extra fields");
    let second = u32::try_from(second).unwrap();
    let table: [(usize, &[u8], &str); 10] = [
        (first + 30, b"x", "\"one\" is described in two ways"),
        (first + 14, b"\0\0", "\"one\" is described in two ways"),
        (directory + 46, b"/x", "\"/xe\" is described in two ways"),
        (directory + 8, b"\x01", "\"one\" is encrypted"),
        (directory + 10, b"\x0c", "\"one\" is compressed in a way"),
        (directory + 24, b"\xff\xff\xff\xff", "\"one\" is larger than"),
        (directory + 42, &second.to_le_bytes(), "\"one\" is described in two ways"),
        (end + 8, b"\x01", "several parts"),
        (end + 16, b"\0\0", "its directory is not where it says"),
        (end + 20, b"\x09", "it has no end"),
    ];
    assert!(staged(ArchiveFormat::Zip, &plain).is_ok());
    for (at, bytes, wanted) in table {
        let mut changed = plain.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let found = staged(ArchiveFormat::Zip, &changed).unwrap_err();
        assert!(found.contains(wanted), "{found}: {wanted}");
    }
    let trailing = [plain, b"more".to_vec()].concat();
    assert!(staged(ArchiveFormat::Zip, &trailing).unwrap_err().contains("it has no end"));
}

#[test]
fn entries_of_a_zip_have_nothing_in_common() {
    let one = zipped(&[("a", &[b'x'; 300], 0o644)]);
    let directory = last(&one, b"PK\x01\x02");
    let entry = one[directory..last(&one, b"PK\x05\x06")].to_vec();
    let mut twice = [&one[..directory], &entry, &entry].concat();
    let mut end = one[last(&one, b"PK\x05\x06")..].to_vec();
    end[8] = 2;
    end[10] = 2;
    end[12..16].copy_from_slice(&u32::try_from(2 * entry.len()).unwrap().to_le_bytes());
    twice.extend(end);
    assert!(staged(ArchiveFormat::Zip, &twice).unwrap_err().contains("its entries overlap"));
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let zeros = vec![0; (1 << 19) - 1];
    let names: Vec<String> = (0..3).map(|number| number.to_string()).collect();
    let entries: Vec<_> =
        names.iter().map(|name| (EntryType::Regular, name.as_bytes(), zeros.as_slice())).collect();
    let tar = gzipped(&tape(&entries));
    assert!(tar.len() < 20_000);
    assert!(staged(ArchiveFormat::TarGz, &tar).unwrap_err().contains("does not fit"));
    let entries: Vec<_> =
        names.iter().map(|name| (name.as_str(), zeros.as_slice(), 0o644)).collect();
    let zip = zipped(&entries);
    assert!(staged(ArchiveFormat::Zip, &zip).unwrap_err().contains("does not fit"));
    let names: Vec<String> = (0..=ENTRIES_MAX).map(|number| number.to_string()).collect();
    let entries: Vec<_> =
        names.iter().map(|name| (EntryType::Regular, name.as_bytes(), b"".as_slice())).collect();
    assert!(staged(ArchiveFormat::Tar, &tape(&entries)).unwrap_err().contains("more than 10000"));
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), b"".as_slice(), 0o644)).collect();
    assert!(staged(ArchiveFormat::Zip, &zipped(&entries)).unwrap_err().contains("more than 10000"));
    let mut endless = tape(&[]);
    endless.resize(4 << 20, 0);
    let endless = gzipped(&endless);
    assert!(staged(ArchiveFormat::TarGz, &endless).unwrap_err().contains("follows its end"));
}

#[test]
fn a_damaged_content_is_noticed() {
    let zip = zipped(&[("a", &[b'x'; 3000], 0o644)]);
    let mut stored = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    stored.start_file("a", options).unwrap();
    stored.write_all(b"content").unwrap();
    let mut stored = stored.finish().unwrap().into_inner();
    assert_eq!(staged(ArchiveFormat::Zip, &stored).unwrap(), ["a=content"]);
    let at = last(&stored, b"content");
    stored[at] = b'C';
    assert!(staged(ArchiveFormat::Zip, &stored).unwrap_err().contains("another content"));
    let directory = last(&zip, b"PK\x01\x02");
    for (size, wanted) in [(2999_u32, "another content"), (3001, "it ends early")] {
        let mut changed = zip.clone();
        changed[22..26].copy_from_slice(&size.to_le_bytes());
        changed[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        let found = staged(ArchiveFormat::Zip, &changed).unwrap_err();
        assert!(found.contains(wanted), "{found}");
    }
    let mut tar = gzipped(&tape(&[(EntryType::Regular, b"a", b"content")]));
    let at = tar.len() - 6;
    tar[at] ^= 1;
    assert!(staged(ArchiveFormat::TarGz, &tar).unwrap_err().contains("it is damaged"));
}

/// What a packer makes of a directory, while something is done after its first piece.
fn packed(scratch: &std::path::Path, format: ArchiveFormat, meanwhile: impl FnOnce()) -> Vec<u8> {
    let root: OwnedFd = fs::File::open(scratch).unwrap().into();
    let mut packer = Packer::new(root, std::path::Path::new(""), format, 1 << 30).unwrap();
    let mut all = Vec::new();
    let mut meanwhile = Some(meanwhile);
    loop {
        packer.fill().unwrap();
        let bytes = packer.take();
        if bytes.is_empty() {
            return all;
        }
        all.extend(bytes);
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
    }
}

fn scratch(name: &str) -> std::path::PathBuf {
    let scratch = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).unwrap();
    scratch
}

#[test]
fn what_is_packed_is_what_others_read() {
    let scratch = scratch("packs");
    let deep = "deep".repeat(30);
    fs::create_dir_all(scratch.join(&deep).join("empty")).unwrap();
    fs::write(scratch.join(&deep).join("long.txt"), "long").unwrap();
    fs::write(scratch.join("a.txt"), "one").unwrap();
    std::os::unix::fs::symlink("a.txt", scratch.join("good")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", scratch.join("bad")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, scratch.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let files = ["a.txt".to_owned(), format!("{deep}/long.txt")];
    for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz] {
        let bytes = packed(&scratch, format, || {});
        let plain: Box<dyn std::io::Read> = match format {
            ArchiveFormat::Tar => Box::new(Cursor::new(bytes)),
            _ => Box::new(flate2::read::GzDecoder::new(Cursor::new(bytes))),
        };
        let mut archive = tar::Archive::new(plain);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let link = entry.link_name().unwrap().map(|link| link.display().to_string());
            found.push((entry.path().unwrap().display().to_string(), link));
        }
        let expected = [
            ("a.txt".to_owned(), None),
            (format!("{deep}/"), None),
            (format!("{deep}/empty/"), None),
            (files[1].clone(), None),
            ("good".to_owned(), Some("a.txt".to_owned())),
        ];
        assert_eq!(found, expected);
    }
    let bytes = packed(&scratch, ArchiveFormat::Zip, || {});
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let text = std::io::read_to_string(archive.by_name(&files[1]).unwrap()).unwrap();
    assert_eq!(text, "long");
    fs::remove_dir_all(&scratch).unwrap();
    let again = staged(ArchiveFormat::Zip, &bytes).unwrap();
    assert!(again.contains(&"a.txt=one".to_owned()), "{again:?}");
}

/// Bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn files_that_change_while_they_are_packed_spoil_nothing() {
    for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip] {
        for grows in [true, false] {
            let scratch = scratch("changing");
            let noise = noise(400_000);
            fs::write(scratch.join("changes"), &noise).unwrap();
            fs::write(scratch.join("later"), "later").unwrap();
            let bytes = packed(&scratch, format, || {
                let file = fs::File::options().write(true).open(scratch.join("changes")).unwrap();
                file.set_len(if grows { 4_000_000 } else { 10 }).unwrap();
            });
            fs::remove_dir_all(&scratch).unwrap();
            let found = staged(format, &bytes).unwrap();
            assert_eq!(found.len(), 2, "{found:?}");
            assert_eq!(found[1], "later=later");
        }
    }
}

#[test]
fn holes_are_not_packed() {
    let scratch = scratch("holes");
    let file = fs::File::create(scratch.join("huge")).unwrap();
    file.set_len(1 << 40).unwrap();
    let root: OwnedFd = fs::File::open(&scratch).unwrap().into();
    let refused = Packer::new(root, std::path::Path::new("."), ArchiveFormat::Tar, 1 << 30);
    fs::remove_dir_all(&scratch).unwrap();
    assert!(matches!(refused.err(), Some(ArchiveError::TooLarge { .. })));
}

/// An archive as it is made, with a few bytes of it changed.
fn changed(bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)], cut: usize) -> Vec<u8> {
    let mut bytes = bytes;
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    let length = bytes.len().saturating_sub(cut);
    bytes.truncate(length);
    bytes
}

proptest! {
    #[test]
    fn decoders_are_total(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop_oneof![3 => Just(0_usize), 1 => 0..600_usize],
    ) {
        let tar = tape(&[(EntryType::Regular, b"a", b"one"), (EntryType::XHeader, b"x", b"12 path=b/c\n"),
            (EntryType::Regular, b"b", b"two")]);
        let zip = zipped(&[("d/", b"", 0o755), ("d/a", &[b'1'; 100], 0o644), ("b", b"2", 0o644)]);
        for (format, bytes) in [
            (ArchiveFormat::TarGz, gzipped(&changed(tar.clone(), &changes, cut))),
            (ArchiveFormat::TarGz, changed(gzipped(&tar), &changes, cut)),
            (ArchiveFormat::Tar, changed(tar, &changes, cut)),
            (ArchiveFormat::Zip, changed(zip, &changes, cut)),
        ] {
            if let Ok(staged) = stage(spooled(&bytes), format, ROOM) {
                for (path, _) in staged.entries {
                    let is_below = |part| matches!(part, std::path::Component::Normal(_));
                    prop_assert!(path.components().all(is_below));
                }
            }
        }
    }

    #[test]
    fn noise_is_no_archive(bytes in prop::collection::vec(any::<u8>(), 1..2000)) {
        for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip] {
            prop_assert!(stage(spooled(&bytes), format, ROOM).is_err());
        }
    }
}

#[test]
fn a_tape_of_the_library_is_read() {
    let mut builder = Builder::new(Vec::new());
    let name = "n/".repeat(60) + "file";
    let mut header = Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, &name, b"text".as_slice()).unwrap();
    let bytes = builder.into_inner().unwrap();
    let found = staged(ArchiveFormat::Tar, &bytes).unwrap();
    assert_eq!(found, [format!("{name}=text")]);
}
