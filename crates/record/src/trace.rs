//! The format of a trace.

use mapbench_workload::OpKind;

/// The first eight bytes of a trace.
pub const MAGIC: [u8; 8] = *b"mbtrace1";

/// An operation of a trace: 24 bytes, little-endian, in the order of the fields, the kind in one byte as its place in
/// [`OpKind::ALL`], and a byte 0 at the end.
///
/// A record whose kind is 255 says that operations were dropped here; their number stands in the place of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in nanoseconds since the recording began.
    pub time_ns: u64,
    /// A hash of the key.
    pub key: u64,
    /// The size of the value that was written, in bytes; 0 when none was.
    pub value_bytes: u32,
    /// Which thread, from 0 in the order of their first operations.
    pub thread: u16,
    /// What; `None`: dropped operations, [`key`](Self::key) of them.
    pub kind: Option<OpKind>,
}

impl Record {
    pub(crate) const BYTES: usize = 24;
    const DROPPED: u8 = 255;

    /// The 24 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.time_ns.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.value_bytes.to_le_bytes());
        bytes[20..22].copy_from_slice(&self.thread.to_le_bytes());
        bytes[22] = self.kind.map_or(Self::DROPPED, |kind| kind as u8);
        bytes
    }

    /// # Errors
    /// What is wrong with the bytes.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, String> {
        let [t0, t1, t2, t3, t4, t5, t6, t7, k0, k1, k2, k3, k4, k5, k6, k7, v0, v1, v2, v3, n0, n1, kind, last] =
            *bytes;
        if last != 0 {
            return Err(format!("its last byte is {last}, not 0"));
        }
        let kind = match kind {
            Self::DROPPED => None,
            kind => match OpKind::ALL.get(usize::from(kind)) {
                Some(kind) => Some(*kind),
                None => return Err(format!("there is no operation {kind}")),
            },
        };
        Ok(Self {
            time_ns: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            key: u64::from_le_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
            value_bytes: u32::from_le_bytes([v0, v1, v2, v3]),
            thread: u16::from_le_bytes([n0, n1]),
            kind,
        })
    }
}
