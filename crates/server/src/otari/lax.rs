//! Values of requests, read as leniently as clients of the session protocol are used
//! to, and refused in the same words. Pure.

use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};

use super::wrong::{Problem, Step};

const INTEGER: &str = "Input should be a valid integer";

/// An object that is read field by field; what is wrong with any of them is kept.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    place: &'static [Step],
    pub(super) problems: Vec<Problem>,
}

/// How to read a value.
pub(super) type Read<'a, T> = &'a dyn Fn(&Value) -> Result<T, Vec<Problem>>;

impl<'a> Fields<'a> {
    /// The fields of an object that has this place in a request.
    ///
    /// # Errors
    /// It is no object.
    pub(super) fn of(value: &'a Value, place: &'static [Step]) -> Result<Self, Problem> {
        let wrong = || {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            at(place, Problem::new("model_attributes_type", msg, value))
        };
        let object = value.as_object().ok_or_else(wrong)?;
        Ok(Self { object, place, problems: Vec::new() })
    }

    /// A field that has to be there.
    pub(super) fn required<T>(&mut self, name: &'static str, read: Read<'_, T>) -> Option<T> {
        let Some(value) = self.object.get(name) else {
            let input = Value::Object(self.object.clone());
            self.note(name, vec![Problem::new("missing", "Field required", &input)]);
            return None;
        };
        self.read(name, value, read)
    }

    /// A field that may be left out, but is not `null`.
    pub(super) fn optional<T>(&mut self, name: &'static str, read: Read<'_, T>) -> Option<T> {
        let value = self.object.get(name)?;
        self.read(name, value, read)
    }

    /// A field that may be left out or `null`.
    pub(super) fn nullable<T>(&mut self, name: &'static str, read: Read<'_, T>) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        self.read(name, value, read)
    }

    fn read<T>(&mut self, name: &'static str, value: &Value, read: Read<'_, T>) -> Option<T> {
        match read(value) {
            Ok(value) => Some(value),
            Err(problems) => {
                self.note(name, problems);
                None
            }
        }
    }

    fn note(&mut self, name: &'static str, problems: Vec<Problem>) {
        let placed = problems.into_iter().map(|problem| problem.below(Step::Field(name)));
        self.problems.extend(placed.map(|problem| at(self.place, problem)));
    }
}

fn at(place: &[Step], problem: Problem) -> Problem {
    place.iter().rev().fold(problem, |problem, step| problem.below(step.clone()))
}

/// A whole number: also one that is written as text, or with nothing but zeros behind
/// its point.
pub(super) fn integer(value: &Value) -> Result<i64, Vec<Problem>> {
    let wrong = |kind, msg: String| Err(vec![Problem::new(kind, msg, value)]);
    match value {
        Value::Bool(truth) => Ok(i64::from(*truth)),
        Value::Number(number) => whole(number).map_or_else(
            || {
                let msg = format!("{INTEGER}, got a number with a fractional part");
                wrong("int_from_float", msg)
            },
            Ok,
        ),
        Value::String(text) => parse(text).map_or_else(
            || wrong("int_parsing", format!("{INTEGER}, unable to parse string as an integer")),
            Ok,
        ),
        _ => wrong("int_type", INTEGER.to_owned()),
    }
}

/// A whole number within bounds.
pub(super) fn within(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Result<i64, Vec<Problem>> {
    move |value| {
        let number = integer(value)?;
        let (least, most) = (*range.start(), *range.end());
        let wrong = |kind, words: &str, name, limit: i64| {
            let msg = format!("Input should be {words} than or equal to {limit}");
            Err(vec![Problem::new(kind, msg, value).limit(name, limit)])
        };
        if number < least {
            return wrong("greater_than_equal", "greater", "ge", least);
        }
        if number > most {
            return wrong("less_than_equal", "less", "le", most);
        }
        Ok(number)
    }
}

/// The number, if it is whole; the largest there is for those that are larger.
fn whole(number: &Number) -> Option<i64> {
    if let Some(number) = number.as_i64() {
        return Some(number);
    }
    let number = number.as_f64()?;
    let text = format!("{number:.0}");
    let largest = if number < 0.0 { i64::MIN } else { i64::MAX };
    (number.fract() == 0.0).then(|| text.parse().unwrap_or(largest))
}

fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, rest)| {
        if !rest.is_empty() && rest.bytes().all(|byte| byte == b'0') { whole } else { "" }
    });
    whole.parse().ok()
}

/// A text.
pub(super) fn string(value: &Value) -> Result<String, Vec<Problem>> {
    let wrong = || vec![Problem::new("string_type", "Input should be a valid string", value)];
    value.as_str().map(str::to_owned).ok_or_else(wrong)
}

/// A text of so many characters.
pub(super) fn sized(
    range: RangeInclusive<usize>,
) -> impl Fn(&Value) -> Result<String, Vec<Problem>> {
    move |value| {
        let text = string(value)?;
        size(&text, &range).map_err(|problem| vec![problem])?;
        Ok(text)
    }
}

/// Says what is wrong with a text's size.
pub(super) fn size(text: &str, range: &RangeInclusive<usize>) -> Result<(), Problem> {
    let count = text.chars().count();
    let wrong = |kind, words: &str, name, limit: usize| {
        let plural = if limit == 1 { "" } else { "s" };
        let msg = format!("String should have at {words} {limit} character{plural}");
        Err(Problem::new(kind, msg, &Value::from(text)).limit(name, limit))
    };
    if count < *range.start() {
        return wrong("string_too_short", "least", "min_length", *range.start());
    }
    if count > *range.end() {
        return wrong("string_too_long", "most", "max_length", *range.end());
    }
    Ok(())
}

/// One of some texts, as its number among them.
pub(super) fn literal(
    texts: &'static [&'static str],
) -> impl Fn(&Value) -> Result<usize, Vec<Problem>> {
    move |value| {
        let found = value.as_str().and_then(|text| texts.iter().position(|each| *each == text));
        found.ok_or_else(|| {
            let expected = either(texts);
            let msg = format!("Input should be {expected}");
            vec![Problem::new("literal_error", msg, value).limit("expected", expected)]
        })
    }
}

/// `'a', 'b' or 'c'`
fn either(texts: &[&str]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("'{text}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// An object.
pub(super) fn object(value: &Value) -> Result<Value, Vec<Problem>> {
    let wrong = || vec![Problem::new("dict_type", "Input should be a valid dictionary", value)];
    value.is_object().then(|| value.clone()).ok_or_else(wrong)
}

/// A list of what is read alike.
pub(super) fn list<T>(
    read: impl Fn(&Value) -> Result<T, Vec<Problem>>,
) -> impl Fn(&Value) -> Result<Vec<T>, Vec<Problem>> {
    move |value| {
        let wrong = || vec![Problem::new("list_type", "Input should be a valid list", value)];
        let items = value.as_array().ok_or_else(wrong)?;
        let (mut found, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) => found.push(item),
                Err(wrong) => {
                    problems.extend(wrong.into_iter().map(|each| each.below(Step::Item(index))));
                }
            }
        }
        if problems.is_empty() { Ok(found) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn kind<T: std::fmt::Debug>(read: Result<T, Vec<Problem>>) -> String {
        let problems = read.unwrap_err();
        serde_json::to_value(&problems[0]).unwrap()["type"].as_str().unwrap().to_owned()
    }

    #[test]
    fn numbers_are_read_leniently() {
        for value in [json!(60), json!("60"), json!(60.0), json!(" 60 "), json!("60.0")] {
            assert_eq!(integer(&value), Ok(60), "{value}");
        }
        assert_eq!(integer(&json!(true)), Ok(1));
        assert_eq!(integer(&json!(1e300)), Ok(i64::MAX));
        assert_eq!(integer(&json!(u64::MAX)), Ok(i64::MAX));
        assert_eq!(integer(&json!(-1e300)), Ok(i64::MIN));
        let table = [
            (json!(60.5), "int_from_float"),
            (json!("60.5"), "int_parsing"),
            (json!("60."), "int_parsing"),
            (json!("x"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!(null), "int_type"),
            (json!([]), "int_type"),
        ];
        for (value, expected) in table {
            assert_eq!(kind(integer(&value)), expected, "{value}");
        }
    }

    #[test]
    fn bounds_are_named() {
        let read = within(1..=120);
        assert_eq!((read(&json!(1)), read(&json!(120))), (Ok(1), Ok(120)));
        let problem = |value| serde_json::to_value(&read(&value).unwrap_err()[0]).unwrap();
        let least = problem(json!(0));
        assert_eq!(least["msg"], "Input should be greater than or equal to 1");
        assert_eq!(least["ctx"], json!({"ge": 1}));
        assert_eq!(problem(json!(121))["type"], "less_than_equal");
    }

    #[test]
    fn texts_have_their_size_in_characters() {
        let read = sized(1..=3);
        assert_eq!(read(&json!("\u{e9}\u{e9}\u{e9}")), Ok("\u{e9}\u{e9}\u{e9}".to_owned()));
        assert_eq!(kind(read(&json!(""))), "string_too_short");
        assert_eq!(kind(read(&json!("abcd"))), "string_too_long");
        assert_eq!(kind(read(&json!(5))), "string_type");
    }

    #[test]
    fn choices_are_listed() {
        assert_eq!(either(&["a"]), "'a'");
        assert_eq!(either(&["a", "b"]), "'a' or 'b'");
        assert_eq!(either(&["a", "b", "c"]), "'a', 'b' or 'c'");
        assert_eq!(literal(&["a", "b"])(&json!("b")), Ok(1));
        assert_eq!(kind(literal(&["a", "b"])(&json!(null))), "literal_error");
    }

    #[test]
    fn fields_are_missing_absent_null_or_wrong() {
        const BODY: &[Step] = &[Step::Field("body")];
        let value = json!({"null": null, "wrong": [1, "x"], "good": "5"});
        let mut fields = Fields::of(&value, BODY).unwrap();
        assert_eq!(fields.required("good", &integer), Some(5));
        assert_eq!(fields.optional("absent", &integer), None);
        assert_eq!(fields.nullable("null", &integer), None);
        assert!(fields.problems.is_empty());
        assert_eq!(fields.required("absent", &integer), None);
        assert_eq!(fields.optional("null", &integer), None);
        assert_eq!(fields.required("wrong", &list(integer)), None);
        let places: Vec<_> = fields
            .problems
            .iter()
            .map(|problem| serde_json::to_value(problem).unwrap()["loc"].clone())
            .collect();
        let expected =
            [json!(["body", "absent"]), json!(["body", "null"]), json!(["body", "wrong", 1])];
        assert_eq!(places, expected);
        assert!(Fields::of(&json!([]), BODY).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_text_and_no_number_panics(text in "\\PC{0,12}", number in any::<f64>()) {
            let _ = integer(&json!(text));
            let _ = integer(&json!(number));
            if number.fract() == 0.0 && number.abs() < 1e15 {
                prop_assert!(integer(&json!(number)).is_ok());
            }
        }
    }
}
