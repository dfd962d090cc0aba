//! Real threads as virtual cores, of which one runs at a time.
//!
//! Whoever has the turn, and nobody else, may touch the simulation: a thread waits at its gate until the one before opens
//! it, and what was done before the opening is seen after it. That is what makes each `unsafe` of this file sound.

use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;

use crate::counts::{Counts, Site, Sites};
use crate::directory::{Access, Directory, MAX_CORES, Touch, Touched, lines};
use crate::pace::{Spent, Timeline};
use crate::system;
use crate::turns::{Next, Schedule, Turns, Waking};

/// Kinds of operation that are told apart.
pub const KINDS: usize = 16;

/// Lines that may be touched: those of a quarter of a gigabyte.
const LINES: usize = 1 << 22;

/// Sites that may transfer lines.
const SITES: usize = 1 << 17;

/// Lines of one access that are laid to its place one by one. A map that is copied as a whole has thousands, each of which
/// changes hands once: none is hot.
const LAID_DOWN: usize = 8;

const NO_CORE: usize = usize::MAX;

thread_local! {
    static CORE: Cell<usize> = const { Cell::new(NO_CORE) };
}

struct Shared(UnsafeCell<Option<Box<Simulation>>>);

// SAFETY: only the thread that has the turn touches it, or the one that owns the `Machine` while no thread has.
unsafe impl Sync for Shared {}

static SIMULATION: Shared = Shared(UnsafeCell::new(None));
static EXISTS: AtomicBool = AtomicBool::new(false);
static GATES: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];
/// Through which a core's thread leaves when it is no core any more.
static EXITS: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];
static WAITING: AtomicUsize = AtomicUsize::new(0);

struct Simulation {
    directory: Directory,
    /// Where turns are timed.
    timeline: Option<Timeline>,
    sites: Sites,
    turns: Turns,
    counts: [Counts; KINDS],
    cores: [Core; MAX_CORES],
    /// Nothing is counted any more.
    closed: bool,
    /// Cores of the machine, as the program is told.
    size: usize,
    /// Operations begun.
    begun: u32,
    /// Accesses made, counted or not: what the program takes for time, unless turns are timed.
    clock: u64,
    /// When counting began, and for how long it was done, in picoseconds.
    began: u64,
    elapsed: Option<u64>,
}

#[derive(Clone, Copy, Default)]
struct Core {
    counting: bool,
    kind: u8,
    operation: u32,
}

/// A machine of virtual cores. There is one at a time.
pub struct Machine {
    cores: usize,
}

/// What a machine saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For each kind of operation.
    pub counts: [Counts; KINDS],
    /// Who transferred which lines, in no order.
    pub sites: Vec<Site>,
    /// Transfers that the sites lack, because there were too many sites.
    pub lost: u64,
    /// The time in which it was counted, in picoseconds: until [`Seat::close`], or the last core's end. 0 where turns are not
    /// timed.
    pub elapsed_ps: u64,
    /// What the cores spent it on, where turns are timed.
    pub spent: Spent,
}

impl Machine {
    /// A machine of `cores` cores.
    ///
    /// # Panics
    /// When `cores` is not in 1..=[`MAX_CORES`], or a machine exists.
    #[must_use]
    pub fn new(cores: usize, schedule: Schedule, seed: u64) -> Self {
        assert!((1..=MAX_CORES).contains(&cores), "{cores} cores are not in 1..={MAX_CORES}");
        assert!(!EXISTS.swap(true, Ordering::AcqRel), "there is a machine already");
        let mut turns = Turns::new(schedule, seed);
        (0..cores).for_each(|core| turns.enter(core));
        let directory = Directory::new(LINES);
        let timeline = match schedule {
            Schedule::Timed(pace) => Some(Timeline::new(pace, directory.entries())),
            Schedule::Operations | Schedule::Accesses(_) => None,
        };
        let simulation = Simulation {
            directory,
            timeline,
            sites: Sites::new(SITES),
            turns,
            counts: [Counts::default(); KINDS],
            cores: [Core::default(); MAX_CORES],
            closed: false,
            size: cores,
            begun: 0,
            clock: 0,
            began: 0,
            elapsed: None,
        };
        // SAFETY: there is no other machine, so no thread is a core.
        unsafe { *SIMULATION.0.get() = Some(Box::new(simulation)) };
        Self { cores }
    }

    /// Runs `work` on all cores, each a thread, and returns when all have ended; a thread that panicked leaves its payload.
    /// The threads are there before the first of them begins.
    pub fn run(self, work: impl Fn(usize, &mut Seat) + Sync) -> (Report, Vec<thread::Result<()>>) {
        let work = &work;
        let outcomes = thread::scope(|scope| {
            let mut threads = Vec::with_capacity(self.cores);
            for (core, exit) in EXITS.iter().enumerate().take(self.cores) {
                threads.push(scope.spawn(move || {
                    let mut seat = Seat::take(core);
                    // Inside, so that what unwinding frees is freed in turn.
                    let outcome = catch_unwind(AssertUnwindSafe(|| work(core, &mut seat)));
                    drop(seat);
                    pass(exit);
                    outcome
                }));
                // One after the other, so that they ask for memory in the same order each time.
                while WAITING.load(Ordering::Acquire) <= core {
                    thread::yield_now();
                }
            }
            // SAFETY: all threads wait at their gates.
            let first = unsafe { simulation() }.turns.next(NO_CORE);
            if let Next::Core(core) = first {
                open(&GATES[core]);
            }
            // One after the other, so that what they leave behind, such as the numbers that maps give to threads, is found in the
            // same order by the threads of a machine that follows.
            let leave = |(exit, thread): (&AtomicU32, thread::ScopedJoinHandle<_>)| {
                open(exit);
                thread.join().and_then(|outcome| outcome)
            };
            EXITS.iter().zip(threads).map(leave).collect()
        });
        // SAFETY: all threads have ended.
        let simulation = unsafe { simulation() };
        let last = (0..self.cores).map(|core| simulation.turns.clock(core)).max().unwrap_or(0);
        let report = Report {
            counts: simulation.counts,
            sites: simulation.sites.all(),
            lost: simulation.sites.lost,
            elapsed_ps: simulation.elapsed.unwrap_or(last - simulation.began),
            spent: simulation.timeline.as_ref().map(Timeline::spent).unwrap_or_default(),
        };
        (report, outcomes)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        WAITING.store(0, Ordering::Release);
        // SAFETY: `run` returns when its threads have ended, so no thread is a core.
        unsafe { *SIMULATION.0.get() = None };
        EXISTS.store(false, Ordering::Release);
    }
}

/// A thread's place as a core.
pub struct Seat {
    core: usize,
}

impl Seat {
    fn take(core: usize) -> Self {
        WAITING.fetch_add(1, Ordering::AcqRel);
        pass(&GATES[core]);
        CORE.set(core);
        Self { core }
    }

    /// Does one operation of a kind below [`KINDS`]: what it does is counted, and the turn may end with it.
    pub fn operation<R>(&mut self, kind: usize, work: impl FnOnce() -> R) -> R {
        // This function is compiled in the crate that calls it, and instrumented there; the two that it calls are not.
        self.begin(kind);
        let result = work();
        self.end(true);
        result
    }

    /// Does something beside the operations, of a kind below [`KINDS`]: it is counted likewise, and the turn goes on.
    pub fn aside<R>(&mut self, kind: usize, work: impl FnOnce() -> R) -> R {
        self.begin(kind);
        let result = work();
        self.end(false);
        result
    }

    #[inline(never)]
    fn begin(&mut self, kind: usize) {
        // SAFETY: this thread has the turn.
        unsafe { simulation() }.begin(self.core, kind);
    }

    #[inline(never)]
    fn end(&mut self, with_turn: bool) {
        // SAFETY: this thread has the turn.
        if unsafe { simulation() }.end(self.core) && with_turn {
            hand_over(self.core);
        }
    }

    /// What all operations did since the machine began, or since [`forget`](Self::forget).
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        // SAFETY: this thread has the turn.
        unsafe { simulation() }.counts.iter().for_each(|counts| totals += *counts);
        totals
    }

    /// Forgets what was counted so far, for all cores; who holds which line stays.
    pub fn forget(&mut self) {
        // SAFETY: this thread has the turn.
        let simulation = unsafe { simulation() };
        simulation.counts = [Counts::default(); KINDS];
        simulation.sites.clear();
        simulation.began = simulation.turns.clock(self.core);
        simulation.timeline.iter_mut().for_each(Timeline::forget);
    }

    /// Counts no more, for any core: the threads that go on until they have noticed leave no trace.
    pub fn close(&mut self) {
        // SAFETY: this thread has the turn.
        let simulation = unsafe { simulation() };
        simulation.closed = true;
        simulation.elapsed = Some(simulation.turns.clock(self.core).saturating_sub(simulation.began));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // SAFETY: this thread has the turn, and gives it away below.
        let simulation = unsafe { simulation() };
        simulation.cores[self.core].counting = false;
        simulation.turns.leave(self.core);
        CORE.set(NO_CORE);
        match simulation.turns.next(NO_CORE) {
            Next::Core(core) => open(&GATES[core]),
            Next::Over => {}
            Next::DeadLock => dead_lock(),
        }
    }
}

impl Simulation {
    fn begin(&mut self, core: usize, kind: usize) {
        assert!(kind < KINDS, "kind {kind} is not below {KINDS}");
        self.begun = self.begun.wrapping_add(1).max(1);
        self.cores[core] = Core { counting: !self.closed, kind: kind as u8, operation: self.begun };
    }

    fn end(&mut self, core: usize) -> bool {
        if !self.closed {
            self.counts[usize::from(self.cores[core].kind)].operations += 1;
        }
        self.cores[core].counting = false;
        self.turns.operation_ends(core)
    }

    fn record(&mut self, core: usize, address: usize, bytes: usize, access: Access, return_address: usize) {
        let Core { counting, kind, operation } = self.cores[core];
        if let (true, Some(timeline)) = (self.closed, &self.timeline) {
            // Those who wait for another still must see time go by.
            self.turns.advance(core, self.turns.clock(core) + timeline.access_ps());
        }
        if !counting || self.closed {
            return;
        }
        let counts = &mut self.counts[usize::from(kind)];
        counts.accesses += 1;
        for (place, (line, words)) in lines(address, bytes).enumerate() {
            let touch = Touch { core, line, words, access, operation };
            let Some(Touched { entry, outcome, first }) = self.directory.touch(touch) else {
                system::fatal(
                    "mapbench-contention: more memory is touched than the simulation can follow: choose a smaller population",
                );
            };
            counts.lines += u64::from(first);
            counts.note(outcome);
            if let Some(timeline) = &mut self.timeline {
                self.turns.advance(core, timeline.access(entry, core, access, outcome, self.turns.clock(core)));
                // What it does next with the line, it does before the line leaves again.
                self.turns.stay(timeline.has_fetched());
            }
            if place < LAID_DOWN {
                self.sites.note(line, return_address as u64, kind, outcome);
            } else {
                self.sites.lost += u64::from(outcome.is_transfer());
            }
        }
    }

    /// Where turns are timed: the core writes the word that it sleeps on, as locks do before and after. std's slow paths are
    /// not seen; this stands for their accesses.
    fn take(&mut self, core: usize, word: usize) {
        let Core { counting, operation, .. } = self.cores[core];
        let Some(timeline) = self.timeline.as_mut().filter(|_| counting && !self.closed) else { return };
        let access = Access::Write;
        for (line, words) in lines(word, size_of::<u32>()) {
            if let Some(touched) = self.directory.touch(Touch { core, line, words, access, operation }) {
                let now = self.turns.clock(core);
                self.turns.advance(core, timeline.access(touched.entry, core, access, touched.outcome, now));
            }
        }
    }

    fn count(&mut self, core: usize, count: impl FnOnce(&mut Counts)) {
        if self.cores[core].counting && !self.closed {
            count(&mut self.counts[usize::from(self.cores[core].kind)]);
        }
    }
}

/// An access is about to be made.
#[inline]
pub(crate) fn access(address: usize, bytes: usize, access: Access, return_address: usize) {
    let Some(core) = this_core() else { return };
    // SAFETY: a core that runs has the turn.
    let simulation = unsafe { simulation() };
    simulation.clock += 1;
    if simulation.turns.burn(core) {
        hand_over(core);
    }
    // SAFETY: it has it again.
    unsafe { self::simulation() }.record(core, address, bytes, access, return_address);
}

/// Something of this core is to be counted, if it is in an operation.
pub(crate) fn count(count: impl FnOnce(&mut Counts)) {
    if let Some(core) = this_core() {
        // SAFETY: a core that runs has the turn.
        unsafe { simulation() }.count(core, count);
    }
}

/// The virtual core that this thread is.
pub(crate) fn this_core() -> Option<usize> {
    let core = CORE.get();
    (core != NO_CORE).then_some(core)
}

/// What this core takes for the time, in nanoseconds.
pub(crate) fn clock() -> Option<u64> {
    this_core().map(|core| {
        // SAFETY: a core that runs has the turn.
        let simulation = unsafe { simulation() };
        if simulation.timeline.is_some() { simulation.turns.clock(core) / 1_000 } else { simulation.clock }
    })
}

/// The cores that this core is told the machine has.
pub(crate) fn size() -> Option<usize> {
    // SAFETY: a core that runs has the turn.
    this_core().map(|_| unsafe { simulation() }.size)
}

/// Whether there is a machine.
pub(crate) fn exists() -> bool {
    EXISTS.load(Ordering::Acquire)
}

/// This core has nothing to do for the moment, or for so many nanoseconds.
pub(crate) fn yield_turn(core: usize, time_ns: u64) {
    // SAFETY: a core that runs has the turn.
    unsafe { simulation() }.turns.idle(core, time_ns.saturating_mul(1_000));
    hand_over(core);
}

/// This core sleeps until the word is woken.
pub(crate) fn sleep(core: usize, word: usize, timed: bool) -> Waking {
    // SAFETY: a core that runs has the turn.
    let simulation = unsafe { simulation() };
    simulation.count(core, |counts| counts.sleeps += 1);
    simulation.take(core, word);
    simulation.turns.sleep(core, word, timed);
    hand_over(core);
    // SAFETY: it has it again.
    let simulation = unsafe { self::simulation() };
    simulation.take(core, word);
    simulation.turns.waking(core)
}

/// Wakes cores that sleep on the word; returns how many.
pub(crate) fn wake(word: usize, most: usize) -> usize {
    // SAFETY: a core that runs has the turn.
    this_core().map_or(0, |core| unsafe { simulation() }.turns.wake(core, word, most))
}

fn hand_over(core: usize) {
    // SAFETY: a core that runs has the turn until it opens another's gate.
    match unsafe { simulation() }.turns.next(core) {
        Next::Core(next) if next == core => {}
        Next::Core(next) => {
            open(&GATES[next]);
            pass(&GATES[core]);
        }
        Next::Over | Next::DeadLock => dead_lock(),
    }
}

fn dead_lock() -> ! {
    system::fatal("mapbench-contention: a dead lock: every virtual core sleeps, and waking them does not help")
}

fn open(gate: &AtomicU32) {
    gate.store(1, Ordering::Release);
    system::wake(gate);
}

fn pass(gate: &AtomicU32) {
    while gate.load(Ordering::Acquire) == 0 {
        system::wait(gate, 0);
    }
    gate.store(0, Ordering::Relaxed);
}

/// The simulation.
///
/// # Safety
/// The caller has the turn, or no thread is a core; the reference ends before the turn does.
unsafe fn simulation<'a>() -> &'a mut Simulation {
    // SAFETY: as promised, nobody else looks at it.
    let simulation = unsafe { &mut *SIMULATION.0.get() };
    simulation.as_mut().expect("there is a machine wherever there is a core")
}
