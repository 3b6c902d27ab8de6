//! What a store must hold and show, as far as its clients know.
//!
//! Every key has one writer, which waits for its answers, so a key's writes are in order and only the last can be unsettled.

use std::collections::{BTreeMap, BTreeSet};

pub type Key = i64;
/// Tells every version of every row apart.
pub type Stamp = i64;
pub type Time = u64;

/// Keys of a partition are from its number times this.
pub const KEYS_PER_PARTITION: Key = 1000;
pub const PARTITIONS: [&str; 4] = ["_default", "p1", "p2", "p3"];

#[derive(Default)]
pub struct Model {
    now: Time,
    next_batch: u64,
    keys: BTreeMap<Key, Vec<Write>>,
    load: [Vec<LoadChange>; PARTITIONS.len()],
}

#[derive(Debug, Clone)]
struct Write {
    batch: u64,
    /// `None`: deleted.
    row: Option<Stamp>,
    invoked: Time,
    applied: Option<Time>,
}

#[derive(Debug, Clone)]
struct LoadChange {
    loaded: bool,
    invoked: Time,
    done: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    Yes,
    No,
    Maybe,
}

pub fn partition_of(key: Key) -> usize {
    (key / KEYS_PER_PARTITION) as usize
}

impl Model {
    pub fn tick(&mut self) -> Time {
        self.now += 1;
        self.now
    }

    /// A write is sent. Returns its batch.
    pub fn send(&mut self, keys: &[Key], row: Option<Stamp>) -> u64 {
        let invoked = self.tick();
        self.next_batch += 1;
        for key in keys {
            let write = Write { batch: self.next_batch, row, invoked, applied: None };
            self.keys.entry(*key).or_default().push(write);
        }
        self.next_batch
    }

    pub fn acknowledged(&mut self, batch: u64) {
        let now = self.tick();
        self.writes().filter(|write| write.batch == batch).for_each(|write| write.applied = Some(now));
    }

    pub fn rejected(&mut self, batch: u64) {
        self.tick();
        self.keys.values_mut().for_each(|writes| writes.retain(|write| write.batch != batch));
    }

    fn writes(&mut self) -> impl Iterator<Item = &mut Write> {
        self.keys.values_mut().flatten()
    }

    /// What the key may be between two times.
    fn may_be(&self, key: Key, from: Time, to: Time) -> Vec<Option<Stamp>> {
        let writes = self.keys.get(&key).map(Vec::as_slice).unwrap_or_default();
        let settled = writes.iter().rposition(|write| write.applied.is_some_and(|at| at < from));
        let mut states = vec![settled.and_then(|at| writes[at].row)];
        let later = &writes[settled.map_or(0, |at| at + 1)..];
        states.extend(later.iter().filter(|write| write.invoked < to).map(|write| write.row));
        states
    }

    pub fn is_absent(&self, key: Key) -> bool {
        self.keys
            .get(&key)
            .and_then(|writes| writes.last())
            .is_none_or(|last| last.row.is_none() && last.applied.is_some())
    }

    /// Keys of a partition that are there, when nothing is under way.
    pub fn present(&self, partition: usize) -> BTreeMap<Key, Stamp> {
        let last = |writes: &Vec<Write>| writes.last().and_then(|last| last.row);
        let keys = self.keys.iter().filter(|(key, _)| partition_of(**key) == partition);
        keys.filter_map(|(key, writes)| Some((*key, last(writes)?))).collect()
    }

    /// Loads and releases: one client changes them, one after another.
    pub fn change_load(&mut self, partitions: &[usize], loaded: bool) -> Vec<usize> {
        let invoked = self.tick();
        let changed: Vec<usize> = partitions.iter().copied().filter(|it| self.is_loaded(*it) != loaded).collect();
        changed.iter().for_each(|it| self.load[*it].push(LoadChange { loaded, invoked, done: None }));
        changed
    }

    pub fn load_changed(&mut self, partitions: &[usize]) {
        let now = self.tick();
        partitions.iter().for_each(|it| self.load[*it].last_mut().expect("it was sent").done = Some(now));
    }

    pub fn load_refused(&mut self, partitions: &[usize]) {
        self.tick();
        for partition in partitions {
            self.load[*partition].pop();
        }
    }

    /// As far as is known, when nothing is under way.
    pub fn is_loaded(&self, partition: usize) -> bool {
        self.load[partition].last().is_some_and(|last| last.loaded)
    }

    pub fn loaded(&self) -> BTreeSet<usize> {
        (0..PARTITIONS.len()).filter(|it| self.is_loaded(*it)).collect()
    }

    pub fn was_loaded(&self, partition: usize, from: Time, to: Time) -> Certainty {
        let changes = &self.load[partition];
        let settled = changes.iter().rposition(|change| change.done.is_some_and(|at| at < from));
        let before = settled.is_some_and(|at| changes[at].loaded);
        let later = &changes[settled.map_or(0, |at| at + 1)..];
        match (later.iter().any(|change| change.invoked < to), before) {
            (true, _) => Certainty::Maybe,
            (false, true) => Certainty::Yes,
            (false, false) => Certainty::No,
        }
    }

    /// A restarted process says what is loaded; a change that nobody answered may have happened or not.
    pub fn restored(&mut self, partition: usize, loaded: bool, forgetful: bool) {
        let now = self.tick();
        let certainty = self.was_loaded(partition, now, now);
        let unanswered = self.load[partition].last().is_some_and(|last| last.done.is_none());
        let expected = self.is_loaded(partition);
        assert!(
            unanswered || forgetful || expected == loaded,
            "{} is loaded: {loaded}, {certainty:?} before",
            PARTITIONS[partition]
        );
        self.load[partition] = vec![LoadChange { loaded, invoked: now, done: Some(now) }];
    }

    /// Checks the rows that a read of these partitions showed. A partition that may or may not have been loaded shows all of
    /// its rows or none.
    pub fn check_rows(&self, partitions: &[usize], from: Time, to: Time, rows: &BTreeMap<Key, Stamp>) {
        for (partition, name) in PARTITIONS.iter().enumerate() {
            let shown = rows.keys().any(|key| partition_of(*key) == partition);
            let certainty =
                if partitions.contains(&partition) { self.was_loaded(partition, from, to) } else { Certainty::No };
            match certainty {
                Certainty::No => assert!(!shown, "rows of {name} show: {rows:?}"),
                Certainty::Maybe if !shown => {}
                Certainty::Maybe | Certainty::Yes => self.check_partition(partition, from, to, rows),
            }
        }
    }

    fn check_partition(&self, partition: usize, from: Time, to: Time, rows: &BTreeMap<Key, Stamp>) {
        for key in self.keys.keys().filter(|key| partition_of(**key) == partition) {
            let (allowed, shown) = (self.may_be(*key, from, to), rows.get(key).copied());
            assert!(
                allowed.contains(&shown),
                "{key} of {} reads {shown:?} and may be {allowed:?} between {from} and {to}; its writes: {:?}",
                PARTITIONS[partition],
                self.keys[key]
            );
        }
        let known = |key: &Key| self.keys.contains_key(key);
        assert!(rows.keys().all(known), "keys that nobody wrote: {rows:?}");
    }

    /// Checks rows of partitions, loaded or not.
    pub fn check_exported(&self, partitions: &[usize], from: Time, to: Time, rows: &BTreeMap<Key, Stamp>) {
        assert!(rows.keys().all(|key| partitions.contains(&partition_of(*key))), "rows of other partitions: {rows:?}");
        partitions.iter().for_each(|partition| self.check_partition(*partition, from, to, rows));
    }

    /// Checks a count of rows.
    pub fn check_count(&self, partitions: &[usize], from: Time, to: Time, count: usize) {
        let (mut least, mut most) = (0, 0);
        for key in self.keys.keys().filter(|key| partitions.contains(&partition_of(**key))) {
            let states = self.may_be(*key, from, to);
            let certainty = self.was_loaded(partition_of(*key), from, to);
            most += usize::from(certainty != Certainty::No && states.iter().any(Option::is_some));
            least += usize::from(certainty == Certainty::Yes && states.iter().all(Option::is_some));
        }
        assert!((least..=most).contains(&count), "{count} rows are counted, not {least} to {most}");
    }

    /// After a restart everything is read: what nobody answered is settled, a batch as a whole.
    pub fn settle(&mut self, rows: &BTreeMap<Key, Stamp>) {
        let mut verdicts: BTreeMap<u64, bool> = BTreeMap::new();
        for (key, writes) in &self.keys {
            let Some(last) = writes.last().filter(|last| last.applied.is_none()) else { continue };
            let before = writes.iter().rev().nth(1).and_then(|before| before.row);
            // A delete of what was not there has happened and has not.
            if before == last.row {
                continue;
            }
            let applied = rows.get(key).copied() == last.row;
            let known = *verdicts.entry(last.batch).or_insert(applied);
            assert_eq!(
                known, applied,
                "of batch {} some rows are there and some are not; {key}: {writes:?}",
                last.batch
            );
        }
        let now = self.tick();
        let verdict = |write: &Write| verdicts.get(&write.batch).copied().unwrap_or(true);
        self.keys.values_mut().for_each(|writes| writes.retain(|write| write.applied.is_some() || verdict(write)));
        self.writes().filter(|write| write.applied.is_none()).for_each(|write| write.applied = Some(now));
        let now = self.tick();
        (0..PARTITIONS.len()).for_each(|partition| self.check_partition(partition, now, now, rows));
        // What came before the last write of a key cannot show any more.
        for writes in self.keys.values_mut() {
            writes.drain(..writes.len().saturating_sub(1));
        }
    }
}
