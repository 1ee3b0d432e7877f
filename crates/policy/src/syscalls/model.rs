//! What the table says of a system call, read straight from it. The filter must
//! say the same; so this must never use the compiler or anything it uses.

use api::ProfileName;

use super::{Arch, Condition, Half, Rule, Ruling, SyscallData, Verdict, calls};

/// What the table says of a system call.
#[must_use]
pub fn model(profile: ProfileName, arch: Arch, data: &SyscallData) -> Verdict {
    if data.arch != arch.audit() {
        return Verdict::KillProcess;
    }
    let known = calls().iter().find(|call| call.number(arch) == Some(data.nr));
    match known.map(|call| call.ruling(profile)) {
        None => Verdict::UNKNOWN,
        Some(Ruling::Plain(verdict)) => verdict,
        Some(Ruling::Rule(rule)) => rule.verdict(&data.args),
    }
}

impl Rule {
    /// What the rule says of a call with these arguments.
    #[must_use]
    pub fn verdict(&self, args: &[u64; 6]) -> Verdict {
        let holds = |condition: &Condition| condition.holds(args);
        let case = self.cases.iter().find(|case| case.conditions.iter().all(holds));
        case.map_or(self.otherwise, |case| case.verdict)
    }
}

impl Condition {
    /// Whether the condition holds of these arguments.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        let arg = args.get(usize::from(self.arg)).copied().unwrap_or_default();
        let half = match self.half {
            Half::Low => arg & 0xffff_ffff,
            Half::High => arg >> 32,
        };
        self.values.iter().any(|value| u64::from(*value) == half & u64::from(self.mask))
    }
}
