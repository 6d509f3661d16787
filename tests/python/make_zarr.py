"""Writes Zarr arrays and .npy files into DIR as zarr-python and NumPy make them; beside each NAME.zarr or
NAME_f.npy the elements it must read as, NAME.expected.npy (C order, native byte order)."""

import gzip
import json
import lzma
import sys
import warnings
import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import zarr
import zarr.codecs.numcodecs as n3
from numcodecs import (
    BZ2,
    CRC32,
    CRC32C,
    LZ4,
    LZMA,
    Adler32,
    AsType,
    BitRound,
    Blosc,
    Delta,
    FixedScaleOffset,
    Fletcher32,
    GZip,
    JenkinsLookup3,
    PackBits,
    Quantize,
    Shuffle,
    Zlib,
    Zstd,
)
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

out = Path(sys.argv[1])
rng = np.random.default_rng(7)
DTYPES = "bool i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()


def data(shape, dtype="f8"):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype=dtype.newbyteorder("="), endpoint=True)
    x = np.round(rng.normal(10, 3, shape), 3)
    return (x + 1j * rng.normal(size=shape)).astype(dtype) if dtype.kind == "c" else x.astype(dtype)


def expect(name, x):
    np.save(out / f"{name}.expected.npy", np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("=")).reshape(x.shape))


def put(name, x, **options):
    options.setdefault("chunks", tuple(max(1, (n + 2) // 3) for n in x.shape))
    a = zarr.create_array(store=str(out / f"{name}.zarr"), shape=x.shape, dtype=x.dtype, **options)
    a[...] = x
    expect(name, x)
    return a


x = data((37, 29))
put("v3_default", x)
put("v3_none", x, compressors=None)
put("v3_blosc", x, compressors=BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"))
put("v3_blosc_bit", x, compressors=BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"))
put("v3_blosc_zlib", x, compressors=BloscCodec(cname="zlib", clevel=9, shuffle="noshuffle"))
put("v3_gzip", x, compressors=GzipCodec(level=5))
put("v3_zstd_sum", x, compressors=ZstdCodec(level=5, checksum=True))
put("v3_crc", x, compressors=[Crc32cCodec()])
put("v3_zstd_crc", x, compressors=[ZstdCodec(level=1), Crc32cCodec()])
put("v3_two", x, compressors=[GzipCodec(level=0), ZstdCodec(level=1)])
put("v3_crc_first", x, compressors=[Crc32cCodec(), ZstdCodec(level=1)])
put("v3_big", x, serializer=BytesCodec(endian="big"))
put("v3_big_plain", x, serializer=BytesCodec(endian="big"), compressors=None)
put("v3_big_c8", data((9, 8), "c8"), serializer=BytesCodec(endian="big"))
put("v3_transpose", data((7, 8, 9)), filters=[TransposeCodec(order=(2, 0, 1))])
put("v3_transpose_plain", data((7, 8, 9)), filters=[TransposeCodec(order=(1, 2, 0))], compressors=None)
put("v3_dot", x, chunk_key_encoding={"name": "default", "separator": "."})
put("v3_v2_keys", x, chunk_key_encoding={"name": "v2", "separator": "."})
put("v3_v2_nested", x, chunk_key_encoding={"name": "v2", "separator": "/"})
put("v3_shards", data((40, 30)), chunks=(5, 6), shards=(20, 12))
put("v3_shards_none", data((40, 30)), chunks=(5, 6), shards=(20, 12), compressors=None)
put("v3_shards_crc", data((40, 30)), chunks=(5, 6), shards=(20, 12), compressors=[BloscCodec(), Crc32cCodec()])
put("v3_0d", data(()))
put("v3_empty", data((0, 4)), chunks=(1, 4))
put("v3_1d", data((1000,), "i2"), chunks=(77,))
a = put("v3_described", x, attributes={"units": "K", "n": 3, "list": [1, 2]}, dimension_names=["lat", None])
for t in DTYPES:
    put(f"v3_{t}", data((11, 13), t))
    put(f"v2_{t}", data((11, 13), t), zarr_format=2)

# What zarr-python reads and does not write: no byte order where there is one byte, no attributes, a text that says nothing as a bool.
def changed(name, x, **fields):
    put(name, x, compressors=None, zarr_format=2 if name.startswith("v2") else 3)
    document = out / f"{name}.zarr" / (".zarray" if name.startswith("v2") else "zarr.json")
    document.write_text(json.dumps({**json.loads(document.read_text()), **fields}))
    assert np.array_equal(zarr.open_array(str(out / f"{name}.zarr"), mode="r")[...], x), name


changed("v3_no_endian", data((9, 9), "u1"), codecs=[{"name": "bytes"}])
changed("v3_blank_endian", data((9, 9), "i1"), codecs=[{"name": "bytes", "configuration": {}}])
changed("v3_null_endian", data((9, 9), "bool"), codecs=[{"name": "bytes", "configuration": {"endian": None}}])
changed("v3_null_attributes", data((9, 9)), attributes=None)
changed("v2_blank_fill", data((9, 9), "bool"), fill_value="")
changed("v3_blank_fill", data((9, 9), "bool"), fill_value="")

changed("v3_no_endian_wide", data((9, 9), "i4"), codecs=[{"name": "bytes"}])
changed("v3_blank_endian_wide", data((9, 9), "c8"), codecs=[{"name": "bytes", "configuration": {}}])

# Shards whose index comes first, big-endian inner chunks, missing inner chunks.
sharding = ShardingCodec(chunk_shape=(4, 4), codecs=[BytesCodec(endian="big"), GzipCodec(level=1)], index_location="start")
put("v3_shards_start", data((16, 16)), chunks=(8, 8), serializer=sharding, compressors=None)
# Only zarrs can do these: a compressed shard, a shard inside a shard.
put("v3_shards_zstd", data((16, 16)), chunks=(8, 8), serializer=sharding, compressors=[ZstdCodec(level=1)])
nested = ShardingCodec(chunk_shape=(8, 8), codecs=[ShardingCodec(chunk_shape=(4, 4))])
put("v3_shards_nested", data((32, 16)), chunks=(16, 16), serializer=nested, compressors=None)

for version, names in ((3, "v3"), (2, "v2")):
    for label, fill, dtype in (
        ("nan", np.nan, "f8"),
        ("inf", -np.inf, "f4"),
        ("seven", 7, "i4"),
        ("half", 1.5, "f2"),
        ("true", True, "bool"),
        ("complex", 1 - 2j, "c16"),
    ):
        name = f"{names}_fill_{label}"
        a = zarr.create_array(
            store=str(out / f"{name}.zarr"), shape=(9, 9), chunks=(4, 4), dtype=dtype, fill_value=fill, zarr_format=version
        )
        y = np.full((9, 9), fill, dtype)
        y[4:8, 4:8] = a[4:8, 4:8] = data((4, 4), dtype)
        expect(name, y)
a = zarr.create_array(
    store=str(out / "v3_shards_missing.zarr"), shape=(32, 32), chunks=(4, 4), shards=(16, 16), dtype="f4", fill_value=np.nan
)
y = np.full((32, 32), np.nan, "f4")
y[3:9, 2:5] = a[3:9, 2:5] = data((6, 3), "f4")
expect("v3_shards_missing", y)
# A bit pattern as fill value, which zarr-python does not write itself.
a = put("v3_fill_hex", np.full((3, 3), 1.5, "f4"))
for chunk in (out / "v3_fill_hex.zarr" / "c").rglob("*"):
    if chunk.is_file():
        chunk.unlink()
meta = json.loads((out / "v3_fill_hex.zarr" / "zarr.json").read_text())
meta["fill_value"] = "0x3fc00000"
(out / "v3_fill_hex.zarr" / "zarr.json").write_text(json.dumps(meta))

# Fill values as texts and truths, as other writers put them; zarr-python says what they are.
for version, names in ((3, "v3"), (2, "v2")):
    for dtype, text in (("u1", "255"), ("u2", "255"), ("i2", "1234"), ("i4", "-7"), ("i8", "12345678"), ("f4", "NaN"), ("f8", "-Infinity"), ("u1", True), ("i4", False), ("f8", True)):
        path = out / f"{names}_fill_text_{dtype}{'' if isinstance(text, str) else text}.zarr"
        zarr.create_array(store=str(path), shape=(5,), chunks=(2,), dtype=dtype, zarr_format=version)
        document = path / ("zarr.json" if version == 3 else ".zarray")
        meta = json.loads(document.read_text())
        meta["fill_value"] = text
        document.write_text(json.dumps(meta))
        if version == 2 or dtype[0] == "f" or isinstance(text, bool):
            expect(path.stem, zarr.open_array(str(path), mode="r")[...])

# Transposition by the letters of older drafts, which zarr-python no longer writes.
for letter, order in (("C", (0, 1, 2)), ("F", (2, 1, 0))):
    put(f"v3_transpose_{letter}", data((7, 8, 9)), filters=[TransposeCodec(order=order)])
    document = out / f"v3_transpose_{letter}.zarr" / "zarr.json"
    meta = json.loads(document.read_text())
    meta["codecs"][0]["configuration"]["order"] = letter
    document.write_text(json.dumps(meta))
# Times are their integers.
for version, names in ((3, "v3"), (2, "v2")):
    for dtype in ("M8[ns]", "m8[10s]"):
        name = f"{names}_time_{dtype[0]}"
        y = data((20,), "i8")
        y[:5] = np.iinfo("i8").min
        a = zarr.create_array(store=str(out / f"{name}.zarr"), shape=(20,), chunks=(5,), dtype=dtype, zarr_format=version, fill_value="NaT")
        a[5:] = y[5:].view(dtype)
        expect(name, y)
# What xarray writes: attributes with numbers that JSON has no words for.
for version in (2, 3):
    put(f"v{version}_nan_attributes", x, zarr_format=version, attributes={"_FillValue": np.nan, "range": [-np.inf, np.inf, 1.5]})

put("v2_default", x, zarr_format=2)
put("v2_none", x, zarr_format=2, compressors=None)
put("v2_zlib", x, zarr_format=2, compressors=Zlib(level=4))
put("v2_gzip", x, zarr_format=2, compressors=GZip(level=4))
put("v2_zstd", x, zarr_format=2, compressors=Zstd(level=4))
put("v2_lz4", x, zarr_format=2, compressors=LZ4())
put("v2_blosc", x, zarr_format=2, compressors=Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE))
put("v2_blosc_auto", x, zarr_format=2, compressors=Blosc(cname="zstd", clevel=1, shuffle=Blosc.AUTOSHUFFLE))
put("v2_shuffle", x, zarr_format=2, filters=[Shuffle(elementsize=8)], compressors=Zlib(level=1))
put("v2_f", data((7, 8, 9)), zarr_format=2, order="F")
put("v2_f_plain", data((7, 8, 9)), zarr_format=2, order="F", compressors=None)
put("v2_big", data((17, 9), ">f8"), zarr_format=2)
put("v2_big_i2", data((17, 9), ">i2"), zarr_format=2, compressors=None)
put("v2_nested", x, zarr_format=2, chunk_key_encoding={"name": "v2", "separator": "/"})
put("v2_described", x, zarr_format=2, attributes={"units": "K", "_ARRAY_DIMENSIONS": ["lat", "lon"]})
put("v2_null_fill", x, zarr_format=2, fill_value=None)

# Every filter and compressor of numcodecs that works on numbers. What is read back is what they keep: some of them round.
whole = np.round(data((37, 29)))
FILTERS = (
    ("delta", data((37, 29), "i4"), [Delta(dtype="i4")]),
    ("delta_narrow", np.arange(1073).reshape(37, 29), [Delta(dtype="i8", astype="i2")]),
    ("delta_float", x, [Delta(dtype="f8", astype="f4")]),
    ("delta_f4", x.astype("f4"), [Delta(dtype="f4")]),
    ("delta_f2", x.astype("f2"), [Delta(dtype="f2")]),
    ("delta_u8", data((37, 29), "u8"), [Delta(dtype="u8")]),
    ("scale_u1", x, [FixedScaleOffset(offset=10.25, scale=11, dtype="f8", astype="u1")]),
    ("scale_i2_f4", x.astype("f4"), [FixedScaleOffset(offset=3, scale=0.7, dtype="f4", astype="i2")]),
    ("scale_f4", x, [FixedScaleOffset(offset=1.3, scale=3.3, dtype="f8", astype="f4")]),
    ("scale_f2", x, [FixedScaleOffset(offset=1.3, scale=3.3, dtype="f8", astype="f2")]),
    ("scale_i4", data((37, 29), "i2").astype("i4"), [FixedScaleOffset(offset=1000, scale=1, dtype="i4", astype="i8")]),
    ("scale_u8", whole, [FixedScaleOffset(offset=0.5, scale=3, dtype="f8", astype="u8")]),
    ("packbits", data((37, 29), "bool"), [PackBits()]),
    ("quantize", x, [Quantize(digits=1, dtype="f8")]),
    ("quantize_f4", x, [Quantize(digits=2, dtype="f8", astype="f4")]),
    ("quantize_f2", x.astype("f4"), [Quantize(digits=1, dtype="f4", astype="f2")]),
    ("bitround", x.astype("f4"), [BitRound(keepbits=5)]),
    ("astype", whole, [AsType(encode_dtype="i2", decode_dtype="f8")]),
    ("astype_f2", x.astype("f4"), [AsType(encode_dtype="f2", decode_dtype="f4")]),
    ("astype_wrap", data((37, 29), "i8"), [AsType(encode_dtype="i2", decode_dtype="i8")]),
    ("astype_bool", data((37, 29), "u1"), [AsType(encode_dtype="bool", decode_dtype="u1")]),
    ("quantize_delta_shuffle", x, [Quantize(digits=1, dtype="f8", astype="f4"), Delta(dtype="f4"), Shuffle(elementsize=4)]),
    ("four", whole, [AsType("i4", "f8"), Delta("i4", "i2"), Delta("i2"), Shuffle(2)]),
)
for name, y, filters in FILTERS:
    for compressors, label in ((None, "none"), (Zlib(level=1), "zlib")):
        for order in "CF":
            a = put(f"v2_{name}_{label}_{order}", y, zarr_format=2, filters=filters, compressors=compressors, order=order)
            expect(f"v2_{name}_{label}_{order}", a[...])
put("v2_delta_big", data((37, 29), "i1").astype(">i4"), zarr_format=2, filters=[Delta(dtype=">i4", astype=">i2")])
expect("v2_delta_big", zarr.open_array(str(out / "v2_delta_big.zarr"), mode="r")[...])
put("v2_delta_big_only", data((37, 29), ">f4"), zarr_format=2, filters=[FixedScaleOffset(1, 100, ">f4", ">i4")])
expect("v2_delta_big_only", zarr.open_array(str(out / "v2_delta_big_only.zarr"), mode="r")[...])
for name, codec in (
    ("bz2", BZ2(level=9)),
    ("lzma", LZMA()),
    ("lzma_0", LZMA(preset=0)),
    ("lzma_9", LZMA(preset=9)),
    ("lzma_alone", LZMA(format=lzma.FORMAT_ALONE, preset=3)),
    ("lzma_filters", LZMA(filters=[dict(id=lzma.FILTER_DELTA, dist=8), dict(id=lzma.FILTER_LZMA2, preset=1)])),
    ("blosc_snappy", Blosc(cname="zlib", clevel=9, shuffle=Blosc.BITSHUFFLE, blocksize=256)),
):
    put(f"v2_{name}", x, zarr_format=2, compressors=codec)
for name, sum_ in (("crc32", CRC32()), ("crc32_end", CRC32(location="end")), ("crc32c", CRC32C()), ("adler32", Adler32()), ("fletcher32", Fletcher32())):
    put(f"v2_{name}", x, zarr_format=2, filters=[sum_])
    put(f"v2_{name}_last", x, zarr_format=2, filters=[Shuffle(elementsize=8), sum_], compressors=None)
    put(f"v2_{name}_odd", data((3, 5), "u1"), zarr_format=2, chunks=(3, 5), filters=[sum_], compressors=None)
# Members of gzip one after the other, as `cat` and parallel writers make them.
for name, cut in (("half", 0.5), ("start", 0.1), ("none", 0)):
    for version in (2, 3):
        path = out / f"v{version}_gzip_members_{name}.zarr"
        options = dict(compressors=GZip(level=1)) if version == 2 else dict(compressors=[ZstdCodec(level=1), GzipCodec(level=1)])
        put(path.stem, x, zarr_format=version, **options)
        for chunk in path.rglob("*"):
            if chunk.is_file() and chunk.suffix != ".json" and not chunk.name.startswith(".z"):
                stored = gzip.decompress(chunk.read_bytes())
                at = int(len(stored) * cut)
                chunk.write_bytes(gzip.compress(stored[:at]) + gzip.compress(stored[at:]))

# The same under their names in v3.
V3_FILTERS = (
    ("delta", data((37, 29), "i4"), [n3.Delta(dtype="<i4")]),
    ("scale", x, [n3.FixedScaleOffset(offset=10.25, scale=11, dtype="<f8", astype="|u1")]),
    ("packbits", data((37, 29), "bool"), [n3.PackBits()]),
    ("quantize", x, [n3.Quantize(digits=1, dtype="<f8")]),
    ("bitround", x.astype("f4"), [n3.BitRound(keepbits=5)]),
    ("astype", whole, [n3.AsType(encode_dtype="<i2", decode_dtype="<f8")]),
    ("two", whole, [n3.AsType(encode_dtype="<i4", decode_dtype="<f8"), n3.Delta(dtype="<i4")]),
)
for name, y, filters in V3_FILTERS:
    for shards in (None, (20, 20)):
        label = f"v3_numcodecs_{name}" + ("_shards" if shards else "")
        options = dict(chunks=(10, 10), shards=shards) if shards else {}
        a = put(label, y, filters=filters, **options)
        expect(label, a[...])
for name, codecs in (
    ("bz2", [n3.BZ2(level=5)]),
    ("lzma", [n3.LZMA(preset=1)]),
    ("zlib", [n3.Zlib(level=5)]),
    ("gzip", [n3.GZip(level=5)]),
    ("lz4", [n3.LZ4(acceleration=5)]),
    ("zstd", [n3.Zstd(level=5)]),
    ("blosc", [n3.Blosc(clevel=5, cname="zstd")]),
    ("shuffle", [n3.Shuffle(elementsize=8), n3.Zlib(level=1)]),
    ("crc32", [n3.CRC32(), n3.Zlib(level=1)]),
    ("crc32c", [n3.Zlib(level=1), n3.CRC32C()]),
    ("adler32", [n3.Zlib(level=1), n3.Adler32()]),
    ("fletcher32", [n3.Fletcher32()]),
):
    put(f"v3_numcodecs_{name}", x, compressors=codecs)

# Refused by name.
zarr.create_array(store=str(out / "refused_text.zarr"), shape=(3,), dtype="U4", zarr_format=2)
zarr.create_array(store=str(out / "refused_bytes.zarr"), shape=(3,), dtype="S5", zarr_format=2)
zarr.create_array(store=str(out / "refused_string.zarr"), shape=(3,), dtype="string", zarr_format=2)
zarr.create_array(store=str(out / "refused_string3.zarr"), shape=(3,), dtype="string")
zarr.create_array(store=str(out / "refused_fixed3.zarr"), shape=(3,), dtype="U4")
zarr.create_array(store=str(out / "refused_table.zarr"), shape=(3,), dtype=[("a", "i4"), ("b", "f8")], zarr_format=2)
put("refused_lookup3", x, zarr_format=2, filters=[JenkinsLookup3()])
put("refused_raw", x, zarr_format=2, compressors=LZMA(format=lzma.FORMAT_RAW, filters=[dict(id=lzma.FILTER_LZMA2, preset=1)]))
put("refused_transposed", whole, filters=[TransposeCodec(order=(1, 0)), n3.AsType(encode_dtype="<i2", decode_dtype="<f8")])

g = zarr.open_group(str(out / "group.zarr"), mode="w", attributes={"title": "a group"})
g.create_group("a").create_array("x", data=x, chunks=(10, 10))
g.create_array("y", data=x[0])
g = zarr.open_group(str(out / "one.zarr"), mode="w", zarr_format=2)
g.create_group("a").create_array("only", data=x)

# Zip files, as zarr-python writes them and packed by others; chunks that are written twice are in them twice.
def zipped(name, y, packed=zipfile.ZIP_STORED, twice=False, **options):
    options.setdefault("chunks", tuple(max(1, (n + 2) // 3) for n in y.shape))
    with zarr.storage.ZipStore(out / f"{name}.zarr.zip", mode="w", compression=packed) as store:
        a = zarr.create_array(store=store, shape=y.shape, dtype=y.dtype, **options)
        if twice:
            a[...] = y + 1
        a[...] = y
    expect(name, y)


warnings.filterwarnings("ignore", message="Duplicate name")
for version in (2, 3):
    zipped(f"zip_v{version}", x, zarr_format=version)
    zipped(f"zip_v{version}_none", x, zarr_format=version, compressors=None)
    zipped(f"zip_v{version}_twice", x, zarr_format=version, twice=True)
    zipped(f"zip_v{version}_packed", x, packed=zipfile.ZIP_DEFLATED, zarr_format=version)
    zipped(f"zip_v{version}_packed_none", x, packed=zipfile.ZIP_DEFLATED, zarr_format=version, compressors=None)
zipped("zip_shards", data((40, 30)), chunks=(5, 6), shards=(20, 12))
zipped("zip_shards_none", data((40, 30)), chunks=(5, 6), shards=(20, 12), compressors=None)
zipped("zip_0d", data(()))
zipped("zip_v2_f_filter", x, packed=zipfile.ZIP_DEFLATED, zarr_format=2, order="F", filters=[Shuffle(elementsize=8)], compressors=None)
zipped("refused_zip_shards", data((40, 30)), packed=zipfile.ZIP_DEFLATED, chunks=(5, 6), shards=(20, 12))
# Entries of ZIP64, and a comment at the end.
with zipfile.ZipFile(out / "zip64.zarr.zip", "w") as archive:
    for path in sorted((out / "v3_default.zarr").rglob("*")):
        if path.is_file():
            with archive.open(str(path.relative_to(out / "v3_default.zarr")), "w", force_zip64=True) as member:
                member.write(path.read_bytes())
    archive.comment = b"PK\x05\x06 a comment that looks like an end" + bytes(30)
expect("zip64", x)
with zarr.storage.ZipStore(out / "group.zarr.zip", mode="w") as store:
    g = zarr.open_group(store, mode="w", attributes={"title": "a group"})
    g.create_group("a").create_array("x", data=x, chunks=(10, 10))
    g.create_array("y", data=x[0])

# Consolidated metadata: what the arrays' own documents say is not needed to list them.
for version in (2, 3):
    path = out / f"consolidated_v{version}.zarr"
    g = zarr.open_group(str(path), mode="w", zarr_format=version, attributes={"title": "all"})
    deep = g.create_group("g", attributes={"deep": 1})
    deep.create_array("x", data=x, attributes={"units": "K"})
    for name in ("a", "g-h", "z"):
        g.create_array(name, data=x[0])
    zarr.create_array(store=str(path), name="g/text", shape=(3,), dtype="U4", zarr_format=version)
    zarr.consolidate_metadata(str(path), zarr_format=version)
    for document in [*path.glob("*/zarr.json"), *path.glob("*/*/zarr.json"), *path.glob("*/*/.z*"), *path.glob("*/.z*")]:
        document.unlink()

# What netCDF-C writes.
with netCDF4.Dataset(f"file://{out}/nczarr.zarr#mode=nczarr,file", "w") as nc:
    nc.createDimension("lat", 37)
    nc.createDimension("lon", 29)
    v = nc.createVariable("t", "f8", ("lat", "lon"), zlib=True, shuffle=True, chunksizes=(10, 10), fill_value=-9)
    v[...] = x
    v.units = "K"
    v = nc.createGroup("g").createVariable("s", "i2", ("lat",))
    v[...] = np.arange(37)
np.save(out / "nczarr_t.npy", x)
np.save(out / "nczarr_s.npy", np.arange(37, dtype="i2"))

# .npy: versions, orders, byte orders, dtypes.
for t in DTYPES:
    y = data((5, 6), t)
    np.save(out / f"c_{t}.npy", y)
    np.save(out / f"f_{t}.npy", np.asfortranarray(y))
    for name in ("c", "f"):
        expect(f"{name}_{t}", y)
for name, y in (("be", data((6, 7), ">f4")), ("be_f", np.asfortranarray(data((4, 5, 6), ">i8"))), ("zero_d", data(())), ("empty", data((0, 3)))):
    np.save(out / f"{name}.npy", y)
    expect(name, y)
y = data((33, 44))
for version in ((1, 0), (2, 0), (3, 0)):
    with open(out / f"version{version[0]}.npy", "wb") as f:
        np.lib.format.write_array(f, y, version=version)
    expect(f"version{version[0]}", y)
y = data((300, 500))
np.save(out / "large_f.npy", np.asfortranarray(y))
expect("large_f", y)
