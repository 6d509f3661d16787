//! `flagstone verify`: whether every chunk can be read and has its checksum.

use crate::engine::Engine;
use crate::{Failure, print};
use flagstone::convert::{inside, read_all};
use flagstone::error::Bytes;
use flagstone::store::{self, Node};

/// Arguments of `flagstone verify`.
#[derive(clap::Args)]
pub struct Args {
    /// An array or a group
    address: String,
    #[command(flatten)]
    engine: Engine,
}

/// Reads each array as a whole; a line for each, and an error if one cannot be read.
pub fn run(args: &Args) -> Result<(), Failure> {
    let node = store::tree(&args.address)?;
    let runtime = args.engine.start()?;
    let mut bad = 0;
    for (path, refused) in found(&node) {
        let address = if path.is_empty() { args.address.clone() } else { inside(&args.address, &path)? };
        let read = match refused {
            Some(why) => Err(why),
            None => flagstone::open(&address).and_then(|array| read_all(&array, &runtime)).map_err(|e| e.to_string()),
        };
        if runtime.cancel_token().is_cancelled() {
            return Err(Failure::Interrupted);
        }
        match read {
            Ok(bytes) => print(&format!("{address}: {} are good", Bytes(bytes)))?,
            Err(why) => {
                bad += 1;
                print(&format!("{address}: BAD: {}", why.strip_prefix(&format!("{address}: ")).unwrap_or(&why)))?;
            }
        }
    }
    if bad > 0 { Err(Failure::Message(format!("{}: {bad} cannot be read", args.address))) } else { Ok(()) }
}

/// Paths of all arrays, and of what is no group and cannot be read, with the reason.
fn found(node: &Node) -> Vec<(String, Option<String>)> {
    fn visit(node: &Node, path: String, found: &mut Vec<(String, Option<String>)>) {
        // A link names what is elsewhere, or here a second time.
        if node.link.is_some() {
            return;
        }
        if let Some(refused) = &node.refused {
            found.push((path.clone(), Some(refused.why.clone())));
        } else if node.meta.is_some() {
            found.push((path.clone(), None));
        }
        for child in &node.children {
            visit(child, format!("{path}/{}", child.name), found);
        }
    }
    let mut all = Vec::new();
    visit(node, String::new(), &mut all);
    all
}
