//! What the file says of a filter → its name for people.
//!
//! Numbers are those that The HDF Group registers.

use super::library::FilterInfo;

pub(super) const DEFLATE: i32 = 1;
pub(super) const SHUFFLE: i32 = 2;
pub(super) const FLETCHER32: i32 = 3;
pub(super) const LZF: i32 = 32000;
pub(super) const SZIP: i32 = 4;
pub(super) const NBIT: i32 = 5;
pub(super) const SCALEOFFSET: i32 = 6;
pub(super) const BZIP2: i32 = 307;
pub(super) const BLOSC: i32 = 32001;
pub(super) const LZ4: i32 = 32004;
pub(super) const BITSHUFFLE: i32 = 32008;
pub(super) const ZSTD: i32 = 32015;
pub(super) const BLOSC2: i32 = 32026;

/// Registered filters that nothing here decodes, as people know them.
const NAMES: [(i32, &str); 20] = [
    (305, "LZO"),
    (32002, "MAFISC"),
    (32003, "Snappy"),
    (32005, "APAX"),
    (32006, "CBF"),
    (32007, "JPEG-XR"),
    (32009, "SPDP"),
    (32010, "LPC-Rice"),
    (32011, "CCSDS-123"),
    (32012, "JPEG-LS"),
    (32013, "ZFP"),
    (32014, "FPZIP"),
    (32016, "B3D"),
    (32017, "SZ"),
    (32018, "FCIDECOMP (JPEG-LS)"),
    (32019, "JPEG"),
    (32022, "Granular BitRound"),
    (32024, "SZ3"),
    (32028, "SPERR"),
    (32034, "HTJ2K"),
];

/// The filter chain as text, for people.
pub(super) fn text(infos: &[FilterInfo]) -> String {
    if infos.is_empty() {
        return "none".into();
    }
    infos.iter().map(one).collect::<Vec<_>>().join(" + ")
}

fn one(info: &FilterInfo) -> String {
    let value = |i: usize| info.values.get(i).copied();
    // Blosc keeps level, shuffle and codec behind four values of its own.
    let blosc = |name: &str| {
        let codecs = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"];
        let codec = value(6).map_or(Some("blosclz"), |i| codecs.get(i as usize).copied());
        match (codec, value(4)) {
            (Some(codec), Some(level)) => format!("{name}:{codec}:{level}"),
            (Some(codec), None) => format!("{name}:{codec}"),
            (None, _) => name.to_string(),
        }
    };
    match info.id {
        DEFLATE => value(0).map_or("deflate".into(), |level| format!("deflate:{level}")),
        SHUFFLE => "shuffle".into(),
        FLETCHER32 => "fletcher32".into(),
        LZF => "lzf".into(),
        SZIP => "szip".into(),
        NBIT => "nbit".into(),
        SCALEOFFSET => "scaleoffset".into(),
        BZIP2 => value(0).map_or("bzip2".into(), |level| format!("bzip2:{level}")),
        BLOSC => blosc("blosc"),
        BLOSC2 => blosc("blosc2"),
        LZ4 => "lz4".into(),
        ZSTD => value(0).map_or("zstd".into(), |level| format!("zstd:{}", level as i32)),
        BITSHUFFLE => match value(4) {
            Some(2) => "bitshuffle:lz4".into(),
            Some(3) => value(5).map_or("bitshuffle:zstd".into(), |level| format!("bitshuffle:zstd:{level}")),
            _ => "bitshuffle".into(),
        },
        id => match NAMES.iter().find(|(known, _)| *known == id) {
            Some((_, name)) => format!("{name} (filter {id})"),
            None if info.name.is_empty() => format!("filter {id}"),
            None => format!("{} (filter {id})", info.name.split(';').next().unwrap_or_default()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_a_name() {
        let info = |id, values: &[u32], name: &str| FilterInfo { id, values: values.to_vec(), name: name.into() };
        for (id, values, name, expected) in [
            (DEFLATE, &[1][..], "deflate", "deflate:1"),
            (32001, &[2, 2, 4, 400, 5, 1, 1], "blosc", "blosc:lz4:5"),
            (32026, &[1, 5, 4, 400, 9, 2, 5, 1, 10], "blosc2", "blosc2:zstd:9"),
            (32008, &[0, 4, 4, 0, 2], "bitshuffle; see …", "bitshuffle:lz4"),
            (32008, &[0, 4, 4, 0], "bitshuffle", "bitshuffle"),
            (32015, &[3], "", "zstd:3"),
            (32013, &[], "H5Z-ZFP-1.1.1 (ZFP-1.0.1)", "ZFP (filter 32013)"),
            (4, &[141, 8, 32, 256], "szip", "szip"),
            (6, &[2, 0, 12], "scaleoffset", "scaleoffset"),
            (32999, &[], "mine; version 1", "mine (filter 32999)"),
            (32999, &[], "", "filter 32999"),
        ] {
            assert_eq!(text(&[info(id, values, name)]), expected);
        }
        assert_eq!(text(&[info(SHUFFLE, &[4], ""), info(FLETCHER32, &[], "")]), "shuffle + fletcher32");
        assert_eq!(text(&[]), "none");
    }
}
