//! The elementwise operations and the reductions by NumPy's names, and their dtype rules.

use crate::dtype::DType;
use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the variants are NumPy's functions")]
        pub enum $name { $($variant),* }
        impl $name {
            /// Every operation.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// NumPy's name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
            /// The operation that NumPy calls `name`.
            pub fn parse(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// Functions of one array.
    UnaryOp {
        Negative = "negative", Positive = "positive", Absolute = "absolute", Fabs = "fabs", Sign = "sign",
        Signbit = "signbit", Rint = "rint", Floor = "floor", Ceil = "ceil", Trunc = "trunc",
        Sqrt = "sqrt", Cbrt = "cbrt", Square = "square", Reciprocal = "reciprocal",
        Exp = "exp", Exp2 = "exp2", Expm1 = "expm1", Log = "log", Log2 = "log2", Log10 = "log10", Log1p = "log1p",
        Sin = "sin", Cos = "cos", Tan = "tan", Arcsin = "arcsin", Arccos = "arccos", Arctan = "arctan",
        Sinh = "sinh", Cosh = "cosh", Tanh = "tanh", Arcsinh = "arcsinh", Arccosh = "arccosh", Arctanh = "arctanh",
        Deg2rad = "deg2rad", Rad2deg = "rad2deg",
        Isnan = "isnan", Isinf = "isinf", Isfinite = "isfinite",
        LogicalNot = "logical_not", Invert = "invert", Spacing = "spacing", BitwiseCount = "bitwise_count",
        Real = "real", Imag = "imag", Conjugate = "conjugate", Angle = "angle",
    }
}

named! {
    /// Functions of two arrays.
    BinaryOp {
        Add = "add", Subtract = "subtract", Multiply = "multiply", Divide = "divide",
        FloorDivide = "floor_divide", Remainder = "remainder", Fmod = "fmod", Power = "power",
        FloatPower = "float_power",
        Maximum = "maximum", Minimum = "minimum", Fmax = "fmax", Fmin = "fmin",
        Equal = "equal", NotEqual = "not_equal", Less = "less", LessEqual = "less_equal",
        Greater = "greater", GreaterEqual = "greater_equal",
        LogicalAnd = "logical_and", LogicalOr = "logical_or", LogicalXor = "logical_xor",
        BitwiseAnd = "bitwise_and", BitwiseOr = "bitwise_or", BitwiseXor = "bitwise_xor",
        LeftShift = "left_shift", RightShift = "right_shift",
        Arctan2 = "arctan2", Hypot = "hypot", Copysign = "copysign", Nextafter = "nextafter",
        Logaddexp = "logaddexp", Logaddexp2 = "logaddexp2", Heaviside = "heaviside",
        Gcd = "gcd", Lcm = "lcm", Ldexp = "ldexp",
    }
}

named! {
    /// Reductions. The nan- forms are these with `skip_nan` set.
    ReduceOp {
        Sum = "sum", Prod = "prod", Mean = "mean", Var = "var", Std = "std", Min = "min", Max = "max",
        Any = "any", All = "all", Argmin = "argmin", Argmax = "argmax", CountNonzero = "count_nonzero",
    }
}

/// The dtypes an operation works in: arguments are cast to `args`, the result is `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// The dtype of every argument.
    pub args: DType,
    /// The dtype of the result.
    pub out: DType,
}

// K1 implements, with NumPy 2's loops as the reference:
// impl UnaryOp  { pub fn types(self, arg: DType) -> Option<Types> }       None: NumPy raises TypeError
// impl BinaryOp { pub fn types(self, common: DType) -> Option<Types> }    common = the promoted dtype
// impl ReduceOp { pub fn out_dtype(self, arg: DType) -> Option<DType> }   sum of i32 is i64, mean of int f64, …
