//! Codes as what a file has of them: plain arrays, checked when they come back.

use super::beyond::Spread;
use super::plan::Plan;
use super::rotation::Rotation;
use super::{Codes, Int8Rows, Lists, Signs, inverse, padded, words_of};
use crate::MetricType;
use crate::kernels::largest_magnitude;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::OnceCell;

/// What is not an array.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodesHeader {
    pub metric: MetricType,
    pub dim: usize,
    pub rows: usize,
    pub lists: usize,
    plans: Vec<Plan>,
    rounding: f32,
}

/// The arrays, borrowed when they are written.
#[derive(Debug, Clone)]
pub struct CodesParts<'a> {
    pub mean: Cow<'a, [f32]>,
    pub starts: Cow<'a, [u32]>,
    pub centres: Cow<'a, [i8]>,
    pub centre_scales: Cow<'a, [f32]>,
    pub row_at: Cow<'a, [u32]>,
    pub sign_words: Cow<'a, [u64]>,
    pub sign_scales: Cow<'a, [f32]>,
    pub sign_offsets: Cow<'a, [f32]>,
    pub row_scales: Cow<'a, [f32]>,
    pub row_offsets: Cow<'a, [f32]>,
    pub radii: Cow<'a, [f32]>,
    /// Empty where they stay in the file.
    pub rows: Cow<'a, [i8]>,
}

impl CodesHeader {
    /// How many numbers each part has, in their order; `None` where that overflows.
    pub fn counts(&self) -> Option<[usize; 12]> {
        let offsets = if self.metric == MetricType::Ip { 0 } else { self.rows };
        let width = self.dim.checked_next_multiple_of(super::ROW_ALIGNMENT)?;
        Some([
            self.dim,
            self.lists.checked_add(1)?,
            self.lists.checked_mul(width)?,
            self.lists,
            self.rows,
            self.rows.checked_mul(words_of(self.dim))?,
            self.rows,
            self.rows,
            self.rows,
            offsets,
            self.lists,
            self.rows.checked_mul(width)?,
        ])
    }
}

impl Codes {
    pub fn to_parts(&self) -> (CodesHeader, CodesParts<'_>) {
        let header = CodesHeader {
            metric: self.metric,
            dim: self.dim,
            rows: self.row_count(),
            lists: self.lists.count(),
            plans: self.plans.clone(),
            rounding: self.rounding,
        };
        let parts = CodesParts {
            mean: Cow::Borrowed(&self.mean),
            starts: Cow::Borrowed(&self.lists.starts),
            centres: Cow::Borrowed(&self.lists.centres.values),
            centre_scales: Cow::Borrowed(&self.lists.centres.scales),
            row_at: Cow::Borrowed(&self.row_at),
            sign_words: Cow::Borrowed(&self.signs.words),
            sign_scales: Cow::Borrowed(&self.signs.scales),
            sign_offsets: Cow::Borrowed(&self.signs.offsets),
            row_scales: Cow::Borrowed(&self.row_scales),
            row_offsets: Cow::Borrowed(&self.row_offsets),
            radii: Cow::Borrowed(&self.lists.radii),
            rows: Cow::Borrowed(self.numbers()),
        };
        (header, parts)
    }

    /// `None` where the arrays do not fit each other, so that a search would leave them.
    pub fn from_parts(header: CodesHeader, parts: CodesParts<'_>) -> Option<Codes> {
        let mut expected = header.counts()?;
        let CodesHeader { metric, dim, rows, lists, plans, rounding } = header;
        let lengths = [
            parts.mean.len(),
            parts.starts.len(),
            parts.centres.len(),
            parts.centre_scales.len(),
            parts.row_at.len(),
            parts.sign_words.len(),
            parts.sign_scales.len(),
            parts.sign_offsets.len(),
            parts.row_scales.len(),
            parts.row_offsets.len(),
            parts.radii.len(),
            parts.rows.len(),
        ];
        let ascending = parts.starts.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = parts.starts.first() == Some(&0) && parts.starts.last() == Some(&(rows as u32));
        // int8 numbers may stay in the file.
        if parts.rows.is_empty() {
            expected[11] = 0;
        }
        if dim == 0 || lists == 0 || lengths != expected || !ascending || !ends {
            return None;
        }
        let position_of = inverse(&parts.row_at)?;
        let width = padded(dim);
        let scaled =
            |(centre, scale): (&[i8], &f32)| centre[..dim].iter().map(|code| f32::from(*code) * scale).collect();
        let of_centres = parts.centres.chunks_exact(width).zip(parts.centre_scales.iter());
        let fine: Vec<f32> = of_centres.flat_map(|it| -> Vec<f32> { scaled(it) }).collect();
        let mean = parts.mean.into_owned();
        let centres = Int8Rows {
            values: parts.centres.into_owned(),
            scales: parts.centre_scales.into_owned(),
            offsets: Vec::new(),
        };
        let lists = Lists::new((parts.starts.into_owned(), parts.radii.into_owned()), centres, &fine, &mean);
        let signs = Signs {
            words: parts.sign_words.into_owned(),
            scales: parts.sign_scales.into_owned(),
            offsets: parts.sign_offsets.into_owned(),
        };
        let spreads = Spread::of_lists(metric, &lists, &signs);
        let coarsest = largest_magnitude(&parts.row_scales);
        Some(Codes {
            metric,
            dim,
            rotation: Rotation::new(dim),
            mean,
            lists,
            row_at: parts.row_at.into_owned(),
            position_of,
            coarsest,
            rounding,
            signs,
            spreads,
            row_scales: parts.row_scales.into_owned(),
            row_offsets: parts.row_offsets.into_owned(),
            numbers: if parts.rows.is_empty() { OnceCell::new() } else { parts.rows.into_owned().into() },
            plans,
            graph: None,
        })
    }
}
