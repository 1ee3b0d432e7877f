//! From spec to policy: tables of what is taken and what is refused with which
//! error, and properties that hold of every spec.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use api::{
    Access, Control, EnforcementLevel, LimitsSpec, NetworkSpec, PolicySpec, ProfileName, ShareSpec,
};
use policy::{
    Ceiling, GuestPath, HostSupport, Limits, Mount, MountView, Network, Parts, Policy, PolicyError,
    Support, resolve,
};
use proptest::prelude::*;

fn path(text: &str) -> GuestPath {
    GuestPath::new(text).unwrap_or_else(|error| panic!("{error}"))
}

fn mount(source: &str, target: &str, view: MountView) -> Mount {
    Mount { source: source.into(), target: path(target), access: Access::ReadOnly, view }
}

/// A runtime as most have it: `/usr`, an environment, a link, and one env var.
fn parts() -> Parts {
    Parts {
        mounts: vec![
            mount("/usr", "/usr", MountView::Private),
            mount("/home/me/env/.venv", "/sandbox/venv", MountView::Private),
            mount("/opt/python", "/opt/python", MountView::Private),
        ],
        symlinks: vec![(path("/bin"), "usr/bin".into())],
        env_vars: BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]),
        workspace: path("/workspace"),
    }
}

fn on_own_machine(spec: &PolicySpec) -> Result<Policy, PolicyError> {
    resolve(spec, parts(), &Ceiling::own_machine(), &HostSupport::default())
}

fn with_limits(limits: LimitsSpec) -> PolicySpec {
    PolicySpec { limits, ..PolicySpec::default() }
}

fn with_share(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> PolicySpec {
    let (source, target) = (source.into(), target.into());
    let share = ShareSpec { source, target, access: Access::ReadWrite };
    PolicySpec { shares: vec![share], ..PolicySpec::default() }
}

/// A ceiling that is as low as its defaults and gives nothing.
fn low() -> Ceiling {
    let limits = Limits {
        cpu_time: Some(Duration::from_secs(10)),
        cpu_millis: Some(1000),
        ..Limits::default()
    };
    Ceiling {
        defaults: limits.clone(),
        maximum: limits,
        full_network: false,
        shares: false,
        waivable: false,
        own_uid_required: true,
        audit: true,
        core_scheduling: true,
    }
}

fn lacking(control: Control, level: EnforcementLevel) -> HostSupport {
    let detail = "the kernel has it not".to_owned();
    let support = Support { level, detail, remedy: Some("a newer kernel".to_owned()) };
    HostSupport { controls: BTreeMap::from([(control, support)]) }
}

#[test]
fn an_empty_spec_gives_the_defaults_and_the_runtime() {
    let policy = on_own_machine(&PolicySpec::default()).unwrap();
    assert_eq!(policy.profile(), ProfileName::Default);
    assert_eq!(policy.network(), Network::None);
    assert_eq!(policy.limits(), &Limits::default());
    assert_eq!(policy.workspace(), &path("/workspace"));
    assert_eq!(policy.env_vars(), &parts().env_vars);
    assert_eq!(policy.symlinks(), parts().symlinks);
    assert!(!policy.workspace_is_shared());
    let targets: Vec<_> = policy.mounts().iter().map(|mount| mount.target.to_string()).collect();
    assert_eq!(targets, ["/opt/python", "/sandbox/venv", "/usr"]);
    assert!(Control::ALL.iter().all(|control| !policy.may_miss(*control)));
}

#[test]
fn limits_that_are_asked_for_are_given() {
    let asked = LimitsSpec {
        wall_time_ms: Some(1),
        cpu_time_ms: Some(2),
        memory_bytes: Some(4 << 20),
        pids: Some(3),
        cpu_millis: Some(10),
        open_files: Some(16),
        file_size_bytes: Some(0),
        workspace_bytes: Some(4096),
        workspace_inodes: Some(16),
        output_bytes: Some(0),
    };
    let given = Limits {
        wall_time: Duration::from_millis(1),
        cpu_time: Some(Duration::from_millis(2)),
        memory_bytes: 4 << 20,
        pids: 3,
        cpu_millis: Some(10),
        open_files: 16,
        file_size_bytes: 0,
        workspace_bytes: 4096,
        workspace_inodes: 16,
        output_bytes: Some(0),
    };
    assert_eq!(on_own_machine(&with_limits(asked)).unwrap().limits(), &given);
}

#[test]
fn impossible_limits_are_refused_by_name() {
    let none = LimitsSpec::default;
    let table = [
        (LimitsSpec { wall_time_ms: Some(0), ..none() }, "wall_time_ms", 1),
        (LimitsSpec { cpu_time_ms: Some(0), ..none() }, "cpu_time_ms", 1),
        (LimitsSpec { memory_bytes: Some((4 << 20) - 1), ..none() }, "memory_bytes", 4 << 20),
        (LimitsSpec { pids: Some(0), ..none() }, "pids", 1),
        (LimitsSpec { cpu_millis: Some(9), ..none() }, "cpu_millis", 10),
        (LimitsSpec { open_files: Some(15), ..none() }, "open_files", 16),
        (LimitsSpec { workspace_bytes: Some(4095), ..none() }, "workspace_bytes", 4096),
        (LimitsSpec { workspace_inodes: Some(15), ..none() }, "workspace_inodes", 16),
    ];
    for (asked, name, least) in table {
        match on_own_machine(&with_limits(asked)) {
            Err(PolicyError::LimitTooSmall { field, minimum, .. }) => {
                assert_eq!((field, minimum), (name, least));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn limits_above_the_ceiling_are_refused_by_name() {
    let (none, limits) = (LimitsSpec::default, Limits::default());
    let table = [
        (LimitsSpec { wall_time_ms: Some(30_001), ..none() }, "wall_time_ms"),
        (LimitsSpec { cpu_time_ms: Some(10_001), ..none() }, "cpu_time_ms"),
        (LimitsSpec { memory_bytes: Some(limits.memory_bytes + 1), ..none() }, "memory_bytes"),
        (LimitsSpec { pids: Some(limits.pids + 1), ..none() }, "pids"),
        (LimitsSpec { cpu_millis: Some(1001), ..none() }, "cpu_millis"),
        (LimitsSpec { open_files: Some(u64::MAX), ..none() }, "open_files"),
        (LimitsSpec { file_size_bytes: Some(u64::MAX), ..none() }, "file_size_bytes"),
        (LimitsSpec { workspace_bytes: Some(u64::MAX), ..none() }, "workspace_bytes"),
        (LimitsSpec { workspace_inodes: Some(65_537), ..none() }, "workspace_inodes"),
        (LimitsSpec { output_bytes: Some((1 << 20) + 1), ..none() }, "output_bytes"),
    ];
    for (asked, name) in table {
        let found = resolve(&with_limits(asked), parts(), &low(), &HostSupport::default());
        assert!(
            matches!(found, Err(PolicyError::LimitTooLarge { field, .. }) if field == name),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn what_is_asked_for_may_be_exactly_the_ceiling() {
    let asked = LimitsSpec {
        wall_time_ms: Some(30_000),
        cpu_millis: Some(1000),
        output_bytes: Some(1 << 20),
        ..LimitsSpec::default()
    };
    let policy = resolve(&with_limits(asked), parts(), &low(), &HostSupport::default());
    assert_eq!(policy.unwrap().limits(), &low().maximum);
}

#[test]
fn no_ceiling_is_not_every_number() {
    let none = LimitsSpec::default;
    for asked in [
        LimitsSpec { cpu_time_ms: Some(u64::MAX), ..none() },
        LimitsSpec { cpu_millis: Some(u64::MAX), ..none() },
        LimitsSpec { output_bytes: Some(u64::MAX), ..none() },
    ] {
        let found = on_own_machine(&with_limits(asked));
        assert!(matches!(found, Err(PolicyError::LimitTooLarge { .. })), "{found:?}");
    }
}

#[test]
fn a_default_above_the_ceiling_is_lowered_to_it() {
    let mut ceiling = Ceiling::own_machine();
    ceiling.maximum.memory_bytes = 64 << 20;
    ceiling.maximum.output_bytes = Some(100);
    ceiling.maximum.cpu_time = Some(Duration::from_secs(1));
    let policy =
        resolve(&PolicySpec::default(), parts(), &ceiling, &HostSupport::default()).unwrap();
    assert_eq!(policy.limits().memory_bytes, 64 << 20);
    assert_eq!(policy.limits().output_bytes, Some(100));
    assert_eq!(policy.limits().cpu_time, Some(Duration::from_secs(1)));
}

#[test]
fn the_workspace_is_no_larger_than_memory_unless_asked_for() {
    let memory = LimitsSpec { memory_bytes: Some(16 << 20), ..LimitsSpec::default() };
    let policy = on_own_machine(&with_limits(memory.clone())).unwrap();
    assert_eq!(policy.limits().workspace_bytes, 16 << 20);
    let both = LimitsSpec { workspace_bytes: Some(32 << 20), ..memory };
    assert_eq!(on_own_machine(&with_limits(both)).unwrap().limits().workspace_bytes, 32 << 20);
}

#[test]
fn network_shares_and_waivers_are_the_operators_to_give() {
    let network = PolicySpec { network: Some(NetworkSpec::Full), ..PolicySpec::default() };
    let waiver =
        PolicySpec { allow_missing: BTreeSet::from([Control::Landlock]), ..PolicySpec::default() };
    assert_eq!(on_own_machine(&network).unwrap().network(), Network::Full);
    assert!(on_own_machine(&waiver).unwrap().may_miss(Control::Landlock));
    let refused = |spec| resolve(&spec, parts(), &low(), &HostSupport::default()).unwrap_err();
    assert_eq!(refused(network), PolicyError::NetworkRefused);
    assert_eq!(refused(waiver), PolicyError::WaiverRefused { control: Control::Landlock });
    let share = refused(with_share("/data", "/data"));
    assert!(matches!(share, PolicyError::ShareRefused { .. }), "{share:?}");
}

#[test]
fn shares_stand_where_nothing_else_is() {
    let free = "/workspace /workspace/data /data /data/ /opt/data /sandbox/work \
        /sandbox/volumes/a /home/user/data /home/other /tmp/data /usrlocal /binary /proc2 /root";
    for target in free.split_whitespace() {
        let policy = on_own_machine(&with_share("/data", target)).unwrap();
        let mut shared = policy.mounts().iter().filter(|mount| mount.view == MountView::Shared);
        let expected = Mount {
            source: "/data".into(),
            target: path(target),
            access: Access::ReadWrite,
            view: MountView::Shared,
        };
        assert_eq!(shared.next(), Some(&expected));
        assert_eq!(policy.workspace_is_shared(), target == "/workspace");
    }
}

#[test]
fn places_that_are_taken_are_refused() {
    let malformed = ["", "data", "../data", "/", "/data/..", "/a/../etc", "/data\0"];
    let taken = "/proc /proc/1 /dev /dev/shm /dev/null /sys /sys/fs /etc /etc/passwd /usr \
        /usr/lib /usr/./lib //usr /code /code/a /home /home/user /home/user/ /tmp /tmp/. \
        /sandbox /sandbox/venv /sandbox/venv/lib /opt /opt/python /opt/python/bin /bin /bin/sh";
    for target in malformed.into_iter().chain(taken.split_whitespace()) {
        let found = on_own_machine(&with_share("/data", target));
        let expected = Path::new(target);
        assert!(
            matches!(&found, Err(PolicyError::TargetRefused { path, .. }) if path == expected),
            "{target:?}: {found:?}"
        );
    }
}

#[test]
fn two_shares_do_not_share_a_place() {
    let mut spec = with_share("/a", "/data");
    spec.shares.extend(with_share("/b", "/data/").shares);
    let found = on_own_machine(&spec);
    assert!(matches!(found, Err(PolicyError::TargetRefused { .. })), "{found:?}");
    spec.shares[1].target = "/data/inner".into();
    let targets: Vec<_> = on_own_machine(&spec)
        .unwrap()
        .mounts()
        .iter()
        .map(|mount| mount.target.to_string())
        .collect();
    assert_eq!(targets[..2], ["/data", "/data/inner"]);
}

#[test]
fn host_paths_that_open_the_host_are_refused() {
    for source in [
        "",
        "data",
        "./data",
        "../data",
        "/",
        "//",
        "/.",
        "/proc",
        "/proc/self/root",
        "/sys",
        "/sys/fs/cgroup",
        "/dev",
        "/dev/sda",
        "/run",
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/boot",
        "//proc",
        "/./dev",
        "/home/../proc",
        "/data/..",
        "/data\0",
    ] {
        let found = on_own_machine(&with_share(source, "/data"));
        assert!(
            matches!(&found, Err(PolicyError::ShareRefused { path, .. })
                if path == Path::new(source)),
            "{source:?}: {found:?}"
        );
    }
    for source in ["/home/me", "/data", "/processes", "/var/lib", "/run2", "/a..b"] {
        assert!(on_own_machine(&with_share(source, "/data")).is_ok(), "{source}");
    }
}

#[test]
fn env_vars_of_the_spec_override_the_runtimes() {
    let env_vars = [("PATH", "/mine"), ("EMPTY", ""), ("ODD NAME", "a=b\n")];
    let env_vars = env_vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let spec = PolicySpec { env_vars: BTreeMap::from(env_vars), ..PolicySpec::default() };
    assert_eq!(on_own_machine(&spec).unwrap().env_vars(), &spec.env_vars);
}

#[test]
fn env_vars_that_no_program_can_get_are_refused() {
    let long = "x".repeat(128 * 1024);
    for (name, value) in
        [("", "a"), ("A=B", "a"), ("A\0", "a"), ("A", "a\0"), ("A", long.as_str()), (&long, "")]
    {
        let env_vars = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let found = on_own_machine(&PolicySpec { env_vars, ..PolicySpec::default() });
        assert!(
            matches!(&found, Err(PolicyError::EnvVarRefused { name: refused, .. })
                if refused == name),
            "{name:.9}"
        );
    }
}

#[test]
fn env_vars_are_bounded_in_number_and_in_all() {
    let many = |count: usize, bytes: usize| {
        let var = |at| (format!("VAR_{at:06}"), "x".repeat(bytes));
        let env_vars = (0..count).map(var).collect();
        on_own_machine(&PolicySpec { env_vars, ..PolicySpec::default() })
    };
    assert!(many(1023, 1).is_ok());
    assert!(many(8, 128_000).is_ok());
    for found in [many(1024, 1), many(9, 128_000)] {
        assert!(matches!(found, Err(PolicyError::EnvVarRefused { .. })));
    }
}

#[test]
fn a_lacking_control_is_an_error_unless_waived() {
    for control in Control::ALL.iter().copied().filter(|control| *control != Control::OwnUid) {
        for level in [EnforcementLevel::None, EnforcementLevel::Partial] {
            let support = lacking(control, level);
            let mut spec = PolicySpec::default();
            spec.limits.cpu_millis = Some(500);
            spec.limits.cpu_time_ms = Some(500);
            let ceiling = Ceiling { core_scheduling: true, ..Ceiling::own_machine() };
            let refused = resolve(&spec, parts(), &ceiling, &support).unwrap_err();
            assert_eq!(
                refused,
                PolicyError::ControlMissing {
                    control,
                    detail: "the kernel has it not".to_owned(),
                    remedy: Some("a newer kernel".to_owned()),
                }
            );
            spec.allow_missing.insert(control);
            assert!(resolve(&spec, parts(), &ceiling, &support).is_ok(), "{control}");
        }
        let support = lacking(control, EnforcementLevel::Full);
        assert!(
            resolve(&PolicySpec::default(), parts(), &Ceiling::own_machine(), &support).is_ok()
        );
    }
}

#[test]
fn controls_that_a_policy_does_not_need_may_lack() {
    let full = PolicySpec { network: Some(NetworkSpec::Full), ..PolicySpec::default() };
    let network = lacking(Control::Network, EnforcementLevel::None);
    assert!(resolve(&full, parts(), &Ceiling::own_machine(), &network).is_ok());
    let cores = lacking(Control::CoreScheduling, EnforcementLevel::None);
    assert!(resolve(&full, parts(), &Ceiling::own_machine(), &cores).is_ok());
    let uid = lacking(Control::OwnUid, EnforcementLevel::None);
    assert!(resolve(&PolicySpec::default(), parts(), &Ceiling::own_machine(), &uid).is_ok());
    let found = resolve(&PolicySpec::default(), parts(), &low(), &uid);
    assert!(matches!(found, Err(PolicyError::ControlMissing { control: Control::OwnUid, .. })));
}

#[test]
fn digests_tell_policies_apart() {
    let odd = |byte: u8| PathBuf::from(OsStr::from_bytes(&[b'/', byte]));
    let mut specs = vec![
        PolicySpec::default(),
        PolicySpec { profile: Some(ProfileName::Strict), ..PolicySpec::default() },
        PolicySpec { network: Some(NetworkSpec::Full), ..PolicySpec::default() },
        PolicySpec { allow_missing: BTreeSet::from([Control::Cpu]), ..PolicySpec::default() },
        with_limits(LimitsSpec { pids: Some(7), ..LimitsSpec::default() }),
        with_share("/a", "/data"),
        with_share("/b", "/data"),
        with_share("/a", "/data2"),
        with_share(odd(0xfe), "/data"),
        with_share(odd(0xff), "/data"),
        with_share("/a", odd(0xff)),
        with_share(r"/\xff", "/data"),
    ];
    let mut read_only = with_share("/a", "/data");
    read_only.shares[0].access = Access::ReadOnly;
    specs.push(read_only);
    let mut digests: BTreeSet<_> =
        specs.iter().map(|spec| on_own_machine(spec).unwrap().digest()).collect();
    assert_eq!(digests.len(), specs.len());
    for ceiling in [
        Ceiling { audit: true, ..Ceiling::own_machine() },
        Ceiling { core_scheduling: true, ..Ceiling::own_machine() },
    ] {
        let support = HostSupport::default();
        let policy = resolve(&PolicySpec::default(), parts(), &ceiling, &support).unwrap();
        assert!(digests.insert(policy.digest()));
    }
    for digest in &digests {
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let again = on_own_machine(&specs[5]).unwrap().digest();
    assert_eq!(again, on_own_machine(&with_share("/a", "/data")).unwrap().digest());
}

fn any_limit() -> impl Strategy<Value = Option<u64>> {
    let near = (0_u32..64, 0_u64..3).prop_map(|(bit, off)| (1_u64 << bit).wrapping_sub(off));
    proptest::option::of(prop_oneof![near, any::<u64>(), 0_u64..5000])
}

fn any_limits() -> impl Strategy<Value = LimitsSpec> {
    proptest::collection::vec(proptest::option::weighted(0.3, any_limit()), 10).prop_map(|all| {
        let limit = |at: usize| all[at].flatten();
        LimitsSpec {
            wall_time_ms: limit(0),
            cpu_time_ms: limit(1),
            memory_bytes: limit(2),
            pids: limit(3),
            cpu_millis: limit(4),
            open_files: limit(5),
            file_size_bytes: limit(6),
            workspace_bytes: limit(7),
            workspace_inodes: limit(8),
            output_bytes: limit(9),
        }
    })
}

fn any_path() -> impl Strategy<Value = PathBuf> {
    let part = prop_oneof![
        4 => proptest::sample::select(vec![
            "", ".", "..", "proc", "dev", "sys", "etc", "usr", "code", "home", "user", "tmp", "bin",
            "sandbox", "venv", "opt", "python", "workspace", "data", "run",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    (any::<bool>(), proptest::collection::vec(part, 0..5)).prop_map(|(absolute, parts)| {
        let mut bytes = if absolute { b"/".to_vec() } else { Vec::new() };
        bytes.extend(parts.join(&b'/'));
        PathBuf::from(OsStr::from_bytes(&bytes))
    })
}

/// A spec that asks for nothing but shares, so that most failures are theirs.
fn any_shares() -> impl Strategy<Value = PolicySpec> {
    let share = (any_path(), any_path(), any::<bool>()).prop_map(|(source, target, write)| {
        let access = if write { Access::ReadWrite } else { Access::ReadOnly };
        ShareSpec { source, target, access }
    });
    proptest::collection::vec(share, 1..4)
        .prop_map(|shares| PolicySpec { shares, ..PolicySpec::default() })
}

/// A spec of anything.
fn any_spec() -> impl Strategy<Value = PolicySpec> {
    let env_vars = proptest::collection::btree_map(".{0,4}", ".{0,8}", 0..3);
    let waived = proptest::collection::btree_set(proptest::sample::select(Control::ALL), 0..3);
    let profile = proptest::option::of(proptest::sample::select(ProfileName::ALL.to_vec()));
    (profile, any_limits(), any::<bool>(), any_shares(), env_vars, waived).prop_map(
        |(profile, limits, full, shares, env_vars, allow_missing)| PolicySpec {
            profile,
            limits,
            network: full.then_some(NetworkSpec::Full),
            shares: shares.shares,
            env_vars,
            allow_missing,
            start: None,
        },
    )
}

fn optional_within<T: PartialOrd>(given: Option<T>, ceiling: Option<T>) -> bool {
    match (given, ceiling) {
        (Some(given), Some(ceiling)) => given <= ceiling,
        (given, ceiling) => ceiling.is_none() || given.is_some(),
    }
}

fn is_within(limits: &Limits, most: &Limits) -> bool {
    limits.wall_time <= most.wall_time
        && limits.memory_bytes <= most.memory_bytes
        && limits.pids <= most.pids
        && limits.open_files <= most.open_files
        && limits.file_size_bytes <= most.file_size_bytes
        && limits.workspace_bytes <= most.workspace_bytes
        && limits.workspace_inodes <= most.workspace_inodes
        && optional_within(limits.cpu_time, most.cpu_time)
        && optional_within(limits.cpu_millis, most.cpu_millis)
        && optional_within(limits.output_bytes, most.output_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn limits_never_exceed_the_ceiling(limits in any_limits()) {
        let spec = with_limits(limits);
        for ceiling in [Ceiling::own_machine(), low()] {
            if let Ok(policy) = resolve(&spec, parts(), &ceiling, &HostSupport::default()) {
                prop_assert!(is_within(policy.limits(), &ceiling.maximum), "{:?}", policy.limits());
            }
        }
    }

    #[test]
    fn no_accepted_mount_is_on_a_reserved_place(spec in any_shares()) {
        let Ok(policy) = on_own_machine(&spec) else { return Ok(()) };
        let shared = policy.mounts().iter().filter(|mount| mount.view == MountView::Shared);
        for mount in shared {
            let target = mount.target.as_path();
            for own in ["/proc", "/dev", "/sys", "/etc", "/usr", "/code", "/bin", "/sandbox/venv"] {
                prop_assert!(!target.starts_with(own) && !Path::new(own).starts_with(target));
            }
            prop_assert!(!Path::new("/home/user").starts_with(target) && target != Path::new("/tmp"));
            prop_assert!(mount.source.is_absolute() && mount.source != Path::new("/"));
            for host in ["/proc", "/sys", "/dev", "/run", "/boot"] {
                prop_assert!(!mount.source.starts_with(host));
            }
        }
    }

    #[test]
    fn accepted_mounts_are_in_order_and_apart(spec in any_shares()) {
        let Ok(policy) = on_own_machine(&spec) else { return Ok(()) };
        for (at, mount) in policy.mounts().iter().enumerate() {
            for later in &policy.mounts()[at + 1..] {
                prop_assert!(!mount.target.as_path().starts_with(later.target.as_path()));
            }
        }
        prop_assert_eq!(policy.digest(), on_own_machine(&spec).unwrap().digest());
    }

    #[test]
    fn messages_are_one_line(spec in any_spec()) {
        for ceiling in [Ceiling::own_machine(), low()] {
            if let Err(error) = resolve(&spec, parts(), &ceiling, &HostSupport::default()) {
                let message = error.to_string();
                prop_assert!(!message.chars().any(char::is_control), "{:?}", message);
            }
        }
    }
}

#[test]
fn a_control_that_nothing_asks_for_is_not_required() {
    for control in [Control::Cpu, Control::CpuTime] {
        let support = lacking(control, EnforcementLevel::None);
        let found = resolve(&PolicySpec::default(), parts(), &Ceiling::own_machine(), &support);
        assert!(found.is_ok(), "{control}");
    }
}
