//! From an operation's random numbers to its key.

use std::cell::Cell;

use crate::distribution::Distribution;
use crate::load::Load;
use crate::op::OpKind;
use crate::percent::Percent;
use crate::ranked::Ranked;
use crate::rng::SplitMix64;
use crate::space::{Space, Span, block, share};
use crate::zipf::{Ranks, Zipf};

/// The keys of one thread.
pub(crate) enum Keys {
    /// None is older than another.
    Drawn(Choice<Drawer>),
    /// The same, by Zipf's law.
    Ranked(Choice<Ranked>),
    /// Inserts append, removes take the oldest.
    Ordered(Ordered),
}

impl Keys {
    pub(crate) fn new(load: &Load, threads: u32, thread: u32) -> Self {
        let distribution = load.role(threads, thread).distribution;
        match (load.space, distribution) {
            (Space::Range(range), _) if distribution.is_ordered() => {
                let part = block(range, threads, thread);
                Keys::Ordered(Ordered::new(distribution, part, share(load.population, threads, thread)))
            }
            (Space::Tables, _) => {
                let len = load.table(threads);
                let part = Span { start: len * thread, len };
                Keys::Ordered(Ordered::new(distribution, part, share(load.population, threads, thread)))
            }
            (_, Distribution::Zipf(theta)) => Keys::Ranked(Choice::of(load, |span| Ranked::new(theta, span, false))),
            (_, Distribution::ScrambledZipf(theta)) => {
                Keys::Ranked(Choice::of(load, |span| Ranked::new(theta, span, true)))
            }
            _ => Keys::Drawn(Choice::of(load, |span| Drawer::new(distribution, span, threads, thread))),
        }
    }
}

/// Which keys an operation draws from.
pub(crate) enum Choice<D> {
    /// One set of keys for all kinds.
    One(D),
    /// Keys that stay, keys that come and go, keys that are never there.
    Sets { present: D, changing: Option<D>, absent: D, hit_pct: Percent },
}

impl<D> Choice<D> {
    fn of(load: &Load, keys: impl Fn(Span) -> D) -> Self {
        match load.space {
            Space::Sets { hit_pct } => {
                let [present, changing, absent] = load.sets();
                let changing = (changing.len > 0).then(|| keys(changing));
                Choice::Sets { present: keys(present), changing, absent: keys(absent), hit_pct }
            }
            Space::Range(len) => Choice::One(keys(Span { start: 0, len })),
            Space::Tables => unreachable!("tables are ordered"),
        }
    }

    /// The keys that stay.
    pub(crate) fn present(&self) -> &D {
        match self {
            Choice::One(keys) | Choice::Sets { present: keys, .. } => keys,
        }
    }

    /// The keys of an operation of this kind; `None`: it has no key.
    #[inline]
    pub(crate) fn choose(&self, kind: OpKind, rng: &mut SplitMix64) -> Option<&D> {
        Some(match (self, kind) {
            (_, OpKind::Iterate) => return None,
            (Choice::One(keys), _) => keys,
            (Choice::Sets { present, absent, hit_pct, .. }, OpKind::Read) => {
                // One number more decides whether the read shall hit.
                if chance(rng.next_u64(), *hit_pct) { present } else { absent }
            }
            (Choice::Sets { changing: Some(changing), .. }, OpKind::Insert | OpKind::InsertNew | OpKind::Remove) => {
                changing
            }
            (Choice::Sets { present, .. }, _) => present,
        })
    }
}

/// Whether the upper 32 bits of a random number fall into a share.
#[inline]
fn chance(bits: u64, share: Percent) -> bool {
    (bits >> 32) * 10_000 < u64::from(share.hundredths()) << 32
}

/// A number below `len` from the upper 32 bits of a random number.
#[inline]
fn scaled(bits: u64, len: u32) -> u32 {
    (((bits >> 32) * u64::from(len)) >> 32) as u32
}

/// Draws from keys of which none is older than another.
pub(crate) struct Drawer {
    span: Span,
    shape: Shape,
}

enum Shape {
    Uniform,
    /// The number after the operation's own decides between the hot and the cold keys.
    Hot {
        keys: u32,
        operations: Percent,
    },
    Round {
        next: Cell<u32>,
    },
    Single,
}

impl Drawer {
    fn new(distribution: Distribution, span: Span, threads: u32, thread: u32) -> Self {
        let shape = match distribution {
            Distribution::Uniform => Shape::Uniform,
            Distribution::HotSet { keys, operations } => {
                let hot = (u64::from(span.len) * u64::from(keys.hundredths())).div_ceil(10_000) as u32;
                Shape::Hot { keys: hot.max(1), operations }
            }
            Distribution::Sequential => Shape::Round { next: Cell::new(block(span.len, threads, thread).start) },
            Distribution::Partitioned => {
                let part = block(span.len, threads, thread);
                return Self { span: Span { start: span.start + part.start, len: part.len }, shape: Shape::Uniform };
            }
            Distribution::SingleKey => Shape::Single,
            Distribution::Zipf(_) | Distribution::ScrambledZipf(_) => unreachable!("ranks are drawn elsewhere"),
            Distribution::Latest(_) | Distribution::Queue | Distribution::Bustle => {
                unreachable!("ordered keys are drawn elsewhere")
            }
        };
        Self { span, shape }
    }

    /// The key of an operation whose number is `bits`.
    #[inline]
    pub(crate) fn draw(&self, bits: u64, rng: &mut SplitMix64) -> u32 {
        let len = self.span.len;
        let index = match &self.shape {
            Shape::Uniform => scaled(bits, len),
            Shape::Hot { keys, operations } => {
                if chance(rng.next_u64(), *operations) || *keys == len {
                    scaled(bits, *keys)
                } else {
                    *keys + scaled(bits, len - *keys)
                }
            }
            Shape::Round { next } => {
                let index = next.get();
                next.set(if index + 1 == len { 0 } else { index + 1 });
                index
            }
            Shape::Single => 0,
        };
        self.span.start + index
    }

    /// The keys that there are.
    pub(crate) fn span(&self) -> Span {
        self.span
    }
}

/// A thread's own keys, in the order in which they are inserted and removed.
pub(crate) struct Ordered {
    pub(crate) part: Span,
    /// The position after the newest key, and that of the oldest; both go round the part.
    head: u64,
    tail: u64,
    pick: Pick,
}

/// How operations that neither append nor take the oldest choose.
enum Pick {
    /// Every present key alike.
    Present,
    /// By age, over as many ages as there were keys at the start.
    Age(Ranks),
    /// bustle's linear congruential stride over the whole table.
    Stride { at: u32 },
}

impl Ordered {
    fn new(distribution: Distribution, part: Span, population: u32) -> Self {
        let pick = match distribution {
            Distribution::Latest(theta) => Pick::Age(Ranks::new(Zipf::new(population.max(1), theta.value()))),
            Distribution::Bustle => Pick::Stride { at: 0 },
            _ => Pick::Present,
        };
        Self { part, head: u64::from(population), tail: 0, pick }
    }

    /// The key of an operation whose number is `bits`; nothing else may draw from `rng`.
    pub(crate) fn draw(&mut self, kind: OpKind, bits: u64, rng: &mut SplitMix64) -> u32 {
        let position = match kind {
            OpKind::Iterate => return 0,
            OpKind::Insert | OpKind::InsertNew => {
                self.head += 1;
                self.head - 1
            }
            OpKind::Remove if self.tail < self.head => {
                self.tail += 1;
                self.tail - 1
            }
            _ => self.pick(bits, rng),
        };
        self.part.start + (position % u64::from(self.part.len)) as u32
    }

    fn pick(&mut self, bits: u64, rng: &mut SplitMix64) -> u64 {
        let present = self.head - self.tail;
        match &mut self.pick {
            // The key that would be inserted next: it is absent.
            Pick::Present | Pick::Age(_) if present == 0 => self.head,
            Pick::Present => self.tail + u64::from(scaled(bits, present.min(u64::from(u32::MAX)) as u32)),
            Pick::Age(ranks) => self.head - 1 - u64::from(ranks.next(rng)) % present,
            Pick::Stride { at } => {
                let (position, len) = (*at, self.part.len);
                let (factor, summand) = (u64::from(len / 2 + 1), u64::from(len / 4 - 1));
                *at = ((u64::from(position) * factor + summand) & u64::from(len - 1)) as u32;
                u64::from(position)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drawer, Span, SplitMix64};
    use crate::testing::chi_square;

    #[test]
    fn keys_have_the_weights_of_their_distribution() {
        const KEYS: u32 = 200;
        let steps = |hot: usize, weight: f64, rest: f64| -> Vec<f64> {
            (0..KEYS as usize).map(|key| if key < hot { weight } else { rest }).collect()
        };
        let cases = [
            ("uniform", steps(0, 0.0, 1.0)),
            ("hot-set:20:80", steps(40, 80.0 / 40.0, 20.0 / 160.0)),
            ("hot-set:1:50", steps(2, 50.0 / 2.0, 50.0 / 198.0)),
            ("single-key", steps(1, 1.0, 0.0)),
            // The first of four threads has the first fifty keys.
            ("partitioned", steps(50, 1.0, 0.0)),
        ];
        for (name, weights) in cases {
            let drawer = Drawer::new(name.parse().unwrap(), Span { start: 0, len: KEYS }, 4, 0);
            let mut rng = SplitMix64::new(11);
            let mut counts = vec![0_u64; KEYS as usize];
            for _ in 0..200_000 {
                let bits = rng.next_u64();
                counts[drawer.draw(bits, &mut rng) as usize] += 1;
            }
            assert!(counts.iter().zip(&weights).all(|(count, weight)| *weight > 0.0 || *count == 0), "{name}");
            let (counts, weights): (Vec<u64>, Vec<f64>) =
                counts.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0).unzip();
            chi_square(&counts, &weights);
        }
    }
}
