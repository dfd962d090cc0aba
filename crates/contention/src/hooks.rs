//! What the compiler calls under `-Zsanitizer=thread`: a function before every access of memory, and one in place of every
//! atomic operation (LLVM, ThreadSanitizer.cpp; the interface is `compiler-rt/lib/tsan/rtl/tsan_interface*.h`).
//!
//! Each hook is a jump with the return address in the sixth argument, which no hook has: it names the place in the program.

use std::arch::naked_asm;
use std::sync::atomic::{self, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::directory::Access;
use crate::simulation::{access, count};

/// Arguments that a hook does not have.
type Unused = usize;

macro_rules! hooks {
    ($($name:ident => $body:path;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                naked_asm!("mov r9, [rsp]", "jmp {}", sym $body)
            }
        )*
    };
}

extern "C" fn read<const BYTES: usize>(at: usize, _: Unused, _: Unused, _: Unused, _: Unused, from: usize) {
    access(at, BYTES, Access::Read, from);
}

extern "C" fn write<const BYTES: usize>(at: usize, _: Unused, _: Unused, _: Unused, _: Unused, from: usize) {
    access(at, BYTES, Access::Write, from);
}

extern "C" fn read_range(at: usize, bytes: usize, _: Unused, _: Unused, _: Unused, from: usize) {
    access(at, bytes, Access::Read, from);
}

extern "C" fn write_range(at: usize, bytes: usize, _: Unused, _: Unused, _: Unused, from: usize) {
    access(at, bytes, Access::Write, from);
}

/// Copies; source and target may overlap.
unsafe extern "C" fn copy(to: *mut u8, source: *const u8, bytes: usize, _: Unused, _: Unused, from: usize) -> *mut u8 {
    if bytes > 0 {
        access(source as usize, bytes, Access::Read, from);
        access(to as usize, bytes, Access::Write, from);
    }
    // SAFETY: the program asked for this copy.
    unsafe { std::ptr::copy(source, to, bytes) };
    to
}

unsafe extern "C" fn set(to: *mut u8, byte: i32, bytes: usize, _: Unused, _: Unused, from: usize) -> *mut u8 {
    if bytes > 0 {
        access(to as usize, bytes, Access::Write, from);
    }
    // SAFETY: the program asked for these bytes to be set.
    unsafe { to.write_bytes(byte as u8, bytes) };
    to
}

extern "C" fn nothing(_: Unused, _: Unused, _: Unused, _: Unused, _: Unused, _: usize) {}

extern "C" fn fence(_order: i32, _: Unused, _: Unused, _: Unused, _: Unused, _: usize) {
    count(|counts| counts.fences += 1);
    atomic::fence(Ordering::SeqCst);
}

hooks! {
    __tsan_init => nothing;
    __tsan_func_entry => nothing;
    __tsan_func_exit => nothing;
    __tsan_ignore_thread_begin => nothing;
    __tsan_ignore_thread_end => nothing;
    __tsan_read1 => read::<1>;
    __tsan_read2 => read::<2>;
    __tsan_read4 => read::<4>;
    __tsan_read8 => read::<8>;
    __tsan_read16 => read::<16>;
    __tsan_write1 => write::<1>;
    __tsan_write2 => write::<2>;
    __tsan_write4 => write::<4>;
    __tsan_write8 => write::<8>;
    __tsan_write16 => write::<16>;
    __tsan_unaligned_read2 => read::<2>;
    __tsan_unaligned_read4 => read::<4>;
    __tsan_unaligned_read8 => read::<8>;
    __tsan_unaligned_read16 => read::<16>;
    __tsan_unaligned_write2 => write::<2>;
    __tsan_unaligned_write4 => write::<4>;
    __tsan_unaligned_write8 => write::<8>;
    __tsan_unaligned_write16 => write::<16>;
    __tsan_read_write1 => write::<1>;
    __tsan_read_write2 => write::<2>;
    __tsan_read_write4 => write::<4>;
    __tsan_read_write8 => write::<8>;
    __tsan_read_write16 => write::<16>;
    __tsan_unaligned_read_write2 => write::<2>;
    __tsan_unaligned_read_write4 => write::<4>;
    __tsan_unaligned_read_write8 => write::<8>;
    __tsan_unaligned_read_write16 => write::<16>;
    __tsan_vptr_read => read::<8>;
    __tsan_vptr_update => write::<8>;
    __tsan_read_range => read_range;
    __tsan_write_range => write_range;
    __tsan_memcpy => copy;
    __tsan_memmove => copy;
    __tsan_memset => set;
    __tsan_atomic_thread_fence => fence;
    __tsan_atomic_signal_fence => nothing;
}

/// The atomic operations of one width, as sequentially consistent ones: no order that the program asked for is weaker than
/// what it gets.
macro_rules! atomics {
    ($module:ident, $int:ty, $atomic:ty, { $($name:ident => $body:ident,)* }) => {
        mod $module {
            use super::*;

            fn modify(at: *mut $int, from: usize) -> &'static $atomic {
                count(|counts| counts.modifies += 1);
                access(at as usize, size_of::<$int>(), Access::Write, from);
                // SAFETY: the program does an atomic operation there, so there is such an integer.
                unsafe { <$atomic>::from_ptr(at) }
            }

            extern "C" fn load(at: *mut $int, _order: i32, _: Unused, _: Unused, _: Unused, from: usize) -> $int {
                access(at as usize, size_of::<$int>(), Access::Read, from);
                // SAFETY: as above.
                unsafe { <$atomic>::from_ptr(at) }.load(Ordering::SeqCst)
            }

            extern "C" fn store(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) {
                access(at as usize, size_of::<$int>(), Access::Write, from);
                // SAFETY: as above.
                unsafe { <$atomic>::from_ptr(at) }.store(value, Ordering::SeqCst);
            }

            extern "C" fn swap(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).swap(value, Ordering::SeqCst)
            }

            extern "C" fn add(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_add(value, Ordering::SeqCst)
            }

            extern "C" fn sub(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_sub(value, Ordering::SeqCst)
            }

            extern "C" fn and(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_and(value, Ordering::SeqCst)
            }

            extern "C" fn or(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_or(value, Ordering::SeqCst)
            }

            extern "C" fn xor(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_xor(value, Ordering::SeqCst)
            }

            extern "C" fn nand(at: *mut $int, value: $int, _order: i32, _: Unused, _: Unused, from: usize) -> $int {
                modify(at, from).fetch_nand(value, Ordering::SeqCst)
            }

            /// Returns what was there.
            extern "C" fn exchange(
                at: *mut $int,
                expected: $int,
                new: $int,
                _success: i32,
                _failure: i32,
                from: usize,
            ) -> $int {
                match modify(at, from).compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(old) | Err(old) => old,
                }
            }

            hooks! { $($name => $body;)* }
        }
    };
}

atomics!(bits8, u8, AtomicU8, {
    __tsan_atomic8_load => load,
    __tsan_atomic8_store => store,
    __tsan_atomic8_exchange => swap,
    __tsan_atomic8_fetch_add => add,
    __tsan_atomic8_fetch_sub => sub,
    __tsan_atomic8_fetch_and => and,
    __tsan_atomic8_fetch_or => or,
    __tsan_atomic8_fetch_xor => xor,
    __tsan_atomic8_fetch_nand => nand,
    __tsan_atomic8_compare_exchange_val => exchange,
});

atomics!(bits16, u16, AtomicU16, {
    __tsan_atomic16_load => load,
    __tsan_atomic16_store => store,
    __tsan_atomic16_exchange => swap,
    __tsan_atomic16_fetch_add => add,
    __tsan_atomic16_fetch_sub => sub,
    __tsan_atomic16_fetch_and => and,
    __tsan_atomic16_fetch_or => or,
    __tsan_atomic16_fetch_xor => xor,
    __tsan_atomic16_fetch_nand => nand,
    __tsan_atomic16_compare_exchange_val => exchange,
});

atomics!(bits32, u32, AtomicU32, {
    __tsan_atomic32_load => load,
    __tsan_atomic32_store => store,
    __tsan_atomic32_exchange => swap,
    __tsan_atomic32_fetch_add => add,
    __tsan_atomic32_fetch_sub => sub,
    __tsan_atomic32_fetch_and => and,
    __tsan_atomic32_fetch_or => or,
    __tsan_atomic32_fetch_xor => xor,
    __tsan_atomic32_fetch_nand => nand,
    __tsan_atomic32_compare_exchange_val => exchange,
});

atomics!(bits64, u64, AtomicU64, {
    __tsan_atomic64_load => load,
    __tsan_atomic64_store => store,
    __tsan_atomic64_exchange => swap,
    __tsan_atomic64_fetch_add => add,
    __tsan_atomic64_fetch_sub => sub,
    __tsan_atomic64_fetch_and => and,
    __tsan_atomic64_fetch_or => or,
    __tsan_atomic64_fetch_xor => xor,
    __tsan_atomic64_fetch_nand => nand,
    __tsan_atomic64_compare_exchange_val => exchange,
});
