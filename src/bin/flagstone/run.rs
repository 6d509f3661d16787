//! `flagstone run`: what a plan computes that `eval --explain=json` wrote.

use crate::Failure;
use crate::compute::Compute;
use flagstone::array::{Value, planned};
use std::path::{Path, PathBuf};

/// Arguments of `flagstone run`.
#[derive(clap::Args)]
pub struct Args {
    /// What `flagstone eval … --explain=json` wrote
    #[arg(value_name = "PLAN.json")]
    plan: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// Computes, and prints, stores or explains the result.
pub fn run(args: &Args) -> Result<(), Failure> {
    args.compute.run(|| read(&args.plan))
}

fn read(path: &Path) -> Result<Value, Failure> {
    let failed = |what: String| Failure::Message(format!("{}: {what}", path.display()));
    let text = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    let expected = "expected what `flagstone eval … --explain=json` wrote";
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|e| failed(format!("no JSON ({e}); {expected}")))?;
    if let Some(why) = json.get("no_plan").and_then(serde_json::Value::as_str) {
        return Err(failed(format!("it explains what has no plan: {why}")));
    }
    planned(json.get("plan").unwrap_or(&json)).map_err(|error| failed(error.kind().to_string()))
}
