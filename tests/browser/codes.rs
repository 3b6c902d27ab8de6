//! Codes made by the vector instructions.

use elanus::index::MetricType;
use elanus::index::codes::{CodedQuery, Codes};
use elanus::index::flat::FlatScan;
use elanus::search::{Order, TopK};
use wasm_bindgen_test::wasm_bindgen_test;

/// Kernels take numbers by sixteen or eight, and rows may have some more.
#[wasm_bindgen_test]
fn whatever_the_dimension_no_score_is_wrong_by_more_than_is_certain() {
    for dim in [16, 20, 23, 31, 100] {
        let mut state = 7u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        };
        let rows: Vec<f32> = (0..2100 * dim).map(|_| number()).collect();
        for metric in [MetricType::L2, MetricType::Ip, MetricType::Cosine] {
            let codes = Codes::build(&[&rows], dim, metric).expect("enough rows");
            for query in rows.chunks(dim).step_by(400) {
                let coded = CodedQuery::new(&codes, query);
                let (error, best) = (codes.certain_error(&coded), codes.best_of_lists(&coded)[0]);
                let mut all = TopK::new(2100, Order::of(metric), None);
                codes.rank_list(&coded, (0, codes.numbers_of(0)), None, &mut all);
                for hit in all.into_sorted() {
                    let vectors = &rows[hit.row as usize * dim..][..dim];
                    let mut one = TopK::new(1, Order::of(metric), None);
                    FlatScan { query, vectors, metric, inverse_norms: None, mask: None, base_row: 0 }.run(&mut one);
                    let exact = one.into_sorted()[0].score;
                    assert!(
                        (hit.score - exact).abs() <= error.at(exact),
                        "{dim}, {metric:?}: {} for {exact}",
                        hit.score
                    );
                    assert!(Order::of(metric).compare(exact, best).is_ge(), "{dim}, {metric:?}: {exact}, best {best}");
                }
            }
        }
    }
}
