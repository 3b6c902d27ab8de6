//! Bytes from storage and from pages may be anything: they are refused, never believed, and nothing panics.

use elanus::ids::PartitionId;
use elanus::index::MetricType;
use elanus::index::codes::{Codes, MIN_ROWS};
use elanus::segment::{
    Deletes, LogRecord, read_codes, read_column, read_deletes, write_codes, write_column, write_deletes,
};
use elanus::storage::Files;
use elanus::storage::memory::MemoryStore;
use elanus::value::{Batch, Column, ColumnData, Lists, PrimaryKeys, Strings};
use futures::executor::block_on;
use proptest::prelude::*;
use roaring::RoaringBitmap;

fn batch() -> Batch {
    let mut nullable = Column::new(ColumnData::Int64(vec![1, -2]));
    nullable.push_null();
    let texts: Strings = ["a", "", "ü€😀"].into_iter().collect();
    let lists =
        Lists { offsets: vec![0, 2, 2, 3], elements: ColumnData::VarChar(["x", "yy", ""].into_iter().collect()) };
    let columns = vec![
        ("id".to_owned(), nullable),
        ("flag".to_owned(), Column::new(ColumnData::Bool(vec![1, 0, 1]))),
        ("text".to_owned(), Column::new(ColumnData::VarChar(texts.clone()))),
        ("json".to_owned(), Column::new(ColumnData::Json(["{}", "1", "[]"].into_iter().collect()))),
        ("tags".to_owned(), Column::new(ColumnData::Array(Box::new(lists)))),
        ("v".to_owned(), Column::new(ColumnData::FloatVector { dim: 2, values: vec![0.5, -1.0, 2.0, 3.5, 0.0, 1e9] })),
    ];
    Batch { rows: 3, columns }
}

fn record() -> LogRecord {
    LogRecord {
        deletes: Some(Deletes { partition: Some(PartitionId(7)), keys: PrimaryKeys::VarChar(vec!["k".into()]) }),
        inserts: vec![(PartitionId(7), batch()), (PartitionId(8), batch())],
    }
}

async fn bytes_of(files: &MemoryStore, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; files.size(name).await.expect("there") as usize];
    files.read(name, 0, &mut bytes).await.expect("there");
    bytes
}

/// A store with a file of that name, and its bytes. It takes long to make.
fn codes_file() -> &'static (MemoryStore, Vec<u8>) {
    thread_local! {
        static MADE: &'static (MemoryStore, Vec<u8>) = {
            let vectors: Vec<f32> = (0..MIN_ROWS * 16).map(|at| (at * 7919 % 1013) as f32 - 500.0).collect();
            let codes = Codes::build(&[&vectors], 16, MetricType::L2).expect("enough rows");
            let files = MemoryStore::new();
            block_on(write_codes(&files, "codes", &codes)).expect("written");
            let bytes = block_on(bytes_of(&files, "codes"));
            Box::leak(Box::new((files, bytes)))
        };
    }
    MADE.with(|made| *made)
}

#[test]
fn what_was_written_is_read_again() {
    assert_eq!(Batch::decode(&batch().encode()), Ok(batch()));
    assert_eq!(LogRecord::decode(&record().encode(), &|_| true), Ok(record()));
    let only = LogRecord::decode(&record().encode(), &|partition| partition == PartitionId(8)).expect("intact");
    assert_eq!(only.inserts, vec![(PartitionId(8), batch())]);
    let files = MemoryStore::new();
    block_on(async {
        for (name, column) in &batch().columns {
            write_column(&files, name, column).await.expect("written");
            assert_eq!(read_column(&files, name, &|_| ()).await.as_ref(), Ok(column), "{name}");
        }
        let deleted: RoaringBitmap = [1, 5, 70_000].into_iter().collect();
        write_deletes(&files, "deletes", &deleted).await.expect("written");
        assert_eq!(read_deletes(&files, "deletes", 70_001).await, Ok(deleted));
        assert!(read_deletes(&files, "deletes", 70_000).await.is_err(), "a row that is not there");
        assert!(read_deletes(&files, "deletes", 5).await.is_err(), "longer than five rows need");
    });
}

#[test]
fn a_row_count_that_overflows_is_refused() {
    for rows in [u64::MAX, 1 << 63, 1 << 61, 1 << 32, u64::from(u32::MAX)] {
        for column in [
            "",
            r#"{"name":"a","type":5,"data":[0,0]}"#,
            r#"{"name":"a","type":101,"dim":4294967296,"data":[0,0]}"#,
            r#"{"name":"a","type":21,"offsets":[0,0],"data":[0,0]}"#,
            r#"{"name":"a","type":5,"data":[18446744073709551615,2]}"#,
        ] {
            let header = format!(r#"{{"rows":{rows},"columns":[{column}]}}"#);
            let mut bytes = (header.len() as u32).to_le_bytes().to_vec();
            bytes.extend_from_slice(header.as_bytes());
            assert!(Batch::decode(&bytes).is_err(), "{header}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Batch::decode(&bytes);
        prop_assert!(LogRecord::decode(&bytes, &|_| true).is_err());
        let files = MemoryStore::new();
        block_on(async {
            files.write("f", &bytes).await.expect("written");
            assert!(read_column(&files, "f", &|_| ()).await.is_err());
            assert!(read_deletes(&files, "f", 100).await.is_err());
        });
    }

    #[test]
    fn a_batch_with_changed_bytes_is_refused_or_whole(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = batch().encode();
        changes.iter().for_each(|(at, value)| {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        });
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(read) = Batch::decode(&bytes) {
            read.columns.iter().for_each(|(_, column)| assert_eq!(column.len(), read.rows));
        }
    }

    #[test]
    fn a_changed_or_cut_record_is_refused(at in any::<prop::sample::Index>(), value in 1u8.., cut in any::<prop::sample::Index>()) {
        let intact = record().encode();
        let mut changed = intact.clone();
        // Bytes 6 and 7 are reserved and say nothing.
        let at = at.index(intact.len());
        prop_assume!(!(6..8).contains(&at));
        changed[at] ^= value;
        prop_assert!(LogRecord::decode(&changed, &|_| true).is_err());
        prop_assert!(LogRecord::decode(&intact[..cut.index(intact.len())], &|_| true).is_err());
    }

    #[test]
    fn a_changed_or_cut_column_file_is_refused_or_the_same(at in any::<prop::sample::Index>(), value in 1u8.., cut in any::<prop::sample::Index>()) {
        let files = MemoryStore::new();
        block_on(async {
            for (name, column) in &batch().columns {
                write_column(&files, name, column).await.expect("written");
                let bytes = bytes_of(&files, name).await;
                let mut changed = bytes.clone();
                changed[at.index(bytes.len())] ^= value;
                files.write("changed", &changed).await.expect("written");
                // Padding is not part of the column.
                if let Ok(read) = read_column(&files, "changed", &|_| ()).await {
                    assert_eq!(&read, column);
                }
                files.write("cut", &bytes[..cut.index(bytes.len())]).await.expect("written");
                if let Ok(read) = read_column(&files, "cut", &|_| ()).await {
                    assert_eq!(&read, column);
                }
            }
        });
    }

    #[test]
    fn a_changed_or_cut_delete_file_is_refused(at in any::<prop::sample::Index>(), value in 1u8.., cut in any::<prop::sample::Index>()) {
        let files = MemoryStore::new();
        block_on(async {
            write_deletes(&files, "f", &[1, 5, 70_000].into_iter().collect()).await.expect("written");
            let bytes = bytes_of(&files, "f").await;
            let mut changed = bytes.clone();
            // Bytes 6 and 7 are reserved and say nothing.
            let at = at.index(bytes.len());
            changed[if (6..8).contains(&at) { 0 } else { at }] ^= value;
            files.write("f", &changed).await.expect("written");
            assert!(read_deletes(&files, "f", 70_001).await.is_err());
            files.write("f", &bytes[..cut.index(bytes.len())]).await.expect("written");
            assert!(read_deletes(&files, "f", 70_001).await.is_err());
        });
    }

    #[test]
    fn a_changed_or_cut_file_of_codes_is_refused_or_the_same(changes in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..20), cut in any::<prop::sample::Index>()) {
        let (files, intact) = codes_file();
        let expected = block_on(read_codes(files, "codes", false, &|_| ())).expect("intact").0;
        let same = |read: Codes| format!("{:?}", read.to_parts()) == format!("{:?}", expected.to_parts());
        let reread = |bytes: &[u8]| {
            let files = MemoryStore::new();
            block_on(async {
                files.write("f", bytes).await.expect("written");
                read_codes(&files, "f", false, &|_| ()).await
            })
        };
        for (at, value) in changes {
            let mut changed = intact.clone();
            // Half of them in the header.
            let within = if value % 2 == 0 { changed.len() } else { 2000 };
            changed[at.index(within)] ^= value;
            // Padding says nothing.
            if let Ok((read, _)) = reread(&changed) {
                prop_assert!(same(read));
            }
        }
        if let Ok((read, _)) = reread(&intact[..cut.index(intact.len())]) {
            prop_assert!(same(read));
        }
    }
}
