//! Queries as codes know them.

use super::build::turn;
use super::quantize::set_int16;
use super::{Codes, dot, padded};
use crate::MetricType;
use crate::kernels::{inner_product_i8, subtract};
use crate::{Order, TopK};

/// A query as codes know it. Inside, ranks are what scores are outside, turned so that smaller is better.
pub struct CodedQuery {
    /// Turned, without the mean, padded.
    pub(super) centred: Vec<f32>,
    /// What int8 rows are multiplied with, of 14 bits: with the mean but for L2.
    pub(super) factors: Vec<i16>,
    pub(super) factors_scale: f32,
    /// Inner products with a rank are taken off so often.
    pub(super) weight: f32,
    /// Of each list: what ranks its centre has, and how near it is.
    pub(super) centre_ranks: Vec<f32>,
    pub(super) nearness: Vec<f32>,
    /// Of the query without the mean.
    pub(super) square: f32,
    /// Of what rows are multiplied with.
    pub(super) length: f32,
}

impl CodedQuery {
    pub fn new(codes: &Codes, query: &[f32]) -> CodedQuery {
        let mut turned = vec![0f32; codes.dim];
        turn(&codes.rotation, codes.metric, query, &mut turned);
        let at_mean = match codes.metric {
            MetricType::L2 => 0.0,
            MetricType::Ip | MetricType::Cosine => -dot(&turned, &codes.mean),
        };
        let mut centred = turned.clone();
        subtract(&mut centred, &codes.mean);
        let mut factors = vec![0; padded(codes.dim)];
        let factors_scale = match codes.metric {
            MetricType::L2 => set_int16(&centred, &mut factors),
            MetricType::Ip | MetricType::Cosine => set_int16(&turned, &mut factors),
        };
        let weight = if codes.metric == MetricType::L2 { 2.0 } else { 1.0 };
        let length = factors.iter().map(|factor| f32::from(*factor).powi(2)).sum::<f32>().sqrt() * factors_scale;
        let square = dot(&centred, &centred);
        centred.resize(padded(codes.dim), 0.0);
        let lists = &codes.lists;
        let mut products = vec![0i32; lists.count()];
        inner_product_i8(&factors, &lists.centres.values, &mut products);
        let mut of_lists = CodedQuery {
            centred,
            factors,
            factors_scale,
            weight,
            centre_ranks: Vec::with_capacity(products.len()),
            nearness: Vec::with_capacity(products.len()),
            square,
            length,
        };
        for (list, product) in products.into_iter().enumerate() {
            let product = product as f32 * factors_scale * lists.centres.scales[list];
            let (rank, nearness) = match codes.metric {
                MetricType::L2 => {
                    let distance = square + lists.squares[list] - 2.0 * product;
                    (distance, distance)
                }
                MetricType::Ip => (at_mean - product, -product),
                MetricType::Cosine => {
                    let distance = lists.squares[list] - 2.0 * (product - lists.mean_products[list]);
                    (at_mean - product, distance)
                }
            };
            of_lists.centre_ranks.push(rank);
            of_lists.nearness.push(nearness);
        }
        of_lists
    }

    /// Squared, without the mean, of a list's centre.
    pub(super) fn distance(&self, codes: &Codes, list: usize) -> f32 {
        let (lists, nearness) = (&codes.lists, self.nearness[list]);
        match codes.metric {
            MetricType::L2 => nearness,
            MetricType::Ip => self.square + lists.squares[list] + 2.0 * (nearness + lists.mean_products[list]),
            MetricType::Cosine => self.square + nearness,
        }
    }

    /// The nearest lists, the nearest first.
    pub fn nearest_lists(&self, count: usize) -> Vec<usize> {
        let mut nearest = TopK::new(count, Order::Ascending, None);
        nearest.offer_block(&self.nearness, 0);
        nearest.into_sorted().into_iter().map(|hit| hit.row as usize).collect()
    }
}
