//! Every frame in every state; then long conversations against a simple model.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    CALLS_IN_FLIGHT_MAX, CALLS_MAX, TOOL_INPUT_BYTES_MAX, TOOL_NAME_BYTES_MAX, TURN_BYTES_MAX,
    TURN_FRAMES_MAX, VALUES_MAX,
};

const TOKEN: Token = Token::from_number(7);
const OTHER: Token = Token::from_number(8);

fn frame_of(kind: GuestKind, token: Token, body: &Value) -> Frame {
    Frame { kind: kind.number(), token, body: serde_json::to_vec(body).unwrap() }
}

/// A frame with a body that its kind has; of the two that one kind of frame has,
/// the one that a completion has.
fn frame(kind: GuestKind, token: Token) -> Frame {
    let body = match kind {
        GuestKind::Ready => json!({"protocol": 1, "python": "3.11.7", "implementation": "cpython",
                                   "ipython": true, "pid": 1}),
        GuestKind::Display => json!({"data": {}, "metadata": {}, "display_id": null,
                                     "update": false}),
        GuestKind::Result => json!({"data": {}, "metadata": {}, "count": 1}),
        GuestKind::Clear => json!({"wait": false}),
        GuestKind::Input => json!({"prompt": "", "password": false}),
        GuestKind::Error => json!({"name": "E", "value": "", "traceback": []}),
        GuestKind::Done => json!({"status": "ok", "count": 1, "exit_code": null}),
        GuestKind::Reply => json!({"matches": [], "start": 0, "end": 0, "found": true}),
        GuestKind::Ended => json!({"signal": 15}),
        GuestKind::Call => return call(1, token),
    };
    frame_of(kind, token, &body)
}

fn call(number: u64, token: Token) -> Frame {
    let body = json!({"call": number, "name": "echo", "input": "{\"a\": 1}"});
    frame_of(GuestKind::Call, token, &body)
}

fn done(status: &str) -> Frame {
    frame_of(GuestKind::Done, TOKEN, &json!({"status": status, "count": 1, "exit_code": 3}))
}

fn idle() -> Machine {
    let mut machine = Machine::new();
    machine.take(&frame(GuestKind::Ready, Token::NONE)).unwrap();
    machine
}

fn asked(question: Question) -> Machine {
    let mut machine = idle();
    machine.ask(question, TOKEN).unwrap();
    machine
}

/// A turn in which these kinds of frames came before.
fn turn(before: &[GuestKind]) -> Machine {
    let mut machine = asked(Question::Turn { allow_input: true });
    for kind in before {
        machine.take(&frame(*kind, TOKEN)).unwrap();
    }
    machine
}

/// Every state, with its name and the kinds of frames that have a place in it.
fn states() -> Vec<(&'static str, Machine, &'static [GuestKind])> {
    use GuestKind::{Call, Clear, Display, Done, Ended, Error, Input, Ready, Reply, Result};
    let mut broken = idle();
    broken.give_up();
    vec![
        ("starting", Machine::new(), &[Ready]),
        ("idle", idle(), &[]),
        ("configuring", asked(Question::Configuration), &[Ready]),
        ("turn", turn(&[]), &[Display, Result, Clear, Input, Error, Done, Call]),
        (
            "turn without input",
            asked(Question::Turn { allow_input: false }),
            &[Display, Result, Clear, Error, Done, Call],
        ),
        ("after a display", turn(&[Display]), &[Display, Result, Clear, Input, Error, Done, Call]),
        ("waiting", turn(&[Input]), &[Display, Result, Clear, Input, Error, Done, Call]),
        // Threads may call until the turn is over. The next call has another number.
        ("calling", turn(&[Call]), &[Display, Result, Clear, Input, Error, Done]),
        ("after a result", turn(&[Result]), &[Display, Clear, Error, Done, Call]),
        // Done says here that all went well.
        ("after an error", turn(&[Error]), &[Display, Clear, Call]),
        ("after both", turn(&[Result, Error]), &[Display, Clear, Call]),
        ("completing", asked(Question::Completion { characters: 0 }), &[Reply]),
        ("inspecting", asked(Question::Inspection), &[Reply]),
        ("learning of tools", asked(Question::Tools), &[Reply]),
        ("ending", asked(Question::End), &[Ended]),
        ("broken", broken, &[]),
    ]
}

#[test]
fn every_frame_in_every_state() {
    for kind in GuestKind::ALL {
        for (name, mut machine, fitting) in states() {
            let token = if kind == GuestKind::Ready { Token::NONE } else { TOKEN };
            let taken = machine.take(&frame(kind, token));
            assert_eq!(taken.is_ok(), fitting.contains(&kind), "{kind} in {name}: {taken:?}");
            if taken.is_err() {
                assert!(!machine.is_idle());
                assert!(machine.take(&frame(kind, token)).is_err(), "{kind} in {name}, again");
            }
        }
    }
}

#[test]
fn a_script_is_ended_by_a_signal_that_there_is() {
    for (signal, expected) in [(1, true), (64, true), (0, false), (65, false), (-9, false)] {
        let mut machine = asked(Question::End);
        let taken = machine.take(&frame_of(GuestKind::Ended, TOKEN, &json!({"signal": signal})));
        assert_eq!(taken, if expected { Ok(Event::Ended(signal)) } else { taken.clone() });
        assert_eq!(taken.is_ok(), expected, "{signal}");
        assert!(!machine.is_idle());
    }
}

#[test]
fn a_frame_with_another_token_fits_nowhere() {
    for kind in GuestKind::ALL {
        for (name, mut machine, _) in states() {
            assert!(machine.take(&frame(kind, OTHER)).is_err(), "{kind} in {name}");
        }
        for (name, mut machine, _) in states() {
            let expected = kind == GuestKind::Ready && ["starting", "configuring"].contains(&name);
            assert_eq!(machine.take(&frame(kind, Token::NONE)).is_ok(), expected, "{kind} {name}");
        }
    }
}

#[test]
fn unknown_kinds_and_those_of_the_host_fit_nowhere() {
    for number in [0, 1, 2, 7, 8, 9, 64, 75, 255] {
        for (name, mut machine, _) in states() {
            let frame = Frame { kind: number, token: TOKEN, body: b"{}".to_vec() };
            let violation = Violation::Kind { kind: number };
            assert_eq!(machine.take(&frame), Err(violation), "{number} in {name}");
        }
    }
}

#[test]
fn an_end_fits_what_came_before() {
    use GuestKind::{Error, Result};
    let table: [(&[GuestKind], &str, bool); 10] = [
        (&[], "ok", true),
        (&[], "error", false),
        (&[], "interrupted", false),
        (&[], "exit", true),
        (&[Result], "ok", true),
        (&[Error], "ok", false),
        (&[Error], "error", true),
        (&[Error], "interrupted", true),
        (&[Error], "exit", false),
        (&[Result, Error], "interrupted", true),
    ];
    for (before, status, fits) in table {
        let mut machine = turn(before);
        assert_eq!(machine.take(&done(status)).is_ok(), fits, "{before:?} then {status}");
        assert_eq!(machine.is_idle(), fits);
    }
}

#[test]
fn a_question_fits_only_an_idle_kernel() {
    let questions = [
        Question::Configuration,
        Question::Turn { allow_input: false },
        Question::Completion { characters: 0 },
        Question::Inspection,
        Question::Tools,
        Question::End,
    ];
    for question in questions {
        for (name, mut machine, _) in states() {
            assert_eq!(machine.ask(question, OTHER).is_ok(), name == "idle", "{question:?} {name}");
        }
    }
}

#[test]
fn a_kernel_is_configured_once_and_before_all_else() {
    let mut machine = asked(Question::Configuration);
    machine.take(&frame(GuestKind::Ready, Token::NONE)).unwrap();
    assert_eq!(machine.ask(Question::Configuration, TOKEN), Err(Misuse::Configured));
    let mut machine = turn(&[]);
    machine.take(&done("ok")).unwrap();
    assert_eq!(machine.ask(Question::Configuration, TOKEN), Err(Misuse::Configured));
    assert_eq!(machine.ask(Question::Inspection, TOKEN), Ok(()));
}

#[test]
fn input_is_given_only_where_it_is_waited_for() {
    for (name, machine, _) in states() {
        let expected = if name == "waiting" { Ok(TOKEN) } else { Err(Misuse::NoInput) };
        assert_eq!(machine.awaited(), expected, "{name}");
    }
    let mut machine = turn(&[GuestKind::Input]);
    machine.answer();
    assert_eq!(machine.awaited(), Err(Misuse::NoInput));
    machine.take(&frame(GuestKind::Input, TOKEN)).unwrap();
    assert_eq!(machine.awaited(), Ok(TOKEN));
    // An interrupt ends the wait.
    machine.take(&frame(GuestKind::Error, TOKEN)).unwrap();
    assert_eq!(machine.awaited(), Err(Misuse::NoInput));
}

/// A turn with this many calls in flight, and where they are.
fn calling(count: u64) -> (Machine, Vec<CallId>) {
    let mut machine = turn(&[]);
    let begin = |number| match machine.take(&call(number, TOKEN)) {
        Ok(Event::Call(id, _)) => id,
        other => panic!("{other:?}"),
    };
    let ids = (1..=count).map(begin).collect();
    (machine, ids)
}

#[test]
fn a_call_is_answered_once_in_its_turn_and_in_any_order() {
    let (mut machine, ids) = calling(3);
    assert_eq!(machine.calls().collect::<Vec<_>>(), ids);
    for id in [ids[2], ids[0]] {
        assert_eq!(machine.answer_call(id), Ok(TOKEN));
        assert_eq!(machine.answer_call(id), Err(Misuse::NoCall));
    }
    assert_eq!(machine.calls().collect::<Vec<_>>(), [ids[1]]);
    // A turn may end with calls in flight: what made them was interrupted.
    machine.take(&done("ok")).unwrap();
    assert_eq!(machine.calls().count(), 0);
    assert_eq!(machine.answer_call(ids[1]), Err(Misuse::NoCall));
    machine.ask(Question::Turn { allow_input: false }, OTHER).unwrap();
    assert_eq!(machine.answer_call(ids[1]), Err(Misuse::NoCall));
    // The next turn counts anew.
    assert!(machine.take(&call(1, OTHER)).is_ok());
}

#[test]
fn calls_are_numbered_in_order() {
    for number in [0, 1, 2, 4, u64::MAX] {
        let (mut machine, _) = calling(2);
        let taken = machine.take(&call(number, TOKEN));
        assert!(matches!(taken, Err(Violation::Contradiction { .. })), "{number} {taken:?}");
    }
}

#[test]
fn so_many_calls_are_in_flight_and_no_more() {
    let most = u64::try_from(CALLS_IN_FLIGHT_MAX).unwrap();
    let (mut machine, _) = calling(most);
    assert_eq!(machine.take(&call(most + 1, TOKEN)), Err(Violation::Calls));
    let (mut machine, ids) = calling(most);
    machine.answer_call(ids[5]).unwrap();
    assert!(machine.take(&call(most + 1, TOKEN)).is_ok());
    assert!(!Violation::Calls.is_output_limit());
}

#[test]
fn a_turn_makes_so_many_calls_and_no_more() {
    let mut machine = turn(&[]);
    for number in 1..=CALLS_MAX {
        let Ok(Event::Call(id, _)) = machine.take(&call(number, TOKEN)) else { panic!("{number}") };
        machine.answer_call(id).unwrap();
    }
    assert_eq!(machine.take(&call(CALLS_MAX + 1, TOKEN)), Err(Violation::Calls));
}

#[test]
fn calls_are_of_bounded_size() {
    let long = |name: usize, input: usize| {
        let input = format!("{{\"a\":\"{}\"}}", "x".repeat(input));
        let body = json!({"call": 1, "name": "n".repeat(name), "input": input});
        frame_of(GuestKind::Call, TOKEN, &body)
    };
    for (name, input, fits) in [
        (TOOL_NAME_BYTES_MAX, TOOL_INPUT_BYTES_MAX - 8, true),
        (TOOL_NAME_BYTES_MAX + 1, 1, false),
        (1, TOOL_INPUT_BYTES_MAX, false),
        (1, 8 << 20, false),
    ] {
        assert_eq!(turn(&[]).take(&long(name, input)).is_ok(), fits, "{name} {input}");
    }
}

#[test]
fn a_turn_shows_so_many_things_and_no_more() {
    for kind in [GuestKind::Display, GuestKind::Clear, GuestKind::Input] {
        let mut machine = turn(&[]);
        for _ in 0..TURN_FRAMES_MAX {
            machine.take(&frame(kind, TOKEN)).unwrap();
        }
        let mut other = turn(&[]);
        for _ in 0..TURN_FRAMES_MAX {
            other.take(&frame(kind, TOKEN)).unwrap();
        }
        assert_eq!(machine.take(&frame(kind, TOKEN)), Err(Violation::Frames));
        // The end of the turn does not count.
        assert!(other.take(&done("ok")).is_ok());
    }
}

#[test]
fn a_turn_shows_so_many_bytes_and_no_more() {
    let display = |length: usize| {
        let text = "x".repeat(length - 100);
        let body = format!(
            r#"{{"data": {{"text/plain": "{text}"}}, "metadata": {{}}, "display_id": null,
                "update": false}}"#
        );
        Frame { kind: GuestKind::Display.number(), token: TOKEN, body: body.into_bytes() }
    };
    let mut machine = turn(&[]);
    for _ in 0..8 {
        machine.take(&display(TURN_BYTES_MAX / 8)).unwrap();
    }
    assert_eq!(machine.take(&display(1000)), Err(Violation::Bytes));
    assert!(Violation::Bytes.is_output_limit());
    // The next turn has its own.
    let mut machine = turn(&[]);
    machine.take(&display(TURN_BYTES_MAX - 1000)).unwrap();
    machine.take(&done("ok")).unwrap();
    machine.ask(Question::Turn { allow_input: false }, TOKEN).unwrap();
    assert!(machine.take(&display(TURN_BYTES_MAX - 1000)).is_ok());
}

#[test]
fn a_turn_shows_so_many_values_and_no_more() {
    let display = |count: usize| {
        let list = vec![0; count];
        let data = json!({"application/json": list});
        let body = json!({"data": data, "metadata": {}, "display_id": null, "update": false});
        frame_of(GuestKind::Display, TOKEN, &body)
    };
    let mut machine = turn(&[]);
    machine.take(&display(VALUES_MAX / 2)).unwrap();
    assert_eq!(machine.take(&display(VALUES_MAX / 2)), Err(Violation::Values));
    let mut machine = asked(Question::Inspection);
    let mut reply = display(VALUES_MAX);
    reply.kind = GuestKind::Reply.number();
    assert_eq!(machine.take(&reply), Err(Violation::Values));
}

/// What is done to a kernel, or comes from it.
#[derive(Clone, Debug)]
enum Act {
    Ask(Question),
    Answer,
    AnswerCall(usize),
    Call(u64, Token),
    Frame(GuestKind, Token, &'static str),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let turn = any::<bool>().prop_map(|allow_input| Question::Turn { allow_input });
    let question = prop_oneof![
        6 => turn,
        1 => Just(Question::Configuration),
        2 => Just(Question::Completion { characters: 0 }),
        2 => Just(Question::Inspection),
        1 => Just(Question::Tools),
    ];
    // Most are of a turn, so that turns get somewhere.
    let kind = prop_oneof![
        6 => prop::sample::select(vec![GuestKind::Display, GuestKind::Clear, GuestKind::Input]),
        3 => Just(GuestKind::Done),
        3 => prop::sample::select(GuestKind::ALL.to_vec()),
    ];
    let token = prop_oneof![40 => Just(TOKEN), 1 => Just(OTHER), 4 => Just(Token::NONE)];
    let status = prop::sample::select(vec!["ok", "error", "exit", "interrupted"]);
    // Zero stands for the number that is next.
    let number = prop_oneof![30 => Just(0_u64), 1 => 1_u64..20];
    let call = (number, token.clone()).prop_map(|(number, token)| Act::Call(number, token));
    let act = prop_oneof![
        2 => question.prop_map(Act::Ask),
        1 => Just(Act::Answer),
        2 => (0_usize..12).prop_map(Act::AnswerCall),
        4 => call,
        6 => (kind, token, status).prop_map(|(kind, token, word)| Act::Frame(kind, token, word)),
    ];
    prop::collection::vec(act, 0..100)
}

/// The protocol, told by what is in flight and which kinds of frames came since.
#[derive(Default)]
struct Model {
    asked: Option<Question>,
    came: Vec<GuestKind>,
    calls: u64,
    in_flight: Vec<u64>,
    waits: bool,
    used: bool,
    broken: bool,
}

impl Model {
    fn ask(&mut self, question: Question) -> bool {
        let fits = !self.broken
            && self.asked.is_none()
            && !(self.used && question == Question::Configuration);
        if fits {
            *self = Self { asked: Some(question), used: true, ..Self::default() };
        }
        fits
    }

    fn take(&mut self, kind: GuestKind, token: Token, status: &str) -> bool {
        let fits = !self.broken && self.fits(kind, token, status);
        self.broken |= !fits;
        self.came.push(kind);
        self.waits = match kind {
            GuestKind::Input => true,
            GuestKind::Display | GuestKind::Clear => self.waits,
            _ => false,
        };
        let is_end = matches!(kind, GuestKind::Ready | GuestKind::Reply | GuestKind::Done);
        if fits && is_end {
            self.asked = None;
            self.in_flight.clear();
        }
        fits
    }

    fn call(&mut self, number: u64, token: Token) -> bool {
        let in_turn = matches!(self.asked, Some(Question::Turn { .. })) && !self.broken;
        let has_room = self.in_flight.len() < CALLS_IN_FLIGHT_MAX;
        let fits = in_turn && token == TOKEN && has_room && number == self.calls + 1;
        self.broken |= !fits;
        if fits {
            self.calls = number;
            self.in_flight.push(number);
        }
        fits
    }

    fn fits(&self, kind: GuestKind, token: Token, status: &str) -> bool {
        let came = |kind| self.came.contains(&kind);
        match self.asked {
            Some(Question::Configuration) => kind == GuestKind::Ready && token == Token::NONE,
            Some(Question::Completion { .. } | Question::Inspection | Question::Tools) => {
                kind == GuestKind::Reply && token == TOKEN
            }
            Some(Question::Turn { allow_input }) => {
                let fits = match kind {
                    GuestKind::Display | GuestKind::Clear => true,
                    GuestKind::Result => !came(GuestKind::Result) && !came(GuestKind::Error),
                    GuestKind::Error => !came(GuestKind::Error),
                    GuestKind::Input => {
                        allow_input && !came(GuestKind::Result) && !came(GuestKind::Error)
                    }
                    GuestKind::Done => {
                        let raised = status == "error" || status == "interrupted";
                        raised == came(GuestKind::Error)
                    }
                    // Numbers matter there: see `call`.
                    GuestKind::Call => false,
                    GuestKind::Ready | GuestKind::Reply | GuestKind::Ended => false,
                };
                fits && token == TOKEN
            }
            Some(Question::End) | None => false,
        }
    }
}

proptest! {
    #[test]
    fn conversations_go_as_the_model_has_them(acts in acts()) {
        let mut machine = idle();
        let mut model = Model::default();
        for act in acts {
            if model.broken {
                machine = idle();
                model = Model::default();
            }
            match act {
                Act::Ask(question) => {
                    prop_assert_eq!(machine.ask(question, TOKEN).is_ok(), model.ask(question));
                }
                Act::Answer => {
                    machine.answer();
                    model.waits = false;
                }
                Act::Call(number, token) => {
                    let number = if number == 0 { model.calls + 1 } else { number };
                    let taken = machine.take(&call(number, token));
                    prop_assert_eq!(taken.is_ok(), model.call(number, token), "{:?}", taken);
                }
                Act::Frame(GuestKind::Call, token, _) => {
                    let taken = machine.take(&call(1, token));
                    prop_assert_eq!(taken.is_ok(), model.call(1, token), "{:?}", taken);
                }
                Act::AnswerCall(place) => {
                    let found = machine.calls().nth(place);
                    prop_assert_eq!(found.is_some(), place < model.in_flight.len());
                    if let Some(id) = found {
                        prop_assert_eq!(id.number(), model.in_flight.remove(place));
                        prop_assert!(machine.answer_call(id).is_ok());
                    }
                }
                Act::Frame(GuestKind::Done, token, status) => {
                    let frame = Frame { token, ..done(status) };
                    let taken = machine.take(&frame);
                    prop_assert_eq!(taken.is_ok(), model.take(GuestKind::Done, token, status));
                }
                Act::Frame(kind, token, status) => {
                    let taken = machine.take(&frame(kind, token));
                    prop_assert_eq!(taken.is_ok(), model.take(kind, token, status), "{:?}", taken);
                }
            }
            let waits = model.waits && model.asked.is_some() && !model.broken;
            prop_assert_eq!(machine.awaited().is_ok(), waits);
            if model.broken {
                model.in_flight.clear();
            }
            let in_flight: Vec<_> = machine.calls().map(CallId::number).collect();
            prop_assert_eq!(&in_flight, &model.in_flight);
            prop_assert_eq!(machine.is_idle(), model.asked.is_none() && !model.broken);
        }
    }
}
