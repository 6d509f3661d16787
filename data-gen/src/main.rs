//! Arguments → an array at an address, and a manifest beside it that says how it was made.
//!
//! Values depend on the seed, the distribution and an element's index alone: chunks, codec, threads and
//! the memory limit change the file, never the numbers in it.

mod checksum;
mod distribution;
mod manifest;

use clap::Parser;
use distribution::{Distribution, Parameters};
use flagstone::array::{Array, full, where_};
use flagstone::convert::NewArray;
use flagstone::diagnostics::Progress;
use flagstone::store;
use flagstone::{DType, Error, Result, Runtime, budget, open, random};
use manifest::Manifest;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

/// Writes an array of random numbers, or checks one that was written.
///
/// Beside the data goes NAME.manifest.json: seed, distribution, parameters, shape, dtype, and a checksum of
/// the values that does not depend on chunks or codec.
#[derive(Parser)]
#[command(version, about)]
struct Args {
    /// Where to: file.h5:/dataset, dir.zarr or file.npy
    address: String,
    /// Lengths of the axes: 1000000000 or 8000,20000
    #[arg(long, value_name = "N,...", value_parser = shape, required_unless_present = "verify")]
    shape: Option<Shape>,
    /// Element type: f4, f8, i1 to i8, u1 to u8, f2
    #[arg(long, default_value = "f8", value_parser = dtype)]
    dtype: DType,
    /// What the values are
    #[arg(long, value_enum, default_value_t = Distribution::Uniform)]
    dist: Distribution,
    /// A parameter of the distribution, NumPy's name: --param low=0 high=10; or the address of an array with a value for each element
    #[arg(long = "param", value_name = "NAME=VALUE", num_args = 1..)]
    params: Vec<String>,
    /// The part of the elements that is NaN, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "FRACTION")]
    nan_fraction: f64,
    #[command(flatten)]
    stored: NewArray,
    /// The same seed gives the same values
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Bytes of memory that may be used: 256MiB, 1.5GB [default: half of what there is]
    #[arg(long, value_name = "SIZE", value_parser = budget::parse_bytes)]
    memory_limit: Option<u64>,
    /// Replace what stands at the address
    #[arg(long)]
    overwrite: bool,
    /// Write nothing; compare the values at the address with its manifest
    #[arg(long, conflicts_with_all = ["shape", "overwrite", "chunks", "shards", "codec", "zarr_version", "dims"])]
    verify: bool,
}

/// A list that clap takes as one value.
#[derive(Clone)]
struct Shape(Vec<u64>);

fn shape(text: &str) -> std::result::Result<Shape, String> {
    let one = |part: &str| part.trim().parse().map_err(|_| format!("{part:?} is no length; expected whole numbers as in 8000,20000"));
    text.split(',').map(one).collect::<std::result::Result<_, _>>().map(Shape)
}

fn dtype(text: &str) -> std::result::Result<DType, String> {
    let allowed = |dtype: &DType| !dtype.is_complex() && *dtype != DType::Bool;
    DType::parse(text).filter(allowed).ok_or_else(|| format!("{text:?} is no dtype; expected f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 or u8"))
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("data-gen: {}", error.kind());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let mut builder = Runtime::builder();
    if let Some(bytes) = args.memory_limit {
        builder = builder.memory_limit_bytes(bytes);
    }
    if std::io::stderr().is_terminal() {
        builder = builder.observer(Arc::new(Progress::stderr()));
    }
    let runtime = builder.build()?;
    if args.verify { verify(&runtime, &args.address) } else { generate(&runtime, args) }
}

fn generate(runtime: &Runtime, args: &Args) -> Result<()> {
    let shape = args.shape.as_ref().map(|shape| shape.0.clone()).unwrap_or_default();
    let parameters = Parameters::read(args.dist, &args.params)?;
    let options = args.stored.options(&shape)?.overwrite(args.overwrite);
    let chunks = args.stored.chunk_lengths(&shape)?;
    let array = values(args, &shape, chunks.as_deref(), &parameters)?;
    let manifest_path = manifest::path(&args.address)?;
    if !args.overwrite {
        let stands = if store::exists(&args.address) { args.address.clone() } else { manifest_path.display().to_string() };
        if store::exists(&args.address) || manifest_path.exists() {
            return Err(Error::store(stands, "stands there already; give --overwrite to replace it"));
        }
    }
    // A manifest of other data must not outlive that data.
    manifest::remove(&manifest_path)?;
    runtime.store_with(&array, &args.address, &options)?;
    // Of what is in the file, not of what was meant to be: so writing is checked as well.
    let checksum = checksum::of(runtime, &open(&args.address)?)?;
    let manifest = Manifest {
        generator: format!("data-gen {}", env!("CARGO_PKG_VERSION")),
        distribution: args.dist.name().to_string(),
        parameters: parameters.listed(),
        seed: args.seed,
        nan_fraction: args.nan_fraction,
        shape,
        dtype: args.dtype.name().to_string(),
        chunks,
        shards: options.shards,
        codec: options.codec.as_ref().map(ToString::to_string),
        checksum: checksum::text(checksum),
    };
    manifest.write(&manifest_path)?;
    println!("{}: {} {:?}, {}", args.address, args.dtype, manifest.shape, manifest.checksum);
    Ok(())
}

/// The array that the arguments describe.
fn values(args: &Args, shape: &[u64], chunks: Option<&[u64]>, parameters: &Parameters) -> Result<Array> {
    let array = parameters.array(shape, args.dtype, args.seed, chunks)?;
    let fraction = args.nan_fraction;
    if fraction == 0.0 {
        return array.check().map(|()| array);
    }
    if !(0.0..=1.0).contains(&fraction) {
        return Err(Error::bad_request("--nan-fraction", format!("{fraction} was given; expected 0 to 1")));
    }
    if !args.dtype.is_float() {
        return Err(Error::bad_request("--nan-fraction", format!("{} has no NaN; use --dtype f4 or f8", args.dtype)));
    }
    // Another stream of the same seed: the values that stay are those of a fraction of 0.
    let draw = random::random().shape(shape).seed(args.seed).stream(1).build();
    let with_nan = where_(draw.lt(fraction), full((), f64::NAN, args.dtype), array);
    with_nan.check().map(|()| with_nan)
}

fn verify(runtime: &Runtime, address: &str) -> Result<()> {
    let path = manifest::path(address)?;
    let manifest = Manifest::read(&path)?;
    let array = open(address)?;
    let (shape, dtype) = (array.shape()?, array.dtype()?);
    if shape != manifest.shape || dtype.name() != manifest.dtype {
        let what = format!("holds {dtype} {shape:?}, its manifest says {} {:?}", manifest.dtype, manifest.shape);
        return Err(Error::store(address, what));
    }
    let found = checksum::text(checksum::of(runtime, &array)?);
    if found != manifest.checksum {
        return Err(Error::store(address, format!("its values have {found}, its manifest says {}", manifest.checksum)));
    }
    println!("{address}: {dtype} {shape:?}, {found}: as in {}", path.display());
    Ok(())
}
