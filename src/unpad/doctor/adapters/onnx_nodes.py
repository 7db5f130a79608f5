"""The first node of an ONNX graph at which two calls part: a session that gives what is inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..findings import Where
from ..probes import CannotAsk, Pair, Place
from ..probes.align import apart

# Element types as onnx.TensorProto numbers them: float, float16, double.
_FLOATS = (1, 10, 11)


class Inside:
    """What a graph computes, node by node.

    Args:
        session: of onnxruntime's.

    Raises:
        CannotAsk: the graph cannot be had, as of a session that was made from bytes that are gone.
    """

    def __init__(self, session: Any) -> None:
        try:
            import onnx
            import onnxruntime
        except ImportError:
            raise CannotAsk("the nodes of a graph are read by onnx: pip install onnx.") from None
        data = getattr(session, "_model_bytes", None)
        path = getattr(session, "_model_path", None)
        if data is not None:
            model = onnx.load_from_string(data)
        elif path is not None:
            model = onnx.load(path)
        else:
            raise CannotAsk("the session does not say of which graph it is.")
        graph = onnx.shape_inference.infer_shapes(model).graph
        kinds = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.output)}
        there = {v.name for v in graph.output}
        self.nodes = []
        for node in model.graph.node:
            given = next((n for n in node.output if kinds.get(n) in _FLOATS), None)
            if given is not None:
                self.nodes.append((given, node.op_type, node.name or given))
        new = [n for n, _, _ in self.nodes if n not in there]
        model.graph.output.extend(
            onnx.helper.make_tensor_value_info(n, kinds[n], None) for n in new
        )
        options = onnxruntime.SessionOptions()
        # As it is written: what is fused has no output of its own.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        given = {"sess_options": options, "providers": ["CPUExecutionProvider"]}
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), **given)
        self.names = [out.name for out in self.session.get_outputs()]

    def place(
        self, run: Callable[[Any, Any], list[Any]], pair: Pair, threshold: float
    ) -> Place | None:
        """The first node whose output parts at real steps.

        Args:
            run: calls a session with what is laid.
            pair: of calls.
            threshold: of the spread, above which they part.
        """
        one, other = (
            dict(zip(self.names, run(self.session, laid), strict=True))
            for laid in (pair.first, pair.second)
        )
        for name, kind, node in self.nodes:
            found = apart(_tensor(one[name]), _tensor(other[name]), pair)
            if found is not None and found > threshold:
                return Place(Where(layer=node), kind, found)
        return None


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.astype("f8"))
