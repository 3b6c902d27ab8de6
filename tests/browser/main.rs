//! Behaviour tests that run in a browser, in a dedicated worker, as the engine does.
#![cfg(target_arch = "wasm32")]

mod codes;
mod slots;
mod storage;
mod writer_beside;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
