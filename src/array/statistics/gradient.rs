//! Slopes along axes from neighbours: second order inside, first or second at the ends.

use super::differences::from;
use crate::array::axes::position;
use crate::array::composed::composed;
use crate::array::io::in_memory::at_hand;
use crate::array::{Array, Index, concatenate, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// So many coordinates are looked at while the graph is built, where they are in memory.
const AT_HAND_MAX: u64 = 1 << 16;

/// Where the places of an axis lie.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Spacing {
    /// So far apart.
    Step(f64),
    /// At these coordinates, of one axis.
    At(Array),
}

impl From<f64> for Spacing {
    fn from(step: f64) -> Spacing {
        Spacing::Step(step)
    }
}

impl From<&Array> for Spacing {
    fn from(places: &Array) -> Spacing {
        Spacing::At(places.clone())
    }
}

/// The weights of three neighbours, of whom the first two lie `h` apart and the last two `g`, for the slope at the first,
/// the middle or the last one: of the parabola through all three.
fn weights(which: usize, h: &Array, g: &Array) -> [Array; 3] {
    let both = h + g;
    match which {
        0 => [-(h * 2.0 + g) / (h * &both), &both / (h * g), -(h / (g * &both))],
        1 => [-(g / (h * &both)), (g - h) / (h * g), h / (g * &both)],
        _ => [g / (h * &both), -(&both / (h * g)), (g * 2.0 + h) / (g * &both)],
    }
}

fn weighted(values: [Array; 3], weights: [Array; 3]) -> Array {
    let [a, b, c] = values;
    let [u, v, w] = weights;
    u * a + v * b + w * c
}

/// The distance between all neighbours.
enum Step {
    Known(f64),
    /// An array without axes.
    Found(Array),
}

impl Step {
    /// `x` over `by` steps.
    fn over(&self, x: Array, by: f64) -> Array {
        match self {
            Step::Known(step) => x / (by * step),
            Step::Found(step) => x / (step * by),
        }
    }

    /// `x` times `by` over a step.
    fn times(&self, x: &Array, by: f64) -> Array {
        match self {
            Step::Known(step) => x * (by / step),
            Step::Found(step) => x * (by / step),
        }
    }
}

/// The slopes of `y` along axis `at`, whose places lie one step from each other.
fn even_slopes(y: &Array, at: usize, step: &Step, edge_order: u8) -> Result<Array> {
    let n = y.shape()?[at];
    let one = |start: u64| from(y, at, start, n - start - 1);
    let slope = step.over(from(y, at, 2, 0)? - from(y, at, 0, 2)?, 2.0);
    let [first, last] = match edge_order {
        1 => [step.over(one(1)? - one(0)?, 1.0), step.over(one(n - 1)? - one(n - 2)?, 1.0)],
        _ => {
            let sum = |start: u64, [u, v, w]: [f64; 3]| {
                let two = step.times(&one(start)?, u) + step.times(&one(start + 1)?, v);
                Ok::<Array, Error>(two + step.times(&one(start + 2)?, w))
            };
            [sum(0, [-1.5, 2.0, -0.5])?, sum(n - 3, [0.5, -2.0, 1.5])?]
        }
    };
    Ok(concatenate(&[first, slope, last], at as i64))
}

/// The slopes of `y` along axis `at`, whose places lie `gaps` from each other.
fn uneven_slopes(y: &Array, at: usize, gaps: &Array, edge_order: u8) -> Result<Array> {
    let n = y.shape()?[at];
    let one = |start: u64| from(y, at, start, n - start - 1);
    let inner = [from(y, at, 0, 2)?, from(y, at, 1, 1)?, from(y, at, 2, 0)?];
    let others: Vec<i64> = (0..y.ndim()? as i64).filter(|&axis| axis != at as i64).collect();
    let gaps = gaps.expand_dims(others);
    let gap = |start: u64| from(&gaps, at, start, n - 1 - start - 1);
    let (h, g) = (from(&gaps, at, 0, 1)?, from(&gaps, at, 1, 0)?);
    let slope = weighted(inner, weights(1, &h, &g));
    let ends = match edge_order {
        1 => [(one(1)? - one(0)?) / gap(0)?, (one(n - 1)? - one(n - 2)?) / gap(n - 2)?],
        _ => {
            let (h, g) = ([gap(0)?, gap(n - 3)?], [gap(1)?, gap(n - 2)?]);
            let end = |start: u64, i: usize| {
                Ok::<Array, Error>(weighted([one(start)?, one(start + 1)?, one(start + 2)?], weights(2 * i, &h[i], &g[i])))
            };
            [end(0, 0)?, end(n - 3, 1)?]
        }
    };
    let [first, last] = ends;
    Ok(concatenate(&[first, slope, last], at as i64).astype(y.dtype()?))
}

/// The slopes of `y` along axis `at` at coordinates. Where these lie one step from each other the middle of three places is of no weight, whatever
/// it is.
fn slopes_at(y: &Array, at: usize, places: &Array, edge_order: u8) -> Result<Array> {
    let gaps = places.diff(1, 0);
    let known = at_hand(&places.expr()?, AT_HAND_MAX)?.map(|places| places.iter().map(|place| place.as_f64()).collect::<Vec<f64>>());
    match known {
        Some(places) if places.windows(3).all(|three| three[1] - three[0] == three[2] - three[1]) => {
            even_slopes(y, at, &Step::Known(places[1] - places[0]), edge_order)
        }
        Some(_) => uneven_slopes(y, at, &gaps, edge_order),
        None => {
            let step = gaps.index([Index::Int(0)]);
            let are_even = gaps.eq(&step).all(..);
            let even = even_slopes(y, at, &Step::Found(step), edge_order)?;
            Ok(where_(are_even, even, uneven_slopes(y, at, &gaps, edge_order)?).astype(y.dtype()?))
        }
    }
}

impl Array {
    /// The slope along an axis at every place: second order inside, `edge_order` 1 or 2 at both ends. Whole numbers become
    /// float64.
    ///
    /// ```
    /// let x = flagstone::arange(0, 5, 1, None).square().gradient(1.0, 0, 2);
    /// assert_eq!(x.compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 2.0, 4.0, 6.0, 8.0]);
    /// ```
    #[track_caller]
    pub fn gradient(&self, spacing: impl Into<Spacing>, axis: i64, edge_order: u8) -> Array {
        let (places, step) = match spacing.into() {
            Spacing::Step(step) => (vec![], step),
            Spacing::At(places) => (vec![places], 1.0),
        };
        let given: Vec<&Array> = std::iter::once(self).chain(&places).collect();
        composed("gradient", &given, move |arrays| {
            let (y, name) = (&arrays[0], "gradient");
            let (at, dtype) = (position(name, axis, y.ndim()?)?, y.dtype()?);
            let y = if dtype.is_float() || dtype.is_complex() { y.clone() } else { y.astype(DType::F64) };
            let n = y.shape()?[at];
            if !matches!(edge_order, 1 | 2) {
                return Err(Error::bad_request(name, format!("edge_order is {edge_order}; expected 1 or 2")));
            }
            if n < u64::from(edge_order) + 1 {
                return Err(Error::bad_request(name, format!("axis {at} has length {n}; expected {} or more", edge_order + 1)));
            }
            match arrays.get(1) {
                None => even_slopes(&y, at, &Step::Known(step), edge_order),
                Some(places) if places.shape()? == [n] => {
                    let places = if places.dtype()?.is_integer() { places.astype(DType::F64) } else { places.clone() };
                    slopes_at(&y, at, &places, edge_order)
                }
                Some(places) => {
                    let what = format!("coordinates of shape {:?} for axis {at} with length {n}; expected [{n}]", places.shape()?);
                    Err(Error::bad_request(name, what))
                }
            }
        })
    }
}
