//! `flagstone eval`: an expression over stored arrays.

use crate::engine::Engine;
use crate::show::Results;
use crate::{Failure, print};
use clap::ValueEnum;
use flagstone::array::{self, Array, Chunks, StoreOptions, Value};
use flagstone::diagnostics::{Observers, Profile, Report, Warnings};
use flagstone::eval::{Evaluator, is_name};
use flagstone::events::Observer;
use flagstone::memory;
use flagstone::runtime::{CancelToken, Runtime};
use flagstone::store::Codec;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Arguments of `flagstone eval`.
#[derive(clap::Args)]
pub struct Args {
    /// The expression: the NumPy subset of Python's syntax; `;` parts statements, the last value is the result
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,
    /// Arrays by name: x=file.h5:/x y=dir.zarr z=file.npy
    #[arg(value_name = "NAME=ADDRESS", value_parser = binding)]
    arrays: Vec<(String, String)>,
    /// Store the result: .npy, .zarr or .h5 (file.h5:/x)
    #[arg(short, long, value_name = "OUT")]
    output: Option<String>,
    /// Chunk lengths of the stored result, one an axis: 1000,1000
    #[arg(long, value_name = "N,...", value_parser = chunk_lengths, requires = "output")]
    chunks: Option<ChunkLengths>,
    /// How the stored result is compressed: none, zstd:3, gzip:1, blosc:lz4:5, lzf
    #[arg(long, requires = "output")]
    codec: Option<Codec>,
    /// Replace what stands at OUT
    #[arg(long, requires = "output")]
    overwrite: bool,
    #[command(flatten)]
    engine: Engine,
    /// Print the result and what it cost as JSON
    #[arg(long)]
    json: bool,
    /// Print what would be done, and compute nothing
    #[arg(long, value_enum, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    explain: Option<Form>,
    /// Run the expression as written, without rewriting it
    #[arg(long)]
    no_optimize: bool,
    /// Write a trace of every task for chrome://tracing or ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Dot,
    Json,
}

/// A list that clap takes as one value.
#[derive(Clone)]
struct ChunkLengths(Vec<u64>);

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

fn chunk_lengths(text: &str) -> Result<ChunkLengths, String> {
    let one = |part: &str| match part.trim().parse() {
        Ok(0) | Err(_) => Err(format!("{part:?} is no chunk length; expected whole numbers above 0 as in 1000,1000")),
        Ok(n) => Ok(n),
    };
    text.split(',').map(one).collect::<Result<_, _>>().map(ChunkLengths)
}

/// What watches the computation.
struct Watch {
    warnings: Arc<Warnings>,
    profile: Option<Arc<Profile>>,
    observers: Arc<Observers>,
}

impl Watch {
    fn new(args: &Args) -> Result<Watch, Failure> {
        let warnings = Arc::new(Warnings::default());
        let mut all: Vec<Arc<dyn Observer>> = vec![warnings.clone()];
        all.extend(args.engine.observers());
        let profile = match (&args.profile, args.explain) {
            (Some(path), None) => Some(Arc::new(Profile::create(path)?)),
            _ => None,
        };
        all.extend(profile.clone().map(|p| p as Arc<dyn Observer>));
        Ok(Watch { warnings, profile, observers: Arc::new(Observers(all)) })
    }
}

/// Evaluates, and prints, stores or explains the result.
pub fn run(args: Args) -> Result<(), Failure> {
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
    let started = Instant::now();
    let watch = Watch::new(&args)?;
    let runtime = args.engine.builder().optimize(!args.no_optimize).observer(watch.observers.clone()).build()?;
    // Building `x[mask].shape` counts: in this runtime too.
    runtime.make_default();
    let cancel = cancel_on_interrupt()?;
    let outcome = evaluate(&args).and_then(|value| match args.explain {
        Some(form) => explain(&runtime, &value, form),
        None => compute(&args, &runtime, &value, &watch, &cancel, started),
    });
    let closed = watch.profile.as_ref().map_or(Ok(()), |profile| profile.finish());
    outcome.and_then(|()| Ok(closed?))
}

/// Whether an interrupt must wait until what runs has been told to stop and has tidied up.
static COMPUTING: AtomicBool = AtomicBool::new(false);

fn cancel_on_interrupt() -> Result<CancelToken, Failure> {
    let cancel = CancelToken::new();
    let on_signal = cancel.clone();
    let handler = move || {
        on_signal.cancel();
        if !COMPUTING.load(Ordering::SeqCst) {
            // Names are being looked up: nothing has been started that would have to be undone.
            eprintln!("interrupted");
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|e| Failure::Message(format!("cannot listen for an interrupt: {e}")))?;
    Ok(cancel)
}

fn evaluate(args: &Args) -> Result<Value, Failure> {
    let mut evaluator = Evaluator::new();
    for (name, address) in &args.arrays {
        evaluator.define(name, Value::Array(array::open(address)?));
    }
    let text = &args.expression;
    evaluator.run(text).map_err(|error| Failure::Message(error.render(text)))
}

/// The arrays in `value`, from left to right.
pub fn arrays(value: &Value) -> Vec<&Array> {
    match value {
        Value::Array(array) => vec![array],
        Value::Tuple(items) | Value::List(items) => items.iter().flat_map(arrays).collect(),
        _ => Vec::new(),
    }
}

fn explain(runtime: &Runtime, value: &Value, form: Form) -> Result<(), Failure> {
    let exprs = arrays(value).into_iter().map(Array::expr).collect::<Result<Vec<_>, _>>()?;
    if exprs.is_empty() {
        return Err(Failure::Message("there is nothing to explain: the result is known without computing".into()));
    }
    let explanation = runtime.explain_exprs(&exprs)?;
    print(
        match form {
            Form::Text => explanation.to_string(),
            Form::Dot => explanation.dot(),
            Form::Json => format!("{:#}", explanation.json()),
        }
        .trim_end(),
    )
}

fn compute(args: &Args, runtime: &Runtime, value: &Value, watch: &Watch, cancel: &CancelToken, started: Instant) -> Result<(), Failure> {
    COMPUTING.store(true, Ordering::SeqCst);
    let output = args.output.as_deref();
    let results = match output {
        Some(address) => {
            store(args, address, runtime, value, cancel)?;
            None
        }
        None => Some(Results::compute(value, runtime, cancel)?),
    };
    if !args.json {
        return results.map_or(Ok(()), |results| print(&results.text(value)));
    }
    let wall = started.elapsed();
    let peak = memory::peak_resident_bytes();
    let report = Report::new(runtime.counters(), wall, peak, watch.warnings.list());
    let cost = serde_json::to_value(report).map_err(|e| Failure::Message(e.to_string()))?;
    let mut json = match (results, arrays(value).first()) {
        (Some(results), _) => results.json(value),
        (None, Some(array)) => {
            let expr = runtime.settle(array, cancel)?.expr()?;
            serde_json::json!({"dtype": expr.dtype.name(), "shape": expr.shape, "output": output})
        }
        (None, None) => serde_json::json!({}),
    };
    if let (Some(all), serde_json::Value::Object(cost)) = (json.as_object_mut(), cost) {
        all.extend(cost);
    }
    print(&json.to_string())
}

fn store(args: &Args, address: &str, runtime: &Runtime, value: &Value, cancel: &CancelToken) -> Result<(), Failure> {
    let Value::Array(array) = value else {
        let found = match value {
            Value::Tuple(items) | Value::List(items) => format!("{} values", items.len()),
            _ => "no array".to_string(),
        };
        return Err(Failure::Message(format!("-o stores one array, the expression gives {found}")));
    };
    let mut options = StoreOptions::new().overwrite(args.overwrite);
    options.chunks = args.chunks.as_ref().map(|lengths| Chunks::from(lengths.0.clone()));
    options.codec = args.codec.clone();
    Ok(runtime.store_until(array, address, &options, cancel)?)
}
