//! Lists of numbers, one behind the other: of each node, its neighbours.

use std::collections::BinaryHeap;

/// Reads lists where they are: list `n` is `items[offsets[n]..offsets[n + 1]]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListsView<'a> {
    pub offsets: &'a [u32],
    pub items: &'a [u32],
}

impl<'a> ListsView<'a> {
    pub fn len(self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    pub fn get(self, list: u32) -> &'a [u32] {
        let list = list as usize;
        &self.items[self.offsets[list] as usize..self.offsets[list + 1] as usize]
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lists {
    offsets: Vec<u32>,
    items: Vec<u32>,
}

impl Default for Lists {
    fn default() -> Lists {
        Lists { offsets: vec![0], items: Vec::new() }
    }
}

impl Lists {
    pub fn view(&self) -> ListsView<'_> {
        ListsView { offsets: &self.offsets, items: &self.items }
    }

    pub fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.items.extend(list);
        self.offsets.push(self.items.len() as u32);
    }

    /// Who has whom turned into who is had by whom. Every item must be the number of a list.
    pub fn transposed(&self) -> Lists {
        let view = self.view();
        let mut offsets = vec![0; self.offsets.len()];
        view.items.iter().for_each(|item| offsets[*item as usize + 1] += 1);
        (1..offsets.len()).for_each(|at| offsets[at] += offsets[at - 1]);
        let mut items = vec![0; view.items.len()];
        let mut ends = offsets.clone();
        for from in 0..view.len() as u32 {
            for to in view.get(from) {
                let end = &mut ends[*to as usize];
                items[*end as usize] = from;
                *end += 1;
            }
        }
        Lists { offsets, items }
    }

    /// The same lists with `(list, item)` pairs appended to theirs.
    pub fn with(self, added: Vec<(u32, u32)>) -> Lists {
        if added.is_empty() {
            return self;
        }
        let packed: BinaryHeap<u64> =
            added.iter().map(|(list, item)| u64::from(*list) << 32 | u64::from(*item)).collect();
        let mut added = packed.into_sorted_vec().into_iter().map(|pair| ((pair >> 32) as u32, pair as u32)).peekable();
        let mut lists = Lists::default();
        for list in 0..self.view().len() as u32 {
            let old = self.view().get(list).iter().copied();
            lists.push(old.chain(std::iter::from_fn(|| added.next_if(|pair| pair.0 == list).map(|pair| pair.1))));
        }
        lists
    }
}
