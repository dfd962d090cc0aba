//! The allocator of the programs that time: the system's, or the one of a feature. No part of the library, whose users set
//! their own, nor of the program that counts.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(all(feature = "jemalloc", not(feature = "mimalloc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Has it named in the results.
pub(crate) fn declare() {
    if cfg!(feature = "mimalloc") {
        mapbench::declare_allocator("mimalloc");
    } else if cfg!(feature = "jemalloc") {
        mapbench::declare_allocator("jemalloc");
    }
}
