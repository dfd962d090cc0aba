//! What is written is read again, whoever interrupts it.

mod common;

use common::{cell, failure, machine, provenance, sample};
use mapbench_results::{Cell, Error, Machine, Run, RunWriter, SAMPLES, Sample};
use proptest::prelude::*;
use std::fs;

#[test]
fn a_run_comes_back_as_it_was_written() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("bench-results/run");
    let mut writer = RunWriter::create(&dir, &provenance()).unwrap();
    writer.append_sample(&sample("a", 0, 0)).unwrap();
    writer.append_sample(&failure("b", 1, 2, "no \"entry\", no\r\nscan </script>")).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();

    let unfinished = Run::read(&dir).unwrap();
    assert_eq!(unfinished.samples, [sample("a", 0, 0), failure("b", 1, 2, "no \"entry\", no\r\nscan </script>")]);
    assert_eq!((unfinished.machine, unfinished.cells), (vec![machine(0, 0)], vec![]));
    assert_eq!(unfinished.provenance, provenance());

    writer.finish(&[cell("a"), cell("b")], provenance()).unwrap();
    let run = Run::read(&dir).unwrap();
    assert_eq!((run.name().as_str(), run.cells), ("run", vec![cell("a"), cell("b")]));
    assert!(run.provenance.finished.is_some());
    assert_eq!(run.provenance.checksums.keys().collect::<Vec<_>>(), ["cells.csv", "machine.csv", "samples.csv"]);
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cells.csv", "machine.csv", "provenance.json", "samples.csv"]);
}

#[test]
fn lines_are_those_of_rfc_4180() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    writer.append_sample(&failure("a", 0, 0, "x,\"y\"")).unwrap();
    let text = fs::read_to_string(dir.path().join(SAMPLES)).unwrap();
    let (header, row) = text.split_once("\r\n").unwrap();
    assert!(header.starts_with("workload,read_pct,threads,strategy,fork,round,position,status,start_ns,"), "{header}");
    assert_eq!(row, "sweep,90,2,a,0,0,0,n/a,,,,,,,,,,,,,,,,,,,,,,\"x,\"\"y\"\"\"\r\n");
}

#[test]
fn one_directory_has_one_writer_and_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    let errors =
        [RunWriter::create(dir.path(), &provenance()).unwrap_err(), RunWriter::resume(dir.path()).unwrap_err()];
    for error in errors {
        assert!(matches!(error, Error::Busy(_)), "{error}");
        assert!(error.to_string().contains("is being written by another mapbench"), "{error}");
    }
    drop(writer);
    let error = RunWriter::create(dir.path(), &provenance()).unwrap_err();
    assert!(error.to_string().contains("holds a run already: continue it with --resume"), "{error}");
    RunWriter::resume(dir.path()).unwrap();
}

#[test]
fn a_finished_run_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    writer.finish(&[], provenance()).unwrap();
    assert!(matches!(writer.append_sample(&sample("a", 0, 0)), Err(Error::Finished(_))));
    assert!(matches!(writer.append_machine(&machine(0, 0)), Err(Error::Finished(_))));
    assert!(matches!(writer.finish(&[], provenance()), Err(Error::Finished(_))));
    assert!(matches!(RunWriter::resume(dir.path()), Err(Error::Finished(_))));
    assert!(matches!(RunWriter::create(dir.path(), &provenance()), Err(Error::Exists(_))));
    assert_eq!(Run::read(dir.path()).unwrap().samples, []);
}

#[test]
fn a_row_that_contradicts_itself_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    let contradictions = [
        (Sample { ops: None, ..sample("a", 0, 0) }, "the status is ok but a measurement is missing"),
        (Sample { message: "?".to_owned(), ..sample("a", 0, 0) }, "the status is ok but there is a message"),
        (Sample { hits: Some(1), ..failure("a", 0, 0, "x") }, "the status is not ok but there are measurements"),
        (
            Sample { fairness_ppm: Some(1_000_001), ..sample("a", 0, 0) },
            "`fairness_ppm` is 1000001, more than the whole",
        ),
    ];
    for (row, expected) in contradictions {
        let error = writer.append_sample(&row).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        let error = writer.finish(&[Cell { slowdown_high: Some(bad), ..cell("a") }], provenance()).unwrap_err();
        assert!(error.to_string().contains(&format!("`slowdown_high` is {bad}, not a positive number")), "{error}");
    }
    let error = writer.finish(&[Cell { slowdown: Some(2.0), ..cell("a") }], provenance()).unwrap_err();
    assert!(error.to_string().contains("`slowdown` is above `slowdown_high`"), "{error}");
    let run = Run::read(dir.path()).unwrap();
    assert_eq!((run.samples, run.provenance.finished), (vec![], None));
}

#[test]
fn resume_goes_on_where_the_run_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    writer.append_sample(&sample("a", 0, 0)).unwrap();
    drop(writer);
    let (mut writer, run) = RunWriter::resume(dir.path()).unwrap();
    assert_eq!((writer.repairs(), run.samples), (&[][..], vec![sample("a", 0, 0)]));
    writer.append_sample(&sample("b", 0, 0)).unwrap();
    writer.finish(&[], provenance()).unwrap();
    assert_eq!(Run::read(dir.path()).unwrap().samples, [sample("a", 0, 0), sample("b", 0, 0)]);
}

/// Cuts a file at every byte: what is whole is kept, what is torn is refused by `read` and repaired by `resume`.
#[test]
fn a_file_may_be_torn_at_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [sample("a", 0, 0), failure("b", 0, 0, "a \"line\r\nbreak\""), sample("a", 0, 1)];
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    let path = dir.path().join(SAMPLES);
    let mut ends = vec![fs::metadata(&path).unwrap().len()];
    for row in &rows {
        writer.append_sample(row).unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    drop(writer);
    let whole = fs::read(&path).unwrap();
    let lines_to = |length: usize| whole[..length].iter().filter(|byte| **byte == b'\n').count();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let left = ends.iter().filter(|end| **end <= cut as u64).count();
        match Run::read(dir.path()) {
            Ok(run) => {
                assert_eq!(ends[left - 1], cut as u64, "cut at {cut} was not noticed");
                assert_eq!(run.samples, rows[..left - 1]);
            }
            Err(error) => {
                let kept = left.checked_sub(1).map_or(0, |last| usize::try_from(ends[last]).unwrap());
                let expected = format!("samples.csv, line {}: ", lines_to(kept) + 1);
                assert!(error.to_string().contains(&expected), "cut at {cut}: {error}");
            }
        }
        let (mut writer, run) = RunWriter::resume(dir.path()).unwrap();
        assert_eq!(run.samples, rows[..left.saturating_sub(1)], "cut at {cut}");
        assert_eq!(writer.repairs().is_empty(), cut == 0 || ends.contains(&(cut as u64)), "cut at {cut}");
        for row in &rows[run.samples.len()..] {
            writer.append_sample(row).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

/// What `read` says of a file without rows and header is what `resume` does.
#[test]
fn a_file_of_empty_lines_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunWriter::create(dir.path(), &provenance()).unwrap());
    let path = dir.path().join(SAMPLES);
    let header = fs::read(&path).unwrap();
    for blank in ["\n", "\r\n\r\n"] {
        fs::write(&path, blank).unwrap();
        let error = Run::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("samples.csv, line 1: the last line is torn; "), "{error}");
        let (writer, run) = RunWriter::resume(dir.path()).unwrap();
        assert_eq!((writer.repairs().len(), run.samples.len()), (1, 0));
        assert_eq!(fs::read(&path).unwrap(), header);
    }
}

#[test]
fn a_run_that_ended_while_it_began_or_finished_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunWriter::create(dir.path(), &provenance()).unwrap());
    fs::remove_file(dir.path().join("machine.csv")).unwrap();
    fs::write(dir.path().join("cells.csv"), "half of a summa").unwrap();
    fs::write(dir.path().join("provenance.json.tmp"), "{").unwrap();
    let (mut writer, _) = RunWriter::resume(dir.path()).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();
    writer.finish(&[cell("a")], provenance()).unwrap();
    let run = Run::read(dir.path()).unwrap();
    assert_eq!((run.machine, run.cells), (vec![machine(0, 0)], vec![cell("a")]));
}

#[test]
fn resume_leaves_a_foreign_file_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunWriter::create(dir.path(), &provenance()).unwrap());
    let path = dir.path().join(SAMPLES);
    fs::write(&path, "name,score\nx,1\ny,2").unwrap();
    let error = RunWriter::resume(dir.path()).unwrap_err();
    assert!(error.to_string().contains("samples.csv, line 1: the column `workload` is missing"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "name,score\nx,1\ny,2");
}

#[test]
fn a_hundred_thousand_rows_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let plan = mapbench_results::Plan { forks: 1, rounds: 100_000, ..provenance().plan };
    let mut writer = RunWriter::create(dir.path(), &mapbench_results::Provenance { plan, ..provenance() }).unwrap();
    for round in 0..100_000 {
        writer.append_sample(&sample("a", 0, round)).unwrap();
    }
    let run = Run::read(dir.path()).unwrap();
    assert_eq!((run.samples.len(), &run.samples[99_999]), (100_000, &sample("a", 0, 99_999)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_and_any_number_come_back(
        messages in prop::collection::vec("(?s)(.|\"|,|\r|\n|</script>){0,20}", 3),
        name in "[ -~\"\r\n,é]{1,8}",
        numbers in prop::array::uniform8(any::<u64>()),
        trip in any::<Option<u64>>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut provenance = provenance();
        provenance.plan.strategies.push(format!("{name}!"));
        let mut writer = RunWriter::create(dir.path(), &provenance).unwrap();
        let mut rows: Vec<Sample> = (0..).zip(&messages).map(|(round, text)| failure("b", 1, round, text)).collect();
        let [start, elapsed, ops, rate, hits, misses, inserted, removed] = numbers;
        rows.push(Sample {
            start_ns: Some(start),
            elapsed_ns: Some(elapsed),
            ops: Some(ops),
            read_ops: Some(ops),
            insert_ops: Some(0),
            remove_ops: Some(0),
            throughput_ops_s: Some(rate),
            hits: Some(hits),
            misses: Some(misses),
            inserted: Some(inserted),
            removed: Some(removed),
            ..sample(&format!("{name}!"), 0, 0)
        });
        for row in &rows {
            writer.append_sample(row).unwrap();
        }
        let round = Machine { round_trip_ns: trip, steal_ns: start, ..machine(1, 1) };
        writer.append_machine(&round).unwrap();
        let run = Run::read(dir.path()).unwrap();
        prop_assert_eq!((run.samples, run.machine), (rows, vec![round]));
        prop_assert_eq!(run.provenance, provenance);
    }
}
