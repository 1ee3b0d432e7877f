//! Things planted on the host that no program inside may find, reach or change.
//!
//! Each secret is 32 random hexadecimal digits that no program is told; where
//! the things lie, programs are told, so that finding them is not the hurdle.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::{MetadataExt as _, PermissionsExt as _},
            net::{SocketAddr, UnixListener},
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use serde_json::{Value, json};

/// The env var of the parent that holds a secret.
pub const ENV_VAR: &str = "BATTERY_SECRET";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Everything that was planted. Dropping it removes it.
#[derive(Debug)]
pub struct Canaries {
    secrets: Vec<String>,
    directory: PathBuf,
    files: Vec<(PathBuf, Facts)>,
    hits: Arc<AtomicUsize>,
    port: u16,
    socket: String,
    keeper: Child,
    shm_key: i64,
    env_secret: String,
}

/// What must not change about a planted file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    content: Vec<u8>,
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    changed: (i64, i64),
}

/// Draws a secret.
///
/// # Errors
/// The host gives no random bytes.
pub fn secret() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Canaries {
    /// Plants everything below a directory that every user may enter.
    ///
    /// # Errors
    /// Something could not be planted.
    pub fn plant(root: &Path) -> anyhow::Result<Self> {
        let secrets: Vec<String> = (0..6).map(|_| secret()).collect::<Result<_, _>>()?;
        let directory = root.join("host");
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777))?;
        let mut files = Vec::new();
        for (name, mode, secret) in
            [("readable", 0o666, &secrets[0]), ("root-only", 0o600, &secrets[1])]
        {
            let path = directory.join(name);
            fs::write(&path, secret)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            let facts = facts(&path)?;
            files.push((path, facts));
        }
        let hits = Arc::new(AtomicUsize::new(0));
        let port = listen_tcp(&hits, &secrets[2])?;
        let socket = format!("battery-{}", std::process::id());
        listen_abstract(&hits, &socket, &secrets[3])?;
        let shm_key = 0x0062_0000 + i64::from(std::process::id());
        let keeper = keeper(shm_key, &socket, &secrets[4])?;
        let env_secret = secrets[5].clone();
        let planted =
            Self { secrets, directory, files, hits, port, socket, keeper, shm_key, env_secret };
        Ok(planted)
    }

    /// What programs are told: where everything lies.
    #[must_use]
    pub fn map(&self) -> Value {
        json!({
            "directory": self.directory,
            "readable": self.directory.join("readable"),
            "root_only": self.directory.join("root-only"),
            "port": self.port,
            "abstract": self.socket,
            "shm_key": self.shm_key,
            "shm_name": self.socket,
            "keeper": self.keeper.id(),
            "harness": std::process::id(),
            "ids": {
                "machine-id": read_trimmed("/etc/machine-id"),
                "boot-id": read_trimmed("/proc/sys/kernel/random/boot_id"),
            },
        })
    }

    /// The secret for [`ENV_VAR`].
    #[must_use]
    pub fn env_secret(&self) -> &str {
        &self.env_secret
    }

    /// A file of the host that only root may read.
    #[must_use]
    pub fn root_only(&self) -> PathBuf {
        self.directory.join("root-only")
    }

    /// How often a host listener was reached.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// The secrets that are in an output: as they are, reversed, in hexadecimal
    /// digits or in base64.
    #[must_use]
    pub fn found_in(&self, output: &[Vec<u8>]) -> Vec<String> {
        let leaks = |secret: &&String| {
            let forms = forms(secret);
            output.iter().any(|bytes| contains_any(bytes, &forms))
        };
        self.secrets.iter().filter(leaks).map(|secret| format!("{}…", &secret[..4])).collect()
    }

    /// Planted files that are not as they were.
    #[must_use]
    pub fn changed(&self) -> Vec<String> {
        let changed = self
            .files
            .iter()
            .filter(|(path, before)| facts(path).map_or(true, |now| now != *before));
        let mut names: Vec<String> = changed.map(|(path, _)| format!("{path:?}")).collect();
        let extra = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let extra = extra.map(|entry| entry.path());
        names.extend(
            extra
                .filter(|path| self.files.iter().all(|(known, _)| known != path))
                .map(|path| format!("new {path:?}")),
        );
        names
    }

    /// Puts the planted files back as they were, after a run that may change them.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn restore(&mut self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.directory)?.flatten() {
            let path = entry.path();
            let known = self.files.iter().any(|(known, _)| *known == path);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path)?,
                _ if !known => fs::remove_file(&path)?,
                _ => {}
            }
        }
        for (path, before) in &mut self.files {
            if facts(path).is_ok_and(|now| now == *before) {
                continue;
            }
            fs::write(&*path, &before.content)?;
            fs::set_permissions(&*path, fs::Permissions::from_mode(before.mode))?;
            *before = facts(path)?;
        }
        Ok(())
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        // The keeper removes what it planted when its input ends.
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

fn read_trimmed(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn facts(path: &Path) -> anyhow::Result<Facts> {
    let found = fs::symlink_metadata(path)?;
    Ok(Facts {
        content: fs::read(path)?,
        inode: found.ino(),
        mode: found.mode(),
        owner: (found.uid(), found.gid()),
        links: found.nlink(),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn listen_tcp(hits: &Arc<AtomicUsize>, secret: &str) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening on loopback")?;
    let port = listener.local_addr()?.port();
    let (hits, secret) = (Arc::clone(hits), secret.to_owned());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            hits.fetch_add(1, Ordering::SeqCst);
            // A guest that hangs up early has been counted all the same.
            drop(write!(stream, "HTTP/1.0 200 OK\r\n\r\n{secret}\n"));
        }
    });
    Ok(port)
}

fn listen_abstract(hits: &Arc<AtomicUsize>, name: &str, secret: &str) -> anyhow::Result<()> {
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
    let (hits, secret) = (Arc::clone(hits), secret.to_owned());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            hits.fetch_add(1, Ordering::SeqCst);
            drop(writeln!(stream, "{secret}"));
        }
    });
    Ok(())
}

/// A process of the host that holds a secret in its memory, its env vars, a
/// System V segment and a file in shared memory.
fn keeper(shm_key: i64, name: &str, secret: &str) -> anyhow::Result<Child> {
    let program = crate::case::directory().join("keeper.py");
    let mut keeper = Command::new("/usr/bin/python3")
        .arg(program)
        .args([&shm_key.to_string(), name])
        .env("KEEPER_SECRET", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the keeper of planted things")?;
    let mut line = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    anyhow::ensure!(line == "ready\n", "the keeper of planted things said {line:?}");
    Ok(keeper)
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let raw = secret.as_bytes();
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![raw.to_vec(), raw.iter().rev().copied().collect(), hex.clone().into()];
    forms.push(hex.to_ascii_uppercase().into());
    // What stands before the secret shifts its base64; the bytes that share a
    // digit with a neighbour are left off at both ends.
    forms.extend((0..3).map(|shift| base64_core(raw, shift)));
    forms
}

fn base64_core(raw: &[u8], shift: usize) -> Vec<u8> {
    let start = (3 - shift) % 3;
    let whole = raw[start..].chunks_exact(3);
    whole
        .flat_map(|three| {
            let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|place| BASE64[bits >> place & 63])
        })
        .collect()
}

/// Whether one of the forms is in the bytes. Outputs are large, so each place is
/// first looked at by its two leading bytes alone.
fn contains_any(bytes: &[u8], forms: &[Vec<u8>]) -> bool {
    let key = |pair: &[u8]| usize::from(pair[0]) << 8 | usize::from(pair[1]);
    let mut begins = vec![false; 1 << 16];
    for form in forms {
        begins[key(form)] = true;
    }
    bytes.windows(2).enumerate().any(|(place, pair)| {
        begins[key(pair)] && forms.iter().any(|form| bytes[place..].starts_with(form))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_found() {
        let secret = "0123456789abcdef0123456789abcdef";
        let base64 = b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let shifted = b"eDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm";
        let reversed: Vec<u8> = secret.bytes().rev().collect();
        for text in [secret.as_bytes(), base64, shifted, &reversed] {
            assert!(contains_any(text, &forms(secret)), "{text:?}");
        }
        assert!(!contains_any(b"0123456789abcdef", &forms(secret)));
    }
}
