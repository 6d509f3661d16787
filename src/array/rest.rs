//! What is left of an array that was being stored → the same writer.

use super::Index;
use super::indexing::indexed;
use crate::error::Result;
use crate::expr::Expr;
use crate::grid::{Marks, Region, Span};
use crate::runtime::Runtime;
use crate::store::Writer;
use flagstone_kernels::view::View;
use std::sync::Arc;

/// The rest is computed in so many boxes at most.
const BOXES_MAX: usize = 64;

/// Stores what of `expr` is not `finished` yet.
pub(super) fn store(runtime: &Runtime, expr: &Expr, writer: Box<dyn Writer>, finished: Marks) -> Result<()> {
    let writer: Arc<dyn Writer> = Arc::from(writer);
    let mut parts: Vec<(Expr, Box<dyn Writer>)> = Vec::new();
    // The marks, and their copy in which boxes are found, count until the boxes are known.
    let held = runtime.hold("store", 2 * finished.bytes(), "; what is known of an array that is gone on with takes it")?;
    let boxes = finished.unmarked_boxes(BOXES_MAX);
    drop((finished, held));
    for (first, lens) in boxes {
        let ends = first.iter().zip(&lens).zip(writer.granule()).zip(&expr.shape);
        let spans: Vec<(u64, u64)> = ends.map(|(((at, n), granule), &len)| (at * granule, ((at + n) * granule).min(len))).collect();
        let index: Vec<Index> = spans.iter().map(|&(from, to)| Index::Slice(Some(from as i64), Some(to as i64), None)).collect();
        let part = Part { whole: writer.clone(), start: spans.iter().map(|span| span.0).collect() };
        parts.push((indexed(expr, &index)?, Box::new(part)));
    }
    if !parts.is_empty() {
        runtime.store_exprs(parts)?;
    }
    writer.commit()
}

/// A box of an array that is being written, which starts at a granule.
struct Part {
    whole: Arc<dyn Writer>,
    start: Vec<u64>,
}

impl Writer for Part {
    fn granule(&self) -> &[u64] {
        self.whole.granule()
    }
    fn run_bytes(&self) -> u64 {
        self.whole.run_bytes()
    }
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        self.whole.scratch_bytes(shape)
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let moved = region.0.iter().zip(&self.start).map(|(span, start)| Span { start: span.start + start, ..*span });
        self.whole.write(&Region(moved.collect()), data, scratch)
    }
    /// The whole is committed when all its boxes are there.
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}
