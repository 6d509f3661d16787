//! The pool with real memory, disks that fail, and threads.

use super::*;
use crate::error::ErrorKind;
use crate::events::{Counters, Event, Observer};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MIB: u64 = 1 << 20;

fn key(product: u64, block: u64) -> BlockKey {
    BlockKey { product, block }
}

fn options(limit_bytes: u64) -> PoolOptions {
    PoolOptions {
        limit_bytes,
        spill_dir: Some(std::env::current_dir().unwrap()),
        spill_cap_bytes: None,
        counters: Arc::default(),
        observer: None,
        disk: None,
    }
}

fn pool(limit_bytes: u64) -> Pool {
    Pool::new(options(limit_bytes)).unwrap()
}

/// Bytes that say which block they are; every other block is noise, which does not compress.
fn pattern(key: BlockKey, at: usize) -> u8 {
    let place = if key.block.is_multiple_of(2) { at / 64 } else { at } as u64;
    let mut word = (key.product << 40 | key.block << 32 | place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) as u8 ^ (word >> 56) as u8
}

fn fill(key: BlockKey, bytes: &mut [u8]) {
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = pattern(key, at));
}

fn is_filled(key: BlockKey, bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, &byte)| byte == pattern(key, at))
}

fn try_publish(pool: &Pool, key: BlockKey, len: u64, readers: u64) -> crate::Result<()> {
    let mut grant = pool.admit(&Request { new_bytes: rounded(len), ..Request::default() })?.expect("nothing is held");
    let mut buffer = grant.allocate(len)?;
    fill(key, &mut buffer);
    grant.publish(key, buffer, readers);
    grant.finish();
    Ok(())
}

fn publish(pool: &Pool, key: BlockKey, len: u64, readers: u64) {
    try_publish(pool, key, len, readers).unwrap();
}

fn admit_reads(pool: &Pool, reads: &[BlockKey]) -> crate::Result<Option<Grant>> {
    pool.admit(&Request { reads, ..Request::default() })
}

/// Reads one block without counting it off.
fn holds(pool: &Pool, key: BlockKey, len: u64) -> crate::Result<bool> {
    let grant = admit_reads(pool, &[key])?.expect("nothing is held");
    Ok(grant.read(0).len() as u64 == len && is_filled(key, grant.read(0)))
}

#[test]
fn a_block_that_stayed_goes_with_its_last_reader_once_those_are_known() {
    let pool = pool(16 << 10);
    // the first of them is on disk by then
    (0..3).for_each(|block| publish(&pool, key(1, block), 8000, u64::MAX));
    publish(&pool, key(2, 0), 100, u64::MAX);
    admit_reads(&pool, &[key(1, 0)]).unwrap().unwrap().finish();
    pool.expect_readers(1, |block| block);
    for (block, left) in [(0, 3), (1, 2), (2, 2), (2, 1)] {
        assert!(holds(&pool, key(1, block), 8000).unwrap(), "what is not counted off stays");
        admit_reads(&pool, &[key(1, block)]).unwrap().unwrap().finish();
        assert_eq!(pool.usage().blocks, left, "after a read of block {block}");
    }
    assert!(holds(&pool, key(2, 0), 100).unwrap(), "a block of another product");
}

#[test]
fn the_last_reader_frees_a_block() {
    let pool = pool(MIB);
    publish(&pool, key(1, 0), 5000, 3);
    assert_eq!((pool.usage().resident_bytes, pool.usage().used_bytes, pool.usage().blocks), (8192, 8192, 1));
    let twice = admit_reads(&pool, &[key(1, 0), key(1, 0)]).unwrap().unwrap();
    assert!(is_filled(key(1, 0), twice.read(1)) && twice.read(0).len() == 5000);
    assert_eq!(pool.usage().pinned_bytes, 8192);
    drop(admit_reads(&pool, &[key(1, 0)]).unwrap().unwrap());
    twice.finish();
    assert!(pool.contains(key(1, 0)));
    admit_reads(&pool, &[key(1, 0)]).unwrap().unwrap().finish();
    assert!(!pool.contains(key(1, 0)));
    assert_eq!((pool.usage().used_bytes, pool.usage().blocks, pool.usage().free_bytes), (0, 0, 8192));
    assert!(matches!(admit_reads(&pool, &[key(1, 0)]).unwrap_err().kind(), ErrorKind::Internal(_)));
    publish(&pool, key(1, 1), 100, 0);
    assert_eq!(pool.usage().blocks, 0);
    pool.trim();
    assert_eq!(pool.usage(), Usage::default());
}

#[test]
fn a_taken_block_is_written_on_in_place() {
    let pool = pool(MIB);
    publish(&pool, key(1, 0), 100_000, 1);
    let reading = admit_reads(&pool, &[key(1, 0)]).unwrap().unwrap();
    let takes = Request { takes: &[key(1, 0)], ..Request::default() };
    assert!(pool.admit(&takes).unwrap().is_none());
    let place = reading.read(0).as_ptr();
    drop(reading);
    let mut grant = pool.admit(&takes).unwrap().unwrap();
    assert!(admit_reads(&pool, &[key(1, 0)]).unwrap().is_none());
    let mut buffer = grant.take(0);
    assert!(!pool.contains(key(1, 0)));
    assert_eq!((buffer.as_ptr(), buffer.len()), (place, 100_000));
    fill(key(2, 0), &mut buffer);
    grant.publish(key(2, 0), buffer, 1);
    assert!(admit_reads(&pool, &[key(2, 0)]).unwrap().is_some());
    grant.finish();
    assert!(holds(&pool, key(2, 0), 100_000).unwrap());
    drop(pool.admit(&Request { takes: &[key(2, 0)], ..Request::default() }).unwrap().unwrap());
    assert!(pool.contains(key(2, 0)), "not taken, not finished: as before");
    pool.admit(&Request { takes: &[key(2, 0)], ..Request::default() }).unwrap().unwrap().finish();
    assert_eq!(pool.usage().used_bytes, 0);
}

#[test]
fn a_reserve_is_kept_to() {
    let pool = pool(MIB);
    let mut grant = pool.admit(&Request { new_bytes: 12288, ..Request::default() }).unwrap().unwrap();
    let first = grant.allocate(8000).unwrap();
    assert!(matches!(grant.allocate(5000).unwrap_err().kind(), ErrorKind::Internal(_)));
    assert_eq!(grant.reserve_left(), 4096);
    drop(first);
    let outliving = grant.allocate(12000).unwrap();
    assert_eq!(outliving.as_ptr() as usize % 64, 0);
    drop(grant);
    assert_eq!(pool.usage().used_bytes, 12288);
    assert!(pool.reserve(MIB).unwrap().is_none());
    drop(outliving);
    let whole = pool.reserve(MIB).unwrap().unwrap();
    assert_eq!((pool.usage().used_bytes, pool.usage().free_bytes), (MIB, 0));
    let beside = pool.admit(&Request { new_bytes: 1, ..Request::default() }).unwrap_err();
    assert!(matches!(beside.kind(), ErrorKind::WouldNotFit { smallest_bytes, .. } if *smallest_bytes == MIB + 1), "{beside}");
    drop(whole);
    let error = pool.reserve(MIB + 1).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldNotFit { needed_bytes, .. } if *needed_bytes == MIB + 1));
    publish(&pool, key(1, 0), MIB / 2, 1);
    let request = Request { reads: &[key(1, 0)], new_bytes: MIB / 2 + 4096, takes: &[] };
    assert!(matches!(pool.admit(&request).unwrap_err().kind(), ErrorKind::WouldNotFit { .. }));
    assert!(holds(&pool, key(1, 0), MIB / 2).unwrap());
    let request = Request { reads: &[key(1, 0)], new_bytes: MIB / 2, takes: &[] };
    assert!(pool.admit(&request).unwrap().is_some());
    let mut empty = pool.admit(&Request::default()).unwrap().unwrap();
    let buffer = empty.allocate(0).unwrap();
    empty.publish(key(1, 9), buffer, 1);
    drop(empty);
    assert!(holds(&pool, key(1, 9), 0).unwrap());
}

/// Without a limit nothing but the system says no.
#[test]
fn a_size_that_no_system_has_is_an_error() {
    let pool = pool(u64::MAX);
    for bytes in [1 << 50, u64::MAX / 2] {
        let mut grant = pool.admit(&Request { new_bytes: rounded(bytes), ..Request::default() }).unwrap().unwrap();
        let error = grant.allocate(bytes).unwrap_err().to_string();
        assert!(error.contains("the system refused") && error.contains("smaller memory limit"), "{error}");
        drop(grant);
        assert_eq!(pool.usage(), Usage::default());
    }
}

#[test]
fn blocks_leave_and_come_back_as_they_were() {
    struct Heard(AtomicU64, AtomicU64);
    impl Observer for Heard {
        fn event(&self, event: &Event<'_>) {
            if let Event::Spilled { written, bytes, .. } = event {
                if *written { &self.0 } else { &self.1 }.fetch_add(*bytes, SeqCst);
            }
        }
    }
    let heard = Arc::new(Heard(AtomicU64::new(0), AtomicU64::new(0)));
    let options = PoolOptions { observer: Some(heard.clone()), ..options(4 * MIB) };
    let counters = options.counters.clone();
    let pool = Pool::new(options).unwrap();
    let len = |block: u64| [3000, 100_001, 1_048_576, 2_500_003][block as usize % 4];
    for block in 0..20 {
        publish(&pool, key(7, block), len(block), u64::MAX);
    }
    assert!(pool.usage().spilled_bytes > 10 * MIB && pool.usage().used_bytes <= 4 * MIB);
    for block in (0..20).rev() {
        assert!(holds(&pool, key(7, block), len(block)).unwrap(), "block {block}");
    }
    let written = counters.spill_written_bytes.load(SeqCst);
    assert!(written > 0 && written < counters.spilled_bytes.load(SeqCst), "even blocks compress");
    let everything: u64 = (0..20).map(len).sum();
    assert!(counters.spilled_bytes.load(SeqCst) <= everything, "no block was written twice");
    for block in 0..20 {
        assert!(holds(&pool, key(7, block), len(block)).unwrap());
    }
    assert!(counters.spilled_bytes.load(SeqCst) <= everything, "clean blocks leave without being written");
    assert_eq!(heard.0.load(SeqCst), counters.spilled_bytes.load(SeqCst));
    assert!(heard.1.load(SeqCst) > everything);
    assert!(counters.peak_reserved_bytes.load(SeqCst) <= 4 * MIB);
    pool.remove(key(7, 3));
    assert!(!pool.contains(key(7, 3)));
    let pinned = admit_reads(&pool, &[key(7, 0)]).unwrap().unwrap();
    pool.remove_product(7);
    assert!(is_filled(key(7, 0), pinned.read(0)));
    assert!(!pool.contains(key(7, 0)) && pool.usage().blocks == 1);
    drop(pinned);
    assert_eq!((pool.usage().blocks, pool.usage().used_bytes, pool.usage().spilled_bytes), (0, 0, 0));
}

/// A disk in memory that fails when told to.
#[derive(Default)]
struct Faulty {
    bytes: Mutex<Vec<u8>>,
    operations: AtomicU64,
    /// The operation (counted from 1) that fails; 0 for none.
    fails_at: AtomicU64,
    /// Flip a bit of what the failing read returns instead.
    flips: bool,
}

impl Faulty {
    fn fails(&self) -> bool {
        self.operations.fetch_add(1, SeqCst) + 1 == self.fails_at.load(SeqCst)
    }
}

impl SpillDisk for Faulty {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.fails() && !self.flips {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let mut file = self.bytes.lock().unwrap();
        let end = offset as usize + bytes.len();
        let len = file.len().max(end);
        file.resize(len, 0);
        file[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let fails = self.fails();
        if fails && !self.flips {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let file = self.bytes.lock().unwrap();
        bytes.copy_from_slice(&file[offset as usize..offset as usize + bytes.len()]);
        if fails {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        }
        Ok(())
    }

    fn truncate(&self, len: u64) {
        self.bytes.lock().unwrap().truncate(len as usize);
    }
}

/// Fills four times the limit and reads it back, trying again after each error; the number of errors.
fn run_over(disk: &Arc<Faulty>) -> usize {
    let pool = Pool::new(PoolOptions { disk: Some(disk.clone()), ..options(4 * MIB) }).unwrap();
    let mut errors = Vec::new();
    let mut patiently = |what: &dyn Fn() -> crate::Result<bool>| {
        for _ in 0..3 {
            match what() {
                Ok(true) => return,
                Ok(false) => panic!("wrong data"),
                Err(error) => errors.push(error),
            }
        }
        panic!("{errors:?}");
    };
    for block in 0..11 {
        patiently(&|| try_publish(&pool, key(3, block), 1_500_000, u64::MAX).map(|()| true));
    }
    for block in 0..11 {
        patiently(&|| holds(&pool, key(3, block), 1_500_000));
    }
    pool.remove_product(3);
    assert_eq!((pool.usage().used_bytes, pool.usage().blocks), (0, 0));
    for error in &errors {
        assert!(matches!(error.kind(), ErrorKind::Spill { .. }), "{error}");
    }
    if let Some(error) = errors.iter().find(|error| error.to_string().contains("writing")) {
        assert!(error.to_string().contains("--spill-dir") && error.to_string().contains("MiB"), "{error}");
    }
    errors.len()
}

#[test]
fn a_disk_that_fails_once_loses_nothing() {
    for flips in [false, true] {
        let mut failures = 0;
        for fails_at in 1.. {
            let disk = Arc::new(Faulty { fails_at: AtomicU64::new(fails_at), flips, ..Faulty::default() });
            failures += run_over(&disk);
            if disk.operations.load(SeqCst) < fails_at {
                break;
            }
        }
        assert!(failures >= 10, "{failures}");
    }
}

#[test]
fn bytes_that_rot_on_disk_are_an_error_every_time() {
    let disk = Arc::new(Faulty::default());
    let pool = Pool::new(PoolOptions { disk: Some(disk.clone()), ..options(2 * MIB) }).unwrap();
    for block in 0..4 {
        publish(&pool, key(1, block), MIB, u64::MAX);
    }
    disk.bytes.lock().unwrap().iter_mut().for_each(|byte| *byte ^= 0x10);
    for _ in 0..2 {
        let error = holds(&pool, key(1, 0), MIB).unwrap_err();
        assert!(error.to_string().contains("corrupt"), "{error}");
    }
    assert!(holds(&pool, key(1, 3), MIB).unwrap());
    pool.remove_product(1);
    assert_eq!(pool.usage().used_bytes, 0);
}

/// Two blocks of one size, each whole and with its own bytes, but in each other's place.
#[test]
fn blocks_that_change_places_on_disk_are_an_error() {
    let disk = Arc::new(Faulty::default());
    let pool = Pool::new(PoolOptions { disk: Some(disk.clone()), ..options(2 * MIB) }).unwrap();
    // odd blocks do not compress: the first two are spilled as they are, one after the other
    for block in [1, 3, 5, 7] {
        publish(&pool, key(1, block), MIB, u64::MAX);
    }
    {
        let mut file = disk.bytes.lock().unwrap();
        assert_eq!(file.len() as u64, 2 * MIB);
        let (first, second) = file.split_at_mut(MIB as usize);
        first.swap_with_slice(second);
    }
    for block in [1, 3] {
        let error = holds(&pool, key(1, block), MIB).expect_err("another block's bytes").to_string();
        assert!(error.contains("corrupt"), "{error}");
    }
}

/// A block that was spilled, read back and taken leaves nothing on disk: round after round fits the cap.
#[test]
fn a_taken_block_gives_up_its_copy_on_disk() {
    let disk = Arc::new(Faulty::default());
    let options = PoolOptions { disk: Some(disk.clone()), spill_cap_bytes: Some(3 * MIB), ..options(2 * MIB) };
    let pool = Pool::new(options).unwrap();
    for round in 0..8 {
        let blocks = [1, 3, 5, 7].map(|block| key(round, block));
        for block in blocks {
            try_publish(&pool, block, MIB, 1).unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert!(pool.usage().spilled_bytes >= 2 * MIB);
        for block in blocks {
            let mut grant = pool.admit(&Request { takes: &[block], ..Request::default() }).unwrap().expect("nothing is held");
            assert!(is_filled(block, &grant.take(0)));
            grant.finish();
        }
        assert_eq!((pool.usage().blocks, pool.usage().spilled_bytes, pool.usage().used_bytes), (0, 0, 0));
    }
    assert!(disk.bytes.lock().unwrap().len() as u64 <= 3 * MIB);
}

/// A disk that does something while a block is written to it.
#[derive(Default)]
struct Meanwhile {
    disk: Faulty,
    does: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl SpillDisk for Meanwhile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let does = self.does.lock().unwrap().take();
        does.into_iter().for_each(|does| does());
        self.disk.write_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.read_at(bytes, offset)
    }
}

/// A block that is removed while it is written out leaves nothing on disk: round after round fits the cap.
#[test]
fn a_block_removed_on_its_way_out_leaves_nothing_on_disk() {
    let disk = Arc::new(Meanwhile::default());
    let options = PoolOptions { disk: Some(disk.clone()), spill_cap_bytes: Some(2 * MIB), ..options(2 * MIB) };
    let pool = Pool::new(options).unwrap();
    for round in 0..8 {
        // the third makes the first leave
        publish(&pool, key(round, 1), MIB, u64::MAX);
        publish(&pool, key(round, 3), MIB, u64::MAX);
        let removing = pool.clone();
        *disk.does.lock().unwrap() = Some(Box::new(move || removing.remove(key(round, 1))));
        try_publish(&pool, key(round, 5), MIB, u64::MAX).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(disk.does.lock().unwrap().is_none() && !pool.contains(key(round, 1)), "it left, and was removed meanwhile");
        pool.remove_product(round);
        assert_eq!((pool.usage().blocks, pool.usage().spilled_bytes, pool.usage().used_bytes), (0, 0, 0));
    }
}

#[test]
fn the_cap_on_disk_is_kept_to_and_copies_give_way() {
    let disk = Arc::new(Faulty::default());
    let options = PoolOptions { disk: Some(disk.clone()), spill_cap_bytes: Some(3 * MIB), ..options(2 * MIB) };
    let pool = Pool::new(options).unwrap();
    // Odd blocks do not compress: two in memory, three on disk.
    for block in [1, 3, 5, 7, 9] {
        publish(&pool, key(1, block), MIB, u64::MAX);
    }
    let error = try_publish(&pool, key(1, 11), MIB, 1).unwrap_err();
    assert!(error.to_string().contains("cap of 3 MiB"), "{error}");
    pool.remove(key(1, 9));
    // Blocks go round: the copies of those in memory make room for others.
    for round in 0..3 {
        for block in [1, 3, 5, 7] {
            assert!(holds(&pool, key(1, block), MIB).unwrap(), "{round} {block}");
        }
    }
    publish(&pool, key(1, 11), MIB, u64::MAX);
    assert!(disk.bytes.lock().unwrap().len() as u64 <= 3 * MIB);
    for block in [1, 3, 5, 7, 11] {
        assert!(holds(&pool, key(1, block), MIB).is_ok_and(|held| held) || pool.contains(key(1, block)));
    }
}

#[test]
fn sleepers_wake_when_something_is_released() {
    let pool = pool(MIB);
    let held = pool.reserve(MIB).unwrap().unwrap();
    let seen = pool.changed();
    assert!(pool.reserve(1).unwrap().is_none());
    assert_eq!(pool.wait_change(seen, Duration::from_millis(5)), seen);
    let other = pool.clone();
    let sleeper = std::thread::spawn(move || other.wait_change(seen, Duration::from_secs(60)));
    std::thread::sleep(Duration::from_millis(20));
    drop(held);
    assert!(sleeper.join().unwrap() > seen);
    assert!(pool.reserve(1).unwrap().is_some());
}

/// Tasks in a dependency chain over a tiny limit: product p's block b is made from blocks b and b + 1 of p − 1.
fn stress(threads: usize, disk: Option<Arc<Faulty>>) -> u64 {
    const WIDTH: u64 = 12;
    const DEPTH: u64 = 12;
    const LEN: u64 = 200_000;
    let counters = Arc::new(Counters::default());
    let faults = disk.is_some();
    let disk = disk.map(|disk| disk as Arc<dyn SpillDisk>);
    let pool = Pool::new(PoolOptions { counters: counters.clone(), disk, ..options(threads as u64 * 4 * rounded(LEN)) }).unwrap();
    for block in 0..WIDTH {
        assert!((0..3).any(|_| try_publish(&pool, key(1, block), LEN, 2).is_ok()));
    }
    let todo: Mutex<Vec<(u64, u64)>> = Mutex::new((2..=DEPTH).flat_map(|p| (0..WIDTH).map(move |b| (p, b))).rev().collect());
    let work = || {
        loop {
            let Some((product, block)) = todo.lock().unwrap().pop() else { return };
            let reads = [key(product - 1, block), key(product - 1, (block + 1) % WIDTH)];
            let mut patience = 0;
            let mut grant = loop {
                let seen = pool.changed();
                let ready = reads.iter().all(|&key| pool.contains(key));
                match ready.then(|| pool.admit(&Request { reads: &reads, takes: &[], new_bytes: rounded(LEN) })) {
                    Some(Ok(Some(grant))) => break grant,
                    Some(Err(error)) => assert!(faults && matches!(error.kind(), ErrorKind::Spill { .. }), "{error}"),
                    _ => drop(pool.wait_change(seen, Duration::from_secs(20))),
                }
                patience += 1;
                assert!(patience < 10_000, "no progress");
            };
            assert!(pool.usage().used_bytes <= pool.limit_bytes());
            assert!(is_filled(reads[0], grant.read(0)) && is_filled(reads[1], grant.read(1)), "{product} {block}");
            let mut buffer = grant.allocate(LEN).unwrap();
            fill(key(product, block), &mut buffer);
            grant.publish(key(product, block), buffer, 2);
            grant.finish();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let usage = pool.usage();
    assert_eq!((usage.blocks, usage.pinned_bytes, usage.reserved_bytes), (WIDTH, 0, 0));
    for block in 0..WIDTH {
        assert!((0..9).any(|_| holds(&pool, key(DEPTH, block), LEN).is_ok_and(|held| held)));
    }
    pool.remove_product(DEPTH);
    assert_eq!((pool.usage().used_bytes, pool.usage().spilled_bytes), (0, 0));
    counters.spilled_bytes.load(SeqCst)
}

#[test]
fn threads_under_a_tiny_limit_see_right_blocks() {
    for threads in [1, 2, 4] {
        assert!(threads == 4 || stress(threads, None) > 0);
        stress(threads, None);
    }
}

#[test]
fn threads_with_a_disk_that_fails_see_right_blocks() {
    for threads in [1, 2, 4] {
        for fails_at in [1, 5, 30, 60] {
            stress(threads, Some(Arc::new(Faulty { fails_at: AtomicU64::new(fails_at), flips: fails_at % 2 == 0, ..Faulty::default() })));
        }
    }
}

/// In a process of its own, since resident memory is the process's: eight times the limit through the pool.
#[test]
fn resident_memory_keeps_to_the_limit() {
    const LIMIT: u64 = 96 * MIB;
    if std::env::var_os("FLAGSTONE_TEST_RESIDENT").is_none() {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::tests::resident_memory_keeps_to_the_limit", "--nocapture"])
            .env("FLAGSTONE_TEST_RESIDENT", "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        return;
    }
    tune_allocator();
    let before = peak_resident_bytes();
    let pool = pool(LIMIT);
    let len = |block: u64| [1000, 70_000, 5 * MIB + 4096, 12 * MIB + 77, 3 * MIB][block as usize % 5];
    let mut total = 0;
    for block in 0..180 {
        publish(&pool, key(1, block), len(block), 2);
        total += len(block);
    }
    assert!(total > 7 * LIMIT);
    for block in 0..180 {
        let other = block * 7 % 180;
        let grant = admit_reads(&pool, &[key(1, block), key(1, other)]).unwrap().unwrap();
        assert!(is_filled(key(1, block), grant.read(0)) && is_filled(key(1, other), grant.read(1)));
        grant.finish();
    }
    assert_eq!((pool.usage().blocks, pool.usage().used_bytes), (0, 0));
    let grown = peak_resident_bytes() - before;
    assert!(grown <= LIMIT + 8 * MIB, "{grown} bytes more than before, the limit is {LIMIT}");
    pool.trim();
    assert!(resident_bytes() < before + 16 * MIB);
}
