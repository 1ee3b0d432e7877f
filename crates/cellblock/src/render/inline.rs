//! Pictures among text, for terminals that are known to show them. Pure.
//!
//! A terminal is known by what it says of itself in env vars; it is never asked,
//! because one that does not understand the question prints it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::config::HostVars;

/// The largest part of a picture in one of kitty's sequences, by its own rule.
const KITTY_CHUNK_BYTES: usize = 4096;

/// A picture, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) kind: PictureKind,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PictureKind {
    Png,
    Jpeg,
    Svg,
}

impl PictureKind {
    /// Every kind, the one that looks best first.
    pub(super) const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Svg];

    pub(super) const fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Svg => "image/svg+xml",
        }
    }

    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Svg => "svg",
        }
    }

    /// What a file of this kind begins with.
    const fn magic(self) -> &'static [u8] {
        match self {
            Self::Png => b"\x89PNG\r\n\x1a\n",
            Self::Jpeg => b"\xff\xd8\xff",
            Self::Svg => b"",
        }
    }
}

impl Picture {
    /// Reads what user code gave out as a picture; `None` where it is none.
    pub(super) fn read(kind: PictureKind, text: &str) -> Option<Self> {
        if kind == PictureKind::Svg {
            return Some(Self { kind, bytes: text.as_bytes().to_vec() });
        }
        let plain: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(plain).ok()?;
        bytes.starts_with(kind.magic()).then_some(Self { kind, bytes })
    }
}

/// How a terminal is told to show a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Kitty's, which others have taken over.
    Kitty,
    /// That of iTerm2.
    Iterm,
}

impl Protocol {
    /// The one that the terminal is known to speak.
    pub(crate) fn of_terminal(vars: &HostVars) -> Option<Self> {
        let text = |name| vars.text(name).unwrap_or_default();
        let term = text("TERM");
        // What stands between does not pass the sequences on, or not at the right place.
        let is_multiplexed = ["screen", "tmux"].iter().any(|name| term.starts_with(name));
        if is_multiplexed || ["TMUX", "STY", "ZELLIJ"].iter().any(|name| !text(name).is_empty()) {
            return None;
        }
        match text("TERM_PROGRAM").as_str() {
            "iTerm.app" | "WezTerm" => return Some(Self::Iterm),
            "ghostty" => return Some(Self::Kitty),
            // Another terminal, started from one of those that are known.
            "" => {}
            _ => return None,
        }
        let is_kitty = term == "xterm-kitty" || term == "xterm-ghostty";
        if is_kitty || !text("KITTY_WINDOW_ID").is_empty() {
            return Some(Self::Kitty);
        }
        (text("LC_TERMINAL") == "iTerm2").then_some(Self::Iterm)
    }

    /// What shows a picture and ends its line; `None` where the protocol cannot.
    pub(super) fn sequence(self, picture: &Picture) -> Option<String> {
        match (self, picture.kind) {
            (Self::Kitty, PictureKind::Png) => Some(kitty(&STANDARD.encode(&picture.bytes))),
            (Self::Iterm, PictureKind::Png | PictureKind::Jpeg) => {
                let size = picture.bytes.len();
                let text = STANDARD.encode(&picture.bytes);
                Some(format!("\x1b]1337;File=inline=1;size={size}:{text}\x07\n"))
            }
            _ => None,
        }
    }
}

fn kitty(mut text: &str) -> String {
    let mut sequences = String::with_capacity(text.len() + text.len() / 128 + 64);
    let mut keys = "a=T,f=100,";
    while !text.is_empty() {
        // Base64 is ASCII: every byte is a character.
        let (chunk, rest) = text.split_at(text.len().min(KITTY_CHUNK_BYTES));
        let more = u8::from(!rest.is_empty());
        sequences.push_str(&format!("\x1b_G{keys}m={more};{chunk}\x1b\\"));
        (text, keys) = (rest, "");
    }
    sequences.push('\n');
    sequences
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8\n\
                         AAQUBAScY42YAAAAASUVORK5CYII=\n";

    fn png(length: usize) -> Picture {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(length, 7);
        Picture { kind: PictureKind::Png, bytes }
    }

    #[test]
    fn what_is_no_picture_is_not_taken_for_one() {
        assert_eq!(Picture::read(PictureKind::Png, PIXEL).map(|png| png.bytes.len()), Some(68));
        let table = [
            (PictureKind::Jpeg, PIXEL),
            (PictureKind::Png, ""),
            (PictureKind::Png, "\x1b[2J"),
            (PictureKind::Png, "aGVsbG8="),
        ];
        for (kind, text) in table {
            assert_eq!(Picture::read(kind, text), None, "{text:?}");
        }
    }

    #[test]
    fn terminals_are_known_by_what_they_say() {
        let table = [
            (&[][..], None),
            (&[("TERM", "xterm-256color")], None),
            (&[("TERM", "xterm-kitty")], Some(Protocol::Kitty)),
            (&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")], Some(Protocol::Kitty)),
            (&[("TERM_PROGRAM", "iTerm.app")], Some(Protocol::Iterm)),
            (&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x,1,0")], None),
            (&[("TERM", "tmux-256color"), ("TERM_PROGRAM", "iTerm.app")], None),
            (&[("TERM_PROGRAM", "vscode"), ("KITTY_WINDOW_ID", "1")], None),
            (&[("TERM", "xterm"), ("LC_TERMINAL", "iTerm2")], Some(Protocol::Iterm)),
        ];
        for (vars, protocol) in table {
            assert_eq!(Protocol::of_terminal(&HostVars::of(vars)), protocol, "{vars:?}");
        }
    }

    #[test]
    fn a_long_picture_comes_to_kitty_in_parts() {
        let sequence = Protocol::Kitty.sequence(&png(7000)).unwrap();
        let parts: Vec<&str> = sequence.trim_end().split_terminator("\x1b\\").collect();
        assert_eq!(parts.len(), 3);
        assert!(parts[0].starts_with("\x1b_Ga=T,f=100,m=1;iVBOR"));
        assert!(parts[1].starts_with("\x1b_Gm=1;") && parts[2].starts_with("\x1b_Gm=0;"));
        let data = parts.iter().map(|part| part.split_once(';').unwrap().1);
        assert!(data.clone().all(|chunk| chunk.len() <= KITTY_CHUNK_BYTES));
        assert_eq!(STANDARD.decode(data.collect::<String>()).unwrap(), png(7000).bytes);
    }

    #[test]
    fn a_protocol_shows_what_it_can() {
        let svg = Picture::read(PictureKind::Svg, "<svg/>").unwrap();
        let jpeg = Picture { kind: PictureKind::Jpeg, bytes: b"\xff\xd8\xff".to_vec() };
        assert_eq!(Protocol::Kitty.sequence(&svg), None);
        assert_eq!(Protocol::Kitty.sequence(&jpeg), None);
        let shown = "\x1b]1337;File=inline=1;size=3:/9j/\x07\n";
        assert_eq!(Protocol::Iterm.sequence(&jpeg).as_deref(), Some(shown));
    }
}
