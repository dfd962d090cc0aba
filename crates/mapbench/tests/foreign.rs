//! Workers that are not this program, in a sweep with those that are.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mapbench_results::{Run, Sample, Status};
use tempfile::TempDir;

const EXE: &str = env!("CARGO_BIN_EXE_mapbench");

/// A short run of `std-mutex` with a worker beside it.
fn run(out: &Path, worker: &str) -> Output {
    run_with(out, worker, &[])
}

fn run_with(out: &Path, worker: &str, more: &[&str]) -> Output {
    Command::new(EXE)
        .args(["run", "--profile", "smoke", "--strategy", "std-mutex", "--read-pct", "90", "--threads", "1,2"])
        .args(more)
        .args(["--patience", "60", "--worker", worker, "--out"])
        .arg(out)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The rows of the foreign strategy; the other's must be as ever.
fn rows(out: &Path, worker: &str) -> (Run, Vec<Sample>) {
    let output = run(out, worker);
    assert!(output.status.success(), "{output:?}");
    let run = Run::read(out).unwrap();
    let (foreign, own): (Vec<Sample>, Vec<Sample>) =
        run.samples.iter().cloned().partition(|row| row.strategy.starts_with("foreign:"));
    assert_eq!((own.len(), foreign.len()), (2, 2));
    assert!(own.iter().all(|row| row.status == Status::Ok), "{own:?}");
    (run, foreign)
}

fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// An ssh server on loopback for this user, until dropped.
struct Server {
    process: Child,
    port: u16,
    dir: TempDir,
}

impl Server {
    /// `None` where none is installed.
    fn start() -> Option<Self> {
        const SSHD: &str = "/usr/sbin/sshd";
        if !Path::new(SSHD).exists() || Command::new("ssh").arg("-V").output().is_err() {
            return None;
        }
        // A server of root's wants this folder, which its service makes as it starts.
        let _ = fs::create_dir("/run/sshd");
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &at(key)]).status();
            assert!(made.unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPidFile none\n",
            at("host"),
            at("user.pub")
        );
        fs::write(at("config"), config).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        let process = Command::new(SSHD).args(["-D", "-e", "-f", &at("config")]).stderr(log).spawn().unwrap();
        let server = Self { process, port, dir };
        let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(
            (0..200).any(|_| answers() || {
                sleep(Duration::from_millis(50));
                false
            }),
            "{}",
            server.log()
        );
        Some(server)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// The words that run a command there.
    fn ssh(&self) -> String {
        format!(
            "ssh -F none -p {} -i '{}' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o LogLevel=ERROR -o BatchMode=yes 127.0.0.1",
            self.port,
            self.dir.path().join("user").display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_worker_over_ssh_joins_a_sweep() {
    let Some(server) = Server::start() else {
        eprintln!("no ssh server is installed (openssh-server): a worker on another machine is not tested");
        return;
    };
    let out = server.dir.path().join("run");
    let (_, foreign) = rows(&out, &format!("std-rwlock={} {EXE} worker", server.ssh()));
    for row in &foreign {
        assert_eq!((&*row.strategy, row.status), ("foreign:std-rwlock", Status::Ok), "{row:?}: {}", server.log());
        assert!(row.ops.is_some_and(|ops| ops > 0), "{row:?}");
    }
    let nowhere = format!("std-rwlock={} /nonexistent/mapbench worker", server.ssh());
    let output = run(&server.dir.path().join("other"), &nowhere);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("std-rwlock"), "{said}");
}

#[test]
fn a_worker_in_python_joins_a_sweep() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not installed: the worker in Python is not tested");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python-worker/worker.py");
    let (run, foreign) = rows(&out, &format!("python-dict=python3 '{}'", worker.display()));
    for row in &foreign {
        assert_eq!((&*row.strategy, row.status), ("foreign:python-dict", Status::Ok), "{row:?}");
        assert!(row.ops.is_some_and(|ops| ops > 0) && row.hits.is_some_and(|hits| hits > 0), "{row:?}");
    }
    let declared = run.provenance.strategies.iter().find(|known| known.name == "foreign:python-dict").unwrap();
    assert_eq!((&*declared.upstream, &*declared.consistency), ("foreign", "unknown"));
    assert!(declared.version.starts_with("3."), "{declared:?}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("foreign:python-dict"));
}

#[test]
fn a_worker_in_python_refuses_types_that_it_does_not_have() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own.toml");
    let text = "name = \"own\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 100\nkey_range = 200\nkey = \"long-string\"\n\
                [mix]\nread = 90\ninsert = 5\nremove = 5\n";
    fs::write(&own, text).unwrap();
    let out = dir.path().join("run");
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python-worker/worker.py");
    let worker = format!("python-dict=python3 '{}'", worker.display());
    let output = run_with(&out, &worker, &["--workload", own.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    for row in Run::read(&out).unwrap().samples {
        let expected = match &*row.strategy {
            "std-mutex" => (Status::Ok, ""),
            _ => (Status::NotApplicable, "64-bit keys and values alone"),
        };
        assert_eq!((row.status, &*row.message), expected, "{row:?}");
    }
}

/// As `ssh HOST mapbench worker` is, but for the machine.
#[test]
fn this_program_may_be_a_foreign_worker_too() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let (_, foreign) = rows(&out, &format!("std-mutex=env -- '{EXE}' worker"));
    assert!(foreign.iter().all(|row| row.status == Status::Ok && row.strategy == "foreign:std-mutex"), "{foreign:?}");
}

#[test]
fn a_foreign_worker_is_asked_for_no_latency() {
    let dir = tempfile::tempdir().unwrap();
    let worker = format!("std-mutex=env -- '{EXE}' worker");
    let output = run_with(dir.path(), &worker, &["--latency", "--load", "50"]);
    assert!(output.status.success(), "{output:?}");
    let run = Run::read(dir.path()).unwrap();
    let timed: BTreeSet<&str> = run.latency.iter().map(|row| row.strategy.as_str()).collect();
    assert_eq!(timed, BTreeSet::from(["std-mutex"]));
    assert!(run.samples.iter().any(|row| row.strategy == "foreign:std-mutex" && row.status == Status::Ok));
}

#[test]
fn a_worker_with_other_streams_is_not_measured() {
    let dir = tempfile::tempdir().unwrap();
    let change = r#"sed -u 's/"streams":\["[0-9a-f]/"streams":["x/'"#;
    let wrapper = script(dir.path(), "worker.sh", &format!("#!/bin/sh\n'{EXE}' worker | {change}\n"));
    let (_, foreign) = rows(&dir.path().join("run"), &format!("std-mutex={}", wrapper.display()));
    for row in &foreign {
        assert_eq!(row.status, Status::ProtocolError, "{row:?}");
        assert!(row.message.starts_with("the stream of thread 0 has the digest x"), "{row:?}");
    }
}

#[test]
fn a_worker_that_cannot_join_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    for (worker, expected) in [
        ("dict=/nonexistent/worker", "--worker dict: cannot start /nonexistent/worker"),
        (&*format!("dict='{EXE}' worker"), "--worker dict: it has no strategy `dict`, only std-mutex, "),
        ("dict=echo hello", "--worker dict: said \"hello\", which is no event"),
        ("dict", "give NAME=COMMAND"),
    ] {
        let out = dir.path().join("run");
        let output = run(&out, worker);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{worker}: {said}");
        assert!(said.contains(expected), "{worker}: {said}");
        assert!(!out.exists(), "{worker}");
    }
}
