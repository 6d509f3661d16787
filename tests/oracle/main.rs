//! Random programs against a slow, obvious evaluator; the same bits under every limit, number of threads, and with or
//! without the optimiser. Small arrays, thousands of programs; arrays of a few million elements, where blocks
//! split, a few dozen (`make soak`: as many as one has time for).

mod check;
mod dice;
mod draw;
mod once_failed;
mod ops;
mod random;
mod sources;
mod tensor;

use dice::Stream;
use draw::Drawing;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use sources::Scale;
use std::time::{Duration, Instant};

fn run(rolls: &[u32], scale: Scale) -> Result<(), String> {
    let directory = tempfile::tempdir().expect("a directory");
    let start = Instant::now();
    let drawing = Drawing::new(rolls, scale, directory.path());
    let drawn = start.elapsed();
    let outcome = check::check(&drawing, directory.path());
    if std::env::var_os("ORACLE_VERBOSE").is_some() {
        let (drawn, ran) = (drawn.as_secs_f64(), (start.elapsed() - drawn).as_secs_f64());
        println!("drawn in {drawn:.2} s, run in {ran:.2} s\n{}", drawing.text(&drawing.results));
    }
    outcome
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}; expected a number")))
}

/// `cases` programs, the same on every run, or as many others as `PROPTEST_CASES` says; the smallest that fails is reported.
fn explore(scale: Scale, cases: u32) {
    let cases = variable("PROPTEST_CASES").map_or(cases, |n| n as u32);
    let config = Config { cases, max_shrink_time: 40_000, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let rolls = prop::collection::vec(0u32..1_000_000, 20..120);
    // the same programs each time, so that a gate is not red by chance; with another number of cases, others
    let mut runner = match std::env::var_os("PROPTEST_CASES") {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let outcome = runner.run(&rolls, |rolls| run(&rolls, scale).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, rolls)) => panic!("{reason}\nrolls {rolls:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn recipes_are_right_and_their_bits_depend_on_nothing() {
    explore(Scale::Small, 80);
}

/// Blocks, panels, tiles and trees in the hundreds; every task of every plan is described, counted and poisoned.
#[test]
fn recipes_under_tiny_sizes_are_right_and_their_bits_depend_on_nothing() {
    explore(Scale::Tiny, 300);
}

/// Programs `SOAK_FIRST`, + 1, … of arrays of 0.2 to 5 million elements: `SOAK_CASES` of them, or as many as start within
/// `SOAK_SECONDS`. All that fail are reported, at the end or, one after the other, in the file `SOAK_FAILURES`.
#[test]
fn recipes_of_large_arrays_are_right_and_their_bits_depend_on_nothing() {
    let cases = variable("SOAK_CASES").unwrap_or(40);
    let patience = Duration::from_secs(variable("SOAK_SECONDS").unwrap_or(60));
    let first = variable("SOAK_FIRST").unwrap_or(1);
    let (start, mut ran, mut failed) = (Instant::now(), 0, vec![]);
    for seed in first..first + cases {
        if start.elapsed() > patience {
            break;
        }
        ran += 1;
        if let Err(reason) = run(&Stream::new(seed).rolls(400), Scale::Large) {
            let report = format!("program {seed}: {reason}\n");
            if let Ok(path) = std::env::var("SOAK_FAILURES") {
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path).expect("a file for failures");
                std::io::Write::write_all(&mut file, report.as_bytes()).expect("to write failures");
            }
            failed.push(report);
        }
    }
    println!("{ran} programs in {:.0} s, {} failed", start.elapsed().as_secs_f64(), failed.len());
    assert!(failed.is_empty(), "{} of {ran} programs failed:\n{}", failed.len(), failed.join("\n"));
}

/// Programs on large arrays that failed once: a reshape and a mask of selections, and what is the same everywhere seen around blocks.
#[test]
fn large_programs_that_failed_once_are_right() {
    for seed in [70400, 70642, 71079] {
        if let Err(reason) = run(&Stream::new(seed).rolls(400), Scale::Large) {
            panic!("program {seed}: {reason}");
        }
    }
}

/// The program of the numbers in `ORACLE_ROLLS`, as a failure of the others reports them: `[1, 2, …]`; nothing without.
#[test]
fn a_program_that_is_given_is_right() {
    let Ok(text) = std::env::var("ORACLE_ROLLS") else { return };
    let rolls: Vec<u32> = text.trim_matches(['[', ']']).split(',').map(|roll| roll.trim().parse().expect("a number")).collect();
    for scale in [Scale::Small, Scale::Tiny] {
        if let Err(reason) = run(&rolls, scale) {
            panic!("{reason}");
        }
    }
}
