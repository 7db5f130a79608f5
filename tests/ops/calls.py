"""A call, or some, for every function of `ops`: of a module k, be it Keras's ops or unpad's."""

import inspect

import numpy as np

from unpad import ops

RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 3, 4)).astype("float32")
Y = RNG.normal(size=(2, 3, 4)).astype("float32")
ROW = RNG.normal(size=5).astype("float32")
NAN = np.where(RNG.random((2, 3, 4)) < 0.3, np.nan, X).astype("float32")
NAN[0, 0] = np.nan
IDS = RNG.integers(0, 4, size=(2, 3)).astype("int32")
SQUARE = RNG.normal(size=(2, 3, 3)).astype("float32")
GOOD = SQUARE @ SQUARE.swapaxes(1, 2) + np.eye(3, dtype="float32")  # positive definite
SIGNAL = RNG.normal(size=(2, 16)).astype("float32")
SHARES = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
COMPLEX = (X + 1j * Y).astype("complex64")
BITS = RNG.integers(0, 9, size=(2, 3)).astype("int32")

# What one number is tried with, and two: of each type, within what most functions take.
TYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8", "bool")
SMALL = RNG.random((2, 3)) * 0.8 + 0.1
ONE = {t: (SMALL * (1 if "float" in t else 9)) for t in TYPES}


def _axes(name, x, *options):
    """A reduction, along every kind of axis."""
    return [
        lambda k, a=a, o=o: getattr(k, name)(x, axis=a, **o)
        for a in (None, 0, 1, -1, (0, 2))
        for o in ({}, *options)
    ]


def _all_axes(*names, x=X):
    return {name: _axes(name, x, {"keepdims": True}) for name in names}


def _one_axis(name, x, axes=(0, 1, -1), **options):
    return [lambda k, a=a: getattr(k, name)(x, axis=a, **options) for a in axes]


CALLS = {
    **_all_axes("sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "ptp", "median"),
    **_all_axes("nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanvar", "nanstd", x=NAN),
    **_all_axes("nanmedian", x=NAN),
    **_all_axes("logsumexp"),
    **_all_axes("any", "all", x=X > 0.5),
    "sum": [
        *_axes("sum", X),
        lambda k: k.sum(BITS.astype("int8")),
        lambda k: k.sum(X > 0, 1),
        lambda k: k.sum([1.0, 2.0]),
        lambda k: k.sum(X, axis=()),
    ],
    "mean": [*_axes("mean", X), lambda k: k.mean(BITS), lambda k: k.mean(X > 0, 0)],
    "prod": [
        *_axes("prod", X),
        lambda k: k.prod(BITS.astype("int8"), 0),
        lambda k: k.prod(X, 1, dtype="float64"),
    ],
    "max": [
        *_axes("max", X),
        lambda k: k.max(X, axis=1, initial=0.5),
        lambda k: k.max(np.zeros((0, 2), "float32"), initial=3.0),
    ],
    "min": [*_axes("min", X), lambda k: k.min(X, axis=1, initial=-0.5)],
    "count_nonzero": _axes("count_nonzero", X[0, 0] > 0)[:2],
    "average": [*_axes("average", X), lambda k: k.average(X, -1, weights=[1.0, 2.0, 0.0, 1.0])],
    "argmax": [*_one_axis("argmax", X, (None, 0, 1, -1)), lambda k: k.argmax(X > 0, 1, True)],
    "argmin": _one_axis("argmin", X, (None, 0, 1, -1)),
    "nanargmax": _one_axis("nanargmax", NAN, (0, 1, -1)),
    "nanargmin": _one_axis("nanargmin", NAN, (0, 1, -1)),
    "quantile": [
        lambda k: k.quantile(X, 0.3, 1),
        lambda k: k.quantile(X, [0.1, 0.8], (0, 2), "lower"),
        lambda k: k.quantile(X, [0.5], -1, keepdims=True),
        lambda k: k.quantile(X, 0.2),
    ],
    "percentile": [lambda k: k.percentile(X, 30, 1), lambda k: k.percentile(X, [10.0, 80.0])],
    "nanquantile": [lambda k: k.nanquantile(NAN, 0.3, 1)],
    "nanpercentile": [lambda k: k.nanpercentile(NAN, 30, -1, keepdims=True)],
    "norm": [
        lambda k: k.norm(X),
        lambda k: k.norm(X, axis=-1),
        lambda k: k.norm(X, 1, 0, True),
        lambda k: k.norm(X, "fro", (1, 2)),
        lambda k: k.norm(BITS),
    ],
    "sort": _one_axis("sort", X, (0, 1, -1, None)),
    "argsort": _one_axis("argsort", X, (0, 1, -1, None)),
    "cumsum": [
        *_one_axis("cumsum", X, (0, 1, -1, None)),
        lambda k: k.cumsum(BITS.astype("int8"), 0),
        lambda k: k.cumsum(X > 0, 0),
        lambda k: k.cumsum(BITS, 1, "float32"),
    ],
    "cumprod": _one_axis("cumprod", X, (0, -1, None)),
    "nancumsum": _one_axis("nancumsum", NAN, (0, -1, None)),
    "nancumprod": _one_axis("nancumprod", NAN, (0, -1, None)),
    "flip": _one_axis("flip", X, (0, -1, None, (0, 1))),
    "roll": [
        lambda k: k.roll(X, 2, 1),
        lambda k: k.roll(X, 1),
        lambda k: k.roll(X, (1, 2), (0, 2)),
    ],
    "diff": [*_one_axis("diff", X), lambda k: k.diff(X, 2, 1)],
    "repeat": [
        lambda k: k.repeat(X, 2, 1),
        lambda k: k.repeat(X, 2),
        lambda k: k.repeat(X, np.array([1, 0, 2]), 1),
    ],
    "tile": [lambda k: k.tile(X, 2), lambda k: k.tile(X, (2, 1, 3)), lambda k: k.tile(ROW, (2, 2))],
    "expand_dims": [*_one_axis("expand_dims", X), lambda k: k.expand_dims(X, (0, 2))],
    "squeeze": [lambda k: k.squeeze(X[:1]), lambda k: k.squeeze(X[:, :1], 1)],
    "reshape": [lambda k: k.reshape(X, (4, -1)), lambda k: k.reshape(X, -1)],
    "transpose": [lambda k: k.transpose(X[0]), lambda k: k.transpose(X, (1, 0, 2))],
    "moveaxis": [lambda k: k.moveaxis(X, 0, -1), lambda k: k.moveaxis(X, (0, 1), (1, 0))],
    "swapaxes": [lambda k: k.swapaxes(X, 0, 2)],
    "diagonal": [lambda k: k.diagonal(X), lambda k: k.diagonal(X, 1, 1, 2)],
    "trace": [lambda k: k.trace(X), lambda k: k.trace(BITS.astype("int8"))],
    "tril": [lambda k: k.tril(X, -1)],
    "triu": [lambda k: k.triu(X, 1)],
    "diag": [lambda k: k.diag(ROW, 1), lambda k: k.diag(X[0])],
    "diagflat": [lambda k: k.diagflat(X[0], 1)],
    "fliplr": [lambda k: k.fliplr(X)],
    "flipud": [lambda k: k.flipud(X)],
    "rot90": [lambda k: k.rot90(X, 1), lambda k: k.rot90(X, 3, (1, 2))],
    "pad": [
        lambda k: k.pad(X, ((0, 0), (1, 2), (0, 1))),
        lambda k: k.pad(X, ((1, 0),) * 3, constant_values=2),
        lambda k: k.pad(X, ((0, 0), (1, 2), (1, 1)), "reflect"),
    ],
    "concatenate": [*[lambda k, a=a: k.concatenate([X, Y], a) for a in (0, 1, -1)]],
    "append": [lambda k: k.append(X, Y), lambda k: k.append(X, Y, 1)],
    "stack": [*[lambda k, a=a: k.stack([X, Y], a) for a in (0, 1, -1)]],
    **{n: [lambda k, n=n: getattr(k, n)([X, Y])] for n in ("hstack", "vstack", "dstack")},
    "split": [
        lambda k: k.split(X, 2, -1),
        lambda k: k.split(X, [1, 3], 2),
        lambda k: k.split(X, 2),
    ],
    "array_split": [lambda k: k.array_split(X, 2, 1), lambda k: k.array_split(X, 3, 2)],
    "hsplit": [lambda k: k.hsplit(X, 3)],
    "vsplit": [lambda k: k.vsplit(X, 2)],
    "dsplit": [lambda k: k.dsplit(X, [1, 2])],
    "unstack": [lambda k: k.unstack(k.array(X), axis=1)],
    "ravel": [lambda k: k.ravel(X)],
    "broadcast_to": [lambda k: k.broadcast_to(ROW, (3, 5))],
    "view": [lambda k: k.view(X, "int32")],
    "get_item": [lambda k: k.get_item(k.array(X), 1)],
    "take": [
        lambda k: k.take(X, [0, -1], 1),
        lambda k: k.take(X, IDS),
        lambda k: k.take(X, 1, -1),
        lambda k: k.take(X[0], [[0, 1], [2, 0]], 0),
    ],
    "take_along_axis": [
        lambda k: k.take_along_axis(X, np.argsort(X, -1), -1),
        lambda k: k.take_along_axis(X, np.argsort(X, 1)[:, :1], 1),
    ],
    "nonzero": [lambda k: k.nonzero(X > 0)],
    "unravel_index": [lambda k: k.unravel_index(np.array([3, 7]), (2, 5))],
    "trapezoid": [lambda k: k.trapezoid(X), lambda k: k.trapezoid(X, dx=0.5, axis=1)],
    "cross": [lambda k: k.cross(SQUARE, GOOD, axis=-1)],
    "vander": [lambda k: k.vander(ROW, 3), lambda k: k.vander(ROW, increasing=True)],
    "meshgrid": [lambda k: k.meshgrid(ROW, ROW[:2]), lambda k: k.meshgrid(ROW, ROW, indexing="ij")],
    "size": [lambda k: k.size(k.array(X))],
    "matmul": [
        lambda k: k.matmul(X, Y.swapaxes(1, 2)),
        lambda k: k.matmul(X, ROW[:4]),
        lambda k: k.matmul(BITS, BITS.T),
        lambda k: k.matmul(BITS.astype("int8"), BITS.T.astype("int8")),
    ],
    "dot": [
        lambda k: k.dot(X[0], Y[0].T),
        lambda k: k.dot(ROW, ROW),
        lambda k: k.dot(X, 2.0),
        lambda k: k.dot(BITS, BITS.T),
    ],
    "tensordot": [
        lambda k: k.tensordot(X, Y, 3),
        lambda k: k.tensordot(X, Y, ([2], [2])),
        lambda k: k.tensordot(X, Y, (1, 1)),
    ],
    "inner": [lambda k: k.inner(X[0], Y[1])],
    "vdot": [lambda k: k.vdot(ROW, ROW)],
    "outer": [lambda k: k.outer(X, ROW)],
    "kron": [lambda k: k.kron(X[0], Y[0])],
    "einsum": [lambda k: k.einsum("bij,bkj->bik", X, Y), lambda k: k.einsum("bij->b", X)],
    "corrcoef": [lambda k: k.corrcoef(X[0])],
    "correlate": [
        *[lambda k, m=m: k.correlate(ROW, ROW[:3], m) for m in ("valid", "same", "full")]
    ],
    "bincount": [
        lambda k: k.bincount(IDS, minlength=4),
        lambda k: k.bincount(IDS[0], minlength=6),
        lambda k: k.bincount(IDS, weights=X[:, :, 0], minlength=5),
    ],
    "histogram": [lambda k: k.histogram(k.array(ROW), 5)],
    "unique": [
        lambda k: k.unique(IDS),
        lambda k: k.unique(IDS, return_counts=True, return_inverse=True),
        lambda k: k.unique(IDS[0], size=6, fill_value=9),
    ],
    "argpartition": [lambda k: k.take_along_axis(X, k.argpartition(X * 1000, 1), -1)[..., 1:2]],
    "searchsorted": [
        lambda k: k.searchsorted(k.array(np.sort(ROW)), k.array(X[0])),
        lambda k: k.searchsorted(k.array([1.0, 2.0]), k.array([2.0]), "right"),
    ],
    "digitize": [lambda k: k.digitize(X, np.sort(ROW))],
    "isin": [lambda k: k.isin(IDS, [1, 3]), lambda k: k.isin(IDS, [1, 3], invert=True)],
    "where": [
        lambda k: k.where(X > 0, X, 0.0),
        lambda k: k.where(X > 0),
        lambda k: k.where(X > 0, 1, Y),
    ],
    "select": [lambda k: k.select([X > 1, X > 0], [X, Y], 5.0)],
    "clip": [
        lambda k: k.clip(X, -0.5, 0.5),
        lambda k: k.clip(BITS, 1, 3),
        lambda k: k.clip(X, 0, 1),
    ],
    "round": [lambda k: k.round(X), lambda k: k.round(X, 1), lambda k: k.round(BITS)],
    "nan_to_num": [lambda k: k.nan_to_num(NAN), lambda k: k.nan_to_num(NAN, 1.5)],
    "isclose": [lambda k: k.isclose(X, X + 1e-6)],
    "allclose": [lambda k: k.allclose(X, X + 1e-7)],
    "ldexp": [lambda k: k.ldexp(X, np.array([1, 2, 3, 4], "int32"))],
    "full_like": [
        lambda k: k.full_like(k.array(X), 2),
        lambda k: k.full_like(k.array(X), 2, "int32"),
    ],
    "zeros": [lambda k: k.zeros((2, 3)), lambda k: k.zeros(3, "int32")],
    "ones": [lambda k: k.ones((2, 3)), lambda k: k.ones([2], "bool")],
    "empty": [lambda k: k.zeros_like(k.empty((2, 3)))],
    "empty_like": [lambda k: k.zeros_like(k.empty_like(X))],
    "full": [lambda k: k.full((2, 3), 2.5), lambda k: k.full((2, 2), 1, "float32")],
    "eye": [lambda k: k.eye(3), lambda k: k.eye(2, 4, 1), lambda k: k.eye(3, k=-1, dtype="int32")],
    "identity": [lambda k: k.identity(3)],
    "tri": [lambda k: k.tri(3), lambda k: k.tri(2, 4, 1, "int32")],
    "arange": [
        lambda k: k.arange(5),
        lambda k: k.arange(1.0, 3.0, 0.5),
        lambda k: k.arange(1, 5, 2, "float32"),
    ],
    "linspace": [
        lambda k: k.linspace(0, 1, 5),
        lambda k: k.linspace(0.0, 4.0, 4, False),
        lambda k: k.linspace(0, 10, 5, dtype="int32"),
    ],
    "logspace": [lambda k: k.logspace(0, 2, 5), lambda k: k.logspace(0.0, 2.0, 3, base=2)],
    "geomspace": [lambda k: k.geomspace(1.0, 8.0, 4)],
    **{
        n: [lambda k, n=n: getattr(k, n)(5)] for n in ("bartlett", "blackman", "hamming", "hanning")
    },
    "kaiser": [lambda k: k.kaiser(5, 3.0)],
    "array": [
        lambda k: k.array([1, 2]),
        lambda k: k.array(X),
        lambda k: k.array([1.5], "int32"),
        lambda k: k.array(2.0),
        lambda k: k.array([True]),
    ],
    "ndim": [lambda k: k.ndim(X)],
    "shape": [lambda k: k.shape(k.array(X))],
    "vectorize": [lambda k: k.vectorize(lambda a, b: a * b + 1)(k.array(X), k.array(Y))],
    # core
    "cast": [lambda k: k.cast(X, "int32"), lambda k: k.cast(k.array(IDS), "bool")],
    "saturate_cast": [
        lambda k: k.saturate_cast(X * 1000, "int8"),
        lambda k: k.saturate_cast(IDS, "uint8"),
    ],
    "convert_to_tensor": [
        lambda k, t=t: k.convert_to_tensor(t) for t in (1, 1.0, True, [1, 2], [1, 2.5], X, [])
    ],
    "convert_to_numpy": [lambda k: k.convert_to_numpy(k.array(X))],
    "dtype": [lambda k: k.dtype(k.array(X))],
    "is_tensor": [lambda k: k.is_tensor(k.array(X)), lambda k: k.is_tensor(X)],
    "stop_gradient": [lambda k: k.stop_gradient(k.array(X))],
    "cond": [lambda k: k.cond(k.array(True), lambda: 1, lambda: 2)],
    "switch": [
        lambda k: k.switch(1, [lambda x: x, lambda x: -x], k.array(X)),
        lambda k: k.switch(9, [lambda: 1, lambda: 2]),
    ],
    "while_loop": [
        lambda k: k.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1.5)),
        lambda k: k.while_loop(lambda i: i < 30, lambda i: i + 1, 0, 5),
    ],
    "fori_loop": [lambda k: k.fori_loop(0, 4, lambda i, v: v + i, k.array(1))],
    "scan": [
        lambda k: k.scan(lambda c, x: (c + x, c * x), k.array(X[0, 0]), k.array(X[0])),
        lambda k: k.scan(lambda c, x: (c + 1, c), k.array(0), length=3, reverse=True),
    ],
    "map": [
        lambda k: k.map(lambda x: x * 2, k.array(X)),
        lambda k: k.map(lambda d: d["a"] + d["b"], {"a": k.array(X), "b": k.array(Y)}),
    ],
    "vectorized_map": [lambda k: k.vectorized_map(lambda x: x.sum(), k.array(X))],
    "associative_scan": [
        *[
            lambda k, r=r, a=a: k.associative_scan(lambda p, q: p + q, k.array(X), r, a)
            for r in (0, 1)
            for a in (0, 1)
        ]
    ],
    "custom_gradient": [
        lambda k: k.custom_gradient(lambda x: (x * 2, lambda *a, upstream: upstream))(k.array(X))
    ],
    "slice": [lambda k: k.slice(X, (0, 1, 1), (2, 2, 1))],
    "slice_update": [lambda k: k.slice_update(X, (0, 1, 1), Y[:, :2, :1])],
    "scatter": [
        lambda k: k.scatter([[0], [2], [0]], X[0], (4, 4)),
        lambda k: k.scatter([[0, 1], [2, 0]], [1.0, 2.0], (3, 2)),
    ],
    "scatter_update": [
        *[
            lambda k, r=r: k.scatter_update(X[0], [[0], [2], [0]], Y[0], r)
            for r in ("add", "max", "min", "mul")
        ],
        lambda k: k.scatter_update(X[0], [[0, 1], [2, 3]], [9.0, 8.0]),
    ],
    # math
    **{
        n: [
            lambda k, n=n: getattr(k, n)(X[0], np.array([0, 1, 0])),
            lambda k, n=n: getattr(k, n)(ROW, np.array([0, 0, 2, 2, 1]), 4),
        ]
        for n in ("segment_sum", "segment_max", "segment_min", "segment_prod")
    },
    "top_k": [lambda k: k.top_k(X, 2)[0], lambda k: k.cast(k.top_k(X, 2)[1], "int32")],
    "in_top_k": [lambda k: k.in_top_k([1, 0, 3], X[0], 2)],
    "cdist": [lambda k: k.cdist(X, Y)],
    "extract_sequences": [lambda k: k.extract_sequences(SIGNAL, 5, 3)],
    "fft": [lambda k: k.fft((X, Y))],
    "fft2": [lambda k: k.fft2((X, Y))],
    "ifft2": [lambda k: k.ifft2((X, Y))],
    "rfft": [lambda k: k.rfft(SIGNAL), lambda k: k.rfft(SIGNAL, 8)],
    "irfft": [lambda k: k.irfft(k.rfft(SIGNAL)), lambda k: k.irfft(k.rfft(SIGNAL), 12)],
    "stft": [
        lambda k: k.stft(k.array(SIGNAL), 6, 2, 8),
        lambda k: k.stft(k.array(SIGNAL), 4, 2, 4, "hamming", False),
    ],
    "istft": [
        lambda k: k.istft(k.stft(k.array(SIGNAL), 8, 2, 8), 8, 2, 8),
        lambda k: k.istft(k.stft(k.array(SIGNAL), 8, 2, 8), 8, 2, 8, 12),
    ],
    "logdet": [lambda k: k.logdet(GOOD)],
    "view_as_complex": [lambda k: k.view_as_complex(k.array(X[..., :2]))],
    "view_as_real": [lambda k: k.view_as_real(COMPLEX)],
    "real": [lambda k: k.real(COMPLEX)],
    "imag": [lambda k: k.imag(COMPLEX)],
    "angle": [lambda k: k.angle(X), lambda k: k.angle(k.view_as_complex(k.array(X[..., :2])))],
    "conj": [lambda k: k.conj(COMPLEX)],
    "conjugate": [lambda k: k.conjugate(COMPLEX)],
    "isreal": [lambda k: k.isreal(X)],
    # linalg
    "cholesky": [lambda k: k.cholesky(GOOD), lambda k: k.cholesky(GOOD, True)],
    "cholesky_inverse": [lambda k: k.cholesky_inverse(k.cholesky(GOOD))],
    "det": [lambda k: k.det(SQUARE)],
    "slogdet": [lambda k: k.slogdet(SQUARE)],
    "eig": [lambda k: k.real(k.array(k.eig(GOOD)[0]))],
    "eigh": [lambda k: k.eigh(GOOD)[0]],
    "inv": [lambda k: k.inv(SQUARE)],
    "lu_factor": [lambda k: k.lu_factor(SQUARE)],
    "matrix_rank": [lambda k: k.matrix_rank(SQUARE)],
    "pinv": [lambda k: k.pinv(X)],
    "qr": [lambda k: k.qr(X), lambda k: k.qr(X, "complete")],
    "svd": [lambda k: k.svd(X, compute_uv=False), lambda k: k.svd(X)[1]],
    "solve": [lambda k: k.solve(SQUARE, SQUARE)],
    "solve_triangular": [
        lambda k: k.solve_triangular(GOOD, X),
        lambda k: k.solve_triangular(GOOD, X[..., 0], True),
    ],
    "lstsq": [lambda k: k.lstsq(SQUARE, GOOD)],
    "jvp": [lambda k: k.jvp(lambda x: x**2, (k.array(X),), (k.array(Y),))],
    # nn
    **{
        n: [lambda k, n=n: getattr(k, n)(X), lambda k, n=n: getattr(k, n)(X, axis=1)]
        for n in ("softmax", "log_softmax")
    },
    "sparsemax": [lambda k: k.sparsemax(np.array([[3.0, 0.5, 0.0]], "float32"))],
    "glu": [lambda k: k.glu(X), lambda k: k.glu(X, axis=0)],
    "leaky_relu": [lambda k: k.leaky_relu(X, 0.1)],
    "elu": [lambda k: k.elu(X, 0.5)],
    "celu": [lambda k: k.celu(X, 0.5)],
    "gelu": [lambda k: k.gelu(X), lambda k: k.gelu(X, False)],
    "squareplus": [lambda k: k.squareplus(X, 2)],
    "threshold": [lambda k: k.threshold(X, 0.1, 5.0)],
    "hard_shrink": [lambda k: k.hard_shrink(X, 0.3)],
    "soft_shrink": [lambda k: k.soft_shrink(X, 0.3)],
    "one_hot": [
        lambda k: k.one_hot(IDS, 4),
        lambda k: k.one_hot(IDS - 1, 3, 1),
        lambda k: k.one_hot(IDS, 4, dtype="int32"),
    ],
    "multi_hot": [lambda k: k.multi_hot(IDS, 4), lambda k: k.multi_hot(IDS[0], 4)],
    "categorical_crossentropy": [
        lambda k: k.categorical_crossentropy(SHARES, SHARES[::-1]),
        lambda k: k.categorical_crossentropy(SHARES, X, True),
    ],
    "sparse_categorical_crossentropy": [
        lambda k: k.sparse_categorical_crossentropy(IDS, SHARES),
        lambda k: k.sparse_categorical_crossentropy(IDS[..., None], X, True),
    ],
    "binary_crossentropy": [
        lambda k: k.binary_crossentropy(SHARES, SHARES[::-1]),
        lambda k: k.binary_crossentropy(SHARES, X, True),
    ],
    "moments": [lambda k: k.moments(X, [0, 1]), lambda k: k.moments(X, [-1], True)],
    "batch_normalization": [
        lambda k: k.batch_normalization(X, ROW[:4], ROW[:4] ** 2, -1, ROW[1:], ROW[:4]),
        lambda k: k.batch_normalization(X, ROW[:3], ROW[:3] ** 2, 1),
    ],
    "layer_normalization": [
        lambda k: k.layer_normalization(k.array(X)),
        lambda k: k.layer_normalization(k.array(X), ROW[:4], ROW[1:], epsilon=0.1),
        lambda k: k.layer_normalization(k.array(X), axis=[1, 2]),
    ],
    "rms_normalization": [
        lambda k: k.rms_normalization(k.array(X)),
        lambda k: k.rms_normalization(k.array(X), ROW[:4], -1, 0.1),
    ],
    "normalize": [
        lambda k: k.normalize(X),
        lambda k: k.normalize(X, 1, 3),
        lambda k: k.normalize(X * 0),
    ],
    "dot_product_attention": [
        lambda k: k.dot_product_attention(*np.stack([X, Y, X + Y])[..., None]),
        lambda k: k.dot_product_attention(
            *np.stack([X, Y, X + Y])[..., None], is_causal=True, scale=0.3
        ),
        lambda k: k.dot_product_attention(
            *np.stack([X, Y, X])[..., None], mask=np.tri(3, dtype=bool)[None, None]
        ),
    ],
    "ctc_loss": [
        lambda k: k.ctc_loss(np.array([[1, 2], [3, 1]]), X, np.array([2, 1]), np.array([3, 3]))
    ],
    "ctc_decode": [
        lambda k: k.ctc_decode(X, np.array([3, 2])),
        lambda k: k.ctc_decode(X, np.array([3, 2]), merge_repeated=False, mask_index=2),
    ],
    "polar": [lambda k: k.real(k.polar(k.array(X), k.array(Y)))],
    "conv": [
        lambda k, p=p: k.conv(X, Y.swapaxes(0, 1)[:, :, :2].repeat(2, 1), padding=p)
        for p in ("valid", "same")
    ],
    "depthwise_conv": [lambda k: k.depthwise_conv(X, Y[:, :2].swapaxes(1, 2))],
    "separable_conv": [
        lambda k: k.separable_conv(
            X, X[:, 0, :, None], Y[:1, 0, :, None] * np.ones((1, 4, 3), "float32")
        )
    ],
    "max_pool": [lambda k: k.max_pool(X, 2), lambda k: k.max_pool(X, 2, 1, "same")],
    "average_pool": [lambda k: k.average_pool(X, 2), lambda k: k.average_pool(X, 3, 1, "valid")],
    "adaptive_average_pool": [lambda k: k.adaptive_average_pool(X, 2)],
    "adaptive_max_pool": [lambda k: k.adaptive_max_pool(X, 2)],
}

_FUNCTIONS = {n: getattr(ops, n) for n in ops.__all__ if inspect.isfunction(getattr(ops, n))}


def _required(function):
    return [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind is not p.VAR_POSITIONAL
    ]


#: Functions of one number, and of two, by their arguments.
OF_ONE = sorted(n for n, f in _FUNCTIONS.items() if n not in CALLS and _required(f) == ["x"])
OF_TWO = sorted(
    n
    for n, f in _FUNCTIONS.items()
    if n not in CALLS and _required(f) in (["x1", "x2"], ["x", "y"])
)
UNTRIED = sorted(set(_FUNCTIONS) - set(CALLS) - set(OF_ONE) - set(OF_TWO))
