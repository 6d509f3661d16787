//! Computed arrays: typed by a Rust element type, or one enum of all.

use crate::error::{Error, Result};
use crate::runtime::Dense;
use flagstone_kernels::dtype::{Bool, C64, C128, DType, Element, Scalar};
use half::{bf16, f16};
use ndarray::ArrayD;

/// A Rust type that users have elements of: every [`Element`], and `bool`.
pub trait ArrayElement: Clone + Send + Sync + 'static {
    /// How it lies in memory.
    type Stored: Element;
    /// Its dtype.
    const DTYPE: DType;
    /// From memory.
    fn from_stored(stored: Self::Stored) -> Self;
    /// To memory.
    fn into_stored(self) -> Self::Stored;
    /// Elements as they lie in memory, where that is how the user's type does.
    fn slice(stored: &[Self::Stored]) -> Option<&[Self]>;
    /// A whole array from memory; free where both types are one.
    ///
    /// # Errors
    /// `Internal` where the elements do not lie in C order.
    fn array(stored: ArrayD<Self::Stored>) -> Result<ArrayD<Self>>;
}

impl ArrayElement for bool {
    type Stored = Bool;
    const DTYPE: DType = DType::Bool;
    fn from_stored(stored: Bool) -> bool {
        stored.into()
    }
    fn into_stored(self) -> Bool {
        self.into()
    }
    fn slice(_: &[Bool]) -> Option<&[bool]> {
        None
    }
    fn array(stored: ArrayD<Bool>) -> Result<ArrayD<bool>> {
        let shape = stored.raw_dim();
        let (bytes, _) = stored.into_raw_vec_and_offset();
        // collected in place: a result is counted once
        let bools = ArrayD::from_shape_vec(shape, bytes.into_iter().map(bool::from).collect());
        bools.map_err(|e| Error::internal(format!("bools in memory: {e}")))
    }
}

macro_rules! elements {
    ($($t:ty)*) => { $(
        impl ArrayElement for $t {
            type Stored = $t;
            const DTYPE: DType = <$t as Element>::DTYPE;
            fn from_stored(stored: $t) -> $t {
                stored
            }
            fn into_stored(self) -> $t {
                self
            }
            fn slice(stored: &[$t]) -> Option<&[$t]> {
                Some(stored)
            }
            fn array(stored: ArrayD<$t>) -> Result<ArrayD<$t>> {
                Ok(stored)
            }
        }
    )* };
}
elements!(Bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64 C64 C128);

macro_rules! any_array {
    ($($variant:ident($t:ty)),* $(,)?) => {
        /// A computed array of any dtype.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "the variants are the dtypes")]
        #[non_exhaustive]
        pub enum AnyArray { $($variant(ArrayD<$t>)),* }

        impl AnyArray {
            /// The elements of a dense result.
            ///
            /// # Errors
            /// When the result cannot be handed out as an array.
            pub fn from_dense(dense: Dense) -> Result<AnyArray> {
                match dense.dtype {
                    $(DType::$variant => <$t as ArrayElement>::array(dense.into_array()?).map(AnyArray::$variant),)*
                }
            }
            /// Element type.
            pub fn dtype(&self) -> DType {
                match self { $(AnyArray::$variant(_) => DType::$variant),* }
            }
            /// Lengths of the axes.
            pub fn shape(&self) -> &[usize] {
                match self { $(AnyArray::$variant(array) => array.shape()),* }
            }
            /// The elements in C order.
            pub fn scalars(&self) -> Vec<Scalar> {
                match self { $(AnyArray::$variant(array) => array.iter().map(|v| scalar(v.clone())).collect()),* }
            }
        }

        $(impl TryFrom<AnyArray> for ArrayD<$t> {
            type Error = Error;
            fn try_from(array: AnyArray) -> Result<ArrayD<$t>> {
                match array {
                    AnyArray::$variant(array) => Ok(array),
                    other => Err(wrong_dtype("compute", other.dtype(), DType::$variant)),
                }
            }
        })*
    };
}
any_array!(
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    F16(f16),
    BF16(bf16),
    F32(f32),
    F64(f64),
    C64(C64),
    C128(C128),
);

/// The element as a scalar of any dtype.
fn scalar<T: ArrayElement>(value: T) -> Scalar {
    Scalar::read(T::DTYPE, bytemuck::bytes_of(&value.into_stored()))
}

impl AnyArray {
    /// The only element.
    pub fn item(&self) -> Option<Scalar> {
        match self.scalars()[..] {
            [one] => Some(one),
            _ => None,
        }
    }
}

/// The array has another dtype than was asked for.
pub(super) fn wrong_dtype(operation: &str, given: DType, asked: DType) -> Error {
    let what = format!("the array is {given}, asked for as {asked}; use .astype(DType::{asked:?}) first, or ask for {given}");
    Error::bad_request(operation, what)
}
