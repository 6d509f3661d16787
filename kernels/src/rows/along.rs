//! Places of an axis, and elements put to places of their own row.

use super::Refused;
use crate::dtype::DType;
use crate::with_element;
use serde::{Deserialize, Serialize};

/// Integers that are to be places of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Of the axis.
    pub len: u64,
    /// Whether negative ones are counted from its end; else they are refused.
    pub from_end: bool,
}

impl Held {
    /// # Errors
    /// The first that is none.
    pub(super) fn run(self, given: &[i64], out: &mut [i64]) -> Result<(), Refused> {
        let n = self.len as usize;
        for (&at, out) in given.iter().zip(out) {
            if at < 0 && !self.from_end {
                return Err(Refused::Place(at, n));
            }
            *out = place(at, n)? as i64;
        }
        Ok(())
    }
}

/// What must hold of each element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Required {
    /// The operation that requires it.
    pub by: String,
    /// What is said where it does not.
    pub otherwise: String,
}

impl Required {
    /// # Errors
    /// Where a bool is false.
    pub(super) fn run(&self, given: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        if given.contains(&0) {
            return Err(Refused::Required(self.otherwise.clone()));
        }
        out[..given.len()].copy_from_slice(given);
        Ok(())
    }
}

/// The place, counted from the end where it is negative.
fn place(at: i64, n: usize) -> Result<usize, Refused> {
    let from_start = if at < 0 { at + n as i64 } else { at };
    if (0..n as i64).contains(&from_start) { Ok(from_start as usize) } else { Err(Refused::Place(at, n)) }
}

/// Each row with `others` at the places of its row.
pub(super) fn put(dtype: DType, elements: &[u8], places: &[u8], others: &[u8], lens: &[usize], out: &mut [u8]) -> Result<(), Refused> {
    let places: &[i64] = bytemuck::cast_slice(places);
    let (n, m) = (lens[0], lens[1]);
    out[..elements.len()].copy_from_slice(elements);
    with_element!(dtype, T => {
        let (others, out): (&[T], &mut [T]) = (bytemuck::cast_slice(others), bytemuck::cast_slice_mut(out));
        for ((others, places), out) in others.chunks_exact(m).zip(places.chunks_exact(m)).zip(out.chunks_exact_mut(n)) {
            for (&at, &other) in places.iter().zip(others) {
                out[place(at, n)?] = other;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    fn run(what: Rows, args: &[&[u8]], lens: &[usize], out: &mut [i16]) -> Result<(), Refused> {
        what.run(args, lens, 0, bytemuck::cast_slice_mut(out), &mut [])
    }

    #[test]
    fn every_row_has_places_of_its_own() {
        let x: [i16; 6] = [1, 2, 3, 4, 5, 6];
        let places = [2i64, 0, -1, 1];
        let (x, at) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&places));
        let others: [i16; 4] = [7, 8, 9, 10];
        let mut out = [0i16; 6];
        assert_eq!(run(Rows::PutAlong(DType::I16), &[x, at, bytemuck::cast_slice(&others)], &[3, 2, 2], &mut out), Ok(()));
        assert_eq!(out, [8, 2, 7, 4, 10, 9]);
    }

    #[test]
    fn places_are_counted_from_the_start_and_others_refused() {
        let of = |given: [i64; 3], from_end: bool| {
            let mut out = [9; 3];
            Held { len: 4, from_end }.run(&given, &mut out).map(|()| out)
        };
        assert_eq!(of([3, -1, -4], true), Ok([3, 3, 0]));
        assert_eq!(of([0, 3, -1], false), Err(Refused::Place(-1, 4)));
        assert_eq!((of([0, 4, 1], false), of([-5, 0, 0], true)), (Err(Refused::Place(4, 4)), Err(Refused::Place(-5, 4))));
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        let required = Required { by: "histogram".into(), otherwise: "too many".into() };
        let mut out = [0; 3];
        assert_eq!((required.run(&[1, 1, 1], &mut out), out), (Ok(()), [1, 1, 1]));
        assert_eq!(required.run(&[1, 0, 1], &mut out), Err(Refused::Required("too many".into())));
    }

    #[test]
    fn places_beyond_a_row_are_refused_and_the_last_of_several_stays() {
        let x = [0i16; 2];
        let (mut out, twice, beyond) = ([0i16; 2], [1i64, 1], [0i64, 2]);
        let others = [5i16, 6];
        let (x, others) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&others));
        let mut put = |at: &[i64]| {
            let ran = run(Rows::PutAlong(DType::I16), &[x, bytemuck::cast_slice(at), others], &[2, 2, 2], &mut out);
            (ran, out)
        };
        assert_eq!(put(&twice), (Ok(()), [0, 6]));
        assert_eq!(put(&beyond).0, Err(Refused::Place(2, 2)));
        assert_eq!(put(&[-3, 0]).0, Err(Refused::Place(-3, 2)));
    }
}
