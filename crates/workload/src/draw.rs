//! From an operation's random numbers to its key.

use crate::distribution::Distribution;
use crate::load::Load;
use crate::op::OpKind;
use crate::percent::Percent;
use crate::rng::SplitMix64;
use crate::space::{Space, Span, block, share};
use crate::zipf::Zipf;

/// A prime above every key range, so that multiplying by it modulo the range is a bijection.
const SCATTER: u64 = 2_654_435_761;

/// The keys of one thread.
pub(crate) enum Keys {
    /// One set of keys for all kinds.
    One(Drawer),
    /// Keys that stay, keys that come and go, keys that are never there.
    Sets { present: Drawer, changing: Option<Drawer>, absent: Drawer, hit_pct: Percent },
    /// Inserts append, removes take the oldest.
    Ordered(Ordered),
}

impl Keys {
    pub(crate) fn new(load: &Load, threads: u32, thread: u32) -> Self {
        let distribution = load.role(threads, thread).distribution;
        match load.space {
            Space::Range(range) if distribution.is_ordered() => {
                let part = block(range, threads, thread);
                Keys::Ordered(Ordered::new(distribution, part, share(load.population, threads, thread)))
            }
            Space::Tables => {
                let len = load.table(threads);
                let part = Span { start: len * thread, len };
                Keys::Ordered(Ordered::new(distribution, part, share(load.population, threads, thread)))
            }
            Space::Range(range) => Keys::One(Drawer::new(distribution, Span { start: 0, len: range }, threads, thread)),
            Space::Sets { hit_pct } => {
                let drawer = |span: Span| Drawer::new(distribution, span, threads, thread);
                let [present, changing, absent] = load.sets();
                let changing = (changing.len > 0).then(|| drawer(changing));
                Keys::Sets { present: drawer(present), changing, absent: drawer(absent), hit_pct }
            }
        }
    }

    /// The key of an operation whose number is `bits`.
    #[inline]
    pub(crate) fn draw(&mut self, kind: OpKind, bits: u64, rng: &mut SplitMix64) -> u32 {
        match (self, kind) {
            (_, OpKind::Iterate) => 0,
            (Keys::One(drawer), _) => drawer.draw(bits, rng),
            (Keys::Ordered(ordered), _) => ordered.draw(kind, bits, rng),
            (Keys::Sets { present, absent, hit_pct, .. }, OpKind::Read) => {
                // One number more decides whether the read shall hit.
                let hits = chance(rng.next_u64(), *hit_pct);
                if hits { present.draw(bits, rng) } else { absent.draw(bits, rng) }
            }
            (Keys::Sets { changing: Some(changing), .. }, OpKind::Insert | OpKind::InsertNew | OpKind::Remove) => {
                changing.draw(bits, rng)
            }
            (Keys::Sets { present, .. }, _) => present.draw(bits, rng),
        }
    }

    /// The keys that the operations move over, when they move.
    pub(crate) fn part(&self) -> Span {
        match self {
            Keys::One(drawer) => drawer.span,
            Keys::Sets { present, .. } => present.span,
            Keys::Ordered(ordered) => ordered.part,
        }
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
    /// The numbers after the operation's own are the sampler's.
    Zipf(Zipf),
    Scattered(Zipf),
    /// The number after the operation's own decides between the hot and the cold keys.
    Hot {
        keys: u32,
        operations: Percent,
    },
    Round {
        next: u32,
    },
    Single,
}

impl Drawer {
    fn new(distribution: Distribution, span: Span, threads: u32, thread: u32) -> Self {
        let shape = match distribution {
            Distribution::Uniform => Shape::Uniform,
            Distribution::Zipf(theta) => Shape::Zipf(Zipf::new(span.len, theta.value())),
            Distribution::ScrambledZipf(theta) => Shape::Scattered(Zipf::new(span.len, theta.value())),
            Distribution::HotSet { keys, operations } => {
                let hot = (u64::from(span.len) * u64::from(keys.hundredths())).div_ceil(10_000) as u32;
                Shape::Hot { keys: hot.max(1), operations }
            }
            Distribution::Sequential => Shape::Round { next: block(span.len, threads, thread).start },
            Distribution::Partitioned => {
                let part = block(span.len, threads, thread);
                return Self { span: Span { start: span.start + part.start, len: part.len }, shape: Shape::Uniform };
            }
            Distribution::SingleKey => Shape::Single,
            Distribution::Latest(_) | Distribution::Queue | Distribution::Bustle => {
                unreachable!("ordered keys are drawn elsewhere")
            }
        };
        Self { span, shape }
    }

    #[inline]
    fn draw(&mut self, bits: u64, rng: &mut SplitMix64) -> u32 {
        let len = self.span.len;
        let index = match &mut self.shape {
            Shape::Uniform => scaled(bits, len),
            Shape::Zipf(zipf) => zipf.draw(rng),
            Shape::Scattered(zipf) => (u64::from(zipf.draw(rng)) * SCATTER % u64::from(len)) as u32,
            Shape::Hot { keys, operations } => {
                if chance(rng.next_u64(), *operations) || *keys == len {
                    scaled(bits, *keys)
                } else {
                    *keys + scaled(bits, len - *keys)
                }
            }
            Shape::Round { next } => {
                let index = *next;
                *next = if index + 1 == len { 0 } else { index + 1 };
                index
            }
            Shape::Single => 0,
        };
        self.span.start + index
    }
}

/// A thread's own keys, in the order in which they are inserted and removed.
pub(crate) struct Ordered {
    part: Span,
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
    Age(Zipf),
    /// bustle's linear congruential stride over the whole table.
    Stride { at: u32 },
}

impl Ordered {
    fn new(distribution: Distribution, part: Span, population: u32) -> Self {
        let pick = match distribution {
            Distribution::Latest(theta) => Pick::Age(Zipf::new(population.max(1), theta.value())),
            Distribution::Bustle => Pick::Stride { at: 0 },
            _ => Pick::Present,
        };
        Self { part, head: u64::from(population), tail: 0, pick }
    }

    fn draw(&mut self, kind: OpKind, bits: u64, rng: &mut SplitMix64) -> u32 {
        let position = match kind {
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
            Pick::Age(zipf) => self.head - 1 - u64::from(zipf.draw(rng)) % present,
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
    fn every_distribution_has_the_weights_of_its_formula() {
        const KEYS: u32 = 200;
        let zipf = |theta: f64| -> Vec<f64> { (1..=KEYS).map(|rank| f64::from(rank).powf(-theta)).collect() };
        let scattered = |theta: f64| {
            let mut weights = vec![0.0; KEYS as usize];
            for (rank, weight) in zipf(theta).into_iter().enumerate() {
                weights[(rank as u64 * 2_654_435_761 % u64::from(KEYS)) as usize] = weight;
            }
            weights
        };
        let steps = |hot: usize, weight: f64, rest: f64| -> Vec<f64> {
            (0..KEYS as usize).map(|key| if key < hot { weight } else { rest }).collect()
        };
        let cases = [
            ("uniform", steps(0, 0.0, 1.0)),
            ("zipf:0.99", zipf(0.99)),
            ("zipf:0.5", zipf(0.5)),
            ("zipf:1", zipf(1.0)),
            ("zipf:2", zipf(2.0)),
            ("scrambled-zipf:0.99", scattered(0.99)),
            ("hot-set:20:80", steps(40, 80.0 / 40.0, 20.0 / 160.0)),
            ("hot-set:1:50", steps(2, 50.0 / 2.0, 50.0 / 198.0)),
            ("single-key", steps(1, 1.0, 0.0)),
            // The first of four threads has the first fifty keys.
            ("partitioned", steps(50, 1.0, 0.0)),
        ];
        for (name, weights) in cases {
            let mut drawer = Drawer::new(name.parse().unwrap(), Span { start: 0, len: KEYS }, 4, 0);
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
