//! Grouping rows that are near each other: k-means in two levels, so that finding a row's list costs the square root of the
//! number of lists. Nearness is of rows as int16 and centres as int8 numbers, which takes half the time of floats.

use super::quantize::{push_int8, set_int16};
use super::rotation::Random;
use super::{Int8Rows, dot, padded};
use crate::kernels::{add, inner_product_i8};
use std::ops::Range;

/// Rounds of k-means; later ones move little.
const ROUNDS: usize = 4;
/// Coarse groups whose lists a row is compared with: its nearest list may be in the second nearest group.
const COARSE_PROBES: usize = 2;

/// A row as centres are multiplied with it, padded.
#[derive(Clone, Copy)]
pub struct Factors<'a> {
    pub numbers: &'a [i16],
    pub scale: f32,
}

/// Centres as int8 numbers.
pub struct CodedCentres {
    pub codes: Int8Rows,
    /// What these stand for.
    pub values: Vec<f32>,
    squares: Vec<f32>,
}

impl CodedCentres {
    fn new(mut values: Vec<f32>, dim: usize) -> CodedCentres {
        let mut codes = Int8Rows::default();
        let mut squares = Vec::new();
        for centre in values.chunks_exact_mut(dim) {
            let start = codes.values.len();
            let scale = push_int8(centre, &mut codes.values);
            codes.scales.push(scale);
            centre.iter_mut().zip(&codes.values[start..]).for_each(|(value, code)| *value = f32::from(*code) * scale);
            squares.push(dot(centre, centre));
        }
        CodedCentres { codes, values, squares }
    }

    fn count(&self) -> usize {
        self.squares.len()
    }

    /// Squared distances of some centres from a row, less the row's own square.
    fn distances(&self, row: Factors, among: Range<usize>) -> Vec<f32> {
        let width = row.numbers.len();
        let mut products = vec![0; among.len()];
        inner_product_i8(row.numbers, &self.codes.values[among.start * width..among.end * width], &mut products);
        let of_centres = self.squares[among.clone()].iter().zip(&self.codes.scales[among]);
        let distance =
            |(product, (square, scale)): (i32, (&f32, &f32))| square - 2.0 * product as f32 * row.scale * scale;
        products.into_iter().zip(of_centres).map(distance).collect()
    }

    /// The nearest of some centres, and its distance.
    fn nearest(&self, row: Factors, among: Range<usize>) -> Option<(usize, f32)> {
        let distances = among.clone().zip(self.distances(row, among));
        distances.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Centres of lists, by the group that they were split from.
pub struct Centres {
    coarse: CodedCentres,
    /// Where the lists of each coarse group begin, and the end.
    starts: Vec<usize>,
    pub fine: CodedCentres,
}

impl Centres {
    /// About `count` centres of a sample of rows.
    pub fn train(sample: &[f32], dim: usize, count: usize) -> Centres {
        let sample = Sample::new(sample, dim);
        let rows: Vec<usize> = (0..sample.scales.len()).collect();
        let mut random = Random::new(0x11575);
        let groups = (count as f32).sqrt().ceil() as usize;
        let coarse = CodedCentres::new(sample.k_means(&rows, groups, &mut random), dim);
        let mut members = vec![Vec::new(); coarse.count()];
        for row in &rows {
            let nearest = coarse.nearest(sample.factors(*row), 0..coarse.count());
            nearest.into_iter().for_each(|(group, _)| members[group].push(*row));
        }
        let mut starts = vec![0];
        let mut fine = Vec::new();
        for group in &members {
            let share = (group.len() * count).div_ceil(rows.len().max(1));
            fine.extend(sample.k_means(group, share.max(1), &mut random));
            starts.push(fine.len() / dim);
        }
        Centres { coarse, starts, fine: CodedCentres::new(fine, dim) }
    }

    pub fn count(&self) -> usize {
        self.fine.count()
    }

    /// The list of a row.
    pub fn nearest(&self, row: Factors) -> usize {
        let mut groups = [(f32::INFINITY, None); COARSE_PROBES];
        for (group, distance) in self.coarse.distances(row, 0..self.coarse.count()).into_iter().enumerate() {
            let farther = groups.iter().position(|(of_group, _)| distance < *of_group);
            if let Some(place) = farther {
                groups[place..].rotate_right(1);
                groups[place] = (distance, Some(group));
            }
        }
        let groups = groups.into_iter().filter_map(|(_, group)| group);
        let nearest = groups.filter_map(|group| self.fine.nearest(row, self.starts[group]..self.starts[group + 1]));
        nearest.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(list, _)| list)
    }
}

/// Rows to find centres by.
struct Sample<'a> {
    dim: usize,
    values: &'a [f32],
    factors: Vec<i16>,
    scales: Vec<f32>,
}

impl Sample<'_> {
    fn new(values: &[f32], dim: usize) -> Sample<'_> {
        let mut factors = vec![0; values.len() / dim * padded(dim)];
        let scaled = values.chunks_exact(dim).zip(factors.chunks_exact_mut(padded(dim)));
        let scales = scaled.map(|(row, factors)| set_int16(row, factors)).collect();
        Sample { dim, values, factors, scales }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    fn factors(&self, row: usize) -> Factors<'_> {
        let width = padded(self.dim);
        Factors { numbers: &self.factors[row * width..(row + 1) * width], scale: self.scales[row] }
    }

    /// At most `count` centres of some rows; none where there are no rows.
    fn k_means(&self, rows: &[usize], count: usize, random: &mut Random) -> Vec<f32> {
        let mut centres: Vec<f32> = Vec::new();
        for at in random.spread(rows.len(), count) {
            centres.extend_from_slice(self.row(rows[at]));
        }
        let count = centres.len() / self.dim;
        if count < 2 {
            return mean(rows.iter().map(|row| self.row(*row)));
        }
        for _ in 0..ROUNDS {
            let coded = CodedCentres::new(centres, self.dim);
            let mut sums = vec![0f32; coded.values.len()];
            let mut sizes = vec![0usize; count];
            for row in rows {
                let (list, _) = coded.nearest(self.factors(*row), 0..count).expect("there are centres");
                sizes[list] += 1;
                add(&mut sums[list * self.dim..(list + 1) * self.dim], self.row(*row));
            }
            for (sums, size) in sums.chunks_exact_mut(self.dim).zip(sizes) {
                if size == 0 {
                    sums.copy_from_slice(self.row(rows[random.below(rows.len())]));
                } else {
                    sums.iter_mut().for_each(|sum| *sum /= size as f32);
                }
            }
            centres = sums;
        }
        centres
    }
}

/// The mean of rows, as one row; nothing where there are none.
pub fn mean<'a>(mut rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let Some(first) = rows.next() else { return Vec::new() };
    let mut sums: Vec<f64> = first.iter().map(|value| f64::from(*value)).collect();
    let mut total = 1usize;
    for row in rows {
        total += 1;
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| (sum / total as f64) as f32).collect()
}
