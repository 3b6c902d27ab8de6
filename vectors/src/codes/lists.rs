//! Grouping rows that are near each other: k-means in two levels, so that finding a row's list costs the square root of the
//! number of lists.

use super::rotation::Random;
use crate::distance::l2_squared;

/// Rounds of k-means; later ones move little.
const ROUNDS: usize = 4;
/// Coarse groups whose lists a row is compared with: its nearest list may be in the second nearest group.
const COARSE_PROBES: usize = 2;

/// Centres of lists, by the group that they were split from.
pub struct Centres {
    dim: usize,
    coarse: Vec<f32>,
    /// Where the lists of each coarse group begin, and the end.
    starts: Vec<usize>,
    pub fine: Vec<f32>,
}

impl Centres {
    /// About `count` centres of a sample of rows.
    pub fn train(sample: &[f32], dim: usize, count: usize) -> Centres {
        let rows = sample.len() / dim;
        let mut random = Random::new(0x11575);
        let groups = (count as f32).sqrt().ceil() as usize;
        let coarse = k_means(sample, dim, groups, &mut random);
        let mut members: Vec<Vec<f32>> = vec![Vec::new(); coarse.len() / dim];
        for row in sample.chunks_exact(dim) {
            members[nearest(row, &coarse, dim)].extend_from_slice(row);
        }
        let mut starts = vec![0];
        let mut fine = Vec::new();
        for group in &members {
            let share = (group.len() / dim * count).div_ceil(rows.max(1));
            fine.extend(k_means(group, dim, share.max(1), &mut random));
            starts.push(fine.len() / dim);
        }
        Centres { dim, coarse, starts, fine }
    }

    pub fn count(&self) -> usize {
        self.fine.len() / self.dim
    }

    /// The list of a row.
    pub fn nearest(&self, row: &[f32]) -> usize {
        let mut distances = vec![0f32; self.coarse.len() / self.dim];
        l2_squared(row, &self.coarse, &mut distances);
        let mut groups: Vec<usize> = (0..distances.len()).collect();
        if groups.len() > COARSE_PROBES {
            groups.select_nth_unstable_by(COARSE_PROBES - 1, |a, b| distances[*a].total_cmp(&distances[*b]));
            groups.truncate(COARSE_PROBES);
        }
        let best_of = |group: usize| {
            let (start, end) = (self.starts[group], self.starts[group + 1]);
            let mut distances = vec![0f32; end - start];
            l2_squared(row, &self.fine[start * self.dim..end * self.dim], &mut distances);
            let best = distances.into_iter().enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            best.map(|(at, distance)| (start + at, distance))
        };
        let best = groups.into_iter().filter_map(best_of).min_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(0, |(list, _)| list)
    }
}

fn nearest(row: &[f32], centres: &[f32], dim: usize) -> usize {
    let mut distances = vec![0f32; centres.len() / dim];
    l2_squared(row, centres, &mut distances);
    let best = distances.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(at, _)| at)
}

/// At most `count` centres; none where there are no rows.
fn k_means(rows: &[f32], dim: usize, count: usize, random: &mut Random) -> Vec<f32> {
    let total = rows.len() / dim;
    let mut centres: Vec<f32> = Vec::new();
    for row in random.spread(total, count) {
        centres.extend_from_slice(&rows[row * dim..(row + 1) * dim]);
    }
    let count = centres.len() / dim;
    if count < 2 {
        return mean(rows, dim);
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![0f32; centres.len()];
        let mut sizes = vec![0usize; count];
        for row in rows.chunks_exact(dim) {
            let list = nearest(row, &centres, dim);
            sizes[list] += 1;
            sums[list * dim..(list + 1) * dim].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        for (list, size) in sizes.iter().enumerate() {
            let centre = &mut centres[list * dim..(list + 1) * dim];
            if *size == 0 {
                let row = random.below(total);
                centre.copy_from_slice(&rows[row * dim..(row + 1) * dim]);
            } else {
                let sum = &sums[list * dim..(list + 1) * dim];
                centre.iter_mut().zip(sum).for_each(|(value, sum)| *value = sum / *size as f32);
            }
        }
    }
    centres
}

/// The mean of rows, as one row; nothing where there are none.
pub fn mean(rows: &[f32], dim: usize) -> Vec<f32> {
    let total = rows.len() / dim;
    let mut sums = vec![0f64; if total == 0 { 0 } else { dim }];
    for row in rows.chunks_exact(dim) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| (sum / total as f64) as f32).collect()
}
