//! `flagstone diff`: where and by how much two arrays or groups differ.

use crate::engine::Engine;
use crate::{Failure, print};
use flagstone::convert::{difference, inside};
use flagstone::store::{self, Node};
use std::collections::BTreeSet;

/// Arguments of `flagstone diff`.
#[derive(clap::Args)]
pub struct Args {
    /// An array or a group
    a: String,
    /// Another one
    b: String,
    #[command(flatten)]
    engine: Engine,
}

/// Prints a line for each array that differs or is only at one address; then it is an error.
pub fn run(args: &Args) -> Result<(), Failure> {
    let (a, b) = (store::tree(&args.a)?, store::tree(&args.b)?);
    let runtime = args.engine.start()?;
    let (in_a, in_b) = (paths(&a, &args.a)?, paths(&b, &args.b)?);
    let alone = |node: &Node| node.meta.is_some();
    // Two arrays are compared whatever their names inside of the files are.
    let all: BTreeSet<&String> = if alone(&a) && alone(&b) { in_a.iter().collect() } else { in_a.iter().chain(&in_b).collect() };
    let mut differ = 0;
    for path in all {
        let line = match (in_a.contains(path), in_b.contains(path)) {
            (true, false) => Some(format!("{path}: only in {}", args.a)),
            (false, true) => Some(format!("{path}: only in {}", args.b)),
            _ => {
                let at = |address: &str| if path == "/" { Ok(address.to_string()) } else { inside(address, path) };
                let (x, y) = (flagstone::open(at(&args.a)?)?, flagstone::open(at(&args.b)?)?);
                if (x.shape()?, x.dtype()?) != (y.shape()?, y.dtype()?) {
                    Some(format!("{path}: {:?} {} and {:?} {}", x.shape()?, x.dtype()?, y.shape()?, y.dtype()?))
                } else {
                    difference(&x, &y, &runtime)?.map(|found| format!("{path}: {found}"))
                }
            }
        };
        if let Some(line) = line {
            differ += 1;
            print(&line)?;
        }
    }
    if differ > 0 { Err(Failure::Message(format!("{differ} of the arrays of {} and {} differ", args.a, args.b))) } else { Ok(()) }
}

/// Paths of the arrays at an address.
fn paths(node: &Node, address: &str) -> Result<Vec<String>, Failure> {
    match &node.refused {
        Some(refused) => Err(Failure::Message(format!("{address}: {}", refused.why))),
        None => Ok(node.arrays()),
    }
}
