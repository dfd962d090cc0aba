use super::max_t;

/// How many scales a contrast counts at most: a slow episode in one slice must not outvote every other round, nor a cell
/// that has become much faster hide one that has not.
pub const CLIP: f64 = 2.0;

/// Sign-flips to ask of [`adjusted_p`]: the error of a p of 0.01 is then 0.001.
pub const FLIPS: u32 = 9_999;

/// What is tested: every cell's contrasts with the scale and the floor of each.
#[derive(Clone, Copy, Debug)]
pub struct Test<'a> {
    /// A list of rounds a cell, in the same order of rounds for all cells. A contrast is missing when it is `None` or
    /// not finite, and where a list is shorter than others.
    pub contrasts: &'a [Vec<Option<f64>>],
    /// The scale of a cell's contrasts, from [`scale`](super::scale). A cell without one is not tested.
    pub scales: &'a [Option<f64>],
    /// The contrast up to which a cell is not slower, ln(1.01) for a floor of 1 %. A cell without one is not tested.
    pub floors: &'a [f64],
}

/// The statistic of each cell: the sum over rounds of the contrast above the floor, clipped to [`CLIP`] scales, over the
/// root of the summed squares of what is added. Its mean is zero and its variance one over all flips, in every cell.
///
/// `None` for a cell without contrasts, or without a positive, finite scale and a finite floor.
#[must_use]
pub fn statistics(test: &Test) -> Vec<Option<f64>> {
    max_t::statistics(&shares(test))
}

/// The p of "slower than its floor" of each cell, adjusted so that the probability of any p at most alpha among the
/// cells that are not slower is at most alpha, whatever the dependence between cells and whichever others are slower.
///
/// A sign-flip swaps the labels of a whole round, in all cells at once, which keeps their dependence. The p is the share
/// of flips whose largest statistic reaches the observed one, step-down: the largest over the cells that are no more
/// significant (Westfall & Young, Resampling-Based Multiple Testing, 1993, algorithm 4.1; that joint flips need no more
/// than swappable labels: Romano & Wolf, Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, JASA
/// 100, 2005). All 2^n patterns of n rounds are taken when there are no more than `flips` + 1, else the pattern without
/// a flip and `flips` random ones: p = (1 + reached) / (1 + flips), which is exact too (Phipson & Smyth, Permutation
/// P-values Should Never Be Zero, 2010). No p is below 1 / 2^n.
///
/// Deterministic in the seed; the order of cells and of rounds and the unit of the contrasts do not matter. `None` where
/// [`statistics`] has `None`.
#[must_use]
pub fn adjusted_p(test: &Test, flips: u32, seed: u64) -> Vec<Option<f64>> {
    max_t::adjusted(&shares(test), flips, seed)
}

/// What each round adds to the statistic of each cell, as it is and flipped. A missing contrast adds nothing.
fn shares(test: &Test) -> Vec<max_t::Cell<2>> {
    (0..test.contrasts.len()).map(|cell| cell_shares(test, cell)).collect()
}

fn cell_shares(test: &Test, cell: usize) -> max_t::Cell<2> {
    let scale = (*test.scales.get(cell)?).filter(|scale| *scale > 0.0 && scale.is_finite())?;
    let floor = test.floors.get(cell).filter(|floor| floor.is_finite())?;
    let contrasts = &test.contrasts[cell];
    let present = |contrast: &Option<f64>| contrast.filter(|contrast| contrast.is_finite());
    let share = |contrast: f64| ((contrast - floor) / scale).clamp(-CLIP, CLIP);
    let both = |share: f64| [share, -share];
    Some(contrasts.iter().map(|contrast| present(contrast).map(|contrast| both(share(contrast)))).collect())
}

#[cfg(test)]
mod tests {
    use super::{CLIP, Test, adjusted_p, statistics};
    use crate::rng::SplitMix64;
    use proptest::prelude::*;

    type Contrasts = Vec<Vec<Option<f64>>>;

    fn present(contrasts: &[&[f64]]) -> Contrasts {
        contrasts.iter().map(|cell| cell.iter().copied().map(Some).collect()).collect()
    }

    /// Adjusted by all patterns, or by as many random ones as asked for; every scale 1, no floor.
    fn plain(contrasts: &[Vec<Option<f64>>], flips: u32, seed: u64) -> Vec<Option<f64>> {
        let (scales, floors) = (vec![Some(1.0); contrasts.len()], vec![0.0; contrasts.len()]);
        adjusted_p(&Test { contrasts, scales: &scales, floors: &floors }, flips, seed)
    }

    #[test]
    fn statistics_known_answers() {
        let mut contrasts = present(&[&[1.0, 2.0, -1.0], &[0.5, 50.0, 0.5, 0.25], &[1.0], &[1.0], &[]]);
        contrasts[1].push(None);
        contrasts[1].push(Some(f64::NAN));
        let scales = [Some(2.0), Some(0.5), None, Some(0.0), Some(1.0)];
        let found = statistics(&Test { contrasts: &contrasts, scales: &scales, floors: &[0.0, 0.5, 0.0, 0.0, 0.0] });
        let expected = [1.0 / 1.5_f64.sqrt(), (0.0 + CLIP - 0.5) / (CLIP * CLIP + 0.25_f64).sqrt()];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found.unwrap() - expected).abs() < 1e-12));
        assert_eq!(found[2..], [None; 3]);
    }

    #[test]
    fn p_known_answers() {
        assert_eq!(plain(&present(&[&[1.0, 2.0, 0.5]]), 7, 1), [Some(1.0 / 8.0)]);
        // Of the sums +-1 +-2 +-1 three of eight are 2 or more.
        assert_eq!(plain(&present(&[&[1.0, 2.0, -1.0]]), 7, 1), [Some(3.0 / 8.0)]);
        // Step-down: once the second cell is judged, the first competes with itself alone. Single-step would say 4/8.
        assert_eq!(plain(&present(&[&[1.0, 2.0, -1.0], &[0.1, 1.9, 0.1]]), 7, 1), [Some(3.0 / 8.0), Some(2.0 / 8.0)]);
        // A cell that is less significant never has the smaller p: the first alone would have 1/8.
        assert_eq!(plain(&present(&[&[1.9, 0.1, 0.1], &[1.9, 1.9, -0.4]]), 7, 1), [Some(2.0 / 8.0); 2]);
    }

    #[test]
    fn rounds_that_hold_nothing_do_not_count() {
        let mut contrasts = present(&[&[1.0, 1.0, 1.0]]);
        contrasts[0].extend([None, None]);
        contrasts.push(vec![None; 5]);
        assert_eq!(plain(&contrasts, 31, 1), [Some(1.0 / 8.0), None]);
        assert_eq!(plain(&[], 31, 1), []);
        // What equals its floor in every round is no slower.
        assert_eq!(plain(&present(&[&[0.0; 4]]), 31, 1), [Some(1.0)]);
    }

    #[test]
    fn random_flips_agree_with_all_patterns() {
        let mut rng = SplitMix64::new(11);
        let contrasts: Contrasts = (0..5).map(|_| (0..12).map(|_| Some(0.4 + noise(&mut rng))).collect()).collect();
        let (all, random) = (plain(&contrasts, 4_095, 1), plain(&contrasts, 4_000, 1));
        assert_ne!(all, random);
        for (all, random) in all.iter().zip(random) {
            assert!((all.unwrap() - random.unwrap()).abs() < 0.03, "{all:?} {random:?}");
        }
        // More rounds than a word has bits: no p is below what the flips can say, and this one is there.
        assert_eq!(plain(&present(&[&[1.0; 70]]), 99, 1), [Some(0.01)]);
        assert!(plain(&present(&[&[[1.0, -1.1]; 35].concat()]), 99, 1)[0].unwrap() > 0.3);
    }

    /// Symmetrical and heavy-tailed: Student's t with two degrees of freedom.
    fn noise(rng: &mut SplitMix64) -> f64 {
        let unit = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let unit = unit.clamp(1e-12, 1.0 - 1e-12);
        (2.0 * unit - 1.0) / (2.0 * unit * (1.0 - unit)).sqrt()
    }

    /// Rounds whose cells share a part of the noise; the first cells are slower by two scales.
    fn suite(cells: usize, slower: usize, rounds: usize, rng: &mut SplitMix64) -> Contrasts {
        let mut contrasts = vec![Vec::new(); cells];
        for _ in 0..rounds {
            let shared = noise(rng);
            for (cell, contrasts) in contrasts.iter_mut().enumerate() {
                let effect = if cell < slower { 2.0 } else { 0.0 };
                contrasts.push(Some(effect + shared + noise(rng)));
            }
        }
        contrasts
    }

    #[test]
    fn the_family_wise_error_holds_though_tails_are_heavy_and_some_cells_are_slower() {
        const SUITES: u32 = 500;
        for slower in [0, 3] {
            let mut rng = SplitMix64::new(5);
            let (mut false_alarms, mut found) = (0, 0);
            for seed in 0..SUITES {
                let p = plain(&suite(12, slower, 14, &mut rng), 199, seed.into());
                false_alarms += u32::from(p[slower..].iter().any(|p| p.unwrap() <= 0.1));
                found += u32::from(p[..slower].iter().any(|p| p.unwrap() <= 0.1));
            }
            let (rate, error) = (f64::from(false_alarms) / f64::from(SUITES), (0.1 * 0.9 / f64::from(SUITES)).sqrt());
            assert!(rate <= 0.1 + 4.0 * error, "{rate}");
            assert!(slower == 0 || found > SUITES / 2, "{found}");
        }
    }

    /// The contrasts after a flip of the rounds whose bit is set.
    fn flip(contrasts: &[Vec<Option<f64>>], pattern: u32) -> Contrasts {
        let sign = |round: usize| if pattern >> round & 1 == 1 { -1.0 } else { 1.0 };
        let flipped = |cell: &Vec<Option<f64>>| -> Vec<Option<f64>> {
            cell.iter().enumerate().map(|(round, contrast)| contrast.map(|contrast| sign(round) * contrast)).collect()
        };
        contrasts.iter().map(flipped).collect()
    }

    fn any_contrasts(rounds: std::ops::Range<usize>) -> impl Strategy<Value = Contrasts> {
        (1..6_usize, rounds).prop_flat_map(|(cells, rounds)| {
            let contrast = prop_oneof![9 => (-3.0..3.0).prop_map(Some), 1 => Just(None)];
            prop::collection::vec(prop::collection::vec(contrast, rounds), cells)
        })
    }

    fn least(p: &[Option<f64>]) -> f64 {
        p.iter().flatten().copied().fold(1.0, f64::min)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_size_is_exact_when_labels_can_be_swapped(contrasts in any_contrasts(1..8)) {
            let patterns = 1 << contrasts[0].len();
            let ps: Vec<f64> = (0..patterns).map(|pattern| least(&plain(&flip(&contrasts, pattern), 255, 1))).collect();
            for alpha in (1..=100).map(|per_cent| f64::from(per_cent) / 100.0) {
                let alarms = ps.iter().filter(|p| **p <= alpha).count();
                prop_assert!(alarms as f64 <= alpha * f64::from(patterns) + 1e-9, "{} of {} at {}", alarms, patterns, alpha);
            }
        }

        #[test]
        fn no_size_is_wasted_on_one_cell(distances in prop::collection::vec(0.1..1.9, 1..8)) {
            // Sums of distances as random as these are all different, so every share of patterns is reached.
            let contrasts = present(&[&distances]);
            let patterns = 1 << distances.len();
            let mut ps: Vec<f64> = (0..patterns).map(|pattern| least(&plain(&flip(&contrasts, pattern), 255, 1))).collect();
            ps.sort_by(f64::total_cmp);
            let shares = (1..=patterns).map(|place| f64::from(place) / f64::from(patterns));
            prop_assert!(ps.iter().zip(shares).all(|(p, share)| (p - share).abs() < 1e-9), "{:?}", ps);
        }

        #[test]
        fn order_and_units_do_not_matter(
            contrasts in any_contrasts(3..14), unit in 0.001..1000.0, turn in 0..13_usize, floor in -0.5..0.5, seed: u64,
        ) {
            let cells = contrasts.len();
            let scales: Vec<Option<f64>> = (0..cells).map(|cell| Some(0.5 + cell as f64)).collect();
            let floors: Vec<f64> = (0..cells).map(|cell| floor * cell as f64).collect();
            let test = Test { contrasts: &contrasts, scales: &scales, floors: &floors };
            let (p, statistic) = (adjusted_p(&test, 299, seed), statistics(&test));
            prop_assert_eq!(&p, &adjusted_p(&test, 299, seed));

            let mut moved: Contrasts = contrasts.iter().rev().map(|cell| cell.iter().map(|d| d.map(|d| d * unit)).collect()).collect();
            for cell in &mut moved {
                let rounds = cell.len();
                cell.rotate_left(turn % rounds);
                cell.swap(0, rounds - 1);
            }
            let scales: Vec<Option<f64>> = scales.iter().rev().map(|scale| scale.map(|scale| scale * unit)).collect();
            let floors: Vec<f64> = floors.iter().rev().map(|floor| floor * unit).collect();
            let test = Test { contrasts: &moved, scales: &scales, floors: &floors };
            let (mut other_p, other_statistic) = (adjusted_p(&test, 299, seed), statistics(&test));
            other_p.reverse();
            prop_assert_eq!(p, other_p);
            for (a, b) in statistic.iter().zip(other_statistic.iter().rev()) {
                prop_assert!(a.zip(*b).map_or(a.is_none() && b.is_none(), |(a, b)| (a - b).abs() < 1e-6));
            }
        }

        #[test]
        fn the_more_significant_cell_has_the_smaller_p(contrasts in any_contrasts(3..14)) {
            let test = Test { contrasts: &contrasts, scales: &vec![Some(1.0); contrasts.len()], floors: &vec![0.0; contrasts.len()] };
            let mut cells: Vec<(f64, f64)> =
                statistics(&test).into_iter().zip(adjusted_p(&test, 299, 1)).filter_map(|(t, p)| Some((t?, p?))).collect();
            cells.sort_by(|a, b| b.0.total_cmp(&a.0));
            prop_assert!(cells.is_sorted_by(|a, b| a.1 <= b.1) && cells.iter().all(|(_, p)| 0.0 < *p && *p <= 1.0));
        }
    }
}
