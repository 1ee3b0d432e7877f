//! What a kernel may say: any bytes, in any pieces, between any questions. Nothing
//! panics, pieces make no difference, a violation is final, and a turn that ends
//! leaves an idle kernel.

#![no_main]

use arbitrary::Arbitrary;
use kernel::{
    CALLS_IN_FLIGHT_MAX, GuestKind, Token,
    frame::{Decoder, Frame},
    machine::{Event, Machine, Question},
};
use libfuzzer_sys::fuzz_target;

/// What happens between host and kernel.
#[derive(Arbitrary, Debug)]
enum Act {
    Ask(Asked),
    Answer,
    AnswerCall(u8),
    Bytes(Vec<u8>),
    Frame { kind: u8, token: Which, body: Body },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Asked {
    Configuration,
    Turn { allow_input: bool },
    Completion { characters: u8 },
    Inspection,
    Tools,
    End,
}

#[derive(Arbitrary, Debug)]
enum Which {
    Right,
    None,
    Other(u64),
}

#[derive(Arbitrary, Debug)]
enum Body {
    Good { word: u8, number: u8 },
    Any(Vec<u8>),
}

const TOKEN: Token = Token::from_number(7);

impl From<Asked> for Question {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Configuration => Self::Configuration,
            Asked::Turn { allow_input } => Self::Turn { allow_input },
            Asked::Completion { characters } => Self::Completion { characters: characters.into() },
            Asked::Inspection => Self::Inspection,
            Asked::Tools => Self::Tools,
            Asked::End => Self::End,
        }
    }
}

/// A frame as bytes: of the known kinds and the few around them.
fn bytes_of(kind: u8, token: &Which, body: Body) -> Vec<u8> {
    let kind = 64 + kind % 12;
    let body = match body {
        Body::Any(bytes) => bytes,
        Body::Good { word, number } => good(kind, word, number).into_bytes(),
    };
    let token = match token {
        Which::Right => TOKEN,
        Which::None => Token::NONE,
        Which::Other(number) => Token::from_number(*number),
    };
    Frame { kind, token, body }.encode().unwrap()
}

fn good(kind: u8, word: u8, number: u8) -> String {
    let status = ["ok", "error", "exit", "interrupted"][usize::from(word % 4)];
    let flag = word.is_multiple_of(2);
    match kind {
        65 => format!(
            r#"{{"protocol":{},"python":"3","implementation":"c","ipython":{flag},"pid":1}}"#,
            word % 3
        ),
        66 => format!(
            r#"{{"data":{{"a":[{number},{{}}]}},"metadata":{{}},"display_id":"{word}",
                "update":{flag}}}"#
        ),
        67 => format!(r#"{{"data":{{}},"metadata":{{}},"count":{number}}}"#),
        68 => format!(r#"{{"wait":{flag}}}"#),
        69 => format!(r#"{{"prompt":"?","password":{flag}}}"#),
        70 => r#"{"name":"E","value":"","traceback":["a"]}"#.to_owned(),
        71 => format!(r#"{{"status":"{status}","count":1,"exit_code":{number}}}"#),
        73 => format!(r#"{{"signal":{number}}}"#),
        74 => format!(r#"{{"call":{number},"name":"{word}","input":"{{\"a\":[{word}]}}"}}"#),
        _ => format!(r#"{{"matches":[],"start":{word},"end":{number},"found":{flag}}}"#),
    }
}

struct Host {
    machine: Machine,
    whole: Decoder,
    pieces: Decoder,
    broken: bool,
}

impl Host {
    fn new() -> Self {
        let (whole, pieces) = (Decoder::new(), Decoder::new());
        Self { machine: Machine::new(), whole, pieces, broken: false }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let mut cut = Vec::new();
        for mut byte in bytes.chunks(1) {
            match self.pieces.decode(&mut byte) {
                Ok(Some(frame)) => cut.push(frame),
                Ok(None) => {}
                Err(_) => break,
            }
        }
        let (mut rest, mut cut) = (bytes, cut.into_iter());
        while let Ok(Some(frame)) = self.whole.decode(&mut rest) {
            assert_eq!(cut.next().as_ref(), Some(&frame));
            self.take(&frame);
        }
        assert_eq!(cut.next(), None);
        assert_eq!(self.whole.is_at_start(), self.pieces.is_at_start());
    }

    fn take(&mut self, frame: &Frame) {
        let was_idle = self.machine.is_idle();
        match self.machine.take(frame) {
            Ok(event) => {
                assert!(!self.broken && !was_idle);
                let is_end = !matches!(event, Event::Turn(_) | Event::Call(..));
                let is_last = matches!(event, Event::Ended(_));
                assert_eq!(self.machine.is_idle(), is_end && !is_last);
                self.broken |= is_last;
                assert!(is_end || frame.token == TOKEN);
            }
            Err(violation) => {
                self.broken = true;
                // What is logged stays short, whatever the frame holds.
                assert!(violation.to_string().len() < 200);
            }
        }
        assert!(!(self.broken && self.machine.is_idle()));
        assert!(self.machine.calls().count() <= CALLS_IN_FLIGHT_MAX);
    }
}

fuzz_target!(|acts: Vec<Act>| {
    let mut host = Host::new();
    let ready = GuestKind::Ready.number() - 64;
    host.hear(&bytes_of(ready, &Which::None, Body::Good { word: 1, number: 0 }));
    assert!(host.machine.is_idle());
    for act in acts {
        match act {
            Act::Ask(asked) => {
                let idle = host.machine.is_idle();
                let taken = host.machine.ask(asked.into(), TOKEN).is_ok();
                assert!(idle || !taken);
            }
            Act::Answer => host.machine.answer(),
            Act::AnswerCall(place) => {
                if let Some(call) = host.machine.calls().nth(place.into()) {
                    assert!(host.machine.answer_call(call).is_ok());
                    assert!(host.machine.answer_call(call).is_err());
                }
            }
            Act::Bytes(bytes) => host.hear(&bytes),
            Act::Frame { kind, token, body } => host.hear(&bytes_of(kind, &token, body)),
        }
    }
});
