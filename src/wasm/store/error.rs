//! What the browser's storage throws, as engine errors.

use crate::error::Error;
use std::error::Error as _;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

const QUOTA: &str = "QuotaExceededError";

pub fn of_exception(exception: &DomException) -> Error {
    let (name, message) = (exception.name(), exception.message());
    let detail = if message.is_empty() { name.clone() } else { format!("{name}: {message}") };
    if name == QUOTA { Error::DiskQuotaExceeded { detail } } else { Error::Io { detail } }
}

/// Anything that a call threw.
pub fn of_js(thrown: JsValue) -> Error {
    match thrown.dyn_ref::<DomException>() {
        Some(exception) => of_exception(exception),
        None => Error::Io { detail: format!("{thrown:?}") },
    }
}

pub fn is_named(thrown: &JsValue, name: &str) -> bool {
    thrown.dyn_ref::<DomException>().is_some_and(|exception| exception.name() == name)
}

/// The reason is in the sources: rexie's own text says only that there was an error.
pub fn of_rexie(error: rexie::Error) -> Error {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    if detail.contains(QUOTA) { Error::DiskQuotaExceeded { detail } } else { Error::Io { detail } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_full_disk_has_its_own_error() {
        let full = DomException::new_with_message_and_name("no room", QUOTA).unwrap();
        assert_eq!(of_js(full.into()), Error::DiskQuotaExceeded { detail: "QuotaExceededError: no room".into() });
        let other = DomException::new_with_message_and_name("", "AbortError").unwrap();
        assert_eq!(of_js(other.into()), Error::Io { detail: "AbortError".into() });
        assert!(matches!(of_js(JsValue::from_str("thrown")), Error::Io { .. }));
    }
}
