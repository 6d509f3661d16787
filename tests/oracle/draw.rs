//! Numbers → a program: sources, then operations out of the table of `ops`, each with its value by the oracle and with
//! how the engine is called for it.

use super::dice::Dice;
use super::ops;
use super::sources::{self, Scale};
use super::tensor::{Tensor, is_complex, is_float};
use flagstone::{Array, DType, Result, Runtime};
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// The position of a value in the program.
pub type V = usize;

/// The arrays of the values that are asked for and of those below them.
pub struct Made(pub Vec<Option<Array>>);

impl std::ops::Index<V> for Made {
    type Output = Array;
    fn index(&self, v: V) -> &Array {
        self.0[v].as_ref().expect("an argument is made before")
    }
}

/// What a program is built in: persisting and storing happen while it is.
pub struct Context {
    pub runtime: Runtime,
    pub directory: PathBuf,
    pub files: Cell<usize>,
}

impl Context {
    /// Where nothing is yet.
    pub fn path(&self) -> PathBuf {
        static PROGRAMS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let n = PROGRAMS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.files.set(self.files.get() + 1);
        self.directory.join(format!("stored{n}"))
    }
}

/// How the engine is called for a value.
pub type Build = Box<dyn Fn(&Made, &Context) -> Result<Array>>;

/// An operation of a program, before it has its place.
pub struct Step {
    /// As Python would say it; `v3` is the value at position 3.
    pub text: String,
    pub args: Vec<V>,
    pub tensor: Tensor,
    pub build: Build,
}

/// What is known of the elements at a glance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// The largest |x| that is finite.
    pub largest: f64,
    pub finite: bool,
}

/// A value of a program.
pub struct Value {
    pub step: Step,
    pub facts: Facts,
    /// Whether its length follows from a mask: the engine may know a bound alone.
    pub counted: bool,
    /// Whether it is a product, or made of one.
    pub product: bool,
    pub concatenated: bool,
}

/// A program, drawn.
pub struct Drawing {
    pub dice: Dice,
    pub scale: Scale,
    pub values: Vec<Value>,
    pub results: Vec<V>,
    /// Chooses among the ways to run it.
    pub turn: usize,
}

impl Drawing {
    /// The program that `rolls` stand for; its sources are written below `directory`.
    pub fn new(rolls: &[u32], scale: Scale, directory: &Path) -> Drawing {
        let mut drawing = Drawing { dice: Dice::new(rolls), scale, values: vec![], results: vec![], turn: 0 };
        drawing.turn = drawing.dice.below(1 << 16);
        for i in 0..1 + drawing.dice.below(3).min(1) {
            let before = drawing.values.last().map(|value| value.step.tensor.shape.clone());
            let source = sources::draw(&mut drawing.dice, scale, before.as_deref());
            let (array, tensor) = sources::open(&source, &directory.join(format!("source{i}")));
            let build: Build = Box::new(move |_, _| Ok(array.clone()));
            drawing.push(Step { text: format!("{source:?}"), args: vec![], tensor, build });
        }
        let steps = if scale == Scale::Large { drawing.dice.between(2, 8) } else { drawing.dice.between(1, 7) };
        for _ in 0..steps {
            // late values more often than early ones, and of a large program those that are large themselves
            let n = drawing.values.len();
            let back = drawing.dice.below(n).min(drawing.dice.below(n));
            let large = |v: &V| scale != Scale::Large || drawing.tensor(*v).len() > 100_000;
            let x = (0..n - back).rev().find(large).unwrap_or(n - 1 - back);
            let row = ops::row(&mut drawing.dice);
            // what was rolled does not fit: the next operation
            let _ = (row.draw)(&mut drawing, x);
        }
        let last = drawing.values.len() - 1;
        drawing.results = vec![last];
        if drawing.dice.chance(2) {
            let other = drawing.dice.below(last + 1);
            drawing.results.push(other);
        }
        drawing
    }

    pub fn push(&mut self, step: Step) -> V {
        let numbers = || step.tensor.numbers();
        let finite = !(is_float(step.tensor.dtype) || is_complex(step.tensor.dtype)) || numbers().all(|v| v.size().is_finite());
        let largest = numbers().map(|v| v.size()).filter(|size| size.is_finite()).fold(0.0, f64::max);
        let any = |what: fn(&Value) -> bool| step.args.iter().any(|&v| what(&self.values[v]));
        let counted = step.tensor.ndim() == 1 && any(|value| value.counted) || step.text.contains("[v");
        let product = step.text.contains('@') || any(|value| value.product);
        let concatenated = step.text.contains("concatenate") || any(|value| value.concatenated);
        self.values.push(Value { step, facts: Facts { largest, finite }, counted, product, concatenated });
        self.values.len() - 1
    }

    pub fn tensor(&self, v: V) -> &Tensor {
        &self.values[v].step.tensor
    }
    pub fn dtype(&self, v: V) -> DType {
        self.tensor(v).dtype
    }
    pub fn shape(&self, v: V) -> &[usize] {
        &self.tensor(v).shape
    }
    pub fn facts(&self, v: V) -> Facts {
        self.values[v].facts
    }
    /// One of the values for which `fits` holds.
    pub fn any(&mut self, fits: impl Fn(&Drawing, V) -> bool) -> Option<V> {
        let candidates: Vec<V> = (0..self.values.len()).filter(|&v| fits(self, v)).collect();
        if candidates.is_empty() { None } else { Some(self.dice.one(&candidates)) }
    }

    /// `results` and all that they are made of.
    pub fn below(&self, results: &[V]) -> Vec<bool> {
        let mut needed = vec![false; self.values.len()];
        for &v in results {
            needed[v] = true;
        }
        for v in (0..needed.len()).rev().filter(|&v| v < self.values.len()) {
            if needed[v] {
                for &arg in &self.values[v].step.args {
                    needed[arg] = true;
                }
            }
        }
        needed
    }

    /// The arrays of `results`, built anew.
    pub fn build(&self, results: &[V], context: &Context) -> Result<Vec<Array>> {
        let mut made = Made(vec![]);
        for (value, needed) in self.values.iter().zip(self.below(results)) {
            let array = if needed { Some((value.step.build)(&made, context)?) } else { None };
            made.0.push(array);
        }
        Ok(results.iter().map(|&v| made[v].clone()).collect())
    }

    /// The program that gives `results`.
    pub fn text(&self, results: &[V]) -> String {
        let mut text = String::new();
        for (v, value) in self.values.iter().enumerate().filter(|(v, _)| self.below(results)[*v]) {
            let tensor = &value.step.tensor;
            text += &format!("  v{v} = {}    # {} {:?}\n", value.step.text, tensor.dtype, tensor.shape);
        }
        text + &format!("  results {results:?}")
    }
}
