//! `flagstone pyramid`: all levels of an OME-Zarr image pyramid, by one read of the image.

use crate::engine::Engine;
use crate::{Failure, print};
use flagstone::convert::{Halving, Lengths, Pyramid, PyramidOptions};
use flagstone::error::Bytes;
use flagstone::store::Codec;
use std::time::Instant;

/// Arguments of `flagstone pyramid`.
#[derive(clap::Args)]
pub struct Args {
    /// The image: an array of 2 to 5 axes
    source: String,
    /// The Zarr group that becomes the pyramid, such as image.ome.zarr
    target: String,
    /// Names of the axes, such as tczyx [default: the image's own, else the last of tczyx]
    #[arg(long)]
    axes: Option<String>,
    /// The axes that are halved, such as yx [default: those of space]
    #[arg(long)]
    halve: Option<String>,
    /// What stands for the places that become one: of labels take the mode
    #[arg(long, value_enum, default_value = "mean")]
    method: Method,
    /// How many levels, the image itself too [default: until no side is longer than 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    levels: Option<u8>,
    /// Chunk lengths: 1,1,16,256,256 or by axis z=16,y=256 [default: the image's]
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    chunks: Option<Lengths>,
    /// Shard lengths, written as --chunks
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    shards: Option<Lengths>,
    /// How levels are compressed: none, zstd:3, gzip:1, blosc:lz4:5
    #[arg(long)]
    codec: Option<Codec>,
    /// What a place measures along axes: z=2.0,y=0.5,x=0.5 [default: 1]
    #[arg(long, value_name = "AXIS=N,...", value_delimiter = ',', value_parser = scale)]
    scale: Vec<(String, f64)>,
    /// The unit of that, such as micrometer
    #[arg(long)]
    unit: Option<String>,
    /// Go on with what was stopped, behind the levels that are there
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    engine: Engine,
}

/// The names of [`Halving`].
#[derive(Clone, Copy, clap::ValueEnum)]
enum Method {
    Mean,
    Nearest,
    Mode,
}

fn scale(text: &str) -> Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(name, value)| Some((name.trim().to_string(), value.trim().parse::<f64>().ok()?)));
    parsed.filter(|(_, value)| value.is_finite() && *value > 0.0).ok_or_else(|| format!("{text:?} is no scale; expected as in z=2.0,y=0.5"))
}

/// Says what will be written, and writes it.
pub fn run(args: Args) -> Result<(), Failure> {
    let how = match args.method {
        Method::Mean => Halving::Mean,
        Method::Nearest => Halving::Nearest,
        Method::Mode => Halving::Mode,
    };
    let options = PyramidOptions::default()
        .axes(args.axes)
        .halved(args.halve)
        .how(how)
        .levels(args.levels.map(usize::from))
        .chunks(args.chunks)
        .shards(args.shards)
        .codec(args.codec)
        .scale(args.scale)
        .unit(args.unit)
        .resume(args.resume);
    let plan = Pyramid::new(&args.source, &args.target, &options)?;
    let runtime = args.engine.start()?;
    let shapes: Vec<String> = plan.levels.iter().map(|shape| shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x")).collect();
    let there = if plan.there == 0 { String::new() } else { format!(" ({} are there)", plan.there) };
    print(&format!("{} levels{there}, {}: {}", plan.levels.len(), Bytes(plan.bytes()), shapes.join(" ")))?;
    let started = Instant::now();
    plan.run(&runtime)?;
    print(&format!("{}, {:.1} s", args.target, started.elapsed().as_secs_f64()))
}
