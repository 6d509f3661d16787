//! Attributes of the CF conventions → how stored numbers stand for values: what is missing, and a scale.
//!
//! Source: CF conventions 1.11, §2.5.1 and §8.1; the NetCDF attribute conventions for `_Unsigned`.

use super::attribute::{Attribute, json};
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use serde_json::{Map, Value};
use std::fmt;

/// How stored numbers stand for values. Empty where none of the attributes is there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Packing {
    /// What the numbers are read as, where `_Unsigned` says other than their dtype, or `dtype` that they are `bool`.
    pub read_as: Option<DType>,
    /// `_FillValue` and `missing_value`, each a number of the stored dtype (of `read_as`, where that is something).
    pub missing: Vec<Scalar>,
    /// The smallest stored number that is a value.
    pub valid_min: Option<Scalar>,
    /// The largest.
    pub valid_max: Option<Scalar>,
    /// `scale_factor` and its dtype.
    pub scale: Option<(DType, Scalar)>,
    /// `add_offset` and its dtype.
    pub offset: Option<(DType, Scalar)>,
}

/// Whether numbers stand for the same values: a NaN that is missing is as one that is missing elsewhere.
impl PartialEq for Packing {
    fn eq(&self, other: &Packing) -> bool {
        let is_nan = |value: Scalar| matches!(value, Scalar::Float(value) if value.is_nan());
        let same = |a: Option<Scalar>, b: Option<Scalar>| a == b || a.is_some_and(is_nan) && b.is_some_and(is_nan);
        let all = |a: &[Scalar], b: &[Scalar]| a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same(Some(a), Some(b)));
        let typed = |a: Option<(DType, Scalar)>, b: Option<(DType, Scalar)>| {
            a.map(|(dtype, _)| dtype) == b.map(|(dtype, _)| dtype) && same(a.map(|(_, value)| value), b.map(|(_, value)| value))
        };
        self.read_as == other.read_as
            && all(&self.missing, &other.missing)
            && same(self.valid_min, other.valid_min)
            && same(self.valid_max, other.valid_max)
            && typed(self.scale, other.scale)
            && typed(self.offset, other.offset)
    }
}

/// What the attributes say, one after the other.
impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalars = [
            ("scale_factor", self.scale.map(|(_, value)| value)),
            ("add_offset", self.offset.map(|(_, value)| value)),
            ("valid_min", self.valid_min),
            ("valid_max", self.valid_max),
        ];
        let said = scalars.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name} {}", json(value))));
        let read_as = self.read_as.map(|dtype| format!("numbers of {dtype}"));
        let missing = self.missing.iter().map(|value| format!("_FillValue or missing_value {}", json(*value)));
        let said: Vec<_> = said.chain(read_as).chain(missing).collect();
        f.write_str(&if said.is_empty() { "nothing".to_string() } else { said.join(", ") })
    }
}

impl Packing {
    /// Whether numbers stand for the same values but for which of them are missing: as they are stored they go together then.
    pub(crate) fn scales_as(&self, other: &Packing) -> bool {
        let with_ours = Packing { missing: self.missing.clone(), ..other.clone() };
        *self == with_ours
    }
}

impl Packing {
    /// The attributes that say it: decoded values have none of them.
    pub const ATTRIBUTES: [&str; 8] =
        ["scale_factor", "add_offset", "_FillValue", "missing_value", "valid_min", "valid_max", "valid_range", "_Unsigned"];

    /// From attributes that JSON holds: integers are 64 bits long, floats too.
    pub fn from_json(attributes: &Map<String, Value>, dtype: DType) -> Packing {
        Packing::of(dtype, |name| Attribute::from_json(attributes, name))
    }

    /// The same of an array of `dtype` in which the number `missing`, if any, stands for nothing, too.
    pub(crate) fn and_missing(mut self, missing: Option<Scalar>, dtype: DType) -> Packing {
        self.missing.extend(missing.and_then(|value| as_stored(value, dtype, self.read_as)));
        self
    }

    /// From the attributes of an array of `dtype`.
    pub(crate) fn of(dtype: DType, get: impl Fn(&str) -> Option<Attribute>) -> Packing {
        let numbers = |name: &str| match get(name) {
            Some(Attribute::Numbers(dtype, values)) => Some((dtype, values)),
            _ => None,
        };
        let read_as = match get("_Unsigned") {
            Some(Attribute::Text(text)) => match (text.to_ascii_lowercase().as_str(), dtype.kind()) {
                ("true", Kind::Signed) => integer(false, dtype.size()),
                ("false", Kind::Unsigned) => integer(true, dtype.size()),
                _ => None,
            },
            _ => None,
        };
        let stored = |value: Scalar| as_stored(value, dtype, read_as);
        let all = |name: &str| numbers(name).map_or(Vec::new(), |(_, values)| values.into_iter().filter_map(stored).collect());
        let one = |name: &str| numbers(name).and_then(|(_, values)| values.first().copied()).and_then(stored);
        // Several numbers are no scale: netCDF4 leaves all as it is stored then.
        let is_scale = |name: &str| numbers(name).is_none_or(|(_, values)| values.len() == 1);
        let scaled = is_scale("scale_factor") && is_scale("add_offset");
        let typed = |name: &str| numbers(name).filter(|_| scaled).map(|(dtype, values)| (dtype, values[0]));
        let range: Vec<Scalar> = all("valid_range");
        let (low, high) = match range[..] {
            [low, high] => (Some(low), Some(high)),
            _ => (one("valid_min"), one("valid_max")),
        };
        let packing = Packing {
            read_as,
            missing: all("_FillValue").into_iter().chain(all("missing_value")).collect(),
            valid_min: low,
            valid_max: high,
            scale: typed("scale_factor"),
            offset: typed("add_offset"),
        };
        // what xarray writes beside booleans
        let is_bool = matches!(get("dtype"), Some(Attribute::Text(text)) if text == "bool");
        match is_bool && packing == Packing::default() && matches!(dtype.kind(), Kind::Signed | Kind::Unsigned) {
            true => Packing { read_as: Some(DType::Bool), ..packing },
            false => packing,
        }
    }
}

fn integer(signed: bool, bytes: usize) -> Option<DType> {
    let (signed_types, unsigned) = ([DType::I8, DType::I16, DType::I32, DType::I64], [DType::U8, DType::U16, DType::U32, DType::U64]);
    if signed { signed_types } else { unsigned }.into_iter().find(|dtype| dtype.size() == bytes)
}

/// `value` as a stored number; `None` where no stored number equals it, so that it says nothing.
fn as_stored(value: Scalar, dtype: DType, read_as: Option<DType>) -> Option<Scalar> {
    let cast = |value: Scalar, to: DType| {
        let mut bytes = vec![0; to.size()];
        value.write(to, &mut bytes);
        Scalar::read(to, &bytes)
    };
    if dtype.kind() == Kind::Float {
        return Some(cast(value, dtype));
    }
    let equal = |a: Scalar, b: Scalar| match (a, b) {
        (Scalar::Int(a), Scalar::UInt(b)) | (Scalar::UInt(b), Scalar::Int(a)) => i128::from(a) == i128::from(b),
        (a, b) => a == b || a.as_f64() == b.as_f64() && (matches!(a, Scalar::Float(_)) || matches!(b, Scalar::Float(_))),
    };
    let of = read_as.unwrap_or(dtype);
    // Under `_Unsigned` the number may be written by either dtype: the same bits are meant.
    [of, dtype].into_iter().map(|to| cast(value, to)).find(|found| equal(*found, value)).map(|found| cast(found, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_attributes_become_stored_numbers() {
        let of = |text: &str, dtype| Packing::from_json(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap(), dtype);
        let found = of(r#"{"_FillValue": -1, "missing_value": [250, 300, 2.5], "_Unsigned": "true", "valid_range": [0, -6]}"#, DType::I8);
        assert_eq!(found.read_as, Some(DType::U8));
        assert_eq!(found.missing, [Scalar::UInt(255), Scalar::UInt(250)]);
        assert_eq!((found.valid_min, found.valid_max), (Some(Scalar::UInt(0)), Some(Scalar::UInt(250))));
        let found = of(r#"{"_FillValue": 1e20, "scale_factor": 2, "add_offset": "text", "valid_min": 3}"#, DType::F32);
        assert_eq!(found.missing, [Scalar::Float(f64::from(1e20f32))]);
        assert_eq!((found.scale, found.offset), (Some((DType::I64, Scalar::Int(2))), None));
        assert_eq!((found.valid_min, found.valid_max), (Some(Scalar::Float(3.0)), None));
        assert_eq!(of("{}", DType::F64), Packing::default());
        assert_eq!(of(r#"{"dtype": "bool"}"#, DType::I8).read_as, Some(DType::Bool));
        assert_eq!(of(r#"{"dtype": "bool"}"#, DType::F32), Packing::default());
        let nan = |low: &str| of(&format!(r#"{{"_FillValue": "NaN", "valid_min": {low}}}"#), DType::F64);
        assert_eq!(nan("3").missing.len(), 1);
        assert_eq!(nan("3"), nan("3"), "as it is missing in both");
        assert_ne!(nan("3"), nan("4"));
    }
}
