//! Stacks of another process, as Linux' `perf` sees them where it is installed: no counter of the processor is wanted, only
//! the clock, which virtual machines have too.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mapbench_report::Stack;

use crate::symbols::{self, Debug};

const PROGRAM: &str = "perf";

/// A stack is shown from the first of these that it has: what is below is the harness coming up, which says nothing, and of
/// which a deep stack lacks more than a flat one.
const BEGINS: [&str; 3] =
    ["mapbench::worker::batch::run_batch", "mapbench::worker::thread::Runner", "mapbench::worker::"];

/// Samples being taken.
pub(crate) struct Recording {
    child: Child,
    file: PathBuf,
}

/// Begins to look at a process, so many times in a second of each thread's processor time, and puts what it sees into `file`.
///
/// # Errors
/// Why it cannot, in a line.
pub(crate) fn record(process: u32, hertz: u32, time: Duration, file: &Path) -> Result<Recording, String> {
    // Or perf would keep it under another name.
    let _ = fs::remove_file(file);
    let child = Command::new(PROGRAM)
        // Without frame pointers, which programs are not built with, a stack is unwound by what is kept for panics.
        .args(["record", "-q", "-N", "-e", "cpu-clock", "--call-graph", "dwarf", "-F"])
        .arg(hertz.to_string())
        .arg("-o")
        .arg(file)
        .args(["-p", &process.to_string(), "--", "sleep"])
        .arg(format!("{:.3}", time.as_secs_f64()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // An interrupt at the terminal is for the orchestrator.
        .process_group(0)
        .spawn()
        .map_err(|error| unstarted(&error))?;
    Ok(Recording { child, file: file.to_owned() })
}

impl Recording {
    /// Waits for the last sample, and returns all of them as perf writes them out.
    ///
    /// # Errors
    /// Why there are none, in a line.
    pub(crate) fn finish(self) -> Result<String, String> {
        let recorded = self.child.wait_with_output().map_err(|error| unstarted(&error))?;
        if !recorded.status.success() {
            return Err(complaint("record", &recorded.stderr));
        }
        let script = Command::new(PROGRAM)
            // What was inlined is found here, and faster.
            .args(["script", "-F", "ip,sym,dso", "--no-inline", "-i"])
            .arg(&self.file)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| unstarted(&error))?;
        let _ = fs::remove_file(&self.file);
        if script.status.success() {
            Ok(String::from_utf8_lossy(&script.stdout).into_owned())
        } else {
            Err(complaint("script", &script.stderr))
        }
    }
}

fn unstarted(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "perf is not installed: it is in the package linux-perf, linux-tools or perf".to_owned()
    } else {
        format!("perf cannot be started: {error}")
    }
}

fn complaint(what: &str, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && *line != "Error:");
    format!("perf {what} failed: {}", line.unwrap_or("it does not say why"))
}

/// A program in the memory of a process.
pub(crate) struct Program {
    path: String,
    content: Vec<u8>,
    /// By how much its addresses are off.
    moved: u64,
}

impl Program {
    /// The program of a process that is running; without what cannot be read, names are as perf has them.
    pub(crate) fn of(process: u32, executable: &Path) -> Self {
        let path = executable.to_string_lossy().into_owned();
        let content = fs::read(executable).unwrap_or_default();
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
        let first = symbols::first_address(&content).unwrap_or(0);
        let moved = begin(&maps, &path).unwrap_or(0).wrapping_sub(first);
        Self { path, content, moved }
    }

    /// The stacks of what perf wrote out, the outermost function first, and in how many samples each was seen.
    pub(crate) fn stacks(&self, written: &str) -> Vec<(Stack, u64)> {
        let debug = symbols::debug(&self.content).ok();
        let mut names = Names { program: self, debug, known: HashMap::new() };
        let mut stacks: BTreeMap<Stack, u64> = BTreeMap::new();
        for sample in samples(written) {
            let mut stack: Stack = sample.iter().rev().flat_map(|frame| names.of(frame)).collect();
            let begin = BEGINS.iter().find_map(|begin| stack.iter().position(|name| name.contains(*begin)));
            *stacks.entry(stack.split_off(begin.unwrap_or(0))).or_default() += 1;
        }
        stacks.into_iter().collect()
    }
}

/// Where the first byte of a file lies in a process: `55d0c8a00000-55d0c8b00000 r--p 00000000 fd:01 1234   /a/file`.
fn begin(maps: &str, path: &str) -> Option<u64> {
    let line = maps.lines().find(|line| {
        let mut words = line.split_ascii_whitespace();
        line.ends_with(path) && words.nth(2).is_some_and(|offset| offset.bytes().all(|digit| digit == b'0'))
    })?;
    u64::from_str_radix(line.split('-').next()?, 16).ok()
}

/// A frame as perf writes it: `    55d0c8 name of a function (/a/file)`.
#[derive(Debug, PartialEq, Eq)]
struct Sampled<'a> {
    address: u64,
    symbol: &'a str,
    object: &'a str,
}

impl<'a> Sampled<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (address, rest) = line.trim().split_once(' ')?;
        let (symbol, object) = rest.rsplit_once(" (").unwrap_or((rest, ")"));
        let address = u64::from_str_radix(address, 16).ok()?;
        Some(Self { address, symbol: symbol.trim(), object: object.strip_suffix(')').unwrap_or(object) })
    }
}

/// The samples that were written out, apart by an empty line, the innermost frame first.
fn samples(written: &str) -> impl Iterator<Item = Vec<Sampled<'_>>> {
    let blocks = written.split("\n\n").map(|block| block.lines().filter_map(Sampled::parse).collect::<Vec<_>>());
    blocks.filter(|frames| !frames.is_empty())
}

/// Functions by their addresses.
struct Names<'a> {
    program: &'a Program,
    debug: Option<Debug<'a>>,
    known: HashMap<u64, Vec<String>>,
}

impl Names<'_> {
    /// The functions that are at an address, the outermost first: one, and those that were inlined into it.
    fn of(&mut self, frame: &Sampled) -> Vec<String> {
        if let Some(known) = self.known.get(&frame.address) {
            return known.clone();
        }
        let own = frame.object == self.program.path;
        let mut names = if own { self.inlined(frame.address.wrapping_sub(self.program.moved)) } else { Vec::new() };
        if names.is_empty() {
            names.push(name(frame));
        }
        self.known.insert(frame.address, names.clone());
        names
    }

    fn inlined(&self, address: u64) -> Vec<String> {
        let mut names = Vec::new();
        let frames = self.debug.as_ref().map(|debug| debug.find_frames(address).skip_all_loads());
        if let Some(Ok(mut frames)) = frames {
            while let Ok(Some(frame)) = frames.next() {
                names.extend(frame.function.and_then(|name| name.demangle().ok().map(Cow::into_owned)));
            }
        }
        names.reverse();
        names
    }
}

/// The name of a frame of which there is no debug information.
fn name(frame: &Sampled) -> String {
    let object = frame.object.rsplit('/').next().unwrap_or_default();
    match (frame.object.starts_with("[kernel"), frame.symbol) {
        (true, symbol) => format!("kernel::{symbol}"),
        (false, "[unknown]" | "") => format!("[{object}]"),
        (false, symbol) => addr2line::demangle_auto(symbol.into(), None).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Program, begin, complaint, record, samples};

    const WRITTEN: &str = "
\t    1000 mapbench::worker::batch::run_batch (/x/mapbench)
\t    1010 <a::B<K, V> as c::D>::serve(x) (/x/mapbench)
\t    1018 mapbench::worker::thread::work (/x/mapbench)
\t    1020 std::rt::lang_start (/x/mapbench)

\tffffffff81 futex_wait ([kernel.kallsyms])
\t    1000 mapbench::worker::batch::run_batch (/x/mapbench)

\t    7f00 [unknown] (/lib/x86_64-linux-gnu/libc.so.6)
\t    1000 mapbench::worker::batch::run_batch (/x/mapbench)

\t    1000 mapbench::worker::batch::run_batch (/x/mapbench)
\t    1020 std::rt::lang_start (/x/mapbench)
";

    #[test]
    fn samples_are_read_as_perf_writes_them() {
        let read: Vec<_> = samples(WRITTEN).collect();
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 2, 2]);
        assert_eq!((read[0][1].address, read[0][1].symbol), (0x1010, "<a::B<K, V> as c::D>::serve(x)"));
        assert_eq!(read[1][0].object, "[kernel.kallsyms]");
        assert_eq!(samples("").count(), 0);
    }

    #[test]
    fn stacks_begin_with_the_worker_and_are_counted() {
        let program = Program { path: "/x/mapbench".to_owned(), content: Vec::new(), moved: 0 };
        let stacks = program.stacks(WRITTEN);
        let run = "mapbench::worker::batch::run_batch".to_owned();
        let expected = [
            (vec![run.clone()], 2),
            (vec![run.clone(), "[libc.so.6]".to_owned()], 1),
            (vec![run, "kernel::futex_wait".to_owned()], 1),
        ];
        assert_eq!(stacks, expected);
    }

    #[test]
    fn a_program_is_found_where_its_file_begins() {
        let maps = "\
55d0c8a00000-55d0c8b00000 r--p 00000000 fd:01 12 /x/other
55d0c8c00000-55d0c8d00000 r--p 00000000 fd:01 13 /x/mapbench
55d0c8d00000-55d0c8e00000 r-xp 00100000 fd:01 13 /x/mapbench
";
        assert_eq!(begin(maps, "/x/mapbench"), Some(0x55d0_c8c0_0000));
        assert_eq!(begin(maps, "/x/absent"), None);
    }

    /// In this program, by what is inlined into its functions.
    #[test]
    fn an_address_of_this_program_has_its_function() {
        let executable = std::env::current_exe().unwrap();
        let program = Program::of(std::process::id(), &executable);
        let address = place_of_a_sample as fn() as usize;
        let written = format!("\t{address:x} whatever ({})\n", executable.display());
        let stacks = program.stacks(&written);
        let [(stack, 1)] = &stacks[..] else { panic!("one stack") };
        assert!(stack.last().unwrap().ends_with("place_of_a_sample"), "{stack:?}");
    }

    #[inline(never)]
    fn place_of_a_sample() {
        std::hint::black_box(0);
    }

    #[test]
    fn why_there_are_no_samples_is_a_line() {
        assert_eq!(
            complaint("record", b"Error:\n\n  Access is limited.\nMore\n"),
            "perf record failed: Access is limited."
        );
        assert_eq!(complaint("script", b""), "perf script failed: it does not say why");
        // A process that there is not; or perf is not there either.
        let outcome = record(u32::MAX, 99, std::time::Duration::from_millis(1), Path::new("/nonexistent/perf.data"));
        let problem = outcome.and_then(super::Recording::finish).unwrap_err();
        assert!(problem.starts_with("perf ") && problem.lines().count() == 1, "{problem}");
    }
}
