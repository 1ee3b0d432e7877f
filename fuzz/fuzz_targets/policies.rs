//! Any JSON that is a policy spec resolves to a policy within the ceiling or to an
//! error.

#![no_main]

use std::collections::BTreeMap;

use api::PolicySpec;
use libfuzzer_sys::fuzz_target;
use policy::{Ceiling, GuestPath, HostSupport, Network, Parts, guest, resolve};

fuzz_target!(|text: &str| {
    let Ok(spec) = serde_json::from_str::<PolicySpec>(text) else { return };
    for full in [true, false] {
        let mut ceiling = Ceiling::own_machine();
        (ceiling.full_network, ceiling.shares, ceiling.waivable) = (full, full, full);
        let parts = Parts {
            mounts: Vec::new(),
            symlinks: Vec::new(),
            env_vars: BTreeMap::new(),
            workspace: GuestPath::new(guest::WORKSPACE).unwrap(),
        };
        let Ok(policy) = resolve(&spec, parts, &ceiling, &HostSupport::default()) else { continue };
        let (limits, maximum) = (policy.limits(), &ceiling.maximum);
        assert!(limits.memory_bytes <= maximum.memory_bytes && limits.memory_bytes > 0);
        assert!(limits.pids <= maximum.pids && limits.pids > 0);
        assert!(limits.wall_time <= maximum.wall_time);
        assert!(limits.workspace_bytes <= maximum.workspace_bytes);
        assert!(full || policy.network() == Network::None);
        assert!(full || policy.mounts().is_empty());
        assert!(full || api::Control::ALL.iter().all(|control| !policy.may_miss(*control)));
        for mount in policy.mounts() {
            assert!(mount.source.is_absolute());
            for kernel in ["/proc", "/sys", "/dev", "/run", "/boot"] {
                assert!(!mount.source.starts_with(kernel), "{mount:?}");
            }
            for own in ["/proc", "/dev", "/sys", "/etc", "/usr", "/code"] {
                assert!(!mount.target.as_path().starts_with(own), "{mount:?}");
            }
        }
        assert!(policy.mounts().is_sorted_by_key(|mount| &mount.target));
        let _ = policy.digest();
    }
});
