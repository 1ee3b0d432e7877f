//! Plans of fixed policies, letter by letter; and what holds of every plan.
//!
//! `CELLBLOCK_BLESS=1` writes the printed plans anew.

use std::{collections::BTreeSet, fs, path::Path};

use api::{Exhibit, LimitsSpec, NetworkSpec, PolicySpec, ShareSpec};
use policy::{Ceiling, HostSupport, Mount, Parts, resolve};
use proptest::{collection::vec, prelude::*};

use super::*;

fn guest_path(text: &str) -> GuestPath {
    GuestPath::new(text).unwrap()
}

fn mount(source: &str, target: &str) -> Mount {
    Mount {
        source: source.into(),
        target: guest_path(target),
        access: Access::ReadOnly,
        view: MountView::Private,
    }
}

fn parts(workspace: &str) -> Parts {
    Parts {
        mounts: vec![mount("/usr", "/usr"), mount("/etc/ld.so.cache", "/etc/ld.so.cache")],
        symlinks: vec![(guest_path("/bin"), "usr/bin".into())],
        env_vars: [("PATH".to_owned(), "/usr/bin".to_owned())].into(),
        workspace: guest_path(workspace),
    }
}

fn share(source: &str, target: &str, access: Access) -> ShareSpec {
    ShareSpec { source: source.into(), target: target.into(), access }
}

fn policy_of(spec: &PolicySpec, parts: Parts) -> Policy {
    resolve(spec, parts, &Ceiling::own_machine(), &HostSupport::default()).unwrap()
}

/// The same for every machine: a host path's inode is its place in the list.
fn source(path: &Path, number: usize) -> Source {
    let is_file = path.extension().is_some() || path.starts_with("/dev");
    let host = HostPath { path: path.to_owned(), device: 1, inode: number as u64 };
    let kind = if is_file { Kind::File } else { Kind::Directory };
    Source { host, kind, whole: None, mapped: None, opened: None }
}

fn facts_of(policy: &Policy) -> Facts {
    let mut sources: Vec<_> = policy.mounts().iter().map(|mount| &mount.source).collect();
    let devices: Vec<_> = DEVICES.iter().map(PathBuf::from).collect();
    sources.extend(&devices);
    let mut sources: Vec<_> =
        sources.into_iter().enumerate().map(|(number, path)| source(path, number)).collect();
    for (number, mount) in policy.mounts().iter().enumerate() {
        let is_shared = mount.view == MountView::Shared;
        sources[number].mapped = is_shared.then_some(100 + i32::try_from(number).unwrap());
    }
    let devices = sources.split_off(policy.mounts().len());
    Facts {
        sources,
        devices,
        resolv_conf: "nameserver 192.0.2.1\n".to_owned(),
        boot_id: "01234567-89ab-cdef-0123-456789abcdef\n".to_owned(),
        machine_id: "0123456789abcdef0123456789abcdef".to_owned(),
        code: (5000, 1),
        memory_is_bounded: true,
    }
}

#[track_caller]
fn prints(name: &str, spec: &PolicySpec, parts: Parts) {
    prints_for(Purpose::Launch, name, spec, parts);
}

#[track_caller]
fn prints_for(purpose: Purpose, name: &str, spec: &PolicySpec, parts: Parts) {
    prints_policy(purpose, name, &policy_of(spec, parts));
}

#[track_caller]
fn prints_policy(purpose: Purpose, name: &str, policy: &Policy) {
    prints_facts(purpose, name, policy, &facts_of(policy));
}

#[track_caller]
fn prints_facts(purpose: Purpose, name: &str, policy: &Policy, facts: &Facts) {
    let plan = build_for(purpose, policy, facts);
    let mut text = plan.to_string();
    let waived: Vec<_> = plan.waived.iter().map(|control| control.name()).collect();
    text.push_str(&format!("waived: {waived:?}\n{:?}\n", plan.rlimits));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/plans/{name}.txt"));
    if std::env::var_os("CELLBLOCK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} is not what is planned now:\n{text}", path.display());
}

#[test]
fn the_plan_of_the_default_policy() {
    prints("default", &PolicySpec::default(), parts(guest::WORKSPACE));
}

#[test]
fn the_plans_of_a_zygote_and_of_what_comes_of_it() {
    let purposes = [
        ("zygote", Purpose::Template { id: (70_000, 70_000) }),
        ("fork", Purpose::Fork { remains: None }),
        ("fork-again", Purpose::Fork { remains: Some(9) }),
        ("enter", Purpose::Enter),
    ];
    for (name, purpose) in purposes {
        prints_for(purpose, name, &PolicySpec::default(), parts(guest::WORKSPACE));
    }
}

/// The steps that take something away from what will run, or hide something from it.
fn restrictions(plan: &Plan) -> Vec<String> {
    let is_one = |step: &&Step| {
        !matches!(
            step,
            Step::Overlay { .. }
                | Step::Copy { .. }
                | Step::Bind { .. }
                | Step::Scratch { .. }
                | Step::OwnMounts
                // Inherited from the zygote, whose plan has them.
                | Step::OomFirst
                | Step::OwnClocks
                // An init's, and no program's.
                | Step::NotDumpable
                | Step::Files { .. }
        )
    };
    let mut steps: Vec<_> = plan.steps.iter().filter(is_one).map(ToString::to_string).collect();
    steps.sort();
    steps
}

#[test]
fn what_is_forked_is_as_restricted_as_what_is_launched() {
    for profile in ProfileName::ALL {
        for network in [NetworkSpec::None, NetworkSpec::Full] {
            let (profile, network) = (Some(profile), Some(network));
            let spec = PolicySpec { profile, network, ..PolicySpec::default() };
            let policy = policy_of(&spec, parts(guest::WORKSPACE));
            let facts = Facts { code: (0, 0), ..facts_of(&policy) };
            let launched = restrictions(&build(&policy, &facts));
            let fork = build_for(Purpose::Fork { remains: None }, &policy, &facts);
            assert_eq!(restrictions(&fork), launched);
            assert_eq!(fork.rlimits, build(&policy, &facts).rlimits);
            let entered = restrictions(&build_for(Purpose::Enter, &policy, &facts));
            let is_new = |step: &&String| !launched.contains(step);
            assert_eq!(entered.iter().find(is_new), None);
            for step in ["drop all capabilities", "set no_new_privs", "landlock", "syscall filter"]
            {
                assert!(entered.iter().any(|entered| entered.starts_with(step)), "{step}");
            }
            let template = build_for(Purpose::Template { id: (7, 7) }, &policy, &facts);
            for step in [Step::OomFirst, Step::OwnClocks] {
                assert!(template.steps.contains(&step), "{step}");
            }
        }
    }
}

#[test]
fn the_plan_of_a_strict_policy() {
    let spec = PolicySpec { profile: Some(ProfileName::Strict), ..PolicySpec::default() };
    prints("strict", &spec, parts(guest::WORKSPACE));
}

#[test]
fn the_plan_of_a_policy_with_full_network() {
    let spec = PolicySpec { network: Some(NetworkSpec::Full), ..PolicySpec::default() };
    prints("network", &spec, parts(guest::WORKSPACE));
}

#[test]
fn the_plan_of_a_policy_with_a_shared_workspace() {
    for (name, access) in [("workspace-ro", Access::ReadOnly), ("workspace-rw", Access::ReadWrite)]
    {
        let shares = vec![
            share("/srv/project", guest::WORKSPACE, access),
            share("/srv/data", "/data", Access::ReadOnly),
            share("/srv/cache", "/tmp/cache", Access::ReadWrite),
        ];
        prints(name, &PolicySpec { shares, ..PolicySpec::default() }, parts(guest::WORKSPACE));
    }
}

#[test]
fn the_plan_of_a_policy_with_an_environment() {
    let mut parts = parts("/sandbox/work");
    parts.mounts.push(mount("/srv/environments/science/.venv", guest::ENVIRONMENT));
    parts.mounts.push(mount("/opt/python", "/opt/python"));
    parts.env_vars.insert("VIRTUAL_ENV".to_owned(), guest::ENVIRONMENT.to_owned());
    prints("environment", &PolicySpec::default(), parts);
}

#[test]
fn the_plan_of_a_policy_with_places_of_its_own() {
    let mut parts = parts(guest::WORKSPACE);
    for path in ["/outputs", "/upstream"] {
        parts.scratch(Path::new(path)).unwrap();
    }
    let exhibits = [("/srv/trees/one", "/repo", false), ("/srv/git", "/source", true)];
    for (source, target, is_owners) in exhibits {
        let (source, target) = (source.into(), target.into());
        parts.exhibit(&Exhibit { source, target, is_owners }).unwrap();
    }
    prints("places", &PolicySpec::default(), parts);
}

#[test]
fn the_plan_of_a_policy_with_waivers_and_limits() {
    let spec = PolicySpec {
        limits: LimitsSpec {
            cpu_time_ms: Some(2500),
            memory_bytes: Some(64 << 20),
            pids: Some(7),
            open_files: Some(64),
            workspace_bytes: Some(1 << 20),
            workspace_inodes: Some(100),
            ..LimitsSpec::default()
        },
        allow_missing: [Control::Landlock, Control::Memory].into(),
        ..PolicySpec::default()
    };
    prints("limits", &spec, parts(guest::WORKSPACE));
}

#[test]
fn the_plan_of_an_operator_who_asks_for_more() {
    let ceiling = Ceiling { audit: true, core_scheduling: true, ..Ceiling::own_machine() };
    let (spec, support) = (PolicySpec::default(), HostSupport::default());
    let policy = resolve(&spec, parts(guest::WORKSPACE), &ceiling, &support).unwrap();
    prints_policy(Purpose::Launch, "operator", &policy);
    prints_policy(Purpose::Fork { remains: None }, "operator-fork", &policy);
}

#[test]
fn the_plan_of_shares_that_are_shown_when_a_sandbox_is_handed_out() {
    let shares = vec![
        share("/srv/data", "/data", Access::ReadOnly),
        share("/srv/cache", "/tmp/cache", Access::ReadWrite),
        share("/srv/table.csv", "/data.csv", Access::ReadWrite),
    ];
    let spec = PolicySpec { shares, ..PolicySpec::default() };
    let policy = policy_of(&spec, parts(guest::WORKSPACE));
    let mut facts = facts_of(&policy);
    let table = policy.mounts().iter().position(|mount| mount.source.ends_with("table.csv"));
    let table = &mut facts.sources[table.unwrap()];
    table.opened = table.mapped.take();
    prints_facts(Purpose::Furnish, "furnish", &policy, &facts);
    let fork = build_for(Purpose::Fork { remains: None }, &policy, &facts);
    let rules = |plan: &Plan| plan.steps.last().cloned();
    let furnished = build_for(Purpose::Furnish, &policy, &facts);
    assert_eq!(rules(&fork), rules(&furnished));
    // Each is as it is in a launch.
    let launched = build(&policy, &facts);
    let attached = |plan: &Plan| {
        let is_share = |step: &&Step| match step {
            Step::Attach { target, .. } => policy
                .mounts()
                .iter()
                .any(|mount| mount.target == *target && mount.view == MountView::Shared),
            _ => false,
        };
        plan.steps.iter().filter(is_share).cloned().collect::<Vec<_>>()
    };
    let sorted = |plan: &Plan| {
        let mut steps = attached(plan);
        steps.sort_by_key(ToString::to_string);
        steps
    };
    assert_eq!(sorted(&furnished), sorted(&launched));
    assert_eq!(attached(&furnished).len(), 3);
}

#[test]
fn the_plan_of_opening_mounts_for_somebody_else() {
    let policy = policy_of(&PolicySpec::default(), parts(guest::WORKSPACE));
    let host = HostPath { path: "/srv/data".into(), device: 1, inode: 2 };
    let plan = opening(&[host], &policy);
    assert_eq!(plan.to_string(), "  1  make every mount private\n  2  open #0 /srv/data\n");
}

fn specs() -> impl Strategy<Value = PolicySpec> {
    let access = prop_oneof![Just(Access::ReadOnly), Just(Access::ReadWrite)];
    let target = prop_oneof![
        Just("/data".to_owned()),
        Just("/data/deep".to_owned()),
        Just("/tmp/a".to_owned()),
        Just("/home/user/b".to_owned()),
        Just(guest::WORKSPACE.to_owned()),
        "/workspace/[a-c]",
        "/[m-r]{1,3}(/[a-c]){0,2}",
    ];
    let shares = vec((target, access), 0..5).prop_map(|shares| {
        let mut seen = BTreeSet::new();
        shares.into_iter().filter(|(target, _)| seen.insert(target.clone())).collect::<Vec<_>>()
    });
    let profile = prop_oneof![
        Just(ProfileName::Strict),
        Just(ProfileName::Default),
        Just(ProfileName::Compat)
    ];
    let waived = proptest::sample::subsequence(Control::ALL, 0..4);
    (shares, profile, any::<bool>(), waived).prop_map(|(shares, profile, is_full, waived)| {
        let number = |(number, (target, access)): (usize, (String, Access))| {
            share(&format!("/srv/{number}"), &target, access)
        };
        PolicySpec {
            shares: shares.into_iter().enumerate().map(number).collect(),
            profile: Some(profile),
            network: Some(if is_full { NetworkSpec::Full } else { NetworkSpec::None }),
            allow_missing: waived.into_iter().collect(),
            ..PolicySpec::default()
        }
    })
}

/// The places of the steps for which a condition holds.
fn places(plan: &Plan, is_it: impl Fn(&Step) -> bool) -> Vec<usize> {
    plan.steps.iter().enumerate().filter(|(_, step)| is_it(step)).map(|(place, _)| place).collect()
}

/// The place of a step that there is exactly once.
#[track_caller]
fn once(plan: &Plan, is_it: impl Fn(&Step) -> bool) -> usize {
    let places = places(plan, is_it);
    assert_eq!(places.len(), 1, "{plan}");
    places[0]
}

/// The slots that a step opens.
fn opens(step: &Step) -> Vec<Slot> {
    match step {
        Step::Overlay { parts, .. } => parts.iter().map(|part| part.slot).collect(),
        Step::Copy { slot, .. } | Step::Bind { slot, .. } | Step::Mapped { slot, .. } => {
            vec![*slot]
        }
        _ => Vec::new(),
    }
}

macro_rules! is {
    ($pattern:pat) => {
        |step: &Step| matches!(step, $pattern)
    };
}

fn check_order(plan: &Plan) {
    let private = once(plan, is!(Step::PrivateMounts));
    let user = once(plan, is!(Step::BecomeUser { .. }));
    let root = once(plan, is!(Step::Root { .. }));
    let proc = once(plan, is!(Step::Proc { .. }));
    let enter = once(plan, is!(Step::Enter));
    let files = once(plan, is!(Step::Files { .. }));
    let seal = once(plan, is!(Step::SealRoot));
    let dumpable = once(plan, is!(Step::NotDumpable));
    let bits = once(plan, is!(Step::LockSecureBits));
    let capabilities = once(plan, is!(Step::DropCapabilities));
    let privileges = once(plan, is!(Step::NoNewPrivs));
    let landlock = once(plan, is!(Step::Landlock { .. }));
    let filter = once(plan, is!(Step::SyscallFilter { .. }));
    assert_eq!(private, 0, "before anything is mounted");
    assert_eq!(filter, plan.steps.len() - 1, "nothing can be done after it");
    let order = [
        private,
        user,
        root,
        proc,
        enter,
        files,
        seal,
        dumpable,
        bits,
        capabilities,
        privileges,
        landlock,
        filter,
    ];
    assert!(order.is_sorted(), "{order:?}\n{plan}");
    assert_eq!(landlock, filter - 1);
    for core in [is!(Step::NoCoreDumps), is!(Step::OomFirst)] {
        assert!(once(plan, core) < filter);
    }
    let mounting =
        places(plan, is!(Step::Attach { .. } | Step::Mask { .. } | Step::Scratch { .. }));
    assert!(mounting.iter().all(|place| (root..enter).contains(place)), "{plan}");
    let sysctls = once(plan, is!(Step::ReadOnlySysctls));
    assert!(once(plan, is!(Step::NoNestedUserns)) < sysctls && sysctls < enter);
}

fn check_mounts(plan: &Plan, policy: &Policy) {
    let user = once(plan, is!(Step::BecomeUser { .. }));
    let mut open = BTreeSet::new();
    let mut attached: Vec<GuestPath> = Vec::new();
    for (place, step) in plan.steps.iter().enumerate() {
        for slot in opens(step) {
            assert!(place < user, "opened as the caller: {plan}");
            assert!(open.insert(slot), "opened twice: {plan}");
        }
        if let Step::Attach { slot, target, flags, .. } = step {
            assert!(open.remove(slot), "attached before it is open: {plan}");
            let covers = attached.iter().find(|held| held.as_path().starts_with(target.as_path()));
            assert!(covers.is_none(), "{target} covers {covers:?}: {plan}");
            attached.push(target.clone());
            let mount = policy.mounts().iter().find(|mount| mount.target == *target);
            let may_write = mount.is_some_and(|mount| mount.access == Access::ReadWrite);
            assert_eq!(flags.writable, may_write, "{target}");
            assert_eq!(flags.devices, target.as_path().starts_with("/dev"), "{target}");
        }
        if let Step::Scratch { places, .. } = step {
            for place in places {
                let target = place.target.as_path();
                let covers = attached.iter().find(|held| held.as_path().starts_with(target));
                assert!(covers.is_none(), "{} covers {covers:?}: {plan}", target.display());
            }
        }
    }
    assert!(open.is_empty(), "opened in vain: {plan}");
    assert_eq!(attached.len(), policy.mounts().len() + DEVICES.len());
}

fn check_writable(plan: &Plan, policy: &Policy) {
    let landlock = plan.steps.iter().find_map(|step| match step {
        Step::Landlock { writable, .. } => Some(writable.clone()),
        _ => None,
    });
    let mut wanted: BTreeSet<_> =
        ["/dev/shm", "/tmp", guest::HOME].into_iter().map(guest_path).collect();
    let writable = policy.mounts().iter().filter(|mount| mount.access == Access::ReadWrite);
    wanted.extend(writable.map(|mount| mount.target.clone()));
    wanted.extend((!policy.workspace_is_shared()).then(|| policy.workspace().clone()));
    assert_eq!(landlock.unwrap().into_iter().collect::<BTreeSet<_>>(), wanted);
}

proptest! {
    #[test]
    fn whatever_the_policy_its_plan_is_in_order(spec in specs(), own in "/(workspace|sandbox/work)") {
        let parts = parts(&own);
        let resolved = resolve(&spec, parts, &Ceiling::own_machine(), &HostSupport::default());
        prop_assume!(resolved.is_ok());
        let policy = resolved.unwrap();
        let plan = build(&policy, &facts_of(&policy));
        check_order(&plan);
        check_mounts(&plan, &policy);
        check_writable(&plan, &policy);
        let loopback = places(&plan, is!(Step::Loopback)).len();
        prop_assert_eq!(loopback == 1, policy.network() == Network::None);
        let masks = places(&plan, is!(Step::Mask { .. })).len();
        prop_assert_eq!(masks == 0, policy.profile() == ProfileName::Strict);
        prop_assert_eq!(&plan.waived, &spec.allow_missing);
        let bytes = postcard::to_stdvec(&plan).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Plan>(&bytes).unwrap(), plan);
    }
}
