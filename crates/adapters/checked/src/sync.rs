//! All that the check shares between threads is made of these. With `--cfg loom` a model checker's are in their place,
//! which `scripts/loom.sh` tries in every order.

#[cfg(not(loom))]
pub(crate) use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use self::model::{AtomicBool, RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering, fence};

/// A flag, and parking_lot's lock as far as it is tried: one word, with parking_lot's orders. loom's own lock would not do, because
/// the check reads other words after a try has failed, and depends on what the failed try had seen.
#[cfg(loom)]
#[allow(unsafe_code)]
mod model {
    use std::ops::{Deref, DerefMut};

    use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
    use loom::sync::atomic::{AtomicUsize, Ordering};

    const WRITER: usize = 1;
    const READER: usize = 2;

    /// loom 0.7 takes a plain store for unordered with a swap that it never saw, and so may bring back what the store has
    /// cleared; no machine can. As a swap, the store has its place in the one order of the flag's values.
    pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            Self(loom::sync::atomic::AtomicBool::new(value))
        }

        pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
            self.0.swap(value, order)
        }

        pub(crate) fn store(&self, value: bool, order: Ordering) {
            self.0.swap(value, order);
        }
    }

    pub(crate) struct RwLock<T> {
        state: AtomicUsize,
        /// loom ends the model if a writer is inside together with anybody else.
        value: UnsafeCell<T>,
    }

    // SAFETY: as for parking_lot's lock; that the value is reached by readers alone or one writer alone is what `state`
    // is for, and loom watches it.
    unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self { state: AtomicUsize::new(0), value: UnsafeCell::new(value) }
        }

        pub(crate) fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
            let mut state = self.state.load(Ordering::Relaxed);
            while state & WRITER == 0 {
                match self.state.compare_exchange(state, state + READER, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(RwLockReadGuard { value: Some(self.value.get()), lock: self }),
                    Err(found) => state = found,
                }
            }
            None
        }

        pub(crate) fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
            let locked = self.state.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed);
            locked.ok().map(|_| RwLockWriteGuard { value: Some(self.value.get_mut()), lock: self })
        }
    }

    pub(crate) struct RwLockReadGuard<'m, T> {
        /// `None` when the lock is about to be released.
        value: Option<ConstPtr<T>>,
        lock: &'m RwLock<T>,
    }

    impl<T> Deref for RwLockReadGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            let value = self.value.as_ref().expect("not yet dropped");
            // SAFETY: the lock is held for as long as the guard lives.
            unsafe { value.deref() }
        }
    }

    impl<T> Drop for RwLockReadGuard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            self.lock.state.fetch_sub(READER, Ordering::Release);
        }
    }

    pub(crate) struct RwLockWriteGuard<'m, T> {
        /// `None` when the lock is about to be released.
        value: Option<MutPtr<T>>,
        lock: &'m RwLock<T>,
    }

    impl<T> Deref for RwLockWriteGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            let value = self.value.as_ref().expect("not yet dropped");
            // SAFETY: the lock is held for as long as the guard lives.
            unsafe { value.deref() }
        }
    }

    impl<T> DerefMut for RwLockWriteGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            let value = self.value.as_ref().expect("not yet dropped");
            // SAFETY: the lock is held for as long as the guard lives, and nobody else holds it.
            unsafe { value.deref() }
        }
    }

    impl<T> Drop for RwLockWriteGuard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            self.lock.state.fetch_and(!WRITER, Ordering::Release);
        }
    }
}
