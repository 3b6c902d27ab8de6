//! Identifiers of what the catalog holds, and the time that orders writes.

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, "{}", self.0)
            }
        }
    };
}

identifier!(CollectionId);
identifier!(PartitionId);
identifier!(SegmentId);
identifier!(IndexId);
identifier!(
    /// A job of import: the task that clients ask about.
    ImportId
);
identifier!(
    /// An export under way.
    ExportId
);
identifier!(
    /// Milvus' hybrid time: milliseconds since 1970 in the upper 46 bits, a counter in the lower 18. Every write has its own;
    /// ids are drawn from the same sequence, so that they never repeat.
    Timestamp
);

/// Tells a client's call from all others, so that it is known again when it is sent again: 16 random bytes, in text 32
/// hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(u128);

impl TryFrom<String> for RequestId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| digits);
        number.map(RequestId).ok_or_else(|| format!("{text:?} is no request id"))
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> String {
        format!("{:032x}", id.0)
    }
}

const COUNTER_BITS: u32 = 18;
/// Of the counter, the upper 6 bits are the owner's: two owners that follow each other never give the same id, whatever their
/// clocks say, unless one takes thousands at once, whose commit the next one begins after.
const OWN_BITS: u32 = 12;
const OWNERS: u64 = 1 << (COUNTER_BITS - OWN_BITS);

impl Timestamp {
    pub fn from_millis(milliseconds: u64) -> Self {
        Timestamp(milliseconds << COUNTER_BITS)
    }

    /// The first one that is the owner's, from `self` on.
    pub fn first_of_owner(self, owner: u64) -> Self {
        let owner = owner % OWNERS;
        if (self.0 >> OWN_BITS) % OWNERS == owner {
            return self;
        }
        let first = (self.0 >> COUNTER_BITS << COUNTER_BITS) | (owner << OWN_BITS);
        Timestamp(if first > self.0 { first } else { first + (1 << COUNTER_BITS) })
    }

    pub fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_take_times_in_turns() {
        let now = Timestamp::from_millis(7);
        assert_eq!(now.first_of_owner(0), now);
        assert_eq!(now.first_of_owner(3), Timestamp(now.0 + (3 << 12)));
        assert_eq!(now.first_of_owner(64 + 3), now.first_of_owner(3));
        let last_of_three = Timestamp(now.0 + (4 << 12) - 1);
        assert_eq!(last_of_three.first_of_owner(3), last_of_three);
        assert_eq!(Timestamp(last_of_three.0 + 1).first_of_owner(3), Timestamp(now.0 + (1 << 18) + (3 << 12)));
    }
}
