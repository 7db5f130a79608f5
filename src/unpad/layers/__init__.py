"""Layers: torch modules with Keras's names, arguments and defaults, on real steps only."""

from .bidirectional import Bidirectional
from .dense import Activation, Dense
from .dropout import Dropout
from .embedding import Embedding, Masking
from .gru import GRU
from .layer import Layer, TokenWise
from .lstm import LSTM
from .recurrent import Recurrent
from .simple_rnn import SimpleRNN
from .spec import Spec
from .time_distributed import TimeDistributed
from .torch_module import TorchModule

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "Layer",
    "Masking",
    "Recurrent",
    "SimpleRNN",
    "Spec",
    "TimeDistributed",
    "TokenWise",
    "TorchModule",
]
