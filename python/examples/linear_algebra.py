"""A regression, principal components and a linear system, block by block."""

import numpy as np

import flagstone as fs

A = fs.random.normal(size=(20_000, 20), seed=1)
truth = np.arange(20.0)
b = A @ truth + fs.random.normal(0, 0.1, size=20_000, seed=2)

solution, residuals, rank, _ = fs.linalg.lstsq(A, b)
print("rank", int(rank), "largest error", float(abs(solution - truth).max()))
assert float(abs(solution - truth).max()) < 0.01

centred = A - A.mean(axis=0)
u, s, vt = fs.linalg.svd(centred, full_matrices=False)
print("explained by the first component:", float(s[0] ** 2 / (s**2).sum()))

n = 500
system = fs.random.uniform(size=(n, n), seed=3) + n * fs.eye(n)
x = fs.linalg.solve(system, fs.ones(n))
np.testing.assert_allclose((system @ x).compute(), np.ones(n), rtol=1e-10)
