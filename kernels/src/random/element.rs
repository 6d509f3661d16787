//! One value of a law from a word: for laws whose parameters differ from element to element.

use super::ars::Key;
use super::further::{Bound, Law, Parameter};
use super::run_rng::RunRng;
use super::runs::{RunLaw, write};
use crate::dtype::DType;
use rand_distr::{Distribution as _, Exp1, StandardNormal, StandardUniform};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A law whose parameters may be arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are NumPy's laws")]
pub enum ElementLaw {
    Uniform,
    Normal,
    Exponential,
    Lognormal,
    Gamma,
    Poisson,
    Further(Law),
}

/// Words of elements are random already: the key only has to be the same always.
static KEY: LazyLock<Key> = LazyLock::new(|| Key::of(0, 0));

const fn parameter(name: &'static str, bound: Bound) -> Parameter {
    Parameter { name, bound }
}

impl ElementLaw {
    /// Those that are no [`Law`].
    const OWN: [ElementLaw; 6] =
        [ElementLaw::Uniform, ElementLaw::Normal, ElementLaw::Exponential, ElementLaw::Lognormal, ElementLaw::Gamma, ElementLaw::Poisson];

    /// The law of NumPy's name.
    pub fn of_name(name: &str) -> Option<ElementLaw> {
        let further = || Law::ALL.iter().find(|law| law.name() == name).map(|&law| ElementLaw::Further(law));
        ElementLaw::OWN.into_iter().find(|law| law.name() == name).or_else(further)
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        self.full_name().trim_start_matches("random.")
    }

    /// NumPy's name, as it is called.
    pub fn full_name(self) -> &'static str {
        match self {
            ElementLaw::Uniform => "random.uniform",
            ElementLaw::Normal => "random.normal",
            ElementLaw::Exponential => "random.exponential",
            ElementLaw::Lognormal => "random.lognormal",
            ElementLaw::Gamma => "random.gamma",
            ElementLaw::Poisson => "random.poisson",
            ElementLaw::Further(law) => law.full_name(),
        }
    }

    /// Whether its values are whole numbers.
    pub fn is_whole(self) -> bool {
        match self {
            ElementLaw::Further(law) => law.is_whole(),
            law => law == ElementLaw::Poisson,
        }
    }

    /// Its parameters in NumPy's order.
    pub fn parameters(self) -> &'static [Parameter] {
        use Bound::{Finite, NotNegative};
        match self {
            ElementLaw::Uniform => const { &[parameter("low", Finite), parameter("high", Finite)] },
            ElementLaw::Normal => const { &[parameter("loc", Finite), parameter("scale", NotNegative)] },
            ElementLaw::Exponential => const { &[parameter("scale", NotNegative)] },
            ElementLaw::Lognormal => const { &[parameter("mean", Finite), parameter("sigma", NotNegative)] },
            ElementLaw::Gamma => const { &[parameter("shape", NotNegative), parameter("scale", NotNegative)] },
            ElementLaw::Poisson => const { &[parameter("lam", NotNegative)] },
            ElementLaw::Further(law) => law.parameters(),
        }
    }

    /// Writes the value of `word` as `dtype`; integers saturate.
    ///
    /// # Errors
    /// A sentence with the parameter that the law does not take.
    pub fn draw_one(self, parameters: [f64; 3], word: u64, dtype: DType, out: &mut [u8]) -> Result<(), String> {
        if let ElementLaw::Further(law) = self {
            law.check_sizes(parameters)?;
        } else {
            for (parameter, value) in self.parameters().iter().zip(parameters) {
                parameter.check(self.name(), value)?;
            }
        }
        let [a, b, _] = parameters;
        let mut rng = RunRng::new(&KEY, word);
        let rng = &mut rng;
        let value = match self {
            ElementLaw::Uniform => {
                let u: f64 = StandardUniform.sample(rng);
                a + (b - a) * u
            }
            ElementLaw::Normal => {
                let z: f64 = StandardNormal.sample(rng);
                a + b * z
            }
            ElementLaw::Exponential => {
                let e: f64 = Exp1.sample(rng);
                a * e
            }
            ElementLaw::Lognormal => RunLaw::lognormal(a, b)?.draw(rng),
            ElementLaw::Gamma => RunLaw::gamma(a, b)?.draw(rng),
            ElementLaw::Poisson => RunLaw::poisson(a)?.draw(rng),
            ElementLaw::Further(law) => law.draw(parameters)?(rng),
        };
        write(value, dtype, out);
        Ok(())
    }
}
