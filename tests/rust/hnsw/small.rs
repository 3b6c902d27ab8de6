//! Graphs of few or of equal rows, where nothing may be missed.

use super::Vectors;
use elanus::index::MetricType;
use elanus::index::hnsw::{Graph, Neighbour, Scratch};
use proptest::prelude::*;

fn line(positions: impl IntoIterator<Item = f32>) -> Vectors {
    Vectors { dim: 1, metric: MetricType::L2, values: positions.into_iter().collect() }
}

#[test]
fn no_row_one_row_two_rows() {
    for rows in 0..3 {
        let vectors = line((0..rows).map(|row| row as f32));
        let graph = vectors.build(16);
        assert_eq!(graph.rows(), rows as u32);
        for ef in [0, 1, 100] {
            let expected: Vec<Neighbour> = vectors.brute_force(&[2.0], |_| true).into_iter().take(ef).collect();
            assert_eq!(vectors.search(&graph, &[2.0], ef, |_| true), expected, "{rows} rows, ef {ef}");
        }
        assert_eq!(vectors.search(&graph, &[2.0], 10, |_| false), []);
    }
}

/// More equal rows than a node has neighbours, twice, and far apart.
#[test]
fn crowds_of_equal_rows_are_found_whole() {
    for metric in [MetricType::L2, MetricType::Cosine] {
        let values = (0..400).flat_map(|row| if row % 2 == 0 { [0.0, 1.0] } else { [1e6, 0.0] }).collect();
        let vectors = Vectors { dim: 2, metric, values };
        let graph = vectors.build(4);
        for ef in [10, 200, 201, 400] {
            let found = vectors.search(&graph, &[0.1, 1.0], ef, |_| true);
            let near = found.iter().filter(|hit| hit.row % 2 == 0).count();
            assert_eq!((found.len(), near), (ef, ef.min(200)));
        }
    }
}

#[test]
fn rows_that_are_no_distance_away_come_last() {
    let vectors = line((0..200).map(|row| if row % 3 == 0 { f32::NAN } else { row as f32 }));
    let graph = vectors.build(16);
    let found = vectors.search(&graph, &[0.0], 200, |_| true);
    assert_eq!(found.len(), 200);
    assert!(found.iter().zip(0..).all(|(hit, at)| (hit.row % 3 == 0) == (at >= 133)), "{found:?}");
}

#[test]
fn one_scratch_serves_graphs_of_any_size() {
    let mut scratch = Scratch::default();
    for rows in [100, 10, 300, 0, 50] {
        let vectors = line((0..rows).map(|row| row as f32));
        let graph = vectors.build(16);
        let measure = |rows: &[u32], distances: &mut [f32]| {
            rows.iter().zip(distances).for_each(|(row, distance)| *distance = *row as f32);
        };
        let found: Vec<u32> = graph.search(10, measure, |_| true, &mut scratch).iter().map(|hit| hit.row).collect();
        assert_eq!(found, (0..rows.min(10)).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Asked for as many as there are, a search is exact: every row can be reached from every other.
    #[test]
    fn everything_is_found(
        values in prop::collection::vec(prop_oneof![Just(0.0f32), Just(1e9f32), -9.0f32..9.0], 0..300),
        m in 1u32..40,
        divisor in 1u32..5,
        query in -9.0f32..9.0,
    ) {
        let vectors = line(values);
        let graph = vectors.build(m);
        let accept = |row| row % divisor == 0;
        prop_assert_eq!(
            vectors.search(&graph, &[query], vectors.rows() as usize, accept),
            vectors.brute_force(&[query], accept)
        );
        let parsed = Graph::parse(graph.words().to_vec(), vectors.rows());
        prop_assert_eq!(parsed, Ok(graph));
    }
}
