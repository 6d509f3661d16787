//! What `eval` and `run` share: a value is computed and printed, stored or explained.

use crate::engine::Engine;
use crate::show::Results;
use crate::{Failure, print};
use clap::ValueEnum;
use flagstone::array::{Array, StoreOptions, Value, plan_of};
use flagstone::convert::NewArray;
use flagstone::diagnostics::{Observers, Profile, Report, Warnings};
use flagstone::events::Observer;
use flagstone::memory;
use flagstone::runtime::{CancelToken, Runtime};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How a value is computed, and what becomes of it.
#[derive(clap::Args)]
pub struct Compute {
    /// Store the result: .npy, .zarr or .h5 (file.h5:/x)
    #[arg(short, long, value_name = "OUT")]
    output: Option<String>,
    #[command(flatten)]
    stored: NewArray,
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

/// What watches the computation.
struct Watch {
    warnings: Arc<Warnings>,
    profile: Option<Arc<Profile>>,
    observers: Arc<Observers>,
}

impl Watch {
    fn new(args: &Compute) -> Result<Watch, Failure> {
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

impl Compute {
    /// Computes what `build` makes, and prints, stores or explains it.
    pub fn run(&self, build: impl FnOnce() -> Result<Value, Failure>) -> Result<(), Failure> {
        if self.output.is_none() && !self.stored.is_default() {
            return Err(Failure::Usage(
                "--chunks, --shards, --codec, --zarr-version and --dims say how a result is stored: give --output".into(),
            ));
        }
        let started = Instant::now();
        let watch = Watch::new(self)?;
        let runtime = self.engine.builder().optimize(!self.no_optimize).observer(watch.observers.clone()).build()?;
        let runtime = runtime.cancelled_by(&cancel_on_interrupt()?);
        // Building `x[mask].shape` counts: in this runtime too.
        runtime.make_default();
        let outcome = build().and_then(|value| match self.explain {
            Some(Form::Text) if self.json => explain(self, &runtime, &value, Form::Json),
            Some(form) => explain(self, &runtime, &value, form),
            None => compute(self, &runtime, &value, &watch, started),
        });
        let closed = watch.profile.as_ref().map_or(Ok(()), |profile| profile.finish());
        outcome.and_then(|()| Ok(closed?))
    }
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

/// The arrays in `value`, from left to right.
pub fn arrays(value: &Value) -> Vec<&Array> {
    match value {
        Value::Array(array) => vec![array],
        Value::Tuple(items) | Value::List(items) => items.iter().flat_map(arrays).collect(),
        _ => Vec::new(),
    }
}

fn explain(args: &Compute, runtime: &Runtime, value: &Value, form: Form) -> Result<(), Failure> {
    let explanation = match &args.output {
        Some(address) => {
            let (array, options) = stored(args, value)?;
            runtime.explain_store(array, address, &options)?
        }
        None => {
            let exprs = arrays(value).into_iter().map(Array::expr).collect::<Result<Vec<_>, _>>()?;
            if exprs.is_empty() {
                return Err(Failure::Message("there is nothing to explain: the result is known without computing".into()));
            }
            runtime.explain_exprs(&exprs)?
        }
    };
    print(
        match form {
            Form::Text => explanation.to_string(),
            Form::Dot => explanation.dot(),
            Form::Json => format!("{:#}", with_plan(explanation.json(), value)),
        }
        .trim_end(),
    )
}

/// The explanation with what `flagstone run` computes, or why that cannot be written down.
fn with_plan(mut explanation: serde_json::Value, value: &Value) -> serde_json::Value {
    match plan_of(value) {
        Ok(plan) => explanation["plan"] = plan,
        Err(error) => explanation["no_plan"] = json!(error.kind().to_string()),
    }
    explanation
}

fn compute(args: &Compute, runtime: &Runtime, value: &Value, watch: &Watch, started: Instant) -> Result<(), Failure> {
    COMPUTING.store(true, Ordering::SeqCst);
    let output = args.output.as_deref();
    let results = match output {
        Some(address) => {
            store(args, address, runtime, value)?;
            None
        }
        None => Some(Results::compute(value, runtime)?),
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
            let expr = runtime.settle(array)?.expr()?;
            serde_json::json!({"dtype": expr.dtype.name(), "shape": expr.shape, "output": output})
        }
        (None, None) => serde_json::json!({}),
    };
    if let (Some(all), serde_json::Value::Object(cost)) = (json.as_object_mut(), cost) {
        all.extend(cost);
    }
    print(&json.to_string())
}

fn store(args: &Compute, address: &str, runtime: &Runtime, value: &Value) -> Result<(), Failure> {
    let (array, options) = stored(args, value)?;
    Ok(runtime.store_with(array, address, &options)?)
}

/// What is stored, and how.
fn stored<'a>(args: &Compute, value: &'a Value) -> Result<(&'a Array, StoreOptions), Failure> {
    let Value::Array(array) = value else {
        let found = match value {
            Value::Tuple(items) | Value::List(items) => format!("{} values", items.len()),
            _ => "no array".to_string(),
        };
        return Err(Failure::Message(format!("-o stores one array, the expression gives {found}")));
    };
    // What waits for a count is settled by asking for its lengths: only where they are asked for.
    let options = if args.stored.is_default() { StoreOptions::new() } else { args.stored.options(&array.shape()?)? };
    Ok((array, options.overwrite(args.overwrite)))
}
