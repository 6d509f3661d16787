//! Random expressions against a slow, obvious evaluator; the same bits under every limit, number of threads,
//! and with or without the optimiser.

mod check;
mod draw;
mod engine;
mod naive;
mod recipe;
mod sources;
mod tensor;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Whether reductions over `x[mask]` are drawn.
const MASKED_REDUCTIONS: bool = false;

fn run(rolls: &[u32]) -> Result<(), String> {
    let directory = tempfile::tempdir().expect("a directory");
    let drawn = draw::Drawn::new(rolls, directory.path());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check::check(&drawn)));
    let outcome = caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    });
    outcome.map_err(|error| format!("{error}\n{}", drawn.recipe))
}

#[test]
fn recipes_are_right_and_their_bits_depend_on_nothing() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let config = Config { cases, max_shrink_time: 40_000, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let rolls = prop::collection::vec(0u32..1_000_000, 20..80);
    let outcome = TestRunner::new(config).run(&rolls, |rolls| run(&rolls).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, rolls)) => panic!("{reason}\nrolls {rolls:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
