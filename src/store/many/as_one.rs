//! How many arrays become one, and how an address says it: `a_*.nc:/tas?by=time`, `a_*.h5:/x?stack=0`.

use crate::error::{Error, Result};
use crate::store::{Meta, address, formats};

/// How many arrays become one.
///
/// ```
/// use flagstone::store::AsOne;
/// let as_one = AsOne::default().by("time".to_string());
/// assert!(as_one.axis.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AsOne {
    /// One after the other along this axis, by name or number; without it along that of `by`, else the first.
    pub axis: Option<String>,
    /// In the order of the values of this coordinate, an array beside each of them; without it of the numbers in their names.
    pub by: Option<String>,
    /// Stacked along a new axis, which comes before the one of this number (-1: after all); then they are of one shape.
    pub stack: Option<i64>,
}

impl AsOne {
    /// One after the other along this axis.
    pub fn axis(mut self, axis: impl Into<Option<String>>) -> AsOne {
        self.axis = axis.into();
        self
    }
    /// In the order of this coordinate.
    pub fn by(mut self, by: impl Into<Option<String>>) -> AsOne {
        self.by = by.into();
        self
    }
    /// Stacked along a new axis.
    pub fn stack(mut self, stack: impl Into<Option<i64>>) -> AsOne {
        self.stack = stack.into();
        self
    }

    /// What is asked for here, and what `more` says where nothing is.
    pub(super) fn or(self, more: &AsOne) -> AsOne {
        AsOne { axis: self.axis.or_else(|| more.axis.clone()), by: self.by.or_else(|| more.by.clone()), stack: self.stack.or(more.stack) }
    }

    /// As it stands behind an address.
    pub(super) fn text(&self) -> String {
        let stack = self.stack.map(|axis| axis.to_string());
        let pairs = [("axis", &self.axis), ("by", &self.by), ("stack", &stack)];
        let pairs: Vec<String> = pairs.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?))).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The axis along which arrays such as the first one lie, and whether it is new.
    ///
    /// # Errors
    /// `BadRequest` for an axis that it does not have.
    pub(super) fn place(&self, first: &Meta, address: &str) -> Result<(usize, bool)> {
        let ndim = first.shape.len();
        if let Some(stack) = self.stack {
            if self.axis.is_some() {
                return Err(Error::bad_request(
                    "stack",
                    "arrays are stacked along a new axis, or joined along one that they have: not both",
                ));
            }
            let places = ndim as i64 + 1;
            let at = if stack < 0 { stack + places } else { stack };
            let at = usize::try_from(at).ok().filter(|&at| at <= ndim);
            return at.map(|at| (at, true)).ok_or_else(|| {
                let what = format!("{address} of shape {:?} has no place for a new axis {stack}", first.shape);
                Error::bad_request("stack", what)
            });
        }
        let name = self.axis.as_deref().or(self.by.as_deref()).unwrap_or("0");
        let named = first.axis_named(name);
        let from_end = || name.parse::<i64>().ok().filter(|&at| at < 0).and_then(|at| usize::try_from(at + ndim as i64).ok());
        named.or_else(from_end).map(|at| (at, false)).ok_or_else(|| {
            let names: Vec<&str> = first.dimension_names.iter().flatten().flatten().map(String::as_str).collect();
            let names = if names.is_empty() { "they have no names".to_string() } else { format!("they are called {}", names.join(", ")) };
            let what = format!("{address} has no axis {name}: its axes are of lengths {:?}, and {names}", first.shape);
            let stacks = if ndim == 0 { "; numbers are stacked (stack=0)" } else { "" };
            Error::bad_request("axis", what + stacks)
        })
    }
}

/// The address without its pairs of these keys, and their values. A name inside of a file may have a `?` and a `=` too: where an array
/// is called so, it is meant.
fn taken<'a>(address: &'a str, keys: &[&str]) -> (String, Vec<(&'a str, &'a str)>) {
    let query = address.rsplit_once('?').filter(|(_, query)| query.contains('='));
    let Some((file, query)) = query.filter(|_| address::is_far(address) || !formats::exists(address)) else {
        return (address.to_string(), Vec::new());
    };
    let asked = |pair: &&str| pair.split_once('=').is_some_and(|(key, _)| keys.contains(&key));
    let rest: Vec<&str> = query.split('&').filter(|pair| !asked(pair)).collect();
    let plain = if rest.is_empty() { file.to_string() } else { format!("{file}?{}", rest.join("&")) };
    (plain, query.split('&').filter(asked).filter_map(|pair| pair.split_once('=')).collect())
}

/// An address without what it says of how many arrays become one, and that.
///
/// # Errors
/// `BadRequest` where the place of a new axis is no number.
pub(super) fn of(address: &str) -> Result<(String, AsOne)> {
    let (plain, pairs) = taken(address, &["axis", "by", "stack"]);
    let mut as_one = AsOne::default();
    for (key, value) in pairs {
        match key {
            "axis" => as_one.axis = Some(value.to_string()),
            "by" => as_one.by = Some(value.to_string()),
            _ => {
                let stack = value
                    .parse()
                    .map_err(|_| Error::bad_request("address", format!("{address:?}: stack={value} is no number of an axis")))?;
                as_one.stack = Some(stack);
            }
        }
    }
    Ok((plain, as_one))
}

/// An address without its `decode=cf`, and whether it has one: whether values are wanted or the numbers that stand for them. Where an
/// array is called that, it is meant.
///
/// # Errors
/// `BadRequest` for another decoding.
pub fn decoding(address: &str) -> Result<(String, bool)> {
    let (plain, pairs) = taken(address, &["decode"]);
    match pairs.iter().map(|(_, value)| *value).find(|value| *value != "cf") {
        Some(other) => Err(Error::bad_request("address", format!("{address:?}: decode={other} is unknown; expected decode=cf"))),
        None => Ok((plain, !pairs.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_many_become_one() {
        let (plain, as_one) = of("a_*.nc:/tas?by=time&decode=cf").unwrap();
        assert_eq!((plain.as_str(), &as_one), ("a_*.nc:/tas?decode=cf", &AsOne::default().by("time".to_string())));
        assert_eq!(as_one.text(), "?by=time");
        let (plain, as_one) = of("a_*.bin?dtype=f4&stack=-1&shape=2,3").unwrap();
        assert_eq!((plain.as_str(), as_one), ("a_*.bin?dtype=f4&shape=2,3", AsOne::default().stack(-1)));
        assert_eq!(of("a_?.h5:/x").unwrap(), ("a_?.h5:/x".to_string(), AsOne::default()));
        assert!(of("a_*.h5:/x?stack=first").unwrap_err().to_string().contains("stack=first is no number"));
        assert_eq!(decoding("a.nc:/x?by=time&decode=cf").unwrap(), ("a.nc:/x?by=time".to_string(), true));
        assert_eq!(decoding("https://h/a.nc:/x?decode=cf").unwrap(), ("https://h/a.nc:/x".to_string(), true));
    }
}
