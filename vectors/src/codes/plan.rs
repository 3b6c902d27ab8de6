//! How many lists a search looks at, and how many rows it compares by numbers.

use serde::{Deserialize, Serialize};

/// Of the search parameter `level`, as Milvus has it: at 1 a search is fastest, at the last all rows are compared by numbers.
pub const MAX_LEVEL: u32 = 10;
/// Of a graph. With twice as many candidates its walks find what the next plan does.
const EF_OF_FIRST_PLAN: usize = 32;
/// Plans are measured for this many nearest rows; what lies between and beyond follows from the two.
pub(super) const NEAR: usize = 10;
pub(super) const FAR: usize = 100;
/// Parts of the nearest rows that plans find. Two levels share one.
pub(super) const RECALLS: [f32; 5] = [0.98, 0.985, 0.99, 0.995, 0.999];
/// By so many a row is estimated to be worse that is left out, if its estimate is all that is known.
const DEVIATIONS: [f32; 5] = [1.5, 1.6, 1.7, 1.9, 2.2];

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// From 1 to `MAX_LEVEL`.
    pub level: u32,
    /// Asked for by `nprobe`.
    pub lists: Option<usize>,
    /// Asked for by `reorder_k`.
    pub rerank: Option<usize>,
    /// Candidates of a walk through a graph. Where lists answer in its place, these are as thorough.
    pub ef: Option<usize>,
}

/// What reaches one recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub(super) near: Steps,
    pub(super) far: Steps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// Lists to look at.
    pub lists: usize,
    /// Rows to compare by numbers.
    pub(super) rerank: usize,
}

/// What a search may leave out that is not like those for which plans were measured.
#[derive(Debug, Clone, Copy)]
pub struct Thoroughness {
    /// Of the wanted rows, those that may be expected elsewhere.
    pub missed: f32,
    /// By which rows must be estimated to be worse.
    pub deviations: f32,
}

impl Steps {
    pub fn rerank(&self, depth: usize) -> usize {
        self.rerank.max(depth)
    }
}

impl Effort {
    pub const ALL: Effort = Effort { level: MAX_LEVEL, lists: None, rerank: None, ef: None };

    pub fn compares_all(&self) -> bool {
        self.level >= MAX_LEVEL
    }

    fn plan(&self) -> usize {
        let plan = match self.ef {
            Some(ef) => (ef / EF_OF_FIRST_PLAN).max(1).ilog2(),
            None => (self.level.max(1) - 1) / 2,
        };
        (plan as usize).min(RECALLS.len() - 1)
    }

    pub fn thoroughness(&self) -> Thoroughness {
        let plan = self.plan();
        Thoroughness { missed: 2.0 * (1.0 - RECALLS[plan]), deviations: DEVIATIONS[plan] }
    }

    /// For `depth` rows of the share that takes part.
    pub fn steps(&self, plans: &[Plan], depth: usize, share: f32, all_lists: usize) -> Steps {
        let measured = match plans.get(self.plan().min(plans.len().saturating_sub(1))) {
            Some(plan) if !self.compares_all() => plan.among(depth, share),
            _ => Steps { lists: all_lists, rerank: usize::MAX },
        };
        Steps {
            lists: self.lists.unwrap_or(measured.lists).clamp(1, all_lists.max(1)),
            rerank: self.rerank.unwrap_or(measured.rerank.max(self.ef.unwrap_or(0))),
        }
    }
}

impl Plan {
    /// Rows that take part are as near to each other as all are, or spread among all: what one of the two needs.
    fn among(&self, depth: usize, share: f32) -> Steps {
        let (together, spread) = (self.at(depth as f32), self.at(depth as f32 / share));
        let rerank = together.rerank.max((spread.rerank as f32 * share).ceil() as usize);
        Steps { lists: spread.lists, rerank }
    }

    /// Work grows with the depth as it does between the two that were measured.
    fn at(&self, depth: f32) -> Steps {
        let decades = f64::from((depth / NEAR as f32).max(1.0)).log10();
        let grown = |near: usize, far: usize| {
            let near = near.max(1) as f64;
            (near * (far as f64 / near).max(1.0).powf(decades)).ceil() as usize
        };
        Steps { lists: grown(self.near.lists, self.far.lists), rerank: grown(self.near.rerank, self.far.rerank) }
    }
}
