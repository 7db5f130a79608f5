"""No layer waits for a device: forward and backward of every case read no number back.

What a batch's layout says the host knows, as it does of a batch that `fit` makes. A layer that must
look at numbers has its reason here.
"""

import pytest
import torch

import unpad
from unpad import Ragged

from ..cases import CASES
from ..kernels.counting import counted

_REMOVES = "how many steps stay is in the numbers"
_TABLE = "ids are compared with their table: what is out of it must not be read"
_STRINGS = "it looks each number up as a string, in Python"
_REFERENCE = "an activation that no kernel knows walks on the reference, one step at a time"
_FOREIGN = "it holds a module that is not unpad's, which wants lengths as numbers"
_ON_A_CPU = "torch's one_hot looks at the numbers, on a CPU alone"
_LOOPS = "a layer of a user's own that loops over the sequences"
#: Why these read numbers back.
REASONS = {
    "TokenAndPositionEmbedding mask_zero": _REMOVES,
    "Embedding mask_zero": _REMOVES,
    "Masking": _REMOVES,
    "Masking of a value": _REMOVES,
    "CategoryEncoding": _TABLE,
    "CategoryEncoding count": _TABLE,
    "CategoryEncoding one_hot": _TABLE,
    "ReversibleEmbedding": _TABLE,
    "TimeDistributed(Embedding)": _TABLE,
    "Hashing": _STRINGS,
    "Hashing multi_hot": _STRINGS,
    "IntegerLookup": _STRINGS,
    "IntegerLookup count": _STRINGS,
    "LSTM elu": _REFERENCE,
    "LSTMCell options": _REFERENCE,
    "GRUCell elu": _REFERENCE,
    "CRF": _ON_A_CPU,
    "CRF best path": _ON_A_CPU,
    "CRF best path of BIO tags, without boundary": _ON_A_CPU,
    "Grid": _FOREIGN,
    "Grid channels first": _FOREIGN,
    "Varlen": _FOREIGN,
    "Bidirectional(own layer) sequences": _LOOPS,
}


def known(batch):
    """As a batch comes to a model: the host knows its lengths."""
    if isinstance(batch, Ragged):
        for name in ("steps", "longest", "time", "counts", "lengths"):
            getattr(batch.layout.own, name)
        known(batch.values)
        floats = isinstance(batch.values, torch.Tensor) and batch.values.is_floating_point()
        return batch.with_values(batch.values.clone().requires_grad_()) if floats else batch
    return batch


def read_back(case):
    """What a second call of a layer, and its way back, have read."""
    torch.manual_seed(0)
    layer = case.make(unpad)
    layer.train(case.training)

    def once():
        inputs = [known(x) for x in case.batch()]
        with counted() as seen:
            out = case.run(layer, inputs)
            outs = out if isinstance(out, (list, tuple)) else [out]
            values = [o.values if isinstance(o, Ragged) else o for o in outs]
            sums = [v.sum() for v in values if isinstance(v, torch.Tensor) and v.requires_grad]
            if sums:
                torch.stack(sums).sum().backward()
        return [name for name in seen if name != "a sort"]

    once()  # builds it, and looks at this kind of call
    return once()


@pytest.mark.parametrize("name", CASES)
def test_a_layer_reads_no_number_back(name):
    seen = read_back(CASES[name])
    assert bool(seen) is (name in REASONS), seen
