//! Bits as elements, and elements as bits.

use super::axes::position;
use super::composed::composed;
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Pad, args};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// In which order the bits of a byte stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitOrder {
    /// The highest first.
    #[default]
    Big,
    /// The lowest first.
    Little,
}

impl BitOrder {
    /// What each of eight bits is worth.
    fn worth(self) -> Array {
        let up: [u8; 8] = std::array::from_fn(|bit| 1 << bit);
        let up = Array::from(ndarray::arr1(&up));
        if self == BitOrder::Little { up } else { up.flip(0) }
    }
}

/// The array and the axis, or without one the array flattened.
fn along(name: &str, x: &Array, axis: Option<i64>) -> Result<(Array, i64)> {
    Ok(match axis {
        None => (x.ravel(), 0),
        Some(axis) => (x.clone(), position(name, axis, x.ndim()?)? as i64),
    })
}

impl Array {
    /// Bytes whose bits say which elements along `axis` are not zero, the last one filled up with zeros; without an axis, of all elements
    /// in C order.
    ///
    /// ```
    /// let bytes = flagstone::ones([9], flagstone::DType::Bool).packbits(None, Default::default());
    /// assert_eq!(bytes.compute::<u8>().unwrap().as_slice().unwrap(), [255, 128]);
    /// ```
    #[track_caller]
    pub fn packbits(&self, axis: Option<i64>, order: BitOrder) -> Array {
        composed("packbits", &[self], move |arrays| {
            let dtype = arrays[0].dtype()?;
            if !(dtype.is_integer() || dtype == DType::Bool) {
                return Err(Error::bad_type("packbits", format!("an array of {dtype}; expected integers or bool")));
            }
            let (x, axis) = along("packbits", &arrays[0], axis)?;
            let lanes = x.astype(DType::Bool).moveaxis(axis, -1);
            let mut shape = lanes.shape()?;
            let last = shape.len() - 1;
            let bytes = shape[last].div_ceil(8);
            let mut ends = vec![[0, 0]; shape.len()];
            ends[last][1] = bytes * 8 - shape[last];
            shape[last] = bytes;
            let bits = lanes.pad(ends, &Pad::Empty).reshape([&shape[..], &[8]].concat());
            let values = bits.astype(DType::U8) * order.worth();
            Ok(values.sum(super::axis(-1).dtype(DType::U8)).moveaxis(-1, axis))
        })
    }

    /// The bits of bytes along `axis`, `count` of them (all without; `count` below 0 leaves so many out); without an axis, of all bytes in
    /// C order.
    ///
    /// ```
    /// let bits = flagstone::arange(5, 6, 1, Some(flagstone::DType::U8)).unpackbits(None, None, Default::default());
    /// assert_eq!(bits.compute::<u8>().unwrap().as_slice().unwrap(), [0, 0, 0, 0, 0, 1, 0, 1]);
    /// ```
    #[track_caller]
    pub fn unpackbits(&self, axis: Option<i64>, count: Option<i64>, order: BitOrder) -> Array {
        composed("unpackbits", &[self], move |arrays| {
            let dtype = arrays[0].dtype()?;
            if dtype != DType::U8 {
                return Err(Error::bad_type("unpackbits", format!("an array of {dtype}; expected uint8")));
            }
            let (x, axis) = along("unpackbits", &arrays[0], axis)?;
            let lanes = x.moveaxis(axis, -1);
            let mut shape = lanes.shape()?;
            let last = shape.len() - 1;
            let bits = lanes.expand_dims([-1]).floor_divide(order.worth()) % 2;
            let Some(all) = shape[last].checked_mul(8) else {
                return Err(Error::bad_request("unpackbits", format!("{} bytes along an axis, whose bits are more than 2⁶⁴", shape[last])));
            };
            shape[last] = all;
            let bits = bits.reshape(shape);
            let wanted = match count {
                None => all,
                Some(count) if count < 0 => all.saturating_sub(count.unsigned_abs()),
                Some(count) => count.unsigned_abs(),
            };
            let mut ends = vec![[0, 0]; last + 1];
            ends[last][1] = wanted.saturating_sub(all);
            let wide = if wanted > all { bits.pad(ends, &Pad::Empty) } else { bits };
            let kept = wide.index([super::Index::Ellipsis, super::Index::Slice(None, Some(wanted as i64), None)]);
            Ok(kept.moveaxis(-1, axis))
        })
    }
}

/// Functions of bits.
pub(super) static SIGNATURES: &[Signature] = &[
    sig!("packbits" ["a", "axis" = "None", "bitorder" = "'big'"] "Elements as the bits of bytes.", |a| {
        Ok(Value::Array(args::array("packbits", &a[0])?.packbits(whole("packbits", &a[1])?, order("packbits", &a[2])?)))
    }),
    sig!("unpackbits" ["a", "axis" = "None", "count" = "None", "bitorder" = "'big'"] "The bits of bytes as elements.", |a| {
        let name = "unpackbits";
        Ok(Value::Array(args::array(name, &a[0])?.unpackbits(whole(name, &a[1])?, whole(name, &a[2])?, order(name, &a[3])?)))
    }),
];

fn whole(name: &str, value: &Value) -> Result<Option<i64>> {
    if matches!(value, Value::None) { Ok(None) } else { args::integer(name, value).map(Some) }
}

fn order(name: &str, value: &Value) -> Result<BitOrder> {
    match value {
        Value::Str(order) if order == "big" => Ok(BitOrder::Big),
        Value::Str(order) if order == "little" => Ok(BitOrder::Little),
        _ => Err(Error::bad_request(name, "an unknown bitorder; expected 'big' or 'little'")),
    }
}
