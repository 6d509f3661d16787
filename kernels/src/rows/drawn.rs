//! Random words, and parameters of a law for each element → values of the law. A word is the generator's counter: an element follows
//! from its word and its parameters alone.

use super::Refused;
use crate::dtype::DType;
use crate::random::ElementLaw;
use serde::{Deserialize, Serialize};

/// Values of a law whose parameters are arrays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// The law.
    pub law: ElementLaw,
    /// What the values are given as; integers saturate.
    pub dtype: DType,
}

impl Drawn {
    /// Of int64 words and float64 parameters, an element each.
    pub(super) fn run(&self, args: &[&[u8]], out: &mut [u8]) -> Result<(), Refused> {
        let words: &[i64] = bytemuck::cast_slice(args[0]);
        let parameters: Vec<&[f64]> = args[1..].iter().map(|bytes| bytemuck::cast_slice(bytes)).collect();
        for ((i, &word), out) in words.iter().enumerate().zip(out.chunks_exact_mut(self.dtype.size())) {
            let mut given = [0.0; 3];
            for (given, of) in given.iter_mut().zip(&parameters) {
                *given = of[i];
            }
            self.law.draw_one(given, word as u64, self.dtype, out).map_err(Refused::Parameters)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use crate::random::Law;

    fn drawn(law: ElementLaw, words: &[i64], parameters: &[&[f64]]) -> Result<Vec<f64>, Refused> {
        let mut out = vec![0.0f64; words.len()];
        let mut args: Vec<&[u8]> = vec![bytemuck::cast_slice(words)];
        args.extend(parameters.iter().map(|values| bytemuck::cast_slice::<f64, u8>(values)));
        let lens = vec![words.len(); args.len()];
        Rows::Drawn(Drawn { law, dtype: DType::F64 }).run(&args, &lens, 0, bytemuck::cast_slice_mut(&mut out), &mut [])?;
        Ok(out)
    }

    #[test]
    fn each_element_has_its_own_parameters_and_its_own_word() {
        let words: Vec<i64> = (0..4000).map(|i| i * 7919 + 1).collect();
        let n: Vec<f64> = (0..4000).map(|i| if i % 2 == 0 { 10.0 } else { 1000.0 }).collect();
        let p = vec![0.3; 4000];
        let law = ElementLaw::Further(Law::Binomial);
        let all = drawn(law, &words, &[&n, &p]).unwrap();
        let mean = |odd: usize| all.iter().skip(odd).step_by(2).sum::<f64>() / 2000.0;
        // four deviations of the mean of 2000
        assert!((mean(0) - 3.0).abs() < 4.0 * (2.1f64 / 2000.0).sqrt(), "{}", mean(0));
        assert!((mean(1) - 300.0).abs() < 4.0 * (210.0f64 / 2000.0).sqrt(), "{}", mean(1));
        // an element alone is what it is among others
        assert_eq!(drawn(law, &words[17..18], &[&n[17..18], &p[17..18]]).unwrap(), all[17..18]);
    }

    #[test]
    fn parameters_that_are_none_are_refused_with_the_reason() {
        let refused = |law, parameters: &[&[f64]]| drawn(law, &[1], parameters).unwrap_err();
        let what = "binomial: p is 1.5, expected 0 to 1".to_string();
        assert_eq!(refused(ElementLaw::Further(Law::Binomial), &[&[3.0], &[1.5]]), Refused::Parameters(what));
        let what = "normal: scale is -1, expected ≥ 0".to_string();
        assert_eq!(refused(ElementLaw::Normal, &[&[3.0], &[-1.0]]), Refused::Parameters(what));
    }
}
