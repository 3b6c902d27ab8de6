//! Names of files and folders: what any file system takes, unique, and with the name that they stand for in them.

/// A little less than file systems take.
const MAX_BYTES: usize = 220;
/// Between a name and the number that makes it unique; `encode` leaves none in a name.
const SEPARATOR: char = '~';

/// Small letters, digits and `-` stay, all else becomes `%` and two digits. `None` if that is too long.
pub fn encode(name: &str) -> Option<String> {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    (encoded.len() <= MAX_BYTES).then_some(encoded)
}

fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, others) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

/// What a new file for the bytes of `name` is called: never as another was.
pub fn own_name(name: &str) -> Option<String> {
    let random = (js_sys::Math::random() * (1u64 << 32) as f64) as u64;
    let milliseconds = js_sys::Date::now() as u64;
    Some(format!("{}{SEPARATOR}{milliseconds:x}-{random:08x}", encode(name)?))
}

/// The name for whose bytes a file was created; `None` for what no file of a store is called.
pub fn name_of(own: &str) -> Option<String> {
    decode(own.rsplit_once(SEPARATOR)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn names_come_back_and_are_never_the_same() {
        for name in ["segment/00ff/column-3", "A", "a", "%41~", "..", "."] {
            let own = own_name(name).unwrap();
            assert_eq!(name_of(&own).as_deref(), Some(name));
            assert!(
                own.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"%-~".contains(&byte))
            );
            assert_ne!(own_name(name).unwrap(), own);
        }
        assert_eq!(encode(".a"), Some("%2ea".into()));
        assert_eq!(encode(&"/".repeat(74)), None);
        assert_eq!((name_of("stray"), name_of("%4~1-1"), name_of("%zz~1-1")), (None, None, None));
    }
}
