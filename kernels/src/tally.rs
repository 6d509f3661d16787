//! Indices → how often each occurs, or the sum of its weights.

/// An index that has no bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBin(pub i64);

/// Adds one to the bin of each index; indices without a bin are left out, or, where `strict`, refused.
///
/// # Errors
/// The first index without a bin.
pub fn count(indices: &[i64], strict: bool, bins: &mut [i64]) -> Result<(), NoBin> {
    for &at in indices {
        match bins.get_mut(at as usize) {
            Some(bin) => *bin += 1,
            None if strict => return Err(NoBin(at)),
            None => {}
        }
    }
    Ok(())
}

/// Adds the weight of each index to its bin, one after the other.
///
/// # Errors
/// As [`count`].
pub fn add(indices: &[i64], weights: &[f64], strict: bool, bins: &mut [f64]) -> Result<(), NoBin> {
    for (&at, weight) in indices.iter().zip(weights) {
        match bins.get_mut(at as usize) {
            Some(bin) => *bin += weight,
            None if strict => return Err(NoBin(at)),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_fill() {
        let (mut counts, mut sums) = ([0; 3], [0.0; 3]);
        assert_eq!(count(&[0, 2, 2, -1, 3], false, &mut counts), Ok(()));
        assert_eq!(add(&[0, 2, 2, 7], &[1.0, 2.0, 0.5, 9.0], false, &mut sums), Ok(()));
        assert_eq!((counts, sums), ([1, 0, 2], [1.0, 0.0, 2.5]));
        assert_eq!(count(&[1, -2], true, &mut counts), Err(NoBin(-2)));
        assert_eq!(add(&[1, 3], &[1.0, 1.0], true, &mut sums), Err(NoBin(3)));
    }
}
