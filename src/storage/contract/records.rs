//! Checks of `Records`.

use super::{Place, pattern};
use crate::error::{Error, Result};
use crate::storage::{Durability, Epoch, HEAD_KEY, Head, Records, Store, WriteBatch};
use futures::future::{join, join_all};

pub async fn epochs_rise<P: Place>(place: &P) {
    let first = place.open().await;
    assert_eq!(first.take_over().await, Ok(Epoch(1)));
    assert_eq!(first.take_over().await, Ok(Epoch(2)));
    let second = place.open().await;
    assert_eq!(second.take_over().await, Ok(Epoch(3)));
    let head = first.get_many(Store::Catalog, &[HEAD_KEY.into()]).await.unwrap().remove(0);
    assert_eq!(Head::parse(head.as_deref()).unwrap().epoch(), Epoch(3));
}

pub async fn stale_owner_is_fenced<P: Place>(place: &P) {
    let old = place.open().await;
    let old_epoch = old.take_over().await.unwrap();
    put(&old, old_epoch, &[("a", "old"), ("b", "old")]).await.unwrap();
    let new = place.open().await;
    let new_epoch = new.take_over().await.unwrap();

    let mut stale = WriteBatch::new(old_epoch, Durability::Strict);
    stale.put(Store::Catalog, "a", b"stale".to_vec());
    stale.put(Store::Log, "c", b"stale".to_vec());
    stale.delete(Store::Catalog, "b");
    stale.delete_range(Store::Log, "a".into().."z".into());
    assert_eq!(old.commit(stale).await, Err(Error::Fenced { ours: old_epoch.0, current: new_epoch.0 }));

    assert_eq!(texts(&new, Store::Log, &["a", "b", "c"]).await, ["old", "old", "-"]);
    assert_eq!(texts(&new, Store::Catalog, &["a"]).await, ["-"]);
    put(&new, new_epoch, &[("c", "new")]).await.unwrap();
    assert_eq!(texts(&old, Store::Log, &["c"]).await, ["new"]);
    let unborn = Epoch(new_epoch.0 + 1);
    assert!(matches!(put(&new, unborn, &[("c", "early")]).await, Err(Error::Fenced { .. })));
}

pub async fn head_cannot_be_written<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    let batch = || WriteBatch::new(epoch, Durability::Relaxed);
    let (mut put, mut delete, mut range) = (batch(), batch(), batch());
    put.put(Store::Catalog, HEAD_KEY, Vec::new());
    delete.delete(Store::Catalog, HEAD_KEY);
    range.delete_range(Store::Catalog, "a".into().."z".into());
    for mut batch in [put, delete, range] {
        batch.put(Store::Log, "with it", Vec::new());
        assert!(matches!(store.commit(batch).await, Err(Error::Unexpected(_))));
    }
    assert_eq!(texts(&store, Store::Log, &["with it"]).await, ["-"]);
    let mut elsewhere = batch();
    elsewhere.put(Store::Log, HEAD_KEY, b"of the log".to_vec());
    elsewhere.delete_range(Store::Catalog, "i".into().."z".into());
    store.commit(elsewhere).await.unwrap();
    assert_eq!(store.take_over().await, Ok(Epoch(2)));
}

pub async fn batches_change_several_stores<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    put(&store, epoch, &[("dropped", "x")]).await.unwrap();
    let mut batch = WriteBatch::new(epoch, Durability::Strict);
    batch.put(Store::Catalog, "segment", b"sealed".to_vec());
    batch.delete(Store::Log, "dropped");
    batch.delete(Store::Log, "never there");
    store.commit(batch).await.unwrap();
    assert_eq!(texts(&store, Store::Catalog, &["segment", "dropped"]).await, ["sealed", "-"]);
    assert_eq!(texts(&store, Store::Log, &["segment", "dropped"]).await, ["-", "-"]);
    store.commit(WriteBatch::new(epoch, Durability::Relaxed)).await.unwrap();
}

pub async fn deletes_come_before_puts<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    put(&store, epoch, &[("a", "1"), ("b", "1"), ("c", "1")]).await.unwrap();
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    batch.put(Store::Log, "a", b"first".to_vec());
    batch.put(Store::Log, "a", b"2".to_vec());
    batch.put(Store::Log, "b", b"2".to_vec());
    batch.delete(Store::Log, "b");
    batch.delete_range(Store::Log, "a".into().."z".into());
    store.commit(batch).await.unwrap();
    assert_eq!(texts(&store, Store::Log, &["a", "b", "c"]).await, ["2", "2", "-"]);
}

pub async fn range_deletes_are_half_open<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    put(&store, epoch, &[("a", "1"), ("b", "1"), ("b/1", "1"), ("c", "1"), ("d", "1")]).await.unwrap();
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    batch.delete_range(Store::Log, "b".into().."c".into());
    batch.delete_range(Store::Log, "d".into().."d".into());
    batch.delete_range(Store::Log, "d".into().."a".into());
    batch.delete_range(Store::Log, "x".into().."z".into());
    store.commit(batch).await.unwrap();
    assert_eq!(keys(&store, "".."~", usize::MAX).await, ["a", "c", "d"]);
}

pub async fn batches_commit_in_the_order_of_their_calls<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    let commits = (0..50).map(|n| {
        let mut batch = WriteBatch::new(epoch, if n % 7 == 0 { Durability::Strict } else { Durability::Relaxed });
        batch.put(Store::Log, "last", format!("{n}").into_bytes());
        batch.put(Store::Log, format!("{n:03}"), texts_bytes(n));
        store.commit(batch)
    });
    // Every read of a prefix: if batch n is there, so are all before it.
    let watch = async {
        for _ in 0..10 {
            let seen = store.scan(Store::Log, "000".into().."999".into(), usize::MAX).await.unwrap();
            for (n, (key, value)) in seen.iter().enumerate() {
                assert_eq!((key.as_str(), value), (format!("{n:03}").as_str(), &texts_bytes(n)));
            }
        }
    };
    let (outcomes, ()) = join(join_all(commits), watch).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(texts(&store, Store::Log, &["last"]).await, ["49"]);
}

pub async fn a_take_over_fences_what_is_called_after_it<P: Place>(place: &P) {
    let (old, new) = (place.open().await, place.open().await);
    let epoch = old.take_over().await.unwrap();
    let (raised, late) = join(new.take_over(), put(&old, epoch, &[("late", "x")])).await;
    assert_eq!(raised, Ok(Epoch(2)));
    // Two handles share no order of calls: the commit came first or was refused, and it is there only if it says so.
    let there = texts(&new, Store::Log, &["late"]).await;
    match late {
        Ok(()) => assert_eq!(there, ["x"]),
        Err(error) => {
            assert_eq!(error, Error::Fenced { ours: 1, current: 2 });
            assert_eq!(there, ["-"]);
        }
    }
    assert!(put(&old, epoch, &[("later", "x")]).await.is_err());
}

pub async fn reads_after_the_call_of_a_take_over_miss_nothing<P: Place>(place: &P) {
    let (old, new) = (place.open().await, place.open().await);
    for turn in 0..20 {
        let epoch = old.take_over().await.unwrap();
        let key = format!("late {turn}");
        let late = async || put(&old, epoch, &[(&key, "x")]).await;
        let taken_over = async || {
            let (raised, seen) = join(new.take_over(), texts(&new, Store::Log, &[&key])).await;
            raised.unwrap();
            seen
        };
        let (late, seen) = if turn % 2 == 0 {
            join(late(), taken_over()).await
        } else {
            let (seen, late) = join(taken_over(), late()).await;
            (late, seen)
        };
        assert_eq!(seen, [if late.is_ok() { "x" } else { "-" }], "turn {turn}: {late:?}");
    }
}

pub async fn reads_see_whole_batches<P: Place>(place: &P) {
    let (writer, reader) = (place.open().await, place.open().await);
    let epoch = writer.take_over().await.unwrap();
    let write = async {
        for n in 0..40 {
            let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
            for key in ["a", "b", "c", "d"] {
                batch.put(Store::Log, key, texts_bytes(n));
            }
            writer.commit(batch).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..40 {
            let values = reader.get_many(Store::Log, &["a", "d", "b", "c"].map(String::from)).await.unwrap();
            assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "half a batch: {values:?}");
            let scanned = reader.scan(Store::Log, "a".into().."z".into(), 100).await.unwrap();
            assert!(scanned.windows(2).all(|pair| pair[0].1 == pair[1].1), "half a batch: {scanned:?}");
        }
    };
    join(write, read).await;
}

pub async fn scans_are_ordered_half_open_and_limited<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    put(&store, epoch, &[("b", "1"), ("a", "1"), ("b/2", "1"), ("b/10", "1"), ("B", "1"), ("c", "1")]).await.unwrap();
    assert_eq!(keys(&store, "".."~", usize::MAX).await, ["B", "a", "b", "b/10", "b/2", "c"]);
    assert_eq!(keys(&store, "a".."c", usize::MAX).await, ["a", "b", "b/10", "b/2"]);
    assert_eq!(keys(&store, "b/".."b0", usize::MAX).await, ["b/10", "b/2"]);
    assert_eq!(keys(&store, "a".."c", 2).await, ["a", "b"]);
    for (range, limit) in [("a".."c", 0), ("a".."a", 9), ("c".."a", 9), ("x".."z", 9)] {
        assert!(keys(&store, range, limit).await.is_empty());
    }
    assert_eq!(texts(&store, Store::Log, &["c", "nothing", "a", "c"]).await, ["1", "-", "1", "1"]);
    assert!(texts(&store, Store::Log, &[]).await.is_empty());
}

pub async fn values_are_any_bytes<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    let all: Vec<u8> = (0..=255).collect();
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    batch.put(Store::Catalog, "all", all.clone());
    batch.put(Store::Catalog, "none", Vec::new());
    store.commit(batch).await.unwrap();
    let names = ["all", "none", "absent"].map(String::from);
    assert_eq!(store.get_many(Store::Catalog, &names).await.unwrap(), [Some(all), Some(Vec::new()), None]);
}

pub async fn large_values_and_many_keys<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    let large = pattern(8 << 20);
    let mut batch = WriteBatch::new(epoch, Durability::Strict);
    batch.put(Store::Log, "large", large.clone());
    for n in 0..5_000 {
        batch.put(Store::Log, format!("many/{n:05}"), texts_bytes(n));
    }
    store.commit(batch).await.unwrap();
    assert!(store.get_many(Store::Log, &["large".into()]).await.unwrap()[0].as_ref() == Some(&large));
    let many = store.scan(Store::Log, "many/".into().."many0".into(), usize::MAX).await.unwrap();
    assert_eq!(many.len(), 5_000);
    for (n, (key, value)) in many.iter().enumerate() {
        assert_eq!((key.as_str(), value), (format!("many/{n:05}").as_str(), &texts_bytes(n)));
    }
    // Who has begun to read is not disturbed by a write that comes after.
    let mut gone = WriteBatch::new(epoch, Durability::Relaxed);
    gone.delete(Store::Log, "large");
    let (found, committed) = join(store.scan(Store::Log, "large".into().."large0".into(), 1), store.commit(gone)).await;
    assert!(found.unwrap() == [("large".to_owned(), large)]);
    committed.unwrap();
    assert_eq!(texts(&store, Store::Log, &["large"]).await, ["-"]);
}

pub async fn records_survive_reopening<P: Place>(place: &P) {
    let store = place.open().await;
    let epoch = store.take_over().await.unwrap();
    put(&store, epoch, &[("kept", "1"), ("changed", "1")]).await.unwrap();
    put(&store, epoch, &[("changed", "2")]).await.unwrap();
    drop(store);
    let later = place.open().await;
    assert_eq!(texts(&later, Store::Log, &["kept", "changed"]).await, ["1", "2"]);
    // Opening is not owning: the epoch is as it was.
    put(&later, epoch, &[("kept", "2")]).await.unwrap();
    assert_eq!(later.take_over().await, Ok(Epoch(2)));
}

fn texts_bytes(n: usize) -> Vec<u8> {
    format!("value {n}").into_bytes()
}

async fn put(store: &impl Records, epoch: Epoch, records: &[(&str, &str)]) -> Result<()> {
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    for (key, value) in records {
        batch.put(Store::Log, *key, value.as_bytes().to_vec());
    }
    store.commit(batch).await
}

/// The values of the keys as text, `-` for what is not there.
async fn texts(store: &impl Records, from: Store, keys: &[&str]) -> Vec<String> {
    let keys: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
    let values = store.get_many(from, &keys).await.unwrap();
    values.into_iter().map(|value| value.map_or("-".into(), |bytes| String::from_utf8(bytes).unwrap())).collect()
}

pub(super) async fn keys(store: &impl Records, range: std::ops::Range<&str>, limit: usize) -> Vec<String> {
    let range = range.start.to_string()..range.end.to_string();
    store.scan(Store::Log, range, limit).await.unwrap().into_iter().map(|(key, _)| key).collect()
}
