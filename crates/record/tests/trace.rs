//! What is recorded is what is read.
#![cfg(feature = "record")]

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufReader, Write};
use std::sync::{Arc, Mutex, mpsc};

use mapbench_record::{MAGIC, Record, Recorded, Recorder, records};
use mapbench_workload::OpKind;

fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let all = records(BufReader::new(bytes)).map_err(|error| error.to_string())?;
    all.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[test]
fn every_operation_of_every_thread_is_in_the_trace_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    let map = Recorded::recording_to(Mutex::new(HashMap::new()), Recorder::create(&path).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let map = &map;
            scope.spawn(move || {
                for turn in 0..2_500_u32 {
                    let key = (thread, turn);
                    map.run(OpKind::Insert, &key, turn, |map| map.lock().unwrap().insert(key, turn));
                    map.run(OpKind::Read, &key, 0, |map| assert!(map.lock().unwrap().contains_key(&key)));
                }
            });
        }
    });
    let (map, summary) = map.finish().unwrap();
    assert_eq!(
        (map.into_inner().unwrap().len(), summary.map(|done| (done.recorded, done.dropped))),
        (10_000, Some((20_000, 0)))
    );
    let trace = read(&fs::read(path).unwrap()).unwrap();
    let threads: std::collections::BTreeSet<u16> = trace.iter().map(|record| record.thread).collect();
    assert_eq!((trace.len(), threads.len()), (20_000, 4));
    for thread in threads {
        let own: Vec<&Record> = trace.iter().filter(|record| record.thread == thread).collect();
        assert!(own.windows(2).all(|pair| pair[0].time_ns <= pair[1].time_ns));
        for (turn, pair) in own.chunks(2).enumerate() {
            assert_eq!([pair[0].kind, pair[1].kind], [Some(OpKind::Insert), Some(OpKind::Read)]);
            assert_eq!((pair[0].value_bytes as usize, pair[0].key), (turn, pair[1].key));
        }
    }
}

/// A disk that takes nothing until it is told to.
struct Slow(Arc<Mutex<Vec<u8>>>, Option<mpsc::Receiver<()>>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(wait) = self.1.take() {
            wait.recv().unwrap();
        }
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_slow_disk_costs_operations_and_the_trace_says_how_many() {
    let (go, wait) = mpsc::channel();
    let written = Arc::new(Mutex::new(Vec::new()));
    let recorder = Recorder::writing_to(Slow(Arc::clone(&written), Some(wait)));
    let all = 400_000;
    let record = |turns: std::ops::Range<u64>| turns.for_each(|turn| recorder.record(OpKind::Update, &turn, 8));
    record(0..all / 2);
    go.send(()).unwrap();
    // The disk is back: what was dropped is said once, and not again at the end.
    record(all / 2..all);
    let summary = recorder.finish().unwrap();
    assert!(summary.dropped > 0 && summary.recorded + summary.dropped == all, "{summary:?}");
    let trace = read(&written.lock().unwrap()).unwrap();
    let said: u64 = trace.iter().filter(|record| record.kind.is_none()).map(|record| record.key).sum();
    assert_eq!(said, summary.dropped);
}

#[test]
fn csv_is_read_too() {
    let text = "time,thread,operation,key,value_bytes\n5,0,insert,alice,100\n9,1,read,alice,0\r\n";
    let trace = read(text.as_bytes()).unwrap();
    assert_eq!((trace.len(), trace[0].key), (2, trace[1].key));
    assert_eq!((trace[1].time_ns, trace[1].thread, trace[1].kind), (9, 1, Some(OpKind::Read)));
}

#[test]
fn a_wrong_record_is_named() {
    let head = "time,thread,operation,key,value_bytes\n1,0,read,a,0\n";
    for (line, expected) in [
        ("1,0,read,a", "record 2: 4 fields, not the 5 of time,thread,operation,key,value_bytes"),
        ("x,0,read,a,0", "record 2: the time \"x\" is no number"),
        ("1,0,get,a,0", "record 2: there is no operation \"get\"; there are read, insert, "),
        ("1,70000,read,a,0", "record 2: the thread 70000 is too large: it is at most 65535"),
    ] {
        let error = read(format!("{head}{line}\n").as_bytes()).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let long = format!("{head}1,0,read,{},0\n", "a".repeat(1 << 20));
    assert_eq!(read(long.as_bytes()).unwrap_err(), "record 2: its line is longer than 65536 bytes");
    let record = Record { time_ns: 1, key: 2, value_bytes: 3, thread: 4, kind: Some(OpKind::Remove) };
    let good = [&MAGIC[..], &record.to_bytes()].concat();
    assert_eq!(read(&good).unwrap(), [record]);
    let torn = [&good[..], &[0; 5]].concat();
    assert_eq!(read(&torn).unwrap_err(), "record 2: it is torn: the trace ends within it");
    let mut foreign = good;
    foreign[8 + 22] = 99;
    assert_eq!(read(&foreign).unwrap_err(), "record 1: there is no operation 99");
    assert!(read(b"something else altogether").unwrap_err().starts_with("it is no trace"));
    assert!(read(b"").unwrap_err().starts_with("it is no trace"));
}
