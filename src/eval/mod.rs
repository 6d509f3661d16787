//! Text → Value. The NumPy subset of Python's expression syntax: the same text means the same in Python
//! after `from numpy import *`, up to where arrays come from.
//!
//! Three steps, each with the place in the text at hand for a caret: [`lexer`] makes tokens, [`parser`] the
//! tree of [`ast`], [`evaluate`] walks it. No operation is known here: functions, methods and operators come
//! from the table of [`crate::array`]; only what Python itself does with numbers, tuples and
//! strings is in [`python`].

pub mod ast;
mod bind;
mod builtins;
mod error;
mod evaluate;
pub mod lexer;
pub mod parser;
mod python;

pub use error::{EvalError, Span};
pub use evaluate::{Evaluator, call};
pub use parser::{is_name, parse};
