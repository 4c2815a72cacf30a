//! What a node may do to the receipts of a block.

#![expect(clippy::ptr_arg, reason = "every kind of tampering has one type")]

use fastrand::Rng;
use serde_json::{Value, json};

/// Kinds of tampering.
pub(crate) const KINDS: [Tamper; 12] = [
    drop_log,
    drop_last_log,
    drop_receipt,
    drop_last_receipt,
    drop_all,
    change_amount,
    change_address,
    change_topic,
    swap_logs,
    swap_receipts,
    repeat_log,
    change_outcome,
];

/// Changes receipts. False if there was nothing to change in this way.
pub(crate) type Tamper = fn(&mut Vec<Value>, &mut Rng) -> bool;

/// Logs of a random receipt that has `at_least` logs or more.
fn logs<'a>(
    receipts: &'a mut [Value],
    rng: &mut Rng,
    at_least: usize,
) -> Option<&'a mut Vec<Value>> {
    let all = receipts.iter_mut().filter_map(|receipt| receipt["logs"].as_array_mut());
    let mut all: Vec<_> = all.filter(|logs| logs.len() >= at_least).collect();
    if all.is_empty() { None } else { Some(all.swap_remove(rng.usize(..all.len()))) }
}

fn change_log(receipts: &mut [Value], rng: &mut Rng, change: impl FnOnce(&mut Value)) -> bool {
    let Some(logs) = logs(receipts, rng, 1) else { return false };
    let at = rng.usize(..logs.len());
    change(&mut logs[at]);
    true
}

/// As if it had never been: later logs move up.
fn renumber(receipts: &mut [Value]) {
    let logs = receipts.iter_mut().filter_map(|receipt| receipt["logs"].as_array_mut()).flatten();
    for (index, log) in logs.enumerate() {
        log["logIndex"] = json!(format!("{index:#x}"));
    }
    for (index, receipt) in receipts.iter_mut().enumerate() {
        receipt["transactionIndex"] = json!(format!("{index:#x}"));
    }
}

fn drop_log(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let Some(logs) = logs(receipts, rng, 1) else { return false };
    logs.remove(rng.usize(..logs.len()));
    renumber(receipts);
    true
}

fn drop_last_log(receipts: &mut Vec<Value>, _: &mut Rng) -> bool {
    let last = receipts.iter_mut().rev().filter_map(|receipt| receipt["logs"].as_array_mut());
    last.filter_map(Vec::pop).next().is_some()
}

fn drop_receipt(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    if receipts.is_empty() {
        return false;
    }
    receipts.remove(rng.usize(..receipts.len()));
    renumber(receipts);
    true
}

fn drop_last_receipt(receipts: &mut Vec<Value>, _: &mut Rng) -> bool {
    receipts.pop().is_some()
}

fn drop_all(receipts: &mut Vec<Value>, _: &mut Rng) -> bool {
    !std::mem::take(receipts).is_empty()
}

fn change_amount(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let amount = format!("0x{:064x}", rng.u64(1_000_000..));
    change_log(receipts, rng, |log| log["data"] = json!(amount))
}

fn change_address(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    change_log(receipts, rng, |log| log["address"] = json!(format!("0x{:040x}", 0x99)))
}

fn change_topic(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let topic = rng.usize(..3);
    change_log(receipts, rng, |log| log["topics"][topic] = json!(format!("0x{:064x}", 0x99)))
}

fn swap_logs(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let Some(logs) = logs(receipts, rng, 2) else { return false };
    logs.swap(0, 1);
    renumber(receipts);
    true
}

fn swap_receipts(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    if receipts.len() < 2 {
        return false;
    }
    let lower = rng.usize(..receipts.len() - 1);
    receipts.swap(lower, lower + 1);
    renumber(receipts);
    true
}

fn repeat_log(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let Some(logs) = logs(receipts, rng, 1) else { return false };
    let at = rng.usize(..logs.len());
    logs.insert(at, logs[at].clone());
    renumber(receipts);
    true
}

fn change_outcome(receipts: &mut Vec<Value>, rng: &mut Rng) -> bool {
    let Some(receipt) = rng.choice(receipts) else { return false };
    receipt["status"] = json!(if receipt["status"] == "0x1" { "0x0" } else { "0x1" });
    true
}
