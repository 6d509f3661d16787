//! `flagstone convert`: arrays and groups at one address become the same at another one.

use crate::engine::Engine;
use crate::{Failure, print};
use flagstone::array::Index;
use flagstone::convert::{ArrayCopy, Lengths, Options, Plan, read_all};
use flagstone::error::Bytes;
use flagstone::runtime::Runtime;
use flagstone::store::{Codec, is_begun};
use std::time::Instant;

/// Arguments of `flagstone convert`.
#[derive(clap::Args)]
pub struct Args {
    /// What is copied: an array, a group with all in it, or 'a_*.h5:/x' for many files as one array
    source: String,
    /// Where it goes: .zarr, .h5 or .npy, with :/group/x inside
    target: String,
    /// Chunk lengths: 100,-1 or by axis time=-1,lat=90 (-1: the whole axis) [default: the source's]
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    chunks: Option<Lengths>,
    /// Shard lengths of Zarr v3, written as --chunks
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    shards: Option<Lengths>,
    /// How it is compressed: none, zstd:3, gzip:1, blosc:lz4:5, lzf [default: the format's]
    #[arg(long)]
    codec: Option<Codec>,
    /// Zarr format version
    #[arg(long, value_name = "V", value_parser = clap::value_parser!(u8).range(2..=3))]
    zarr_version: Option<u8>,
    /// The axis along which many files become one, by name or number [default: 0]
    #[arg(long)]
    axis: Option<String>,
    /// Replace arrays that are there
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Go on with what was stopped: arrays that are there stay as they are, and so do finished chunks of a Zarr array
    #[arg(long)]
    resume: bool,
    /// Read what was written and compare it with the source
    #[arg(long)]
    verify: bool,
    /// Say what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    engine: Engine,
}

/// Says what will be copied, and copies it.
pub fn run(args: Args) -> Result<(), Failure> {
    let options = Options {
        chunks: args.chunks,
        shards: args.shards,
        codec: args.codec,
        zarr_version: args.zarr_version,
        overwrite: args.overwrite,
        resume: args.resume,
        axis: args.axis,
    };
    let plan = Plan::new(&args.source, &args.target, &options)?;
    for note in &plan.notes {
        eprintln!("note: {note}");
    }
    let (runtime, cancel) = args.engine.start()?;
    let seconds = match expected_seconds(&plan, &runtime)? {
        Some(seconds) => format!(", about {seconds:.0} s"),
        None => String::new(),
    };
    let there = if plan.there.is_empty() { String::new() } else { format!(" ({} are there)", plan.there.len()) };
    print(&format!("{} to copy{there}, {}{seconds}", arrays(plan.copies.len()), Bytes(plan.bytes())))?;
    if args.dry_run {
        return plan.copies.iter().try_for_each(|copy| print(&described(copy)));
    }
    plan.make_groups()?;
    for copy in &plan.copies {
        let started = Instant::now();
        if let Err(e) = copy.run(&runtime, &cancel) {
            if is_begun(&copy.target) {
                eprintln!(
                    "note: chunks of {} that are finished are kept aside; the same call with --resume goes on with them",
                    copy.target
                );
            }
            return Err(e.into());
        }
        if args.verify {
            copy.verify(&runtime)?;
        }
        let verified = if args.verify { ", verified" } else { "" };
        print(&format!("{}, {:.1} s{verified}", described(copy), started.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

fn arrays(n: usize) -> String {
    if n == 1 { "1 array".into() } else { format!("{n} arrays") }
}

fn described(copy: &ArrayCopy) -> String {
    let from = match &copy.sources[..] {
        [one] => one.clone(),
        many => format!("{} files along axis {}", many.len(), copy.axis),
    };
    let shape: Vec<String> = copy.meta.shape.iter().map(u64::to_string).collect();
    format!("{from} -> {}  ({}) {}, {}", copy.target, shape.join(", "), copy.meta.dtype, Bytes(copy.bytes()))
}

/// Bytes that are read to see how fast the source is.
const SAMPLE_BYTES: u64 = 64 << 20;
/// Encoding and writing take about as long as reading and decoding.
const WRITING: f64 = 2.0;

/// What copying will take, from the first part of the largest array; `None` where all of it is no more than that.
fn expected_seconds(plan: &Plan, runtime: &Runtime) -> Result<Option<f64>, Failure> {
    let Some(largest) = plan.copies.iter().max_by_key(|copy| copy.bytes()).filter(|_| plan.bytes() > 2 * SAMPLE_BYTES) else {
        return Ok(None);
    };
    let rows = largest.meta.shape.first().copied().unwrap_or(1).max(1);
    let each = (largest.bytes() / rows).max(1);
    let sample = (SAMPLE_BYTES / each).clamp(1, rows);
    let started = Instant::now();
    let array = largest.array()?;
    let array = if largest.meta.shape.is_empty() { array } else { array.index([Index::Slice(None, Some(sample as i64), None)]) };
    let bytes = read_all(&array, runtime)?;
    Ok(Some(started.elapsed().as_secs_f64() * plan.bytes() as f64 / bytes.max(1) as f64 * WRITING))
}
