//! Random sequences of operations on one thread, against the std `HashMap`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, Consistency, HashBuilder, Key, MapHandle, Operation, Strategy, StrategyInfo, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::FewValues;

/// Keys and values of a model test, made from small numbers so that operations meet.
pub trait Case {
    /// The key type.
    type Key: Key;
    /// The value type.
    type Value: Value;
    /// The key of a number.
    fn key(n: u8) -> Self::Key;
    /// The value of a number; different numbers, different values.
    fn value(n: u8) -> Self::Value;
    /// A value that depends on another.
    fn next(value: &Self::Value) -> Self::Value;
}

impl Case for (u64, u64) {
    type Key = u64;
    type Value = u64;
    fn key(n: u8) -> u64 {
        u64::from(n)
    }
    fn value(n: u8) -> u64 {
        u64::from(n)
    }
    fn next(value: &u64) -> u64 {
        value.wrapping_mul(3).wrapping_add(1)
    }
}

impl Case for (String, String) {
    type Key = String;
    type Value = String;
    fn key(n: u8) -> String {
        format!("key {n}")
    }
    fn value(n: u8) -> String {
        format!("value {n}")
    }
    fn next(value: &String) -> String {
        value.chars().rev().chain(['+']).collect()
    }
}

impl Case for ((u64, u64), Vec<u8>) {
    type Key = (u64, u64);
    type Value = Vec<u8>;
    fn key(n: u8) -> (u64, u64) {
        (u64::from(n % 4), u64::from(n / 4))
    }
    fn value(n: u8) -> Vec<u8> {
        vec![n; usize::from(n % 5)].into_iter().chain([n]).collect()
    }
    fn next(value: &Vec<u8>) -> Vec<u8> {
        value.iter().map(|byte| byte.wrapping_add(1)).collect()
    }
}

/// Keys that operations draw from.
const KEYS: u8 = 24;

type Step = (Operation, u8, u8, u8);

fn steps() -> impl proptest::strategy::Strategy<Value = (Vec<u8>, Vec<Step>)> {
    let prefill = prop::collection::vec(0..KEYS, 0..usize::from(KEYS));
    let step = (prop::sample::select(&Operation::ALL[..]), 0..KEYS, 0..8_u8, 0..8_u8);
    (prefill, prop::collection::vec(step, 0..120))
}

/// Compares a strategy with the std `HashMap` over random sequences of all operations that it has: every result, every
/// value that a closure sees, and the whole contents; with a good hasher and with one whose keys collide.
///
/// # Panics
/// When they differ; the message holds the shortest sequence found.
pub fn model<S: Strategy, C: Case>() {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&steps(), |(prefill, steps)| {
        sequence::<S, C, _>(FixedState::with_seed(1), &prefill, &steps)?;
        sequence::<S, C, _>(FewValues(FixedState::with_seed(2)), &prefill, &steps)
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", S::INFO.name);
    }
}

fn sequence<S: Strategy, C: Case, H: HashBuilder>(hasher: H, prefill: &[u8], steps: &[Step]) -> TestCaseResult {
    let entries = || prefill.iter().enumerate().map(|(i, key)| (C::key(*key), C::value(i as u8)));
    let map = S::build(prefill.len() / 2, hasher, entries());
    let mut model: HashMap<C::Key, C::Value> = entries().collect();
    let mut handle = map.handle();
    same::<C, _>(&mut handle, &model, &S::INFO)?;
    for step in steps {
        if S::INFO.lacks(step.0).is_none() {
            apply::<C, _>(&mut handle, &mut model, *step)?;
            // What a published map has taken in is seen after the next publish only.
            if S::INFO.consistency == Consistency::Published || step.3 == 0 {
                handle.quiesce();
            }
        }
    }
    same::<C, _>(&mut handle, &model, &S::INFO)
}

fn apply<C: Case, M: MapHandle<C::Key, C::Value>>(
    handle: &mut M,
    model: &mut HashMap<C::Key, C::Value>,
    (operation, key, first, second): Step,
) -> TestCaseResult {
    let key = C::key(key);
    let before = model.get(&key).cloned();
    // A closure may run more than once, but on one thread it only ever sees the value that is there.
    let seen = RefCell::new(Vec::new());
    let next = |value: &C::Value| {
        seen.borrow_mut().push(value.clone());
        C::next(value)
    };
    let said: Said<C> = match operation {
        Operation::Read => Said::Value(handle.read(&key, C::Value::clone)),
        Operation::Insert => Said::Flag(handle.insert(key.clone(), C::value(first))),
        Operation::InsertNew => Said::Flag(handle.insert_new(key.clone(), C::value(first))),
        Operation::Remove => Said::Flag(handle.remove(&key)),
        Operation::Update => Said::Flag(handle.update(&key, next)),
        Operation::Upsert => Said::Flag(handle.upsert(key.clone(), C::value(first), next)),
        Operation::CompareExchange => {
            let expected = if second < 4 { before.clone().unwrap_or(C::value(first)) } else { C::value(second) };
            let said = handle.compare_exchange(&key, &expected, C::value(first));
            let wanted = match &before {
                Some(value) if *value == expected => Ok(()),
                other => Err(other.clone()),
            };
            prop_assert_eq!(&said, &wanted, "compare_exchange of {:?}", key);
            if said.is_ok() {
                model.insert(key.clone(), C::value(first));
            }
            return Ok(());
        }
        Operation::ForEach | Operation::Len => return contents(handle, model, operation),
    };
    let wanted: Said<C> = match operation {
        Operation::Read => Said::Value(before.clone()),
        Operation::Insert => Said::Flag(model.insert(key.clone(), C::value(first)).is_none()),
        Operation::InsertNew => {
            model.entry(key.clone()).or_insert_with(|| C::value(first));
            Said::Flag(before.is_none())
        }
        Operation::Remove => Said::Flag(model.remove(&key).is_some()),
        Operation::Update => {
            model.entry(key.clone()).and_modify(|value| *value = C::next(value));
            Said::Flag(before.is_some())
        }
        _ => {
            model.entry(key.clone()).and_modify(|value| *value = C::next(value)).or_insert_with(|| C::value(first));
            Said::Flag(before.is_none())
        }
    };
    prop_assert!(said == wanted, "{} of {:?} said {:?}, not {:?}", operation, key, said, wanted);
    let seen = seen.into_inner();
    prop_assert!(seen.iter().all(|value| Some(value) == before.as_ref()), "{} saw {:?}", operation, seen);
    Ok(())
}

enum Said<C: Case> {
    Value(Option<C::Value>),
    Flag(bool),
}

impl<C: Case> PartialEq for Said<C> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Said::Value(a), Said::Value(b)) => a == b,
            (Said::Flag(a), Said::Flag(b)) => a == b,
            _ => false,
        }
    }
}

impl<C: Case> Debug for Said<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Value(value) => value.fmt(f),
            Said::Flag(flag) => flag.fmt(f),
        }
    }
}

fn same<C: Case, M: MapHandle<C::Key, C::Value>>(
    handle: &mut M,
    model: &HashMap<C::Key, C::Value>,
    info: &StrategyInfo,
) -> TestCaseResult {
    for key in (0..KEYS).map(C::key) {
        let read = handle.read(&key, C::Value::clone);
        prop_assert_eq!(read.as_ref(), model.get(&key), "read of {:?}", key);
    }
    for operation in [Operation::ForEach, Operation::Len] {
        if info.lacks(operation).is_none() {
            contents(handle, model, operation)?;
        }
    }
    Ok(())
}

fn contents<K: Key, V: Value, M: MapHandle<K, V>>(
    handle: &mut M,
    model: &HashMap<K, V>,
    operation: Operation,
) -> TestCaseResult {
    if operation == Operation::Len {
        prop_assert_eq!(handle.len(), model.len());
        prop_assert_eq!(handle.is_empty(), model.is_empty());
        return Ok(());
    }
    let mut seen = Vec::new();
    handle.for_each(|key, value| seen.push((key.clone(), value.clone())));
    prop_assert_eq!(seen.len(), model.len(), "for_each visits {:?}", seen);
    let seen: HashMap<K, V> = seen.into_iter().collect();
    prop_assert_eq!(&seen, model);
    Ok(())
}
