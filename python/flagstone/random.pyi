# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def random(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [0, 1)."""
def random_sample(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [0, 1)."""
def ranf(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [0, 1)."""
def sample(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [0, 1)."""
def rand(*d: Any, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [0, 1), of a shape."""
def randn(*d: Any, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Normal, of a shape."""
def standard_normal(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Normal, mean 0, deviation 1."""
def standard_exponential(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Exponential, mean 1."""
def standard_gamma(shape: int | Sequence[int], size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Gamma, scale 1."""
def uniform(low: Any = ..., high: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Uniform in [low, high); the bounds may be arrays."""
def normal(loc: Any = ..., scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Normal; the parameters may be arrays."""
def lognormal(mean: Any = ..., sigma: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """e to a normal value; the parameters may be arrays."""
def laplace(loc: Any = ..., scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Laplace; the parameters may be arrays."""
def logistic(loc: Any = ..., scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Logistic; the parameters may be arrays."""
def gumbel(loc: Any = ..., scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Gumbel; the parameters may be arrays."""
def gamma(shape: int | Sequence[int], scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Gamma."""
def exponential(scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Exponential; the scale may be an array."""
def rayleigh(scale: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Rayleigh; the scale may be an array."""
def poisson(lam: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Poisson."""
def randint(low: Any, high: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Integers in [low, high)."""
def integers(low: Any, high: Any = ..., size: Any = ..., dtype: DTypeLike | None = ..., endpoint: Any = ..., *, seed: int | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Integers in [low, high)."""
def choice(a: Any, size: Any = ..., replace: Any = ..., p: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Integers below a, drawn with replacement."""
def permutation(x: Any, axis: int | Sequence[int] | None = ..., *, seed: int | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """The numbers below x, or the slices of x along an axis, in a random order."""
def shuffle(x: Any, axis: int | Sequence[int] | None = ..., *, seed: int | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """The slices of x along an axis in a random order, as a new array."""
def permuted(x: Any, axis: int | Sequence[int] | None = ..., *, seed: int | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """The elements of each lane in an order of its own."""
def random_integers(low: Any, high: Any = ..., size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Integers in [low, high], from 1 where only one is given."""
def tomaxint(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Integers from 0 to 2⁶³ − 2."""
def beta(a: Any, b: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Beta."""
def binomial(n: Any, p: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Successes among n trials."""
def chisquare(df: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """χ²."""
def f(dfnum: Any, dfden: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Fisher's F."""
def geometric(p: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Trials until one succeeds."""
def hypergeometric(ngood: Any, nbad: Any, nsample: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """The good ones in a sample."""
def logseries(p: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Logarithmic."""
def negative_binomial(n: Any, p: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Failures before the n-th success."""
def noncentral_chisquare(df: Any, nonc: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """χ² about another mean."""
def noncentral_f(dfnum: Any, dfden: Any, nonc: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """F about another mean."""
def pareto(a: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Pareto, from 0."""
def power(a: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """u to the power 1/a."""
def standard_cauchy(size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Cauchy."""
def standard_t(df: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Student's t."""
def triangular(left: Any, mode: Any, right: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Triangular."""
def vonmises(mu: Any, kappa: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Von Mises' law of angles."""
def wald(mean: Any, scale: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Wald, inverse Gaussian."""
def weibull(a: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Weibull, scale 1."""
def zipf(a: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Zipf."""
def dirichlet(alpha: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Shares that add up to 1, along the last axis."""
def multinomial(n: Any, pvals: Any, size: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """How often each outcome comes up in n trials, along the last axis."""
def multivariate_hypergeometric(colors: Any, nsample: Any, size: Any = ..., method: Any = ..., *, seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """How many of each colour are in a sample, along the last axis."""
def multivariate_normal(mean: Any, cov: Any, size: Any = ..., check_valid: Any = ..., tol: Any = ..., *, method: Any = ..., seed: int | None = ..., dtype: DTypeLike | None = ..., chunks: Any = ..., stream: Any = ...) -> Array:
    """Normal vectors, along the last axis."""
