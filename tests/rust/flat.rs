//! The exact scan, against sums in double precision.

use elanus::index::MetricType;
use elanus::index::flat::{FlatScan, inverse_norms};
use elanus::index::kernels::{inner_product, l2_squared, scalar};
use elanus::search::{Hit, Order, TopK};
use elanus::value::Mask;
use proptest::prelude::*;

fn naive(metric: MetricType, query: &[f32], row: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    match metric {
        MetricType::L2 => query.iter().zip(row).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum(),
        MetricType::Ip => dot(query, row),
        MetricType::Cosine => {
            let lengths = (dot(query, query) * dot(row, row)).sqrt();
            if lengths > 0.0 { dot(query, row) / lengths } else { 0.0 }
        }
    }
}

fn scan(scan: FlatScan, k: usize) -> Vec<Hit> {
    let mut sink = TopK::new(k, Order::of(scan.metric), None);
    scan.run(&mut sink);
    sink.into_sorted()
}

fn any_rows() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    (1usize..70, 0usize..40).prop_flat_map(|(dim, rows)| {
        let number = || (-100i32..100).prop_map(|number| number as f32 / 16.0);
        (prop::collection::vec(number(), dim), prop::collection::vec(number(), dim * rows))
    })
}

proptest! {
    #[test]
    fn kernels_agree_with_double_precision((query, rows) in any_rows()) {
        let mut out = vec![0f32; rows.len() / query.len()];
        type Kernel = fn(&[f32], &[f32], &mut [f32]);
        let kernels: [(MetricType, Kernel); 4] = [
            (MetricType::L2, l2_squared),
            (MetricType::Ip, inner_product),
            (MetricType::L2, scalar::l2_squared),
            (MetricType::Ip, scalar::inner_product),
        ];
        for (metric, kernel) in kernels {
            kernel(&query, &rows, &mut out);
            for (row, score) in rows.chunks_exact(query.len()).zip(&out) {
                let expected = naive(metric, &query, row);
                prop_assert!((f64::from(*score) - expected).abs() <= 1e-3 + expected.abs() * 1e-5);
            }
        }
    }

    #[test]
    fn every_wanted_row_is_found_with_its_score(
        (query, rows) in any_rows(),
        metric in prop::sample::select(vec![MetricType::L2, MetricType::Ip, MetricType::Cosine]),
        bits in prop::collection::vec(any::<bool>(), 60),
        masked: bool,
        stored_norms: bool,
        base_row in 0u32..20,
    ) {
        let count = rows.len() / query.len();
        let mut mask = Mask::with_capacity(60);
        bits.iter().enumerate().for_each(|(row, bit)| mask.set(row, *bit));
        let norms = inverse_norms(&rows, query.len());
        let hits = scan(FlatScan {
            query: &query,
            vectors: &rows,
            metric,
            inverse_norms: stored_norms.then_some(norms.as_slice()),
            mask: masked.then_some(&mask),
            base_row,
        }, 1000);
        let wanted = (base_row..base_row + count as u32).filter(|row| !masked || mask.contains(*row as usize));
        let mut found: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
        found.sort_unstable();
        prop_assert_eq!(found, wanted.collect::<Vec<_>>());
        for hit in hits {
            let row = rows.chunks_exact(query.len()).nth((hit.row - base_row) as usize).unwrap();
            let expected = naive(metric, &query, row);
            prop_assert!((f64::from(hit.score) - expected).abs() <= 1e-3 + expected.abs() * 1e-5);
        }
    }
}

/// Dense, half-empty, sparse and empty blocks, and a mask shorter than the rows.
#[test]
fn blocks_of_every_kind_give_the_same_rows() {
    let (dim, rows) = (3, 5000);
    let vectors: Vec<f32> = (0..dim * rows).map(|at| ((at * 7919) % 1009) as f32).collect();
    let mut mask = Mask::with_capacity(4500);
    mask.insert_range(0..1024);
    (1024..2048).step_by(2).for_each(|row| mask.insert(row));
    (2048..3072).step_by(100).for_each(|row| mask.insert(row));
    mask.insert_range(4090..4500);
    let query = [500.0, 500.0, 500.0];
    let request = FlatScan {
        query: &query,
        vectors: &vectors,
        metric: MetricType::L2,
        inverse_norms: None,
        mask: Some(&mask),
        base_row: 0,
    };
    let all = scan(FlatScan { mask: None, ..request }, rows);
    let expected: Vec<Hit> = all.into_iter().filter(|hit| mask.contains(hit.row as usize)).collect();
    assert_eq!(scan(request, rows), expected);
    assert_eq!(scan(request, 10), expected[..10]);
}

/// Scores that Milvus 2.3.5 and Lite 3.2.2 gave for the same data; of the zero vector, Lite's.
#[test]
fn recorded_scores() {
    let vectors = [1.0, 0.0, 2.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 0.0];
    let request = FlatScan {
        query: &[1.0, 0.0],
        vectors: &vectors,
        metric: MetricType::Cosine,
        inverse_norms: None,
        mask: None,
        base_row: 1,
    };
    let scores = |metric| scan(FlatScan { metric, ..request }, 10).iter().map(|hit| (hit.row, hit.score)).collect();
    let cosine: Vec<(u32, f32)> = scores(MetricType::Cosine);
    assert_eq!(cosine, [(1, 1.0), (2, 1.0), (7, 1.0), (6, 0.707_106_77), (3, 0.0), (5, 0.0), (4, -1.0)]);
    let ip: Vec<(u32, f32)> = scores(MetricType::Ip);
    assert_eq!(ip, [(2, 2.0), (7, 2.0), (1, 1.0), (6, 1.0), (3, 0.0), (5, 0.0), (4, -1.0)]);
    let l2 =
        scan(FlatScan { query: &[1.0, 0.0], vectors: &[0.9, 0.0, 0.8, 0.0], metric: MetricType::L2, ..request }, 2);
    assert_eq!(l2.iter().map(|hit| hit.score).collect::<Vec<_>>(), [0.010_000_004, 0.039_999_995]);
}

#[test]
fn lengths_that_leave_f32_still_give_a_direction() {
    for scale in [1e-30f32, 1e30] {
        let request = FlatScan {
            query: &[3.0, 4.0],
            vectors: &[3.0 * scale, 4.0 * scale],
            metric: MetricType::Cosine,
            inverse_norms: None,
            mask: None,
            base_row: 0,
        };
        assert!((scan(request, 1)[0].score - 1.0).abs() < 1e-5, "{scale}");
    }
}

#[test]
fn products_that_leave_f32_still_give_an_angle() {
    for length in [1e20f32, 1e-23] {
        let query: Vec<f32> = (0..16).map(|at| length * (at as f32 - 3.0)).collect();
        let row: Vec<f32> = (0..16).map(|at| length * (5.0 - at as f32)).collect();
        let vectors = [row.as_slice(), query.as_slice()].concat();
        let scanned = FlatScan {
            query: &query,
            vectors: &vectors,
            metric: MetricType::Cosine,
            inverse_norms: None,
            mask: None,
            base_row: 0,
        };
        let hits = scan(scanned, 2);
        let expected = naive(MetricType::Cosine, &query, &row);
        assert!((f64::from(hits[1].score) - expected).abs() < 1e-5, "{} is not {expected}", hits[1].score);
        assert!((hits[0].score - 1.0).abs() < 1e-5);
    }
}
