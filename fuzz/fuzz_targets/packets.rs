//! What a packet of init's may hold: any bytes decode to a message or to an
//! error, and a message that is sent again is the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "only decoding is tried")]
#[path = "../../crates/backend-native/src/wire.rs"]
mod wire;

use wire::{FromInit, Packet, ToInit};

fn decode<M>(bytes: &[u8])
where
    M: PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let packet = |bytes: &[u8]| Packet { bytes: bytes.to_vec(), descriptors: Vec::new() };
    if let Ok(message) = packet(bytes).decode::<M>() {
        let again = postcard::to_stdvec(&message).unwrap();
        assert_eq!(packet(&again).decode::<M>().unwrap(), message);
    }
}

fuzz_target!(|bytes: &[u8]| {
    decode::<FromInit>(bytes);
    decode::<ToInit>(bytes);
});
