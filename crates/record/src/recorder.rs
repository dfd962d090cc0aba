//! Writes a trace beside the program that makes it.

use std::cell::Cell;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use mapbench_workload::OpKind;

use crate::trace::{MAGIC, Record};

/// Threads share this many buffers, so that they seldom wait for each other.
const BUFFERS: usize = 64;
/// Records of a buffer.
const RECORDS: usize = 1_024;
/// Full buffers that may wait for the disk: with those being filled, 3 MiB at most.
const WAITING: usize = 64;

/// Writes a trace. Give it to [`Recorded::recording_to`](crate::Recorded::recording_to).
pub struct Recorder {
    began: Instant,
    buffers: Vec<Mutex<Buffer>>,
    full: SyncSender<Vec<Record>>,
    written: Option<JoinHandle<io::Result<u64>>>,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Buffer {
    records: Vec<Record>,
    /// Operations dropped since the last buffer that was taken.
    dropped: u64,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Operations in the trace.
    pub recorded: u64,
    /// Operations that were dropped, because the disk did not keep up.
    pub dropped: u64,
}

impl Recorder {
    /// Begins a trace in a file, which is made anew.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::writing_to(File::create(path)?))
    }

    /// Begins a trace in anything that can be written to.
    pub fn writing_to(sink: impl Write + Send + 'static) -> Self {
        let (full, waiting) = sync_channel(WAITING);
        Self {
            began: Instant::now(),
            buffers: (0..BUFFERS).map(|_| Mutex::default()).collect(),
            full,
            written: Some(std::thread::spawn(move || write(sink, &waiting))),
            dropped: AtomicU64::new(0),
        }
    }

    /// Writes an operation down; never waits for the disk.
    pub fn record<K: Hash + ?Sized>(&self, kind: OpKind, key: &K, value_bytes: u32) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let thread = thread_number();
        let mut buffer = lock(&self.buffers[usize::from(thread) % BUFFERS]);
        // Within the lock, so that the times of a thread's records ascend.
        let time_ns = self.began.elapsed().as_nanos() as u64;
        buffer.records.push(Record { time_ns, key: hasher.finish(), value_bytes, thread, kind: Some(kind) });
        if buffer.records.len() >= RECORDS {
            self.hand_over(&mut buffer);
        }
    }

    fn hand_over(&self, buffer: &mut Buffer) {
        if buffer.dropped > 0
            && let Some(first) = buffer.records.first()
        {
            let said = Record { key: buffer.dropped, value_bytes: 0, kind: None, ..*first };
            buffer.records.insert(0, said);
        }
        let said = usize::from(buffer.dropped > 0);
        match self.full.try_send(std::mem::take(&mut buffer.records)) {
            Ok(()) => buffer.dropped = 0,
            // Also when the writer has failed: `finish` says so.
            Err(TrySendError::Full(records) | TrySendError::Disconnected(records)) => {
                let lost = (records.len() - said) as u64;
                buffer.dropped += lost;
                self.dropped.fetch_add(lost, Ordering::Relaxed);
            }
        }
    }

    /// Writes what is left and ends the trace.
    ///
    /// # Errors
    /// When the trace could not be written to its end.
    ///
    /// # Panics
    /// When the writing thread panicked.
    pub fn finish(mut self) -> io::Result<Summary> {
        for buffer in std::mem::take(&mut self.buffers) {
            let Buffer { mut records, dropped } = buffer.into_inner().unwrap_or_else(PoisonError::into_inner);
            if dropped > 0 {
                let time_ns = self.began.elapsed().as_nanos() as u64;
                records.insert(0, Record { time_ns, key: dropped, value_bytes: 0, thread: 0, kind: None });
            }
            // Now there is time to wait; a writer that has failed says so below.
            let _ = self.full.send(records);
        }
        let Self { full, written, dropped, .. } = self;
        drop(full);
        let recorded = written.expect("it is taken here alone").join().expect("writing does not panic")?;
        Ok(Summary { recorded, dropped: dropped.into_inner() })
    }
}

fn write(sink: impl Write, waiting: &Receiver<Vec<Record>>) -> io::Result<u64> {
    let mut out = BufWriter::new(sink);
    out.write_all(&MAGIC)?;
    let mut recorded = 0;
    for records in waiting {
        for record in records {
            recorded += u64::from(record.kind.is_some());
            out.write_all(&record.to_bytes())?;
        }
    }
    out.flush()?;
    Ok(recorded)
}

/// The number of the calling thread, from 0 in the order of their first operations. After 65 536 threads they begin again.
fn thread_number() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    thread_local! {
        static OWN: Cell<Option<u16>> = const { Cell::new(None) };
    }
    OWN.with(|own| {
        own.get().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            own.set(Some(number));
            number
        })
    })
}

fn lock(buffer: &Mutex<Buffer>) -> std::sync::MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}
