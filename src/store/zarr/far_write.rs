//! Regions → objects of a bucket. There is no place aside: chunks go where they belong, and the document that makes them an array
//! comes last. So only what is not there yet is written; what was not finished is deleted.

use super::document::Documents;
use super::encode::{Encoder, Object};
use super::place::Place;
use super::{Found, document, group_there, look, nczarr, other_version};
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::publish::already_exists;
use crate::store::remote::{Bucket, UPLOAD_BYTES, Upload};
use crate::store::{AttributeKinds, Writer};
use flagstone_kernels::view::View;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Objects are deleted in batches of so many: what one request takes.
const BATCH: usize = 1000;

/// A Zarr array being written far away.
#[derive(Debug)]
struct FarWriter {
    encoder: Encoder,
    bucket: Arc<Bucket>,
    prefix: String,
    /// Prefixes of the groups above, outermost first.
    above: Vec<String>,
    /// Group documents to write at commit.
    groups: Vec<(String, String)>,
    documents: Documents,
    done: AtomicBool,
}

/// One chunk or shard on its way.
struct Sent<'a> {
    upload: Upload,
    address: &'a str,
}

impl Object for Sent<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.upload.append(bytes).map_err(|what| Error::store(self.address, format!("writing {what}")))
    }
    fn finish(self: Box<Self>) -> Result<()> {
        self.upload.finish().map_err(|what| Error::store(self.address, format!("writing {what}")))
    }
}

/// The place of an array or group in a bucket, and the prefixes of the groups above it, outermost first.
fn far(root: &Path, path: &str, address: &str) -> Result<(Arc<Bucket>, String, Vec<String>)> {
    let (Place::Far { bucket, prefix: first }, Place::Far { prefix, .. }) =
        (Place::below(root, "", address)?, Place::below(root, path, address)?)
    else {
        return Err(Error::internal("no place far away"));
    };
    if !bucket.lists() {
        return Err(Error::unsupported(address, "a plain server is read, not written; s3:// and gs:// are written"));
    }
    let inside = prefix[first.len()..].match_indices('/').map(|(at, _)| &prefix[..first.len() + at + 1]);
    let mut above: Vec<String> = std::iter::once(first.as_str()).chain(inside).map(String::from).collect();
    // The last one is the array itself.
    above.pop();
    Ok((bucket, prefix, above))
}

/// Starts an array.
///
/// # Errors
/// `Store` where something stands, or the service fails; `Unsupported` for services that are only read.
pub(super) fn create(root: &Path, path: &str, encoder: Encoder, documents: Documents) -> Result<Box<dyn Writer>> {
    let (bucket, prefix, above) = far(root, path, &encoder.address)?;
    check_target(&bucket, &prefix, &encoder)?;
    let groups = missing_groups(&bucket, &above, encoder.create.zarr_version, &encoder.address)?;
    Ok(Box::new(FarWriter { encoder, bucket, prefix, above, groups, documents, done: AtomicBool::new(false) }))
}

/// Nothing may stand at the target; what an array left that was not finished is deleted when asked to.
fn check_target(bucket: &Arc<Bucket>, prefix: &str, encoder: &Encoder) -> Result<()> {
    let (address, overwrite) = (&encoder.address, encoder.create.overwrite);
    let failed = |what: String| Error::store(address, what);
    match look(&Place::Far { bucket: bucket.clone(), prefix: prefix.to_string() }, address)? {
        Found::Nothing => {}
        Found::Group { .. } => return Err(failed("is a group; it is not replaced by an array".into())),
        _ if overwrite => {
            let what = "is there already, and objects cannot be exchanged in one step; delete it first, or choose another name";
            return Err(failed(what.into()));
        }
        _ => return Err(already_exists(address)),
    }
    let mut left = 0u64;
    bucket
        .objects(prefix, &mut |_, _| {
            left += 1;
            left < 2
        })
        .map_err(failed)?;
    match (left, overwrite) {
        (0, _) => Ok(()),
        (_, true) => delete_below(bucket, prefix).map_err(failed),
        (_, false) => {
            Err(failed("objects are there without metadata, as an array leaves them that was not finished; ask for overwrite".into()))
        }
    }
}

fn delete_below(bucket: &Bucket, prefix: &str) -> std::result::Result<(), String> {
    loop {
        let mut keys = Vec::new();
        bucket.objects(prefix, &mut |key, _| {
            keys.push(key.to_string());
            keys.len() < BATCH
        })?;
        if keys.is_empty() {
            return Ok(());
        }
        bucket.delete(&keys)?;
    }
}

/// Documents of groups above that are not there, outermost first.
fn missing_groups(bucket: &Arc<Bucket>, above: &[String], version: u8, address: &str) -> Result<Vec<(String, String)>> {
    let mut missing = Vec::new();
    for prefix in above {
        match look(&Place::Far { bucket: bucket.clone(), prefix: prefix.clone() }, address)? {
            Found::Group { version: found, .. } if found != version => {
                let what = other_version(bucket.url(prefix), found, version);
                return Err(Error::bad_request(address, what));
            }
            Found::Group { .. } => {}
            Found::Nothing if version == 2 => missing.push((format!("{prefix}.zgroup"), format!("{:#}", json!({"zarr_format": 2})))),
            Found::Nothing => {
                let group = json!({"zarr_format": 3, "node_type": "group", "attributes": {}});
                missing.push((format!("{prefix}zarr.json"), format!("{group:#}")));
            }
            _ => return Err(Error::store(address, format!("{} is an array; nothing can be put below it", bucket.url(prefix)))),
        }
    }
    Ok(missing)
}

/// Makes a group with these attributes, and the groups above it.
///
/// # Errors
/// As those of a directory.
pub(super) fn create_group(
    root: &Path,
    path: &str,
    address: &str,
    (attributes, kinds): (&Map<String, Value>, &AttributeKinds),
    version: u8,
) -> Result<()> {
    let (bucket, prefix, above) = far(root, path, address)?;
    let (mut kept, mut kept_kinds) = group_there(&Place::Far { bucket: bucket.clone(), prefix: prefix.clone() }, address, version)?;
    let mut documents = missing_groups(&bucket, &above, version, address)?;
    nczarr::replace((&mut kept, &mut kept_kinds), (attributes, kinds));
    let kept = document::marked_numbers(&nczarr::written(&kept, &kept_kinds, version), &kept_kinds);
    if version == 2 {
        documents.push((format!("{prefix}.zattrs"), document::bare_words(&format!("{:#}", Value::Object(kept)))));
        documents.push((format!("{prefix}.zgroup"), format!("{:#}", json!({"zarr_format": 2}))));
    } else {
        let group = json!({"zarr_format": 3, "node_type": "group", "attributes": kept});
        documents.push((format!("{prefix}zarr.json"), document::bare_words(&format!("{group:#}"))));
    }
    let put = |(key, text): (String, String)| bucket.put(&key, text.into_bytes());
    documents.into_iter().try_for_each(put).map_err(|what| Error::store(address, format!("writing the group: {what}")))
}

impl FarWriter {
    /// Takes the consolidated metadata of a group away, which does not know what was written below.
    fn forget(&self, prefix: &str) -> Result<()> {
        let failed = |what: String| Error::store(&self.encoder.address, format!("the consolidated metadata above: {what}"));
        let place = Place::Far { bucket: self.bucket.clone(), prefix: prefix.to_string() };
        if place.document(".zmetadata", &self.encoder.address)?.is_some() {
            self.bucket.delete(&[format!("{prefix}.zmetadata")]).map_err(failed)?;
        }
        let Some(Value::Object(mut fields)) = place.document("zarr.json", &self.encoder.address)? else { return Ok(()) };
        if fields.remove("consolidated_metadata").is_none() {
            return Ok(());
        }
        if let Some(Value::Object(attributes)) = fields.get_mut("attributes") {
            *attributes = nczarr::marked(attributes);
        }
        let text = document::bare_words(&format!("{:#}", Value::Object(fields)));
        self.bucket.put(&format!("{prefix}zarr.json"), text.into_bytes()).map_err(failed)
    }
}

impl Writer for FarWriter {
    fn granule(&self) -> &[u64] {
        self.encoder.granule()
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        // An object is sent from memory of its own.
        self.encoder.scratch_bytes().saturating_add(self.encoder.object_bytes_max().min(UPLOAD_BYTES))
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let make = |key: &str| {
            let upload = Upload::new(&self.bucket, &format!("{}{key}", self.prefix));
            Ok(Box::new(Sent { upload, address: &self.encoder.address }) as Box<dyn Object>)
        };
        self.encoder.write(region, data, scratch, &make, &|_, _, _| Ok(()))
    }
    fn commit(&self) -> Result<()> {
        if self.done.load(Ordering::Relaxed) {
            return Err(Error::internal(format!("{}: committed twice", self.encoder.address)));
        }
        let named = self.documents.iter().map(|(name, text)| (format!("{}{name}", self.prefix), text.clone()));
        for (key, text) in self.groups.iter().cloned().chain(named) {
            let put = self.bucket.put(&key, text.into_bytes());
            put.map_err(|what| Error::store(&self.encoder.address, format!("writing the metadata: {what}")))?;
        }
        // From here on it is an array.
        self.done.store(true, Ordering::Relaxed);
        self.above.iter().try_for_each(|prefix| self.forget(prefix))
    }
}

impl Drop for FarWriter {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) {
            // Where that fails, the next writer is told what is there.
            let _ = delete_below(&self.bucket, &self.prefix);
        }
    }
}
