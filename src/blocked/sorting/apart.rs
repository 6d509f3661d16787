//! Few lanes, too long for tasks that hold whole ones: each becomes an array of one axis, which is sorted in runs, or whose quantiles are
//! selected, whatever its length. What stands in their place are these side by side.

use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::{Expr, lanes_apart, relabel};
use crate::plan::Plan;
use crate::sizes::WorkSizes;
use flagstone_kernels::lanes::Lane;

/// Lanes on their way to be arrays of one axis.
pub struct LanesApart {
    node: Expr,
    count: u64,
}

impl LanesApart {
    /// Whether lanes of an array of `shape` along `axis` are so few, and so long.
    pub fn suits(lane: &Lane, shape: &[u64], axis: usize, work: &WorkSizes) -> bool {
        let (n, elements) = (shape[axis], shape.iter().fold(1, |all: u64, &n| all.saturating_mul(n)));
        matches!(lane, Lane::Sort(_) | Lane::Part(_) | Lane::Quantiles(_))
            && shape.len() > 1
            && n > work.sort_elements
            && elements > work.lanes_elements
            && elements / n <= work.lanes_apart_max
    }

    /// Of `node`, which makes so many lanes into others.
    pub fn new(node: &Expr, count: u64) -> LanesApart {
        LanesApart { node: node.clone(), count }
    }

    /// What stands for the node.
    fn apart(&self) -> Result<Vec<Expr>> {
        let apart = lanes_apart(&self.node)?.ok_or_else(|| Error::internal("a node without lanes"))?;
        Ok(vec![relabel(&apart, &self.node.chunks)?])
    }
}

impl Procedure for LanesApart {
    fn describe(&self) -> String {
        format!("{}: lanes one after the other, {} of them", self.node.op.name(), self.count)
    }
    fn most(&self) -> Bound {
        Bound { standing_bytes: 0, kept_bytes: 0, reads: 0 }
    }
    fn most_demanding(&self, _: &Budget) -> Result<Plan> {
        Ok(Plan::default())
    }
    fn bound(&self, _: &Budget) -> Result<Vec<Expr>> {
        self.apart()
    }
    fn step(&mut self, _: &Budget, _: &dyn Keeper) -> Result<Step> {
        self.apart().map(Step::Done)
    }
}
