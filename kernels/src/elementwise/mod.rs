//! Tiles → tiles. Every operation as a loop over dense tiles, found once by (operation, dtype).
//!
//! An operation is a zero-sized type with one inlined scalar function; the drivers here turn it into a
//! loop, and the hot ones into a loop for each instruction set. Semantics are NumPy 2's.

mod bools;
mod cast;
mod complex;
mod complex_math;
mod divide;
mod float;
mod integer;
pub(crate) mod math;
pub(crate) mod order;
mod special;

use crate::dtype::{Bool, DType, Element};
use crate::isa::{Loop, dispatch};
use crate::op::{BinaryOp, UnaryOp};
use crate::with_element;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Computes `n` elements of a tile. Unused arguments are ignored.
///
/// # Safety
/// Each argument points at `n` elements of the operation's argument dtype, `out` at room for `n` elements
/// of its result; all aligned for their element type, `out` apart from the arguments.
pub type TileFn = unsafe fn(args: [*const u8; 3], out: *mut u8, n: usize);

/// A function of one element.
pub(crate) trait Map1<A: Element> {
    type Out: Element;
    /// Whether the loop is compiled for each instruction set.
    const HOT: bool;
    /// Whether `at` is wrong for some arguments, which `fix` computes.
    const RARE: bool = false;
    fn at(a: A) -> Self::Out;
    fn rare(_: A) -> bool {
        false
    }
    fn fix(a: A) -> Self::Out {
        Self::at(a)
    }
}

/// A function of two elements.
pub(crate) trait Map2<A: Element> {
    type Out: Element;
    const HOT: bool;
    const RARE: bool = false;
    fn at(a: A, b: A) -> Self::Out;
    fn rare(_: A, _: A) -> bool {
        false
    }
    fn fix(a: A, b: A) -> Self::Out {
        Self::at(a, b)
    }
}

struct Loop1<'a, A: Element, K: Map1<A>>(&'a [A], &'a mut [K::Out]);

impl<A: Element, K: Map1<A>> Loop for Loop1<'_, A, K> {
    type Out = bool;
    #[inline(always)]
    fn run(self) -> bool {
        let mut rare = false;
        for (o, &a) in self.1.iter_mut().zip(self.0) {
            *o = K::at(a);
        }
        if K::RARE {
            for &a in self.0 {
                rare |= K::rare(a);
            }
        }
        rare
    }
}

struct Loop2<'a, A: Element, K: Map2<A>>(&'a [A], &'a [A], &'a mut [K::Out]);

impl<A: Element, K: Map2<A>> Loop for Loop2<'_, A, K> {
    type Out = bool;
    #[inline(always)]
    fn run(self) -> bool {
        let mut rare = false;
        for (o, (&a, &b)) in self.2.iter_mut().zip(self.0.iter().zip(self.1)) {
            *o = K::at(a, b);
        }
        if K::RARE {
            for (&a, &b) in self.0.iter().zip(self.1) {
                rare |= K::rare(a, b);
            }
        }
        rare
    }
}

unsafe fn run1<A: Element, K: Map1<A>>(args: [*const u8; 3], out: *mut u8, n: usize) {
    // SAFETY: the contract of `TileFn`.
    let (a, out) = unsafe { (from_raw_parts(args[0].cast::<A>(), n), from_raw_parts_mut(out.cast::<K::Out>(), n)) };
    let body = Loop1::<A, K>(a, out);
    let rare = if K::HOT { dispatch(body) } else { body.run() };
    if rare {
        for (o, &a) in out.iter_mut().zip(a) {
            if K::rare(a) {
                *o = K::fix(a);
            }
        }
    }
}

unsafe fn run2<A: Element, K: Map2<A>>(args: [*const u8; 3], out: *mut u8, n: usize) {
    // SAFETY: the contract of `TileFn`.
    let (a, b, out) = unsafe {
        (from_raw_parts(args[0].cast::<A>(), n), from_raw_parts(args[1].cast::<A>(), n), from_raw_parts_mut(out.cast::<K::Out>(), n))
    };
    let body = Loop2::<A, K>(a, b, out);
    let rare = if K::HOT { dispatch(body) } else { body.run() };
    if rare {
        for (o, (&a, &b)) in out.iter_mut().zip(a.iter().zip(b)) {
            if K::rare(a, b) {
                *o = K::fix(a, b);
            }
        }
    }
}

/// The loop of a function of one element.
pub(crate) fn tile1<A: Element, K: Map1<A>>() -> TileFn {
    run1::<A, K>
}

/// The loop of a function of two elements.
pub(crate) fn tile2<A: Element, K: Map2<A>>() -> TileFn {
    run2::<A, K>
}

/// Declares operations for all types of a trait as `Operation => |x| value;` lines, and the function that finds them. A line that begins
/// with `hot` gets a loop for each instruction set, for the types whose `HOT` says so. One that ends in `rare |x| test, slow` computes
/// `slow` for those arguments for which `test` is true.
macro_rules! operations {
    ($find:ident, $enum:ident, $map:ident, $tile:ident, $bound:path, $out:ty;
     $($hot:ident $op:ident => |$($x:ident),+| $e:expr $(, rare |$($y:ident),+| $rare:expr, $fix:expr)?;)*) => {
        $(
            struct $op;
            impl<T: $bound> crate::elementwise::$map<T> for $op {
                type Out = $out;
                const HOT: bool = operations!(@hot $hot T $bound);
                $(const RARE: bool = { let _ = stringify!($rare); true };)?
                #[inline(always)]
                fn at($($x: T),+) -> $out { $e }
                $(
                    #[inline(always)]
                    fn rare($($y: T),+) -> bool { $rare }
                    fn fix($($y: T),+) -> $out { $fix }
                )?
            }
        )*
        fn $find<T: $bound>(op: crate::op::$enum) -> Option<crate::elementwise::TileFn> {
            Some(match op {
                $(crate::op::$enum::$op => crate::elementwise::$tile::<T, $op>(),)*
                _ => return None,
            })
        }
    };
    (@hot hot $t:ident $bound:path) => { <$t as $bound>::HOT };
    (@hot cold $t:ident $bound:path) => { false };
}
pub(crate) use operations;

/// The loop of `op` on arguments of dtype `args` (that [`UnaryOp::types`] gave).
pub fn unary(op: UnaryOp, args: DType) -> Option<TileFn> {
    use DType::*;
    op.types(args).filter(|t| t.args == args)?;
    match args {
        Bool => bools::unary(op),
        I8 => integer::unary::<i8>(op),
        I16 => integer::unary::<i16>(op),
        I32 => integer::unary::<i32>(op),
        I64 => integer::unary::<i64>(op),
        U8 => integer::unary::<u8>(op),
        U16 => integer::unary::<u16>(op),
        U32 => integer::unary::<u32>(op),
        U64 => integer::unary::<u64>(op),
        F16 => float::unary::<half::f16>(op),
        BF16 => float::unary::<half::bf16>(op),
        F32 => float::unary::<f32>(op),
        F64 => float::unary::<f64>(op),
        C64 => complex::unary::<f32>(op),
        C128 => complex::unary::<f64>(op),
    }
}

/// The loop of `op` on two arguments of dtype `args` (that [`BinaryOp::types`] gave).
pub fn binary(op: BinaryOp, args: DType) -> Option<TileFn> {
    use DType::*;
    op.types(args).filter(|t| t.args == args)?;
    let compared = with_element!(args, T => order::binary::<T>(op));
    if compared.is_some() {
        return compared;
    }
    match args {
        Bool => bools::binary(op),
        I8 => integer::binary::<i8>(op),
        I16 => integer::binary::<i16>(op),
        I32 => integer::binary::<i32>(op),
        I64 => integer::binary::<i64>(op),
        U8 => integer::binary::<u8>(op),
        U16 => integer::binary::<u16>(op),
        U32 => integer::binary::<u32>(op),
        U64 => integer::binary::<u64>(op),
        F16 => float::binary::<half::f16>(op),
        BF16 => float::binary::<half::bf16>(op),
        F32 => float::binary::<f32>(op),
        F64 => float::binary::<f64>(op),
        C64 => complex::binary::<f32>(op),
        C128 => complex::binary::<f64>(op),
    }
}

pub use cast::{cast, cast_dense};
pub(crate) use divide::divide_by_constant;

struct LoopWhere<'a, T>(&'a [Bool], &'a [T], &'a [T], &'a mut [T]);

impl<T: Copy> Loop for LoopWhere<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let LoopWhere(c, x, y, out) = self;
        for ((o, &c), (&x, &y)) in out.iter_mut().zip(c).zip(x.iter().zip(y)) {
            *o = if c.0 != 0 { x } else { y };
        }
    }
}

unsafe fn run_where<T: Copy>(args: [*const u8; 3], out: *mut u8, n: usize) {
    // SAFETY: the contract of `TileFn`; T has the size and no more than the alignment of the element.
    let body = unsafe {
        LoopWhere(
            from_raw_parts(args[0].cast::<Bool>(), n),
            from_raw_parts(args[1].cast::<T>(), n),
            from_raw_parts(args[2].cast::<T>(), n),
            from_raw_parts_mut(out.cast::<T>(), n),
        )
    };
    dispatch(body)
}

/// The loop of `where(condition, x, y)` for x and y of `dtype`.
pub fn select(dtype: DType) -> TileFn {
    match (dtype.size(), dtype) {
        (1, _) => run_where::<u8>,
        (2, _) => run_where::<u16>,
        (4, _) => run_where::<u32>,
        (_, DType::C64) => run_where::<[u32; 2]>,
        (8, _) => run_where::<u64>,
        _ => run_where::<[u64; 2]>,
    }
}

#[cfg(test)]
mod tests;
