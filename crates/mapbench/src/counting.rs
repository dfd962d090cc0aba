//! An allocator that counts: what a program built with it allocates, holds and gives back.
//!
//! No program that times anything is built with it. `mapbench-counting` is `mapbench` and this allocator; an own program
//! with own strategies becomes one by
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: mapbench::CountingAllocator = mapbench::CountingAllocator;
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes allocated and not freed. Wraps below zero only while a free overtakes its allocation's count.
static LIVE: AtomicU64 = AtomicU64::new(0);
/// The most of them at one time since [`reset_peak`].
static PEAK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread has allocated. Without a destructor, so that it can be used as long as the thread runs.
    static MINE: Cell<Allocated> = const { Cell::new(Allocated { times: 0, bytes: 0 }) };
}

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// How often and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) times: u64,
    /// As asked for; of a reallocation the new size.
    pub(crate) bytes: u64,
}

impl Allocated {
    pub(crate) fn since(self, before: Self) -> Self {
        Self { times: self.times - before.times, bytes: self.bytes - before.bytes }
    }
}

/// What the calling thread has allocated since it began.
pub(crate) fn mine() -> Allocated {
    MINE.get()
}

/// Bytes that the program holds now.
pub(crate) fn live_bytes() -> u64 {
    LIVE.load(Ordering::Relaxed)
}

/// The most that it held at one time since the last [`reset_peak`].
pub(crate) fn peak_bytes() -> u64 {
    PEAK.load(Ordering::Relaxed)
}

pub(crate) fn reset_peak() {
    PEAK.store(live_bytes(), Ordering::Relaxed);
}

/// Whether this program was built with [`CountingAllocator`].
pub(crate) fn counts() -> bool {
    let before = mine();
    drop(std::hint::black_box(Box::new(0_u8)));
    mine() != before
}

fn took(bytes: usize) {
    let live = LIVE.fetch_add(bytes as u64, Ordering::Relaxed).wrapping_add(bytes as u64);
    // A count that wrapped is no peak.
    if live < 1 << 63 {
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
    let Allocated { times, bytes: before } = MINE.get();
    MINE.set(Allocated { times: times + 1, bytes: before + bytes as u64 });
}

fn gave(bytes: usize) {
    LIVE.fetch_sub(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator as it came, and its answer handed back; the counts beside touch
// no memory of the caller's and allocate nothing: two atomics, and a thread-local that needs neither initialisation nor
// destructor.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this very function.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            took(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this very function.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            took(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.dealloc(block, layout) };
        gave(layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this very function.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        if !moved.is_null() {
            gave(layout.size());
            took(new_size);
        }
        moved
    }
}
