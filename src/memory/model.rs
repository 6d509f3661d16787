//! All interleavings of small cases: the ledger's invariants, and that somebody can always go on.
//!
//! Each task goes through its script: begin (retried until admitted), one step for each victim written and
//! each block restored (each may fail once, if the case says so), allocate, publish, finish. The explorer
//! visits every reachable state once and checks the ledger in each.

use super::BlockKey;
use super::ledger::{Ledger, Out, Refusal, Ticket};
use std::collections::HashSet;

/// States that are looked at in a case: all of them; an interpreter takes a second for a few.
const STATES_MAX: Option<usize> = if cfg!(miri) { Some(60) } else { None };

fn key(block: u64) -> BlockKey {
    BlockKey { product: 1, block }
}

#[derive(Clone, Default)]
struct Script {
    reads: Vec<BlockKey>,
    takes: Vec<BlockKey>,
    new_bytes: u64,
    /// Key, bytes and readers of what it publishes, out of its reserve.
    publishes: Option<(BlockKey, u64, u64)>,
    removes: Option<BlockKey>,
}

#[derive(Clone, PartialEq, Eq, Hash, Default)]
enum At {
    #[default]
    Waiting,
    Moving(Ticket),
    Running(u64, u64),
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    ledger: Ledger,
    tasks: Vec<At>,
    faults_left: u32,
}

impl World {
    fn check(&self) {
        let moving: Vec<&Ticket> =
            self.tasks.iter().filter_map(|at| if let At::Moving(ticket) = at { Some(ticket) } else { None }).collect();
        let buffers = self.tasks.iter().map(|at| if let At::Running(_, taken) = at { *taken } else { 0 }).sum();
        self.ledger.check(buffers, &moving);
    }

    /// The worlds that one step of a task may lead to; none if it has to wait.
    fn steps(&self, scripts: &[Script], task: usize) -> Vec<World> {
        let script = &scripts[task];
        let mut next = self.clone();
        match &self.tasks[task] {
            At::Done => return vec![],
            At::Waiting => match next.ledger.begin(&script.reads, &script.takes, script.new_bytes, false) {
                Ok(mut ticket) => {
                    ticket.dropped.clear();
                    next.tasks[task] = At::Moving(ticket);
                }
                Err(Refusal::NotNow) => {
                    assert!(next.ledger == self.ledger, "a refusal changes nothing");
                    return vec![];
                }
                // Somebody removed what it wants to read: it fails.
                Err(Refusal::Missing(_)) if scripts.iter().any(|script| script.removes.is_some()) => next.tasks[task] = At::Done,
                Err(refusal) => panic!("{refusal:?}"),
            },
            At::Moving(ticket) => {
                let mut ticket = ticket.clone();
                let mut worlds = Vec::new();
                let io = !ticket.victims.is_empty() || !ticket.restores.is_empty();
                if io && self.faults_left > 0 {
                    let mut failed = self.clone();
                    failed.faults_left -= 1;
                    let mut ticket = ticket.clone();
                    if let Some(&restore) = ticket.restores.first().filter(|_| ticket.is_funded()) {
                        failed.ledger.filling(&mut ticket, restore);
                    }
                    failed.ledger.abort(ticket);
                    failed.tasks[task] = At::Waiting;
                    worlds.push(failed);
                }
                if let Some(&victim) = ticket.victims.first() {
                    assert!(matches!(next.ledger.spilled(&mut ticket, victim), Out::Spilled | Out::Gone));
                    if ticket.victims.is_empty() {
                        next.ledger.funded(&mut ticket);
                    }
                    next.tasks[task] = At::Moving(ticket);
                } else if let Some(&restore) = ticket.restores.first() {
                    if !ticket.is_funded() {
                        next.ledger.funded(&mut ticket);
                    }
                    next.ledger.filling(&mut ticket, restore);
                    next.ledger.restored(&mut ticket, restore);
                    next.tasks[task] = At::Moving(ticket);
                } else {
                    if !ticket.is_funded() {
                        next.ledger.funded(&mut ticket);
                    }
                    let mut taken = 0;
                    for &key in &script.takes {
                        taken += next.ledger.blocks[&key].bytes;
                        assert!(next.ledger.take(ticket.grant, key));
                    }
                    next.tasks[task] = At::Running(ticket.grant, taken);
                }
                worlds.push(next);
                return worlds;
            }
            &At::Running(grant, taken) => {
                if taken > 0 {
                    next.ledger.drop_buffer(grant, taken);
                }
                if let Some((key, bytes, readers)) = script.publishes {
                    assert!(next.ledger.allocate(grant, bytes));
                    assert!(next.ledger.publish(grant, key, bytes, readers));
                }
                if let Some(key) = script.removes {
                    next.ledger.remove(key);
                }
                next.ledger.release(grant, true);
                next.tasks[task] = At::Done;
            }
        }
        vec![next]
    }
}

/// Explores the case; the number of states. `blocks`: bytes and readers of blocks 0, 1, … at the start.
fn explore(limit: u64, blocks: &[(u64, u64)], scripts: &[Script], faults: u32) -> usize {
    let mut ledger = Ledger::new(limit);
    for (block, &(bytes, readers)) in blocks.iter().enumerate() {
        let mut ticket = ledger.begin(&[], &[], bytes, false).unwrap();
        while let Some(&victim) = ticket.victims.first() {
            ledger.spilled(&mut ticket, victim);
        }
        ledger.funded(&mut ticket);
        assert!(ledger.allocate(ticket.grant, bytes));
        assert!(ledger.publish(ticket.grant, key(block as u64), bytes, readers));
        ledger.release(ticket.grant, true);
    }
    let start = World { ledger, tasks: vec![At::Waiting; scripts.len()], faults_left: faults };
    let (mut seen, mut open) = (HashSet::from([start.clone()]), vec![start]);
    while let Some(world) = open.pop().filter(|_| STATES_MAX.is_none_or(|most| seen.len() <= most)) {
        world.check();
        let next: Vec<World> = (0..scripts.len()).flat_map(|task| world.steps(scripts, task)).collect();
        if next.is_empty() {
            assert!(world.tasks.iter().all(|at| *at == At::Done), "deadlock");
        }
        for world in next {
            if seen.insert(world.clone()) {
                open.push(world);
            }
        }
    }
    seen.len()
}

fn reader(reads: &[u64], new_bytes: u64) -> Script {
    Script { reads: reads.iter().map(|&block| key(block)).collect(), new_bytes, ..Script::default() }
}

#[test]
fn three_readers_in_every_limit_they_fit_alone() {
    let scripts = [reader(&[0, 1], 1), reader(&[1, 2, 2], 1), reader(&[2, 0, 3], 2)];
    let mut states = 0;
    for limit in 5..=10 {
        for faults in 0..2 {
            states += explore(limit, &[(1, 2), (2, 2), (1, 3), (1, u64::MAX)], &scripts, faults);
        }
    }
    assert!(states > 1000 || STATES_MAX.is_some(), "{states} states explored");
}

#[test]
fn takers_publishers_and_removers() {
    let taker = Script { takes: vec![key(0)], new_bytes: 1, publishes: Some((key(10), 2, 1)), ..Script::default() };
    let publisher = Script { publishes: Some((key(11), 3, 2)), removes: Some(key(2)), ..reader(&[1], 3) };
    let remover = Script { removes: Some(key(1)), publishes: Some((key(12), 1, 0)), ..reader(&[3], 2) };
    // A buffer of 2 that was taken goes to the reserve, out of which 2 are published.
    for limit in 5..=9 {
        for faults in 0..2 {
            explore(
                limit,
                &[(2, 1), (2, u64::MAX), (2, u64::MAX), (2, u64::MAX)],
                &[taker.clone(), publisher.clone(), remover.clone()],
                faults,
            );
        }
    }
}

#[test]
fn four_tasks_of_one_large_block_each() {
    let scripts: Vec<Script> = (0..4).map(|block| reader(&[block], 1)).collect();
    explore(5, &[(4, 1), (4, 1), (3, 1), (2, 1)], &scripts, 1);
}

#[test]
fn the_latest_next_use_leaves_first_and_the_oldest_of_the_unknown() {
    let mut ledger = Ledger::new(6);
    let add = |ledger: &mut Ledger, block: u64, bytes: u64| {
        let mut ticket = ledger.begin(&[], &[], bytes, false).unwrap();
        let victims = ticket.victims.clone();
        victims.iter().for_each(|&victim| assert_eq!(ledger.spilled(&mut ticket, victim), Out::Spilled));
        ledger.funded(&mut ticket);
        assert!(ledger.allocate(ticket.grant, bytes) && ledger.publish(ticket.grant, key(block), bytes, u64::MAX));
        ledger.release(ticket.grant, true);
        victims.iter().map(|victim| victim.block).collect::<Vec<_>>()
    };
    ledger.set_next_use(key(1), 50);
    for block in 0..6 {
        assert!(add(&mut ledger, block, 1).is_empty());
    }
    ledger.set_next_use(key(0), 10);
    ledger.set_next_use(key(3), 20);
    assert_eq!(add(&mut ledger, 6, 1), [2]);
    let ticket = ledger.begin(&[key(4)], &[], 0, false).unwrap();
    ledger.release(ticket.grant, true);
    assert_eq!(add(&mut ledger, 7, 2), [5, 6]);
    assert_eq!(add(&mut ledger, 8, 3), [4, 7]);
    assert_eq!(add(&mut ledger, 9, 4), [8, 1]);
}

#[test]
fn small_victims_chosen_before_a_large_one_stay() {
    let mut ledger = Ledger::new(10);
    for (block, bytes) in [(0, 1), (1, 1), (2, 8)] {
        let mut ticket = ledger.begin(&[], &[], bytes, false).unwrap();
        ledger.funded(&mut ticket);
        assert!(ledger.allocate(ticket.grant, bytes) && ledger.publish(ticket.grant, key(block), bytes, u64::MAX));
        ledger.release(ticket.grant, true);
    }
    assert_eq!(ledger.begin(&[], &[], 8, false).unwrap().victims, [key(2)]);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut ledger = Ledger::new(10);
    assert_eq!(ledger.begin(&[], &[], 11, false), Err(Refusal::TooLarge(11)));
    assert_eq!(ledger.begin(&[key(0)], &[], 0, false), Err(Refusal::Missing(key(0))));
    assert_eq!(ledger.begin(&[key(0)], &[key(0)], 0, false), Err(Refusal::Conflict(key(0))));
    assert_eq!(ledger.begin(&[], &[key(0), key(0)], 0, false), Err(Refusal::Conflict(key(0))));
    let mut ticket = ledger.begin(&[], &[], 6, true).unwrap();
    ledger.funded(&mut ticket);
    // what stands does not go away while tasks wait; another reservation may wait for it
    assert_eq!(ledger.begin(&[], &[], 5, false), Err(Refusal::TooLarge(5)));
    assert_eq!(ledger.begin(&[], &[], 5, true), Err(Refusal::NotNow));
    assert!(!ledger.allocate(ticket.grant, 7));
    ledger.release(ticket.grant, true);
    assert!(ledger.begin(&[], &[], 5, false).is_ok());
}
