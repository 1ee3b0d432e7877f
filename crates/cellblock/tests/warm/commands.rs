//! Commands in the background of a session.

use std::time::Duration;

use api::{CommandId, ErrorCode, LimitsSpec, Outcome, Signal, StreamName};
use engine::{
    CloseReason, Command, FEED_BYTES_MAX, LOG_BYTES_MAX, Session, SessionError, SessionRequest,
    SessionRun,
};

use crate::fixture::{
    Tests, on_engine, on_session, request, shell, text, turn, value, with_limits, without_pool,
};

pub(crate) const TESTS: Tests = &[
    ("a_command_is_followed_to_its_end", a_command_is_followed_to_its_end),
    ("a_command_reads_what_is_written_to_it", a_command_reads_what_is_written_to_it),
    ("a_program_that_does_not_read_is_not_waited_for", a_program_that_does_not_read),
    ("the_last_of_a_long_output_is_kept", the_last_of_a_long_output_is_kept),
    ("a_signal_reaches_the_whole_group", a_signal_reaches_the_whole_group),
    ("a_stopped_command_goes_on", a_stopped_command_goes_on),
    ("many_signals_do_no_harm", many_signals_do_no_harm),
    ("a_killed_command_is_cancelled", a_killed_command_is_cancelled),
    ("what_cannot_be_run_is_told", what_cannot_be_run_is_told),
    ("only_so_many_commands_run", only_so_many_commands_run),
    ("only_so_many_commands_are_remembered", only_so_many_commands_are_remembered),
    ("a_command_ends_with_its_session", a_command_ends_with_its_session),
    ("a_command_ends_with_the_kernel", a_command_ends_with_the_kernel),
    ("a_session_with_a_command_is_used_but_ages", a_session_with_a_command_is_used_but_ages),
];

async fn start(session: &Session, line: &str) -> Command {
    let id = session.start(shell(line), engine::Asker::default()).await.unwrap();
    session.command(id).unwrap()
}

/// What it has written so far, once that is so much.
async fn written(command: &Command, count: u64) -> String {
    while command.logs(StreamName::Stdout, count, 0).next_offset < count {
        let end = command.logs(StreamName::Stdout, u64::MAX, 0).offset;
        command.wait_for_output(StreamName::Stdout, end).await;
        assert!(command.info().ended.is_none() || end >= count, "{:?}", command.info());
    }
    String::from_utf8(command.logs(StreamName::Stdout, 0, usize::MAX).bytes).unwrap()
}

async fn outcome(command: &Command) -> Outcome {
    command.wait().await.unwrap().result.outcome
}

fn a_command_is_followed_to_its_end() {
    on_session(|session| async move {
        let line = "echo one; echo err >&2; until [ -e go ]; do sleep 0.02; done; echo two; exit 3";
        let command = start(&session, line).await;
        assert_eq!(written(&command, 4).await, "one\n");
        let info = command.info();
        assert_eq!(session.commands().as_slice(), std::slice::from_ref(&info));
        assert!(info.what.starts_with("sh -c echo one;"), "{info:?}");
        assert_eq!((info.ended, info.outcome, info.error), (None, None, None));
        assert!(session.info().is_busy);
        // Neither the kernel nor other programs wait for it.
        assert_eq!(value(&turn(&session, "open('go', 'w').close(); 5").await), Some("5"));
        let done = command.wait().await.unwrap();
        assert_eq!(done.result.outcome, Outcome::Exited { code: 3 });
        assert_eq!(text(&done.result.stdout), "one\ntwo\n");
        assert_eq!(done.changes.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["go"]);
        let info = command.info();
        assert_eq!(info.outcome, Some(Outcome::Exited { code: 3 }));
        assert!(info.ended.is_some_and(|ended| ended >= info.started));
        let chunk = command.logs(StreamName::Stdout, 0, 6);
        assert_eq!((chunk.bytes.as_slice(), chunk.next_offset), (b"one\ntw".as_slice(), 6));
        assert!(!chunk.is_ended);
        let chunk = command.logs(StreamName::Stdout, 6, 6);
        assert_eq!((chunk.bytes.as_slice(), chunk.is_ended), (b"o\n".as_slice(), true));
        assert_eq!(command.logs(StreamName::Stderr, 0, 100).bytes, b"err\n");
        assert!(matches!(command.signal(Signal::Term), Err(SessionError::CommandEnded)));
        assert!(!session.info().is_busy);
    });
}

fn a_command_reads_what_is_written_to_it() {
    on_session(|session| async move {
        let command = start(&session, "while read line; do echo \"<$line>\"; done; echo end").await;
        command.write_stdin(b"first\nsec".to_vec(), false).await.unwrap();
        assert_eq!(written(&command, 8).await, "<first>\n");
        command.write_stdin(b"ond\n".to_vec(), true).await.unwrap();
        assert_eq!(outcome(&command).await, Outcome::Exited { code: 0 });
        assert_eq!(written(&command, 21).await, "<first>\n<second>\nend\n");
        let refused = command.write_stdin(b"more".to_vec(), false).await.unwrap_err();
        assert_eq!(refused.body().code, ErrorCode::InvalidRequest);
    });
}

fn a_program_that_does_not_read() {
    on_session(|session| async move {
        let command = start(&session, "sleep 1000").await;
        let much = vec![0; FEED_BYTES_MAX];
        // What the pipes hold besides is less.
        command.write_stdin(much.clone(), false).await.unwrap();
        let (killed, written) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                command.kill();
                outcome(&command).await
            },
            command.write_stdin(much, false)
        );
        assert_eq!(killed, Outcome::Cancelled);
        assert!(written.is_err());
    });
}

fn the_last_of_a_long_output_is_kept() {
    let limits = LimitsSpec { output_bytes: Some(1000), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let line = "head -c 3000000 /dev/zero | tr '\\0' a; printf end";
        let done = start(&session, line).await;
        let result = done.wait().await.unwrap();
        // What a result keeps is the policy's, and what is followed is not.
        assert_eq!(result.result.stdout.total_bytes, 3_000_003);
        assert_eq!(result.result.stdout.omitted_bytes, 3_000_003 - 1000);
        let chunk = done.logs(StreamName::Stdout, 5, usize::MAX);
        assert_eq!(chunk.bytes.len(), LOG_BYTES_MAX);
        assert!(chunk.bytes.ends_with(b"aaaend"));
        assert_eq!(chunk.next_offset, 3_000_003);
        assert_eq!(chunk.offset, 3_000_003 - LOG_BYTES_MAX as u64);
        assert_eq!(chunk.oldest_offset, chunk.offset);
        assert!(chunk.is_ended);
    });
}

fn a_signal_reaches_the_whole_group() {
    on_session(|session| async move {
        let line =
            "sh -c 'trap \"echo child; exit\" USR1; echo ready; while :; do sleep 0.02; done' &
             trap 'wait; echo parent; exit 4' USR1; echo ready; wait";
        let command = start(&session, line).await;
        assert_eq!(written(&command, 12).await, "ready\nready\n");
        command.signal(Signal::Usr1).unwrap();
        assert_eq!(outcome(&command).await, Outcome::Exited { code: 4 });
        assert_eq!(written(&command, 25).await, "ready\nready\nchild\nparent\n");
    });
}

fn a_stopped_command_goes_on() {
    on_session(|session| async move {
        let command = start(&session, "while :; do echo tick; sleep 0.01; done").await;
        written(&command, 5).await;
        command.signal(Signal::Stop).unwrap();
        let end = || command.logs(StreamName::Stdout, u64::MAX, 0).offset;
        let mut before = end();
        // It may take a moment, and then nothing comes any more.
        while {
            tokio::time::sleep(Duration::from_millis(300)).await;
            end() != before
        } {
            before = end();
        }
        command.signal(Signal::Cont).unwrap();
        command.wait_for_output(StreamName::Stdout, before).await;
        command.signal(Signal::Stop).unwrap();
        command.signal(Signal::Term).unwrap();
        command.signal(Signal::Cont).unwrap();
        assert_eq!(outcome(&command).await, Outcome::Signaled { signal: 15 });
    });
}

fn many_signals_do_no_harm() {
    on_session(|session| async move {
        let line = "trap : HUP INT QUIT USR1 USR2 TERM ALRM TSTP; echo ready; \
                    until [ -e go ]; do sleep 0.02; done; exit 5";
        let command = start(&session, line).await;
        written(&command, 6).await;
        for round in 0..500 {
            for signal in Signal::ALL {
                if !matches!(signal, Signal::Kill | Signal::Stop) {
                    command.signal(signal).unwrap();
                }
            }
            if round % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        turn(&session, "open('go', 'w').close()").await;
        assert_eq!(outcome(&command).await, Outcome::Exited { code: 5 });
    });
}

fn a_killed_command_is_cancelled() {
    on_session(|session| async move {
        // A process of a process group of its own gives signs of life.
        let line = "trap '' TERM INT; setsid sh -c \
                    'while :; do date +%N > beat; sleep 0.02; done' & sleep 1000";
        let command = start(&session, line).await;
        let there = "import os, time\nwhile not os.path.exists('beat'): time.sleep(0.02)";
        turn(&session, there).await;
        command.kill();
        assert_eq!(outcome(&command).await, Outcome::Cancelled);
        let beats = "import time\nfirst = open('beat').read()\ntime.sleep(0.5)\n\
                     first == open('beat').read()";
        assert_eq!(value(&turn(&session, beats).await), Some("True"));
        command.kill();
        assert_eq!(command.info().outcome, Some(Outcome::Cancelled));
    });
}

fn what_cannot_be_run_is_told() {
    on_session(|session| async move {
        let unknown = api::Program::Source(api::Source {
            language: "klingon".to_owned(),
            file_name: "main".to_owned(),
            text: "nuqneH".to_owned(),
        });
        let refused =
            session.start(SessionRun::new(unknown), engine::Asker::default()).await.unwrap_err();
        assert_eq!(refused.body().code, ErrorCode::LanguageUnknown);
        assert_eq!(session.commands(), []);
        let missing = api::Program::Command { name: "no-such-program".to_owned() };
        let id = session.start(SessionRun::new(missing), engine::Asker::default()).await.unwrap();
        let command = session.command(id).unwrap();
        let error = command.wait().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::FileNotFound);
        let info = command.info();
        assert_eq!((info.error, info.outcome), (Some(error), None));
        assert!(info.ended.is_some());
        assert!(session.command(CommandId::generate()).is_none());
        let limited = SessionRun {
            wall_time: Some(Duration::from_millis(200)),
            ..shell("trap '' TERM; sleep 1000")
        };
        let id = session.start(limited, engine::Asker::default()).await.unwrap();
        let outcome = outcome(&session.command(id).unwrap()).await;
        assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome:?}");
    });
}

fn only_so_many_commands_run() {
    on_session(|session| async move {
        let mut commands = Vec::new();
        let refused = loop {
            match session.start(shell("sleep 1000"), engine::Asker::default()).await {
                Ok(id) => commands.push(session.command(id).unwrap()),
                Err(error) => break error,
            }
        };
        let full = matches!(refused, SessionError::TooManyRuns { maximum } if maximum == 16);
        assert!(full && refused.body().retryable, "{refused:?}");
        assert_eq!((commands.len(), session.commands().len()), (16, 16));
        commands[3].kill();
        commands[3].ended().await;
        let another = start(&session, "echo there").await;
        assert_eq!(outcome(&another).await, Outcome::Exited { code: 0 });
    });
}

fn only_so_many_commands_are_remembered() {
    on_session(|session| async move {
        let running = start(&session, "sleep 1000").await;
        let first = start(&session, "true").await;
        first.ended().await;
        for _ in 0..64 {
            start(&session, "true").await.ended().await;
        }
        let kept: Vec<CommandId> = session.commands().iter().map(|info| info.id).collect();
        assert_eq!(kept.len(), 65);
        assert_eq!(kept[0], running.id());
        assert!(!kept.contains(&first.id()));
        // Long logs are fewer.
        for _ in 0..20 {
            let command = start(&session, "head -c 1500000 /dev/zero").await;
            command.ended().await;
        }
        let kept = session.commands().len();
        assert!((5..=17).contains(&kept), "{kept}");
    });
}

fn a_command_ends_with_its_session() {
    on_session(|session| async move {
        let command = start(&session, "echo on; sleep 1000").await;
        written(&command, 3).await;
        session.close().await;
        assert_eq!(outcome(&command).await, Outcome::Cancelled);
        assert_eq!(command.logs(StreamName::Stdout, 0, 100).bytes, b"on\n");
        assert!(session.command(command.id()).is_none());
        assert_eq!(session.commands(), []);
        let refused = session.start(shell("true"), engine::Asker::default()).await.unwrap_err();
        assert!(matches!(refused, SessionError::Closed { reason: CloseReason::Asked }));
    });
}

fn a_command_ends_with_the_kernel() {
    on_session(|session| async move {
        let command = start(&session, "echo on; sleep 1000").await;
        written(&command, 3).await;
        session.restart().await.unwrap();
        assert_eq!(outcome(&command).await, Outcome::Signaled { signal: 9 });
        let command = start(&session, "echo again; sleep 1000").await;
        written(&command, 6).await;
        turn(&session, "import os; os._exit(3)").await;
        assert_eq!(outcome(&command).await, Outcome::Signaled { signal: 9 });
        assert_eq!(session.commands().len(), 2);
    });
}

fn a_session_with_a_command_is_used_but_ages() {
    on_engine(without_pool(), |engine| async move {
        let (idle, life) = (Duration::from_millis(500), Duration::from_secs(4));
        let wanted = SessionRequest { idle_time: Some(idle), lifetime: Some(life), ..request() };
        let session = engine.create_session(wanted).await.unwrap();
        let command = start(&session, "sleep 1000").await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(session.info().closed, None);
        assert_eq!(outcome(&command).await, Outcome::Cancelled);
        assert_eq!(session.info().closed, Some(CloseReason::Age));
    });
}
