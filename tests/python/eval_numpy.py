"""Evaluates the same texts with `flagstone eval --json` and with NumPy, and compares dtype, shape and values.

Usage: eval_numpy.py FLAGSTONE DIRECTORY. Prints every difference; exits 1 if there is one.
"""

import ast
import json
import pathlib
import subprocess
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg

FLAGSTONE, DIRECTORY = sys.argv[1], pathlib.Path(sys.argv[2])
warnings.simplefilter("ignore")
np.seterr(all="ignore")

INPUTS = {
    "x": (np.arange(20, dtype="f8").reshape(4, 5) - 7) / 2,
    "y": np.linspace(0.25, 5, 20).reshape(4, 5),
    "v": np.array([3.0, -1.0, 2.5, 0.0, 7.0]),
    "f": np.linspace(-3, 3, 20, dtype="f4").reshape(4, 5),
    "i": (np.arange(20, dtype="i8").reshape(4, 5) * 7) % 11 - 4,
    "j": (np.arange(20, dtype="i4").reshape(4, 5) % 5) - 2,
    "u": np.array([0, 1, 5, 200, 254, 255], dtype="u1"),
    "w": np.array([0, 3, 2, 1, 7, 255], dtype="u1"),
    "h": np.array([-300, -1, 0, 1, 2, 300], dtype="i2"),
    "b": np.arange(20).reshape(4, 5) % 3 == 0,
    "z": np.array([[1 + 2j, -1j, 3], [0, 2.5 - 1j, 1j], [4, -2, 1 + 1j]]),
    "q": np.array([[2.0, 1, 0, 1], [0, 3, 1, 2], [1, 0, 4, 1], [2, 1, 0, 5]]),
    "n": np.array([1.0, np.nan, -2.0, np.inf, 0.0, -0.0, -np.inf, 5.0]),
    "e": np.zeros((0, 3)),
    "s": np.array(2.5),
    "t": np.arange(24, dtype="f8").reshape(2, 3, 4),
}

# Bit for bit the same.
EXACT = """
x[b[:, 0]]
x[b[:, 0], 1]
x[1, b[0]]
x[b[:, 0], ::2]
x[:, b[0]]
t[t[:, :, 0] > 3]
t[0, t[0, :, 0] > 3, 1:]
x[[True, False, True, False], [0, 1]]
searchsorted(sort(v), v)
searchsorted(sort(v), x, side='right')
searchsorted([1, 2, 2, 5], 2)
searchsorted(sort(n), n)
searchsorted(sort(u), h)
digitize(x, [-2.0, 0.5, 3.0])
digitize(x, [3.0, 0.5, -2.0], right=True)
digitize(i, [0, 2, 4], True)
isin(i, [1, 2, -3])
isin(x, v, invert=True)
isin(n, [np.nan, 5])
take(x, [0, 3, -1], axis=0)
take(x, j % 4, axis=1)
take(x, [3, 7])
take(x, [9, -7], axis=1, mode='wrap')
take(x, [9, -7], axis=1, mode='clip')
v[argsort(v)]
v[j]
x[abs(j[0]), 1]
x[1:, abs(j[:, 0])]
x[j[:, 0], j[:, 1]]
t[:, [0, 2], [1, 3]]
t[[0, 1], :, [1, 3]]
t[j[:, :2] % 2]
t[0, :, abs(j[0])]
x[[0, 1], [1, 2]]
compress([True, False, True], x, axis=0)
compress([False, True, True], x)
extract(x > 2, x)
nonzero(i)
nonzero(b)
flatnonzero(j)
argwhere(i > 2)
unique(i)
unique(n) + 0.0
unique(z)
unique(concatenate([n, n]), equal_nan=False) + 0.0
unique(concatenate([n, n]), return_index=True, return_inverse=True, return_counts=True, equal_nan=False)[1:]
unique_counts(concatenate([n, n]))[1]
intersect1d(i, j, return_indices=True)
intersect1d([3, 1, 1, 7], [7, 3, 9], return_indices=True)
tril(v)
triu(v, 1)
concatenate([i, j], axis=0, dtype='float32')
stack([i, j], dtype='int16', casting='unsafe')
vstack([x, f], dtype='f4')
hstack([b, j], dtype=complex)
einsum(x, [0, 1], y, [2, 1], [0, 2])
einsum(x, [0, 1], y, [2, 1])
einsum(t, [..., 1, 0], [..., 0])
unique(z * 0 * -1 + z.imag * 1j, return_counts=True)
sort(z * 0 * -1 + z.imag * 1j, axis=None) + 0
unique(u)
unique(i, return_counts=True)
unique(i % 3, return_index=True, return_inverse=True, return_counts=True)
unique(i, return_index=True)
intersect1d(i, j)
union1d(i, j)
setdiff1d(i, j)
setdiff1d(v, [2.5, 0], assume_unique=True)
setdiff1d(i, j, True)
setxor1d(i, j)
bincount(abs(i[0]), minlength=12)
bincount(u, minlength=300)
bincount([1, 2, 2], weights=[0.5, 1, 2], minlength=4)
histogram(x)
histogram(i, 5)
histogram(x, 'auto')
histogram(x, 'fd')
histogram(y, 'doane')
histogram(x, 'scott', density=True)
histogram(x, 'sqrt', range=(-2, 3))
histogram(i, 'rice')
histogram(x[:, 0] * 0, 'sturges')
histogram(f, 'auto')
histogram(v[:0], 'auto')
histogram(i.ravel() * 100, bins='auto')[0].sum()
histogram_bin_edges(x, 'fd')
histogram_bin_edges(i, 'auto')
histogram(i, bins=[-4, 0, 3, 6])
histogram(v, bins=4, range=(0, 5))
histogram(x, bins=[-3.0, 0.25, 2.0, 6.0])
histogram(v, bins=3, weights=[1.0, 2, 3, 4, 5])
histogram(f, bins=7)
histogram_bin_edges(v, 4)
histogram2d(x.ravel(), y.ravel(), bins=4)
histogram2d(v, v * 2, bins=[[-1.0, 0, 3, 8], 3])
x[x > x.mean()][[0, 1]]
x.reshape(2, 10)
x.reshape((10, 2))
x.reshape(-1)
reshape(x, (5, 4))
reshape(t, (4, -1))
(x * 2).T.reshape(2, 2, 5)
t.reshape(6, 4).reshape(2, 3, 4)
x.ravel()
x.T.flatten()
cumsum(i)
x.T.cumsum()
sort(v)
sort(x, axis=0)
sort(x, axis=None)
sort(t.T, 1)
np.sort(n) + 0.0
sort(u)
sort(h)
sort(b, 0)
sort(z, axis=0)
sort(z, axis=None)
sort(e)
sort(j, axis=0)[::-1, 1]
x.argsort()
(i % 3).argsort(axis=0, kind='stable')
argsort(n, stable=True)
argsort(z, axis=None)
argsort(-i, axis=None, kind='stable')
partition(v, 2) * 0
median(x, axis=0)
median(t, axis=(0, 2))
median(i, axis=1, keepdims=True)
median(f, axis=0)
median(b, axis=0)
nanmedian(n)
nanmedian(where(x > 3, np.nan, x), axis=0)
quantile(v, 0.5)
quantile(i, 0.25, axis=0)
quantile(i, 0.3, axis=1, method='lower')
quantile(i, [0.25, 0.75], method='higher')
quantile(u, 0.4, method='nearest')
quantile(i, 0.3, method='inverted_cdf')
quantile(i, 0.35, axis=0, method='closest_observation')
quantile(x, [0.0, 0.5, 1.0], axis=(0, 1))
quantile(n, 0.5)
quantile(t, [0.5], axis=1, keepdims=True)
quantile(t, 0.25, axis=(0, 2), keepdims=True)
percentile(i, 75, keepdims=True)
percentile(t, [0, 100], axis=-1)
nanpercentile(n[:3], 100)
divmod(i, 3)
divmod(x, -1.5)
modf(x)
modf(n)
frexp(x)
frexp(n)
frexp(f)
frexp(y * 1e-310)
np.matmul(i, i.T)
i @ i.T[:, 0]
i[0] @ i.T
b @ b.T
b[0] @ b[1]
(u[:, None] @ w[None, :])
u[None, :] @ w
u.astype('i1')[None, :] @ w[:, None]
h @ h
j @ i.T
t @ t.swapaxes(1, 2)
t @ t[0].T
t[0] @ t.swapaxes(1, 2)
t[:1] @ t.swapaxes(1, 2)
t[:, None] @ t.swapaxes(1, 2)
t @ v[:4]
v[:3] @ t
(t @ t.swapaxes(1, 2))[1, ::-1, :2]
(t @ t.mT)[:, 1]
e @ e.T
e.T @ e
t[:, :0] @ t[:, :0].mT
t[:, :, :0] @ t[:, :, :0].mT
dot(t, v[:4])
dot(t, t[0].T)
dot(t, t.swapaxes(1, 2))
dot(x, 3)
dot(3, x)
dot(s, x)
x.dot(y.T * 0 + 1)
vdot(i, i)
vdot(i, j)
vdot(v, v)
vdot(u, w)
vdot(b, b)
vecdot(i, j)
vecdot(i, j[0])
vecdot(i, j, axis=0)
vecdot(u, w)
vecdot(b, b)
linalg.vecdot(t, t[0], axis=-2)
matvec(t, v[:4])
vecmat(v[:3], t)
inner(i, j)
inner(t, v[:4])
inner(t, t)
inner(2, i)
inner(v, v)
outer(v, h)
outer(u, w)
outer(b[0], b[1])
outer(2, v)
linalg.outer(v, h)
kron(v, h)
kron(x, j[:2, :3])
kron(x, v)
kron(v, x)
kron(t, x)
kron(b, b)
kron(u, w)
kron(2, x)
kron(e, x)
tensordot(t, t, axes=((0, 1), (0, 1)))
tensordot(t, t, ([1, 0], [1, 0]))
tensordot(t, t.transpose(1, 2, 0), 2)
tensordot(t, t.T, axes=1)
tensordot(t, x[:3], axes=(1, 0))
tensordot(t, x[:3], ([-2], [0]))
tensordot(i, j, ((0, 1), (0, 1)))
tensordot(b, b, ((0,), (0,)))
tensordot(u[:, None], w[:, None], 2)
tensordot(t, t, 3)
tensordot(t, t, ((2, 0, 1), (2, 0, 1)))[...]
tensordot(t, t, axes=((0, 1), (0, 1)))[1:3, ::-2]
tensordot(e, e, ((0,), (0,)))
tensordot(e, e, ((1,), (1,)))
linalg.tensordot(i, j, axes=((0, 1), (0, 1)))
einsum('ij,kj->ik', i, j)
einsum('ij,kj->ki', i, j)
einsum('ij,kj', i, j)
einsum('ba', i)
einsum('ji', i)
einsum('ij->', i)
einsum('ij->j', i)
einsum('ij->i', u[None])
einsum('i->', u)
einsum('i,i', u, w)
einsum('i,j', u, w)
einsum('ij,ij->ij', i, j)
einsum('ij,ij->j', i, j)
einsum('ij,ij', i, j)
einsum('ij,ij->i', b, b)
einsum('ij->', b)
einsum('ii', q)
einsum('ii->i', q)
einsum('iij->ij', t[:, :2])
einsum('iji->j', t[:, :, :2])
einsum('ii,ij->j', q, q)
einsum('iii->i', t[:, :2, :2])
einsum('...ij,...jk->...ik', t, t.mT)
einsum('...ij,jk', t, x[:, :4])
einsum('...j->j...', t)
einsum('...j->...', t)
einsum('i...->...', t)
einsum('...,...', t, t)
einsum('i...j,k...j->...', t, t)
einsum('bij,bjk->bik', t, t.mT)
einsum('bij,bkj->kib', t, t)
einsum('ij,jk,kl->il', i, j.T, i)
einsum('ij,jk,kl,lm->mi', q, q, q, q)
einsum('ab,cd,ef->', q, q, q)
einsum('i,i,i->i', v, v, v)
einsum('ijk,ilm,njm,nlk,abc->', t, t, t, t, t * 0 + 1)
einsum(',ij->ij', 2, i)
einsum('ij,ij->ij', i, j[:, :1])
einsum('ij,jk->ik', i, j.T[:1])
einsum('ij, jk -> ik', i, j.T)
einsum('ij,jk', i, j.T)[1:, ::-1]
einsum('ij->i', i, dtype='f8')
einsum('ij,j->i', e, v[:3])
einsum('ij,ik->jk', e, e)
linalg.multi_dot([q, q, q])
linalg.multi_dot([v[:4], q, q, v[:4]])
linalg.multi_dot([i, j.T, i])
linalg.multi_dot([q, v[:4]])
linalg.matrix_power(q, 0)
linalg.matrix_power(q, 1)
linalg.matrix_power(q, 5)
linalg.matrix_power(i[:, :4], 3)
linalg.matrix_power(t[:, :, :3], 2)
linalg.matrix_power(t[:, :, :3], 0)
cross(x[:, :3], y[:, :3] * 0 + 2)
cross(x[:, :3], v[:3])
cross(i[:, :3], j[:, :3])
cross(x[:3], x[1:], axis=0)
cross(x[:3, :4], x[:, :3], axisa=0, axisb=1, axisc=0)
cross(x[:, :2], x[:, 2:4])
cross(x[:, :2], x[:, 2:5])
cross(x[:, :3], x[:, 2:4])
linalg.cross(x[:, :3], v[:3])
trace(q)
trace(x)
trace(i)
trace(b)
trace(u[:, None])
trace(q, 1)
trace(x, offset=-2)
trace(x, 9)
q.trace()
trace(t)
trace(t, 0, 1, 2)
trace(t, axis1=2, axis2=0)
trace(i, dtype='i1')
linalg.trace(t)
linalg.trace(t, offset=1)
i.T @ i
i @ i.T
t @ t.mT
(i - 1).T @ (i - 1)
x.T @ x
x @ x.T
(x @ x.T)[2:, :3]
tensordot(t, t, ((0, 1), (0, 1)))
i.cumsum(0)
i.cumsum(axis=1)
i.cumsum(-1, dtype='i4')
u.cumsum()
w.cumprod()
b.cumsum(1)
x.cumsum(axis=0)
np.cumsum(x, axis=1)
cumprod(i, axis=0)
x.cumsum(axis=1)[::2, -1]
e.cumsum(axis=0)
e.cumsum(axis=1)
np.cumulative_sum(i, axis=1, include_initial=True)
np.cumulative_prod(j, axis=0)
(x - x.cumsum(axis=1)).sum()
x + y
x - 1
2 * x + 1
x / y
x // y
x % y
-x
+x
~i
~b
-x ** 2
2 ** i.astype(float64)
x ** 2
abs(x)
i // 3
i % 3
i // -3
i % -3
i / 2
i ** 2
i << 2
i >> 1
i & 6
i | 3
i ^ 5
u + u
u - w
u * w
u + 1
u << 1
h + u
i + f
j * f
f * 2
f * 2.5
f + i
j + 1
j / 2
b + b
b * 2
b & ~b
b | (x > 0)
b ^ b
x > y
x <= 0
i == 3
i != j
(x > 0) & (x < 2)
z + 1
z * 2j
z.real
z.imag
z.conj()
conjugate(z)
z == 3
x + v
x * v[:, None][:4]
x[0] + x[:, 0][:, newaxis]
x.T
x.T.shape
x.shape
x.ndim
x.size
x.nbytes
x.dtype == float64
f.dtype
len(x)
x.shape[0] * 2
x.shape + (3,)
x[0]
x[-1]
x[1, 2]
x[1:3]
x[::-1]
x[::2, ::-2]
x[-3:-1, 1:]
x[3:0:-1]
x[10:20]
x[..., 0]
x[None]
x[:, None, :]
x[..., newaxis]
x[[0, 2]]
x[[3, 1, 1]]
x[:, [4, 0]]
x[[-1, 0], 1:3]
x[x > 0]
x[b]
x[b].sum()
t[0, :, ::2]
t[:, 1]
t[..., -1]
t[1, ..., 0]
t.T
t.transpose(1, 0, 2)
transpose(t, (2, 0, 1))
swapaxes(t, 0, 2)
moveaxis(t, 0, -1)
squeeze(x[None])
expand_dims(x, 1)
flip(x, 0)
flip(x)
broadcast_to(v, (3, 5))
concatenate([x, y])
concatenate((x, y), axis=1)
stack([x, y])
stack((x, y), axis=-1)
vstack((x, y))
hstack((x, y))
where(x > 0, x, y)
where(b, 1, 0)
where(b, x, 0)
clip(x, -1, 2)
x.clip(0, 3)
maximum(x, y)
minimum(x, 0)
fmax(n, 1)
floor(x)
ceil(x)
trunc(x)
rint(x)
sign(x)
square(x)
sqrt(y)
absolute(i)
isnan(n)
isinf(n)
isfinite(n)
logical_and(b, x > 0)
logical_not(b)
logical_or(b, x)
x.astype(int32)
x.astype("float32")
i.astype(float32)
i.astype(bool)
f.astype(float64)
float32(i)
h.astype(uint8)
x.astype(complex128)
sum(i)
i.sum()
i.sum(axis=0)
i.sum(axis=1, keepdims=True)
i.sum((0, 1))
u.sum()
b.sum()
j.prod(axis=0)
x.sum()
x.sum(axis=0)
x.sum(-1)
x.max()
x.min(axis=1)
max(i, axis=0)
min(i)
x.argmax()
x.argmin(axis=0)
argmax(i, axis=1)
any(b)
b.any(axis=0)
b.all(axis=1)
all(x > -100)
count_nonzero(b)
mean(i)
x.mean()
x.mean(axis=0)
nansum(n[:3])
nanmax(n)
n.max()
n.min()
e.sum()
e.sum(axis=0)
e + 1
e.shape
s + 1
s * x
s.shape
sum(x, axis=None, keepdims=True)
zeros((2, 3))
ones(3, dtype=int32)
full((2, 2), 7)
full((2, 2), 1.5)
arange(5)
arange(2, 10, 3)
arange(0, 1, 0.25)
eye(3)
eye(3, 4, 1)
zeros_like(i)
ones_like(f)
full_like(i, 3)
linspace(0, 1, 5)
q @ q
q @ q[0]
x.T @ y[:, :2] * 0 + 1
dot(q, q)
matmul(q, q.T)
i @ i.T
median(v)
a = x + 1; a * 2
a = b2 = x; a + b2
r, c = x.shape; r * c
(x, i)
x.sum(), i.sum()
1 + 2
2 ** 10
7 // -2
-7 % 3
1 / 3
2 ** -1
1 < 2 < 3
3 > 2 > 2
not True
True and 0
None
(1, 2) + (3,)
[1, 2] * 2
(1, 2, 3)[1:]
"a" + "b"
1j * 1j
True + True
0x10 + 0b11
pi
np.pi
e.ndim
inf
-inf
numpy.abs(x)
np.sum(x, axis=0)
array([1, 2, 3])
array([[1.0, 2.0], [3.0, 4.0]]) + 1
asarray([True, False])
array([1, 2.5])
x + [1, 2, 3, 4, 5]
x[1][2]
x[:, 0].sum()
x.sum() + 1
x.sum() * i
j.sum() * x
round(x)
x.round()
mod(i, 3)
floor_divide(i, 2)
negative(x)
add(x, y)
power(i, 2)
greater(x, 0)
equal(i, 3)
bitwise_and(i, 3)
ptp(i)
average(i)
""".strip().split("\n")

# Transcendental functions: at most 2 units in the last place.
ULP = """
sin(x)
cos(x)
tan(x)
exp(x)
expm1(x)
log(y)
log1p(y)
log2(y)
log10(y)
sinh(x)
cosh(x)
tanh(x)
arctan(x)
arcsin(x / 10)
arccos(x / 10)
arctan2(x, y)
hypot(x, y)
exp2(x)
cbrt(x)
y ** 0.5
y ** x
sin(f)
exp(f)
log(abs(f))
tanh(f)
abs(z)
sin(i)
exp(u[:3])
logaddexp(x, y)
""".strip().split("\n")

# Sums in another order, or algorithms with another rounding: a few units relative to the size.
CLOSE = """
fft.fft(v)
fft.fft(x, axis=0)
fft.fft(i, n=7)
fft.fft(t, n=2, axis=1, norm='ortho')
fft.fft(f)
fft.ifft(z)
fft.ifft(fft.fft(x, axis=0), axis=0, norm='forward')
fft.rfft(x)
fft.rfft(v, n=8, norm='forward')
fft.irfft(fft.rfft(x))
fft.irfft(fft.rfft(v), n=5)
fft.irfft(z, axis=0)
fft.hfft(z)
fft.hfft(z, n=3, norm='ortho')
fft.ihfft(x)
fft.fft2(t)
fft.ifft2(x)
fft.fftn(t)
fft.fftn(t, s=(2, 5), axes=(0, 2))
fft.ifftn(t, axes=(1,))
fft.rfft2(x)
fft.rfftn(t)
fft.irfftn(fft.rfftn(t))
fft.irfft2(fft.rfft2(x), s=(4, 5))
fft.fftfreq(7)
fft.fftfreq(8, d=0.25)
fft.rfftfreq(9, 2.0)
fft.fftshift(x)
fft.ifftshift(v)
fft.fftshift(fft.fftfreq(5))
fft.ifftshift(t, axes=(0, 2))
interp([0.5, 2.5, -1, 9], [0, 1, 2, 3], [10, 20, 15, 0])
interp(x, sort(v), v)
interp(x, [0, 1.0], [1, 2.0], left=-1, right=-2)
histogram(x, bins=4, density=True)
histogram2d(v, v * 2, bins=3, density=True)
quantile(x, 0.3, axis=0)
quantile(x, [0.1, 0.37, 0.9])
quantile(f, 0.3, axis=1)
quantile(f, [0.3, 0.6], axis=1)
quantile(f, 0.8)
quantile(y, 0.37, method='averaged_inverted_cdf')
quantile(y, 0.37, method='interpolated_inverted_cdf')
quantile(y, 0.37, axis=0, method='hazen')
quantile(y, [0.37, 0.99], axis=0, method='weibull')
quantile(y, 0.37, method='median_unbiased')
quantile(y, 0.37, axis=0, method='normal_unbiased')
quantile(y, 0.37, axis=0, method='midpoint')
percentile(t, [10, 90], axis=(0, 1))
nanquantile(where(x > 3, np.nan, x), 0.3, axis=0)
nanquantile(where(x > 3, np.nan, x), [0.3, 0.9])
linalg.inv(q)
linalg.inv(q)[:2, 1:3]
linalg.inv(z)
linalg.inv(q.T)
x[array(True)]
x[array(False)]
x[array(True), 1]
x[1:, array(True)]
x[..., array(True)]
x[zeros(0, dtype=bool)]
x[zeros((4, 0), dtype=bool)]
array(5.0)[array(True)]
zeros((2, 3), dtype=None)
ones(3, None)
empty((2, 0), dtype=None)
linalg.expm(q / 4)
linalg.expm(z)
linalg.expm(q - q.T)[1:, :2]
linalg.expm(t[:, :, :3] / 40)
linalg.expm(i[:2, :2] // 2)
linalg.expm(q.astype("float32"))
linalg.expm(zeros((0, 0)))
linalg.solve(q, v[:4])
linalg.solve(q, x[:, :3])
linalg.solve(z, z)
linalg.det(q)
linalg.det(z)
linalg.slogdet(q)
linalg.slogdet(z)
linalg.slogdet(i[:, :4])
linalg.qr(q)
linalg.qr(q[:3])
linalg.qr(q[:, :3])
linalg.qr(x, mode='r')
linalg.qr(q[:, :2], 'complete')
linalg.qr(q, 'raw')
linalg.qr(z)
linalg.qr(e)
linalg.qr(e.T)
linalg.cholesky(q @ q.T)
linalg.cholesky(q @ q.T, upper=True)
linalg.cholesky(z @ z.conj().T + identity(3))
linalg.svd(x)[1]
linalg.svd(x, compute_uv=False)
linalg.svdvals(z)
linalg.svd(t)[1]
linalg.svd(e)
abs(linalg.svd(q[:, :2], full_matrices=False)[0])
abs(linalg.svd(q[:, :2])[2])
abs(linalg.svd(q)[2])
linalg.eigvalsh(q + q.T)
linalg.eigvalsh(q, UPLO='U')
linalg.eigvalsh(z + z.conj().T)
linalg.eigvalsh(q)
abs(linalg.eigh(q + q.T)[1])
abs(linalg.eigh(z, 'U')[1])
linalg.eigvals(z)
linalg.lstsq(x.T, y.T)[0]
linalg.lstsq(y.T, v)[3]
linalg.lstsq(y, v[:4])[0]
linalg.matrix_rank(x)
linalg.matrix_rank(y)
linalg.matrix_rank(t)
linalg.pinv(q)
linalg.pinv(x)
linalg.cond(q)
linalg.cond(q, 1)
linalg.cond(q, 'fro')
np.linalg.norm(array([3.0, 4.0]))
linalg.norm(x)
linalg.norm(t)
linalg.norm(v, 1)
linalg.norm(v, 3)
linalg.norm(v, inf)
linalg.norm(v, -inf)
linalg.norm(v, 0)
linalg.norm(x, 'fro')
linalg.norm(x, 'nuc')
linalg.norm(x, 1)
linalg.norm(x, -1)
linalg.norm(x, 2)
linalg.norm(x, -2)
linalg.norm(x, inf)
linalg.norm(x, axis=0)
linalg.norm(t, axis=(0, 2))
linalg.norm(t, 2, axis=(2, 1), keepdims=True)
linalg.norm(z)
linalg.norm(i)
linalg.vector_norm(t, axis=(1, 2))
linalg.matrix_norm(t)
linalg.inv(t[:, :, :3] + 9 * identity(3))
linalg.solve(t[:, :, :3] + 9 * identity(3), ones((3, 2)))
linalg.det(t[:, :, :3])
linalg.slogdet(t[:, :, :3] + identity(3))
linalg.qr(t)
tril(x)
triu(x, 1)
tril(t, -1)
z @ z
z.conj().T @ z
z.T @ z
z @ z.conj().T
z @ v[:3]
vdot(z, z)
vdot(z, v[:3, None] + z)
vecdot(z, z * 2)
vecdot(z, z, axis=0)
vecmat(z[0], z)
matvec(z, z[0])
inner(z, z)
tensordot(z, z, 2)
kron(z, z)
einsum('ij,kj->ki', z, z)
einsum('ii', z)
trace(z, 1)
linalg.matrix_power(z, 3)
linalg.matrix_power(q, -1)
linalg.matrix_power(q, -3)
cross(z, z * 1j + 1)
f @ f.T
f.astype('f2') @ f.T.astype('f2')
f.astype('f2') @ v.astype('f2')
vecdot(f.astype('f2'), f.astype('f2'))
einsum('ij->i', f.astype('f2'))
einsum('ij,kj', f.astype('f2'), f)
f @ y.T
f.T @ i
tensordot(f, z[0, 0] * f, 2)
y @ y.T
y.T @ y
(y - y.mean(0)).T @ (y - y.mean(0))
(y - y.mean(0)).T @ (y - y.mean(0)) / 3
exp(y.T) @ exp(y)
einsum('ij,kj->ik', y, y)
einsum('ij,jk,kl,lm', y, y.T, y, y.T)
einsum('abc,cd,bd->a', t, y.T[:4, :3], y[:3, :3])
linalg.multi_dot([y, y.T, y, v])
tensordot(v, h, 0)
tensordot(t / 3, t / 7, ((0, 2), (0, 2)))
x.std()
x.var(axis=0)
y.mean(axis=1)
f.mean()
f.sum(axis=0)
f.std(axis=1)
y.sum()
y.prod()
std(i, ddof=1)
var(y, axis=0, ddof=1)
x @ y.T
y.T @ y
f @ f.T
z @ z
(x - x.mean(axis=0)) / x.std(axis=0)
(x - x.mean(axis=1, keepdims=True)).sum(axis=1)
exp(z)
sqrt(z)
z / (1 + 1j)
z * z
z.mean()
nanmean(n[:3])
""".strip().split("\n")

# What may be lacking: then it is a named error, and never a partial answer.
LATER = """
random.poisson(2.0, size=3) * 0
""".strip().split("\n")

# Both refuse.
ERRORS = """
linalg.expm(x)
zeros((0, 3))[zeros(2, dtype=bool)]
x[zeros(3, dtype=bool)]
fft.fft(v, n=0)
fft.fft(v, axis=1)
fft.rfft(z)
fft.fft(v, norm='other')
take(v, [5])
v[[7, 1]]
x[[0, 1], [9, 0]]
searchsorted(x, 1)
bincount(v)
histogram(x, bins=0)
histogram(x, range=(3, 1))
interp(x, [0, 1], [0])
digitize(x, x)
quantile(x, 1.5)
percentile(x, -1)
quantile(x, 0.5, method='other')
quantile(b, 0.5)
quantile(z, 0.5)
sort(x, axis=2)
sort(v, kind='other')
partition(v, 9)
linalg.inv(x)
linalg.solve(q, v)
linalg.qr(v)
linalg.qr(q, mode='other')
x @ 3
t @ x.T
t @ t[:, :, :3]
x.T @ t
dot(x, x)
inner(x, x[:, :3])
vdot(x, v)
vecdot(x, v[:3])
tensordot(x, x.T, 3)
tensordot(x, x, ((0, 0), (0, 0)))
tensordot(x, x, ((0, 1), (0,)))
tensordot(x, x.T, (5, 0))
einsum('ij,jk', x, x)
einsum('ij,jk->z', x, x.T)
einsum('ij', t)
einsum('ijj->ji', t)
einsum('ij->ii', x)
einsum('ij,kj', x)
einsum('...i->i', x)
einsum('i1', x)
einsum('i..j', x)
einsum('ij->i->j', x)
linalg.multi_dot([q])
linalg.multi_dot([q, t])
linalg.matrix_power(x, 2)
linalg.matrix_power(q, 0.5)
trace(v)
trace(x, 0, 1, 1)
trace(x, 0, 0, 2)
cross(x, x)
linalg.cross(x[:, :2], x[:, :2])
matvec(x, v[:4])
outer(x)
x + t
x[4]
x[0, 5]
x[1, 2, 3]
x.sum(axis=2)
x.mean(axis=(0, 0))
x.sum(axs=0)
x.nothing
nothing(x)
mean()
sum(x, 0, axis=0)
x @ x
x and y
not x
0 < x < 1
x[1.5]
concatenate([x, t])
x.reshape(3, 7)
min(e)
a, b2, c = x.shape; a
1 / 0
float64 + 1
-b
b - b
x.oix[[0], [9]]
x.oix[0, 0, 0]
x.oix([0])
histogram(x, 'best')
histogram(v, 'auto', weights=v)
x[0]()
x.T.T(1)
arange()
""".strip().split("\n")


# Both refuse, we when the values are there.
LATE_ERRORS = """
choose(abs(j), [x, y])
choose(j, [x, y, x])
histogram(where(x > 2, nan, x), 'auto')
v[j * 9]
take(v, i)
bincount(i[0], minlength=3)
""".strip().split("\n")


def families():
    """(kind, text) of every line of expressions/, under the kind that stands above it in brackets."""
    for file in sorted((pathlib.Path(__file__).parent / "expressions").glob("*.txt")):
        kind = None
        for line in file.read_text().splitlines():
            if line.startswith("["):
                kind = line.strip("[]")
            elif line and not line.startswith("#"):
                yield kind, line


# What NumPy has not: topk, push and others as dask has them, put_along_axis as a function, bottleneck's windows, zarr's `x.oix[...]`. Of random orders
# only what does not depend on the generator is compared.
BEYOND_NUMPY = """
def topk(a, k, axis=-1):
    return take_along_axis(a, argtopk(a, k, axis), axis)

def argtopk(a, k, axis=-1):
    order = argsort(a, axis=axis, kind="stable")
    if k > 0:
        order = flip(order, axis)
    return take(order, arange(min([abs(k), a.shape[axis]])), axis=axis)

def push(array, n, axis):
    if array.dtype.kind not in "fc":
        return array
    lanes = ascontiguousarray(moveaxis(array, axis, -1))
    for lane in lanes.reshape(-1, lanes.shape[-1]):
        at = None
        for place in range(len(lane)):
            if not isnan(lane[place]):
                at, value = place, lane[place]
            elif at is not None and (n is None or place - at <= n):
                lane[place] = value
    return moveaxis(lanes, -1, axis)

np.linalg.tsqr = np.linalg.sfqr = np.linalg.qr

def isnull(values):
    return isnan(values) if values.dtype.kind in "fc" else zeros(values.shape, bool)

def notnull(values):
    return ~isnull(values)

def shuffle(x, indexer, axis):
    return take(x, [place for places in indexer for place in places], axis)

class orthogonal:
    def __init__(self, x):
        self.x = x

    def __getitem__(self, at):
        items, found = list(at if isinstance(at, tuple) else (at,)), self.x
        ellipsis = [n for n, item in enumerate(items) if item is Ellipsis]
        used = len([item for item in items if item is not None and item is not Ellipsis])
        for n in ellipsis:
            items[n:n + 1] = [slice(None)] * (found.ndim - used)
        for n in reversed(range(len(items))):
            axis = len([item for item in items[:n] if item is not None])
            found = found[(slice(None),) * axis + (items[n],)]
        return found

class orders:
    def permutation(x, axis=0, seed=None):
        return flip(arange(x) if isinstance(x, int) else x, axis)

    def shuffle(x, axis=0, seed=None):
        return flip(x, axis)

    def permuted(x, axis=None, seed=None):
        return flip(x, axis)

    def random_integers(low, high=None, size=None, seed=None):
        return full(size, low)

    def tomaxint(size, seed=None):
        return zeros(size)

random.permutation, random.shuffle, random.permuted = orders.permutation, orders.shuffle, orders.permuted
random.random_integers, random.tomaxint = orders.random_integers, orders.tomaxint

def put_along_axis(arr, indices, values, axis):
    arr = arr.copy()
    np.put_along_axis(arr, indices, values, axis)
    return arr

def moving(f, nan_f):
    def move(a, window, min_count=None, axis=-1, **options):
        a = moveaxis(asarray(a), axis, -1)
        floats = a if a.dtype.kind == "f" else a.astype("f8")
        padded = concatenate([full(a.shape[:-1] + (window - 1,), nan, floats.dtype), floats], -1)
        windows = sliding_window_view(padded.astype("f8"), window, -1)
        least = window if min_count is None else min_count
        found = where(count_nonzero(~isnan(windows), -1) >= max([least, 1]), nan_f(windows, -1, **options), nan)
        return moveaxis(found.astype(floats.dtype), -1, axis)
    return move

move_sum, move_mean, move_min = moving(sum, nansum), moving(mean, nanmean), moving(min, nanmin)
move_max, move_median = moving(max, nanmax), moving(median, nanmedian)
move_var, move_std = moving(var, nanvar), moving(std, nanstd)

def groupby_reduce(array, by, func="mean", axis=0, num_groups=None, ddof=0, q=0.5):
    x, by = moveaxis(array, axis, 0), asarray(by)
    num_groups = by.max() + 1 if num_groups is None else num_groups
    def one(rows):
        if func == "count":
            return (~isnan(x[by == rows])).sum(0)
        if func in ("nanargmin", "nanargmax"):
            def place(lane):
                return nonzero(by == rows)[0][getattr(np, func)(lane)] if not isnan(lane).all() else -1
            return apply_along_axis(place, 0, x[by == rows]) if (by == rows).any() else full(x.shape[1:], -1)
        if func in ("argmin", "argmax"):
            return take(nonzero(by == rows)[0], getattr(np, func)(x[by == rows], 0)) if (by == rows).any() else full(x.shape[1:], -1)
        if func in ("any", "all"):
            return getattr(np, func)(x[by == rows], 0)
        if func in ("first", "last", "nanfirst", "nanlast"):
            def end(lane):
                lane = lane[~isnan(lane)] if func[:3] == "nan" else lane
                return (lane[0] if func[-5:] == "first" else lane[-1]) if lane.size else nan
            return apply_along_axis(end, 0, x[by == rows]) if (by == rows).any() else full(x.shape[1:], nan, x.dtype)
        if not (by == rows).any() and func not in ("sum", "nansum", "prod", "nanprod"):
            return full(shape(q) * (func[-8:] == "quantile") + x.shape[1:], nan, x.dtype if x.dtype.kind == "f" else "f8")
        options = {"ddof": ddof} if func[-3:] in ("var", "std") else {"q": q} if func[-8:] == "quantile" else {}
        return getattr(np, func)(x[by == rows], axis=0, **options)
    found = stack([one(g) for g in range(num_groups)], -x.ndim)
    return moveaxis(found, -x.ndim, axis + found.ndim - x.ndim)
"""


# What every input is, for with_flagstone.
SELECTED = "selected"
# How many axes are left would follow from a count.
UNSELECTED = {"squeeze(x[None])"}


def with_numpy(text):
    names = {}
    exec("from numpy import *; import numpy; import numpy as np; import numpy.ma as ma; from scipy import special, stats", names)
    exec("from numpy.lib.stride_tricks import sliding_window_view", names)
    names["linalg"] = types.SimpleNamespace(**{**vars(np.linalg), "expm": scipy.linalg.expm})
    exec(BEYOND_NUMPY, names)
    names.update({name: value.copy() for name, value in INPUTS.items()})
    *before, last = ast.fix_missing_locations(Orthogonal().visit(ast.parse(text))).body
    exec(compile(ast.Module(before, []), "text", "exec"), names)
    return filled(eval(compile(ast.Expression(last.value), "text", "eval"), names))


class Orthogonal(ast.NodeTransformer):
    """`x.oix` to `orthogonal(x)`."""

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return node if node.attr != "oix" else ast.Call(ast.Name("orthogonal", ast.Load()), [node.value], [])


def filled(value):
    """What `flagstone eval` prints of masked arrays: their fill values where elements do not count."""
    if isinstance(value, (tuple, list)):
        return (tuple if isinstance(value, tuple) else list)(filled(item) for item in value)
    return value.filled() if isinstance(value, np.ma.MaskedArray) else value


def with_flagstone(text, way=None):
    """`way` is a number: every input is cut into chunks of that length along each axis. Or it is SELECTED: every input is what a mask
    selects of twice as many rows, so that nobody knows its length before it is counted."""
    used = [name for name in INPUTS if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(ast.parse(text)))]
    wide = {name for name in used if way == SELECTED and INPUTS[name].ndim}
    names = [f"{name}={DIRECTORY / (name + '-wide' * (name in wide) + '.npy')}" for name in used]
    if way == SELECTED:
        rows = {name: 2 * INPUTS[name].shape[0] for name in wide}
        text = "".join(f"{name} = {name}[arange({rows[name]}) % 2 == 0]; " for name in sorted(wide)) + text
    elif way:
        text = "".join(f"{name} = {name}.rechunk({way}); " for name in used) + text
    command = [FLAGSTONE, "eval", "--json", "--threads", "1", "--", text, *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def number(x, dtype):
    if isinstance(x, list):
        return complex(number(x[0], None), number(x[1], None))
    return float(x) if isinstance(x, str) else x


def rebuilt(result):
    dtype, shape = np.dtype(result["dtype"]), tuple(result["shape"])
    flat = []

    def walk(data, depth):
        if depth == len(shape):
            flat.append(number(data, dtype))
        else:
            for item in data:
                walk(item, depth + 1)

    walk(result["data"], 0)
    return np.array(flat, dtype=dtype).reshape(shape)


def ulps(a, b):
    real = np.finfo(a.dtype).dtype if a.dtype.kind in "fc" else None
    if real is None:
        return np.inf
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    distance = np.abs(a - b) / np.spacing(np.maximum(np.abs(a), np.abs(b)).astype(real))
    return float(np.max(np.where(same, 0, distance), initial=0))


def difference(expected, result, kind):
    """What differs, or None."""
    if isinstance(expected, (tuple, list)) and not isinstance(expected, np.ndarray):
        items = result.get("results")
        if items is None or len(items) != len(expected):
            return f"expected {len(expected)} results, got {result}"
        return next((d for d in map(difference, expected, items, [kind] * len(items)) if d), None)
    if expected is None or isinstance(expected, (str, np.dtype, type)):
        text = expected if expected is None or isinstance(expected, str) else np.dtype(expected).name
        return None if result.get("data") == text else f"expected {text!r}, got {result.get('data')!r}"
    expected = np.asarray(expected)
    if "data" not in result:
        return f"expected an array, got {str(result)[:200]}"
    got = rebuilt(result)
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, expected {expected.dtype}"
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    if kind == "exact" or expected.dtype.kind not in "fc":
        same = np.array_equal(got, expected, equal_nan=expected.dtype.kind in "fc")
        if same and expected.dtype.kind == "f":
            same = np.array_equal(np.signbit(got) & ~np.isnan(got), np.signbit(expected) & ~np.isnan(expected))
    elif kind == "ulp":
        same = ulps(got, expected) <= 2
    else:
        # near: each element by itself
        tolerance = (64 if kind == "close" else 16) * np.finfo(expected.dtype).eps
        largest = float(np.max(np.abs(expected), initial=0, where=np.isfinite(expected)))
        same = np.allclose(got, expected, rtol=tolerance, atol=tolerance * max(1, largest) if kind == "close" else 0, equal_nan=True)
    return None if same else f"values {got.tolist()}, expected {expected.tolist()}"


def check(case):
    kind, text, way = case
    try:
        expected = with_numpy(text)
    except Exception as error:
        expected = error
    ran = with_flagstone(text, way)
    text = text if way is None else f"{text} of inputs that are {way}" if way == SELECTED else f"{text} in chunks of {way}"
    if kind == "later":
        if ran.returncode == 1 and "not supported yet" in ran.stderr and "^" in ran.stderr:
            return None
        kind = "close"
    if kind in ("error", "late error"):
        if not isinstance(expected, Exception):
            return f"{text}: NumPy gives {expected!r}, listed as an error"
        if ran.returncode != 1 or (kind == "error" and "^" not in ran.stderr):
            return f"{text}: exit {ran.returncode}, expected 1 with a caret; {ran.stdout}{ran.stderr}"
        return None
    if isinstance(expected, Exception):
        return f"{text}: NumPy refuses: {expected!r}"
    if ran.returncode != 0:
        return f"{text}: {ran.stderr.strip()}"
    found = difference(expected, json.loads(ran.stdout), kind)
    return found and f"{text}: {found}"


for name, value in INPUTS.items():
    np.save(DIRECTORY / f"{name}.npy", value)
    if value.ndim:
        # between the rows that are selected others, which no result may have to do with
        wide = np.repeat(value, 2, axis=0)
        wide[1::2] = 77 if value.dtype != bool else True
        np.save(DIRECTORY / f"{name}-wide.npy", wide)
KINDS = [("exact", EXACT), ("ulp", ULP), ("close", CLOSE), ("later", LATER), ("error", ERRORS), ("late error", LATE_ERRORS)]
cases = [(kind, text, None) for kind, texts in KINDS for text in texts]
cases += [(kind, text, cut) for kind, text in families() for cut in (None, 2) if cut is None or kind != "error"]
cases += [(kind, text, SELECTED) for kind, text, way in cases if way is None and kind in ("exact", "ulp", "close") and text not in UNSELECTED]
with ThreadPoolExecutor(2) as pool:
    failures = [failure for failure in pool.map(check, cases) if failure]
print(f"{len(cases)} expressions, {len(failures)} differ")
for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
