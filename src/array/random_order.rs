//! Random orders: what is sorted by random keys.

use super::random::{RandomArray, integers};
use super::{Array, Chunks};
use crate::array::composed::composed;

/// A random order being described.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The seed; drawn without it.
    pub seed: Option<u64>,
    /// Another sequence of the same seed.
    pub stream: u64,
    /// The chunks of the keys.
    pub chunks: Option<Chunks>,
}

impl Order {
    /// Keys of 63 bits: two of 2³¹ are equal with probability ¼, and then stand in their own order.
    fn keys(&self, shape: &[u64]) -> Array {
        let keys = self.random(integers(0, i64::MAX)).shape(shape.to_vec());
        match &self.chunks {
            Some(chunks) => keys.chunks(chunks.clone()).build(),
            None => keys.build(),
        }
    }

    /// `random` by this seed and stream.
    pub(super) fn random(&self, random: RandomArray) -> RandomArray {
        let random = random.stream(self.stream);
        match self.seed {
            Some(seed) => random.seed(seed),
            None => random,
        }
    }

    /// The numbers below `n` in a random order. They may be more than fit into memory.
    pub(super) fn below(&self, n: u64) -> Array {
        self.keys(&[n]).argsort(0)
    }

    /// The slices of `x` along `axis` in a random order. A task holds the whole axis.
    pub(super) fn slices(&self, x: &Array, axis: i64) -> Array {
        let this = self.clone();
        composed("random.permutation", &[x], move |arrays| {
            let axis = super::axes::position("random.permutation", axis, arrays[0].ndim()?)?;
            Ok(arrays[0].take(&this.below(arrays[0].shape()?[axis]), axis as i64))
        })
    }

    /// The elements of each lane along `axis` in an order of its own; without an axis all elements.
    pub(super) fn lanes(&self, x: &Array, axis: Option<i64>) -> Array {
        let this = self.clone();
        composed("random.permuted", &[x], move |arrays| {
            let (x, shape) = (&arrays[0], arrays[0].shape()?);
            match axis {
                Some(axis) => {
                    let axis = super::axes::position("random.permuted", axis, shape.len())? as i64;
                    Ok(x.take_along_axis(&this.keys(&shape).argsort(axis), Some(axis)))
                }
                None => {
                    let n = x.size()?;
                    Ok(x.ravel().take(&this.below(n), 0).reshape(shape))
                }
            }
        })
    }
}
