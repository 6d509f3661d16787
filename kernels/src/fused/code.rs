//! Program → loops and scratch offsets. Registers of steps share buffers once nothing reads them any more.

use super::masked::Mask;
use super::pack::panel_bytes;
use crate::dtype::DType;
use crate::elementwise::{self, TileFn};
use crate::op::BinaryOp;
use crate::program::{Leaf, Program, Reg, StepOp};
use crate::reduce::{Reducer, Reduction, TILE};

/// Kept elements whose lanes are fed together where an operand is transposed.
pub(super) const TOGETHER: usize = 16;
/// A step with its loop.
#[derive(Debug)]
pub(super) struct CodeStep {
    pub run: TileFn,
    pub args: [Reg; 3],
    /// Offset of the result in the scratch.
    pub buffer: usize,
    /// The output that it may be written to instead.
    pub output: Option<usize>,
}

/// A leaf's room in the scratch.
#[derive(Debug)]
pub(super) struct LeafBuffer {
    /// Offset of a tile.
    pub tile: usize,
    /// Offset of a panel of packed rows, for inputs.
    pub panel: usize,
}

/// A reduction with its loops.
pub(super) struct CodeReduction {
    pub loops: Reducer,
    /// Bytes of a value.
    pub size: usize,
    pub lanes: usize,
    pub lane_stride: usize,
    pub block: usize,
}

impl std::fmt::Debug for CodeReduction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lanes at {}, block at {}", self.lanes, self.block)
    }
}

/// What a run needs to know.
#[derive(Debug)]
pub(super) struct Code {
    pub steps: Vec<CodeStep>,
    pub buffers: Vec<LeafBuffer>,
    pub reductions: Vec<CodeReduction>,
    pub registers: usize,
    pub scratch_bytes: usize,
}

/// Gives out scratch, 64-byte aligned.
#[derive(Default)]
struct ScratchLayout {
    end: usize,
    /// Free tile buffers as (offset, bytes).
    free: Vec<(usize, usize)>,
}

impl ScratchLayout {
    fn take(&mut self, bytes: usize) -> usize {
        let at = self.end;
        self.end += bytes.next_multiple_of(64);
        at
    }

    fn tile(&mut self, size: usize) -> (usize, usize) {
        match self.free.iter().position(|&(_, bytes)| bytes == size * TILE) {
            Some(i) => self.free.swap_remove(i),
            None => (self.take(size * TILE), size * TILE),
        }
    }
}

impl Code {
    pub(super) fn new(program: &Program, outputs: &[Reg], reductions: &[(Reg, Reduction)], masks: &[Option<Mask>]) -> Code {
        let leaves = program.leaves.len();
        let registers = leaves + program.steps.len();
        let mut layout = ScratchLayout::default();
        let buffers = program.leaves.iter().map(|leaf| LeafBuffer {
            tile: layout.take(leaf_size(leaf) * TILE),
            panel: if matches!(leaf, Leaf::Input { .. }) { layout.take(panel_bytes(leaf_size(leaf))) } else { 0 },
        });
        let buffers = buffers.collect();

        // the last step that reads each register; outputs, reductions and masks are read after all steps
        let mut last_use: Vec<usize> = (0..registers).map(|reg| reg.saturating_sub(leaves)).collect();
        for (k, step) in program.steps.iter().enumerate() {
            for &arg in used_args(step.op, &step.args) {
                assert!((arg as usize) < leaves + k, "fused: step {k} reads register {arg}, which is not before it");
                last_use[arg as usize] = k;
            }
        }
        for &reg in outputs.iter().chain(reductions.iter().map(|(reg, _)| reg)).chain(masks.iter().flatten().map(|mask| &mask.reg)) {
            last_use[reg as usize] = usize::MAX;
        }

        let mut held: Vec<Option<(usize, usize)>> = vec![None; registers];
        let mut steps = Vec::new();
        for (k, step) in program.steps.iter().enumerate() {
            let reg = leaves + k;
            let buffer = layout.tile(step.dtype.size());
            held[reg] = Some(buffer);
            steps.push(CodeStep {
                run: loop_of(program, k),
                args: clip(step.op, step.args),
                buffer: buffer.0,
                output: outputs.iter().position(|&o| o as usize == reg),
            });
            for earlier in leaves..=reg {
                if last_use[earlier] <= k
                    && let Some(buffer) = held[earlier].take()
                {
                    layout.free.push(buffer);
                }
            }
        }

        let reductions = reductions.iter().map(|(reg, reduction)| {
            let loops = reduction.reducer();
            let lane_stride = loops.lane_bytes.next_multiple_of(64);
            let lanes = layout.take(lane_stride * TOGETHER);
            CodeReduction { loops, size: program.dtype(*reg).size(), lanes, lane_stride, block: layout.take(loops.block_bytes) }
        });
        let reductions = reductions.collect();
        Code { steps, buffers, reductions, registers, scratch_bytes: layout.end }
    }
}

/// The leaves that are generated or read, for those who lay out buffers.
fn leaf_size(leaf: &Leaf) -> usize {
    match leaf {
        Leaf::Input { dtype, .. } | Leaf::Constant { dtype, .. } => dtype.size(),
        Leaf::Generate { generator, .. } => generator.dtype().size(),
    }
}

fn used_args(op: StepOp, args: &[Reg; 3]) -> &[Reg] {
    match op {
        StepOp::Unary(_) | StepOp::Cast => &args[..1],
        StepOp::Binary(_) => &args[..2],
        StepOp::Where => args,
    }
}

/// Arguments that are not used repeat the first, so that each names a filled register.
fn clip(op: StepOp, args: [Reg; 3]) -> [Reg; 3] {
    let used = used_args(op, &args).len();
    [args[0], args[if used > 1 { 1 } else { 0 }], args[if used > 2 { 2 } else { 0 }]]
}

/// The loop of step `k`.
///
/// # Panics
/// If there is none for its dtypes.
fn loop_of(program: &Program, k: usize) -> TileFn {
    let step = &program.steps[k];
    let dtype = |i: usize| program.dtype(step.args[i]);
    match step.op {
        StepOp::Unary(op) => {
            assert_eq!(op.types(dtype(0)).map(|t| t.out), Some(step.dtype), "fused: {} of {}", op.name(), dtype(0));
            elementwise::unary(op, dtype(0)).unwrap_or_else(|| panic!("fused: {} has no loop for {}", op.name(), dtype(0)))
        }
        StepOp::Binary(op) => {
            assert_eq!(dtype(0), dtype(1), "fused: the arguments of {}", op.name());
            assert_eq!(op.types(dtype(0)).map(|t| t.out), Some(step.dtype), "fused: {} of {}", op.name(), dtype(0));
            if op == BinaryOp::Divide
                && dtype(1) == DType::F64
                && matches!(program.leaves.get(step.args[1] as usize), Some(Leaf::Constant { .. }))
            {
                return elementwise::divide_by_constant;
            }
            elementwise::binary(op, dtype(0)).unwrap_or_else(|| panic!("fused: {} has no loop for {}", op.name(), dtype(0)))
        }
        StepOp::Where => {
            let given = (dtype(0), dtype(1), dtype(2));
            assert_eq!(given, (DType::Bool, step.dtype, step.dtype), "fused: the arguments of where");
            elementwise::select(step.dtype)
        }
        StepOp::Cast => elementwise::cast(dtype(0), step.dtype),
    }
}
