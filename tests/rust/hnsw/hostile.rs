//! Words from storage may be anything: what parses is searched without a panic and to an end, however wrong its answer is.

use super::Vectors;
use elanus::index::MetricType;
use elanus::index::hnsw::{BrokenGraph, Graph, Scratch};
use proptest::prelude::*;
use std::sync::LazyLock;

const ROWS: u32 = 200;
const HEADER_WORDS: usize = 5;

static INTACT: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let values = (0..2 * ROWS).map(|at| (at * 7919 % 1009) as f32).collect();
    Vectors { dim: 2, metric: MetricType::L2, values }.build(16).words().to_vec()
});

fn search_all_ways(graph: &Graph, odd_distance: f32) {
    let mut scratch = Scratch::default();
    for ef in [1, 10, ROWS as usize, usize::MAX] {
        let measure = |rows: &[u32], distances: &mut [f32]| {
            for (row, distance) in rows.iter().zip(distances) {
                *distance = if row % 3 == 0 { odd_distance } else { -(*row as f32) };
            }
        };
        let found = graph.search(ef, measure, |row| row % 2 == 0, &mut scratch);
        assert!(found.len() <= ef && found.iter().all(|hit| hit.row < graph.rows() && hit.row % 2 == 0));
        assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
    }
}

fn any_distance() -> impl Strategy<Value = f32> {
    prop_oneof![Just(f32::NAN), Just(-f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(-0.0), any::<f32>()]
}

fn any_word() -> impl Strategy<Value = u32> {
    prop_oneof![0..8u32, 0..=ROWS, any::<u32>(), Just(u32::MAX)]
}

proptest! {
    #[test]
    fn damaged_graphs(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any_word()), 1..8),
        distance in any_distance(),
    ) {
        let mut words = INTACT.clone();
        for (at, word) in damage {
            let at = at.index(words.len());
            words[at] = word;
        }
        if let Ok(graph) = Graph::parse(words, ROWS) {
            search_all_ways(&graph, distance);
        }
    }

    #[test]
    fn graphs_cut_and_lengthened(keep in any::<prop::sample::Index>(), more in prop::collection::vec(any_word(), 0..9)) {
        let mut words = INTACT[..keep.index(INTACT.len())].to_vec();
        words.extend(more);
        // A graph of the same length may be another one that is sound: the file's checksum tells them apart.
        if words.len() != INTACT.len() {
            prop_assert!(Graph::parse(words.clone(), ROWS).is_err());
        }
        if words.len() >= HEADER_WORDS {
            words[2] = words.len() as u32;
            if let Ok(graph) = Graph::parse(words, ROWS) {
                search_all_ways(&graph, 0.0);
            }
        }
    }

    /// A true header, and layers of any words: small numbers often make a graph.
    #[test]
    fn made_up_layers(
        rows in 0u32..4,
        sizes in prop::collection::vec(0u32..4, 0..4),
        body in prop::collection::vec(0u32..4, 0..24),
        distance in any_distance(),
    ) {
        let mut words = INTACT[..2].to_vec();
        words.extend([(HEADER_WORDS + sizes.len() + body.len()) as u32, rows, sizes.len() as u32]);
        words.extend(sizes.into_iter().chain(body));
        if let Ok(graph) = Graph::parse(words, rows) {
            search_all_ways(&graph, distance);
        }
    }

    #[test]
    fn any_words(words in prop::collection::vec(any_word(), 0..64), rows in any_word()) {
        prop_assert!(Graph::parse(words, rows).is_err());
    }
}

#[test]
fn every_kind_of_damage_is_named() {
    let parse = |at: usize, word: u32| {
        let mut words = INTACT.clone();
        words[at] = word;
        Graph::parse(words, ROWS).map_err(|BrokenGraph(reason)| reason)
    };
    let layers = INTACT[4] as usize;
    let first_offset = HEADER_WORDS + layers;
    let last_offset = first_offset + ROWS as usize;
    let expected = [
        (0, 0, "not a graph"),
        (1, 2, "a version of graphs unknown to this version of elanus"),
        (2, 1, "cut off or too long"),
        (3, ROWS + 1, "a graph of another number of rows"),
        (4, u32::MAX, "shorter than it says"),
        (HEADER_WORDS, ROWS - 1, "layers that do not lie on each other"),
        (HEADER_WORDS + 1, ROWS + 1, "layers that do not lie on each other"),
        (HEADER_WORDS + layers - 1, 0, "an empty layer"),
        (first_offset, 1, "offsets that do not ascend"),
        (first_offset + 1, u32::MAX, "offsets that do not ascend"),
        (last_offset, u32::MAX, "shorter than it says"),
        (last_offset + 1, ROWS, "a neighbour that is not there"),
        (INTACT.len() - 1, ROWS, "a node without a row"),
    ];
    assert!(layers > 1);
    for (at, word, reason) in expected {
        assert_eq!(parse(at, word), Err(reason), "word {at}");
    }
    let mut longer = INTACT.clone();
    longer.push(0);
    longer[2] += 1;
    assert_eq!(Graph::parse(longer, ROWS), Err(BrokenGraph("more words than it needs")));
    assert_eq!(Graph::parse(Vec::new(), 0), Err(BrokenGraph("shorter than its header")));
}
