//! An allocator that puts the same things in the same places in every run.
//!
//! As mimalloc does (Leijen, Zorn & de Moura, APLAS 2019), every core takes memory from pages of its own, and what it took
//! goes back there, whoever frees it. What the allocator itself does to memory is not counted, its calls are: it is the
//! same for every map, and the real one is the user's choice.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::{NonNull, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::directory::MAX_CORES;
use crate::simulation;

/// Where the cores' memory begins: far from where the kernel puts anything unasked.
const BASE: usize = 0x1000_0000_0000;

/// Address space of a core: more than a process may use here in all.
const ARENA: usize = 1 << 32;

/// The last arena is the main thread's, which builds the map.
const ARENAS: usize = MAX_CORES + 1;

/// Up to here sizes are rounded to a multiple of 16 bytes, above to a power of two.
const SMALL: usize = 1024;
const SMALL_CLASSES: usize = SMALL / 16 + 1;
const CLASSES: usize = SMALL_CLASSES + 32;

/// From here on zeros are the kernel's.
const SPARSE: usize = 1 << 24;

/// A larger alignment is left to the system.
const MOST_ALIGNED: usize = 4096;

#[derive(Clone, Copy)]
struct Arena {
    used: usize,
    /// The free blocks of each class; each holds the address of the next.
    free: [usize; CLASSES],
}

struct Arenas(UnsafeCell<[Arena; ARENAS]>);

// SAFETY: touched under the lock alone.
unsafe impl Sync for Arenas {}

static ARENAS_OF_CORES: Arenas = Arenas(UnsafeCell::new([Arena { used: 0, free: [0; CLASSES] }; ARENAS]));
static LOCKED: AtomicBool = AtomicBool::new(false);
static MAPPED: Once = Once::new();

/// The allocator of an instrumented program: `#[global_allocator] static HEAP: Heap = Heap;`.
pub struct Heap;

/// A size class: its number, and the bytes of its blocks.
fn class(layout: Layout) -> Option<(usize, usize)> {
    let size = layout.size().max(16).next_multiple_of(layout.align());
    if layout.align() > MOST_ALIGNED || size > ARENA / 4 {
        return None;
    }
    if size <= SMALL && layout.align() <= 16 {
        let size = size.next_multiple_of(16);
        return Some((size / 16, size));
    }
    let size = size.next_power_of_two();
    Some((SMALL_CLASSES + size.trailing_zeros() as usize, size))
}

/// Whose memory this thread uses: its core's, or the main thread's, which is the process's first. Other threads that are no
/// core, such as one that is about to become one, take what the system gives.
fn arena_of_this_thread() -> Option<usize> {
    simulation::this_core().or_else(|| {
        // SAFETY: neither call has a precondition.
        let main = unsafe { libc::getpid() == libc::gettid() };
        main.then_some(MAX_CORES)
    })
}

fn with_arena<R>(arena: usize, work: impl FnOnce(&mut Arena) -> R) -> R {
    while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        std::hint::spin_loop();
    }
    // SAFETY: under the lock. A core cannot lose its turn here: there is no hook in this crate.
    let result = work(unsafe { &mut (*ARENAS_OF_CORES.0.get())[arena] });
    LOCKED.store(false, Ordering::Release);
    result
}

fn map() {
    MAPPED.call_once(|| {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: a fresh mapping, which replaces nothing.
        let at = unsafe { libc::mmap(BASE as *mut libc::c_void, ARENA * ARENAS, protection, flags, -1, 0) };
        if at as usize != BASE {
            crate::system::fatal("mapbench-contention: the system gives no address space for the cores' memory");
        }
    });
}

fn take(layout: Layout) -> Option<(*mut u8, bool)> {
    let (class, size) = class(layout)?;
    let arena = arena_of_this_thread()?;
    map();
    let block = with_arena(arena, |memory| {
        let head = memory.free[class];
        if head != 0 {
            // SAFETY: a free block, of at least 16 bytes, in whose first eight is the address of the next.
            memory.free[class] = unsafe { *(head as *const usize) };
            return (head, false);
        }
        let aligned = if class < SMALL_CLASSES { 16 } else { size.min(MOST_ALIGNED) };
        let begin = memory.used.next_multiple_of(aligned);
        if begin + size > ARENA {
            return (0, false);
        }
        memory.used = begin + size;
        (BASE + arena * ARENA + begin, true)
    });
    Some((block.0 as *mut u8, block.1))
}

/// Fills a block with zeros.
///
/// # Safety
/// The block came from [`take`], has at least this size, and is nobody else's.
unsafe fn clear(block: NonNull<u8>, bytes: usize) {
    // So large a one, a directory's, is used in few places: the kernel gives zeros there, and there alone.
    if bytes >= SPARSE {
        // SAFETY: whole pages of a private mapping, since blocks of this size begin and end with one; nothing in them is needed.
        let done = unsafe { libc::madvise(block.as_ptr().cast(), bytes.next_power_of_two(), libc::MADV_DONTNEED) };
        if done == 0 {
            return;
        }
    }
    // SAFETY: as promised.
    unsafe { block.write_bytes(0, bytes) };
}

// SAFETY: a block is of its class's size and alignment, which are no less than the layout's; it is in no free list while it
// is used.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        simulation::count(|counts| counts.allocator_calls += 1);
        match take(layout) {
            Some((block, _)) => block,
            // SAFETY: the caller's promise is passed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        simulation::count(|counts| counts.allocator_calls += 1);
        match take(layout) {
            // Memory that was never used is zero.
            Some((block, true)) => block,
            Some((block, false)) => {
                if let Some(block) = NonNull::new(block) {
                    // SAFETY: the block is free, and has at least this size.
                    unsafe { clear(block, layout.size()) };
                    return block.as_ptr();
                }
                null_mut()
            }
            // SAFETY: the caller's promise is passed on.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        simulation::count(|counts| counts.allocator_calls += 1);
        let address = block as usize;
        match class(layout) {
            Some((class, _)) if (BASE..BASE + ARENA * ARENAS).contains(&address) => {
                with_arena((address - BASE) / ARENA, |memory| {
                    // SAFETY: the block is the allocator's again, and has at least 16 bytes.
                    unsafe { *block.cast::<usize>() = memory.free[class] };
                    memory.free[class] = address;
                });
            }
            // SAFETY: the caller's promise is passed on: what is not from here is from the system.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Machine, Schedule};
    use std::sync::{Mutex, PoisonError};

    /// There is one machine at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn a_block_is_as_large_and_as_aligned_as_was_asked() {
        for align in [1, 8, 16, 64, 4096] {
            for size in [1, 16, 17, 100, 1024, 1025, 5_000, 1 << 20] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let (_, block) = class(layout).unwrap();
                assert!(block >= size, "{layout:?}: {block}");
                let aligned = if block <= SMALL && align <= 16 { 16 } else { block.min(MOST_ALIGNED) };
                assert_eq!(aligned % align, 0, "{layout:?}");
            }
        }
        assert_eq!(class(Layout::from_size_align(8, 8192).unwrap()), None);
    }

    #[test]
    fn a_large_block_is_zero_again() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, outcomes) = Machine::new(1, Schedule::Operations, 1).run(|_, seat| {
            for size in [SPARSE - 4096, SPARSE, SPARSE + 12_345] {
                let layout = Layout::from_size_align(size, 64).unwrap();
                // SAFETY: the block is given back with its layout, and not used afterwards.
                seat.operation(0, || unsafe {
                    let block = Heap.alloc_zeroed(layout);
                    block.write_bytes(7, size);
                    Heap.dealloc(block, layout);
                    let again = Heap.alloc_zeroed(layout);
                    assert_eq!(again, block);
                    assert!((0..size).all(|byte| *again.add(byte) == 0), "{size}");
                    Heap.dealloc(again, layout);
                });
            }
        });
        outcomes.into_iter().for_each(|outcome| outcome.unwrap());
    }

    /// On a core, whose memory comes from its arena.
    #[test]
    fn blocks_do_not_overlap_and_come_back_whoever_frees_them() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = Layout::from_size_align(48, 8).unwrap();
        let from_other = Mutex::new(Vec::new());
        let (_, outcomes) = Machine::new(2, Schedule::Operations, 1).run(|core, seat| {
            // SAFETY: each block is given back once, with its layout, and not used afterwards.
            seat.operation(0, || unsafe {
                let blocks: Vec<*mut u8> = (0..100).map(|_| Heap.alloc(layout)).collect();
                for (number, block) in blocks.iter().enumerate() {
                    assert_eq!((*block as usize - BASE) / ARENA, core);
                    block.write_bytes(number as u8, 48);
                }
                for (number, block) in blocks.iter().enumerate() {
                    assert!((0..48).all(|byte| *block.add(byte) == number as u8));
                }
                from_other.lock().unwrap().push(blocks[0] as usize);
                blocks[1..].iter().for_each(|block| Heap.dealloc(*block, layout));
                let zeroed = Heap.alloc_zeroed(layout);
                assert!(zeroed == blocks[99] && (0..48).all(|byte| *zeroed.add(byte) == 0));
            });
            let other = core + 1 - 2 * core;
            seat.operation(0, || {
                let blocks = from_other.lock().unwrap();
                let block = blocks.iter().find(|block| (**block - BASE) / ARENA == other).unwrap();
                // SAFETY: as above; the other core has had its turn, and leaves this block alone.
                unsafe { Heap.dealloc(*block as *mut u8, layout) };
            });
            seat.operation(0, || {
                let own = from_other.lock().unwrap().iter().copied().find(|block| (block - BASE) / ARENA == core);
                // SAFETY: it stays allocated.
                assert_eq!(Some(unsafe { Heap.alloc(layout) } as usize), own);
            });
        });
        outcomes.into_iter().for_each(|outcome| outcome.unwrap());
    }
}
