//! Scan → loops. A fold's state taken from element to element, along rows that lie dense or across them; tiles of
//! both are copied into order first where they do not.

use super::Scan;
use crate::copy::copy;
use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::elementwise::order::Order;
use crate::isa::{Loop, dispatch};
use crate::op::ScanOp;
use crate::reduce::fold::Fold;
use crate::reduce::folds::{Extreme, Natural, Prod, Product, Sum, with_float};
use crate::reduce::{TILE, plane_bytes};
use crate::view::{View, ViewMut};
use crate::with_element;
use half::{bf16, f16};
use std::array::from_fn;
use std::marker::PhantomData;

/// Takes a view's elements: axis, prefix, carry, and where the results go.
type Take = fn(&View, usize, Option<&[u8]>, &mut [u8], Option<&mut ViewMut>);

/// The loops of one scan.
pub(super) struct Loops {
    /// Parts of a state.
    pub words: usize,
    /// Bytes of one.
    pub word_bytes: usize,
    pub empty: fn(kept: usize, carry: &mut [u8]),
    pub join: fn(kept: usize, left: &mut [u8], right: &[u8]),
    pub take: Take,
}

/// A sum that starts at nothing, not at 0.0, and adds 0 for NaN it passes over.
struct Running<S, const SKIP: bool>(PhantomData<S>);

impl<const N: usize, S: Sum<N>, const SKIP: bool> Fold<N> for Running<S, SKIP> {
    type In = S::In;
    type Word = S::Word;
    type Out = S::Total;
    const HOT: bool = S::HOT;
    #[inline(always)]
    fn init() -> [S::Word; N] {
        S::nothing()
    }
    #[inline(always)]
    fn step(state: [S::Word; N], x: S::In) -> [S::Word; N] {
        S::add(state, if SKIP && x.nan() { S::In::default() } else { x })
    }
    #[inline(always)]
    fn join(l: [S::Word; N], r: [S::Word; N]) -> [S::Word; N] {
        S::join(l, r)
    }
    #[inline(always)]
    fn finish(state: [S::Word; N], _: u64) -> S::Total {
        S::total(state)
    }
}

/// A product of complex numbers that starts at nothing: 1 · (∞ + 0i) is ∞ + NaN i. The second word is 1 where there is a product.
struct RunningProduct<T, const SKIP: bool>(PhantomData<T>);

impl<T: Product<Word = T, Out = T>, const SKIP: bool> Fold<2> for RunningProduct<T, SKIP> {
    type In = T;
    type Word = T;
    type Out = T;
    const HOT: bool = false;
    #[inline(always)]
    fn init() -> [T; 2] {
        [T::ONE, T::default()]
    }
    #[inline(always)]
    fn step([product, some]: [T; 2], x: T) -> [T; 2] {
        let x = if SKIP && x.nan() { T::ONE } else { x };
        [if some.truthy() { T::mul(product, x) } else { x }, T::ONE]
    }
    #[inline(always)]
    fn join(l: [T; 2], r: [T; 2]) -> [T; 2] {
        if r[1].truthy() { Self::step(l, r[0]) } else { l }
    }
    #[inline(always)]
    fn finish([product, _]: [T; 2], _: u64) -> T {
        product
    }
}

/// The words of elements `at..at + n`, one slice a plane.
fn planes<W: bytemuck::Pod, const N: usize>(carry: &[u8], kept: usize, at: usize, n: usize) -> [&[W]; N] {
    let bytes = plane_bytes(kept, size_of::<W>());
    from_fn(|k| &bytemuck::cast_slice(&carry[k * bytes..][..kept * size_of::<W>()])[at..at + n])
}

fn planes_mut<W: bytemuck::Pod, const N: usize>(carry: &mut [u8], kept: usize, at: usize, n: usize) -> [&mut [W]; N] {
    let mut planes = carry.chunks_exact_mut(plane_bytes(kept, size_of::<W>()));
    from_fn(|_| {
        let plane = planes.next().expect("the carry was checked to have its planes");
        &mut bytemuck::cast_slice_mut(&mut plane[..kept * size_of::<W>()])[at..at + n]
    })
}

fn empty<F: Fold<N>, const N: usize>(kept: usize, carry: &mut [u8]) {
    if kept > 0 {
        for (plane, word) in planes_mut::<F::Word, N>(carry, kept, 0, kept).into_iter().zip(F::init()) {
            plane.fill(word);
        }
    }
}

fn join<F: Fold<N>, const N: usize>(kept: usize, left: &mut [u8], right: &[u8]) {
    if kept > 0 {
        let (mut left, right) = (planes_mut::<F::Word, N>(left, kept, 0, kept), planes::<F::Word, N>(right, kept, 0, kept));
        for at in 0..kept {
            let joined = F::join(from_fn(|k| left[k][at]), from_fn(|k| right[k][at]));
            (0..N).for_each(|k| left[k][at] = joined[k]);
        }
    }
}

/// What stands at an element.
#[inline(always)]
fn result<F: Fold<N>, const N: usize, const PREFIX: bool>(prefix: [F::Word; N], state: [F::Word; N]) -> F::Out {
    F::finish(if PREFIX { F::join(prefix, state) } else { state }, 0)
}

/// `R` dense rows of values side by side, so that their chains of operations overlap.
struct Along<'a, F: Fold<N>, const N: usize, const R: usize, const PREFIX: bool> {
    states: &'a mut [[F::Word; N]; R],
    prefixes: [[F::Word; N]; R],
    values: [&'a [F::In]; R],
    results: Option<[&'a mut [F::Out]; R]>,
}

impl<F: Fold<N>, const N: usize, const R: usize, const PREFIX: bool> Loop for Along<'_, F, N, R, PREFIX> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let n = self.values[0].len();
        let values = self.values.map(|row| &row[..n]);
        let mut states = *self.states;
        match self.results {
            Some(results) => {
                let results = results.map(|row| &mut row[..n]);
                for i in 0..n {
                    for r in 0..R {
                        states[r] = F::step(states[r], values[r][i]);
                        results[r][i] = result::<F, N, PREFIX>(self.prefixes[r], states[r]);
                    }
                }
            }
            None => {
                for i in 0..n {
                    for r in 0..R {
                        states[r] = F::step(states[r], values[r][i]);
                    }
                }
            }
        }
        *self.states = states;
    }
}

/// Rows of values, one value for each of the states.
struct Across<'a, F: Fold<N>, const N: usize, const PREFIX: bool> {
    states: [&'a mut [F::Word]; N],
    prefixes: [&'a [F::Word]; N],
    values: &'a [F::In],
    results: Option<&'a mut [F::Out]>,
}

impl<F: Fold<N>, const N: usize, const PREFIX: bool> Loop for Across<'_, F, N, PREFIX> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let width = self.states[0].len();
        let states = self.states.map(|plane| &mut plane[..width]);
        let prefixes = self.prefixes.map(|plane| &plane[..if PREFIX { width } else { 0 }]);
        let mut results = self.results.map(|results| results.chunks_exact_mut(width));
        for row in self.values.chunks_exact(width) {
            match results.as_mut().and_then(Iterator::next) {
                Some(to) => {
                    for c in 0..width {
                        let state = F::step(from_fn(|k| states[k][c]), row[c]);
                        let prefix = if PREFIX { from_fn(|k| prefixes[k][c]) } else { state };
                        (0..N).for_each(|k| states[k][c] = state[k]);
                        to[c] = result::<F, N, PREFIX>(prefix, state);
                    }
                }
                None => {
                    for c in 0..width {
                        let state = F::step(from_fn(|k| states[k][c]), row[c]);
                        (0..N).for_each(|k| states[k][c] = state[k]);
                    }
                }
            }
        }
    }
}

/// How a tile is taken: `states` and `prefixes` are the words of its kept elements, `along` says that their values lie in
/// rows, one row each, and not side by side.
trait Way {
    fn tile<F: Fold<N>, const N: usize>(
        along: bool,
        states: [&mut [F::Word]; N],
        prefixes: Option<[&[F::Word]; N]>,
        values: &[F::In],
        results: Option<&mut [F::Out]>,
    );
}

/// Compiled for each instruction set, rows taken together: for the dtypes that most scans are of.
struct Fast;
/// One plain loop, since each loop more is compiled for every dtype.
struct Plain;

/// Rows that are taken side by side.
const TOGETHER: usize = 4;

impl Way for Fast {
    fn tile<F: Fold<N>, const N: usize>(
        along: bool,
        states: [&mut [F::Word]; N],
        prefixes: Option<[&[F::Word]; N]>,
        values: &[F::In],
        results: Option<&mut [F::Out]>,
    ) {
        match prefixes {
            Some(prefixes) => fast::<F, N, true>(along, states, prefixes, values, results),
            None => fast::<F, N, false>(along, states, [&[]; N], values, results),
        }
    }
}

impl Way for Plain {
    fn tile<F: Fold<N>, const N: usize>(
        along: bool,
        states: [&mut [F::Word]; N],
        prefixes: Option<[&[F::Word]; N]>,
        values: &[F::In],
        mut results: Option<&mut [F::Out]>,
    ) {
        let kept = states[0].len();
        let len = values.len() / kept;
        let (outer, inner) = if along { (kept, len) } else { (len, kept) };
        for i in 0..outer {
            for j in 0..inner {
                let (at, element) = (if along { i } else { j }, i * inner + j);
                let state = F::step(from_fn(|k| states[k][at]), values[element]);
                (0..N).for_each(|k| states[k][at] = state[k]);
                if let Some(results) = results.as_deref_mut() {
                    let state = prefixes.map_or(state, |prefixes| F::join(from_fn(|k| prefixes[k][at]), state));
                    results[element] = F::finish(state, 0);
                }
            }
        }
    }
}

fn fast<F: Fold<N>, const N: usize, const PREFIX: bool>(
    along: bool,
    mut states: [&mut [F::Word]; N],
    prefixes: [&[F::Word]; N],
    values: &[F::In],
    mut results: Option<&mut [F::Out]>,
) {
    let rows = states[0].len();
    if !along {
        return dispatch(Across::<F, N, PREFIX> { states, prefixes, values, results });
    }
    let len = values.len() / rows;
    let mut first = 0;
    while first < rows {
        if rows - first >= TOGETHER {
            group::<F, N, TOGETHER, PREFIX>(first, len, &mut states, prefixes, values, results.as_deref_mut());
            first += TOGETHER;
        } else {
            group::<F, N, 1, PREFIX>(first, len, &mut states, prefixes, values, results.as_deref_mut());
            first += 1;
        }
    }
}

/// Rows `first..first + R` of `len` values each.
fn group<F: Fold<N>, const N: usize, const R: usize, const PREFIX: bool>(
    first: usize,
    len: usize,
    states: &mut [&mut [F::Word]; N],
    prefixes: [&[F::Word]; N],
    values: &[F::In],
    results: Option<&mut [F::Out]>,
) {
    let mut held: [[F::Word; N]; R] = from_fn(|r| from_fn(|k| states[k][first + r]));
    dispatch(Along::<F, N, R, PREFIX> {
        states: &mut held,
        prefixes: if PREFIX { from_fn(|r| from_fn(|k| prefixes[k][first + r])) } else { [F::init(); R] },
        values: from_fn(|r| &values[(first + r) * len..][..len]),
        results: results.map(|results| {
            let mut rows = results[first * len..].chunks_exact_mut(len);
            from_fn(|_| rows.next().expect("a row of results for each of values"))
        }),
    });
    for (r, state) in held.into_iter().enumerate() {
        (0..N).for_each(|k| states[k][first + r] = state[k]);
    }
}

fn take<W: Way, F: Fold<N>, const N: usize>(x: &View, axis: usize, prefix: Option<&[u8]>, carry: &mut [u8], mut out: Option<&mut ViewMut>) {
    let shape = x.shape();
    if shape.contains(&0) {
        return;
    }
    // the axes apart from the scanned one and the last kept one, whose states lie side by side
    let last = (0..shape.len()).rev().find(|&a| a != axis);
    let outer: Vec<usize> = (0..shape.len()).filter(|&a| a != axis && Some(a) != last).collect();
    let (n, width) = (shape[axis], last.map_or(1, |a| shape[a]));
    let kept = width * outer.iter().map(|&a| shape[a]).product::<usize>();
    let along = last.is_none_or(|a| a < axis);
    let (step_n, step_width) = if along {
        let len = n.min(TILE);
        (len, (TILE / len).min(width))
    } else {
        let len = width.min(TILE);
        ((TILE / len).min(n), len)
    };
    let mut values = [F::In::default(); TILE];
    let mut results = [F::Out::default(); TILE];
    let mut start = vec![0; shape.len()];
    let mut part = vec![1; shape.len()];
    for lines in 0..kept / width {
        let mut rest = lines;
        for &a in outer.iter().rev() {
            start[a] = rest % shape[a];
            rest /= shape[a];
        }
        for at in (0..width).step_by(step_width) {
            let side = step_width.min(width - at);
            if let Some(last) = last {
                (start[last], part[last]) = (at, side);
            }
            for i in (0..n).step_by(step_n) {
                (start[axis], part[axis]) = (i, step_n.min(n - i));
                let len = side * part[axis];
                let from = x.part(&start, &part);
                let given = match from.as_slice::<F::In>() {
                    Some(given) => given,
                    None => {
                        copy(&from, &mut ViewMut::dense(bytemuck::cast_slice_mut(&mut values[..len]), F::In::DTYPE, &part));
                        &values[..len]
                    }
                };
                let first = lines * width + at;
                let states = planes_mut::<F::Word, N>(carry, kept, first, side);
                let written = out.is_some().then_some(&mut results[..len]);
                let prefixes = prefix.map(|prefix| planes(prefix, kept, first, side));
                W::tile::<F, N>(along, states, prefixes, given, written);
                if let Some(out) = out.as_deref_mut() {
                    copy(&View::dense(bytemuck::cast_slice(&results[..len]), F::Out::DTYPE, &part), &mut out.part(&start, &part));
                }
            }
        }
    }
}

fn loops<W: Way, F: Fold<N>, const N: usize>() -> Loops {
    Loops { words: N, word_bytes: size_of::<F::Word>(), empty: empty::<F, N>, join: join::<F, N>, take: take::<W, F, N> }
}

fn sum<W: Way, T: 'static, const N: usize>(skip: bool) -> Loops
where
    Natural<T>: Sum<N>,
{
    if skip { loops::<W, Running<Natural<T>, true>, N>() } else { loops::<W, Running<Natural<T>, false>, N>() }
}

fn complex_product<T: Product<Word = T, Out = T>>(skip: bool) -> Loops {
    if skip { loops::<Plain, RunningProduct<T, true>, 2>() } else { loops::<Plain, RunningProduct<T, false>, 2>() }
}

/// The loops of a scan.
pub(super) fn of(scan: &Scan) -> Loops {
    let skip = scan.skip_nan && (scan.dtype.is_float() || scan.dtype.is_complex());
    match scan.op {
        ScanOp::Sum => match scan.dtype {
            DType::F16 => sum::<Plain, f16, 1>(skip),
            DType::BF16 => sum::<Plain, bf16, 1>(skip),
            DType::F32 => sum::<Fast, f32, 1>(skip),
            DType::F64 => sum::<Fast, f64, 2>(skip),
            DType::C64 => sum::<Plain, C64, 2>(skip),
            DType::C128 => sum::<Plain, C128, 4>(skip),
            DType::Bool => loops::<Plain, Running<Natural<Bool>, false>, 1>(),
            DType::I8 => loops::<Plain, Running<Natural<i8>, false>, 1>(),
            DType::I16 => loops::<Plain, Running<Natural<i16>, false>, 1>(),
            DType::I32 => loops::<Plain, Running<Natural<i32>, false>, 1>(),
            DType::I64 => loops::<Fast, Running<Natural<i64>, false>, 1>(),
            DType::U8 => loops::<Plain, Running<Natural<u8>, false>, 1>(),
            DType::U16 => loops::<Plain, Running<Natural<u16>, false>, 1>(),
            DType::U32 => loops::<Plain, Running<Natural<u32>, false>, 1>(),
            DType::U64 => loops::<Plain, Running<Natural<u64>, false>, 1>(),
        },
        ScanOp::Prod if scan.dtype == DType::C64 => complex_product::<C64>(skip),
        ScanOp::Prod if scan.dtype == DType::C128 => complex_product::<C128>(skip),
        ScanOp::Prod if skip => with_float!(scan.dtype, T => loops::<Plain, Prod<T, true>, 1>()),
        ScanOp::Prod => with_element!(scan.dtype, T => loops::<Plain, Prod<T, false>, 1>()),
        ScanOp::Min if skip => with_float!(scan.dtype, T => loops::<Plain, Extreme<T, false, true>, 1>()),
        ScanOp::Min => with_element!(scan.dtype, T => loops::<Plain, Extreme<T, false, false>, 1>()),
        ScanOp::Max if skip => with_float!(scan.dtype, T => loops::<Plain, Extreme<T, true, true>, 1>()),
        ScanOp::Max => with_element!(scan.dtype, T => loops::<Plain, Extreme<T, true, false>, 1>()),
    }
}
