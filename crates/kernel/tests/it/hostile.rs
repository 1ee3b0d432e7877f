//! Guests that are hostile from their first byte: nothing they do holds the host.

use std::time::Duration;

use api::{InputReply, TurnRequest};
use kernel::{
    CODE_BYTES_MAX, Collector, GuestKind, KernelError, NoInput, TurnEvent, Violation,
    machine::Event,
};
use tokio::{task::yield_now, time::timeout};

use crate::guest::{Guest, request};

/// Long enough for anything that would happen to have happened.
const WHILE: Duration = Duration::from_millis(300);

fn violation(error: KernelError) -> Violation {
    match error {
        KernelError::Violation(violation) => violation,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let mut guest = Guest::hostile("send(65, 0, {**READY, 'protocol': 2})");
    let error = guest.within(async |kernel| kernel.ready().await).await.unwrap_err();
    assert_eq!(violation(error), Violation::Protocol { version: 2 });
}

#[tokio::test]
async fn an_end_before_it_is_ready_is_told() {
    let mut guest = Guest::hostile("sys.exit()");
    let error = guest.within(async |kernel| kernel.ready().await).await.unwrap_err();
    assert!(matches!(error, KernelError::Closed), "{error:?}");
}

#[tokio::test]
async fn a_frame_of_an_earlier_turn_is_told() {
    let mut guest = Guest::hostile_ready(
        "_, first, _ = receive()\nsend(71, first, DONE)\nreceive()\nsend(66, first, \
         display('late'))\ntime.sleep(60)",
    )
    .await;
    guest.run("1").await;
    let error = guest.try_run("2").await.unwrap_err();
    assert_eq!(violation(error), Violation::Token { kind: GuestKind::Display });
}

#[tokio::test]
async fn a_frame_right_after_the_end_is_told() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\ncontrol.sendall(frame(71, token, DONE) + frame(66, token, \
         display('more')))\ntime.sleep(60)",
    )
    .await;
    guest.run("1").await;
    let error = guest.kernel.check_idle().unwrap_err();
    assert_eq!(violation(error), Violation::Idle);
    assert!(!guest.kernel.is_idle());
}

#[tokio::test]
async fn part_of_a_frame_while_idle_is_told() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\ncontrol.sendall(frame(71, token, DONE) + b'\\x20')\n\
         time.sleep(60)",
    )
    .await;
    guest.run("1").await;
    let error = guest.try_run("2").await.unwrap_err();
    assert_eq!(violation(error), Violation::Idle);
}

#[tokio::test]
async fn a_guest_that_never_reads_holds_nobody() {
    let mut guest = Guest::hostile_ready("time.sleep(60)").await;
    let code = " ".repeat(CODE_BYTES_MAX);
    assert!(timeout(WHILE, guest.try_run(&code)).await.is_err());
    assert!(!guest.kernel.is_idle());
}

#[tokio::test]
async fn a_guest_may_write_before_it_reads() {
    // More than a socket holds, in either direction.
    let mut guest = Guest::hostile_ready(
        "length, _, token = head()\nfor _ in range(8): send(66, token, display('x' * \
         2_000_000))\ntake(length - 9)\nsend(71, token, DONE)\ntime.sleep(60)",
    )
    .await;
    let turn = guest.run(&" ".repeat(CODE_BYTES_MAX)).await;
    assert_eq!(turn.displays.len(), 8);
}

#[tokio::test]
async fn a_frame_that_never_ends_holds_nobody() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\ncontrol.sendall(struct.pack('<IBQ', 1 << 24, 66, token) + \
         b'{')\ntime.sleep(60)",
    )
    .await;
    assert!(timeout(WHILE, guest.try_run("1")).await.is_err());
}

#[tokio::test]
async fn an_end_within_a_frame_is_an_end() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\ncontrol.sendall(frame(71, token, DONE)[:-1])\nsys.exit()",
    )
    .await;
    let error = guest.try_run("1").await.unwrap_err();
    assert!(matches!(error, KernelError::Closed), "{error:?}");
}

#[tokio::test]
async fn frames_in_single_bytes_are_frames() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\nfor byte in frame(66, token, display('x')) + frame(71, token, \
         DONE): control.sendall(bytes([byte]))\ntime.sleep(60)",
    )
    .await;
    assert_eq!(guest.run("1").await.shown(), ["x"]);
}

#[tokio::test]
async fn who_asks_and_does_not_read_the_answer_is_not_asked_again() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\nfor _ in range(2): send(69, token, {'prompt': '', 'password': \
         False})\ntime.sleep(60)",
    )
    .await;
    let request = TurnRequest { allow_input: true, ..request("1") };
    guest.kernel.begin(&request).unwrap();
    // More than the socket holds.
    let long = InputReply::Line("x".repeat(4 << 20));
    for _ in 0..2 {
        let event = guest.within(async |kernel| kernel.next().await).await.unwrap();
        assert!(matches!(event, Event::Turn(TurnEvent::Input(_))), "{event:?}");
        let answered = guest.kernel.answer_input(&long);
        if let Err(error) = answered {
            assert_eq!(violation(error), Violation::Unread);
            return;
        }
    }
    panic!("two answers lie before a guest that reads none");
}

#[tokio::test]
async fn a_flood_lets_others_have_their_turn() {
    let mut guest = Guest::hostile_ready(
        "_, token, _ = receive()\ndata = frame(68, token, {'wait': True}) * 100\nwhile True: \
         control.sendall(data)",
    )
    .await;
    guest.kernel.begin(&request("1")).unwrap();
    let mut others = 0_usize;
    let (mut sink, mut input) = (Collector::new(), NoInput);
    let flood = guest.within(async |kernel| {
        let flood = kernel.finish(&mut sink, &mut input);
        tokio::pin!(flood);
        loop {
            tokio::select! {
                biased;
                end = &mut flood => return end,
                () = yield_now() => others += 1,
            }
        }
    });
    assert_eq!(violation(flood.await.unwrap_err()), Violation::Frames);
    // The frames come a thousand and more to a read, so reads alone would be ten.
    assert!(others > 100, "others had {others} turns");
}
