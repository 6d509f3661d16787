//! How an array was made ↔ a JSON file beside it.

use crate::distribution::Parameter;
use flagstone::store::{self, Address};
use flagstone::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All that is needed to make the same values again, and to tell whether they are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Program and version.
    pub generator: String,
    /// Name of the distribution.
    pub distribution: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, Parameter>,
    /// The seed.
    pub seed: u64,
    /// The part of the elements that is NaN.
    pub nan_fraction: f64,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// Element type.
    pub dtype: String,
    /// Chunk lengths that were asked for.
    pub chunks: Option<Vec<u64>>,
    /// Shard lengths that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Vec<u64>>,
    /// The codec that was asked for.
    pub codec: Option<String>,
    /// The checksum of the values.
    pub checksum: String,
}

impl Manifest {
    /// Writes it whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::internal(error.to_string()))?;
        let temporary = path.with_extension("json.part");
        std::fs::write(&temporary, text + "\n")
            .and_then(|()| std::fs::rename(&temporary, path))
            .map_err(|error| Error::store_io(path.display(), "writing the manifest", &error))
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Manifest> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::store_io(path.display(), "reading the manifest", &error))?;
        serde_json::from_str(&text).map_err(|error| Error::store(path.display(), format!("is no manifest: {error}")))
    }
}

/// Removes a manifest, if there is one.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::store_io(path.display(), "removing the manifest that was there", &error))
        }
        _ => Ok(()),
    }
}

/// Where the manifest of an address is: `data.h5:/g/x` has `data.h5.g.x.manifest.json`.
pub fn path(address: &str) -> Result<PathBuf> {
    let (file, inside) = match store::parse(address)? {
        Address::Hdf5 { file, dataset } if dataset.trim_matches('/').is_empty() => (file, "x".to_string()),
        other => other.into_parts(),
    };
    let mut name = file.into_os_string();
    for part in inside.split('/').filter(|part| !part.is_empty()) {
        name.push(".");
        name.push(part);
    }
    name.push(".manifest.json");
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_named_after_the_data() {
        for (address, name) in [
            ("d/random.h5:/x", "d/random.h5.x.manifest.json"),
            ("random.h5", "random.h5.x.manifest.json"),
            ("a.h5:/g/x", "a.h5.g.x.manifest.json"),
            ("z.zarr", "z.zarr.manifest.json"),
            ("v.npy", "v.npy.manifest.json"),
        ] {
            assert_eq!(path(address).unwrap(), PathBuf::from(name), "{address}");
        }
    }
}
