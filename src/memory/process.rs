//! The operating system → numbers about this process and what it may use.

use std::fs;
use std::path::Path;

/// Half of the smaller of the machine's memory and the memory of the control group (version 1 or 2, with its
/// ancestors) that this process is in.
pub fn default_memory_limit() -> u64 {
    let physical = physical_bytes();
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let cgroup = cgroup_limit(&groups, Path::new("/sys/fs/cgroup"));
    (cgroup.map_or(physical, |limit| limit.min(physical)) / 2).max(1 << 20)
}

fn physical_bytes() -> u64 {
    // SAFETY: sysconf only reads.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).unwrap_or(0).saturating_mul(u64::try_from(page).unwrap_or(0)).max(1 << 30)
}

/// The least limit of the groups named in `groups` (the text of /proc/self/cgroup) and their ancestors.
fn cgroup_limit(groups: &str, root: &Path) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (base, file) = if controllers.is_empty() {
            (root.to_path_buf(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // Inside a container the path may be the host's, unknown here: its ancestors end at the root.
        for ancestor in Path::new(path.trim_start_matches('/')).ancestors() {
            let text = fs::read_to_string(base.join(ancestor).join(file)).unwrap_or_default();
            if let Ok(limit) = text.trim().parse::<u64>() {
                least = Some(least.map_or(limit, |least: u64| least.min(limit)));
            }
        }
    }
    least
}

/// The largest resident set of this process so far, in bytes, file pages included.
pub fn peak_resident_bytes() -> u64 {
    if let Some(kib) = status_kib("VmHWM:") {
        return kib * 1024;
    }
    // SAFETY: all zeroes is a valid rusage, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
}

/// The resident set of this process now, in bytes.
pub fn resident_bytes() -> u64 {
    status_kib("VmRSS:").unwrap_or(0) * 1024
}

fn status_kib(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Makes the C allocator give memory back: blocks from 256 KiB mapped on their own, the heap's top trimmed,
/// two arenas. Without it glibc keeps freed buffers of a mebibyte, which the limit would not know of.
/// Call it before threads start; elsewhere than with glibc it does nothing.
pub fn tune_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes plain numbers and is safe to call at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 10);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Ends the threads that OpenBLAS starts as a program is loaded, and which look for work before they sleep: 4 to 12 % of jobs of 0.1 s on one
/// machine of two cores, nothing to speak of on another. Tasks call it on their own threads. For programs that use it through this library
/// alone, before they start threads; it starts its own again where it needs them.
pub fn end_blas_threads() {
    // SAFETY: a function of OpenBLAS without arguments, which is called before anybody else calls the library; null where it has none.
    unsafe {
        let end = libc::dlsym(libc::RTLD_DEFAULT, c"blas_thread_shutdown_".as_ptr());
        if !end.is_null() {
            std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> libc::c_int>(end)();
        }
    }
}

/// Bytes that this process moved, from /proc/self/io; zero where the system does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessIo {
    /// Read from disk, past the page cache.
    pub read_bytes: u64,
    /// Written towards the disk.
    pub write_bytes: u64,
    /// Asked for by read calls, cached or not.
    pub read_call_bytes: u64,
    /// Given to write calls.
    pub write_call_bytes: u64,
}

/// Bytes that this process has moved since it started.
pub fn process_io() -> ProcessIo {
    parse_io(&fs::read_to_string("/proc/self/io").unwrap_or_default())
}

fn parse_io(text: &str) -> ProcessIo {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    ProcessIo {
        read_bytes: field("read_bytes"),
        write_bytes: field("write_bytes"),
        read_call_bytes: field("rchar"),
        write_call_bytes: field("wchar"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_the_groups_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(cgroup_limit("0::/a/b\n", root.path()), None);
        write("a/b/memory.max", "max\n");
        assert_eq!(cgroup_limit("0::/a/b\n", root.path()), None);
        write("a/memory.max", "5000\n");
        assert_eq!(cgroup_limit("0::/a/b\n", root.path()), Some(5000));
        write("memory/memory.limit_in_bytes", "4000\n");
        assert_eq!(cgroup_limit("4:cpu,memory:/not/here\n0::/a/b\n", root.path()), Some(4000));
        assert_eq!(cgroup_limit("4:cpu:/a\nnonsense\n", root.path()), None);
    }

    #[test]
    fn the_process_is_measured() {
        assert!(default_memory_limit() >= 1 << 20);
        assert!(default_memory_limit() <= physical_bytes() / 2);
        let before = peak_resident_bytes();
        assert!(before > 1 << 20);
        std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_resident_bytes() >= 64 << 20);
        tune_allocator();
    }

    #[test]
    fn io_is_parsed() {
        let io = parse_io("rchar: 10\nwchar: 20\nsyscr: 3\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n");
        assert_eq!(io, ProcessIo { read_bytes: 4096, write_bytes: 8192, read_call_bytes: 10, write_call_bytes: 20 });
    }
}
