//! Messages come whole or not at all, whatever is in a packet.

use proptest::{collection::vec, prelude::*};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

fn packet(bytes: Vec<u8>) -> Packet {
    Packet { bytes, descriptors: Vec::new() }
}

fn statuses() -> impl Strategy<Value = Status> {
    prop_oneof![any::<i32>().prop_map(Status::Exited), any::<i32>().prop_map(Status::Signaled)]
}

fn words_of_init() -> impl Strategy<Value = FromInit> {
    let path = || vec(any::<u8>(), 0..4096);
    let weakened = (any::<u16>(), any::<i32>()).prop_map(|(step, errno)| Weakened { step, errno });
    prop_oneof![
        (vec(weakened, 0..64), any::<u8>())
            .prop_map(|(weakened, landlock_abi)| FromInit::Ready { weakened, landlock_abi }),
        (any::<u16>(), any::<i32>()).prop_map(|(step, errno)| FromInit::Failed { step, errno }),
        (path(), any::<i32>()).prop_map(|(path, errno)| FromInit::FileFailed { path, errno }),
        any::<u16>().prop_map(|step| FromInit::Begins { step }),
        (any::<u16>(), any::<i32>()).prop_map(|(step, errno)| FromInit::NotRun { step, errno }),
        any::<i32>().prop_map(|errno| FromInit::NoDirectory { errno }),
        (any::<u16>(), statuses()).prop_map(|(step, status)| FromInit::Ended { step, status }),
        path().prop_map(|path| FromInit::File { path }),
        any::<i32>().prop_map(|errno| FromInit::FilesEnd { errno }),
        vec(".{0,40}", 0..8).prop_map(|complaints| FromInit::Parked { complaints }),
        Just(FromInit::ZygoteGone),
        Just(FromInit::Entered),
        Just(FromInit::Opened),
        any::<u32>().prop_map(|number| FromInit::Furnished { number }),
        any::<u32>().prop_map(|number| FromInit::Born { number }),
        (any::<u32>(), statuses())
            .prop_map(|(number, status)| FromInit::KernelEnded { number, status }),
        (any::<u32>(), any::<Option<u16>>(), any::<i32>())
            .prop_map(|(number, step, errno)| FromInit::NotBuilt { number, step, errno }),
    ]
}

proptest! {
    #[test]
    fn any_bytes_may_come(bytes in vec(any::<u8>(), 0..256)) {
        let came = packet(bytes);
        if let Ok(message) = came.decode::<FromInit>() {
            // Numbers may be written longer than need be, but nothing is lost.
            let again = packet(postcard::to_stdvec(&message).unwrap());
            prop_assert_eq!(again.decode::<FromInit>().unwrap(), message);
        }
        let _ = came.decode::<ToInit>();
    }

    #[test]
    fn a_message_comes_as_it_was_sent(message in words_of_init()) {
        let (ours, theirs) = pair();
        send(ours.as_fd(), &message, &[]).unwrap();
        let packet = receive(&theirs, RecvFlags::DONTWAIT).unwrap().unwrap();
        prop_assert!(packet.descriptors.is_empty());
        prop_assert_eq!(packet.decode::<FromInit>().unwrap(), message);
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_no_message(message in words_of_init(), extra: u8) {
        let whole = postcard::to_stdvec(&message).unwrap();
        for length in 0..whole.len().min(64) {
            prop_assert!(packet(whole[..length].to_vec()).decode::<FromInit>().is_err());
        }
        let longer = [whole.as_slice(), &[extra]].concat();
        prop_assert!(packet(longer).decode::<FromInit>().is_err());
    }
}

#[test]
fn more_than_a_packet_is_neither_sent_nor_taken() {
    let (ours, theirs) = pair();
    let message = ToInit::Open { path: vec![b'a'; PACKET_BYTES_MAX] };
    let refused = send(ours.as_fd(), &message, &[]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    rustix::io::write(&ours, &vec![0; PACKET_BYTES_MAX + 1]).unwrap();
    let refused = receive(&theirs, RecvFlags::DONTWAIT).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_descriptor_comes_with_its_message_and_is_closed_with_it() {
    let (ours, theirs) = pair();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    send(ours.as_fd(), &FromInit::FilesEnd { errno: 0 }, &[writer.as_fd()]).unwrap();
    drop(writer);
    let packet = receive(&theirs, RecvFlags::DONTWAIT).unwrap().unwrap();
    rustix::io::write(&packet.descriptors[0], b"x").unwrap();
    let mut byte = [0];
    assert_eq!(rustix::io::read(&reader, &mut byte).unwrap(), 1);
    drop(packet);
    assert_eq!(rustix::io::read(&reader, &mut byte).unwrap(), 0, "the descriptor was not closed");
}

#[test]
fn a_side_that_is_gone_is_no_message() {
    let (ours, theirs) = pair();
    drop(ours);
    assert!(receive(&theirs, RecvFlags::DONTWAIT).unwrap().is_none());
}
