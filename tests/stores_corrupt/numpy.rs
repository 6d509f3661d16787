//! Damaged files of NumPy, members of archives, and fields of structured elements.

use crate::damage::{cases, files, peak_bytes, python, read_damaged};

#[test]
fn damaged_files_of_numpy_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_npz.py", dir.path());
    let told = std::fs::read_to_string(dir.path().join("told.txt")).unwrap();
    let samples: Vec<String> = told.lines().map(|line| dir.path().join(line.split_once('\t').unwrap().0).display().to_string()).collect();
    let (count, mut random) = cases(3000);
    let mut refused = 0;
    for _ in 0..count {
        let address = random.of(&samples);
        let path = dir.path().join(address[dir.path().as_os_str().len() + 1..].split([':', '#']).next().unwrap());
        let all = files(&path);
        let file = random.of(&all);
        let good = std::fs::read(file).unwrap();
        // The header of an .npy file stands at its start; the directory of an archive at its end.
        let (start, end) = match random.below(3) {
            0 => (0, good.len().min(192)),
            1 => (good.len().saturating_sub(600), good.len()),
            _ => (0, good.len()),
        };
        let part = if random.below(3) == 0 { random.reworded(&good[start..end]) } else { random.damaged(&good[start..end]) };
        let bad = [&good[..start], &part, &good[end..]].concat();
        refused += u64::from(read_damaged(address, file, &good, &bad).is_err());
    }
    println!("{refused} of {count} were refused; {} MiB at most", peak_bytes() >> 20);
    assert!(refused > count / 10, "{refused} of {count} were refused");
}
