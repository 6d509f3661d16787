"""Functions of yours, of blocks that are arrays of NumPy."""

import numpy as np

import flagstone as fs

image = fs.asarray(np.add.outer(np.arange(300.0), np.arange(200.0) ** 2)).rechunk((100, 64))


def local_contrast(block, strength):
    return np.tanh((block - block.mean()) * strength)


sharper = fs.map_blocks(local_contrast, image, strength=1e-3, dtype="f8")
print(sharper.shape, sharper.chunks)

norms = fs.apply_gufunc(lambda rows: np.sqrt((rows**2).sum(-1)), "(i)->()", image, output_dtypes="f8")
np.testing.assert_allclose(norms.compute(), np.linalg.norm(np.asarray(image), axis=1))


def fails(block):
    raise ZeroDivisionError("no light in this one")


try:
    image.map_blocks(fails, dtype="f8").sum().compute()
except ZeroDivisionError as error:
    print(error, "|", *error.__notes__)  # the traceback is the function's own
