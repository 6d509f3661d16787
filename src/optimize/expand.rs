//! Expr → Expr. A reduction of `x[mask]` never counts: it becomes a reduction of `x` under a mask.
//!
//! Elementwise operations on arrays that one mask selects commute with the mask, so `(f(x[m], y[m]))` is
//! `f(x, y)[m]`. The new reduction is cut into cells of the whole array, which are known before anything is
//! read. A mask that selects nothing is seen only at run time: min and max over it are errors there.

use crate::error::Result;
use crate::expr::{Affine, Expr, Follow, Node, Op, ops, postorder, rebuild};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::BinaryOp;
use flagstone_kernels::program::StepOp;
use std::collections::HashMap;

/// What an array is, in terms of arrays that need no count.
enum Form {
    /// `value[mask]`.
    Masked { value: Expr, mask: Expr },
    /// One element everywhere: this 0-d array.
    Uniform(Expr),
}

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    if !postorder(roots).iter().any(|node| matches!(node.op, Op::Mask(_))) {
        return Ok(roots.to_vec());
    }
    let mut forms = HashMap::new();
    rebuild(roots, |node| {
        let node = match under_mask(node, &forms)? {
            Some(op) => in_place(node, op)?,
            None => node.clone(),
        };
        if let Some(form) = form(&node, &forms)? {
            forms.insert(node.id, form);
        }
        Ok(node)
    })
}

fn form(node: &Expr, forms: &HashMap<u64, Form>) -> Result<Option<Form>> {
    let copy = |form: &Form| match form {
        Form::Masked { value, mask } => Form::Masked { value: value.clone(), mask: mask.clone() },
        Form::Uniform(one) => Form::Uniform(one.clone()),
    };
    Ok(match &node.op {
        Op::Mask(ops::Mask { arg, mask, .. }) => Some(Form::Masked { value: arg.clone(), mask: mask.clone() }),
        Op::Full(ops::Full { value, dtype, .. }) => {
            let chunks = ChunkGrid { axes: vec![] };
            Some(Form::Uniform(Node::new(Op::Full(ops::Full { value: *value, dtype: *dtype, shape: vec![], chunks }))?))
        }
        Op::Spread(ops::Spread { arg, .. }) if arg.elements() == 1 && !arg.is_counted() => {
            let start = Follow { start: 0, step: 0, axis: None };
            let view = Affine::new(vec![start; arg.shape.len()], vec![]);
            Some(Form::Uniform(if arg.shape.is_empty() { arg.clone() } else { Node::new(ops::View { arg: arg.clone(), view }.into())? }))
        }
        Op::Rechunk(ops::Rechunk { arg, .. }) => forms.get(&arg.id).map(copy),
        Op::View(ops::View { arg, view }) if view.is_identity(&arg.shape) => forms.get(&arg.id).map(copy),
        Op::View(ops::View { arg, view }) => match forms.get(&arg.id) {
            Some(Form::Uniform(one)) => Some(Form::Uniform(one.clone())),
            Some(Form::Masked { .. }) => None,
            None if arg.elements() > 0 && !arg.is_counted() && view.source.iter().all(|follow| follow.axis.is_none()) => {
                let view = Affine::new(view.source.clone(), vec![]);
                Some(Form::Uniform(Node::new(Op::View(ops::View { arg: arg.clone(), view }))?))
            }
            None => None,
        },
        Op::Elementwise(ops::Elementwise { args, .. }) => {
            let args: Option<Vec<&Form>> = args.iter().map(|arg| forms.get(&arg.id)).collect();
            let Some(args) = args else { return Ok(None) };
            elementwise(&node.op, &args)?
        }
        _ => None,
    })
}

/// An operation on masked and uniform arrays, if one mask selects all that are masked.
fn elementwise(op: &Op, args: &[&Form]) -> Result<Option<Form>> {
    let first = args.iter().find_map(|form| match form {
        Form::Masked { value, mask } => Some((value.shape.clone(), mask.clone())),
        Form::Uniform(_) => None,
    });
    let Some((shape, mask)) = first else {
        let ones = args.iter().filter_map(|form| if let Form::Uniform(one) = form { Some(one.clone()) } else { None });
        return Ok(Some(Form::Uniform(Node::new(op.with_args(ones.collect()))?)));
    };
    let mut values = Vec::new();
    for form in args {
        values.push(match form {
            Form::Masked { value, mask: other } if other.id == mask.id => value.clone(),
            Form::Masked { .. } => return Ok(None),
            Form::Uniform(one) => spread(one, &shape)?,
        });
    }
    let value = Node::new(op.with_args(values))?;
    Ok(Some(Form::Masked { value, mask }))
}

/// The 0-d array `one` at every place of `shape`.
fn spread(one: &Expr, shape: &[u64]) -> Result<Expr> {
    Node::new(match &one.op {
        Op::Full(ops::Full { value, dtype, .. }) => {
            Op::Full(ops::Full { value: *value, dtype: *dtype, shape: shape.to_vec(), chunks: ChunkGrid::whole(shape) })
        }
        _ => Op::View(ops::View { arg: one.clone(), view: Affine::new(vec![], shape.to_vec()) }),
    })
}

/// A reduction of a selection as one under its mask.
fn under_mask(node: &Expr, forms: &HashMap<u64, Form>) -> Result<Option<Op>> {
    match node.op.args().as_slice() {
        // elementwise operations commute with the mask instead
        _ if !node.op.ends_loop() => Ok(None),
        [arg, also @ ..] if also.len() <= 1 => match unmasked(arg, also.first().copied(), forms)? {
            Some((values, selects)) => node.op.under_mask(&values, &selects),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The values and the mask of a masked array, with at least one axis, and `also` of the same array
/// worked into the mask.
fn unmasked(arg: &Expr, also: Option<&Expr>, forms: &HashMap<u64, Form>) -> Result<Option<(Expr, Expr)>> {
    let Some(Form::Masked { value, mask }) = forms.get(&arg.id) else { return Ok(None) };
    let selects = match also.map(|also| forms.get(&also.id)) {
        None => mask.clone(),
        Some(Some(form)) => {
            let also = match form {
                Form::Masked { value, mask: other } if other.id == mask.id => value.clone(),
                Form::Masked { .. } => return Ok(None),
                Form::Uniform(one) => spread(one, &value.shape)?,
            };
            Node::new(Op::Elementwise(ops::Elementwise {
                op: StepOp::Binary(BinaryOp::LogicalAnd),
                args: vec![mask.clone(), also],
                dtype: DType::Bool,
            }))?
        }
        Some(None) => return Ok(None),
    };
    Ok(Some(match value.shape.is_empty() {
        true => (spread(value, &[1])?, spread(&selects, &[1])?),
        false => (value.clone(), selects),
    }))
}

fn in_place(node: &Expr, op: Op) -> Result<Expr> {
    node.replaced_by(op, node.chunks.clone())
}
