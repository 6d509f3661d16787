//! Members of `.npz` files, zip files of `.npy` files: those that are stored are read where they lie, one that is packed is unpacked once,
//! when it is first read, to a file without a name. Memory stays bounded either way.

use super::Flat;
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::zip::{Archive, Member};
use crate::store::{Meta, Moved, Node, Refused, Store};
use flagstone_kernels::view::ViewMut;
use flate2::{Crc, read::DeflateDecoder};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What is unpacked at once.
const PIECE_BYTES: usize = 64 << 10;
/// So many bytes of a packed member are unpacked to read its header.
const HEADER_BYTES: u64 = 64 << 10;
const ENDING: &str = ".npy";

/// Whether a zip file holds `.npy` files.
pub(crate) fn is_npz(file: &Path) -> bool {
    Archive::open(file, "").is_ok_and(|archive| archive.below("").any(|(name, _)| name.ends_with(ENDING)))
}

/// The member of a name, with or without its ending; and a field of its elements behind the last `#`.
fn find<'a, 'b>(archive: &'a Archive, inside: &'b str) -> Option<(&'a Member, Option<&'b str>)> {
    let member = |name: &str| archive.find(&format!("{name}{ENDING}")).or_else(|| archive.find(name).filter(|_| name.ends_with(ENDING)));
    let name = inside.trim_start_matches('/');
    member(name).map(|found| (found, None)).or_else(|| {
        let (name, field) = name.rsplit_once('#')?;
        member(name).map(|found| (found, Some(field)))
    })
}

fn names(archive: &Archive) -> Vec<&str> {
    archive.below("").filter_map(|(name, _)| name.strip_suffix(ENDING)).collect()
}

/// Opens the member `inside` of a file; an empty name stands for the only one.
///
/// # Errors
/// `Store` for a member that is not there (naming those that are) or damaged, `Unsupported` for elements that are no numbers.
pub(crate) fn open(file: &Path, inside: &str, address: &str) -> Result<Arc<dyn Store>> {
    let archive = Arc::new(Archive::open(file, address)?);
    let names = names(&archive);
    let inside = match (inside.trim_matches('/'), &names[..]) {
        ("", [only]) => *only,
        ("", many) => return Err(Error::store(address, format!("holds {} arrays; choose one: {}", many.len(), listed(file, many)))),
        (name, _) => name,
    };
    let Some((member, field)) = find(&archive, inside) else {
        return Err(Error::store(address, format!("there is no {inside}.npy in it; there is {}", listed(file, &names))));
    };
    member_store(&archive, *member, field, address)
}

fn member_store(archive: &Arc<Archive>, member: Member, field: Option<&str>, address: &str) -> Result<Arc<dyn Store>> {
    let io = |e: io::Error| Error::store_io(address, "reading the zip file", &e);
    if !member.deflated {
        let at = archive.start(&member).map_err(io)?;
        let file = archive.file().try_clone().map_err(io)?;
        return Ok(Arc::new(Flat::npy(file, at, member.len, field, address)?));
    }
    // The start of it tells what it is; the rest is unpacked when it is read.
    let start = nameless(address)?;
    unpack(archive, &member, &start, HEADER_BYTES, address)?;
    let outline = Flat::npy(start, 0, member.len, field, address)?;
    let mut meta = outline.meta.clone();
    (meta.codec, meta.compressed) = ("deflate (zip)".into(), false);
    Ok(Arc::new(Packed {
        address: address.to_string(),
        archive: archive.clone(),
        member,
        field: field.map(String::from),
        meta,
        outline,
        unpacked: OnceLock::new(),
    }))
}

fn listed(file: &Path, names: &[&str]) -> String {
    let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    format!("{}{more}", names.iter().take(12).map(|name| format!("{}:/{name}", file.display())).collect::<Vec<_>>().join(", "))
}

/// A file without a name, where temporary files go.
fn nameless(address: &str) -> Result<File> {
    tempfile::tempfile().map_err(|e| {
        let place = std::env::temp_dir();
        Error::store_io(
            address,
            &format!("making a temporary file in {}, where packed members are unpacked (TMPDIR names another place)", place.display()),
            &e,
        )
    })
}

/// Unpacks the first `wanted` bytes of a member, or all and then checks them.
fn unpack(archive: &Archive, member: &Member, to: &File, wanted: u64, address: &str) -> Result<()> {
    let bad = |what: String| Error::store(address, format!("a packed member of the zip file: {what}"));
    let io = |e: io::Error| Error::store_io(address, "reading the zip file", &e);
    let at = archive.start(member).map_err(io)?;
    let mut from =
        DeflateDecoder::new(io::BufReader::with_capacity(PIECE_BYTES, Stretch { file: archive.file(), at, left: member.stored }));
    let (mut crc, mut piece, mut done) = (Crc::new(), vec![0; PIECE_BYTES], 0u64);
    let mut to = to;
    while done < wanted.min(member.len) {
        let n = from.read(&mut piece).map_err(|e| bad(format!("it cannot be unpacked: {e}")))?;
        if n == 0 {
            return Err(bad(format!("it unpacks to {done} bytes, {} were announced", member.len)));
        }
        crc.update(&piece[..n]);
        to.write_all(&piece[..n]).map_err(|e| {
            let place = std::env::temp_dir();
            Error::store_io(
                address,
                &format!("unpacking {} bytes to a temporary file in {} (TMPDIR names another place)", member.len, place.display()),
                &e,
            )
        })?;
        done += n as u64;
    }
    if done >= member.len {
        let more = from.read(&mut piece[..1]).map_err(|e| bad(format!("it cannot be unpacked: {e}")))?;
        if done > member.len || more > 0 {
            return Err(bad(format!("it unpacks to more than the {} bytes that were announced", member.len)));
        }
        if crc.sum() != member.sum {
            return Err(bad(format!("its CRC-32 is {:08x}, {:08x} was announced", crc.sum(), member.sum)));
        }
    }
    Ok(())
}

/// Bytes of a file from a place on.
struct Stretch<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(out.len() as u64) as usize;
        let n = self.file.read_at(&mut out[..most], self.at)?;
        (self.at, self.left) = (self.at + n as u64, self.left - n as u64);
        Ok(n)
    }
}

/// A packed member.
#[derive(Debug)]
struct Packed {
    address: String,
    archive: Arc<Archive>,
    member: Member,
    field: Option<String>,
    meta: Meta,
    /// What its header says; there are no elements behind it.
    outline: Flat,
    unpacked: OnceLock<Result<Flat>>,
}

impl Packed {
    fn unpack(&self) -> Result<Flat> {
        let file = nameless(&self.address)?;
        unpack(&self.archive, &self.member, &file, u64::MAX, &self.address)?;
        Flat::npy(file, 0, self.member.len, self.field.as_deref(), &self.address)
    }
}

impl Store for Packed {
    fn address(&self) -> &str {
        &self.address
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        // The first reader unpacks: its pieces, and what the decoder keeps.
        self.outline.scratch_bytes(region).saturating_add(4 * PIECE_BYTES as u64)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        self.unpacked.get_or_init(|| self.unpack()).as_ref().map_err(Clone::clone)?.read(region, out, scratch)
    }
    fn prefetch(&self, region: &Region) {
        if let Some(Ok(flat)) = self.unpacked.get() {
            flat.prefetch(region);
        }
    }
    fn stored_bytes(&self) -> Option<u64> {
        Some(self.member.stored)
    }
    fn resident_bytes(&self) -> u64 {
        self.archive.resident_bytes()
    }
}

/// Whether there is such a member.
pub(crate) fn exists(file: &Path, inside: &str) -> bool {
    Archive::open(file, "").is_ok_and(|archive| inside.trim_matches('/').is_empty() || find(&archive, inside).is_some())
}

/// The member of a name, or all of them as a group.
///
/// # Errors
/// As [`open`].
pub(crate) fn tree(file: &Path, inside: &str, address: &str) -> Result<Node> {
    let node = |name: &str, store: Arc<dyn Store>| {
        let meta = store.meta().clone();
        Node { attributes: meta.attributes.clone(), meta: Some(meta), ..Node::new(name.to_string()) }
    };
    if !inside.trim_matches('/').is_empty() {
        return Ok(node("", open(file, inside, address)?));
    }
    let archive = Arc::new(Archive::open(file, address)?);
    let mut group = Node::new(String::new());
    for name in names(&archive) {
        let Some((member, _)) = find(&archive, name) else { continue };
        group.children.push(match member_store(&archive, *member, None, address) {
            Ok(store) => node(name, store),
            Err(e) => {
                let why = e.to_string();
                let why = why.strip_prefix(address).map_or(why.as_str(), |rest| rest.trim_start_matches(": "));
                Node { refused: Some(Refused { why: why.to_string(), ..Refused::default() }), ..Node::new(name.to_string()) }
            }
        });
    }
    Ok(group)
}
