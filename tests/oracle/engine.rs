//! A recipe → Flagstone arrays.

use super::recipe::{Bin, Item, Op, Recipe, Red, Un, Weak};
use flagstone::array::{Index, Operand, concatenate, where_};
use flagstone::{Array, Axes, Result, Runtime, axis};

/// The arrays of the results of `recipe`, built anew; what it persists, `runtime` does.
pub fn build(recipe: &Recipe, sources: &[Array], runtime: &Runtime) -> Result<Vec<Array>> {
    let mut made: Vec<Array> = Vec::with_capacity(recipe.ops.len());
    for op in &recipe.ops {
        let array = one(op, &made, sources, runtime)?;
        made.push(array);
    }
    Ok(recipe.results.iter().map(|&v| made[v].clone()).collect())
}

fn one(op: &Op, made: &[Array], sources: &[Array], runtime: &Runtime) -> Result<Array> {
    Ok(match op {
        Op::Source(i) => sources[*i].clone(),
        Op::Unary(op, x) => {
            let x = &made[*x];
            match op {
                Un::Neg => -x,
                Un::Abs => x.abs(),
                Un::Square => x.square(),
                Un::Sqrt => x.sqrt(),
                Un::Exp => x.exp(),
                Un::Sin => x.sin(),
                Un::Floor => x.floor(),
                Un::IsNan => x.isnan(),
                Un::Not => !x,
            }
        }
        Op::Binary(op, a, b) => binary(*op, &made[*a], (&made[*b]).into()),
        Op::Scalar(op, x, Weak::Int(i)) => binary(*op, &made[*x], (*i).into()),
        Op::Scalar(op, x, Weak::Float(f)) => binary(*op, &made[*x], (*f).into()),
        Op::Where(c, a, b) => where_(&made[*c], &made[*a], &made[*b]),
        Op::Cast(dtype, x) => made[*x].astype(*dtype),
        Op::Reduce { op, x, axes, keepdims, ddof } => {
            let mut options: Axes = match axes {
                None => axis(..),
                Some(axes) => axis(axes.clone()),
            };
            if *keepdims {
                options = options.keepdims();
            }
            if matches!(op, Red::Var | Red::Std) {
                options = options.ddof(*ddof);
            }
            reduce(*op, &made[*x], options)
        }
        Op::Index(x, items) => made[*x].index(items.iter().map(item).collect::<Vec<Index>>()),
        Op::Transpose(x, order) => made[*x].transpose(order.clone()),
        Op::Flip(x, axes) => made[*x].flip(axes.clone()),
        Op::Concatenate(parts, axis) => concatenate(&parts.iter().map(|&v| made[v].clone()).collect::<Vec<_>>(), *axis as i64),
        Op::Matmul(a, b) => made[*a].matmul(&made[*b]),
        Op::Mask(x, mask) => made[*x].index([Index::Mask(made[*mask].clone())]),
        Op::Median(x) => made[*x].median(..),
        Op::Rechunk(x, sizes) => made[*x].rechunk(sizes.clone()),
        Op::Persist(x) => runtime.persist(&made[*x])?,
    })
}

fn binary(op: Bin, a: &Array, b: Operand) -> Array {
    match op {
        Bin::Add => a + b,
        Bin::Sub => a - b,
        Bin::Mul => a * b,
        Bin::Div => a / b,
        Bin::Maximum => a.maximum(b),
        Bin::Minimum => a.minimum(b),
        Bin::Lt => a.lt(b),
        Bin::Ge => a.ge(b),
        Bin::Eq => a.eq(b),
        Bin::Ne => a.ne(b),
        Bin::And => a & b,
        Bin::Or => a | b,
    }
}

fn reduce(op: Red, x: &Array, axes: Axes) -> Array {
    match op {
        Red::Sum => x.sum(axes),
        Red::Prod => x.prod(axes),
        Red::Mean => x.mean(axes),
        Red::Var => x.var(axes),
        Red::Std => x.std(axes),
        Red::Min => x.min(axes),
        Red::Max => x.max(axes),
        Red::Any => x.any(axes),
        Red::All => x.all(axes),
        Red::Argmin => x.argmin(axes),
        Red::Argmax => x.argmax(axes),
        Red::CountNonzero => x.count_nonzero(axes),
        Red::NanSum => x.nansum(axes),
        Red::NanMean => x.nanmean(axes),
        Red::NanMin => x.nanmin(axes),
        Red::NanMax => x.nanmax(axes),
    }
}

fn item(item: &Item) -> Index {
    match item {
        Item::Int(at) => Index::Int(*at),
        Item::Slice(start, stop, step) => Index::Slice(*start, *stop, *step),
        Item::New => Index::NewAxis,
        Item::List(list) => Index::List(list.clone()),
    }
}
