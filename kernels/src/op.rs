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
        I0 = "i0", Erf = "erf", Erfc = "erfc", Erfinv = "erfinv", Erfcinv = "erfcinv", Gamma = "gamma", Gammaln = "gammaln",
        Digamma = "digamma", Expit = "expit", Logit = "logit", LogExpit = "log_expit",
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
        Gcd = "gcd", Lcm = "lcm", Ldexp = "ldexp", Xlogy = "xlogy", Xlog1py = "xlog1py",
    }
}

named! {
    /// Reductions. The nan- forms are these with `skip_nan` set.
    ReduceOp {
        Sum = "sum", Prod = "prod", Mean = "mean", Var = "var", Std = "std", Min = "min", Max = "max",
        Any = "any", All = "all", Argmin = "argmin", Argmax = "argmax", CountNonzero = "count_nonzero",
        BitwiseAnd = "bitwise_and.reduce", BitwiseOr = "bitwise_or.reduce", BitwiseXor = "bitwise_xor.reduce",
    }
}

named! {
    /// Running totals along an axis. `cummin` and `cummax` are NumPy's `minimum.accumulate` and `maximum.accumulate`;
    /// the nan- forms are these with `skip_nan` set.
    ScanOp { Sum = "cumsum", Prod = "cumprod", Min = "cummin", Max = "cummax" }
}

/// The dtypes an operation works in: arguments are cast to `args`, the result is `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// The dtype of every argument.
    pub args: DType,
    /// The dtype of the result.
    pub out: DType,
}

/// The float that NumPy's loops convert small integers to: f16 for one byte, f32 for two, f64 above.
fn float_of(arg: DType) -> DType {
    match arg {
        DType::Bool | DType::I8 | DType::U8 => DType::F16,
        DType::I16 | DType::U16 => DType::F32,
        DType::I32 | DType::I64 | DType::U32 | DType::U64 => DType::F64,
        other => other,
    }
}

/// The float that SciPy's special functions convert to: float64 for all but float32.
fn special_of(arg: DType) -> DType {
    if arg == DType::F32 { DType::F32 } else { DType::F64 }
}

/// That of those whose single precision comes first in SciPy: small integers and halves become it.
fn single_of(arg: DType) -> DType {
    match float_of(arg) {
        DType::F16 | DType::BF16 => DType::F32,
        other => other,
    }
}

/// bool becomes i8, as where NumPy has no bool loop.
fn number_of(arg: DType) -> DType {
    if arg == DType::Bool { DType::I8 } else { arg }
}

impl UnaryOp {
    /// The dtypes it works in for an argument of `arg`; `None` where NumPy raises TypeError.
    pub fn types(self, arg: DType) -> Option<Types> {
        use UnaryOp::*;
        let same = |t: DType| Some(Types { args: t, out: t });
        let boolean = Some(Types { args: arg, out: DType::Bool });
        match self {
            Negative | Positive | Sign => (arg != DType::Bool).then_some(Types { args: arg, out: arg }),
            Absolute => Some(Types { args: arg, out: arg.real() }),
            Real | Imag => Some(Types { args: arg, out: arg.real() }),
            Conjugate | Square | Reciprocal => same(number_of(arg)),
            Floor | Ceil | Trunc => (!arg.is_complex()).then_some(Types { args: arg, out: arg }),
            Fabs | Cbrt | Deg2rad | Rad2deg | Spacing => (!arg.is_complex()).then(|| Types { args: float_of(arg), out: float_of(arg) }),
            Signbit => {
                if arg.is_complex() {
                    None
                } else {
                    boolean
                }
            }
            Isnan | Isinf | Isfinite | LogicalNot => boolean,
            Invert => (arg == DType::Bool || arg.is_integer()).then_some(Types { args: arg, out: arg }),
            BitwiseCount => (arg == DType::Bool || arg.is_integer()).then_some(Types { args: arg, out: DType::U8 }),
            Angle => match arg {
                DType::Bool => same(DType::F64),
                DType::C64 | DType::C128 => Some(Types { args: arg, out: arg.real() }),
                _ => same(float_of(arg)),
            },
            I0 if arg.is_complex() => None,
            I0 => same(if arg.is_float() { arg } else { DType::F64 }),
            Erfinv | Erfcinv => (!arg.is_complex()).then(|| Types { args: single_of(arg), out: single_of(arg) }),
            Erf | Erfc | Gamma | Gammaln | Digamma | Expit | Logit | LogExpit => {
                (!arg.is_complex()).then(|| Types { args: special_of(arg), out: special_of(arg) })
            }
            Rint | Sqrt | Exp | Exp2 | Expm1 | Log | Log2 | Log10 | Log1p | Sin | Cos | Tan | Arcsin | Arccos | Arctan | Sinh | Cosh
            | Tanh | Arcsinh | Arccosh | Arctanh => same(float_of(arg)),
        }
    }
}

impl BinaryOp {
    /// What arguments of two dtypes become: what both promote to. Where NumPy has loops of floats alone, the float that each goes into
    /// without loss promotes to it: i8 and u8 to f16.
    pub fn common(self, a: DType, b: DType) -> DType {
        use BinaryOp::*;
        match self {
            Arctan2 | Hypot | Copysign | Nextafter | Logaddexp | Logaddexp2 | Heaviside => float_of(a).promote(float_of(b)),
            _ => a.promote(b),
        }
    }

    /// The dtypes it works in for arguments that promote to `common`; `None` where NumPy raises TypeError.
    ///
    /// `ldexp` is the one operation that NumPy gives two argument dtypes: here the exponent comes in the
    /// first argument's dtype, and is truncated to an integer.
    pub fn types(self, common: DType) -> Option<Types> {
        use BinaryOp::*;
        let same = |t: DType| Some(Types { args: t, out: t });
        let only = |allowed: bool, t: DType| allowed.then_some(Types { args: t, out: t });
        let (real, complex) = (!common.is_complex(), common.is_complex());
        let integral = common == DType::Bool || common.is_integer();
        match self {
            Add | Multiply | Maximum | Minimum | Fmax | Fmin => same(common),
            Subtract => only(common != DType::Bool, common),
            Divide => same(if integral { DType::F64 } else { common }),
            FloorDivide | Remainder | Fmod => only(real, number_of(common)),
            Power => same(number_of(common)),
            FloatPower => same(if complex { DType::C128 } else { DType::F64 }),
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | LogicalAnd | LogicalOr | LogicalXor => {
                Some(Types { args: common, out: DType::Bool })
            }
            BitwiseAnd | BitwiseOr | BitwiseXor => only(integral, common),
            LeftShift | RightShift => only(integral, number_of(common)),
            Arctan2 | Hypot | Copysign | Nextafter | Logaddexp | Logaddexp2 | Heaviside => only(real, float_of(common)),
            Xlogy | Xlog1py => only(real, special_of(common)),
            Gcd | Lcm => only(common.is_integer(), common),
            Ldexp => only(real && common != DType::U64, float_of(common)),
        }
    }
}

impl ReduceOp {
    /// The dtype of the result for values of `arg`; `None` where NumPy raises TypeError.
    pub fn out_dtype(self, arg: DType) -> Option<DType> {
        use crate::dtype::Kind;
        use ReduceOp::*;
        Some(match self {
            Sum | Prod => match arg.kind() {
                Kind::Bool | Kind::Signed => DType::I64,
                Kind::Unsigned => DType::U64,
                _ => arg,
            },
            Mean => match arg.kind() {
                Kind::Float | Kind::Complex => arg,
                _ => DType::F64,
            },
            Var | Std => match arg.kind() {
                Kind::Float | Kind::Complex => arg.real(),
                _ => DType::F64,
            },
            Min | Max => arg,
            Any | All => DType::Bool,
            BitwiseAnd | BitwiseOr | BitwiseXor if arg == DType::Bool || arg.is_integer() => arg,
            BitwiseAnd | BitwiseOr | BitwiseXor => return None,
            Argmin | Argmax | CountNonzero => DType::I64,
        })
    }
}

impl ScanOp {
    /// The dtype of the result for values of `arg`: integers and bool add up and multiply in 64 bits.
    pub fn out_dtype(self, arg: DType) -> DType {
        match self {
            ScanOp::Sum | ScanOp::Prod if arg == DType::Bool || arg.is_integer() => {
                if arg.kind() == crate::dtype::Kind::Unsigned {
                    DType::U64
                } else {
                    DType::I64
                }
            }
            _ => arg,
        }
    }
}
