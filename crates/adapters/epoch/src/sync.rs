//! The lock of the writers. With `--cfg loom` a model checker's is in its place; crossbeam-epoch brings what loom needs of
//! its own, so that the pointer, pinning and freeing are the real ones. `scripts/loom.sh` tries every order.

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(loom)]
pub(crate) use self::model::Mutex;

#[cfg(loom)]
mod model {
    use loom::sync::MutexGuard;

    /// loom's lock, which is without poison as parking_lot's is.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("loom's locks are not poisoned")
        }
    }
}
