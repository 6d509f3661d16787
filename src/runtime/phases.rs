//! What must be known before the rest can be lowered: counts of masks, medians.

use super::fit::{Short, fit};
use super::{Runtime, renewed, room, standing_bytes_of};
use crate::blocked::{Bound, Keeper, Procedure, Sink, Step, lower, procedure, procedures};
use crate::budget::Budget;
use crate::error::{Bytes, ErrorKind, Result};
use crate::expr::{Expr, Node, Op, ops, postorder, replace, settle};
use crate::grid::ChunkGrid;
use crate::plan::Plan;
use flagstone_kernels::dtype::DType;
use std::collections::HashSet;
use std::sync::Arc;

/// What a computation will take.
pub(super) struct Foreseen {
    /// The limit that it is foreseen under.
    limit_bytes: u64,
    /// What its procedures do, in order.
    pub phases: Vec<String>,
    /// The plan that follows them.
    pub plan: Plan,
    /// What does not fit, and the bytes that stand beside it.
    short: Vec<(Short, u64)>,
    /// What keeps more blocks than memory and the cap on disk have room for, and the bytes of them that would be on disk.
    on_disk: Vec<(String, u64)>,
}

impl Foreseen {
    fn under(limit_bytes: u64) -> Foreseen {
        Foreseen { limit_bytes, phases: Vec::new(), plan: Plan::default(), short: Vec::new(), on_disk: Vec::new() }
    }

    /// The smallest limit under which all of what did not fit would.
    pub(super) fn smallest_bytes(&self) -> u64 {
        self.short.iter().map(|(short, standing)| short.smallest_bytes.saturating_add(*standing)).max().unwrap_or(0)
    }

    /// Refuses what does not fit into memory, naming the limit under which all of it does, or on disk.
    ///
    /// # Errors
    /// `WouldNotFit`, `Spill`.
    pub(super) fn check(&self, spill_cap_bytes: u64) -> Result<()> {
        if let Some((operation, bytes)) = self.on_disk.iter().max_by_key(|(_, bytes)| bytes) {
            let what = format!(
                "{operation} keeps blocks between its passes of which up to {} would be on disk, over the cap of {}; raise the cap on disk or the memory limit",
                Bytes(*bytes),
                Bytes(spill_cap_bytes)
            );
            return Err(ErrorKind::Spill { directory: "the spill directory".into(), what }.into());
        }
        let most = self.short.iter().max_by_key(|(short, standing)| short.smallest_bytes.saturating_add(*standing));
        most.map_or(Ok(()), |(short, standing)| Err(short.refusal(self.limit_bytes, *standing).into()))
    }
}

impl Runtime {
    /// The graph with what its procedures find, one after the other, each above those it depends on.
    pub(super) fn find_all(&self, mut exprs: Vec<Expr>) -> Result<Vec<Expr>> {
        loop {
            // in this order: a mask that another thread counts meanwhile is still a procedure, or has a length by now
            let next = procedures(&exprs, &self.0.sizes).into_iter().next();
            let settled = settle(&exprs)?;
            if settled.iter().zip(&exprs).any(|(a, b)| !Arc::ptr_eq(a, b)) {
                exprs = settled;
                continue;
            }
            let Some((node, procedure)) = next else { return Ok(exprs) };
            let found = self.find(&node, procedure)?;
            exprs = replace(&exprs, &node, &found)?;
        }
    }

    /// The same array with every length known: counts what its lengths depend on, and computes nothing else.
    ///
    /// # Errors
    /// As [`Runtime::compute_exprs`].
    pub fn settle_expr(&self, expr: &Expr) -> Result<Expr> {
        let _gate = self.enter()?;
        let mut exprs = settle(std::slice::from_ref(expr))?;
        while let Some((node, selection)) = selection_of(&exprs) {
            self.count(&node, selection)?;
            exprs = settle(&exprs)?;
        }
        Ok(exprs.remove(0))
    }

    /// Whether something in `exprs` waits for a length that is not known.
    pub(super) fn is_awaited(exprs: &[Expr]) -> bool {
        selection_of(&waiting(exprs)).is_some()
    }

    /// The graph where nothing waits for a length: selections are counted of which one is awaited.
    pub(super) fn awaited(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        let mut exprs = settle(exprs)?;
        while let Some((node, selection)) = selection_of(&waiting(&exprs)) {
            self.count(&node, selection)?;
            exprs = settle(&exprs)?;
        }
        Ok(exprs)
    }

    /// Counts what `node` selects, for all who know the count. What it selects from is only planned: nobody reads it before all lengths are known.
    fn count(&self, node: &Expr, selection: ops::Mask) -> Result<()> {
        let awaited = self.awaited(&renewed(&[selection.mask.clone(), selection.arg.clone()])?)?;
        let mut exprs = settle(&self.rewrite(&awaited)?)?;
        while let Some((below, procedure)) = procedures(&exprs[..1], &self.0.sizes).into_iter().next() {
            let found = self.find(&below, procedure)?;
            exprs = settle(&replace(&exprs, &below, &found)?)?;
        }
        // whether those fit is asked where they run
        let mut foreseen = Foreseen::under(self.0.limit_bytes);
        while let Some((below, procedure)) = procedures(&exprs[1..], &self.0.sizes).into_iter().next() {
            let (bound, _) = self.foresee_procedure(&below, &*procedure, &mut foreseen)?;
            exprs = replace(&exprs, &below, &bound)?;
        }
        let (mask, arg) = (exprs[0].clone(), exprs[1].clone());
        let node = Node::with_chunks(ops::Mask { mask, arg, ..selection }.into(), node.chunks.clone())?;
        // unless another thread has counted it meanwhile
        if let Some(procedure) = procedure(&node, &self.0.sizes) {
            self.find(&node, procedure)?;
        }
        Ok(())
    }

    /// [`Runtime::foresee`] of what waits for lengths, as if all were as long as they may be; bytes of results are those of results whose
    /// lengths are known. Where the bounds do not go together, the plan is that of counting. Where a length may be any number, nothing
    /// is too short for the plan yet: that is asked again when the number is known.
    ///
    /// # Errors
    /// As [`Runtime::foresee`].
    pub(super) fn foresee_awaited(
        &self,
        mut exprs: Vec<Expr>,
        (results_bytes, limit_bytes): (u64, u64),
        sinks: &dyn Fn(&[Expr]) -> Vec<Sink>,
    ) -> Result<Foreseen> {
        let mut foreseen = Foreseen::under(limit_bytes);
        let mut counting = None;
        // what was too short before a length that may be any number
        let mut known: Option<(usize, usize)> = None;
        while let Some((selected, selection)) = selection_of(&waiting(&exprs)) {
            // those below it come before its own
            let first = procedures(std::slice::from_ref(&selected), &self.0.sizes).into_iter().next();
            let Some((node, procedure)) = first else { break };
            let (bound, budget) = self.foresee_procedure(&node, &*procedure, &mut foreseen)?;
            if node.id == selected.id && selection.is_of_places() {
                known.get_or_insert((foreseen.short.len(), foreseen.on_disk.len()));
            }
            let Ok(replaced) = replace(&exprs, &node, &bound) else {
                foreseen.plan = procedure.most_demanding(&budget)?;
                return Ok(foreseen);
            };
            exprs = replaced;
            counting = Some((procedure, budget));
        }
        match (self.rewrite(&exprs), counting) {
            (Err(error), Some((procedure, budget))) if matches!(error.kind(), ErrorKind::BadRequest { .. }) => {
                foreseen.plan = procedure.most_demanding(&budget)?;
                Ok(foreseen)
            }
            (rewritten, _) => {
                let mut foreseen = self.foresee_from(foreseen, rewritten?, results_bytes, sinks)?;
                if let Some((short, on_disk)) = known {
                    foreseen.short.truncate(short);
                    foreseen.on_disk.truncate(on_disk);
                }
                Ok(foreseen)
            }
        }
    }

    /// Plans all that `exprs` will take beside so many bytes of results and under this limit, as if every procedure found what takes the most. Reads
    /// nothing.
    ///
    /// # Errors
    /// What lowering refuses, `Cancelled`; that something does not fit is told by [`Foreseen::check`].
    pub(super) fn foresee(
        &self,
        exprs: Vec<Expr>,
        (results_bytes, limit_bytes): (u64, u64),
        sinks: &dyn Fn(&[Expr]) -> Vec<Sink>,
    ) -> Result<Foreseen> {
        self.foresee_from(Foreseen::under(limit_bytes), exprs, results_bytes, sinks)
    }

    fn foresee_from(
        &self,
        mut foreseen: Foreseen,
        mut exprs: Vec<Expr>,
        results_bytes: u64,
        sinks: &dyn Fn(&[Expr]) -> Vec<Sink>,
    ) -> Result<Foreseen> {
        while let Some((node, procedure)) = procedures(&exprs, &self.0.sizes).into_iter().next() {
            let (bound, _) = self.foresee_procedure(&node, &*procedure, &mut foreseen)?;
            exprs = replace(&exprs, &node, &bound)?;
        }
        let sinks = sinks(&exprs);
        let taken = self.0.pool.usage().reserved_bytes;
        let standing = taken.saturating_add(results_bytes).saturating_add(standing_bytes_of(&exprs));
        foreseen.plan = match self.fit_beside(&exprs, room(foreseen.limit_bytes, standing), |room| self.fit_sinks(&sinks, room))?.0 {
            Ok((lowered, _)) => lowered.plan,
            Err(short) => {
                let budget = self.budget(short.smallest_bytes);
                foreseen.short.push((short, standing));
                lower(&sinks, &budget)?.plan
            }
        };
        Ok(foreseen)
    }

    /// Notes what the procedure of `node` takes. What stands in its place until it has run, and the budget that it has.
    fn foresee_procedure(&self, node: &Expr, procedure: &dyn Procedure, foreseen: &mut Foreseen) -> Result<(Vec<Expr>, Budget)> {
        let most = procedure.most();
        foreseen.phases.push(told(procedure, most));
        let on_disk = most.kept_bytes.saturating_sub(foreseen.limit_bytes);
        if on_disk > self.0.spill_cap_bytes {
            foreseen.on_disk.push((node.op.name().to_string(), on_disk));
        }
        let below = std::slice::from_ref(node);
        let taken = self.0.pool.usage().reserved_bytes;
        let standing = taken.saturating_add(most.standing_bytes).saturating_add(standing_bytes_of(below));
        let left = room(foreseen.limit_bytes, standing);
        let budget = match self.fit_beside(below, left, |room| self.fit_procedure(procedure, room))?.0 {
            Ok(budget) => budget,
            Err(short) => {
                let smallest = short.smallest_bytes;
                foreseen.short.push((short, standing));
                self.budget(smallest)
            }
        };
        Ok((procedure.bound(&budget)?, budget))
    }

    /// The budget under which the most demanding pass of a procedure fits `room_bytes`.
    fn fit_procedure(&self, procedure: &dyn Procedure, room_bytes: u64) -> Result<std::result::Result<Budget, Short>> {
        let fitted = fit(room_bytes, &self.budget(0), &self.1, |plan| plan, |budget| procedure.most_demanding(budget))?;
        Ok(fitted.map(|(_, budget)| budget))
    }

    /// Runs a procedure. What it may need at most must fit before anything is read.
    fn find(&self, node: &Expr, mut procedure: Box<dyn Procedure>) -> Result<Vec<Expr>> {
        let _indexes = self.reserve_standing(std::slice::from_ref(node))?;
        let _held = self.reserve(node.op.name(), procedure.most().standing_bytes, "")?;
        let standing = self.0.pool.usage().reserved_bytes;
        let below = std::slice::from_ref(node);
        let (fitted, ahead_bytes) = self.fit_beside(below, self.room(standing), |room| self.fit_procedure(&*procedure, room))?;
        let budget = fitted.map_err(|short| short.refusal(self.0.limit_bytes, standing))?;
        let _ahead = self.allow_ahead(below, ahead_bytes)?;
        loop {
            match procedure.step(&budget, self)? {
                Step::Run(plan) => self.run_plan(&plan, self.room(standing.saturating_add(ahead_bytes)))?,
                Step::Done(found) => return Ok(found),
            }
        }
    }
}

impl Keeper for Runtime {
    fn keep(&self, product: u64) -> Arc<dyn std::any::Any + Send + Sync> {
        self.own(product)
    }
    fn resident(&self, product: u64, grid: ChunkGrid, dtype: DType, chunks: ChunkGrid) -> Result<Expr> {
        self.kept(product, grid, dtype, chunks)
    }
}

/// What waits for a length below `exprs`.
fn waiting(exprs: &[Expr]) -> Vec<Expr> {
    let waits = |node: &Expr| matches!(node.op, Op::Deferred(_));
    postorder(exprs).into_iter().filter(waits).flat_map(|node| node.op.args().into_iter().cloned().collect::<Vec<_>>()).collect()
}

/// A selection on whose count a length of one of `exprs` depends. It waits for no other.
fn selection_of(exprs: &[Expr]) -> Option<(Expr, ops::Mask)> {
    let mut seen = HashSet::new();
    let mut stack: Vec<Expr> = exprs.to_vec();
    while let Some(node) = stack.pop() {
        if !node.is_counted() || !seen.insert(node.id) {
            continue;
        }
        match &node.op {
            // what it selects from may wait for a length itself
            Op::Mask(mask) => {
                return selection_of(&waiting(&[mask.mask.clone(), mask.arg.clone()])).or_else(|| Some((node.clone(), mask.clone())));
            }
            _ => stack.extend(node.op.args().into_iter().cloned()),
        }
    }
    None
}

/// What a procedure does and takes: for people.
fn told(procedure: &dyn Procedure, most: Bound) -> String {
    let kept = match most.kept_bytes {
        0 => String::new(),
        bytes => format!(", {} of blocks in between", Bytes(bytes)),
    };
    format!("{}: at most {} read{}{kept}", procedure.describe(), most.reads, if most.reads == 1 { "" } else { "s" })
}
