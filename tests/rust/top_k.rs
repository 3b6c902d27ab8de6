//! The best hits of many, against sorting them all.

use elanus::search::{Hit, Order, ScoreRange, TopK};
use proptest::prelude::*;

fn sorted(scores: &[f32], k: usize, order: Order, range: Option<ScoreRange>) -> Vec<(f32, u32)> {
    let inside = |score: f32| match (order, range) {
        (_, None) => true,
        (Order::Ascending, Some(range)) => {
            range.radius.is_none_or(|radius| score < radius) && range.range_filter.is_none_or(|filter| filter <= score)
        }
        (Order::Descending, Some(range)) => {
            range.radius.is_none_or(|radius| radius < score) && range.range_filter.is_none_or(|filter| score <= filter)
        }
    };
    let mut hits: Vec<(f32, u32)> = scores.iter().copied().zip(0..).filter(|(score, _)| inside(*score)).collect();
    hits.sort_by(|a, b| match order {
        Order::Ascending => a.0.partial_cmp(&b.0).unwrap().then(a.1.cmp(&b.1)),
        Order::Descending => b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)),
    });
    hits.truncate(k);
    hits
}

fn pairs(hits: Vec<Hit>) -> Vec<(f32, u32)> {
    hits.into_iter().map(|hit| (hit.score, hit.row)).collect()
}

proptest! {
    #[test]
    fn agrees_with_sorting(
        scores in prop::collection::vec((-20i32..20).prop_map(|score| score as f32 / 4.0), 0..300),
        k in 0usize..40,
        ascending: bool,
        range in prop::option::of((prop::option::of(-5i32..5), prop::option::of(-5i32..5))),
        split in 0usize..300,
    ) {
        let order = if ascending { Order::Ascending } else { Order::Descending };
        let range = range.map(|(radius, filter)| ScoreRange {
            radius: radius.map(|radius| radius as f32),
            range_filter: filter.map(|filter| filter as f32),
        });
        let expected = sorted(&scores, k, order, range);
        let split = split.min(scores.len());
        let mut by_block = TopK::new(k, order, range);
        by_block.offer_block(&scores[..split], 0);
        by_block.offer_block(&scores[split..], split as u32);
        prop_assert_eq!(&pairs(by_block.into_sorted()), &expected);
        let mut backwards = TopK::new(k, order, range);
        (0..scores.len()).rev().for_each(|row| backwards.offer(scores[row], row as u32));
        prop_assert_eq!(&pairs(backwards.into_sorted()), &expected);
    }
}

#[test]
fn ties_go_to_the_smaller_row_and_zero_is_one_number() {
    let mut top = TopK::new(2, Order::Descending, None);
    top.offer(-0.0, 3);
    top.offer(0.0, 9);
    top.offer(0.0, 1);
    let hits = top.into_sorted();
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [1, 3]);
    assert!(hits.iter().all(|hit| hit.score == 0.0 && hit.score.is_sign_positive()));
}

#[test]
fn no_number_comes_last_and_infinity_is_kept() {
    for order in [Order::Ascending, Order::Descending] {
        let mut top = TopK::new(3, order, None);
        top.offer_block(&[f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY], 0);
        let rows: Vec<u32> = top.into_sorted().iter().map(|hit| hit.row).collect();
        let expected = if order == Order::Ascending { [3, 1, 0] } else { [2, 1, 0] };
        assert_eq!(rows, expected);
    }
}

#[test]
fn bounds_are_those_of_milvus() {
    let distances = [0.0, 1.0, 2.0];
    let mut l2 = TopK::new(9, Order::Ascending, Some(ScoreRange { radius: Some(2.0), range_filter: Some(1.0) }));
    l2.offer_block(&distances, 0);
    assert_eq!(pairs(l2.into_sorted()), [(1.0, 1)]);
    let mut ip = TopK::new(9, Order::Descending, Some(ScoreRange { radius: Some(0.0), range_filter: Some(1.0) }));
    ip.offer_block(&distances, 0);
    assert_eq!(pairs(ip.into_sorted()), [(1.0, 1)]);
}
