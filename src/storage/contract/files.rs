//! Checks of `Files`.

use super::records::keys;
use super::{Place, pattern};
use crate::error::{Error, Result};
use crate::storage::{Files, OpenFile};
use futures::future::{join, join_all};

pub async fn files_are_read_by_range<P: Place>(place: &P) {
    let store = place.open().await;
    let bytes = pattern(10_000);
    store.write("segment/1/v", &bytes).await.unwrap();
    store.write("segment/1/empty", &[]).await.unwrap();
    assert_eq!(store.size("segment/1/v").await, Ok(10_000));
    assert_eq!(store.size("segment/1/empty").await, Ok(0));
    for (start, end) in [(0, 10_000), (0, 1), (9_999, 10_000), (123, 4_567), (10_000, 10_000), (5, 5)] {
        assert_eq!(read(&store, "segment/1/v", start, end).await.unwrap(), bytes[start..end]);
    }
    assert!(read(&store, "segment/1/empty", 0, 0).await.unwrap().is_empty());
}

pub async fn reads_out_of_bounds_fail<P: Place>(place: &P) {
    let store = place.open().await;
    store.write("f", &pattern(100)).await.unwrap();
    for (start, end) in [(0, 101), (100, 101), (101, 101), (5_000_000, 5_000_001)] {
        assert!(matches!(read(&store, "f", start, end).await, Err(Error::Corrupt { .. })));
    }
    assert!(matches!(store.read("f", u64::MAX, &mut [0]).await, Err(Error::Corrupt { .. })));
    assert_eq!(store.read("g", 0, &mut [0]).await, Err(Error::KeyNotFound { key: "g".into() }));
}

pub async fn missing_files_have_no_size<P: Place>(place: &P) {
    let store = place.open().await;
    store.write("ab", &[1]).await.unwrap();
    for name in ["a", "abc", "missing"] {
        assert_eq!(store.size(name).await, Err(Error::KeyNotFound { key: name.into() }));
    }
}

pub async fn files_are_listed_by_prefix<P: Place>(place: &P) {
    let store = place.open().await;
    for name in ["s/2/v", "s/1/v", "s/1/id", "s/10/v", "t"] {
        store.write(name, &pattern(10)).await.unwrap();
    }
    assert_eq!(store.list("").await.unwrap(), ["s/1/id", "s/1/v", "s/10/v", "s/2/v", "t"]);
    assert_eq!(store.list("s/1/").await.unwrap(), ["s/1/id", "s/1/v"]);
    assert_eq!(store.list("t").await.unwrap(), ["t"]);
    assert!(store.list("u").await.unwrap().is_empty());
    // Files and records do not meet.
    assert!(keys(&store, "".."~", usize::MAX).await.is_empty());
}

pub async fn files_are_replaced_whole<P: Place>(place: &P) {
    let store = place.open().await;
    store.write("f", &pattern(9 << 20)).await.unwrap();
    store.write("f", &[7; 5]).await.unwrap();
    assert_eq!(store.size("f").await, Ok(5));
    assert_eq!(read(&store, "f", 0, 5).await.unwrap(), [7; 5]);
    assert!(read(&store, "f", 0, 6).await.is_err());
    let longer = pattern((4 << 20) + 1);
    store.write("f", &longer).await.unwrap();
    assert!(read(&store, "f", 0, longer.len()).await.unwrap() == longer);
    assert_eq!(store.list("").await.unwrap(), ["f"]);
}

pub async fn files_are_deleted<P: Place>(place: &P) {
    let store = place.open().await;
    for name in ["a", "ab", "b"] {
        store.write(name, &pattern(10)).await.unwrap();
    }
    store.delete(&["a", "b", "never there"].map(String::from)).await.unwrap();
    store.delete(&[]).await.unwrap();
    store.sweep_partial().await.unwrap();
    assert_eq!(store.list("").await.unwrap(), ["ab"]);
    assert!(store.read("a", 0, &mut [0]).await.is_err());
    store.write("a", &[1]).await.unwrap();
    assert_eq!(store.size("a").await, Ok(1));
}

pub async fn large_files_survive_reopening<P: Place>(place: &P) {
    // Nine chunks and a bit: more than are in flight at a time.
    let bytes = pattern((36 << 20) + 12_345);
    let store = place.open().await;
    store.write("large", &bytes).await.unwrap();
    drop(store);
    let later = place.open().await;
    assert_eq!(later.size("large").await, Ok(bytes.len() as u64));
    let chunk = 4 << 20;
    for (start, end) in [(0, bytes.len()), (chunk - 1, chunk + 1), (chunk, 2 * chunk), (bytes.len() - 5, bytes.len())] {
        assert!(read(&later, "large", start, end).await.unwrap() == bytes[start..end], "bytes {start} to {end}");
    }
}

pub async fn file_names_are_checked<P: Place>(place: &P) {
    let store = place.open().await;
    for name in ["", "a#0", "with space", "ä"] {
        assert!(matches!(store.write(name, &[1]).await, Err(Error::Unexpected(_))), "{name:?}");
    }
    assert!(store.list("").await.unwrap().is_empty());
}

pub async fn files_are_read_while_others_are_written<P: Place>(place: &P) {
    let store = place.open().await;
    let (a, b) = (pattern(5 << 20), pattern(3 << 20));
    store.write("a", &a).await.unwrap();
    let write = async {
        for n in 0..3 {
            store.write(&format!("b{n}"), &b).await.unwrap();
        }
    };
    let read_all = async {
        for _ in 0..3 {
            assert!(read(&store, "a", 0, a.len()).await.unwrap() == a);
        }
    };
    join(write, read_all).await;
    assert_eq!(store.list("").await.unwrap(), ["a", "b0", "b1", "b2"]);
}

pub async fn many_files_are_written_at_one_time<P: Place>(place: &P) {
    let store = place.open().await;
    let names: Vec<String> = (0..70).map(|number| format!("f{number:02}")).collect();
    let content = |number: usize| pattern(if number == 30 { 5 << 20 } else { number * 700 });
    let writes = names.iter().enumerate().map(async |(number, name)| store.write(name, &content(number)).await);
    // Two of one name: one of them is there, whole.
    let again = join(store.write("twice", &[1; 9]), store.write("twice", &[2; 5]));
    let (written, (first, second)) = join(join_all(writes), again).await;
    assert!(written.into_iter().chain([first, second]).all(|written| written.is_ok()));
    let reopened = place.open().await;
    for (number, name) in names.iter().enumerate() {
        let expected = content(number);
        assert!(read(&reopened, name, 0, expected.len()).await.unwrap() == expected, "{name}");
        assert_eq!(reopened.size(name).await, Ok(expected.len() as u64));
    }
    let twice = reopened.size("twice").await.unwrap() as usize;
    assert!([vec![1; 9], vec![2; 5]].contains(&read(&reopened, "twice", 0, twice).await.unwrap()));
    assert_eq!(reopened.list("").await.unwrap().len(), names.len() + 1);
}

pub async fn fetched_bytes_are_counted_by_file<P: Place>(place: &P) {
    let store = place.open().await;
    for name in ["asked", "unasked"] {
        store.write(name, &pattern(1_000)).await.unwrap();
    }
    let reader = place.open().await;
    reader.list("").await.unwrap();
    reader.size("unasked").await.unwrap();
    assert!(reader.read_bytes_by_file().is_empty());
    read(&reader, "asked", 0, 1_000).await.unwrap();
    let counts = reader.read_bytes_by_file();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("asked".to_string(), 1_000)]);
}

pub async fn open_files_stay_readable<P: Place>(place: &P) {
    for bytes in [1_000, (5 << 20) + 1] {
        let (store, other) = (place.open().await, place.open().await);
        let (old, new) = (pattern(bytes), vec![7; bytes]);
        store.write("f", &old).await.unwrap();
        let open = other.open("f").await.unwrap();
        store.write("f", &new).await.unwrap();
        assert!(read(&store, "f", 0, bytes).await.unwrap() == new);
        store.delete(&["f".into()]).await.unwrap();
        store.sweep_partial().await.unwrap();
        assert_eq!(open.bytes(), bytes as u64);
        let mut seen = vec![0; bytes];
        open.read(0, &mut seen).await.unwrap();
        assert!(seen == old);
        assert!(open.read(1, &mut seen).await.is_err());
        drop(open);
        let missing = Error::KeyNotFound { key: "f".into() };
        assert_eq!(other.open("f").await.err(), Some(missing));
        store.sweep_partial().await.unwrap();
        assert!(store.list("").await.unwrap().is_empty());
    }
}

pub async fn several_handles_have_a_file_open<P: Place>(place: &P) {
    let (store, other) = (place.open().await, place.open().await);
    let bytes = pattern(3 << 20);
    store.write("f", &bytes).await.unwrap();
    let open = join_all([store.open("f"), store.open("f"), other.open("f"), other.open("f")]).await;
    for file in open {
        let mut seen = vec![0; 1_000];
        file.unwrap().read(2 << 20, &mut seen).await.unwrap();
        assert_eq!(seen, bytes[2 << 20..][..1_000]);
    }
}

pub async fn single_rows_are_read_at_once<P: Place>(place: &P) {
    let store = place.open().await;
    for length in [1_000, (4 << 20) + 100] {
        let bytes = pattern(length);
        store.write("f", &bytes).await.unwrap();
        let file = store.open("f").await.unwrap();
        // A place that cannot do it says so.
        let Ok(rows) = file.into_rows() else { continue };
        for start in [0, 17, length / 2, length - 384] {
            let mut row = vec![0; 384];
            assert_eq!(rows.read_now(start as u64, &mut row), Ok(()));
            assert_eq!(row, bytes[start..start + 384]);
            assert!(rows.read_now(length as u64 - 383, &mut row).is_err());
        }
        store.delete(&["f".into()]).await.unwrap();
        let mut row = vec![0; 384];
        assert_eq!(rows.read_now(17, &mut row), Ok(()));
        assert_eq!(row, bytes[17..401]);
    }
}

async fn read(store: &impl Files, name: &str, start: usize, end: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; end - start];
    store.read(name, start as u64, &mut bytes).await?;
    Ok(bytes)
}
