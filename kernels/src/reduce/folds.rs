//! The folds: sum, mean, prod, min, max, any, all, count_nonzero, and those of bits.
//!
//! f16, bf16 and f32 are summed in f64, f64 with the rounding errors of its additions beside it (Knuth's
//! TwoSum); integers wrap in 64 bits; products stay in their own precision.

use super::fold::{Fold, ops as fold};
use super::{Ops, Reduction};
use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::elementwise::order::Order;
use crate::op::ReduceOp;
use crate::with_element;
use half::{bf16, f16};
use std::marker::PhantomData;

/// s + x and its rounding error (Knuth).
#[inline(always)]
fn two_sum(s: f64, x: f64) -> (f64, f64) {
    let sum = s + x;
    let part = sum - s;
    (sum, (s - (sum - part)) + (x - part))
}

/// A compensated sum takes one more value.
#[inline(always)]
fn compensate([s, e]: [f64; 2], x: f64) -> [f64; 2] {
    let (sum, error) = two_sum(s, x);
    [sum, e + error]
}

#[inline(always)]
fn join_compensated(l: [f64; 2], r: [f64; 2]) -> [f64; 2] {
    let (sum, error) = two_sum(l[0], r[0]);
    [sum, (l[1] + r[1]) + error]
}

/// Where the plain sum is not finite, it is the result; where it is exact, too, and may be −0.0.
#[inline(always)]
fn compensated([s, e]: [f64; 2]) -> f64 {
    if s.is_finite() && e != 0.0 { s + e } else { s }
}

/// (s + e) / count, rounded once but for the last bits of e.
#[inline(always)]
fn compensated_mean([s, e]: [f64; 2], count: f64) -> f64 {
    let quotient = s / count;
    if !quotient.is_finite() || !s.is_finite() {
        return quotient;
    }
    let rest = (-quotient).mul_add(count, s);
    quotient + (rest + e) / count
}

/// How values of one dtype are summed.
pub(crate) trait Sum<const N: usize>: 'static {
    type In: Order;
    type Word: bytemuck::Pod;
    type Total: Element;
    type Mean: Element;
    const HOT: bool;
    fn zero() -> [Self::Word; N];
    /// The sum of nothing that leaves −0.0 as it is; `zero` where there is no −0.0.
    #[inline(always)]
    fn nothing() -> [Self::Word; N] {
        Self::zero()
    }
    fn add(state: [Self::Word; N], x: Self::In) -> [Self::Word; N];
    fn join(l: [Self::Word; N], r: [Self::Word; N]) -> [Self::Word; N];
    fn total(state: [Self::Word; N]) -> Self::Total;
    fn mean(state: [Self::Word; N], count: f64) -> Self::Mean;
}

/// Summed as the dtype's rule says.
pub(crate) struct Natural<T>(PhantomData<T>);
/// 64-bit integers summed as f64, for their mean.
struct AsFloat<T>(PhantomData<T>);

macro_rules! narrow_floats {
    ($($t:ident, $hot:literal, |$x:ident| $up:expr, |$y:ident| $down:expr);*) => { $(impl Sum<1> for Natural<$t> {
        type In = $t;
        type Word = f64;
        type Total = $t;
        type Mean = $t;
        const HOT: bool = $hot;
        #[inline(always)] fn zero() -> [f64; 1] { [0.0] }
        #[inline(always)] fn nothing() -> [f64; 1] { [-0.0] }
        #[inline(always)] fn add([s]: [f64; 1], $x: $t) -> [f64; 1] { [s + $up] }
        #[inline(always)] fn join([l]: [f64; 1], [r]: [f64; 1]) -> [f64; 1] { [l + r] }
        #[inline(always)] fn total([$y]: [f64; 1]) -> $t { $down }
        fn mean([s]: [f64; 1], count: f64) -> $t { let $y = s / count; $down }
    })* };
}
narrow_floats!(
    f16, false, |x| x.to_f64(), |y| f16::from_f64(y);
    bf16, false, |x| x.to_f64(), |y| bf16::from_f64(y);
    f32, true, |x| x as f64, |y| y as f32
);

macro_rules! wide {
    ($in:ty, $marker:ident, |$x:ident| $up:expr) => {
        impl Sum<2> for $marker<$in> {
            type In = $in;
            type Word = f64;
            type Total = f64;
            type Mean = f64;
            const HOT: bool = true;
            #[inline(always)]
            fn zero() -> [f64; 2] {
                [0.0; 2]
            }
            #[inline(always)]
            fn nothing() -> [f64; 2] {
                [-0.0; 2]
            }
            #[inline(always)]
            fn add(state: [f64; 2], $x: $in) -> [f64; 2] {
                compensate(state, $up)
            }
            #[inline(always)]
            fn join(l: [f64; 2], r: [f64; 2]) -> [f64; 2] {
                join_compensated(l, r)
            }
            #[inline(always)]
            fn total(state: [f64; 2]) -> f64 {
                compensated(state)
            }
            fn mean(state: [f64; 2], count: f64) -> f64 {
                compensated_mean(state, count)
            }
        }
    };
}
wide!(f64, Natural, |x| x);
wide!(i64, AsFloat, |x| x as f64);
wide!(u64, AsFloat, |x| x as f64);

macro_rules! integers {
    ($($t:ty, $total:ty, |$x:ident| $up:expr);*) => { $(impl Sum<1> for Natural<$t> {
        type In = $t;
        type Word = i64;
        type Total = $total;
        type Mean = f64;
        const HOT: bool = size_of::<$t>() >= 4;
        #[inline(always)] fn zero() -> [i64; 1] { [0] }
        #[inline(always)] fn add([s]: [i64; 1], $x: $t) -> [i64; 1] { [s.wrapping_add($up)] }
        #[inline(always)] fn join([l]: [i64; 1], [r]: [i64; 1]) -> [i64; 1] { [l.wrapping_add(r)] }
        fn total([s]: [i64; 1]) -> $total { s as $total }
        fn mean([s]: [i64; 1], count: f64) -> f64 { s as $total as f64 / count }
    })* };
}
integers!(
    Bool, i64, |x| (x.0 != 0) as i64;
    i8, i64, |x| x as i64; i16, i64, |x| x as i64; i32, i64, |x| x as i64; i64, i64, |x| x;
    u8, u64, |x| x as i64; u16, u64, |x| x as i64; u32, u64, |x| x as i64; u64, u64, |x| x as i64
);

impl Sum<2> for Natural<C64> {
    type In = C64;
    type Word = f64;
    type Total = C64;
    type Mean = C64;
    const HOT: bool = true;
    #[inline(always)]
    fn zero() -> [f64; 2] {
        [0.0; 2]
    }
    #[inline(always)]
    fn nothing() -> [f64; 2] {
        [-0.0; 2]
    }
    #[inline(always)]
    fn add([re, im]: [f64; 2], x: C64) -> [f64; 2] {
        [re + x.re as f64, im + x.im as f64]
    }
    #[inline(always)]
    fn join(l: [f64; 2], r: [f64; 2]) -> [f64; 2] {
        [l[0] + r[0], l[1] + r[1]]
    }
    fn total([re, im]: [f64; 2]) -> C64 {
        C64::new(re as f32, im as f32)
    }
    fn mean([re, im]: [f64; 2], count: f64) -> C64 {
        C64::new((re / count) as f32, (im / count) as f32)
    }
}

impl Sum<4> for Natural<C128> {
    type In = C128;
    type Word = f64;
    type Total = C128;
    type Mean = C128;
    const HOT: bool = true;
    #[inline(always)]
    fn zero() -> [f64; 4] {
        [0.0; 4]
    }
    #[inline(always)]
    fn nothing() -> [f64; 4] {
        [-0.0; 4]
    }
    #[inline(always)]
    fn add([a, b, c, d]: [f64; 4], x: C128) -> [f64; 4] {
        let (re, im) = (compensate([a, b], x.re), compensate([c, d], x.im));
        [re[0], re[1], im[0], im[1]]
    }
    #[inline(always)]
    fn join(l: [f64; 4], r: [f64; 4]) -> [f64; 4] {
        let re = join_compensated([l[0], l[1]], [r[0], r[1]]);
        let im = join_compensated([l[2], l[3]], [r[2], r[3]]);
        [re[0], re[1], im[0], im[1]]
    }
    fn total([a, b, c, d]: [f64; 4]) -> C128 {
        C128::new(compensated([a, b]), compensated([c, d]))
    }
    fn mean([a, b, c, d]: [f64; 4], count: f64) -> C128 {
        C128::new(compensated_mean([a, b], count), compensated_mean([c, d], count))
    }
}

struct Total<S, const SKIP: bool>(PhantomData<S>);
struct Mean<S>(PhantomData<S>);
struct NanMean<S>(PhantomData<S>);

impl<const N: usize, S: Sum<N>, const SKIP: bool> Fold<N> for Total<S, SKIP> {
    type In = S::In;
    type Word = S::Word;
    type Out = S::Total;
    const HOT: bool = S::HOT;
    #[inline(always)]
    fn init() -> [S::Word; N] {
        S::zero()
    }
    #[inline(always)]
    fn step(state: [S::Word; N], x: S::In) -> [S::Word; N] {
        let next = S::add(state, x);
        if SKIP && x.nan() { state } else { next }
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

impl<const N: usize, S: Sum<N>> Fold<N> for Mean<S> {
    type In = S::In;
    type Word = S::Word;
    type Out = S::Mean;
    const HOT: bool = S::HOT;
    #[inline(always)]
    fn init() -> [S::Word; N] {
        S::zero()
    }
    #[inline(always)]
    fn step(state: [S::Word; N], x: S::In) -> [S::Word; N] {
        S::add(state, x)
    }
    #[inline(always)]
    fn join(l: [S::Word; N], r: [S::Word; N]) -> [S::Word; N] {
        S::join(l, r)
    }
    #[inline(always)]
    fn finish(state: [S::Word; N], count: u64) -> S::Mean {
        S::mean(state, count as f64)
    }
}

/// One word more than the sum: how many values were not NaN.
macro_rules! nan_mean {
    ($($n:literal, $more:literal, [$($i:literal),*]);*) => { $(impl<S: Sum<$n, Word = f64>> Fold<$more> for NanMean<S> {
        type In = S::In;
        type Word = f64;
        type Out = S::Mean;
        const HOT: bool = S::HOT;
        #[inline(always)]
        fn init() -> [f64; $more] { let s = S::zero(); [$(s[$i],)* 0.0] }
        #[inline(always)]
        fn step(state: [f64; $more], x: S::In) -> [f64; $more] {
            let s = S::add([$(state[$i]),*], x);
            if x.nan() { state } else { [$(s[$i],)* state[$n] + 1.0] }
        }
        #[inline(always)]
        fn join(l: [f64; $more], r: [f64; $more]) -> [f64; $more] {
            let s = S::join([$(l[$i]),*], [$(r[$i]),*]);
            [$(s[$i],)* l[$n] + r[$n]]
        }
        #[inline(always)]
        fn finish(state: [f64; $more], _: u64) -> S::Mean { S::mean([$(state[$i]),*], state[$n]) }
    })* };
}
nan_mean!(1, 2, [0]; 2, 3, [0, 1]; 4, 5, [0, 1, 2, 3]);

/// How values of one dtype are multiplied.
pub(crate) trait Product: Order {
    type Word: bytemuck::Pod;
    type Out: Element;
    const HOT: bool;
    const ONE: Self::Word;
    fn up(self) -> Self::Word;
    fn mul(l: Self::Word, r: Self::Word) -> Self::Word;
    fn down(x: Self::Word) -> Self::Out;
}

macro_rules! products {
    ($($t:ident, $word:ty, $out:ty, $hot:literal, $one:expr, |$x:ident| $up:expr, |$l:ident, $r:ident| $mul:expr, |$y:ident| $down:expr);* $(;)?) => {
        $(impl Product for $t {
            type Word = $word;
            type Out = $out;
            const HOT: bool = $hot;
            const ONE: $word = $one;
            #[inline(always)] fn up(self) -> $word { let $x = self; $up }
            #[inline(always)] fn mul($l: $word, $r: $word) -> $word { $mul }
            #[inline(always)] fn down($y: $word) -> $out { $down }
        })*
    };
}
products!(
    f16, f32, f16, false, 1.0, |x| x.to_f32(), |l, r| l * r, |y| f16::from_f32(y);
    bf16, f32, bf16, false, 1.0, |x| x.to_f32(), |l, r| l * r, |y| bf16::from_f32(y);
    f32, f32, f32, true, 1.0, |x| x, |l, r| l * r, |y| y;
    f64, f64, f64, true, 1.0, |x| x, |l, r| l * r, |y| y;
    C64, C64, C64, false, C64::new(1.0, 0.0), |x| x, |l, r| l * r, |y| y;
    C128, C128, C128, false, C128::new(1.0, 0.0), |x| x, |l, r| l * r, |y| y;
    Bool, i64, i64, false, 1, |x| (x.0 != 0) as i64, |l, r| l.wrapping_mul(r), |y| y;
    i8, i64, i64, false, 1, |x| x as i64, |l, r| l.wrapping_mul(r), |y| y;
    i16, i64, i64, false, 1, |x| x as i64, |l, r| l.wrapping_mul(r), |y| y;
    i32, i64, i64, false, 1, |x| x as i64, |l, r| l.wrapping_mul(r), |y| y;
    i64, i64, i64, true, 1, |x| x, |l, r| l.wrapping_mul(r), |y| y;
    u8, u64, u64, false, 1, |x| x as u64, |l, r| l.wrapping_mul(r), |y| y;
    u16, u64, u64, false, 1, |x| x as u64, |l, r| l.wrapping_mul(r), |y| y;
    u32, u64, u64, false, 1, |x| x as u64, |l, r| l.wrapping_mul(r), |y| y;
    u64, u64, u64, true, 1, |x| x, |l, r| l.wrapping_mul(r), |y| y;
);

pub(crate) struct Prod<T, const SKIP: bool>(PhantomData<T>);

impl<T: Product, const SKIP: bool> Fold<1> for Prod<T, SKIP> {
    type In = T;
    type Word = T::Word;
    type Out = T::Out;
    const HOT: bool = <T as Product>::HOT;
    #[inline(always)]
    fn init() -> [T::Word; 1] {
        [T::ONE]
    }
    #[inline(always)]
    fn step([p]: [T::Word; 1], x: T) -> [T::Word; 1] {
        if SKIP && x.nan() { [p] } else { [T::mul(p, x.up())] }
    }
    #[inline(always)]
    fn join([l]: [T::Word; 1], [r]: [T::Word; 1]) -> [T::Word; 1] {
        [T::mul(l, r)]
    }
    #[inline(always)]
    fn finish([p]: [T::Word; 1], _: u64) -> T::Out {
        T::down(p)
    }
}

/// min or max; of equal values the first stands.
pub(crate) struct Extreme<T, const MAX: bool, const SKIP: bool>(PhantomData<T>);

impl<T: Order, const MAX: bool, const SKIP: bool> Fold<1> for Extreme<T, MAX, SKIP> {
    type In = T;
    type Word = T;
    type Out = T;
    const HOT: bool = T::HOT;
    #[inline(always)]
    fn init() -> [T; 1] {
        match T::NAN {
            Some(nan) if SKIP => [nan],
            _ => [if MAX { T::BOTTOM } else { T::TOP }],
        }
    }
    #[inline(always)]
    fn step([best]: [T; 1], x: T) -> [T; 1] {
        let better = if MAX { best.lt(x) } else { x.lt(best) };
        let better = if SKIP { (better | best.nan()) & !x.nan() } else { (better | x.nan()) & !best.nan() };
        [if better { x } else { best }]
    }
    #[inline(always)]
    fn join(l: [T; 1], [r]: [T; 1]) -> [T; 1] {
        Self::step(l, r)
    }
    #[inline(always)]
    fn finish([best]: [T; 1], _: u64) -> T {
        best
    }
}

/// any or all.
struct Truth<T, const ALL: bool>(PhantomData<T>);

impl<T: Order, const ALL: bool> Fold<1> for Truth<T, ALL> {
    type In = T;
    type Word = u8;
    type Out = Bool;
    const HOT: bool = false;
    #[inline(always)]
    fn init() -> [u8; 1] {
        [ALL as u8]
    }
    #[inline(always)]
    fn step([t]: [u8; 1], x: T) -> [u8; 1] {
        [if ALL { t & x.truthy() as u8 } else { t | x.truthy() as u8 }]
    }
    #[inline(always)]
    fn join([l]: [u8; 1], [r]: [u8; 1]) -> [u8; 1] {
        [if ALL { l & r } else { l | r }]
    }
    #[inline(always)]
    fn finish([t]: [u8; 1], _: u64) -> Bool {
        Bool(t)
    }
}

/// Integers or bools joined bit by bit.
struct Bits<T, const OP: u8>(PhantomData<T>);

/// Those of [`Bits`].
const AND: u8 = 0;
const OR: u8 = 1;
const XOR: u8 = 2;

/// A dtype of bits, and the word that has them.
trait Bitwise: Order {
    type Word: bytemuck::Pod
        + std::ops::BitAnd<Output = Self::Word>
        + std::ops::BitOr<Output = Self::Word>
        + std::ops::BitXor<Output = Self::Word>;
    const ALL: Self::Word;
    const NONE: Self::Word;
    fn bits(self) -> Self::Word;
    fn of(bits: Self::Word) -> Self;
}

macro_rules! bitwise {
    ($($t:ty),*) => { $(impl Bitwise for $t {
        type Word = $t;
        const ALL: $t = !0;
        const NONE: $t = 0;
        #[inline(always)] fn bits(self) -> $t { self }
        #[inline(always)] fn of(bits: $t) -> $t { bits }
    })* };
}
bitwise!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Bitwise for Bool {
    type Word = u8;
    const ALL: u8 = 1;
    const NONE: u8 = 0;
    #[inline(always)]
    fn bits(self) -> u8 {
        (self.0 != 0) as u8
    }
    #[inline(always)]
    fn of(bits: u8) -> Bool {
        Bool(bits)
    }
}

impl<T: Bitwise, const OP: u8> Fold<1> for Bits<T, OP> {
    type In = T;
    type Word = T::Word;
    type Out = T;
    const HOT: bool = false;
    #[inline(always)]
    fn init() -> [T::Word; 1] {
        [if OP == AND { T::ALL } else { T::NONE }]
    }
    #[inline(always)]
    fn step(state: [T::Word; 1], x: T) -> [T::Word; 1] {
        Self::join(state, [x.bits()])
    }
    #[inline(always)]
    fn join([l]: [T::Word; 1], [r]: [T::Word; 1]) -> [T::Word; 1] {
        [match OP {
            AND => l & r,
            OR => l | r,
            _ => l ^ r,
        }]
    }
    #[inline(always)]
    fn finish([bits]: [T::Word; 1], _: u64) -> T {
        T::of(bits)
    }
}

fn bits<const OP: u8>(dtype: DType) -> Ops {
    match dtype {
        DType::Bool => fold::<Bits<Bool, OP>, 1>(),
        DType::I8 => fold::<Bits<i8, OP>, 1>(),
        DType::I16 => fold::<Bits<i16, OP>, 1>(),
        DType::I32 => fold::<Bits<i32, OP>, 1>(),
        DType::I64 => fold::<Bits<i64, OP>, 1>(),
        DType::U8 => fold::<Bits<u8, OP>, 1>(),
        DType::U16 => fold::<Bits<u16, OP>, 1>(),
        DType::U32 => fold::<Bits<u32, OP>, 1>(),
        DType::U64 => fold::<Bits<u64, OP>, 1>(),
        other => unreachable!("{other} has no bits to join"),
    }
}

struct Count<T>(PhantomData<T>);

impl<T: Order> Fold<1> for Count<T> {
    type In = T;
    type Word = i64;
    type Out = i64;
    const HOT: bool = T::HOT;
    #[inline(always)]
    fn init() -> [i64; 1] {
        [0]
    }
    #[inline(always)]
    fn step([n]: [i64; 1], x: T) -> [i64; 1] {
        [n + x.truthy() as i64]
    }
    #[inline(always)]
    fn join([l]: [i64; 1], [r]: [i64; 1]) -> [i64; 1] {
        [l + r]
    }
    #[inline(always)]
    fn finish([n]: [i64; 1], _: u64) -> i64 {
        n
    }
}

fn float_sum<T: 'static, const N: usize>(mean: bool, skip: bool, nan_mean: Ops) -> Ops
where
    Natural<T>: Sum<N>,
{
    match (mean, skip) {
        (false, false) => fold::<Total<Natural<T>, false>, N>(),
        (false, true) => fold::<Total<Natural<T>, true>, N>(),
        (true, false) => fold::<Mean<Natural<T>>, N>(),
        (true, true) => nan_mean,
    }
}

fn int_sum<T: 'static>(mean: bool) -> Ops
where
    Natural<T>: Sum<1>,
{
    if mean { fold::<Mean<Natural<T>>, 1>() } else { fold::<Total<Natural<T>, false>, 1>() }
}

fn sum(dtype: DType, mean: bool, skip: bool) -> Ops {
    match dtype {
        DType::Bool => int_sum::<Bool>(mean),
        DType::I8 => int_sum::<i8>(mean),
        DType::I16 => int_sum::<i16>(mean),
        DType::I32 => int_sum::<i32>(mean),
        DType::I64 if mean => fold::<Mean<AsFloat<i64>>, 2>(),
        DType::I64 => int_sum::<i64>(mean),
        DType::U8 => int_sum::<u8>(mean),
        DType::U16 => int_sum::<u16>(mean),
        DType::U32 => int_sum::<u32>(mean),
        DType::U64 if mean => fold::<Mean<AsFloat<u64>>, 2>(),
        DType::U64 => int_sum::<u64>(mean),
        DType::F16 => float_sum::<f16, 1>(mean, skip, fold::<NanMean<Natural<f16>>, 2>()),
        DType::BF16 => float_sum::<bf16, 1>(mean, skip, fold::<NanMean<Natural<bf16>>, 2>()),
        DType::F32 => float_sum::<f32, 1>(mean, skip, fold::<NanMean<Natural<f32>>, 2>()),
        DType::F64 => float_sum::<f64, 2>(mean, skip, fold::<NanMean<Natural<f64>>, 3>()),
        DType::C64 => float_sum::<C64, 2>(mean, skip, fold::<NanMean<Natural<C64>>, 3>()),
        DType::C128 => float_sum::<C128, 4>(mean, skip, fold::<NanMean<Natural<C128>>, 5>()),
    }
}

/// `with_element!` for the dtypes that have NaN.
macro_rules! with_float {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            DType::F16 => {
                type $t = f16;
                $body
            }
            DType::BF16 => {
                type $t = bf16;
                $body
            }
            DType::F32 => {
                type $t = f32;
                $body
            }
            DType::C64 => {
                type $t = C64;
                $body
            }
            DType::C128 => {
                type $t = C128;
                $body
            }
            _ => {
                type $t = f64;
                $body
            }
        }
    };
}
pub(crate) use with_float;

/// The loops of a reduction that is a fold.
pub(super) fn ops(reduction: &Reduction) -> Ops {
    let skip = reduction.skip_nan && (reduction.dtype.is_float() || reduction.dtype.is_complex());
    match reduction.op {
        ReduceOp::Sum => sum(reduction.dtype, false, skip),
        ReduceOp::Mean => sum(reduction.dtype, true, skip),
        ReduceOp::Prod if skip => with_float!(reduction.dtype, T => fold::<Prod<T, true>, 1>()),
        ReduceOp::Prod => with_element!(reduction.dtype, T => fold::<Prod<T, false>, 1>()),
        ReduceOp::Min if skip => with_float!(reduction.dtype, T => fold::<Extreme<T, false, true>, 1>()),
        ReduceOp::Min => with_element!(reduction.dtype, T => fold::<Extreme<T, false, false>, 1>()),
        ReduceOp::Max if skip => with_float!(reduction.dtype, T => fold::<Extreme<T, true, true>, 1>()),
        ReduceOp::Max => with_element!(reduction.dtype, T => fold::<Extreme<T, true, false>, 1>()),
        ReduceOp::All => with_element!(reduction.dtype, T => fold::<Truth<T, true>, 1>()),
        ReduceOp::Any => with_element!(reduction.dtype, T => fold::<Truth<T, false>, 1>()),
        ReduceOp::BitwiseAnd => bits::<AND>(reduction.dtype),
        ReduceOp::BitwiseOr => bits::<OR>(reduction.dtype),
        ReduceOp::BitwiseXor => bits::<XOR>(reduction.dtype),
        ReduceOp::CountNonzero => with_element!(reduction.dtype, T => fold::<Count<T>, 1>()),
        ReduceOp::Var | ReduceOp::Std | ReduceOp::Argmin | ReduceOp::Argmax => {
            unreachable!("{} is no fold", reduction.op.name())
        }
    }
}
