"""An ONNX model run by onnxruntime on grids, and its answers beside unpad's."""

import onnx
import onnxruntime
import torch

from unpad import Ragged
from unpad.formats.export.onnx.model import to_onnx

#: Names by which the tests call the inputs.
NAMES = ("x0", "x1", "x2", "x3")


def session(model):
    """A runtime for a checked model, or for the file of one; it runs on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    data = model if isinstance(model, (str, bytes)) else model.SerializeToString()
    onnx.checker.check_model(data, full_check=True)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def written(program, inputs, **options):
    """A graph of a case as a runtime."""
    return session(to_onnx(program, NAMES[: len(inputs)], **options))


def grid(batch, padding, extra=0):
    """A Ragged in a grid of some slots more than are needed, and its mask."""
    width = batch.layout.longest + extra
    slot = torch.arange(width)
    real = slot < batch.lengths[:, None]
    if padding == "pre":
        real = slot >= width - batch.lengths[:, None]
    if padding == "mask":
        # Holes: every second slot.
        real = (torch.arange(2 * width) // 2 < batch.lengths[:, None]) & (
            torch.arange(2 * width) % 2 == 1
        )
    # What stands where no step is must not matter.
    laid = torch.full((*real.shape, *batch.feature), 3, dtype=batch.dtype)
    laid[real] = batch.values
    return laid, real


def fed(names, inputs, padding, extra=0):
    """What a runtime is given for these inputs, and what unpad is."""
    several = sum(isinstance(x, Ragged) for x in inputs) > 1
    feeds, given = {}, []
    for name, x in zip(names, inputs, strict=True):
        if not isinstance(x, Ragged):
            feeds[name] = x.numpy()
            given.append(x)
            continue
        laid, real = grid(x, padding, extra)
        feeds[name] = laid.numpy()
        word = "mask" if padding == "mask" else "lengths"
        beside = real if padding == "mask" else x.lengths
        feeds[f"{name}_{word}" if several else word] = beside.numpy()
        given.append(Ragged.from_padded(laid, mask=real))
    return feeds, given


def answers(run, feeds):
    """What a runtime gives, by name."""
    wanted = {i.name for i in run.get_inputs()}
    assert wanted <= feeds.keys()
    found = run.run(None, {name: value for name, value in feeds.items() if name in wanted})
    return {o.name: torch.from_numpy(x) for o, x in zip(run.get_outputs(), found, strict=True)}


def assert_answers(run, model, inputs, padding="post", extra=0, names=NAMES, outputs=None):
    """A runtime's answers are the model's, at every real step, and 0 where none is."""
    feeds, given = fed(names[: len(inputs)], inputs, padding, extra)
    got = answers(run, feeds)
    with torch.no_grad():
        want = model(*given) if len(given) > 1 or names is NAMES else model(given[0])
    want = list(want) if isinstance(want, (list, tuple)) else [want]
    if outputs is None:
        one = len(want) == 1
        outputs = ["output"] if one else [f"output_{i}" for i in range(len(want))]
    for name, expected in zip(outputs, want, strict=True):
        found = got[name]
        if isinstance(expected, Ragged):
            found = taken(found, got.get(f"{name}_lengths"), expected, given, padding)
            expected = expected.values
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def taken(found, lengths, expected, given, padding):
    """The steps of a grid that came out; all else in it is 0."""
    layout = expected.layout
    places = layout.places
    same = any(x.layout.agrees(layout) for x in given if isinstance(x, Ragged))
    if lengths is not None:
        assert torch.equal(lengths, layout.lengths)
        if padding == "pre" and layout.slots is None and not same:
            places = places + (found.shape[1] - layout.lengths)[layout.sequence_ids]
    steps = found[layout.sequence_ids, places].clone()
    found[layout.sequence_ids, places] = 0
    assert not found.any()
    return steps


def drawn(inputs):
    """The inputs of a case in numbers of usual size."""
    return [
        x.map(torch.sin) if isinstance(x, Ragged) and x.dtype.is_floating_point else x
        for x in inputs
    ]
