//! All that the algorithm shares between threads is made of these. With `--cfg loom` a model checker's are in their place,
//! which `scripts/loom.sh` tries in every order.

pub(crate) use std::sync::Arc;

#[cfg(not(loom))]
pub(crate) use arc_swap::{ArcSwap, ArcSwapOption, Guard};
#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(loom)]
pub(crate) use self::model::{ArcSwap, ArcSwapOption, Guard, Mutex};

/// arc-swap and parking_lot as they are documented: a pointer that is loaded, swapped and exchanged at one instant each, and
/// a lock. How arc-swap counts references is its own affair, and so std's `Arc` stays.
#[cfg(loom)]
mod model {
    use std::ops::Deref;
    use std::sync::Arc;

    use loom::sync::MutexGuard;

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("loom's locks are not poisoned")
        }
    }

    /// A pointer, or none, behind a lock that is held for one access.
    pub(crate) struct ArcSwapAny<T>(Mutex<T>);

    pub(crate) type ArcSwap<T> = ArcSwapAny<Arc<T>>;
    pub(crate) type ArcSwapOption<T> = ArcSwapAny<Option<Arc<T>>>;

    /// What was loaded, kept alive.
    pub(crate) struct Guard<T>(T);

    impl<T> Deref for Guard<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> ArcSwap<T> {
        pub(crate) fn from_pointee(value: T) -> Self {
            Self::new(Arc::new(value))
        }
    }

    impl<T: Clone> ArcSwapAny<T> {
        pub(crate) fn new(pointer: T) -> Self {
            Self(Mutex::new(pointer))
        }

        pub(crate) fn load(&self) -> Guard<T> {
            Guard(self.load_full())
        }

        pub(crate) fn load_full(&self) -> T {
            self.0.lock().clone()
        }

        pub(crate) fn store(&self, pointer: T) {
            self.swap(pointer);
        }

        pub(crate) fn swap(&self, pointer: T) -> T {
            std::mem::replace(&mut *self.0.lock(), pointer)
        }
    }

    impl<T> ArcSwapOption<T> {
        /// Stores `new` if the pointer is `current`; returns what was there.
        pub(crate) fn compare_and_swap(&self, current: &Option<Arc<T>>, new: Option<Arc<T>>) -> Guard<Option<Arc<T>>> {
            let mut pointer = self.0.lock();
            let same = pointer.as_ref().map(Arc::as_ptr) == current.as_ref().map(Arc::as_ptr);
            Guard(if same { std::mem::replace(&mut *pointer, new) } else { pointer.clone() })
        }
    }
}
