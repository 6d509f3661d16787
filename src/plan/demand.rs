//! What the tasks of a plan need at most.

use super::Plan;

/// The stage whose tasks hold the most bytes at once, and how many at most; `None` for an empty plan.
pub fn most_demanding(plan: &Plan) -> Option<(&str, u64)> {
    let demands = plan.stages.iter().map(|node| (node.stage.name(), node.stage.demand_bytes()));
    demands.max_by_key(|(_, bytes)| *bytes)
}

/// Bytes that a task of the plan holds at once at most: the smallest limit under which every task can start.
pub fn demand_bytes(plan: &Plan) -> u64 {
    most_demanding(plan).map_or(0, |(_, bytes)| bytes)
}
