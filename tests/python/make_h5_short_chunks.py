"""Makes short.h5 in the directory named: /whole, whose values are in whole.npy, and /short, by nbit; /scaled by scaleoffset; of the last two
a chunk was cut."""

import sys

import h5py
import numpy as np

directory = sys.argv[1]
values = np.arange(12, dtype="<u2").reshape(3, 4) * 21 % 4096
datatype = h5py.h5t.STD_U16LE.copy()
datatype.set_precision(12)
with h5py.File(f"{directory}/short.h5", "w") as f:
    for name in ["whole", "short"]:
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_chunk((3, 4))
        create.set_filter(h5py.h5z.FILTER_NBIT, 0)
        dataset = h5py.h5d.create(f.id, name.encode(), datatype, h5py.h5s.create_simple(values.shape), create)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=datatype)
    stored = dataset.read_direct_chunk((0, 0))[1]
    dataset.write_direct_chunk((0, 0), stored[:5])
    scaled = f.create_dataset("scaled", data=values.astype("i4"), chunks=(3, 4), scaleoffset=0)
    stored = scaled.id.read_direct_chunk((0, 0))[1]
    scaled.id.write_direct_chunk((0, 0), stored[:30])
np.save(f"{directory}/whole.npy", values)
