//! Files in OPFS: which slots they go into, and what becomes of slots whose files are cut, replaced or damaged.

use super::storage::{a_while, in_database, opened, raw_file_keys};
use elanus::Error;
use elanus::storage::{Files, OpenFile};
use elanus::wasm::platform::{sleep, yield_now};
use elanus::wasm::store::{BrowserStore, BrowserStoreConfig, FilesIn};
use futures::future::join;
use js_sys::Array;
use std::collections::BTreeSet;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Runs in the folder of a store, past the implementation.
async fn in_folder(store: &str, script: &str) -> JsValue {
    let script = format!(
        "return (async () => {{
            let folder = await navigator.storage.getDirectory();
            for (const part of ['elanus', name]) folder = await folder.getDirectoryHandle(part);
            {script}
        }})()"
    );
    let run = js_sys::Function::new_with_args("name", &script);
    let running: js_sys::Promise = run.call1(&JsValue::NULL, &store.into()).unwrap().unchecked_into();
    wasm_bindgen_futures::JsFuture::from(running).await.unwrap()
}

/// How many slots of a store's folder have bytes.
pub async fn filled_slots(store: &str) -> usize {
    let count = "let filled = 0;
        for await (const [key, file] of folder)
            if (!key.startsWith('~') && (await file.getFile()).size > 0) filled++;
        return filled;";
    in_folder(store, count).await.as_f64().unwrap() as usize
}

async fn slots(store: &str) -> BTreeSet<String> {
    let list = "const names = [];
        for await (const key of folder.keys()) if (!key.startsWith('~')) names.push(key);
        return names;";
    let names: Array = in_folder(store, list).await.unchecked_into();
    names.iter().filter_map(|name| name.as_string()).collect()
}

pub async fn in_opfs(name: &str) -> BrowserStore {
    let store = opened(name, FilesIn::Opfs).await;
    store.prepare_files().await;
    store
}

/// Slots are swept while other things go on.
pub async fn eventually_filled(store: &str, count: usize) {
    for _ in 0..100 {
        if filled_slots(store).await == count {
            return;
        }
        sleep(50).await;
    }
    assert_eq!(filled_slots(store).await, count);
}

/// As if the slots had been created so long ago.
async fn aged_slots(store: &str, minutes: u32) {
    let rename = format!(
        "const created = (Date.now() - {minutes} * 60_000).toString(16);
        const names = [];
        for await (const key of folder.keys()) if (!key.startsWith('~')) names.push(key);
        for (const name of names) {{
            await folder.getFileHandle(`s${{created}}-${{name.split('-')[1]}}`, {{ create: true }});
            await folder.removeEntry(name);
        }}"
    );
    in_folder(store, &rename).await;
}

#[wasm_bindgen_test]
async fn this_browser_has_opfs_and_small_files_stay_out_of_it() {
    let store = in_opfs("small").await;
    assert!(store.reads_rows_quickly());
    let prepared = slots("small").await;
    assert!(prepared.len() > 100);
    store.write("small", &[1; 1000]).await.unwrap();
    assert_eq!(raw_file_keys("small").await, ["small", "small#0"]);
    assert_eq!(filled_slots("small").await, 0);
    store.write("large/1", &vec![1; 1 << 20]).await.unwrap();
    assert_eq!(raw_file_keys("small").await, ["large/1", "small", "small#0"]);
    assert_eq!(filled_slots("small").await, 1);
    // Slots are used again and not removed.
    for _ in 0..3 {
        store.write("large/1", &vec![1; 1 << 20]).await.unwrap();
        assert_eq!(filled_slots("small").await, 1);
    }
    store.delete(&["large/1".into()]).await.unwrap();
    assert_eq!(filled_slots("small").await, 0);
    assert_eq!(slots("small").await, prepared);
    BrowserStore::delete("small").await.unwrap();
}

#[wasm_bindgen_test]
async fn only_slots_whose_names_survive_a_power_cut_are_used() {
    let name = "power-cut";
    let store = in_database(name).await;
    store.write("old", &vec![1; 1 << 20]).await.unwrap();
    let store = in_opfs(name).await;
    assert!(slots(name).await.len() > 100);
    // There is something to lose that is older than the slots.
    store.write("new", &vec![2; 1 << 20]).await.unwrap();
    store.move_over("old").await.unwrap();
    assert_eq!(filled_slots(name).await, 0);
    assert_eq!(store.misplaced().await.unwrap(), ["new", "old"]);
    aged_slots(name, 2).await;
    // Who has found none looks again after some seconds only.
    let store = in_opfs(name).await;
    store.write("newer", &vec![3; 1 << 20]).await.unwrap();
    for misplaced in ["new", "old"] {
        store.move_over(misplaced).await.unwrap();
    }
    assert_eq!(filled_slots(name).await, 3);
    assert!(store.misplaced().await.unwrap().is_empty());
    BrowserStore::delete(name).await.unwrap();

    let strict = BrowserStoreConfig { name, files_in: FilesIn::Opfs, survives_power_loss: true, probed: None };
    let strict = BrowserStore::open(&strict).await.unwrap();
    strict.prepare_files().await;
    strict.write("new", &vec![2; 1 << 20]).await.unwrap();
    assert_eq!(filled_slots(name).await, 0);
    aged_slots(name, 2).await;
    sleep(5_100).await;
    strict.write("newer", &vec![2; 1 << 20]).await.unwrap();
    assert_eq!(filled_slots(name).await, 1);
    BrowserStore::delete(name).await.unwrap();
}

/// Several workers write at once, of which one believes in slots that another has long taken.
#[wasm_bindgen_test]
async fn writers_never_share_a_slot() {
    let name = "writers";
    let writers = [in_opfs(name).await, in_opfs(name).await, in_opfs(name).await];
    for round in 0..6u8 {
        let write = async |(at, store): (usize, &BrowserStore)| {
            store.write(&format!("f{at}/{round}"), &vec![at as u8 * 16 + round; 70_000 + at]).await.unwrap();
        };
        futures::future::join_all(writers.iter().enumerate().map(write)).await;
        writers[usize::from(round) % 3].delete(&[format!("f{}/{round}", (round + 1) % 3)]).await.unwrap();
    }
    let listed = writers[0].list("").await.unwrap();
    assert_eq!(listed.len(), 12);
    for file in listed {
        let (at, round) = (file[1..2].parse::<usize>().unwrap(), file[3..].parse::<u8>().unwrap());
        let mut bytes = vec![0; 70_000 + at];
        writers[1].read(&file, 0, &mut bytes).await.unwrap();
        assert!(bytes.iter().all(|byte| *byte == at as u8 * 16 + round));
    }
    assert_eq!(filled_slots(name).await, 12);
    BrowserStore::delete(name).await.unwrap();
}

/// A reader that has found out where a file is opens it when another file has been written there.
#[wasm_bindgen_test]
async fn readers_of_replaced_files_see_one_or_the_other() {
    let name = "replaced";
    let (writer, reader) = (in_opfs(name).await, in_opfs(name).await);
    let length = 1 << 17;
    writer.write("f", &vec![0; length]).await.unwrap();
    let writing = async {
        for round in 1..40u8 {
            let file = if round % 2 == 0 { "f" } else { "g" };
            writer.write(file, &vec![round; length]).await.unwrap();
            writer.delete(&["g".into()]).await.unwrap();
        }
    };
    let reading = async {
        let mut last = 0;
        while last < 38 {
            let mut bytes = vec![0; length];
            reader.read("f", 0, &mut bytes).await.unwrap();
            assert!(bytes.iter().all(|byte| *byte == bytes[0]) && bytes[0] % 2 == 0 && bytes[0] >= last);
            last = bytes[0];
        }
    };
    join(writing, reading).await;
    BrowserStore::delete(name).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_write_to_opfs_that_is_cut_is_swept() {
    let store = in_opfs("cut").await;
    store.write("whole", &vec![1; 1 << 20]).await.unwrap();
    let bytes = vec![3; 2 << 20];
    for polls in 1..40 {
        let mut write = Box::pin(store.write("part", &bytes));
        for _ in 0..polls {
            if futures::poll!(&mut write).is_ready() {
                break;
            }
            yield_now().await;
        }
    }
    a_while().await;
    let listed = store.list("").await.unwrap();
    let later = in_opfs("cut").await;
    later.sweep_partial().await.unwrap();
    eventually_filled("cut", listed.len()).await;
    let mut read = vec![0; 1 << 20];
    for name in listed {
        later.read(&name, 0, &mut read).await.unwrap();
    }
    later.write("part", &bytes).await.unwrap();
    later.read("part", 1 << 20, &mut read).await.unwrap();
    assert!(read.iter().all(|byte| *byte == 3));
    BrowserStore::delete("cut").await.unwrap();
}

#[wasm_bindgen_test]
async fn what_a_dead_writer_left_is_swept_while_others_write() {
    let other = in_opfs("dead").await;
    let bytes = vec![3; 2 << 20];
    // It died between the bytes and the name.
    let leave = "for await (const [key, file] of folder) {
            if (key.startsWith('~') || (await file.getFile()).size > 0) continue;
            const handle = await file.createSyncAccessHandle();
            handle.write(new Uint8Array(2000));
            handle.close();
            return;
        }";
    in_folder("dead", leave).await;
    assert_eq!(filled_slots("dead").await, 1);
    let (written, ()) = join(other.write("other", &bytes), async { other.sweep_after_death() }).await;
    written.unwrap();
    eventually_filled("dead", other.list("").await.unwrap().len()).await;
    let mut read = vec![0; 2 << 20];
    other.read("other", 0, &mut read).await.unwrap();
    assert!(read.iter().all(|byte| *byte == 3));
    BrowserStore::delete("dead").await.unwrap();
}

#[wasm_bindgen_test]
async fn files_that_are_open_are_emptied_later() {
    let (store, reader) = (in_opfs("later").await, in_opfs("later").await);
    store.write("f", &vec![5; 1 << 20]).await.unwrap();
    let open = reader.open("f").await.unwrap();
    store.delete(&["f".into()]).await.unwrap();
    assert_eq!(filled_slots("later").await, 1);
    drop(open);
    eventually_filled("later", 0).await;
    // The next owner finds what the last one could not empty.
    store.write("f", &vec![5; 1 << 20]).await.unwrap();
    let open = reader.open("f").await.unwrap();
    store.delete(&["f".into()]).await.unwrap();
    drop(store);
    let next = in_opfs("later").await;
    next.sweep_partial().await.unwrap();
    sleep(1_500).await;
    assert_eq!(filled_slots("later").await, 1);
    drop(open);
    next.sweep_partial().await.unwrap();
    eventually_filled("later", 0).await;
    BrowserStore::delete("later").await.unwrap();
}

#[wasm_bindgen_test]
async fn a_file_that_lost_bytes_or_its_slot_is_corrupt() {
    let store = in_opfs("lost").await;
    store.write("f", &vec![5; 1 << 20]).await.unwrap();
    let cut = "for await (const [key, file] of folder) {
            if ((await file.getFile()).size === 0) continue;
            const handle = await file.createSyncAccessHandle();
            handle.truncate(1000);
            handle.close();
        }";
    in_folder("lost", cut).await;
    let mut bytes = vec![0; 2000];
    assert!(matches!(store.read("f", 0, &mut bytes).await, Err(Error::Corrupt { .. })));
    store.read("f", 0, &mut bytes[..1000]).await.unwrap();
    let remove = "for await (const [key, file] of folder)
            if ((await file.getFile()).size > 0) await folder.removeEntry(key);";
    in_folder("lost", remove).await;
    assert!(matches!(store.read("f", 0, &mut bytes[..1000]).await, Err(Error::Corrupt { .. })));
    // It can still be deleted, and written again.
    store.write("f", &vec![6; 1 << 20]).await.unwrap();
    store.read("f", 0, &mut bytes).await.unwrap();
    BrowserStore::delete("lost").await.unwrap();
}

#[wasm_bindgen_test]
async fn files_of_the_database_move_over() {
    drop(in_opfs("moving").await);
    let old = in_database("moving").await;
    let bytes: Vec<u8> = (0..9_000_000u32).map(|at| (at % 251) as u8).collect();
    old.write("a", &bytes).await.unwrap();
    old.write("b", &bytes[..70_000]).await.unwrap();
    old.write("small", &bytes[..100]).await.unwrap();
    assert!(old.misplaced().await.unwrap().is_empty());
    let new = in_opfs("moving").await;
    assert_eq!(new.misplaced().await.unwrap(), ["a", "b"]);
    let open = old.open("a").await.unwrap();
    let mut read = vec![0; bytes.len()];
    // Cut anywhere, it can be read and moved.
    for polls in 0..60 {
        let mut moving = Box::pin(new.move_over("a"));
        for _ in 0..polls {
            if futures::poll!(&mut moving).is_ready() {
                break;
            }
            yield_now().await;
        }
        drop(moving);
        new.read("a", 0, &mut read).await.unwrap();
        assert!(read == bytes);
    }
    for name in ["a", "b", "small", "gone"] {
        new.move_over(name).await.unwrap();
    }
    assert!(new.misplaced().await.unwrap().is_empty());
    assert_eq!(raw_file_keys("moving").await, ["a", "b", "small", "small#0"]);
    for store in [&old, &new] {
        store.read("a", 0, &mut read).await.unwrap();
        assert!(read == bytes);
    }
    // Who had it open before reads on.
    open.read(0, &mut read).await.unwrap();
    assert!(read == bytes);
    in_opfs("moving").await.sweep_partial().await.unwrap();
    eventually_filled("moving", 2).await;
    BrowserStore::delete("moving").await.unwrap();
}

#[wasm_bindgen_test]
async fn a_deleted_store_takes_its_folder_along() {
    let name = "folder";
    in_opfs(name).await.write("f", &vec![0; 1 << 20]).await.unwrap();
    assert_eq!(filled_slots(name).await, 1);
    BrowserStore::delete(name).await.unwrap();
    let again = in_opfs(name).await;
    assert!(again.list("").await.unwrap().is_empty());
    again.sweep_partial().await.unwrap();
    eventually_filled(name, 0).await;
    BrowserStore::delete(name).await.unwrap();
}
