//! The data files and what reads them: the table holds what the files say, every
//! kind of defect is found, and no text makes the reader panic.

#[path = "../src/syscalls/errno.rs"]
mod errno;
#[path = "../build/parse.rs"]
mod parse;

use api::ProfileName;
use parse::TableError;
use policy::syscalls::{self, Arch};
use proptest::prelude::*;

const CALLS: &str = include_str!("../../../profiles/syscalls.toml");
const NUMBERS: &str = include_str!("../../../profiles/numbers.toml");

#[test]
fn the_table_is_what_the_files_say() {
    let table = parse::table(CALLS, NUMBERS).unwrap();
    assert_eq!(table.calls.len(), syscalls::calls().len());
    for (read, built) in table.calls.iter().zip(syscalls::calls()) {
        assert_eq!((read.name.as_str(), read.reason.as_str()), (built.name, built.reason));
        assert_eq!(read.numbers, Arch::ALL.map(|arch| built.number(arch)));
        let rulings = ProfileName::ALL.map(|profile| built.ruling(profile));
        for (read, built) in read.rulings.iter().zip(rulings) {
            compare(read, built, &table);
        }
    }
}

fn compare(read: &parse::Ruling, built: syscalls::Ruling, table: &parse::Table) {
    match (read, built) {
        (parse::Ruling::Plain(read), syscalls::Ruling::Plain(built)) => {
            assert_eq!(verdict(*read), built);
        }
        (parse::Ruling::Rule(name), syscalls::Ruling::Rule(built)) => {
            let rule = &table.rules[name];
            assert_eq!((name.as_str(), verdict(rule.otherwise)), (built.name, built.otherwise));
            assert_eq!(rule.cases.len(), built.cases.len());
            for ((read, then), built) in rule.cases.iter().zip(built.cases) {
                assert_eq!((verdict(*then), read.why.as_str()), (built.verdict, built.why));
                assert_eq!(conditions(read), conditions_built(built));
            }
        }
        other => panic!("{other:?}"),
    }
}

fn verdict(read: parse::Verdict) -> syscalls::Verdict {
    match read {
        parse::Verdict::Allow => syscalls::Verdict::Allow,
        parse::Verdict::Errno(number) => syscalls::Verdict::Errno(number),
    }
}

fn conditions(case: &parse::Case) -> Vec<(u8, bool, u32, Vec<u32>)> {
    let condition =
        |c: &parse::Condition| (c.arg, c.half == parse::Half::High, c.mask, c.values.clone());
    case.when.iter().map(condition).collect()
}

fn conditions_built(case: &syscalls::Case) -> Vec<(u8, bool, u32, Vec<u32>)> {
    let condition = |c: &syscalls::Condition| {
        (c.arg, c.half == syscalls::Half::High, c.mask, c.values.to_vec())
    };
    case.conditions.iter().map(condition).collect()
}

/// A small table, with its parts to be replaced.
fn defect(from: &str, to: &str) -> Result<parse::Table, TableError> {
    let calls = r#"
        [rules.half]
        otherwise = "EPERM"
        cases = [{ when = [{ arg = 1, mask = 0xf, values = [1, 2] }], then = "allow", why = "some" }]
        [calls]
        read = { verdict = "allow", strict = "EPERM", reason = "reads" }
        open = { verdict = "rule half", reason = "opens" }
    "#;
    let numbers = "read = [0, 63]\nopen = [2, -1]\n";
    assert!(from.is_empty() || calls.contains(from) || numbers.contains(from), "{from}");
    parse::table(&calls.replace(from, to), &numbers.replace(from, to))
}

macro_rules! finds {
    ($($name:ident: $from:literal => $to:literal is $error:pat,)+) => {$(
        #[test]
        fn $name() {
            let found = defect($from, $to);
            assert!(matches!(found, Err($error)), "{found:?}");
        }
    )+};
}

finds! {
    text_that_is_not_toml: "[calls]" => "[calls" is TableError::Syntax { .. },
    a_key_that_there_is_not: "reason = \"opens\"" => "reason = \"opens\", comapt = \"allow\"" is TableError::Syntax { .. },
    a_call_that_is_there_twice: "open =" => "read =" is TableError::Syntax { .. },
    a_value_that_is_too_large: "[1, 2]" => "[0x100000000]" is TableError::Syntax { .. },
    a_verdict_that_there_is_not: "\"allow\", strict" => "\"maybe\", strict" is TableError::UnknownVerdict { .. },
    an_error_that_there_is_not: "\"EPERM\", reason" => "\"EPERMM\", reason" is TableError::UnknownVerdict { .. },
    a_rule_that_there_is_not: "rule half" => "rule whole" is TableError::UnknownRule { .. },
    a_rule_that_nobody_names: "\"rule half\"" => "\"allow\"" is TableError::UnusedRule { .. },
    an_argument_that_there_is_not: "arg = 1" => "arg = 6" is TableError::Condition { .. },
    a_value_outside_the_mask: "[1, 2]" => "[1, 16]" is TableError::Condition { .. },
    a_value_that_is_there_twice: "[1, 2]" => "[1, 1]" is TableError::Condition { .. },
    a_condition_without_values: "[1, 2]" => "[]" is TableError::Condition { .. },
    a_mask_without_bits: "0xf, values = [1, 2]" => "0, values = [0]" is TableError::Condition { .. },
    a_case_without_conditions: "[{ arg = 1, mask = 0xf, values = [1, 2] }]" => "[]" is TableError::Condition { .. },
    a_call_without_a_reason: "\"reads\"" => "\" \"" is TableError::Reason { .. },
    a_case_without_a_reason: "\"some\"" => "\"\"" is TableError::Reason { .. },
    an_override_that_changes_nothing: "strict = \"EPERM\"" => "strict = \"allow\"" is TableError::Redundant { .. },
    a_call_without_a_number: "open = [2, -1]" => "" is TableError::Unpaired { .. },
    a_number_without_a_call: "open = [2, -1]" => "open = [2, -1]\nclose = [3, 57]" is TableError::Unpaired { .. },
    a_number_that_is_taken: "[2, -1]" => "[0, -1]" is TableError::Number { .. },
    a_number_below_none: "[2, -1]" => "[2, -2]" is TableError::Number { .. },
    a_call_that_exists_nowhere: "[2, -1]" => "[-1, -1]" is TableError::Number { .. },
}

#[test]
fn without_defect_the_small_table_is_taken() {
    let table = defect("", "").unwrap();
    let names: Vec<_> = table.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["open", "read"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(calls in ".{0,200}", numbers in ".{0,80}") {
        let _ = parse::table(&calls, &numbers);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(at in 0..CALLS.len(), junk in "[ -~\n]{0,12}", cut in 0_usize..40) {
        let start = CALLS.floor_char_boundary(at);
        let end = CALLS.floor_char_boundary((start + cut).min(CALLS.len()));
        let damaged = format!("{}{junk}{}", &CALLS[..start], &CALLS[end..]);
        let _ = parse::table(&damaged, NUMBERS);
    }
}
