//! The border to the browser: the only folder that names wasm-bindgen, js-sys, web-sys and rexie.

mod allocator;
mod coordinator;
mod host;
mod node;
pub mod platform;
mod reply;
pub mod store;

use wasm_bindgen::prelude::*;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A panic ends its worker; its text goes to the console first, where a person can find it.
#[wasm_bindgen(start)]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&format!("elanus: {panic}").into())));
}

/// Ends the worker as a panic would: how tests see that everything else goes on.
const PANIC: &str = "__panic";
