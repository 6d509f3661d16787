//! `flagstone eval`: an expression over stored arrays.

use crate::Failure;
use crate::compute::Compute;
use flagstone::array::{self, Value};
use flagstone::eval::{Evaluator, is_name};

/// Arguments of `flagstone eval`.
#[derive(clap::Args)]
pub struct Args {
    /// The expression: the NumPy subset of Python's syntax; `;` parts statements, the last value is the result
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,
    /// Arrays by name: x=file.h5:/x y=dir.zarr z=file.npy; many files as one: t='a_*.nc:/tas?by=time' (or ?axis=1, ?stack=0)
    #[arg(value_name = "NAME=ADDRESS", value_parser = binding)]
    arrays: Vec<(String, String)>,
    #[command(flatten)]
    compute: Compute,
}

fn binding(text: &str) -> Result<(String, String), String> {
    let Some((name, address)) = text.split_once('=') else {
        return Err("expected NAME=ADDRESS, for example x=data.h5:/x".into());
    };
    if !is_name(name) {
        return Err(format!("{name:?} cannot be a name in the expression"));
    }
    if address.is_empty() {
        return Err(format!("the address of {name} is empty"));
    }
    Ok((name.to_string(), address.to_string()))
}

/// Evaluates, and prints, stores or explains the result.
pub fn run(args: &Args) -> Result<(), Failure> {
    let escaped = std::env::args().any(|arg| arg == "--");
    if !escaped && args.expression.starts_with("--") {
        let message = format!("unexpected argument '{0}'; an expression that starts so goes after '--'", args.expression);
        return Err(Failure::Usage(message));
    }
    for (at, (name, _)) in args.arrays.iter().enumerate() {
        if args.arrays[..at].iter().any(|(other, _)| other == name) {
            return Err(Failure::Usage(format!("the name {name} is given twice")));
        }
    }
    args.compute.run(|| evaluate(args))
}

fn evaluate(args: &Args) -> Result<Value, Failure> {
    let mut evaluator = Evaluator::new();
    for (name, address) in &args.arrays {
        evaluator.define(name, Value::Array(array::open(address)?));
    }
    let text = &args.expression;
    evaluator.run(text).map(Value::filled).map_err(|error| Failure::Message(error.render(text)))
}
