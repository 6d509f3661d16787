//! A plan → text, a graph for Graphviz, or JSON.

use super::Plan;
use crate::error::Bytes;
use serde::Serialize;
use std::fmt;

/// One stage of an explained plan.
#[derive(Clone, Debug, Serialize)]
pub struct StageLine {
    /// Its name.
    pub name: String,
    /// Number of tasks.
    pub tasks: u64,
    /// Bytes that any of its tasks holds at once at most.
    pub demand_bytes: u64,
    /// Bytes of stores that it will move, decoded.
    pub moved_bytes: u64,
    /// Floating-point operations of all its tasks, about; 0 where they move data.
    pub flops: u64,
    /// When it runs: `ranked 0`, `pulled`, `following`.
    pub drive: String,
    /// Positions of the stages whose blocks it reads.
    pub reads: Vec<usize>,
}

/// What would be done, and what it would take.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The optimised expression.
    pub expression: String,
    /// The stages in order; where phases must run first, those of the first one's most demanding pass.
    pub stages: Vec<StageLine>,
    /// The memory limit in bytes.
    pub limit_bytes: u64,
    /// The smallest limit under which there is a plan; `limit_bytes` may be below it.
    pub smallest_bytes: u64,
    /// Phases that must run first because later shapes depend on their values.
    pub phases_before: Vec<String>,
}

impl Explanation {
    /// Describes `plan`, under a limit of which a smaller one would do.
    pub fn new(expression: String, plan: &Plan, (limit_bytes, smallest_bytes): (u64, u64), phases_before: Vec<String>) -> Explanation {
        let stages = plan.stages.iter().map(|node| {
            let mut reads: Vec<usize> = node.stage.inputs().into_iter().filter_map(|product| plan.producer(product)).collect();
            reads.sort_unstable();
            reads.dedup();
            let drive = match node.drive {
                super::Drive::Ranked(rank) => format!("ranked {rank}"),
                super::Drive::Pulled => "pulled".to_string(),
                super::Drive::Following => "following".to_string(),
            };
            StageLine {
                name: node.stage.name().to_string(),
                tasks: node.stage.tasks(),
                demand_bytes: node.stage.demand_bytes(),
                moved_bytes: node.stage.moved_bytes(),
                flops: node.stage.all_flops(),
                drive,
                reads,
            }
        });
        Explanation { expression, stages: stages.collect(), limit_bytes, smallest_bytes, phases_before }
    }

    /// The stages as a Graphviz digraph.
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph plan {\n  rankdir=LR; node [shape=box, fontname=\"monospace\"];\n");
        for (i, stage) in self.stages.iter().enumerate() {
            let name = stage.name.replace('\\', "\\\\").replace('"', "\\\"");
            out.push_str(&format!("  s{i} [label=\"{name}\\n{} tasks, {} each at most\"];\n", stage.tasks, Bytes(stage.demand_bytes)));
        }
        for (i, stage) in self.stages.iter().enumerate() {
            for from in stage.reads.iter().filter(|&&from| from != i) {
                out.push_str(&format!("  s{from} -> s{i};\n"));
            }
        }
        out.push_str("}\n");
        out
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expression)?;
        for (at, phase) in self.phases_before.iter().enumerate() {
            writeln!(f, "{}: {phase}", if at == 0 { "first" } else { "then" })?;
        }
        if self.stages.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let width = self.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
        // a column for those who multiply
        let multiplies = self.stages.iter().any(|stage| stage.flops > 0);
        let flops = |text: String| if multiplies { format!("  {text:>10}") } else { String::new() };
        let head = flops("flops".to_string());
        writeln!(f, "{:>3}  {:width$}  {:>10}  {:>10}  {:>10}{head}  {:10}  reads", "#", "stage", "tasks", "demand", "moves", "drive")?;
        for (i, stage) in self.stages.iter().enumerate() {
            let reads: Vec<String> = stage.reads.iter().map(|from| format!("#{from}")).collect();
            writeln!(
                f,
                "{i:>3}  {:width$}  {:>10}  {:>10}  {:>10}{}  {:10}  {}",
                stage.name,
                stage.tasks,
                Bytes(stage.demand_bytes).to_string(),
                Bytes(stage.moved_bytes).to_string(),
                flops(thousands(stage.flops)),
                stage.drive,
                reads.join(" ")
            )?;
        }
        let smallest = Bytes(self.smallest_bytes);
        match self.limit_bytes {
            u64::MAX => writeln!(f, "no memory limit; {smallest} would do")?,
            limit if limit < self.smallest_bytes => writeln!(f, "memory limit {}, which is too small; {smallest} would do", Bytes(limit))?,
            limit => writeln!(f, "memory limit {}; {smallest} would do", Bytes(limit))?,
        }
        Ok(())
    }
}

/// A number in thousands, millions and so on: `384 G`.
fn thousands(n: u64) -> String {
    let units = ["", " k", " M", " G", " T", " P", " E"];
    let at = (n.checked_ilog10().unwrap_or(0) / 3) as usize;
    let value = n as f64 / 1000f64.powi(at as i32);
    if at == 0 || value >= 99.95 { format!("{value:.0}{}", units[at]) } else { format!("{value:.1}{}", units[at]) }
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn large_numbers_are_read_at_a_glance() {
        let all = [(0, "0"), (999, "999"), (1000, "1.0 k"), (99_949, "99.9 k"), (384_000_000_000, "384 G"), (u64::MAX, "18.4 E")];
        all.into_iter().for_each(|(n, text)| assert_eq!(thousands(n), text));
    }
}
