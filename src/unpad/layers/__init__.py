"""Layers: torch modules with Keras's names, arguments and defaults, on real steps only."""

from ..core.input import Input
from ..core.layer import Layer
from ..core.spec import Spec
from ..core.token_wise import TokenWise
from ..serialization import deserialize, serialize
from .attention.additive_attention import AdditiveAttention
from .attention.attention import Attention
from .attention.attention_pooling import AttentionPooling1D
from .attention.grouped_query_attention import GroupQueryAttention
from .attention.multi_head_attention import MultiHeadAttention
from .attention.position_embedding import PositionEmbedding
from .attention.position_rotary import RotaryEmbedding
from .attention.position_sine import SinePositionEncoding
from .attention.position_tokens import TokenAndPositionEmbedding
from .attention.transformer_decoder import TransformerDecoder
from .attention.transformer_encoder import TransformerEncoder
from .basic.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax
from .basic.activity_regularization import ActivityRegularization
from .basic.dense import Activation, Dense
from .basic.dropout import Dropout, SpatialDropout1D
from .basic.einsum_dense import EinsumDense
from .basic.embedding import Embedding, Masking
from .basic.grid import Grid
from .basic.identity import Identity
from .basic.input_layer import InputLayer
from .basic.lambda_layer import Lambda
from .basic.noise import AlphaDropout, GaussianDropout, GaussianNoise
from .basic.rescaling import Rescaling
from .basic.reversible_embedding import ReversibleEmbedding
from .basic.time_distributed import TimeDistributed
from .basic.torch_module import TorchModule
from .basic.varlen import Varlen
from .basic.wrapper import Pipeline, Wrapper
from .convolution.convolution import Conv1D, Convolution1D
from .convolution.depthwise import DepthwiseConv1D, SeparableConv1D, SeparableConvolution1D
from .convolution.transpose import Conv1DTranspose, Convolution1DTranspose
from .merging.by_mode import merge
from .merging.concatenate import Concatenate, concatenate
from .merging.dot import Dot, dot
from .merging.elementwise import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .normalization.batch import BatchNormalization
from .normalization.features import LayerNormalization, RMSNormalization, UnitNormalization
from .normalization.group import GroupNormalization
from .normalization.of_data import Normalization
from .normalization.spectral import SpectralNormalization
from .pooling.adaptive import AdaptiveAveragePooling1D, AdaptiveMaxPooling1D
from .pooling.first_last import FirstStep, LastStep
from .pooling.local import AveragePooling1D, AvgPool1D, MaxPool1D, MaxPooling1D
from .pooling.whole import (
    GlobalAveragePooling1D,
    GlobalAvgPool1D,
    GlobalMaxPool1D,
    GlobalMaxPooling1D,
)
from .recurrent.bidirectional import Bidirectional
from .recurrent.gru import GRU, GRUCell
from .recurrent.lstm import LSTM, LSTMCell
from .recurrent.mgu import MGU, MGUCell
from .recurrent.recurrent import Recurrent
from .recurrent.rnn import RNN
from .recurrent.simple_rnn import SimpleRNN, SimpleRNNCell
from .recurrent.stacked_rnn_cells import StackedRNNCells
from .shape.flatten import Flatten
from .shape.repeat_vector import RepeatVector
from .shape.resampling import Cropping1D, UpSampling1D, ZeroPadding1D
from .shape.reshape import Permute, Reshape
from .tagging.crf import CRF
from .text.category_encoding import CategoryEncoding
from .text.discretization import Discretization
from .text.hashing import HashedCrossing, Hashing
from .text.index_lookup import IndexLookup as IndexLookup  # Keras lists it nowhere either
from .text.integer_lookup import IntegerLookup
from .text.string_lookup import StringLookup
from .text.text_vectorization import TextVectorization

# Keras's other names: what a Sequential may begin with, and a torch module in a model.
TorchModuleWrapper = TorchModule

__all__ = [
    "CRF",
    "ELU",
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveMaxPooling1D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AttentionPooling1D",
    "Average",
    "AveragePooling1D",
    "AvgPool1D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Cropping1D",
    "Dense",
    "DepthwiseConv1D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "FirstStep",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "Grid",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "LastStep",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MGUCell",
    "Masking",
    "MaxPool1D",
    "MaxPooling1D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "PositionEmbedding",
    "RMSNormalization",
    "ReLU",
    "Recurrent",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "ReversibleEmbedding",
    "RotaryEmbedding",
    "SeparableConv1D",
    "SeparableConvolution1D",
    "SimpleRNN",
    "SimpleRNNCell",
    "SinePositionEncoding",
    "Softmax",
    "SpatialDropout1D",
    "Spec",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "TokenAndPositionEmbedding",
    "TokenWise",
    "TorchModule",
    "TorchModuleWrapper",
    "TransformerDecoder",
    "TransformerEncoder",
    "UnitNormalization",
    "UpSampling1D",
    "Varlen",
    "Wrapper",
    "ZeroPadding1D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "merge",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
