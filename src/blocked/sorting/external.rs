//! A lane longer than a task, sorted: boxes become sorted runs, written in small blocks whose first items are kept ([`super::runs`]);
//! then each block of the result is merged by one task from the blocks of the runs that can hold its items ([`super::merge`]).
//!
//! How many runs can be merged at once follows from the limit. Where there are more, groups of them become longer runs first, as often as
//! it takes: what is read for that goes with its last reader. Items are never equal unless nothing tells them apart, so that neither
//! how runs are cut nor how they are grouped shows in the result.

use super::bounds::partition;
use super::merge::{MergeStage, merging_bytes};
use super::runs::{Cuts, RunsStage};
use crate::blocked::lower::lower_loop;
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::ops::{Merge, RUN_BLOCK_BYTES, RunBlock, SortedRuns};
use crate::expr::{Expr, Node};
use crate::plan::{Drive, Plan, StageNode, demand_bytes};
use crate::sizes::WorkSizes;
use flagstone_kernels::sort::Sorter;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// The items of a run, or of a result, in blocks that a stage has written, and what keeps them.
type Owner = Arc<dyn Any + Send + Sync>;

/// A long lane on its way.
pub struct ExternalSort {
    node: Expr,
    sorter: Sorter,
    arg: Expr,
    work: WorkSizes,
    /// What has run, and what keeps its blocks.
    sorted: Option<(Sorted, Owner)>,
}

/// A stage that has written sorted runs.
enum Sorted {
    First(Arc<RunsStage>),
    Again(Arc<MergeStage>),
}

impl Sorted {
    /// What was written, kept by `owner`. To be asked once: it hands on where blocks begin.
    fn runs(&self, owner: Option<Owner>) -> Result<SortedRuns> {
        let begins = |begins: &Mutex<Vec<RunBlock>>| {
            let mut blocks = std::mem::take(&mut *begins.lock().unwrap_or_else(PoisonError::into_inner));
            blocks.sort_unstable();
            blocks
        };
        Ok(match self {
            Sorted::First(stage) => {
                let Cuts { runs, piece } = &stage.cuts;
                let lengths = (0..runs.count()).map(|run| runs.chunk(run).1).collect();
                let (product, blocks) = (stage.work.writes[0].product.id, begins(&stage.begins));
                SortedRuns { product, lengths, block_items: *piece, per_run: stage.cuts.per_run(), blocks, owner }
            }
            Sorted::Again(stage) => {
                let longer = stage.longer.as_ref().ok_or_else(|| Error::internal("a merge that wrote no runs"))?;
                let lengths = stage.groups.iter().map(|group| group.grid.len()).collect();
                let (product, block_items) = (stage.products[0].id, stage.runs.block_items);
                SortedRuns { product, lengths, block_items, per_run: longer.per_run, blocks: begins(&longer.begins), owner }
            }
        })
    }
}

impl ExternalSort {
    /// Of `node`, which sorts the one axis of `arg`.
    pub fn new(node: &Expr, sorter: Sorter, arg: &Expr, work: &WorkSizes) -> ExternalSort {
        ExternalSort { node: node.clone(), sorter, arg: arg.clone(), work: *work, sorted: None }
    }

    /// The plan that writes the runs, and its last stage.
    fn runs(&self, budget: &Budget) -> Result<(Plan, Sorted)> {
        let mut made = None;
        let plan = lower_loop(std::slice::from_ref(&self.arg), budget, |feed, registers| {
            let stage = Arc::new(RunsStage::fit(self.sorter, &feed, registers[0], budget));
            made = Some(stage.clone());
            stage
        })?;
        let stage = made.ok_or_else(|| Error::internal("no runs"))?;
        let kept = vec![stage.work.writes[0].product.id];
        Ok((Plan::new(plan.stages, kept), Sorted::First(stage)))
    }

    /// The plan that makes longer runs of `runs`, and its stage; or these, where there are so few that they can be merged at once.
    fn longer(&self, runs: SortedRuns, budget: &Budget) -> std::result::Result<(Plan, Sorted), SortedRuns> {
        let (count, piece) = (runs.lengths.len() as u64, runs.block_items);
        // two are the least that are merged
        if count <= 2 || merging_bytes(self.sorter, (count, piece), self.arg.shape[0], &self.work) <= budget.memory_bytes {
            return Err(runs);
        }
        let together = together(count, MergeStage::runs_max(self.sorter, piece, count, budget));
        let (read, stage) = (runs.product, Arc::new(MergeStage::longer(self.sorter, runs, together, budget)));
        let node = StageNode { stage: stage.clone(), drive: Drive::Ranked(0) };
        Ok((Plan::new(vec![node], vec![stage.products[0].id]).with_last_reads(vec![read]), Sorted::Again(stage)))
    }

    /// The most demanding of the plans that write runs, and what those are that are left to merge.
    fn all_runs(&self, budget: &Budget) -> Result<(Plan, SortedRuns)> {
        let (mut most, made) = self.runs(budget)?;
        let mut runs = made.runs(None)?;
        loop {
            let (plan, made) = match self.longer(runs, budget) {
                Ok(longer) => longer,
                Err(runs) => return Ok((most, runs)),
            };
            runs = made.runs(None)?;
            if demand_bytes(&plan) > demand_bytes(&most) {
                most = plan;
            }
        }
    }

    /// What stands for the node: all of `runs` in order.
    fn merged(&self, runs: SortedRuns) -> Result<Expr> {
        Node::new(Merge { sorter: self.sorter, runs: Arc::new(runs), chunks: self.node.chunks.clone() }.into())
    }
}

/// How many of `runs` runs become one, so that there is one in the end after as few rounds as if it were `most`.
fn together(runs: u64, most: u64) -> u64 {
    let rounds = (1..u64::BITS).find(|&rounds| most.saturating_pow(rounds) >= runs).unwrap_or(u64::BITS);
    partition(most, |count| count < 2 || count.saturating_pow(rounds) < runs)
}

impl Procedure for ExternalSort {
    fn describe(&self) -> String {
        format!("sort {} {} in runs, each written and read once where memory is full", self.arg.shape[0], self.arg.dtype)
    }
    fn most(&self) -> Bound {
        let n = self.arg.shape[0];
        Bound {
            standing_bytes: n.div_ceil(self.work.run_piece_min).saturating_mul(RUN_BLOCK_BYTES),
            kept_bytes: n.saturating_mul(self.sorter.item_bytes() as u64),
            reads: 1,
        }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        let (making, runs) = self.all_runs(budget)?;
        let merge = MergeStage::fit(self.sorter, &self.merged(runs)?, budget)?;
        let merge = Plan::new(vec![StageNode { stage: Arc::new(merge), drive: Drive::Ranked(0) }], vec![]);
        Ok(if demand_bytes(&making) >= demand_bytes(&merge) { making } else { merge })
    }
    fn bound(&self, budget: &Budget) -> Result<Vec<Expr>> {
        Ok(vec![self.merged(self.all_runs(budget)?.1)?])
    }
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        let (plan, made) = match self.sorted.take() {
            None => self.runs(budget)?,
            Some((made, owner)) => match self.longer(made.runs(Some(owner))?, budget) {
                Ok(longer) => longer,
                Err(runs) => return Ok(Step::Done(vec![self.merged(runs)?])),
            },
        };
        let owner = keeper.keep(plan.kept[0]);
        self.sorted = Some((made, owner));
        Ok(Step::Run(plan))
    }
}

#[cfg(test)]
mod tests {
    use super::together;

    #[test]
    fn as_few_rounds_make_one_run_of_groups_that_are_no_larger_than_that_needs() {
        for runs in 3..300 {
            for most in 2..40 {
                let rounds = |group: u64| {
                    let (mut left, mut rounds) = (runs, 0);
                    while left > 1 {
                        left = u64::div_ceil(left, group);
                        rounds += 1;
                    }
                    rounds
                };
                let group = together(runs, most);
                assert!((2..=most).contains(&group), "{runs} runs by {most} at most: {group}");
                assert_eq!(rounds(group), rounds(most), "{runs} runs by {most} at most: {group}");
                assert!(group == 2 || rounds(group - 1) > rounds(most), "{runs} runs by {most} at most: {group}");
            }
        }
    }
}
