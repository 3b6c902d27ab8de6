//! Making codes of a segment's vectors, with one row at a time beside them.

use super::beyond::Spread;
use super::lists::{Centres, CodedCentres, Factors, mean};
use super::measure::plans;
use super::quantize::{push_int8, set_int16};
use super::rotation::{Random, Rotation};
use super::{Codes, Int8Rows, Lists, MIN_DIM, MIN_ROWS, Signs, dot, inverse, padded, words_of};
use crate::MetricType;
use crate::flat::inverse_norm;
use crate::kernels::{largest_magnitude, product_of_i8, residual_signs, subtract};

/// Rows of a list on average: looking at a list costs about as much as ranking some dozens of rows.
const ROWS_OF_LIST: usize = 128;
/// Segments with fewer rows have one list.
const MIN_ROWS_FOR_LISTS: usize = 4096;
const MAX_LISTS: usize = 1024;
/// Rows to find centres by, of each list and in bytes at most.
const SAMPLE_OF_LIST: usize = 20;
const SAMPLE_BYTES: usize = 12 << 20;
/// Rows that are coded in one step, and their numbers, at most.
const ROWS_AT_ONCE: usize = 2048;
const NUMBERS_AT_ONCE: usize = ROWS_AT_ONCE * 384;

/// Codes in the making, some rows at a time.
pub struct Coding<'a> {
    metric: MetricType,
    dim: usize,
    vectors: Vec<&'a [f32]>,
    rotation: Rotation,
    mean: Vec<f32>,
    centres: Centres,
    coded: Coded,
    /// Of the rows that are coded.
    list_of: Vec<u32>,
}

impl Codes {
    /// All at once; what a `Coding` makes.
    pub fn build(parts: &[&[f32]], dim: usize, metric: MetricType) -> Option<Codes> {
        let mut coding = Coding::begin(parts, dim, metric)?;
        while coding.go_on() {}
        coding.end()
    }
}

impl<'a> Coding<'a> {
    /// Of vectors in parts that follow one another. `None` where codes would not pay.
    pub fn begin(parts: &[&'a [f32]], dim: usize, metric: MetricType) -> Option<Self> {
        let vectors: Vec<&[f32]> = parts.iter().flat_map(|part| part.chunks_exact(dim.max(1))).collect();
        let rows = vectors.len();
        if dim < MIN_DIM || rows < MIN_ROWS {
            return None;
        }
        let rotation = Rotation::new(dim);
        let lists = if rows < MIN_ROWS_FOR_LISTS { 1 } else { (rows / ROWS_OF_LIST).min(MAX_LISTS) };
        let sampled =
            Random::new(0x5a31).spread(rows, (SAMPLE_BYTES / 4 / dim).min(lists * SAMPLE_OF_LIST).max(MIN_ROWS));
        let mut sample = vec![0f32; sampled.len() * dim];
        for (row, turned) in sampled.iter().zip(sample.chunks_exact_mut(dim)) {
            turn(&rotation, metric, vectors[*row], turned);
        }
        let mean = mean(sample.chunks_exact(dim));
        sample.chunks_exact_mut(dim).for_each(|row| subtract(row, &mean));
        let centres = Centres::train(&sample, dim, lists);
        let coded = Coded::with_capacity((rows, centres.count()), dim);
        let list_of = Vec::with_capacity(rows);
        Some(Coding { metric, dim, vectors, rotation, mean, centres, coded, list_of })
    }

    /// Codes the next rows, which takes some milliseconds; says whether there are more.
    pub fn go_on(&mut self) -> bool {
        let Coding { metric, dim, mean, centres, coded, .. } = self;
        let coder = Coder { metric: *metric, dim: *dim, centres: &centres.fine, mean };
        let mut turned = vec![0f32; padded(*dim)];
        let mut factors = vec![0; padded(*dim)];
        let coded_before = self.list_of.len();
        for vector in self.vectors[coded_before..].iter().take((NUMBERS_AT_ONCE / *dim).clamp(1, ROWS_AT_ONCE)) {
            turn(&self.rotation, *metric, vector, &mut turned[..*dim]);
            subtract(&mut turned[..*dim], mean);
            let scale = set_int16(&turned, &mut factors);
            let list = centres.nearest(Factors { numbers: &factors, scale });
            self.list_of.push(list as u32);
            coder.code(&mut turned, list, coded);
        }
        self.list_of.len() < self.vectors.len()
    }

    /// When all rows are coded. `None` where numbers are too large to compute with.
    pub fn end(self) -> Option<Codes> {
        let Coding { metric, dim, vectors, rotation, mean, centres, coded, list_of } = self;
        let (starts, row_at) = by_list(&list_of, centres.count());
        // Squares may be too small for float32 where the numbers are not.
        let root = |square: f32| square.sqrt() + f32::MIN_POSITIVE.sqrt();
        let rounding = root(coded.rounding_square);
        let radii = coded.list_squares.iter().map(|square| root(*square)).collect();
        let lists = Lists::new((starts, radii), centres.fine.codes, &centres.fine.values, &mean);
        let (rows, signs) = coded.in_order(&row_at, dim);
        let scales = [&rows.scales, &rows.offsets, &signs.scales, &signs.offsets, &lists.squares, &lists.mean_products];
        if !scales.iter().all(|numbers| numbers.iter().all(|number| number.is_finite())) {
            return None;
        }
        let spreads = Spread::of_lists(metric, &lists, &signs);
        let (position_of, coarsest) = (inverse(&row_at)?, largest_magnitude(&rows.scales));
        let mut codes = Codes {
            metric,
            dim,
            rotation,
            mean,
            lists,
            row_at,
            position_of,
            signs,
            spreads,
            row_scales: rows.scales,
            row_offsets: rows.offsets,
            coarsest,
            rounding,
            numbers: rows.values.into(),
            plans: Vec::new(),
            graph: None,
        };
        codes.plans = plans(&codes, &vectors);
        Some(codes)
    }
}

impl Lists {
    pub fn new((starts, radii): (Vec<u32>, Vec<f32>), centres: Int8Rows, fine: &[f32], mean: &[f32]) -> Lists {
        let dim = mean.len();
        let squares = fine.chunks_exact(dim).map(|centre| dot(centre, centre)).collect();
        let mean_products = fine.chunks_exact(dim).map(|centre| dot(centre, mean)).collect();
        Lists { starts, centres, squares, mean_products, radii }
    }
}

/// A vector as codes know it, but for the mean.
pub fn turn(rotation: &Rotation, metric: MetricType, vector: &[f32], turned: &mut [f32]) {
    turned.copy_from_slice(vector);
    if metric == MetricType::Cosine {
        let scale = inverse_norm(vector);
        turned.iter_mut().for_each(|value| *value *= scale);
    }
    rotation.apply(turned);
}

/// Positions where lists begin, and the row at each position.
fn by_list(list_of: &[u32], lists: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; lists + 1];
    list_of.iter().for_each(|list| starts[*list as usize + 1] += 1);
    (0..lists).for_each(|list| starts[list + 1] += starts[list]);
    let mut next = starts.clone();
    let mut row_at = vec![0; list_of.len()];
    for (row, list) in list_of.iter().enumerate() {
        row_at[next[*list as usize] as usize] = row as u32;
        next[*list as usize] += 1;
    }
    (starts, row_at)
}

struct Coder<'a> {
    metric: MetricType,
    dim: usize,
    centres: &'a CodedCentres,
    mean: &'a [f32],
}

/// Codes in the order of rows.
struct Coded {
    rows: Int8Rows,
    signs: Signs,
    /// Of the residual of each list's farthest row.
    list_squares: Vec<f32>,
    /// Of what int8 numbers leave of a residual, at most.
    rounding_square: f32,
    /// Of what they leave of the last row, which nobody needs.
    signs_left: Vec<u64>,
    /// What they leave of it.
    left: Vec<f32>,
}

impl Coder<'_> {
    /// Appends a row of a list, which is turned, without the mean, and padded.
    fn code(&self, turned: &mut [f32], list: usize, coded: &mut Coded) {
        let Coded { rows, signs, list_squares, rounding_square, signs_left, left } = coded;
        let CodedCentres { codes: of_centres, values, .. } = self.centres;
        let centre = &values[list * self.dim..(list + 1) * self.dim];
        let centre_codes = &of_centres.values[list * turned.len()..(list + 1) * turned.len()];
        let start = signs.words.len();
        signs.words.resize(start + words_of(self.dim), 0);
        let (sum, square) = residual_signs(turned, centre_codes, of_centres.scales[list], &mut signs.words[start..]);
        list_squares[list] = list_squares[list].max(square);
        subtract(&mut turned[..self.dim], centre);
        let residual = &turned[..self.dim];
        signs.scales.push(if sum > 0.0 { square / sum } else { 0.0 });
        signs.offsets.push(match self.metric {
            MetricType::L2 => square,
            MetricType::Ip | MetricType::Cosine => -dot(self.mean, residual) - dot(centre, residual),
        });
        let start = rows.values.len();
        let scale = push_int8(residual, &mut rows.values);
        rows.scales.push(scale);
        let codes = &rows.values[start..];
        let (_, left_square) = residual_signs(turned, codes, scale, signs_left);
        *rounding_square = rounding_square.max(left_square);
        match self.metric {
            MetricType::L2 => {
                let square = scale * product_of_i8(codes, codes) as f32;
                let with_centre = of_centres.scales[list] * product_of_i8(codes, centre_codes) as f32;
                rows.offsets.push(scale * (square + 2.0 * with_centre));
            }
            MetricType::Cosine => {
                left.clear();
                let residual = &turned[..self.dim];
                left.extend(residual.iter().zip(codes).map(|(value, code)| value - scale * f32::from(*code)));
                rows.offsets.push(dot(self.mean, left) + dot(centre, left) + dot(residual, left));
            }
            MetricType::Ip => {}
        }
    }
}

impl Coded {
    fn with_capacity((rows, lists): (usize, usize), dim: usize) -> Coded {
        let mut coded = Coded {
            rows: Int8Rows::default(),
            signs: Signs::default(),
            list_squares: vec![0.0; lists],
            rounding_square: 0.0,
            signs_left: vec![0; words_of(dim)],
            left: Vec::with_capacity(dim),
        };
        coded.rows.values.reserve_exact(rows * padded(dim));
        coded.signs.words.reserve_exact(rows * words_of(dim));
        coded
    }

    fn in_order(self, row_at: &[u32], dim: usize) -> (Int8Rows, Signs) {
        let Coded { rows, signs, .. } = self;
        let rows = Int8Rows {
            values: pick(&rows.values, padded(dim), row_at),
            scales: pick(&rows.scales, 1, row_at),
            offsets: if rows.offsets.is_empty() { Vec::new() } else { pick(&rows.offsets, 1, row_at) },
        };
        let signs = Signs {
            words: pick(&signs.words, words_of(dim), row_at),
            scales: pick(&signs.scales, 1, row_at),
            offsets: pick(&signs.offsets, 1, row_at),
        };
        (rows, signs)
    }
}

fn pick<T: Copy>(values: &[T], width: usize, rows: &[u32]) -> Vec<T> {
    let mut picked = Vec::with_capacity(values.len());
    rows.iter().for_each(|row| picked.extend_from_slice(&values[*row as usize * width..][..width]));
    picked
}
