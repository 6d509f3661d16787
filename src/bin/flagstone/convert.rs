//! `flagstone convert`: arrays and groups at one address become the same at another one.

use crate::engine::Engine;
use crate::{Failure, print};
use flagstone::array::Index;
use flagstone::convert::{ArrayCopy, Options, Plan, StoredAs, read_all};
use flagstone::error::Bytes;
use flagstone::runtime::Runtime;
use flagstone::store::is_begun;
use std::time::Instant;

/// Arguments of `flagstone convert`.
#[derive(clap::Args)]
pub struct Args {
    /// What is copied: an array, a group with all in it, or 'a_*.h5:/x' for many files as one array
    source: String,
    /// Where it goes: .zarr, .h5 or .npy, with :/group/x inside
    target: String,
    #[command(flatten)]
    stored: StoredAs,
    /// The axis along which many files become one, by name or number [default: that of --by, else 0]
    #[arg(long)]
    axis: Option<String>,
    /// The coordinate by whose values many files are ordered [default: by the numbers in their names]
    #[arg(long, value_name = "COORDINATE")]
    by: Option<String>,
    /// Stack many files along a new axis, which comes before the one of this number
    #[arg(long, value_name = "AXIS", allow_hyphen_values = true, conflicts_with = "axis")]
    stack: Option<i64>,
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
    let options = Options::default()
        .stored_as(args.stored)
        .overwrite(args.overwrite)
        .resume(args.resume)
        .axis(args.axis)
        .by(args.by)
        .stack(args.stack);
    let plan = Plan::new(&args.source, &args.target, &options)?;
    for note in &plan.notes {
        eprintln!("note: {note}");
    }
    let runtime = args.engine.start()?;
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
        if let Err(e) = copy.run(&runtime) {
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
    plan.finish()?;
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

/// Bytes that are read to see how fast the source is: a second time, so they are few.
const SAMPLE_BYTES: u64 = 8 << 20;
/// Less than this is copied before anyone waits.
const SHORT_BYTES: u64 = 128 << 20;
/// Encoding and writing take about as long as reading and decoding.
const WRITING: f64 = 2.0;

/// What copying will take, from the first chunks of the largest array; `None` where all of it is short.
fn expected_seconds(plan: &Plan, runtime: &Runtime) -> Result<Option<f64>, Failure> {
    let Some(largest) = plan.copies.iter().max_by_key(|copy| copy.bytes()).filter(|_| plan.bytes() > SHORT_BYTES) else {
        return Ok(None);
    };
    let started = Instant::now();
    // Of many files the first one says it.
    let array = flagstone::open(&largest.sources[0])?;
    let lens = sample(&array.shape()?, largest.meta.chunks.as_deref(), largest.meta.dtype.size() as u64);
    let index: Vec<Index> = lens.iter().map(|&n| Index::Slice(None, Some(n as i64), None)).collect();
    let bytes = read_all(&array.index(index), runtime)?;
    Ok(Some(started.elapsed().as_secs_f64() * plan.bytes() as f64 / bytes.max(1) as f64 * WRITING))
}

/// The box of whole chunks at the start of an array that has about [`SAMPLE_BYTES`]; one chunk at least.
fn sample(shape: &[u64], chunks: Option<&[u64]>, item: u64) -> Vec<u64> {
    let ones = vec![1; shape.len()];
    let chunks = chunks.filter(|chunks| chunks.len() == shape.len()).unwrap_or(&ones);
    let mut lens: Vec<u64> = chunks.iter().zip(shape).map(|(&chunk, &len)| chunk.min(len)).collect();
    for axis in (0..shape.len()).rev() {
        let bytes = lens.iter().fold(item, |n, &len| n.saturating_mul(len));
        lens[axis] = lens[axis].saturating_mul((SAMPLE_BYTES / bytes.max(1)).max(1)).min(shape[axis]);
        if lens[axis] < shape[axis] {
            break;
        }
    }
    lens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_whole_chunks_and_small() {
        assert_eq!(sample(&[12000, 12000], Some(&[1000, 1000]), 4), [1000, 2000]);
        assert_eq!(sample(&[1 << 40], None, 8), [1 << 20]);
        assert_eq!(sample(&[5000, 1024], None, 4), [2048, 1024]);
        assert_eq!(sample(&[100, 60, 70], Some(&[10, 100, 100]), 8), [100, 60, 70]);
        // A chunk that is larger is taken all the same.
        assert_eq!(sample(&[1 << 15, 1 << 15], Some(&[1 << 14, 1 << 14]), 4), [1 << 14, 1 << 14]);
        assert!(sample(&[], None, 8).is_empty());
    }
}
