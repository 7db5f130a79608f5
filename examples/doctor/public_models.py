"""Is it padding-proof? Modules as public reports are about, with random weights, probed.

    python examples/doctor/public_models.py              # a table, as docs/public-models.md has it
    python examples/doctor/public_models.py --only HuBERT

Random weights suffice: what leaks, leaks before training. Statistics of BatchNorm are drawn too, as
training would leave them; zeros and ones would hide what they do to padding.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import transformers
from shown import Shown
from speech_blocks import Attention, Conformer, Sequential, Strided, Tagger, TimeDelay
from torch import nn

from unpad.doctor import Report, probe


class Public(NamedTuple):
    """A module that is asked.

    Args:
        name: and what is special to it.
        made: gives it.
        kind: of the root that is found; None where none is.
        report: a public thread about such a module, in short.
        waves: whether it takes waves, or else steps of 16 features.
        options: of the probe.
    """

    name: str
    made: Callable[[], nn.Module]
    kind: str | None = None
    report: str = ""
    waves: bool = False
    options: dict[str, Any] = {}


_SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "conv_dim": (16, 16, 16), "conv_stride": (5, 4, 4), "conv_kernel": (10, 8, 4),
    "num_feat_extract_layers": 3, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
    "mask_time_prob": 0.0, "apply_spec_augment": False, "attn_implementation": "eager",
}  # fmt: skip


def _of(name: str, **options: Any) -> Callable[[], nn.Module]:
    """A model of Transformers', small."""

    def made() -> nn.Module:
        config = getattr(transformers, f"{name}Config")(**(_SMALL | options))
        return getattr(transformers, f"{name}Model")(config)

    return made


def _encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


GROUP, LAYER = {"feat_extract_norm": "group"}, {"feat_extract_norm": "layer"}
PUBLIC = [
    Public("Wav2Vec2, group norm", _of("Wav2Vec2", **GROUP), "padding", "fairseq#3227", True),
    Public("Wav2Vec2, layer norm", _of("Wav2Vec2", **LAYER), None, "transformers#10117", True),
    Public(
        "HuBERT, batch norm in its positions",
        _of("Hubert", conv_pos_batch_norm=True, **LAYER),
        "padding",
        "transformers#47739",
        True,
    ),
    Public("HuBERT, weight norm in its positions", _of("Hubert", **LAYER), waves=True),
    Public(
        "Wav2Vec2Conformer, rotary positions",
        _of("Wav2Vec2Conformer", position_embeddings_type="rotary", **LAYER),
        "padding",
        waves=True,
    ),
    Public("Conformer-like, batch norm", partial(Conformer, "batch"), "padding", "audio#4205"),
    Public(
        "Conformer-like, group norm", partial(Conformer, "group", True), "padding", "audio#4205"
    ),
    Public(
        "Conformer-like, masked, layer norm", partial(Conformer, "layer", True), None, "audio#4206"
    ),
    Public("time delays over padding", TimeDelay, "padding", "speechbrain#1374"),
    Public("time delays, masked", partial(TimeDelay, True)),
    Public(
        "container that drops lengths",
        partial(Sequential, "wav_lens"),
        "padding",
        "speechbrain#2986",
    ),
    Public(
        "container that hands them on", partial(Sequential, "lengths"), None, "speechbrain#3068"
    ),
    Public("strides, unmasked", partial(Strided, static=True), "padding", "returnn#1434"),
    Public(
        "strides, masked, filled by the grid", partial(Strided, True), "padding", "returnn#1434"
    ),
    Public(
        "strides, masked, filled by the kernel", partial(Strided, True, True), None, "returnn#1434"
    ),
    Public("nn.TransformerEncoder, no mask", _encoder, "padding", options={"told": "none"}),
    Public("nn.TransformerEncoder, src_key_padding_mask", _encoder, None, "pytorch#90534"),
    Public("BiLSTM, not packed", Tagger, "padding", "pytorch#1811"),
    Public("BiLSTM, packed", partial(Tagger, True)),
    Public(
        "nn.MultiheadAttention, rows all masked",
        Attention,
        "not finite",
        "pytorch#41508",
        options={"side": "pre"},
    ),
    Public("the same, rows that see themselves", partial(Attention, True), options={"side": "pre"}),
]


def drawn(public: Public) -> nn.Module:
    """The module, its BatchNorms as training would leave them."""
    torch.manual_seed(0)
    module = public.made().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            for values in (part.weight.data, part.bias.data, part.running_mean):
                values.normal_()
            part.running_var.uniform_(0.5, 2)
    return module


def asked(public: Public, module: nn.Module) -> Report:
    """What the doctor says of it."""
    lengths = (4001, 3300, 2600, 1900, 1700) if public.waves else (17, 15, 12, 9, 6)
    samples = [torch.randn(n) if public.waves else torch.randn(n, 16) for n in lengths]
    return probe(module, samples, **public.options)


def main(argv: list[str] | None = None) -> None:
    """Asks each, shows a table, ends in an error where one is not as it is said to be."""
    parser = argparse.ArgumentParser(description="Are they padding-proof?")
    parser.add_argument("--only", help="those whose names hold this")
    options = parser.parse_args(argv)
    table = Shown("module", "verdict", "moves by", "first at", "in", "seconds", "reported in")
    for public in PUBLIC:
        if options.only and options.only not in public.name:
            continue
        module = drawn(public)
        start = time.perf_counter()
        report = asked(public, module)
        seconds = time.perf_counter() - start
        most = max((a.number for a in report.asked if a.number is not None), default=float("nan"))
        where = report.roots[0].where if report else None
        code, layer = ("", "") if where is None else (where.code or "", where.layer or "")
        table.row(
            public.name, report, f"{most:.1g}", code, layer, f"{seconds:.2f}", public.report,
            wrong=verdict(public, report),
        )  # fmt: skip
    table.end(f"torch {torch.__version__}, transformers {transformers.__version__}")


def verdict(public: Public, report: Report) -> str:
    """What is not as it is said to be; nothing where all is."""
    if not any(a.could for a in report.asked):
        return "it cannot be asked"
    kinds = [f.kind for f in report.at_least("warning")]
    return "" if kinds == ([public.kind] if public.kind else []) else ", ".join(kinds) or "holds"


if __name__ == "__main__":
    main()
