//! Streams of whole loads: what they promise of hits, of steadiness, and of being the same everywhere.

use std::collections::HashSet;

use mapbench_workload::{Cursor, Load, OpKind, Percent, Stream, Workload, derive_seed};

fn load(fields: &str, mix: &str) -> Load {
    let text = format!("name = \"w\"\nquestion = \"?\"\nsource = \"s\"\n{fields}\n[mix]\n{mix}\n");
    Workload::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))[0].load(Percent::ZERO)
}

/// What the threads' operations do to a set, a batch of each thread after the other.
struct Played {
    reads: u64,
    hits: u64,
    inserted: u64,
    removed: u64,
    present: HashSet<u32>,
}

fn play(load: &Load, threads: u32, operations: usize) -> Played {
    let streams: Vec<Stream> =
        (0..threads).map(|thread| Stream::of(load, threads, thread, derive_seed(7, &[u64::from(thread)]))).collect();
    let mut cursors: Vec<Cursor> = streams.iter().map(Cursor::new).collect();
    let present: HashSet<u32> = load.prefill(threads).into_iter().collect();
    assert_eq!(present.len(), load.population as usize, "the population at the start");
    let mut played = Played { reads: 0, hits: 0, inserted: 0, removed: 0, present };
    let mut left = operations;
    while left > 0 {
        for cursor in &mut cursors {
            for op in cursor.next(100) {
                assert!(u64::from(op.index()) < load.key_range(threads));
                match op.kind() {
                    OpKind::Read => {
                        played.reads += 1;
                        played.hits += u64::from(played.present.contains(&op.index()));
                    }
                    OpKind::Insert | OpKind::InsertNew | OpKind::Upsert => {
                        played.inserted += u64::from(played.present.insert(op.index()));
                    }
                    OpKind::Remove => played.removed += u64::from(played.present.remove(&op.index())),
                    _ => {}
                }
                left = left.saturating_sub(1);
            }
        }
    }
    played
}

#[test]
fn a_hit_rate_holds_whatever_the_threads() {
    for distribution in ["uniform", "scrambled-zipf:0.99", "zipf:0.5", "hot-set:10:90", "partitioned"] {
        for hit_pct in [0, 30, 75, 100] {
            let fields = format!("population = 1000\nhit_pct = {hit_pct}\ndistribution = \"{distribution}\"");
            let load = load(&fields, "read = 50\ninsert = 20\nremove = 20\nupdate = 10");
            for threads in [1, 2, 3, 4, 6, 8] {
                let played = play(&load, threads, 200_000);
                let rate = 100.0 * played.hits as f64 / played.reads as f64;
                // Five standard deviations of 100 000 reads are 0.8 points at most.
                assert!(
                    (rate - f64::from(hit_pct)).abs() < 0.8,
                    "{distribution}, {threads} threads: {rate} not {hit_pct}"
                );
            }
        }
    }
}

#[test]
fn a_queue_stays_as_long_as_it_was_and_its_keys_are_new() {
    let load =
        load("population = 1000\nkey_range = 4000000\ndistribution = \"queue\"", "insert = 45\nremove = 45\nread = 10");
    for threads in [1, 2, 3, 8] {
        let played = play(&load, threads, 1_000_000);
        let len = played.present.len() as u32;
        assert!((1000..=1000 + threads).contains(&len), "{threads} threads: {len} entries");
        assert_eq!(played.hits, played.reads, "a queue's reads find their keys");
        // No key comes twice: every insert adds one.
        assert!((449_000..451_000).contains(&played.inserted), "{}", played.inserted);
        assert_eq!(played.inserted - played.removed + 1000, played.present.len() as u64);
    }
}

#[test]
fn growth_reads_what_is_there_and_ends_as_large_as_it_says() {
    let load = load(
        "population = 0\nkey_range = 262144\noperations = 196608\ndistribution = \"queue\"",
        "read = 5\ninsert = 80\nremove = 5\nupdate = 10",
    );
    for threads in [1, 2, 6] {
        let played = play(&load, threads, 196_608);
        assert!((146_000..149_000).contains(&played.present.len()), "{}", played.present.len());
        assert!(played.hits * 1_000 > played.reads * 998, "{} of {}", played.hits, played.reads);
    }
}

/// The defect that the corrected workloads do not have.
#[test]
fn bustle_s_hit_rate_depends_on_the_threads() {
    let load = load(
        "population = 196608\ncapacity = 262144\noperations = 196608\ndistribution = \"bustle\"",
        "read = 98\ninsert = 1\nremove = 1",
    );
    let rates = [1, 2, 3, 4, 6, 8].map(|threads| {
        let played = play(&load, threads, 196_608);
        (100.0 * played.hits as f64 / played.reads as f64).round()
    });
    // A table is the next power of two of 458 752 keys divided by the threads, and the strides reach a part of it.
    assert_eq!(rates, [34.0, 34.0, 50.0, 34.0, 50.0, 34.0]);
}

#[test]
fn sequential_keys_go_round_without_a_gap() {
    let load = load("population = 1000\nkey_range = 1000\ndistribution = \"sequential\"", "insert = 100");
    for (thread, start) in [(0, 0), (1, 333), (2, 666)] {
        let stream = Stream::of(&load, 3, thread, 1);
        let mut cursor = Cursor::new(&stream);
        let mut seen = Vec::new();
        while seen.len() < 200_000 {
            seen.extend(cursor.next(997).iter().map(|op| op.index()));
        }
        assert!(seen.iter().zip(start..).all(|(index, expected)| *index == expected % 1000));
    }
}

#[test]
fn latest_keys_are_the_newest() {
    let load = load(
        "population = 1000\nkey_range = 3000\noperations = 20000\ndistribution = \"latest:0.99\"",
        "read = 95\ninsert = 5",
    );
    let stream = Stream::of(&load, 1, 0, 1);
    let (mut head, mut newest, mut reads) = (1000, 0, 0);
    for op in stream.ops() {
        if op.kind() == OpKind::Insert {
            assert_eq!(op.index(), head);
            head += 1;
        } else {
            assert!(op.index() < head && op.index() + 1000 >= head);
            reads += 1;
            newest += u32::from(op.index() + 1 == head);
        }
    }
    // The first of a thousand ranks at theta 0.99 has 1/7.71 of the weight.
    let share = f64::from(newest) / f64::from(reads);
    assert!((0.117..0.143).contains(&share), "{share}");
}

#[test]
fn kinds_are_counted_by_place() {
    let load = load("population = 100\nkey_range = 200", "read = 50\ninsert = 25\nremove = 25");
    let stream = Stream::of(&load, 1, 0, 3);
    let len = stream.ops().len() as u64;
    for (from, to) in [(0, 0), (0, 1), (5, 1_000), (0, len), (len - 3, len + 4), (17, 3 * len + 5), (len, 2 * len)] {
        let mut slow = [0; OpKind::ALL.len()];
        (from..to).for_each(|at| slow[stream.ops()[(at % len) as usize].kind() as usize] += 1);
        assert_eq!(stream.count(from, to), slow, "{from}..{to}");
    }
}

// These digests too come from a second implementation; they are those of the first release.
#[test]
fn the_default_sweep_s_streams_are_as_ever() {
    for (seed, read, write, expected) in [
        (1, 90, 5, 2_702_621_756_623_242_931_u64),
        (2, 90, 5, 9_440_614_547_840_562_148),
        (1, 0, 50, 17_945_657_070_446_529_203),
    ] {
        let load = load(
            "population = 65536\nkey_range = 131072",
            &format!("read = {read}\ninsert = {write}\nremove = {write}"),
        );
        assert_eq!(Stream::of(&load, 1, 0, seed).digest(), expected);
    }
}

// The digests come from a second implementation, in Python, written from the documentation of the crate.
#[test]
fn streams_are_the_same_everywhere() {
    let changing = "read = 60\ninsert = 15\nremove = 15\nupdate = 10";
    let staying = "read = 60\ninsert = 40";
    let cases = [
        ("population = 50000\nkey_range = 100000", changing, 5_958_026_789_499_363_075),
        ("population = 50000\nkey_range = 100000\ndistribution = \"zipf:0.99\"", changing, 6_920_578_076_611_634_892),
        ("population = 50000\nkey_range = 100000\ndistribution = \"zipf:1\"", changing, 11_060_804_650_053_039_871),
        (
            "population = 50000\nkey_range = 100000\ndistribution = \"scrambled-zipf:0.8\"",
            changing,
            15_817_399_603_724_328_165,
        ),
        (
            "population = 50000\nkey_range = 100000\ndistribution = \"hot-set:20:80\"",
            changing,
            9_634_593_627_368_096_999,
        ),
        ("population = 50000\nkey_range = 100000\ndistribution = \"partitioned\"", changing, 9_476_821_812_243_090_651),
        ("population = 50000\nkey_range = 100000\ndistribution = \"queue\"", changing, 11_615_441_397_448_172_022),
        ("population = 1000\nkey_range = 1000\ndistribution = \"sequential\"", staying, 10_074_352_938_881_092_012),
        ("population = 1000\nkey_range = 1000\ndistribution = \"single-key\"", staying, 3_194_003_340_653_598_565),
        (
            "population = 1000\nkey_range = 9000\noperations = 20000\ndistribution = \"latest:0.99\"",
            staying,
            5_424_461_339_324_898_561,
        ),
        ("population = 1000\noperations = 20000\ndistribution = \"bustle\"", changing, 7_004_378_444_579_266_109),
        ("population = 1000\nhit_pct = 75", changing, 8_401_276_324_336_770_980),
        (
            "population = 1000\nhit_pct = 75\ndistribution = \"scrambled-zipf:0.99\"",
            changing,
            5_927_177_845_593_187_967,
        ),
    ];
    for (fields, mix, expected) in cases {
        assert_eq!(Stream::of(&load(fields, mix), 3, 1, 42).digest(), expected, "{fields}");
    }
}
