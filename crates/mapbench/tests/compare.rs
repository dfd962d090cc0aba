//! Comparisons of what runs hold, as the program's user meets them, and the script that puts one into the README.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use mapbench_results::{Provenance, Run};
use tempfile::TempDir;

const STRATEGIES: &str = "std-mutex,dashmap,frozen";

/// Two runs, measured once for all tests: the second lacks dashmap and single threads.
static RUNS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [("a", STRATEGIES, "1,2"), ("b", "std-mutex,frozen,papaya", "2")].map(|(name, strategies, threads)| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compared").join(name);
        let _ = fs::remove_dir_all(&out);
        let out = out.to_str().unwrap().to_owned();
        good(&[
            "run",
            "--profile",
            "quick",
            "--strategy",
            strategies,
            "--read-pct",
            "90,100",
            "--threads",
            threads,
            "--out",
            &out,
        ]);
        out
    })
});

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapbench")).args(arguments).output().unwrap()
}

fn good(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Expects exit code 2 and one line that contains `expected`.
fn refused(arguments: &[&str], expected: &str) {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    assert_eq!((stderr.lines().count(), output.stdout.len()), (1, 0), "{arguments:?}: {stderr}");
}

#[test]
fn cmp_shows_every_cell_with_its_ratio_or_reason() {
    let [a, _] = &*RUNS;
    let text = good(&["cmp", a, "--strategy", "std-mutex,dashmap,frozen"]);
    assert!(text.contains("dashmap against std-mutex") && text.contains("frozen against std-mutex"), "{text}");
    assert_eq!(text.matches("x [").count(), 4 + 2 + 2, "4 and 2 cells, each with a mean: {text}");
    assert_eq!(text.matches("frozen: n/a: ").count(), 2, "{text}");
    let verdicts = ["faster", "slower", "tied"].map(|verdict| text.matches(&format!("  {verdict}\n")).count());
    assert_eq!(verdicts.iter().sum::<usize>(), 4 + 2, "{text}");
}

#[test]
fn cmp_heeds_filters_and_writes_markdown() {
    let [a, b] = &*RUNS;
    let text = good(&["cmp", a, "--strategy", "dashmap,std-mutex", "--threads", "2", "--read-pct", "90", "--markdown"]);
    assert!(text.contains("| reads | threads | dashmap | std-mutex | ratio |"), "{text}");
    assert_eq!(text.matches("\n| 90 % | 2").count(), 1, "{text}");
    assert!(!text.contains("100 %"), "{text}");
    let both = good(&["cmp", a, b, "--strategy", "std-mutex,frozen"]);
    assert!(both.contains(&format!("{a}:\n")) && both.contains(&format!("{b}:\n")), "{both}");
}

#[test]
fn diff_compares_what_both_hold_and_lists_the_rest() {
    let [a, b] = &*RUNS;
    let text = good(&["diff", a, b]);
    // std-mutex twice, frozen without writes once, and the mean.
    assert_eq!(text.matches("x [").count(), 4, "{text}");
    assert!(text.contains("not in turns"), "{text}");
    let (_, rest) = text.split_once("measured only in A:\n").unwrap();
    let (only_a, only_b) = rest.split_once("measured only in B:\n").unwrap();
    assert!(only_a.contains("dashmap: all 4 cells") && only_a.contains("std-mutex: ratio-sweep, 90 %"), "{text}");
    assert_eq!(only_b, "  papaya: all 2 cells\n");
    let markdown = good(&["diff", a, b, "--markdown", "--strategy", "std-mutex", "--threads", "2"]);
    assert!(markdown.contains("| std-mutex | 90 % | 2"), "{markdown}");
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let [a, _] = &*RUNS;
    let text = good(&["diff", a, a, "--changed"]);
    assert!(text.contains("same machine, same build"), "{text}");
    assert!(text.contains("B is faster in 0, slower in 0, tied in 10 of 10 cells"), "{text}");
    assert!(!text.contains("M ops/s") && !text.contains("only in"), "{text}");
}

#[test]
fn mistakes_are_answered_in_one_line() {
    let [a, b] = &*RUNS;
    let none = String::from_utf8(run(&["cmp", a]).stderr).unwrap();
    assert!(none.contains("required") && none.contains("Usage: mapbench cmp --strategy <NAME> <DIR>..."), "{none}");
    refused(&["cmp", a, "--strategy", "dashmap"], "cmp takes two or more strategies");
    refused(&["cmp", a, "--strategy", "dashmap,dashmap"], "`dashmap` cannot be compared with itself");
    refused(&["cmp", a, "--strategy", "dashmap,papaya"], "a: the run has no --strategy papaya; it has");
    refused(&["cmp", "nowhere", "--strategy", "dashmap,papaya"], "nowhere holds no run");
    refused(&["diff", a, "nowhere"], "nowhere holds no run");
    refused(&["diff", a, b, "--threads", "1"], "b: the run has no --threads 1; it has 2");
    refused(&["rank", a, "--read-pct", "50"], "a: the run has no --read-pct 50; it has 90, 100");
}

#[test]
fn report_writes_one_page_of_several_runs_and_tables() {
    let [a, b] = &*RUNS;
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("both.html");
    good(&["report", a, b, "-o", page.to_str().unwrap()]);
    assert!(fs::read_to_string(&page).unwrap().contains("papaya"));
    let text = good(&["report", a, b, "--format", "md"]);
    assert_eq!(text.matches("| strategy | M ops/s |").count(), 6, "{text}");
    let file = dir.path().join("tables.md");
    good(&["report", a, b, "--format", "md", "-o", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

/// A checkout with a README and the scripts, and nothing published.
fn checkout(readme: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    fs::create_dir_all(dir.path().join("scripts")).unwrap();
    for script in ["readme.sh", "publish.sh"] {
        fs::copy(scripts.join(script), dir.path().join("scripts").join(script)).unwrap();
    }
    fs::write(dir.path().join("README.md"), readme).unwrap();
    dir
}

fn script(checkout: &TempDir, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("bash")
        .arg(checkout.path().join("scripts").join(words[0]))
        .args(&words[1..])
        .env("MAPBENCH", env!("CARGO_BIN_EXE_mapbench"))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Has a cache line take 100 ns in all rounds of a run but some, and 151 in those.
fn set_round_trips(run: &Path, slow_rounds: usize) {
    let file = run.join(mapbench_results::MACHINE);
    let text = fs::read_to_string(&file).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let column = header.split(',').position(|name| name == "round_trip_ns").unwrap();
    let changed = rows.lines().enumerate().map(|(round, row)| {
        let mut fields: Vec<&str> = row.split(',').collect();
        fields[column] = if round < slow_rounds { "151" } else { "100" };
        fields.join(",") + "\n"
    });
    fs::write(&file, format!("{header}\n{}", changed.collect::<String>())).unwrap();
    let path = run.join("provenance.json");
    let mut provenance: Provenance = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let sum = mapbench_results::checksum::of_file(&file).unwrap();
    provenance.checksums.insert(mapbench_results::MACHINE.to_owned(), sum).unwrap();
    fs::write(&path, serde_json::to_string_pretty(&provenance).unwrap()).unwrap();
}

const README: &str = "# A\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nmore & \\1\n\n\
    <!-- workloads:begin -->\nolder\n<!-- workloads:end -->\n\nlast\n";

#[test]
fn the_readme_says_what_the_newest_published_run_of_a_quiet_machine_says() {
    let checkout = checkout(README);
    let read = || fs::read_to_string(checkout.path().join("README.md")).unwrap();
    assert_eq!(script(&checkout, &["readme.sh", "--check"]).0, Some(1));
    let table = good(&["list", "--workloads", "--markdown"]);
    let filled = README.replace("older", table.trim_end()).replace("\nold\n", "\nNo run is published yet.\n");
    assert_eq!((script(&checkout, &["readme.sh"]).0, read()), (Some(0), filled));
    assert_eq!(script(&checkout, &["readme.sh", "--check"]).0, Some(0));

    let published = checkout.path().join("bench-results/published");
    let cores = Run::read(Path::new(&RUNS[0])).unwrap().provenance.host.cores.to_string();
    let runs = [("20260101-z", "std-mutex", 0), ("20260201-a", "std-mutex,dashmap", 1), ("20260301-b", "std-mutex", 2)];
    for (name, strategies, slow_rounds) in runs {
        let dir: PathBuf = published.join(name);
        let out = dir.to_str().unwrap();
        good(&[
            "run",
            "--profile",
            "standard",
            "--strategy",
            strategies,
            "--read-pct",
            "90",
            "--threads",
            &cores,
            "--out",
            out,
        ]);
        // Of 14 rounds one in ten is slow with two.
        set_round_trips(&dir, slow_rounds);
    }
    assert_eq!(script(&checkout, &["readme.sh", "--check"]).0, Some(1));
    assert_eq!(script(&checkout, &["readme.sh"]), (Some(0), String::new()));
    let text = read();
    let command = format!("-- rank bench-results/published/20260201-a --read-pct 90 --threads {cores} --markdown\n");
    assert!(text.contains(&command) && text.contains("| dashmap |"), "{text}");
    assert!(text.starts_with("# A\n\n<!-- results:begin -->\n90 % reads"), "{text}");
    assert!(text.contains("\n<!-- results:end -->\n\nmore & \\1\n") && !text.contains("No run"), "{text}");
    assert!(text.contains("\n| [ycsb-a](") && text.ends_with("<!-- workloads:end -->\n\nlast\n"), "{text}");
    assert_eq!(script(&checkout, &["readme.sh", "--check"]).0, Some(0));

    fs::write(checkout.path().join("README.md"), text.replace("| dashmap |", "| dashmop |")).unwrap();
    let (code, said) = script(&checkout, &["readme.sh", "--check"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("-| dashmop |") && said.contains("run scripts/readme.sh"), "{said}");
}

#[test]
fn a_readme_without_its_marks_is_left_alone() {
    let checkout = checkout("# A\n");
    let (code, said) = script(&checkout, &["readme.sh"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("README.md must hold the line"), "{said}");
    assert_eq!(fs::read_to_string(checkout.path().join("README.md")).unwrap(), "# A\n");
    assert_eq!(script(&checkout, &["readme.sh", "--chek"]).0, Some(2));
}
