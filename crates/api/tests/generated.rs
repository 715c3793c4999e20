//! Requests made at random from the tables: valid ones mean the same in both forms, and none ever panics.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_api::{
    Action, Code, FieldInfo, Format, Input, WireType, actions, decode, flatten, for_each_action, normalise,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Values that the field accepts.
fn valid(field: &'static FieldInfo, wire: WireType) -> BoxedStrategy<Value> {
    match wire {
        WireType::Double => unreachable!("no request has one"),
        WireType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        WireType::String if !field.values.is_empty() => select(field.values).prop_map(Value::from).boxed(),
        WireType::String => match field.format {
            Some(Format::Domains) => Just(json!("*.a.example,b.example")).boxed(),
            Some(Format::IpAddresses) => Just(json!("10.0.0.1,::1")).boxed(),
            Some(Format::Retention) => select(&["5m", "1h30m", "1000"][..]).prop_map(Value::from).boxed(),
            None => text(field.min_length.max(1), field.max_length.min(20)),
        },
        WireType::Uint64 if !field.one_of.is_empty() => select(field.one_of).prop_map(Value::from).boxed(),
        WireType::Uint64 => {
            let min = field.min.map_or(0, |min| u64::try_from(min).unwrap());
            let max = field.max.map_or(u64::MAX, |max| u64::try_from(max).unwrap());
            (min..=max).prop_map(Value::from).boxed()
        }
        WireType::Int64 => {
            let min = field.min.map_or(i64::MIN, |min| i64::try_from(min).unwrap());
            let max = field.max.map_or(i64::MAX, |max| i64::try_from(max).unwrap());
            (min..=max).prop_map(Value::from).boxed()
        }
        WireType::Struct(info) => object(info.fields, &[]),
        WireType::Array(item) => {
            let element = match item {
                WireType::Struct(info) => object(info.fields, field.filter_names),
                other => valid(field, *other),
            };
            vec(element, field.min_items.max(1)..=field.max_items.min(4)).prop_map(Value::from).boxed()
        }
    }
}

fn text(min: usize, max: usize) -> BoxedStrategy<Value> {
    vec(any::<char>().prop_filter("no control characters", |c| !c.is_control()), min..=max)
        .prop_map(|characters| Value::from(characters.into_iter().collect::<String>()))
        .boxed()
}

/// An object with all required fields and some of the others. An empty one cannot be flattened, so it is null.
fn object(fields: &'static [FieldInfo], filter_names: &'static [&'static str]) -> BoxedStrategy<Value> {
    let mut whole = Just(Map::new()).boxed();
    for field in fields {
        let value = if field.name == "Name" && !filter_names.is_empty() {
            select(filter_names).prop_map(Value::from).boxed()
        } else {
            valid(field, field.wire)
        };
        let value = if field.required { value } else { prop_oneof![Just(Value::Null), value].boxed() };
        whole = (whole, value)
            .prop_map(|(mut object, value)| {
                if !value.is_null() {
                    object.insert(field.name.to_owned(), value);
                }
                object
            })
            .boxed();
    }
    whole.prop_map(|object| if object.is_empty() { Value::Null } else { Value::Object(object) }).boxed()
}

fn same_in_both_forms<A: Action>(request: &Value) -> Result<(), TestCaseError> {
    let body = if request.is_null() { json!({}) } else { request.clone() };
    let from_json = decode::<A>(Input::Json(body.to_string().as_bytes()));
    let from_pairs = decode::<A>(Input::Flattened(&flatten(&body)));
    prop_assert!(from_json.is_ok(), "{}: {:?} {body}", A::INFO.name, from_json);
    prop_assert_eq!(from_json, from_pairs, "{}", A::INFO.name);
    Ok(())
}

#[test]
fn a_valid_request_decodes_to_the_same_value_from_json_and_from_flattened_keys() {
    fn check<A: Action>() {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner.run(&object(A::INFO.request, &[]), |request| same_in_both_forms::<A>(&request)).unwrap();
    }
    macro_rules! all {
        ($($action:ident),* $(,)?) => { $(check::<cetcd_api::actions::$action>();)* };
    }
    for_each_action!(all);
}

/// A small generator with a seed, so that a failure is found again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "1",
    "-1",
    "1.5",
    "1e999",
    "\"Name\"",
    "\"Size\"",
    "\"SubnetIds\"",
    "\"Filters\"",
    "\"Values\"",
    "\"AdvancedSettings\"",
    "\"InstanceId\"",
    "\"\\ud800\"",
    "\"é\"",
    "\u{0}",
    " ",
    "18446744073709551616",
    "{\"Filters\":[{",
    "}]}",
];

const KEYS: &[&str] = &[
    "Name",
    "Size",
    "SubnetIds",
    "Filters",
    "Values",
    "0",
    "1",
    "99",
    "100",
    "18446744073709551616",
    "-1",
    "",
    "00",
    "AdvancedSettings",
    "BackupSettings",
    "BackupInterval",
    "InstanceId",
    "InstanceIds",
    "é",
    "Limit",
];

/// A body that is an example with a few bytes changed, or pieces of JSON at random.
fn body(random: &mut Random, example: &str) -> Vec<u8> {
    if random.below(2) == 0 {
        let mut body = example.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let place = random.below(body.len());
            match random.below(3) {
                0 => body[place] = random.next().to_le_bytes()[0],
                1 => drop(body.splice(place..place, random.pick(PIECES).bytes())),
                _ => body.truncate(place.max(1)),
            }
        }
        body
    } else {
        (0..random.below(30)).flat_map(|_| random.pick(PIECES).bytes()).collect()
    }
}

#[test]
fn ten_thousand_random_bodies_neither_panic_nor_blame_the_server() {
    let mut random = Random(0x00ce_7cd2_0220_325d);
    let mut refused = 0;
    for _ in 0..10_000 {
        let info = actions()[random.below(actions().len())];
        let pairs: Vec<_> = (0..random.below(6))
            .map(|_| {
                let key = (0..=random.below(4)).map(|_| random.pick(KEYS)).collect::<Vec<_>>().join(".");
                (key, random.pick(PIECES).to_owned())
            })
            .collect();
        let body = body(&mut random, info.example_request);
        for input in [Input::Json(&body), Input::Flattened(&pairs)] {
            if let Err(error) = normalise(info, input) {
                refused += 1;
                let expected = [
                    Code::InvalidParameter,
                    Code::InvalidParameterValue,
                    Code::MissingParameter,
                    Code::UnknownParameter,
                ];
                assert!(expected.contains(&error.code()), "{error}");
            }
        }
    }
    assert!(refused > 10_000, "only {refused} were refused: the generator is too kind");
}

#[test]
fn what_the_tables_accept_the_type_accepts() {
    fn check<A: Action>(random: &mut Random) {
        for _ in 0..500 {
            let body = body(random, A::INFO.example_request);
            if let Err(error) = decode::<A>(Input::Json(&body)) {
                assert_ne!(error.code(), Code::InternalError, "{}", String::from_utf8_lossy(&body));
            }
        }
    }
    let mut random = Random(7);
    macro_rules! all {
        ($($action:ident),* $(,)?) => { $(check::<cetcd_api::actions::$action>(&mut random);)* };
    }
    for_each_action!(all);
}
