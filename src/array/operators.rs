//! Rust's operators on arrays: one blanket implementation each over what converts to an operand.

use super::elementwise::{binary, unary};
use super::{Array, Operand};
use flagstone_kernels::dtype::C128;
use flagstone_kernels::op::{BinaryOp, UnaryOp};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident;)*) => { $(
        impl<T: Into<Operand>> $trait<T> for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::build(|| binary(BinaryOp::$op, &Operand::Array(self), &other.into()))
            }
        }
        impl<T: Into<Operand>> $trait<T> for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::build(|| binary(BinaryOp::$op, &self.into(), &other.into()))
            }
        }
        operators!(@scalar $trait $method $op f64 i64 C128);
    )* };
    // One float and one integer type: a second would make the type of a literal ambiguous.
    (@scalar $trait:ident $method:ident $op:ident $($t:ty)*) => { $(
        impl $trait<Array> for $t {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: Array) -> Array {
                Array::build(|| binary(BinaryOp::$op, &self.into(), &Operand::Array(other)))
            }
        }
        impl $trait<&Array> for $t {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: &Array) -> Array {
                Array::build(|| binary(BinaryOp::$op, &self.into(), &other.into()))
            }
        }
    )* };
}

operators! {
    Add add Add;
    Sub sub Subtract;
    Mul mul Multiply;
    Div div Divide;
    Rem rem Remainder;
    BitAnd bitand BitwiseAnd;
    BitOr bitor BitwiseOr;
    BitXor bitxor BitwiseXor;
    Shl shl LeftShift;
    Shr shr RightShift;
}

impl Neg for Array {
    type Output = Array;
    #[track_caller]
    fn neg(self) -> Array {
        Array::build(|| unary(UnaryOp::Negative, &self.expr()?))
    }
}

impl Neg for &Array {
    type Output = Array;
    #[track_caller]
    fn neg(self) -> Array {
        Array::build(|| unary(UnaryOp::Negative, &self.expr()?))
    }
}

impl Not for Array {
    type Output = Array;
    #[track_caller]
    fn not(self) -> Array {
        Array::build(|| unary(UnaryOp::Invert, &self.expr()?))
    }
}

impl Not for &Array {
    type Output = Array;
    #[track_caller]
    fn not(self) -> Array {
        Array::build(|| unary(UnaryOp::Invert, &self.expr()?))
    }
}
