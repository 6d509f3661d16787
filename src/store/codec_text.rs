//! Text ↔ [`Codec`]: `none`, `zstd:3`, `gzip:1`, `blosc:lz4:5`, `lzf`.

use super::Codec;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// What blosc can hold inside.
pub(crate) const BLOSC_INNER: [&str; 6] = ["lz4", "lz4hc", "blosclz", "zstd", "zlib", "snappy"];

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codec::None => f.write_str("none"),
            Codec::Zstd(level) => write!(f, "zstd:{level}"),
            Codec::Gzip(level) => write!(f, "gzip:{level}"),
            Codec::Blosc { inner, level } => write!(f, "blosc:{inner}:{level}"),
            Codec::Lzf => f.write_str("lzf"),
        }
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Codec> {
        let bad =
            |what: String| Error::bad_request("codec", format!("{text:?}: {what}; expected none, zstd:3, gzip:1, blosc:lz4:5 or lzf"));
        let parts: Vec<&str> = text.split(':').collect();
        let level = |given: Option<&&str>, default: i32, low: i32, high: i32| match given {
            None => Ok(default),
            Some(given) => match given.parse::<i32>() {
                Ok(level) if (low..=high).contains(&level) => Ok(level),
                _ => Err(bad(format!("the level {given:?} is not in {low}..={high}"))),
            },
        };
        let (codec, most) = match parts[0] {
            "none" => (Codec::None, 1),
            "lzf" => (Codec::Lzf, 1),
            "zstd" => (Codec::Zstd(level(parts.get(1), 3, -7, 22)?), 2),
            "gzip" | "deflate" => (Codec::Gzip(level(parts.get(1), 1, 0, 9)? as u32), 2),
            "blosc" => {
                let inner = parts.get(1).unwrap_or(&"lz4").to_string();
                if !BLOSC_INNER.contains(&inner.as_str()) {
                    return Err(bad(format!("blosc has no {inner:?}, it has {}", BLOSC_INNER.join(", "))));
                }
                (Codec::Blosc { inner, level: level(parts.get(2), 5, 0, 9)? as u8 }, 3)
            }
            other => return Err(bad(format!("no codec is called {other:?}"))),
        };
        if parts.len() > most {
            return Err(bad(format!("{} parts, at most {most}", parts.len())));
        }
        Ok(codec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_is_read_back_from_its_text() {
        for text in ["none", "zstd:0", "zstd:-3", "gzip:9", "blosc:zstd:1", "blosc:lz4:5", "lzf"] {
            assert_eq!(text.parse::<Codec>().unwrap().to_string(), text);
        }
        assert_eq!("blosc".parse::<Codec>().unwrap().to_string(), "blosc:lz4:5");
        for text in ["", "zst", "zstd:23", "gzip:x", "blosc:lzma:1", "none:1", "blosc:lz4:10", "zstd:1:1"] {
            let message = text.parse::<Codec>().unwrap_err().to_string();
            assert!(message.contains("expected none, zstd:3"), "{message}");
        }
    }
}
