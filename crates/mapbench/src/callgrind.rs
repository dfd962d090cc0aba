//! Instructions of a process, as valgrind's callgrind counts them: not time, so that a busy machine does not disturb them.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No count takes longer, or what is counted hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Between two looks whether the process has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub enum NotCounted {
    /// There is no valgrind.
    #[error("valgrind counts the instructions, and is not installed")]
    NotInstalled,
    /// The system refused.
    #[error("cannot run valgrind: {0}")]
    Run(#[from] io::Error),
    /// The process did not end.
    #[error("`{command}` did not end under valgrind within {} s and was killed", PATIENCE.as_secs())]
    TimedOut {
        /// What was to be counted.
        command: String,
    },
    /// Valgrind, or the process under it, failed.
    #[error("`{command}` was not counted by valgrind: {said}")]
    Failed {
        /// What was to be counted.
        command: String,
        /// The last line that it said.
        said: String,
    },
}

/// The instructions of `program` from its start to its end, given `input` on its standard input.
///
/// # Errors
/// When valgrind is not installed, or it or the program fails.
pub fn instructions(program: &Path, arguments: &[&str], input: &str) -> Result<u64, NotCounted> {
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => NotCounted::NotInstalled,
            _ => error.into(),
        })?;
    let command = || format!("{} {}", program.display(), arguments.join(" "));
    // A program that ends without reading says below why it did.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let stderr = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        stderr.map(|mut stderr| stderr.read_to_end(&mut said)).transpose().map(|_| said)
    });
    let Some(success) = wait(&mut child)? else { return Err(NotCounted::TimedOut { command: command() }) };
    let said = said.join().expect("reading does not panic")?;
    let said = String::from_utf8_lossy(&said);
    collected(&said).filter(|_| success).ok_or_else(|| {
        let last = said.lines().rfind(|line| !line.starts_with("==") && !line.trim().is_empty());
        NotCounted::Failed {
            command: command(),
            said: last.or(said.lines().last()).unwrap_or("it said nothing").to_owned(),
        }
    })
}

/// Whether the process succeeded; `None` if it had to be killed.
fn wait(child: &mut Child) -> io::Result<Option<bool>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(GLANCE);
    }
}

/// `==7== Collected : 123456`
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// The instructions of one operation: what the longer run executes more than the shorter, for each operation more. What
/// start, fill and end execute cancels.
#[must_use]
pub fn per_operation(lengths: [u64; 2], instructions: [u64; 2]) -> f64 {
    let more = |[short, long]: [u64; 2]| long as f64 - short as f64;
    more(instructions) / more(lengths)
}

#[cfg(test)]
mod tests {
    use super::{NotCounted, collected, instructions, per_operation};
    use std::path::Path;

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 123456\n==7==\n"), Some(123_456));
        assert_eq!(collected("Collected : many\n"), None);
    }

    #[test]
    fn what_both_runs_execute_cancels() {
        assert_eq!(per_operation([10, 110], [5_000, 25_500]), 205.0);
        assert_eq!(per_operation([10, 110], [5_000, 4_900]), -1.0);
    }

    #[test]
    fn a_program_that_fails_is_not_counted() {
        match instructions(Path::new("nowhere/program"), &["7"], "") {
            Err(NotCounted::NotInstalled) => eprintln!("valgrind is not installed: not tested"),
            Err(error @ NotCounted::Failed { .. }) => {
                let error = error.to_string();
                assert!(error.starts_with("`nowhere/program 7` was not counted by valgrind: "), "{error}");
                assert_eq!(error.lines().count(), 1, "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
