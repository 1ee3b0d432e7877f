//! What is asked of the warm path: which interpreter, for whom, under which policy.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use api::{RunRequest, StartSpec, Workspace};
use policy::{MountView, Policy, PolicyClass, TemplateClass};
use sandbox::{Action, Command, Owner, Payload};

use super::Program;
use crate::{engine::Core, environment, language};

/// Whose sandboxes may be forked from one interpreter. They share its layout in
/// memory, so one that learns its own knows that of the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// The domain of a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Who shares the processors with others, as backends see it.
    pub(crate) fn owner(&self) -> Owner {
        Owner::new(&self.0)
    }
}

impl Default for TrustDomain {
    /// That of the person whose machine it is.
    fn default() -> Self {
        Self::new("local")
    }
}

/// An interpreter as it is now; another once its environment has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Interpreter {
    pub(super) environment: String,
    pub(super) fingerprint: String,
    pub(super) trust_domain: TrustDomain,
    python: PathBuf,
}

/// What a parked interpreter is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TemplateKey {
    pub(super) interpreter: Interpreter,
    class: TemplateClass,
}

/// What ready sandboxes are known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) interpreter: Interpreter,
    class: PolicyClass,
}

impl ClassKey {
    pub(super) fn template(&self) -> TemplateKey {
        TemplateKey { interpreter: self.interpreter.clone(), class: self.class.template().clone() }
    }
}

/// What is asked of the warm path.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(super) key: ClassKey,
    /// Under which sandboxes are made before it is known for whom.
    pub(super) base: Arc<Policy>,
    /// Under which their interpreter is parked.
    pub(super) parking: Arc<Policy>,
    pub(super) environments: PathBuf,
    /// Whether what is handed out gets a pipe as its standard input.
    pub(super) has_input: bool,
}

/// The parts of an order.
pub(crate) struct Wanted<'a> {
    pub(crate) environment: &'a str,
    pub(crate) trust_domain: &'a TrustDomain,
    /// The guest path of the interpreter.
    pub(crate) python: PathBuf,
    /// The env vars that the environment brings.
    pub(crate) env_vars: BTreeMap<String, String>,
    pub(crate) policy: &'a Policy,
    /// Whether there is something that it may read from its standard input.
    pub(crate) has_input: bool,
}

impl Order {
    /// Orders sandboxes of a policy's class.
    pub(crate) fn new(wanted: Wanted<'_>, core: &Core) -> Self {
        let config = &core.config;
        let Wanted { environment, trust_domain, python, env_vars, policy, has_input } = wanted;
        let fingerprint = environment::fingerprint(&config.environments, environment, &python);
        let interpreter = Interpreter {
            environment: environment.to_owned(),
            fingerprint,
            trust_domain: trust_domain.clone(),
            python,
        };
        let base = policy.for_anybody(env_vars, &config.ceiling, core.backend.shares_decide());
        let key = ClassKey { interpreter, class: base.class() };
        let parking = Arc::new(base.for_interpreter(&config.ceiling));
        let environments = config.environments.clone();
        Self { key, base: Arc::new(base), parking, environments, has_input }
    }

    /// The guest path of the interpreter.
    pub(super) fn python(&self) -> &Path {
        &self.key.interpreter.python
    }
}

/// Env vars that are read before a program's own code, so that one that has started
/// without them is another program.
const READ_AT_START: [&str; 8] =
    ["PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "OPENSSL_", "SSL_"];

/// What a run asks of the warm path; `None` if only a fresh interpreter will do.
pub(crate) fn order_for_run(
    (request, trust_domain): (&RunRequest, &TrustDomain),
    (policy, payload): (&Policy, &mut Payload),
    core: &Core,
) -> Option<(Order, Program)> {
    let wants = match policy.start() {
        StartSpec::Auto => core.config.warm.pooled_runs,
        StartSpec::Fork => true,
        StartSpec::Exec => false,
    };
    let api::Program::Source(source) = &request.program else { return None };
    let is_python = language::find(&source.language).is_some_and(|found| found.name == "python");
    let is_shared = matches!(request.workspace, Workspace::Host { .. });
    let is_early = |name: &String| READ_AT_START.iter().any(|start| name.starts_with(start));
    let spec = &request.policy;
    if !wants || !is_python || is_shared || spec.env_vars.keys().any(is_early) {
        return None;
    }
    let [step] = payload.steps.as_slice() else { return None };
    let Action::Command(Command { program, args, directory }) = &step.action else { return None };
    let mut env_vars = policy.env_vars().clone();
    env_vars.retain(|name, _| !spec.env_vars.contains_key(name));
    let wanted = Wanted {
        environment: &request.environment,
        trust_domain,
        python: program.clone(),
        env_vars,
        policy,
        has_input: true,
    };
    let order = Order::new(wanted, core);
    let files = std::mem::take(&mut payload.files);
    match Program::new(args, directory, files) {
        // The kernel would write the program into a share as it is told to.
        Ok(program) if is_in_share(&program.path(directory), policy) => {
            payload.files = program.into_files();
            None
        }
        Ok(program) => Some((order, program)),
        Err(files) => {
            payload.files = files;
            None
        }
    }
}

fn is_in_share(path: &Path, policy: &Policy) -> bool {
    let shares = policy.mounts().iter().filter(|mount| mount.view == MountView::Shared);
    shares.into_iter().any(|mount| path.starts_with(mount.target.as_path()))
}

impl Interpreter {
    /// Whether it is the same interpreter before its environment changed.
    pub(super) fn is_earlier_than(&self, now: &Self) -> bool {
        self.environment == now.environment
            && self.trust_domain == now.trust_domain
            && self.fingerprint != now.fingerprint
    }
}
