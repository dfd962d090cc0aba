use std::hash::Hash;

use mapbench_workload::OpKind;

#[cfg(feature = "record")]
use crate::recorder::Recorder;

/// A map whose uses are recorded.
pub struct Recorded<M> {
    map: M,
    #[cfg(feature = "record")]
    recorder: Option<Recorder>,
}

impl<M> Recorded<M> {
    /// A map that is not recorded, or not yet: see `recording_to`, with the feature `record`.
    pub const fn new(map: M) -> Self {
        Self {
            map,
            #[cfg(feature = "record")]
            recorder: None,
        }
    }

    /// A map whose uses a recorder writes down.
    #[cfg(feature = "record")]
    pub const fn recording_to(map: M, recorder: Recorder) -> Self {
        Self { map, recorder: Some(recorder) }
    }

    /// Uses the map: `kind` is what `work` does with `key`, `value_bytes` the size of the value it writes.
    #[inline]
    pub fn run<K: Hash + ?Sized, R>(&self, kind: OpKind, key: &K, value_bytes: u32, work: impl FnOnce(&M) -> R) -> R {
        #[cfg(feature = "record")]
        if let Some(recorder) = &self.recorder {
            recorder.record(kind, key, value_bytes);
        }
        #[cfg(not(feature = "record"))]
        let _ = (kind, key, value_bytes);
        work(&self.map)
    }

    /// The map, past the recorder.
    pub const fn unrecorded(&self) -> &M {
        &self.map
    }

    /// Ends the recording, if there was one, and gives the map back.
    ///
    /// # Errors
    /// When the trace could not be written to its end.
    #[cfg(feature = "record")]
    pub fn finish(self) -> std::io::Result<(M, Option<crate::Summary>)> {
        let summary = self.recorder.map(Recorder::finish).transpose()?;
        Ok((self.map, summary))
    }
}
