//! User code that writes to the kernel's own socket, and kernels that end mid-turn.

use kernel::{GuestKind, KernelError, TurnStatus, Violation};
use rustix::process::Signal;

use crate::guest::Guest;

/// Code that finds the kernel's socket.
const FIND: &str = "\
import os, struct, json, time
def is_socket(fd):
    try:
        return os.readlink('/proc/self/fd/%s' % fd).startswith('socket:')
    except OSError:
        return False
control = max(int(fd) for fd in os.listdir('/proc/self/fd') if is_socket(fd))
def frame(kind, token, body):
    data = json.dumps(body).encode()
    return struct.pack('<IBQ', 9 + len(data), kind, token) + data
DONE = {'status': 'ok', 'count': 1, 'exit_code': None}
";

/// What comes of a turn that runs this code after the above.
async fn violation(code: &str) -> Violation {
    let mut guest = Guest::python().await;
    guest.run("1").await;
    let error = guest.try_run(&format!("{FIND}{code}\ntime.sleep(60)")).await.unwrap_err();
    assert!(!guest.kernel.is_idle());
    let later = guest.try_run("1").await.unwrap_err();
    assert!(matches!(later, KernelError::Misuse(_)), "{later:?}");
    match error {
        KernelError::Violation(violation) => violation,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn garbage_is_no_frame() {
    let violation = violation("os.write(control, b'garbage' * 1000)").await;
    let bytes = u32::from_le_bytes(*b"garb");
    assert_eq!(violation, Violation::Length { bytes });
}

#[tokio::test]
async fn a_huge_length_is_told_at_once() {
    let violation = violation("os.write(control, b'\\xff' * 4)").await;
    assert_eq!(violation, Violation::Length { bytes: u32::MAX });
}

#[tokio::test]
async fn a_guessed_token_is_told() {
    let violation = violation("os.write(control, frame(71, 12345, DONE))").await;
    assert_eq!(violation, Violation::Token { kind: GuestKind::Done });
}

#[tokio::test]
async fn a_frame_of_no_turn_is_told() {
    let violation = violation("os.write(control, frame(65, 0, {}))").await;
    assert!(matches!(violation, Violation::Unexpected { kind: GuestKind::Ready, .. }));
}

#[tokio::test]
async fn an_unknown_kind_is_told() {
    let violation = violation("os.write(control, frame(200, 0, {}))").await;
    assert_eq!(violation, Violation::Kind { kind: 200 });
}

#[tokio::test]
async fn what_is_written_after_a_turn_meets_no_other() {
    let mut guest = Guest::python().await;
    let sign = std::env::temp_dir().join(format!("cellblock-turn-over-{}", std::process::id()));
    let code = format!(
        "import threading\ndef forge():\n  while not os.path.exists({sign:?}): time.sleep(0.01)\n  \
         os.write(control, frame(71, 1, DONE))\nthreading.Thread(target=forge).start()"
    );
    assert_eq!(guest.run(&format!("{FIND}{code}")).await.status(), TurnStatus::Ok);
    std::fs::write(&sign, "").unwrap();
    let error = guest.within(async |kernel| kernel.lost().await).await;
    std::fs::remove_file(&sign).unwrap();
    assert!(matches!(error, KernelError::Violation(Violation::Idle)), "{error:?}");
    let error = guest.try_run("1").await.unwrap_err();
    assert!(matches!(error, KernelError::Misuse(_)), "{error:?}");
}

#[tokio::test]
async fn half_a_frame_does_not_swallow_the_next_turn() {
    let mut guest = Guest::python().await;
    guest.run(FIND).await;
    let error = guest.try_run("os.write(control, b'\\x40\\0\\0\\0\\x42')").await.unwrap_err();
    // The kernel's own frame became part of the forged one's head.
    assert!(matches!(error, KernelError::Violation(_)), "{error:?}");
}

#[tokio::test]
async fn a_closed_socket_is_the_end() {
    let mut guest = Guest::python().await;
    let error = guest.try_run(&format!("{FIND}os.close(control)")).await.unwrap_err();
    assert!(matches!(error, KernelError::Closed), "{error:?}");
}

#[tokio::test]
async fn a_kernel_may_end_in_a_turn() {
    for (code, status) in [
        ("import os; os._exit(7)", Some(7)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None),
        ("import ctypes; ctypes.string_at(0)", None),
    ] {
        let mut guest = Guest::python().await;
        let error = guest.try_run(&format!("display('before')\n{code}")).await.unwrap_err();
        assert!(matches!(error, KernelError::Closed), "{code}: {error:?}");
        assert_eq!(guest.status().code(), status, "{code}");
    }
}

#[tokio::test]
async fn a_kernel_may_end_between_turns() {
    let mut guest = Guest::python().await;
    guest.kernel.check_idle().unwrap();
    guest.signal(Signal::KILL);
    let error = guest.within(async |kernel| kernel.lost().await).await;
    assert!(matches!(error, KernelError::Closed), "{error:?}");
    assert!(!guest.kernel.is_idle());
}
