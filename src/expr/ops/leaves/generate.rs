//! Values that follow from the index.

use crate::error::Result;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, text};
use crate::grid::ChunkGrid;
use flagstone_kernels::generate::{Generator, Rule};
use flagstone_kernels::random::{Distribution, Random};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Values that follow from the index: random, arange, eye.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Generate {
    /// The rule and its shape.
    pub generator: Generator,
    /// The chunks that a user sees.
    pub chunks: ChunkGrid,
}

impl Op {
    /// Whether its elements are numbers at equal distances: `arange`.
    pub fn counts_up(&self) -> bool {
        matches!(self, Op::Generate(of) if matches!(of.generator.rule, Rule::Arange { .. }))
    }
}

impl Operation for Generate {
    fn name(&self) -> &str {
        match &self.generator.rule {
            Rule::Random(random) => match random.distribution {
                Distribution::Uniform { .. } => "random.uniform",
                Distribution::Integers { .. } => "random.integers",
                Distribution::Normal { .. } => "random.normal",
                Distribution::Exponential { .. } => "random.exponential",
                Distribution::Lognormal { .. } => "random.lognormal",
                Distribution::Gamma { .. } => "random.gamma",
                Distribution::Poisson { .. } => "random.poisson",
                Distribution::Further { law, .. } => law.full_name(),
            },
            Rule::Arange { .. } => "arange",
            Rule::Linspace { .. } => "linspace",
            Rule::Eye { .. } => "eye",
        }
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        let shape = self.generator.shape.clone();
        Ok(Inferred::known(shape, self.generator.dtype(), self.chunks.clone()))
    }

    // equal text besides: 0.0 == -0.0, but they generate different bits
    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Generate(other)
            if self.generator == other.generator && format!("{:?}", self.generator.rule) == format!("{:?}", other.generator.rule))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(format!("{:?}", self.generator.rule).as_bytes());
    }

    fn detail(&self) -> String {
        let n: u64 = self.generator.shape.iter().product();
        match &self.generator.rule {
            Rule::Random(random) => drawn(random),
            Rule::Arange { start_int, step_int, dtype, .. } if dtype.is_integer() => {
                let stop = *start_int as i128 + *step_int as i128 * n as i128;
                format!("{start_int}, {stop}, {step_int}")
            }
            Rule::Arange { start, step, .. } => [*start, start + step * n as f64, *step].map(text::float).join(", "),
            Rule::Linspace { start, stop, endpoint_index, .. } => {
                let open = if *endpoint_index == u64::MAX && n > 1 { ", endpoint=False" } else { "" };
                format!("{}, {}, {n}{open}", text::float(*start), text::float(*stop))
            }
            Rule::Eye { k, .. } => {
                let lengths: Vec<String> = self.generator.shape.iter().map(u64::to_string).collect();
                format!("{}, k={k}", lengths.join(", "))
            }
        }
    }

    // the loop that reads it generates only the places of its view
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        match self.generator.rule {
            Rule::Random(_) => crate::expr::ops::DEAR,
            _ => 0,
        }
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, chunks: &ChunkGrid) -> Relabel {
        Relabel::As(Generate { chunks: chunks.clone(), ..self.clone() }.into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}

/// The parameters of a distribution, the seed, and the stream where it is not the first.
fn drawn(random: &Random) -> String {
    let mut words = match random.distribution {
        Distribution::Integers { low, high } => vec![low.to_string(), high.to_string()],
        Distribution::Uniform { low, high } => vec![text::float(low), text::float(high)],
        Distribution::Normal { loc, scale } => vec![text::float(loc), text::float(scale)],
        Distribution::Exponential { scale } => vec![text::float(scale)],
        Distribution::Lognormal { mean, sigma } => vec![text::float(mean), text::float(sigma)],
        Distribution::Gamma { shape, scale } => vec![text::float(shape), text::float(scale)],
        Distribution::Poisson { lam } => vec![text::float(lam)],
        Distribution::Further { law, parameters } => law.parameters().iter().zip(parameters).map(|(_, value)| text::float(value)).collect(),
    };
    words.push(format!("seed={}", random.seed));
    if random.stream != 0 {
        words.push(format!("stream={}", random.stream));
    }
    words.join(", ")
}
