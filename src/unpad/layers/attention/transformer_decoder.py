"""TransformerDecoder: causal self-attention, a look at another sequence, a network on each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ...arguments import NotNegative, Positive, Share
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...ragged.batch import rows_of
from ..basic.dropout import Dropout
from .attend import Batch
from .inputs import told
from .transformer_encoder import TransformerBlock


class TransformerDecoder(TransformerBlock):
    """Each step looks at its sequence up to itself, then at its other sequence, then goes alone.

    Around each of the three a residual connection and a LayerNormalization. Shapes:
    `layer(decoder_sequence)` or `layer(decoder_sequence, encoder_sequence)`, each Ragged (batch,
    steps*, feature) or dense (batch, time, feature), gives the decoder's steps as they are; the two
    need not have the same lengths. Without an encoder's sequence there is nothing between
    self-attention and network, as in GPT-2. The cost follows the pairs of real steps.

    An empty encoder's sequence adds the cross-attention's output bias; empty decoder's sequences
    stay empty. The name, the structure and the defaults are keras_hub's; its caches are lacking.

    Args:
        intermediate_dim: units of the first Dense layer.
        num_heads: heads of both attentions, each of features // num_heads.
        dropout: rate, of the attentions' weights and of what is added to the residuals.
        activation: of the first Dense layer, a name or a callable.
        layer_norm_epsilon: added to the variances.
        kernel_initializer: of each kernel.
        bias_initializer: of each bias.
        normalize_first: whether normalisation comes before attention and network, as in GPT-2,
            or after the residual, as in BERT.

    Raises:
        ValueError: an input has no time or feature axis, or fewer features than heads; batches
            that differ; an encoder's sequence where the layer was built without; a mask.

    Formula: Vaswani et al. (2017), section 3.1.

    Example:
        >>> answer = Ragged.from_list([[[1., 2.], [3., 4.]], [[5., 6.]]])
        >>> question = Ragged.from_list([[[1., 0.]], [[0., 1.], [1., 1.]]])
        >>> TransformerDecoder(intermediate_dim=8, num_heads=2)(answer, question).lengths
        tensor([2, 1])
    """

    takes = "any"

    def __init__(
        self,
        intermediate_dim: Positive,
        num_heads: Positive,
        dropout: Share = 0,
        activation: str | Callable[[Tensor], Tensor] | None = "relu",
        layer_norm_epsilon: NotNegative = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            intermediate_dim, num_heads, dropout, activation, layer_norm_epsilon,
            kernel_initializer, bias_initializer, None, None, normalize_first, **kwargs,
        )  # fmt: skip

    def build(
        self, decoder_sequence: Spec, encoder_sequence: Spec | None = None, **masks: Spec
    ) -> None:
        ours = decoder_sequence
        self.self_attention = self._attention("self_attention", ours, ours)
        self.self_attention_layer_norm = self._norm("self_attention_layer_norm", ours)
        self.self_attention_dropout = Dropout(self.dropout)
        self.cross_attention = None
        if encoder_sequence is not None:
            self.cross_attention = self._attention("cross_attention", ours, encoder_sequence)
            self.cross_attention_layer_norm = self._norm("cross_attention_layer_norm", ours)
            self.cross_attention_dropout = Dropout(self.dropout)
        self._build_network(ours)
        self.feedforward_layer_norm = self._norm("feedforward_layer_norm", ours)

    def output_spec(
        self,
        decoder_sequence: Spec,
        encoder_sequence: Spec | None = None,
        decoder_attention_mask: Any = None,
        encoder_attention_mask: Any = None,
        use_causal_mask: bool = True,
    ) -> Specs:
        self._check(decoder_sequence, "decoder_sequence")
        self._check_encoder(encoder_sequence)
        if encoder_sequence is not None:
            other = encoder_sequence
            if len(other.shape) != (1 if other.ragged else 2) or other.shape[-1] is None:
                raise ValueError(
                    f"{self.who}: expected encoder_sequence as (batch, steps*, feature) or (batch, "
                    f"time, feature), got {other}."
                )
        return decoder_sequence.with_dtype(self.dtype or decoder_sequence.dtype)

    def _check_encoder(self, encoder_sequence: Any) -> None:
        if self.built and (encoder_sequence is None) != (self.cross_attention is None):
            without = "without" if self.cross_attention is None else "with"
            now = "none" if encoder_sequence is None else "one"
            raise ValueError(
                f"{self.who}: built {without} an encoder_sequence, got {now}. Cross-attention is "
                "there from the first call on, or never."
            )

    def __call__(
        self,
        decoder_sequence: Any,
        encoder_sequence: Any = None,
        decoder_padding_mask: Any = None,
        encoder_padding_mask: Any = None,
        **options: Any,
    ) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            decoder_sequence: what looks.
            encoder_sequence: what is looked at.
            decoder_padding_mask: of a grid that is told its steps so, (batch, time) True where a
                step is.
            encoder_padding_mask: likewise.
            options: further arguments of `forward`.
        """
        decoder_sequence = told(
            decoder_sequence, decoder_padding_mask, self.who, "decoder_padding_mask"
        )
        encoder_sequence = told(
            encoder_sequence, encoder_padding_mask, self.who, "encoder_padding_mask"
        )
        # The sequences may come by name, too, and are then prepared as any input is.
        inputs = [decoder_sequence, *([] if encoder_sequence is None else [encoder_sequence])]
        return super().__call__(*inputs, **options)

    def forward(
        self,
        decoder_sequence: Batch,
        encoder_sequence: Batch | None = None,
        decoder_attention_mask: Any = None,
        encoder_attention_mask: Any = None,
        use_causal_mask: bool = True,
    ) -> Batch:
        """The block's outputs.

        Args:
            decoder_sequence: Ragged (batch, steps*, feature) or dense (batch, time, feature).
            encoder_sequence: Ragged or dense, of the same batch.
            decoder_attention_mask: which pairs of the decoder's steps are visible; see
                MultiHeadAttention.
            encoder_attention_mask: which steps of the encoder's each of the decoder's may look at.
            use_causal_mask: whether a step looks at its own sequence up to itself only.
        """
        self._check_encoder(encoder_sequence)
        other = encoder_sequence
        if other is not None and rows_of(other) != rows_of(decoder_sequence):
            raise ValueError(
                f"{self.who}: expected one batch, got {len(decoder_sequence)} sequences as "
                f"decoder_sequence and {len(other)} as encoder_sequence."
            )

        def look_back(x: Batch) -> Batch:
            out = self.self_attention(
                x, x, attention_mask=decoder_attention_mask, use_causal_mask=use_causal_mask
            )
            return self.self_attention_dropout(out)

        def look_across(x: Batch) -> Batch:
            assert self.cross_attention is not None
            out = self.cross_attention(x, other, attention_mask=encoder_attention_mask)
            return self.cross_attention_dropout(out)

        x = self._around(decoder_sequence, self.self_attention_layer_norm, look_back)
        if other is not None:
            x = self._around(x, self.cross_attention_layer_norm, look_across)
        return self._around(x, self.feedforward_layer_norm, self._network)
