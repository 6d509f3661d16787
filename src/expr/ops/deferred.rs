//! What waits for a length.

use crate::error::Result;
use crate::expr::infer::auto_chunks;
use crate::expr::record::not_data;
use crate::expr::{Count, Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Builds an expression of arguments whose lengths are all known.
pub trait Build: Send + Sync {
    /// The expression. It has the dtype and as many axes as was said when it was deferred.
    ///
    /// # Errors
    /// What does not fit, now that the lengths are known.
    fn build(&self, args: &[Expr]) -> Result<Expr>;
}

impl<F: Fn(&[Expr]) -> Result<Expr> + Send + Sync> Build for F {
    fn build(&self, args: &[Expr]) -> Result<Expr> {
        self(args)
    }
}

/// An operation as the user wrote it, whose parameters follow from lengths that are not known yet: `x[mask][::2]`.
/// When they are, what [`Build`] gives stands in its place; it is never lowered itself.
#[derive(Clone)]
pub struct Deferred {
    /// NumPy's name of it.
    pub name: String,
    /// The arrays that it is of.
    pub args: Vec<Expr>,
    /// Makes it.
    pub build: Arc<dyn Build>,
    /// Its lengths, bounds where they are counted.
    pub shape: Vec<u64>,
    /// As of a node.
    pub counted: Vec<Option<Arc<Count>>>,
    /// Its dtype.
    pub dtype: DType,
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.args)
    }
}

not_data!(Deferred, "it waits for the length of a selection; compute or store the selection first");

impl Operation for Deferred {
    fn name(&self) -> &str {
        &self.name
    }

    fn args(&self) -> Vec<&Expr> {
        self.args.iter().collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let chunks = auto_chunks(&self.shape);
        Ok(Inferred { counted: self.counted.clone(), ..Inferred::known(self.shape.clone(), self.dtype, chunks) })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Deferred(other) if std::ptr::addr_eq(Arc::as_ptr(&self.build), Arc::as_ptr(&other.build)))
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        true
    }

    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        true
    }

    // a length that is an argument's stays that
    fn refit(&mut self, before: &[Expr]) {
        for axis in 0..self.counted.len() {
            let Some(count) = self.counted[axis].clone() else { continue };
            let of_arg = before.iter().zip(&self.args).find_map(|(before, arg)| {
                let is_it = |of: &Option<Arc<Count>>| of.as_ref().is_some_and(|of| Arc::ptr_eq(of, &count));
                let at = before.counted.iter().position(is_it)?;
                Some((arg.shape[at], arg.counted.get(at).cloned().flatten()))
            });
            if let Some((len, count)) = of_arg {
                (self.shape[axis], self.counted[axis]) = (len, count);
            }
        }
    }

    // what is built has chunks that follow from those of the arguments
    fn needs_chunks(&self) -> bool {
        true
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
