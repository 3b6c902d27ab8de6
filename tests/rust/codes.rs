//! AUTOINDEX's codes against brute force.

use crate::support::rng::Rng;
use elanus::index::MetricType;
use elanus::index::codes::{
    CodeSearch, CodedQuery, Codes, CodesHeader, CodesParts, Effort, MAX_LEVEL, SelectedRows, Selection,
};
use elanus::index::flat::FlatScan;
use elanus::index::hnsw::{self, BuildParams};
use elanus::search::{Order, TopK};
use elanus::value::Mask;
use proptest::prelude::*;
use std::borrow::Cow;

const ROWS: usize = 6000;
const DIM: usize = 48;
const METRICS: [MetricType; 3] = [MetricType::L2, MetricType::Ip, MetricType::Cosine];

#[derive(Debug, Clone, Copy)]
enum Data {
    /// 40 clusters.
    Mixture,
    /// Ten dimensions in 48.
    Low,
    Uniform,
}

const ALL_DATA: [Data; 3] = [Data::Mixture, Data::Low, Data::Uniform];

fn normal(rng: &mut Rng) -> f32 {
    (0..6).map(|_| rng.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5).sum::<f32>() * std::f32::consts::SQRT_2
}

fn vectors(data: Data, rows: usize, seed: u64) -> Vec<f32> {
    let mut shape = Rng::new(7);
    let mut rng = Rng::new(seed);
    let frame: Vec<f32> = (0..40 * DIM).map(|_| normal(&mut shape)).collect();
    let mut row = || -> Vec<f32> {
        match data {
            Data::Mixture => {
                let centre = rng.below(40) as usize;
                frame[centre * DIM..(centre + 1) * DIM].iter().map(|at| 3.0 + at + 0.4 * normal(&mut rng)).collect()
            }
            Data::Low => {
                let place: Vec<f32> = (0..10).map(|_| normal(&mut rng)).collect();
                (0..DIM)
                    .map(|at| place.iter().enumerate().map(|(axis, by)| by * frame[axis * DIM + at]).sum())
                    .collect()
            }
            Data::Uniform => (0..DIM).map(|_| normal(&mut rng).clamp(-1.0, 1.0)).collect(),
        }
    };
    (0..rows).flat_map(|_| row()).collect()
}

fn exact(values: &[f32], query: &[f32], metric: MetricType, mask: Option<&Mask>, k: usize) -> Vec<u32> {
    let mut sink = TopK::new(k, Order::of(metric), None);
    FlatScan { query, vectors: values, metric, inverse_norms: None, mask, base_row: 0 }.run(&mut sink);
    sink.into_sorted().into_iter().map(|hit| hit.row).collect()
}

const fn level(level: u32) -> Effort {
    Effort { level, lists: None, rerank: None, ef: None }
}

fn rank(codes: &Codes, search: &CodeSearch, sink: &mut TopK) {
    let Selection { query, rows, planned } = codes.select(search);
    match rows {
        SelectedRows::Scattered(candidates) => codes.rank_scattered(&query, &candidates, sink),
        SelectedRows::Lists(lists) => {
            lists
                .into_iter()
                .for_each(|list| codes.rank_list(&query, (list, codes.numbers_of(list)), search.mask, sink));
        }
    }
    let wanted = search.depth.div_ceil(2);
    let worst = sink.clone().into_sorted().get(wanted - 1).map(|hit| hit.score);
    if let (Some(planned), Some(worst)) = (planned, worst) {
        codes.rank_scattered(&query, &codes.beyond((&query, &planned), search.mask, wanted, worst), sink);
    }
}

fn found(codes: &Codes, search: &CodeSearch, metric: MetricType) -> Vec<u32> {
    let mut sink = TopK::new(search.depth, Order::of(metric), None);
    rank(codes, search, &mut sink);
    sink.into_sorted().into_iter().map(|hit| hit.row).collect()
}

/// The part of the ten nearest rows that is found, over some queries; a few more are asked for, as the query node does, which
/// then knows their exact scores.
fn recall(
    codes: &Codes,
    values: &[f32],
    (data, metric): (Data, MetricType),
    mask: Option<&Mask>,
    effort: Effort,
) -> f32 {
    let queries = vectors(data, 60, 99);
    let (mut hits, mut wanted) = (0, 0);
    for query in queries.chunks_exact(DIM) {
        let expected = exact(values, query, metric, mask, 10);
        let depth = 20;
        let found = found(codes, &CodeSearch { query, depth, mask, effort }, metric);
        hits += expected.iter().filter(|row| found.contains(row)).count();
        wanted += expected.len();
    }
    hits as f32 / wanted as f32
}

#[test]
fn recall_is_as_planned() {
    for data in ALL_DATA {
        let values = vectors(data, ROWS, 1);
        for metric in METRICS {
            let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
            for (effort, floor) in [(level(1), 0.95), (level(7), 0.98), (level(MAX_LEVEL), 0.999)] {
                let recall = recall(&codes, &values, (data, metric), None, effort);
                assert!(recall >= floor, "{data:?} {metric:?} {effort:?}: {recall}");
            }
        }
    }
}

/// Plans are measured on rows, and say nothing of such queries.
#[test]
fn queries_unlike_the_rows_find_what_is_near() {
    let values = vectors(Data::Mixture, ROWS, 1);
    let mut half = Mask::with_capacity(ROWS);
    (0..ROWS).filter(|row| row % 2 == 0).for_each(|row| half.insert(row));
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        for mask in [None, Some(&half)] {
            for (effort, floor) in [(level(1), 0.96), (level(7), 0.98), (level(9), 0.99)] {
                let recall = recall(&codes, &values, (Data::Uniform, metric), mask, effort);
                assert!(recall >= floor, "{metric:?} {effort:?}, filtered {}: {recall}", mask.is_some());
            }
        }
    }
}

#[test]
fn a_filter_costs_no_recall() {
    for data in ALL_DATA {
        let values = vectors(data, ROWS, 1);
        let codes = Codes::build(&[&values], DIM, MetricType::L2).expect("enough rows");
        for (keep_of_1000, floor) in [(1, 0.99), (10, 0.99), (50, 0.99), (100, 0.95), (500, 0.95), (990, 0.95)] {
            let rng = Rng::new(5);
            let mut mask = Mask::with_capacity(ROWS);
            (0..ROWS).for_each(|row| mask.set(row, rng.below(1000) < keep_of_1000));
            let recall = recall(&codes, &values, (data, MetricType::L2), Some(&mask), level(1));
            assert!(recall >= floor, "{data:?}, {keep_of_1000} of 1,000: {recall}");
        }
    }
}

#[test]
fn of_numbers_in_a_file_few_are_read_where_few_rows_take_part() {
    let values = vectors(Data::Mixture, ROWS, 1);
    let queries = vectors(Data::Mixture, 40, 99);
    let rng = Rng::new(5);
    let mut mask = Mask::with_capacity(ROWS);
    (0..ROWS).for_each(|row| mask.set(row, rng.below(1000) < 60));
    for metric in METRICS {
        let whole = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let (header, parts) = whole.to_parts();
        let bare = CodesParts { rows: Cow::default(), ..parts.clone() };
        let bare = Codes::from_parts(header, bare).expect("its own parts");
        let width = bare.row_bytes();
        let mut hits = 0;
        for query in queries.chunks_exact(DIM) {
            let search = CodeSearch { query, depth: 20, mask: Some(&mask), effort: level(1) };
            let Selection { query: coded, rows: SelectedRows::Scattered(candidates), .. } = bare.select(&search) else {
                panic!("lists are read whole");
            };
            let (some, all) = (candidates.len(), mask.count_ones(..));
            assert!(some * 4 < all * 3, "{metric:?}: {some} of {all} rows are read");
            let row = |at: u32| &parts.rows[at as usize * width..(at as usize + 1) * width];
            let rows: Vec<i8> = candidates.iter().flat_map(|candidate| row(candidate.position)).copied().collect();
            let mut sink = TopK::new(20, Order::of(metric), None);
            bare.rank_candidates(&coded, &candidates, &rows, &mut sink);
            let found: Vec<u32> = sink.into_sorted().into_iter().map(|hit| hit.row).collect();
            let nearest = exact(&values, query, metric, Some(&mask), 10);
            hits += nearest.iter().filter(|row| found.contains(row)).count();
        }
        assert!(hits >= 10 * 40 * 95 / 100, "{metric:?}: {hits} of 400");
    }
}

#[test]
fn a_filter_that_keeps_one_far_cluster_finds_it() {
    let values = vectors(Data::Mixture, ROWS, 1);
    let codes = Codes::build(&[&values], DIM, MetricType::L2).expect("enough rows");
    let query = &values[..DIM];
    let order = exact(&values, query, MetricType::L2, None, ROWS);
    let mut mask = Mask::with_capacity(ROWS);
    order[ROWS - 700..].iter().for_each(|row| mask.insert(*row as usize));
    let search = CodeSearch { query, depth: 10, mask: Some(&mask), effort: level(1) };
    let found = found(&codes, &search, MetricType::L2);
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|row| mask[*row as usize]));
}

#[test]
fn a_filter_that_goes_with_the_vectors_costs_little_recall() {
    for data in ALL_DATA {
        let values = vectors(data, ROWS, 1);
        let mut codes = Codes::build(&[&values], DIM, MetricType::L2).expect("enough rows");
        for has_graph in [false, true] {
            if has_graph {
                codes.attach(hnsw::build(
                    ROWS as u32,
                    &codes.row_distances(),
                    BuildParams { m: 8, ef_construction: 60 },
                ));
            }
            for keep_of_100 in [7, 15, 30, 60] {
                let mut firsts: Vec<f32> = values.chunks_exact(DIM).map(|row| row[0]).collect();
                firsts.sort_by(f32::total_cmp);
                let least = firsts[ROWS * (100 - keep_of_100) / 100];
                let mut mask = Mask::with_capacity(ROWS);
                (0..ROWS).for_each(|row| mask.set(row, values[row * DIM] >= least));
                let effort = Effort { ef: has_graph.then_some(100), ..level(1) };
                let recall = recall(&codes, &values, (data, MetricType::L2), Some(&mask), effort);
                assert!(recall >= 0.94, "{data:?}, graph {has_graph}, {keep_of_100} %: {recall}");
            }
        }
    }
}

#[test]
fn as_many_rows_as_are_wanted_are_found() {
    let values = vectors(Data::Mixture, ROWS, 1);
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        for depth in [1, 100, 3000, ROWS, 2 * ROWS] {
            let search = CodeSearch { query: &values[..DIM], depth, mask: None, effort: level(1) };
            let mut rows = found(&codes, &search, metric);
            assert_eq!(rows.len(), depth.min(ROWS), "{metric:?}");
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), depth.min(ROWS), "a row twice, {metric:?}");
        }
        let asked = Effort { level: 1, lists: Some(1), rerank: Some(10), ef: None };
        let search = CodeSearch { query: &values[..DIM], depth: 10, mask: None, effort: asked };
        assert_eq!(found(&codes, &search, metric).len(), 10);
    }
}

#[test]
fn queries_too_large_to_square_find_as_many_rows_as_are_wanted() {
    let values = vectors(Data::Low, ROWS, 1);
    let mut mask = Mask::with_capacity(ROWS);
    (0..ROWS).filter(|row| row % 30 == 0).for_each(|row| mask.insert(row));
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let (header, parts) = codes.to_parts();
        let bare = CodesParts { rows: Cow::default(), ..parts.clone() };
        let bare = Codes::from_parts(header, bare).expect("its own parts");
        for value in [1e18, 1e25, f32::MAX, f32::NAN] {
            let query = &[value; DIM];
            for (mask, effort) in [(None, level(1)), (Some(&mask), level(1)), (None, level(MAX_LEVEL))] {
                let search = CodeSearch { query, depth: 10, mask, effort };
                assert_eq!(found(&codes, &search, metric).len(), 10, "{metric:?} {value} {effort:?}");
                if let SelectedRows::Scattered(candidates) = bare.select(&search).rows {
                    assert!(candidates.len() >= 10, "{metric:?} {value} {effort:?}");
                }
            }
        }
    }
}

#[test]
fn scores_are_near_the_exact_ones() {
    for (data, metric) in ALL_DATA.into_iter().flat_map(|data| METRICS.map(|metric| (data, metric))) {
        let values = vectors(data, ROWS, 1);
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        // Like the rows, in their middle, and far from them.
        let middle: Vec<f32> =
            (0..DIM).map(|at| values.chunks(DIM).map(|row| row[at]).sum::<f32>() / ROWS as f32).collect();
        let far: Vec<f32> = middle.iter().map(|number| number * 3.0 + 10.0).collect();
        for query in [&vectors(data, 1, 3)[..], &middle, &far] {
            let mut sink = TopK::new(ROWS, Order::of(metric), None);
            rank(&codes, &CodeSearch { query, depth: ROWS, mask: None, effort: level(MAX_LEVEL) }, &mut sink);
            let error = codes.likely_error(&CodedQuery::new(&codes, query));
            let (mut beyond, mut shares) = (0, 0.0);
            for hit in sink.into_sorted() {
                let exact = exact_score(query, &values[hit.row as usize * DIM..][..DIM], metric);
                let (wrong, likely) = ((hit.score - exact).abs(), error.at(hit.row, exact));
                assert!(wrong <= 2.0 * likely, "{data:?} {metric:?}: {} for {exact}, {likely}", hit.score);
                beyond += usize::from(wrong > likely);
                shares += wrong / likely;
            }
            // With COSINE the error of rows is small beside what is added for every one.
            let least = if metric == MetricType::Cosine { 0.15 } else { 0.2 };
            assert!(shares / ROWS as f32 > least, "{data:?} {metric:?}: more than is likely");
            assert!(beyond <= ROWS / 100, "{data:?} {metric:?}: {beyond} of {ROWS}");
        }
    }
}

fn exact_score(query: &[f32], vectors: &[f32], metric: MetricType) -> f32 {
    let mut one = TopK::new(1, Order::of(metric), None);
    FlatScan { query, vectors, metric, inverse_norms: None, mask: None, base_row: 0 }.run(&mut one);
    one.into_sorted()[0].score
}

#[test]
fn no_score_is_wrong_by_more_than_is_certain_and_none_better_than_its_list_allows() {
    // With one number in few, rows are rounded all the same way.
    let sparse = |rows: usize, seed: u64| -> Vec<f32> {
        let rng = Rng::new(seed);
        let mut values = vec![0.0; rows * DIM];
        values.chunks_mut(DIM).for_each(|row| (0..3).for_each(|_| row[rng.below(DIM as u64) as usize] = 1.0));
        values
    };
    for metric in METRICS {
        let dense = ALL_DATA.map(|data| (vectors(data, ROWS, 1), vectors(data, 4, 3)));
        for (values, mut queries) in dense.into_iter().chain([(sparse(ROWS, 1), sparse(4, 2))]) {
            queries.extend_from_slice(&values[..2 * DIM]);
            queries.extend([0.0; DIM].iter().chain(&[37.0; DIM]));
            let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
            for query in queries.chunks_exact(DIM) {
                let coded = CodedQuery::new(&codes, query);
                let (error, best_of_lists) = (codes.certain_error(&coded), codes.best_of_lists(&coded));
                for (list, best) in best_of_lists.into_iter().enumerate() {
                    let mut sink = TopK::new(ROWS, Order::of(metric), None);
                    codes.rank_list(&coded, (list, codes.numbers_of(list)), None, &mut sink);
                    for hit in sink.into_sorted() {
                        let exact = exact_score(query, &values[hit.row as usize * DIM..][..DIM], metric);
                        let wrong = (hit.score - exact).abs();
                        assert!(wrong <= error.at(exact), "{metric:?}: {} for {exact}, {error:?}", hit.score);
                        let better = Order::of(metric).compare(exact, best).is_lt();
                        assert!(!better, "{metric:?}: {exact} where the best is {best}");
                    }
                }
            }
        }
    }
}

#[test]
fn most_lists_are_out_of_reach_of_a_query_in_a_cluster() {
    let values = vectors(Data::Mixture, ROWS, 1);
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let query = &vectors(Data::Mixture, 1, 9)[..];
        let tenth =
            exact_score(query, &values[exact(&values, query, metric, None, 10)[9] as usize * DIM..][..DIM], metric);
        let best_of_lists = codes.best_of_lists(&CodedQuery::new(&codes, query));
        let within = best_of_lists.iter().filter(|best| Order::of(metric).compare(**best, tenth).is_le()).count();
        // Products say less of where rows are.
        let most = if metric == MetricType::Ip { best_of_lists.len() - 1 } else { best_of_lists.len() / 4 };
        assert!(within <= most, "{metric:?}: {within} of {}", best_of_lists.len());
    }
}

#[test]
fn a_graph_finds_what_lists_find() {
    for (data, metric) in
        [(Data::Mixture, MetricType::L2), (Data::Low, MetricType::Cosine), (Data::Mixture, MetricType::Ip)]
    {
        let values = &vectors(data, 2500, 1)[..];
        let mut codes = Codes::build(&[values], DIM, metric).expect("enough rows");
        let params = BuildParams { m: 16, ef_construction: 100 };
        codes.attach(hnsw::build(2500, &codes.row_distances(), params));
        let rng = Rng::new(5);
        let mut mask = Mask::with_capacity(2500);
        (0..2500).for_each(|row| mask.set(row, rng.below(100) < 30));
        for (mask, ef) in [(None, Some(200)), (None, None), (Some(&mask), Some(200))] {
            let recall = recall(&codes, values, (data, metric), mask, Effort { ef, ..level(1) });
            assert!(recall >= 0.95, "{data:?} {metric:?} ef {ef:?}, filtered {}: {recall}", mask.is_some());
        }
    }
}

#[test]
fn no_more_lists_and_rows_are_looked_at_than_a_search_asks_for() {
    let values = vectors(Data::Mixture, ROWS, 1);
    let queries = vectors(Data::Uniform, 20, 99);
    let codes = Codes::build(&[&values], DIM, MetricType::L2).expect("enough rows");
    for (lists, rerank, goes_on) in
        [(None, None, true), (Some(20), None, true), (None, Some(40), true), (Some(20), Some(40), false)]
    {
        let mut beyond = 0;
        for query in queries.chunks_exact(DIM) {
            let effort = Effort { lists, rerank, ..level(1) };
            let Selection { query, planned, .. } = codes.select(&CodeSearch { query, depth: 20, mask: None, effort });
            let planned = planned.expect("not all rows were looked at");
            beyond += codes.beyond((&query, &planned), None, 10, f32::MAX).len();
        }
        assert_eq!(beyond > 0, goes_on, "{lists:?}, {rerank:?}: {beyond} rows");
    }
}

/// Walks lose their way where no row is near, and among rows that nothing groups.
#[test]
fn a_graph_finds_what_is_near_to_queries_unlike_the_rows() {
    let mut most = Mask::with_capacity(ROWS);
    (0..ROWS).filter(|row| row % 10 > 0).for_each(|row| most.insert(row));
    for data in [Data::Mixture, Data::Uniform] {
        let values = vectors(data, ROWS, 1);
        for metric in METRICS {
            let mut codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
            let params = BuildParams { m: 8, ef_construction: 60 };
            codes.attach(hnsw::build(ROWS as u32, &codes.row_distances(), params));
            for (ef, mask) in [(32, None), (128, None), (64, Some(&most))] {
                let effort = Effort { ef: Some(ef), ..level(1) };
                let recall = recall(&codes, &values, (Data::Uniform, metric), mask, effort);
                assert!(recall >= 0.95, "{data:?} {metric:?} ef {ef:?}, filtered {}: {recall}", mask.is_some());
            }
        }
    }
}

#[test]
fn one_row_that_is_much_longer_than_the_others_does_not_spoil_a_graph() {
    for metric in [MetricType::L2, MetricType::Ip] {
        let mut values = vectors(Data::Mixture, 2500, 1);
        values[..DIM].iter_mut().for_each(|number| *number *= 1000.0);
        let mut codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let params = BuildParams { m: 16, ef_construction: 100 };
        codes.attach(hnsw::build(2500, &codes.row_distances(), params));
        let effort = Effort { ef: Some(200), ..level(1) };
        let recall = recall(&codes, &values, (Data::Mixture, metric), None, effort);
        // To the products of IP the long row is near to every other, and in the way.
        let floor = if metric == MetricType::L2 { 0.95 } else { 0.85 };
        assert!(recall >= floor, "{metric:?}: {recall}");
    }
}

#[test]
fn with_a_graph_a_filter_costs_no_recall() {
    for data in ALL_DATA {
        let values = &vectors(data, ROWS, 1)[..];
        let mut codes = Codes::build(&[values], DIM, MetricType::L2).expect("enough rows");
        codes.attach(hnsw::build(ROWS as u32, &codes.row_distances(), BuildParams { m: 8, ef_construction: 60 }));
        for ef in [20, 150, 600] {
            let effort = Effort { ef: Some(ef), ..level(1) };
            let unfiltered = recall(&codes, values, (data, MetricType::L2), None, effort);
            for keep_of_100 in [2, 5, 9, 20, 50, 75, 90, 99] {
                let rng = Rng::new(5);
                let mut mask = Mask::with_capacity(ROWS);
                (0..ROWS).for_each(|row| mask.set(row, rng.below(100) < keep_of_100));
                let filtered = recall(&codes, values, (data, MetricType::L2), Some(&mask), effort);
                let described = format!("{data:?}, ef {ef}, {keep_of_100} %: {filtered} of {unfiltered}");
                // Of 600 rows that are to be found, as many as chance may miss.
                assert!(filtered >= unfiltered - 0.01, "{described}");
            }
        }
    }
}

#[test]
fn equal_rows_and_zeros_are_taken() {
    let mut values = vec![0f32; 3000 * DIM];
    values[..1000 * DIM].fill(2.5);
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let search = CodeSearch { query: &[2.5; DIM], depth: 1000, mask: None, effort: level(1) };
        let rows = found(&codes, &search, metric);
        assert!(rows.len() == 1000 && rows.iter().all(|row| *row < 1000), "{metric:?}");
    }
}

#[test]
fn numbers_too_large_to_square_have_no_codes() {
    let values: Vec<f32> = vectors(Data::Uniform, 3000, 1).iter().map(|value| value * 1e30).collect();
    assert!(Codes::build(&[&values], DIM, MetricType::L2).is_none());
    assert!(Codes::build(&[&values], DIM, MetricType::Cosine).is_some());
    assert!(Codes::build(&[&values[..100 * DIM]], DIM, MetricType::Cosine).is_none());
}

#[test]
fn codes_come_back_from_their_parts() {
    let values = vectors(Data::Low, 2100, 1);
    for metric in METRICS {
        let codes = Codes::build(&[&values], DIM, metric).expect("enough rows");
        let (header, parts) = codes.to_parts();
        let again = Codes::from_parts(header, parts).expect("its own parts");
        let search = CodeSearch { query: &values[..DIM], depth: 50, mask: None, effort: level(1) };
        assert_eq!(found(&codes, &search, metric), found(&again, &search, metric));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever was changed: it is refused, or a search comes back with rows that exist.
    #[test]
    fn broken_parts_do_no_harm(part in 0usize..7, at: prop::sample::Index, number: u32, cut: bool) {
        let (header, mut parts) = sample().to_parts();
        let mut header: CodesHeader = header;
        match part {
            0 => change(parts.starts.to_mut(), at, number, cut),
            1 => change(parts.row_at.to_mut(), at, number, cut),
            2 => change(parts.sign_scales.to_mut(), at, f32::from_bits(number), cut),
            3 => change(parts.row_scales.to_mut(), at, f32::from_bits(number), cut),
            4 => change(parts.mean.to_mut(), at, f32::from_bits(number), cut),
            5 => change(parts.radii.to_mut(), at, f32::from_bits(number), cut),
            _ => header.lists = number as usize,
        }
        if let Some(codes) = Codes::from_parts(header, CodesParts { rows: Cow::Borrowed(&parts.rows), ..parts.clone() }) {
            let search = CodeSearch { query: &[1.0; DIM], depth: 10, mask: None, effort: level(1) };
            prop_assert!(found(&codes, &search, MetricType::L2).into_iter().all(|row| row < 2100));
        }
    }
}

fn sample() -> &'static Codes {
    thread_local!(static SAMPLE: &'static Codes = {
        let codes = Codes::build(&[&vectors(Data::Low, 2100, 1)], DIM, MetricType::L2).expect("enough rows");
        Box::leak(Box::new(codes))
    });
    SAMPLE.with(|sample| *sample)
}

fn change<T>(values: &mut Vec<T>, at: prop::sample::Index, value: T, cut: bool) {
    let at = at.index(values.len());
    if cut { values.truncate(at) } else { values[at] = value }
}
