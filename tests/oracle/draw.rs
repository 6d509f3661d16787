//! Numbers → recipes. Every list of numbers is a recipe that means something, so that shrinking a list
//! shrinks its recipe.

use super::naive;
use super::recipe::{Bin, Item, Kind, Op, Recipe, Red, Source, Style, Un, V, Weak};
use super::sources;
use super::tensor::Tensor;
use flagstone::DType;

/// A recipe, and what its operations give by the oracle.
pub struct Drawn {
    pub recipe: Recipe,
    pub sources: sources::Opened,
    pub values: Vec<Tensor>,
    /// Values whose length is counted: they combine with scalars only.
    counted: Vec<bool>,
    elements_max: usize,
}

struct Dice<'a> {
    rolls: std::slice::Iter<'a, u32>,
}

impl Dice<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.rolls.next().map_or(0, |&roll| roll as usize % n.max(1))
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
    fn chance(&mut self, out_of: usize) -> bool {
        self.below(out_of) == out_of - 1
    }
}

/// More chunks than this are not drawn: each is a file.
const CHUNKS_MAX: usize = 48;

fn source(dice: &mut Dice<'_>, large: bool) -> Source {
    let kind = dice.one(&[Kind::Memory, Kind::Zarr, Kind::Hdf5Chunked, Kind::Hdf5, Kind::Npy, Kind::Arange, Kind::Random]);
    let dtype = match kind {
        Kind::Arange => dice.one(&[DType::I64, DType::F64]),
        Kind::Random => dice.one(&[DType::F64, DType::F32]),
        _ => dice.one(&[DType::F64, DType::F32, DType::I32, DType::U8, DType::Bool, DType::C128]),
    };
    let ndim = dice.one(&[2, 2, 1, 3, 0, 2]);
    let shape: Vec<usize> = if large {
        match ndim {
            0 | 1 => vec![70_000 + dice.below(60_000)],
            2 if dice.chance(3) => {
                let n = 260 + dice.below(90);
                vec![n, n]
            }
            2 => vec![200 + dice.below(300), 150 + dice.below(200)],
            _ => vec![20 + dice.below(20), 60 + dice.below(20), 40 + dice.below(30)],
        }
    } else {
        let lengths = [5, 8, 13, 1, 21, 2, 40, 0, 33];
        let square = dice.chance(3).then(|| dice.one(&lengths));
        (0..ndim).map(|_| square.unwrap_or_else(|| dice.one(&lengths))).map(|n| if ndim == 3 { n.min(13) } else { n }).collect()
    };
    let mut chunks: Vec<usize> = shape.iter().map(|&n| 1 + dice.below(n.max(1))).collect();
    while shape.iter().zip(&chunks).map(|(&n, &c)| n.div_ceil(c)).product::<usize>() > CHUNKS_MAX {
        let (axis, _) = shape.iter().zip(&chunks).enumerate().max_by_key(|(_, (n, c))| *n / *c).expect("an axis");
        chunks[axis] = chunks[axis].saturating_mul(2).min(shape[axis]);
    }
    let style = dice.one(&[Style::Wild, Style::Whole, Style::Wild, Style::Nan]);
    Source { kind, dtype, shape, chunks, style, seed: dice.below(1 << 16) as u64 }
}

fn is_float(x: &Tensor) -> bool {
    matches!(x.dtype, DType::F32 | DType::F64)
}

impl Drawn {
    /// The recipe that `rolls` stand for; its sources are written below `directory`.
    pub fn new(rolls: &[u32], directory: &std::path::Path) -> Drawn {
        let dice = &mut Dice { rolls: rolls.iter() };
        let large = dice.chance(16);
        let count = 1 + dice.below(2);
        let all: Vec<Source> = (0..count).map(|_| source(dice, large)).collect();
        let recipe = Recipe { sources: all, ..Recipe::default() };
        let sources = sources::open(&recipe.sources, directory);
        let elements_max = if large { 300_000 } else { 10_000 };
        let mut drawn = Drawn { recipe, sources, values: vec![], counted: vec![], elements_max };
        for i in 0..count {
            drawn.push(Op::Source(i), false);
        }
        let steps = 1 + dice.below(6);
        for _ in 0..steps {
            drawn.step(dice);
        }
        let last = drawn.values.len() - 1;
        drawn.recipe.results = vec![last];
        if dice.chance(3) {
            drawn.recipe.results.push(dice.below(last + 1));
        }
        drawn
    }

    fn push(&mut self, op: Op, counted: bool) -> V {
        let value = naive::apply(&op, &self.values, &self.sources.tensors);
        self.values.push(value);
        self.counted.push(counted);
        self.recipe.ops.push(op);
        self.values.len() - 1
    }

    /// One operation, or a few that belong together; nothing, where what was rolled does not fit.
    fn step(&mut self, dice: &mut Dice<'_>) {
        // late values more often than early ones
        let n = self.values.len();
        let x = n - 1 - dice.below(n).min(dice.below(n));
        let counted = self.counted[x];
        let (shape, dtype, exact) = (self.values[x].shape().to_vec(), self.values[x].dtype, self.values[x].exact);
        let ndim = shape.len();
        match dice.below(18) {
            0 | 1 => self.unary(dice, x),
            2 => self.scalar(dice, x),
            3 | 4 if !counted => self.binary(dice, x),
            5..=7 => self.reduce(dice, x),
            8 if !counted && ndim > 0 => {
                // centred: the mean broadcast back
                let axes = vec![dice.below(ndim)];
                let op = dice.one(&[Red::Mean, Red::Max, Red::Sum]);
                if let Some(reduced) = self.try_reduce(op, x, Some(axes), true, 0)
                    && dtype != DType::Bool
                    && self.values[reduced].dtype != DType::Bool
                {
                    self.push(Op::Binary(Bin::Sub, x, reduced), false);
                }
            }
            9 | 10 if !counted => {
                let items = self.items(dice, &shape);
                self.push(Op::Index(x, items), false);
            }
            11 if !counted && ndim > 1 => {
                let mut order: Vec<usize> = (0..ndim).collect();
                order.rotate_left(1 + dice.below(ndim - 1));
                let t = self.push(Op::Transpose(x, order), false);
                if shape.iter().all(|&n| n == shape[0]) && dice.below(2) == 0 {
                    self.push(Op::Binary(Bin::Add, x, t), false);
                }
            }
            12 if !counted && ndim > 0 => {
                self.push(Op::Flip(x, vec![dice.below(ndim)]), false);
            }
            13 if !counted && ndim > 0 => {
                let axis = dice.below(ndim);
                let fits = |v: &V| {
                    let other = self.values[*v].shape();
                    !self.counted[*v] && other.len() == ndim && (0..ndim).all(|a| a == axis || other[a] == shape[a])
                };
                let candidates: Vec<V> = (0..n).filter(fits).collect();
                let parts: Vec<V> = (0..2 + dice.below(2)).map(|_| dice.one(&candidates)).collect();
                if parts.iter().map(|&v| self.values[v].len()).sum::<usize>() <= self.elements_max {
                    self.push(Op::Concatenate(parts, axis), false);
                }
            }
            14 if !counted && (ndim == 1 || ndim == 2) => self.matmul(dice, x),
            15 if !counted && ndim > 0 && exact && !self.counted[x] => self.mask(dice, x),
            16 if !counted => {
                if ndim > 0 && dice.below(2) == 0 {
                    let sizes = shape.iter().map(|&n| 1 + dice.below(n.max(1))).collect();
                    self.push(Op::Rechunk(x, sizes), false);
                } else {
                    self.push(Op::Persist(x), false);
                }
            }
            17 if exact && dtype != DType::C128 && (!counted || super::MASKED_REDUCTIONS) => {
                self.push(Op::Median(x), false);
            }
            _ => self.unary(dice, x),
        }
    }

    fn unary(&mut self, dice: &mut Dice<'_>, x: V) {
        let value = &self.values[x];
        let (float, exact, dtype) = (is_float(value), value.exact, value.dtype);
        let op = match dice.below(10) {
            0 => {
                let to = dice.one(&[DType::F64, DType::F32, DType::I32, DType::U8, DType::Bool, DType::I64]);
                let to_float = matches!(to, DType::F32 | DType::F64);
                let limit = match to {
                    DType::U8 => 0.0..=255.0,
                    _ => -2e9..=2e9,
                };
                let whole_fits = |v: f64| limit.contains(&v.trunc());
                let allowed = dtype != DType::C128 && (to_float || (exact && (!float || value.values.iter().all(|v| whole_fits(v.f())))));
                if allowed {
                    self.push(Op::Cast(to, x), self.counted[x]);
                }
                return;
            }
            1 if float && exact => Un::Sqrt,
            2 if float && exact => Un::Exp,
            3 if float && exact => Un::Sin,
            4 if float && exact => Un::Floor,
            5 if float && exact => Un::IsNan,
            6 if dtype == DType::Bool => Un::Not,
            7 if exact && dtype != DType::Bool => Un::Square,
            8 => Un::Abs,
            _ if dtype == DType::Bool => Un::Not,
            _ => Un::Neg,
        };
        self.push(Op::Unary(op, x), self.counted[x]);
    }

    fn scalar(&mut self, dice: &mut Dice<'_>, x: V) {
        let (dtype, exact) = (self.values[x].dtype, self.values[x].exact);
        let weak = if dice.below(2) == 0 { Weak::Int(dice.below(4) as i64) } else { Weak::Float(dice.below(9) as f64 / 2.0 - 1.0) };
        let op = dice.one(&[Bin::Mul, Bin::Add, Bin::Sub, Bin::Lt, Bin::Ge, Bin::Maximum, Bin::Div, Bin::Eq]);
        let complex = dtype == DType::C128;
        let ordered = matches!(op, Bin::Lt | Bin::Ge | Bin::Maximum);
        let decides = ordered || op == Bin::Eq || op == Bin::Div;
        if (complex && (ordered || op == Bin::Div)) || (decides && !exact) {
            self.push(Op::Scalar(Bin::Add, x, weak), self.counted[x]);
        } else {
            self.push(Op::Scalar(op, x, weak), self.counted[x]);
        }
    }

    /// Another value that broadcasts with `x`.
    fn partner(&mut self, dice: &mut Dice<'_>, x: V) -> V {
        let shape = self.values[x].shape();
        let fits = |v: &V| {
            let joined = naive::broadcast(self.values[*v].shape(), shape);
            !self.counted[*v] && joined.is_some_and(|shape| shape.iter().product::<usize>() <= self.elements_max)
        };
        let candidates: Vec<V> = (0..self.values.len()).filter(fits).collect();
        if candidates.is_empty() { x } else { dice.one(&candidates) }
    }

    fn binary(&mut self, dice: &mut Dice<'_>, x: V) {
        let y = self.partner(dice, x);
        let exact = self.values[x].exact && self.values[y].exact;
        let types = [self.values[x].dtype, self.values[y].dtype];
        let complex = types.contains(&DType::C128);
        let bools = types == [DType::Bool; 2];
        let op = match dice.below(9) {
            0 if bools => Bin::And,
            1 if bools => Bin::Or,
            0 if !exact || types.contains(&DType::C128) => Bin::Add,
            0 => Bin::Div,
            1 if exact && !complex => Bin::Maximum,
            2 if exact && !complex => Bin::Minimum,
            3 if exact && !complex => Bin::Lt,
            4 if exact => Bin::Ne,
            5 if exact => {
                let z = self.partner(dice, x);
                let c = self.push(Op::Binary(Bin::Eq, x, y), false);
                let joined = naive::broadcast(self.values[c].shape(), self.values[z].shape());
                let other = if joined.is_some() { z } else { y };
                self.push(Op::Where(c, x, other), false);
                return;
            }
            6 => Bin::Mul,
            7 if !bools => Bin::Sub,
            _ => Bin::Add,
        };
        self.push(Op::Binary(op, x, y), false);
    }

    fn reduce(&mut self, dice: &mut Dice<'_>, x: V) {
        let ndim = self.values[x].shape().len();
        if self.counted[x] && !super::MASKED_REDUCTIONS {
            return self.scalar(dice, x);
        }
        let axes = match dice.below(3) {
            _ if self.counted[x] => None,
            0 => None,
            1 if ndim > 0 => Some(vec![dice.below(ndim)]),
            _ => Some((0..ndim).filter(|_| dice.below(2) == 0).collect()),
        };
        let keepdims = dice.chance(3) && !self.counted[x];
        let ops = [
            Red::Sum,
            Red::Mean,
            Red::Max,
            Red::Std,
            Red::Min,
            Red::Argmax,
            Red::Any,
            Red::All,
            Red::CountNonzero,
            Red::Var,
            Red::Prod,
            Red::Argmin,
            Red::NanSum,
            Red::NanMax,
            Red::NanMean,
            Red::NanMin,
        ];
        let op = dice.one(&ops);
        let ddof = dice.below(2) as u8;
        self.try_reduce(op, x, axes, keepdims, ddof);
    }

    fn try_reduce(&mut self, op: Red, x: V, axes: Option<Vec<usize>>, keepdims: bool, ddof: u8) -> Option<V> {
        use Red::*;
        let value = &self.values[x];
        let (shape, complex) = (value.shape().to_vec(), value.dtype == DType::C128);
        let lane: usize = (0..shape.len()).filter(|a| axes.as_ref().is_none_or(|axes| axes.contains(a))).map(|a| shape[a]).product();
        let decides = matches!(op, Argmin | Argmax | Any | All | CountNonzero | NanMin | NanMax | NanSum | NanMean);
        let selects = matches!(op, Min | Max | NanMin | NanMax | Argmin | Argmax);
        let refused = (decides && !value.exact)
            || (selects && (lane == 0 || complex))
            || (complex && matches!(op, Var | Std | Prod | NanMean | NanSum))
            || (matches!(op, Var | Std | Prod) && !value.exact)
            || (op == Prod && (value.dtype == DType::F32 || (is_float(value) && (lane > 40 || value.values.iter().any(|v| !v.f().is_finite() || v.f().abs() > 1e6)))))
            // a sum that is not finite depends on the order in which it overflowed
            || (is_float(value) && matches!(op, Sum | Mean | Var | Std | NanSum | NanMean) && value.values.iter().any(|v| v.f().abs() > 1e30 && v.f().is_finite()))
            || (matches!(op, Var | Std) && value.values.iter().any(|v| v.f().is_infinite()))
            || (matches!(op, Argmin | Argmax) && axes.as_ref().is_some_and(|axes| axes.len() != 1));
        if refused {
            return None;
        }
        let counted = self.counted[x] && axes.as_ref().is_some_and(Vec::is_empty);
        Some(self.push(Op::Reduce { op, x, axes, keepdims, ddof }, counted))
    }

    fn items(&mut self, dice: &mut Dice<'_>, shape: &[usize]) -> Vec<Item> {
        let mut items = vec![];
        let mut lists = false;
        for &n in shape {
            let len = n as i64;
            let end = |dice: &mut Dice<'_>| (dice.below(3) > 0).then(|| dice.below(2 * n + 3) as i64 - len - 1);
            let item = match dice.below(7) {
                0 if n > 0 && !lists => Item::Int(dice.below(2 * n) as i64 - len),
                1 if n > 0 && items.is_empty() => {
                    lists = true;
                    Item::List((0..1 + dice.below(4)).map(|_| dice.below(2 * n) as i64 - len).collect())
                }
                2 => {
                    items.push(Item::New);
                    Item::Slice(end(dice), end(dice), None)
                }
                3 => Item::Slice(end(dice), end(dice), Some(-1 - dice.below(3) as i64)),
                4 => Item::Slice(None, None, Some(-1)),
                5 => Item::Slice(end(dice), None, Some(1 + dice.below(3) as i64)),
                _ => Item::Slice(end(dice), end(dice), Some(1 + dice.below(2) as i64)),
            };
            items.push(item);
        }
        if dice.chance(4) {
            items.pop();
        }
        items
    }

    fn matmul(&mut self, dice: &mut Dice<'_>, x: V) {
        let shape = self.values[x].shape().to_vec();
        let k = *shape.last().expect("not a scalar");
        let fits = |v: &V| {
            let other = &self.values[*v];
            let work = shape.iter().product::<usize>() * other.shape().get(1).copied().unwrap_or(1);
            !self.counted[*v]
                && matches!(other.shape().len(), 1 | 2)
                && other.shape()[0] == k
                && work <= 3_000_000
                && other.dtype != DType::Bool
        };
        if self.values[x].dtype == DType::Bool {
            return;
        }
        let transposed = shape.len() == 2 && shape.iter().product::<usize>() * shape[0] <= 3_000_000 && dice.below(2) == 0;
        let y = if transposed {
            self.push(Op::Transpose(x, vec![1, 0]), false)
        } else {
            let candidates: Vec<V> = (0..self.values.len()).filter(fits).collect();
            if candidates.is_empty() {
                return;
            }
            dice.one(&candidates)
        };
        let big = |x: &Tensor| x.values.iter().any(|v| v.size() > 1e15);
        if !big(&self.values[x]) && !big(&self.values[y]) {
            self.push(Op::Matmul(x, y), false);
        }
    }

    fn mask(&mut self, dice: &mut Dice<'_>, x: V) {
        let weak = Weak::Float(dice.below(7) as f64 / 2.0);
        let value = &self.values[x];
        let op = if value.dtype == DType::C128 { Bin::Ne } else { dice.one(&[Bin::Ge, Bin::Lt]) };
        let mask = self.push(Op::Scalar(op, x, weak), false);
        self.push(Op::Mask(x, mask), true);
    }
}
