"""On a GPU: the same numbers as the reference on the CPU. Without one there is nothing to count."""

import pytest
import torch

import unpad as keras
from unpad import kernels

from ..taggers import padded, sentences, tagger
from .test_kernels import arguments, asking


def on(call, device):
    """The same call on a device, its tensors asking for gradients as before."""

    def move(value):
        if isinstance(value, list):
            return [move(v) for v in value]
        if not isinstance(value, torch.Tensor):
            return value
        return value.detach().to(device).requires_grad_(value.requires_grad)

    return {name: move(value) for name, value in call.items()}


if torch.cuda.is_available():

    @pytest.mark.parametrize("cell", kernels.GATES)
    @pytest.mark.parametrize("masks", [0, 2])
    @pytest.mark.parametrize("reverse", [(False,), (True,), (False, True), (True, False)])
    @pytest.mark.parametrize("sizes", [[3, 0, 7, 1], [0, 0], [], [5]])
    def test_the_gpu_equals_the_reference(cell, masks, reverse, sizes):
        call = arguments(sizes, 5, 6, reverse, torch.float32, cell=cell, masks=masks)
        results = []
        for device, path in (("cpu", "reference"), ("cuda", None)):
            moved = on(call, device)
            if path is None:
                outputs = kernels.recurrent(**moved)
            else:
                with kernels.force(path):
                    outputs = kernels.recurrent(**moved)
            total = sum((o * 0.3).sum() for o in outputs)
            found = [None] * len(asking(moved))
            if total.requires_grad:
                found = torch.autograd.grad(total, asking(moved), allow_unused=True)
            pairs = zip(found, asking(moved), strict=True)
            gradients = [torch.zeros_like(t) if g is None else g for g, t in pairs]
            results.append([t.detach().cpu() for t in (*outputs, *gradients)])
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)

    def test_a_model_trains_on_the_gpu():
        x, y = sentences()
        histories = []
        for device in ("cpu", "cuda"):
            model = tagger().to(device)
            history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
            histories.append(history.history["loss"])
        assert histories[1] == pytest.approx(histories[0], rel=1e-3)
        assert kernels.info()["last"] == "cudnn"
        grid, mask = padded(x, "left", 0, dtype=int)
        predicted = model.predict(grid, verbose=0)
        assert isinstance(model, keras.Sequential)
        assert (predicted[~mask] == 0).all()
