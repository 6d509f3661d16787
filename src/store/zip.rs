//! A zip file → where the bytes of its members are. The directory at its end is read once; nothing is unpacked here.
//!
//! Layout: PKWARE's APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14–16 (ends), 4.5.3 (ZIP64).

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

const LOCAL: u32 = 0x0403_4b50;
const MEMBER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
const END_BYTES: usize = 22;
/// Directories that are longer are not kept in memory.
const DIRECTORY_BYTES_MAX: u64 = 1 << 30;

/// A zip file, open.
#[derive(Debug)]
pub(crate) struct Archive {
    file: File,
    /// Names one after the other.
    names: String,
    /// By name, each once.
    members: Vec<Member>,
}

/// A member of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    name: (u64, u16),
    header: u64,
    /// Bytes in the file.
    pub(crate) stored: u64,
    /// Bytes when unpacked.
    pub(crate) len: u64,
    /// CRC-32 of the unpacked bytes.
    pub(crate) sum: u32,
    /// Whether they are packed by deflate.
    pub(crate) deflated: bool,
}

impl Archive {
    /// # Errors
    /// `Store` for what is no zip file or is damaged, `Unsupported` for what is encrypted or packed by other methods.
    pub(crate) fn open(path: &Path, address: &str) -> Result<Archive> {
        let io = |e: io::Error| Error::store_io(address, &format!("reading the zip file {}", path.display()), &e);
        let bad = |what: String| Error::store(address, format!("{} as a zip file: {what}", path.display()));
        let file = File::open(path).map_err(io)?;
        let file_len = file.metadata().map_err(io)?.len();
        let (at, len) = directory(&file, file_len).map_err(io)?.map_err(bad)?;
        if len > DIRECTORY_BYTES_MAX {
            return Err(bad(format!("a directory of {len} bytes, at most {DIRECTORY_BYTES_MAX} are kept")));
        }
        let mut archive = Archive { file, names: String::new(), members: Vec::new() };
        let mut from = BufReader::new(archive.file.try_clone().map_err(io)?);
        from.seek(SeekFrom::Start(at)).map_err(io)?;
        let mut from = from.take(len);
        while from.limit() > 0 {
            archive.member(&mut from, file_len).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => bad("its directory is cut short".into()),
                io::ErrorKind::InvalidData => bad(e.to_string()),
                io::ErrorKind::Unsupported => Error::unsupported(address, e.to_string()),
                _ => io(e),
            })?;
        }
        // Of members of the same name the last one counts: that is how they are overwritten. The sort is stable.
        let Archive { names, members, .. } = &mut archive;
        let name = |m: &Member| &names[m.name.0 as usize..][..m.name.1.into()];
        members.reverse();
        members.sort_by(|a, b| name(a).cmp(name(b)));
        members.dedup_by(|later, first| name(later) == name(first));
        members.shrink_to_fit();
        Ok(archive)
    }

    /// Reads one member of the directory.
    fn member(&mut self, from: &mut impl Read, file_len: u64) -> io::Result<()> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
        let mut fixed = [0; 46];
        from.read_exact(&mut fixed)?;
        let (short, long) = (|at: usize| u16_at(&fixed, at), |at: usize| u32_at(&fixed, at));
        if long(0) != MEMBER {
            return Err(damaged("its directory is damaged"));
        }
        let (flags, method, sum) = (short(8), short(10), long(16));
        let (name_len, extra_len, comment_len) = (short(28), short(30), short(32));
        let mut rest = vec![0; usize::from(name_len) + usize::from(extra_len) + usize::from(comment_len)];
        from.read_exact(&mut rest)?;
        let (name, extra) = rest.split_at(name_len.into());
        let name = std::str::from_utf8(name).map_err(|_| damaged("a name in it is no UTF-8"))?;
        let (mut len, mut stored, mut header) = (u64::from(long(24)), u64::from(long(20)), u64::from(long(42)));
        // What is all ones stands in the extra field, in this order.
        let mut wide = extra64(&extra[..extra_len.into()]);
        for value in [&mut len, &mut stored, &mut header] {
            if *value == u64::from(u32::MAX) {
                let (eight, rest) = wide.split_first_chunk::<8>().ok_or_else(|| damaged("a length of ZIP64 is missing"))?;
                (*value, wide) = (u64::from_le_bytes(*eight), rest);
            }
        }
        if name.ends_with('/') {
            return Ok(());
        }
        let refused = |what: String| Err(io::Error::new(io::ErrorKind::Unsupported, format!("{name:?} in the zip file is {what}")));
        if flags & 1 != 0 {
            return refused("encrypted".into());
        }
        if method != 0 && method != 8 {
            return refused(format!("packed by method {method}; stored and deflated members are read"));
        }
        if header.checked_add(stored).is_none_or(|end| end > file_len) || method == 0 && stored != len {
            return Err(damaged(&format!("{name:?} is said to have {stored} bytes at {header} of {file_len}")));
        }
        let place = (self.names.len() as u64, name_len);
        self.names.push_str(name);
        self.members.push(Member { name: place, header, stored, len, sum, deflated: method == 8 });
        Ok(())
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn name(&self, member: &Member) -> &str {
        &self.names[member.name.0 as usize..][..member.name.1.into()]
    }

    /// The member of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Member> {
        self.members.binary_search_by(|m| self.name(m).cmp(name)).ok().map(|i| &self.members[i])
    }

    /// Members whose names start with `prefix`, with the rest of their names.
    pub(crate) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Member)> {
        let first = self.members.partition_point(|m| self.name(m) < prefix);
        self.members[first..].iter().map_while(move |m| self.name(m).strip_prefix(prefix).map(|rest| (rest, m)))
    }

    /// Names of the directories in `prefix`, which is empty or ends in `/`.
    pub(crate) fn directories(&self, prefix: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = self.members.partition_point(|m| self.name(m) < prefix);
        while let Some(rest) = self.members.get(at).and_then(|m| self.name(m).strip_prefix(prefix)) {
            match rest.split_once('/') {
                Some((directory, _)) => {
                    found.push(directory.to_string());
                    // '0' follows '/': past all that is in it
                    let past = format!("{prefix}{directory}0");
                    at = self.members.partition_point(|m| self.name(m) < past.as_str());
                }
                None => at += 1,
            }
        }
        found
    }

    /// Where the bytes of a member begin.
    ///
    /// # Errors
    /// When its header cannot be read or is none.
    pub(crate) fn start(&self, member: &Member) -> io::Result<u64> {
        let mut header = [0; 30];
        self.file.read_exact_at(&mut header, member.header)?;
        if u32_at(&header, 0) != LOCAL {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the zip file is damaged: no member where its directory has one"));
        }
        Ok(member.header + 30 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28)))
    }

    /// Bytes that the directory takes in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        (self.names.capacity() + self.members.capacity() * size_of::<Member>()) as u64
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// The lengths of ZIP64 among extra fields.
fn extra64(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + len) else { break };
        if id == 1 {
            return field;
        }
        extra = &extra[4 + len..];
    }
    &[]
}

/// Where the directory is, and its length.
fn directory(file: &File, file_len: u64) -> io::Result<std::result::Result<(u64, u64), String>> {
    // A comment of up to 65535 bytes may follow the end record.
    let tail_len = file_len.min(END_BYTES as u64 + 0xffff);
    let mut tail = vec![0; tail_len as usize];
    let tail_at = file_len - tail_len;
    file.read_exact_at(&mut tail, tail_at)?;
    let starts = (0..(tail.len() + 1).saturating_sub(END_BYTES)).rev();
    let is_end = |&at: &usize| u32_at(&tail, at) == END && at + END_BYTES + usize::from(u16_at(&tail, at + 20)) == tail.len();
    let Some(end) = starts.into_iter().find(is_end) else { return Ok(Err("it has no end record: it is cut short".into())) };
    let (mut len, mut at) = (u64::from(u32_at(&tail, end + 12)), u64::from(u32_at(&tail, end + 16)));
    let mut limit = tail_at + end as u64;
    if let Some(locator) = end.checked_sub(20).filter(|&locator| u32_at(&tail, locator) == LOCATOR64) {
        let record_at = u64_at(&tail, locator + 8);
        if record_at.checked_add(56).is_none_or(|end| end > file_len) {
            return Ok(Err("the end record of ZIP64 is past its end".into()));
        }
        let mut record = [0; 56];
        file.read_exact_at(&mut record, record_at)?;
        if u32_at(&record, 0) != END64 {
            return Ok(Err("it has no end record of ZIP64 where one is said to be".into()));
        }
        (len, at, limit) = (u64_at(&record, 40), u64_at(&record, 48), record_at);
    }
    Ok(match at.checked_add(len) {
        Some(end) if end <= limit => Ok((at, len)),
        _ => Err(format!("a directory of {len} bytes at {at}, of {file_len}")),
    })
}
