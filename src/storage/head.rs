//! The head record: who owns a store. Every version of elanus, older or newer, must be able to read it, so its key and its
//! two fields never change.

use super::{Epoch, WriteBatch};
use crate::error::{Error, Result};
use crate::json;
use serde::{Deserialize, Serialize};

/// The head record's key in `Store::Catalog`.
pub const HEAD_KEY: &str = "head";

/// The newest store format that this version reads and writes.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    format: u32,
    epoch: u64,
}

impl Head {
    /// A store without a head record is new: nobody has owned it.
    pub fn parse(bytes: Option<&[u8]>) -> Result<Head> {
        let corrupt = |detail| Error::Corrupt { file: HEAD_KEY.into(), detail };
        let Some(bytes) = bytes else {
            return Ok(Head { format: FORMAT, epoch: 0 });
        };
        let head: Head = json::read(bytes).map_err(|error| corrupt(error.to_string()))?;
        if head.format > FORMAT {
            let detail =
                format!("a newer version wrote this store (format {}, this version reads {FORMAT})", head.format);
            return Err(corrupt(detail));
        }
        Ok(head)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        format!(r#"{{"format":{},"epoch":{}}}"#, self.format, self.epoch).into_bytes()
    }

    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    /// The head of the next owner.
    pub fn raised(&self) -> Head {
        Head { format: self.format, epoch: self.epoch + 1 }
    }

    /// Whether the batch's owner is still the owner.
    pub fn admit(&self, batch: &WriteBatch) -> Result<()> {
        if batch.expected_epoch == self.epoch() {
            Ok(())
        } else {
            Err(Error::Fenced { ours: batch.expected_epoch.0, current: self.epoch })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        let head = Head::parse(None).unwrap().raised();
        assert_eq!(head.to_bytes(), br#"{"format":1,"epoch":1}"#);
        assert_eq!(Head::parse(Some(&head.to_bytes())), Ok(head));
    }

    #[test]
    fn fields_of_later_versions_are_passed_over() {
        assert_eq!(Head::parse(Some(br#"{"epoch":7,"format":1,"owner":"x"}"#)).unwrap().epoch(), Epoch(7));
    }

    #[test]
    fn a_newer_format_and_nonsense_are_refused() {
        for bytes in [br#"{"format":2,"epoch":7}"#.as_slice(), b"", b"{}", br#"{"format":1,"epoch":-1}"#] {
            assert!(matches!(Head::parse(Some(bytes)), Err(Error::Corrupt { .. })));
        }
    }
}
