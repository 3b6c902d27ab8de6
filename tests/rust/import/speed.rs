//! How fast rows of a 256-dim vector are read. In release: `cargo test --release import::speed -- --ignored --nocapture`.

use super::*;
use crate::support::rng::Rng;
use std::time::Instant;

const DIM: usize = 256;
const ROWS: usize = 12_000;

fn vectors_schema() -> CollectionSchema {
    schema(
        true,
        json!([
            { "name": "id", "data_type": 5, "is_primary_key": true },
            { "name": "title", "data_type": 21, "type_params": { "max_length": 100 } },
            { "name": "v", "data_type": 101, "type_params": { "dim": DIM } },
        ]),
    )
}

fn assert_fast(format: &Format, file: &str, least_mb_a_second: f64) {
    let schema = vectors_schema();
    let mut best = 0.0f64;
    for _ in 0..3 {
        let start = Instant::now();
        let batches = read_pieces(format, &schema, file.as_bytes(), 1 << 20, 2000).expect("read");
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(batches.iter().map(|batch| batch.rows).sum::<usize>(), ROWS);
        best = best.max(file.len() as f64 / 1e6 / seconds);
    }
    println!("{format:?}: {best:.0} MB/s of {} MB", file.len() / 1_000_000);
    assert!(best >= least_mb_a_second, "{best:.0} MB/s");
}

#[test]
#[ignore = "a measurement, of a release build on an idle machine"]
fn rows_of_vectors_are_read_fast() {
    let rng = Rng::new(1);
    let rows: Vec<(usize, String)> =
        (0..ROWS).map(|id| (id, (0..DIM).map(|_| rng.float().to_string()).collect::<Vec<_>>().join(", "))).collect();
    let object = |(id, vector): &(usize, String)| format!(r#"{{"id": {id}, "title": "title {id}", "v": [{vector}]}}"#);
    let objects: Vec<String> = rows.iter().map(object).collect();
    assert_fast(&Format::Json, &format!("{{\"rows\": [{}]}}", objects.join(",\n")), 60.0);
    assert_fast(&Format::JsonLines, &objects.join("\n"), 60.0);
    let lines = rows.iter().map(|(id, vector)| format!("{id},title {id},\"[{vector}]\"\n"));
    assert_fast(&csv_format(), &format!("id,title,v\n{}", lines.collect::<String>()), 80.0);
}
