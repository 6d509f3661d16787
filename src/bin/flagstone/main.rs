//! The command line: `flagstone eval` computes an expression over stored arrays, `flagstone run` a plan of one, `flagstone
//! info` describes what is stored, `convert`, `diff` and `verify` copy, compare and read it, `pyramid` makes image pyramids.
//!
//! Exit codes: 0 done, 1 an error (one message on stderr), 2 wrong usage, 130 interrupted.

mod compute;
mod convert;
mod diff;
mod engine;
mod eval;
mod info;
mod json;
mod pyramid;
mod run;
mod show;
mod verify;

use clap::{Parser, Subcommand};
use flagstone::Error;
use flagstone::error::ErrorKind;
use std::io::Write;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "flagstone", version, about = "Out-of-core N-d arrays: NumPy expressions under a hard memory limit")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compute an expression in NumPy's notation over stored arrays
    Eval(eval::Args),
    /// Compute what a plan says that `eval --explain=json` wrote
    Run(run::Args),
    /// Describe a stored array, or list a group as a tree
    Info(info::Args),
    /// Copy an array or a group to another format, chunks or codec
    Convert(convert::Args),
    /// Make all levels of an OME-Zarr image pyramid
    Pyramid(pyramid::Args),
    /// Say where and by how much two arrays or groups differ
    Diff(diff::Args),
    /// Read all chunks and check their checksums
    Verify(verify::Args),
}

/// Why the process ends without having done what was asked.
enum Failure {
    /// The command line itself is wrong.
    Usage(String),
    /// Anything else, as the message to print.
    Message(String),
    /// The user interrupted.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error.kind() {
            ErrorKind::Cancelled => Failure::Interrupted,
            // The place of a building call is in this program: of no use to its user.
            kind => Failure::Message(kind.to_string()),
        }
    }
}

/// Prints to stdout; a reader that went away is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Message(format!("writing to stdout: {e}"))),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    flagstone::memory::tune_allocator();
    flagstone::memory::end_blas_threads();
    let outcome = match Cli::parse().command {
        Command::Eval(args) => eval::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Convert(args) => convert::run(args),
        Command::Pyramid(args) => pyramid::run(args),
        Command::Diff(args) => diff::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n\nFor more information, try '--help'.");
            ExitCode::from(2)
        }
        Err(Failure::Message(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(1)
        }
        Err(Failure::Interrupted) => {
            eprintln!("interrupted");
            ExitCode::from(130)
        }
    }
}
