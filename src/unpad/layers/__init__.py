"""Layers: torch modules with Keras's names, arguments and defaults, on real steps only."""

from .activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax
from .additive_attention import AdditiveAttention
from .attention import Attention
from .attention_pooling import AttentionPooling1D
from .batch_normalization import BatchNormalization
from .bidirectional import Bidirectional
from .category_encoding import CategoryEncoding
from .concatenate import Concatenate, concatenate
from .convolution import Conv1D, Convolution1D
from .convolution_depthwise import DepthwiseConv1D, SeparableConv1D, SeparableConvolution1D
from .convolution_transpose import Conv1DTranspose, Convolution1DTranspose
from .crf import CRF
from .dense import Activation, Dense
from .dot import Dot, dot
from .dropout import Dropout, SpatialDropout1D
from .einsum_dense import EinsumDense
from .embedding import Embedding, Masking
from .first_last import FirstStep, LastStep
from .flatten import Flatten
from .group_normalization import GroupNormalization
from .grouped_query_attention import GroupQueryAttention
from .gru import GRU
from .gru_cell import GRUCell
from .identity import Identity
from .input import Input
from .lambda_layer import Lambda
from .layer import Layer, TokenWise
from .lstm import LSTM
from .lstm_cell import LSTMCell
from .merging import (
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
from .merging_by_mode import merge
from .multi_head_attention import MultiHeadAttention
from .noise import AlphaDropout, GaussianDropout, GaussianNoise
from .normalization import LayerNormalization, RMSNormalization, UnitNormalization
from .normalization_of_data import Normalization
from .pooling import AveragePooling1D, AvgPool1D, MaxPool1D, MaxPooling1D
from .pooling_global import (
    GlobalAveragePooling1D,
    GlobalAvgPool1D,
    GlobalMaxPool1D,
    GlobalMaxPooling1D,
)
from .position_embedding import PositionEmbedding
from .position_rotary import RotaryEmbedding
from .position_sine import SinePositionEncoding
from .position_tokens import TokenAndPositionEmbedding
from .recurrent import Recurrent
from .repeat_vector import RepeatVector
from .resampling import Cropping1D, UpSampling1D, ZeroPadding1D
from .reshape import Permute, Reshape
from .rnn import RNN
from .simple_rnn import SimpleRNN
from .simple_rnn_cell import SimpleRNNCell
from .spec import Spec
from .stacked_rnn_cells import StackedRNNCells
from .string_lookup import StringLookup
from .text_vectorization import TextVectorization
from .time_distributed import TimeDistributed
from .torch_module import TorchModule
from .transformer_decoder import TransformerDecoder
from .transformer_encoder import TransformerEncoder

__all__ = [
    "CRF",
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
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
    "GroupNormalization",
    "GroupQueryAttention",
    "Identity",
    "Input",
    "LSTMCell",
    "Lambda",
    "LastStep",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
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
    "PositionEmbedding",
    "RMSNormalization",
    "ReLU",
    "Recurrent",
    "RepeatVector",
    "Reshape",
    "RotaryEmbedding",
    "SeparableConv1D",
    "SeparableConvolution1D",
    "SimpleRNN",
    "SimpleRNNCell",
    "SinePositionEncoding",
    "Softmax",
    "SpatialDropout1D",
    "Spec",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "TokenAndPositionEmbedding",
    "TokenWise",
    "TorchModule",
    "TransformerDecoder",
    "TransformerEncoder",
    "UnitNormalization",
    "UpSampling1D",
    "ZeroPadding1D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "merge",
    "minimum",
    "multiply",
    "subtract",
]
