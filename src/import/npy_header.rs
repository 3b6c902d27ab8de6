//! The header of a .npy file: a Python dict with the type of its numbers and its shape.

use super::Parsed;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Of a plain array it has about a hundred bytes; this also holds long lists of names, which are refused by name.
const MAX_DICT_BYTES: usize = 1 << 16;

#[derive(Debug, PartialEq)]
pub struct NpyHeader {
    pub element: Element,
    pub shape: Vec<u64>,
}

/// numpy's dtype: `<f4` and the like.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    pub name: String,
    pub big_endian: bool,
    pub kind: char,
    /// As written: bytes, of `U` characters.
    pub size: usize,
}

impl NpyHeader {
    /// The header and its length; `None` while it is not all there.
    pub fn read(bytes: &[u8]) -> Parsed<Option<(NpyHeader, usize)>> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err("not a numpy file: its first bytes are others".into());
        }
        let Some(major) = bytes.get(MAGIC.len()) else { return Ok(None) };
        let width = match major {
            1 => 2,
            2 | 3 => 4,
            other => return Err(format!("numpy file version {other} is not supported")),
        };
        let start = MAGIC.len() + 2 + width;
        let Some(length) = bytes.get(start - width..start) else { return Ok(None) };
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > MAX_DICT_BYTES {
            return Err(format!("a numpy header of {length} bytes is more than {MAX_DICT_BYTES}"));
        }
        let Some(dict) = bytes.get(start..start + length) else { return Ok(None) };
        let dict = std::str::from_utf8(dict).map_err(|_| "the numpy header is not UTF-8")?;
        let header = Dict { rest: dict }.read().map_err(|error| format!("numpy header: {error}"))?;
        Ok(Some((header, start + length)))
    }
}

/// What is left of the dict; values are strings, booleans and tuples of numbers.
struct Dict<'a> {
    rest: &'a str,
}

impl<'a> Dict<'a> {
    fn read(mut self) -> Parsed<NpyHeader> {
        let (mut element, mut fortran, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.take("}") {
            let key = self.string()?;
            self.expect(":")?;
            match key {
                "descr" => element = Some(self.element()?),
                "fortran_order" => fortran = Some(self.bool()?),
                "shape" => shape = Some(self.shape()?),
                other => return Err(format!("unknown key '{other}'")),
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        if fortran.ok_or("'fortran_order' is missing")? {
            return Err("fortran order is not supported, save the array in C order".into());
        }
        let element = element.ok_or("'descr' is missing")?;
        Ok(NpyHeader { element, shape: shape.ok_or("'shape' is missing")? })
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let stripped = self.rest.strip_prefix(token);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.take(token) { Ok(()) } else { Err(format!("expected '{token}', found {:?}", self.rest.chars().next())) }
    }

    fn string(&mut self) -> Parsed<&'a str> {
        let quote = if self.take("\"") {
            '"'
        } else {
            self.expect("'")?;
            '\''
        };
        let (text, rest) = self.rest.split_once(quote).ok_or("a string does not end")?;
        self.rest = rest;
        Ok(text)
    }

    fn bool(&mut self) -> Parsed<bool> {
        let found = self.take("True");
        if !found {
            self.expect("False")?;
        }
        Ok(found)
    }

    fn shape(&mut self) -> Parsed<Vec<u64>> {
        let mut shape = Vec::new();
        self.expect("(")?;
        while !self.take(")") {
            self.rest = self.rest.trim_start();
            let digits = self.rest.find(|next: char| !next.is_ascii_digit()).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(digits);
            shape.push(number.parse().map_err(|error| format!("a number of the shape: {error}"))?);
            self.rest = rest;
            // Python 2 wrote its long integers with it.
            self.take("L");
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }

    fn element(&mut self) -> Parsed<Element> {
        if self.take("[") {
            return Err("structured types are not supported".into());
        }
        let name = self.string()?;
        let unknown = || format!("unknown type '{name}'");
        let (order, rest) = name.split_at_checked(1).ok_or_else(unknown)?;
        let (kind, size) = rest.split_at_checked(1).ok_or_else(unknown)?;
        if !matches!(order, "<" | ">" | "|" | "=") {
            return Err(unknown());
        }
        Ok(Element {
            name: name.to_owned(),
            big_endian: order == ">",
            kind: kind.chars().next().unwrap_or_default(),
            size: if size.is_empty() { 0 } else { size.parse().map_err(|_| unknown())? },
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    fn file(major: u8, dict: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, &[major, 0]].concat();
        match major {
            1 => bytes.extend((dict.len() as u16).to_le_bytes()),
            _ => bytes.extend((dict.len() as u32).to_le_bytes()),
        }
        bytes.extend(dict.as_bytes());
        bytes
    }

    #[test]
    fn reads_all_versions_and_waits_for_the_rest() {
        let dict = "{'descr': '>f8', 'fortran_order': False, 'shape': (3, 2), }   \n";
        for major in 1..=3 {
            let bytes = file(major, dict);
            let element = Element { name: ">f8".into(), big_endian: true, kind: 'f', size: 8 };
            let header = NpyHeader { element, shape: vec![3, 2] };
            assert_eq!(NpyHeader::read(&bytes), Ok(Some((header, bytes.len()))));
            for length in 0..bytes.len() {
                assert_eq!(NpyHeader::read(&bytes[..length]), Ok(None), "{length} bytes");
            }
        }
    }

    #[test]
    fn says_what_it_does_not_take() {
        for (dict, text) in [
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}", "fortran order"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "structured"),
            ("{'descr': '<f4', 'fortran_order': False}", "'shape' is missing"),
            ("{'descr': 'f4', 'fortran_order': False, 'shape': ()}", "unknown type 'f4'"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "a number of the shape"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1", "expected ')'"),
            ("", "expected '{'"),
        ] {
            let error = NpyHeader::read(&file(1, dict)).expect_err(dict);
            assert!(error.contains(text), "{error}");
        }
        assert!(NpyHeader::read(b"\x93NUMPX").is_err());
        assert!(NpyHeader::read(&file(4, "")).is_err());
        assert!(NpyHeader::read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").is_err());
    }
}
