//! Recorded traces: described as a workload, and made into streams.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use mapbench_record::{Record, TraceError, records};
use mapbench_workload::{Load, MAX_KEY_RANGE, OpKind, PackedOp, Stream};

use crate::output;

/// A replay keeps four bytes an operation: more than this is refused.
const MOST_OPERATIONS: u64 = 1 << 28;

/// Why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub(crate) struct ReplayError {
    file: String,
    problem: String,
}

/// What a trace holds, read once from end to end; nothing is kept of it but its keys.
#[derive(Default)]
struct Scan {
    /// Whether a key must have been there at the start, by the hash of the key: its first operation was not one that
    /// inserts.
    keys: HashMap<u64, bool>,
    kinds: [u64; OpKind::ALL.len()],
    threads: u32,
    dropped: u64,
}

fn each(path: &Path, mut work: impl FnMut(Record, OpKind) -> Result<(), String>) -> Result<u64, ReplayError> {
    let failed = |problem: String| ReplayError { file: path.display().to_string(), problem };
    let file = File::open(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let trace = records(BufReader::with_capacity(1 << 20, file)).map_err(|error| failed(error.to_string()))?;
    let mut dropped: u64 = 0;
    for record in trace {
        let record = record.map_err(|error: TraceError| failed(error.to_string()))?;
        match record.kind {
            None => dropped = dropped.saturating_add(record.key),
            Some(kind) => work(record, kind).map_err(failed)?,
        }
    }
    Ok(dropped)
}

fn scan(path: &Path) -> Result<Scan, ReplayError> {
    let mut scan = Scan::default();
    let mut operations = 0;
    let dropped = each(path, |record, kind| {
        operations += 1;
        if operations > MOST_OPERATIONS {
            return Err(format!("it has more than {MOST_OPERATIONS} operations: replay a part of it"));
        }
        if kind != OpKind::Iterate {
            let inserts = matches!(kind, OpKind::Insert | OpKind::InsertNew | OpKind::Upsert);
            scan.keys.entry(record.key).or_insert(!inserts);
            if scan.keys.len() > MAX_KEY_RANGE as usize {
                return Err(format!("it has more than {MAX_KEY_RANGE} keys"));
            }
        }
        scan.kinds[kind as usize] += 1;
        scan.threads = scan.threads.max(u32::from(record.thread) + 1);
        Ok(())
    })?;
    if operations == 0 {
        return Err(ReplayError { file: path.display().to_string(), problem: "it has no operation".to_owned() });
    }
    scan.dropped = dropped;
    Ok(scan)
}

/// A trace as a workload file. Its threads are those recorded; keys and values are 64-bit integers, whatever was recorded.
pub(crate) fn describe(path: &Path) -> Result<String, ReplayError> {
    let scan = scan(path)?;
    if scan.dropped > 0 {
        let dropped = scan.dropped;
        output::aside(format_args!(
            "mapbench: {}: {dropped} operations were dropped while it was recorded",
            path.display()
        ));
    }
    let operations: u64 = scan.kinds.iter().sum();
    let present = scan.keys.values().filter(|present| **present).count();
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let stem: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let file = serde_json::to_string(&path.to_string_lossy()).expect("a string is JSON");
    let mut text = format!(
        "name = \"trace-{stem}\"\nquestion = \"Which map is fastest at what was recorded?\"\nsource = {file}\ntrace = {file}\n\
         population = {present}\nkey_range = {}\noperations = {operations}\nthreads = [{}]\n[mix]\n",
        scan.keys.len().max(1),
        scan.threads.min(1024),
    );
    for (kind, share) in OpKind::ALL.iter().zip(hundredths(&scan.kinds)) {
        if share > 0 {
            text += &format!("{} = {}\n", kind.name(), f64::from(share) / 100.0);
        }
    }
    Ok(text)
}

/// Counts as shares in hundredths of a per cent that add up to the whole; a kind that occurs has at least one.
fn hundredths(counts: &[u64; OpKind::ALL.len()]) -> [u16; OpKind::ALL.len()] {
    let all: u64 = counts.iter().sum();
    let mut shares = counts.map(|count| if count == 0 { 0 } else { (count * 10_000 / all).max(1) as u16 });
    let most = (0..counts.len()).max_by_key(|kind| counts[*kind]).unwrap_or(0);
    let sum: u16 = shares.iter().sum();
    shares[most] = shares[most] + 10_000 - sum;
    shares
}

/// The streams of a load that has a trace: each recorded thread's operations in their order, the threads dealt out in turn.
/// Keys that must have been there at the start have the lowest indices.
pub(crate) fn streams(path: &Path, load: &Load, threads: u32) -> Result<Vec<Stream>, ReplayError> {
    let scanned = scan(path)?;
    let present = scanned.keys.values().filter(|present| **present).count() as u32;
    let operations: u64 = scanned.kinds.iter().sum();
    if Some(operations) != load.operations.map(u64::from) || present != load.population {
        let problem = "it is not the trace that was described: it has changed since".to_owned();
        return Err(ReplayError { file: path.display().to_string(), problem });
    }
    let mut next = [present, 0];
    let mut indices: HashMap<u64, u32> = HashMap::with_capacity(scanned.keys.len());
    let mut ops: Vec<Vec<PackedOp>> = (0..threads).map(|_| Vec::new()).collect();
    each(path, |record, kind| {
        let index = if kind == OpKind::Iterate {
            0
        } else {
            *indices.entry(record.key).or_insert_with(|| {
                let next = &mut next[usize::from(scanned.keys.get(&record.key) == Some(&true))];
                *next += 1;
                *next - 1
            })
        };
        ops[usize::from(record.thread) % threads as usize].push(PackedOp::new(kind, index));
        Ok(())
    })?;
    Ok(ops.into_iter().map(|ops| Stream::once(ops.into())).collect())
}

#[cfg(test)]
mod tests {
    use mapbench_damage::damaged;
    use mapbench_record::MAGIC;
    use mapbench_workload::Workload;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    const CSV: &str = "time,thread,operation,key,value_bytes\n1,0,read,a,0\n2,1,insert,b,50\n3,0,remove,a,0\n4,1,read,b,0\n\
                       5,0,insert_new,a,64\n6,2,update,c,8\n";

    #[test]
    fn a_trace_is_a_workload_and_its_streams_are_its_operations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a \"trace\".csv");
        std::fs::write(&path, CSV).unwrap();
        let text = describe(&path).unwrap();
        let workload = Workload::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).remove(0);
        assert_eq!(workload.name, "trace-a--trace-");
        let load = workload.load(workload.read_pct()[0]);
        // `a` and `c` were there before: their first operations insert nothing.
        assert_eq!((load.population, load.key_range(3), load.operations), (2, 3, Some(6)));
        assert_eq!(load.prefill(3), [0, 1]);
        let streams = streams(&path, &load, 2).unwrap();
        let said =
            |stream: &Stream| -> Vec<(OpKind, u32)> { stream.ops().iter().map(|op| (op.kind(), op.index())).collect() };
        let zero = [(OpKind::Read, 0), (OpKind::Remove, 0), (OpKind::InsertNew, 0), (OpKind::Update, 1)];
        assert_eq!(said(&streams[0]), zero);
        assert_eq!(said(&streams[1]), [(OpKind::Insert, 2), (OpKind::Read, 2)]);
        std::fs::write(&path, CSV.replace("5,0,insert_new,a,64\n", "")).unwrap();
        let Err(error) = super::streams(&path, &load, 2) else { panic!("it has changed") };
        assert!(error.to_string().ends_with("it has changed since"), "{error}");
    }

    #[test]
    fn shares_add_up_and_leave_no_kind_out() {
        for counts in [[1, 0, 0, 0, 0, 0, 0, 1_000_000], [1; 8], [3, 3, 1, 0, 0, 0, 0, 0]] {
            let shares = hundredths(&counts);
            assert_eq!(shares.iter().sum::<u16>(), 10_000);
            assert!(counts.iter().zip(shares).all(|(count, share)| (*count > 0) == (share > 0)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_trace_is_said_with_its_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.csv");
        std::fs::write(&path, CSV.replace("update", "poke")).unwrap();
        let error = describe(&path).unwrap_err().to_string();
        assert!(error.contains("trace.csv: record 6: there is no operation \"poke\""), "{error}");
        std::fs::write(&path, "time,thread,operation,key,value_bytes\n").unwrap();
        assert!(describe(&path).unwrap_err().to_string().ends_with("it has no operation"));
        assert!(describe(&dir.path().join("none")).unwrap_err().to_string().contains("none: cannot be read"));
    }

    /// A damaged trace is a workload that can be replayed, or is refused in one line.
    fn each_is_replayed_or_refused(sound: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace");
        let refused = std::cell::Cell::new(0);
        let outcome = TestRunner::new(ProptestConfig::with_cases(300)).run(&damaged(sound), |bytes| {
            std::fs::write(&path, bytes).unwrap();
            match describe(&path) {
                Ok(text) => {
                    let workload =
                        Workload::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
                    let load = workload[0].load(workload[0].read_pct()[0]);
                    let streams = streams(&path, &load, 2).map_err(|error| TestCaseError::fail(error.to_string()))?;
                    prop_assert_eq!(streams.len(), 2);
                }
                Err(error) => {
                    refused.set(refused.get() + 1);
                    prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
                }
            }
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        let refused = refused.get();
        assert!((50..300).contains(&refused), "{refused} of 300 were refused");
    }

    #[test]
    fn a_damaged_table_is_replayed_or_refused() {
        each_is_replayed_or_refused(CSV.as_bytes());
    }

    #[test]
    fn a_damaged_recording_is_replayed_or_refused() {
        let record = |thread, kind, key| Record { time_ns: key, key, value_bytes: 8, thread, kind };
        let records = [(0, OpKind::Read, 1), (1, OpKind::Insert, 2), (0, OpKind::Remove, 1), (1, OpKind::Update, 2)];
        let mut bytes = MAGIC.to_vec();
        for (thread, kind, key) in records.repeat(4) {
            bytes.extend(record(thread, Some(kind), key).to_bytes());
        }
        bytes.extend(record(0, None, 3).to_bytes());
        // What was dropped is anybody's number, and no sum of two fits.
        bytes.extend(record(0, None, u64::MAX).to_bytes());
        each_is_replayed_or_refused(&bytes);
    }
}
