"""Writes what TensorBoard shows: numbers, how weights are spread, the model's graph."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch

from ...arguments import Count, wrong
from ...formats.writing import written_in_place
from .callback import Callback

# The number that TensorFlow gives strings among its types.
_STRING = 7


class TensorBoard(Callback):
    """Writes logs for TensorBoard, by torch's own writer: `tensorboard --logdir logs` shows them.

    Numbers of training go to the run `train`, those that are held out to `validation`, by Keras's
    tags: `epoch_loss`, `epoch_learning_rate`, with `update_freq` also `batch_loss`. An epoch is
    counted from 0, a batch through all epochs. A run that was killed and goes on writes behind what
    it had written; what it does again it writes again, with the same numbers.

    Args:
        log_dir: the folder; it is made.
        histogram_freq: every so many epochs how each weight's numbers are spread; 0 for never.
        write_graph: whether the model is shown: in words, and as a graph if it has a configuration.
        write_images: whether weights are shown as pictures, when histograms are written: a row of
            it for each of the last axis but one. Needs pillow.
        write_steps_per_second: whether batches a second are written after each epoch.
        update_freq: "epoch"; "batch", or every so many batches, for the numbers so far too, which
            costs reading them back from the device.
        profile_batch: Keras's; only 0, torch's own profiler writes for TensorBoard.
        embeddings_freq: Keras's; only 0, torch's own writer does it.
        embeddings_metadata: Keras's; only None.

    Raises:
        ValueError: an argument is not supported.
        ImportError: tensorboard is not installed; when training begins.
    """

    first_alone = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: Count = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: Count = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        if profile_batch:
            raise ValueError(
                "TensorBoard: profile_batch is not supported. Put fit into a block: with "
                "torch.profiler.profile(on_trace_ready=torch.profiler.tensorboard_trace_handler("
                "'logs')): ..."
            )
        if embeddings_freq or embeddings_metadata:
            raise ValueError(
                "TensorBoard: embeddings_freq and embeddings_metadata are not supported. "
                "torch.utils.tensorboard.SummaryWriter('logs').add_embedding(layer.embeddings) "
                "writes a table of vectors."
            )
        number = isinstance(update_freq, int) and not isinstance(update_freq, bool)
        if update_freq not in ("epoch", "batch") and not (number and int(update_freq) > 0):
            what = "'epoch', 'batch' or a positive number of batches"
            raise wrong("TensorBoard", "update_freq", what, update_freq)
        self.log_dir, self.histogram_freq, self.write_graph = log_dir, histogram_freq, write_graph
        self.write_images, self.update_freq = write_images, update_freq
        self.write_steps_per_second = write_steps_per_second
        self._every = 1 if update_freq == "batch" else update_freq
        self._batches = self._before = 0
        self._begun = 0.0
        self._training = False
        self._writers: dict[str, Any] = {}
        if update_freq != "epoch" or write_steps_per_second:
            # Whoever listens for batches has them made one by one: only who asked for it.
            self.on_train_batch_end = self._batch_end

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._training = True
        with written_in_place(self.log_dir, "TensorBoard"):
            writer = self._writer("train")
            if self.write_graph:
                self._write_graph(writer)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._begun, self._before = time.perf_counter(), self._batches

    def _batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._batches += 1
        if isinstance(self._every, int) and self._batches % self._every == 0:
            with written_in_place(self.log_dir, "TensorBoard"):
                self._scalars("train", "batch_", logs or {}, self._batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        trained = {name: v for name, v in logs.items() if not name.startswith("val_")}
        trained["learning_rate"] = float(self.model.optimizer.param_groups[0]["lr"])
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._begun, 1e-9)
            trained["steps_per_second"] = (self._batches - self._before) / seconds
        held_out = {n.removeprefix("val_"): v for n, v in logs.items() if n.startswith("val_")}
        with written_in_place(self.log_dir, "TensorBoard"):
            self._scalars("train", "epoch_", trained, epoch)
            if held_out:
                self._scalars("validation", "epoch_", held_out, epoch)
            if self.histogram_freq and epoch % self.histogram_freq == 0:
                self._write_weights(epoch)
            for writer in self._writers.values():
                writer.flush()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        if self._training:
            return
        done = getattr(getattr(self.model, "optimizer", None), "iterations", 0)
        with written_in_place(self.log_dir, "TensorBoard"):
            writer = self._writer("validation")
            for name, value in (logs or {}).items():
                writer.add_scalar(f"evaluation_{name}_vs_iterations", value, done)
        self._close()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._training = False
        self._close()

    # --- what is written -------------------------------------------------------------------------

    def _scalars(self, run: str, prefix: str, logs: dict[str, Any], step: int) -> None:
        writer = self._writer(run)
        for name, value in logs.items():
            writer.add_scalar(f"{prefix}{name}", value, step)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for name, weight in self.model.named_parameters():
            values = weight.detach().float().cpu()
            if not values.numel() or not bool(torch.isfinite(values).all()):
                continue  # what has no spread
            # Through numpy: of a tensor that asks for gradients torch's writer makes a copy.
            writer.add_histogram(f"{name}/histogram", values.numpy(), epoch)
            if self.write_images:
                picture = values.reshape(-1, values.shape[-1] if values.ndim > 1 else len(values))
                low, high = picture.min(), picture.max()
                picture = (picture - low) / (high - low).clamp(min=1e-12)
                writer.add_image(f"{name}/image", picture.numpy(), epoch, dataformats="HW")

    def _write_graph(self, writer: Any) -> None:
        lines: list[str] = []
        self.model.summary(print_fn=lines.append)
        text = "\n".join(lines).split("\n")
        writer.add_text("model", "\n".join(f"    {line}" for line in text))
        try:
            configuration = json.loads(self.model.to_json())
        except (ValueError, TypeError):
            return  # something of one's own: what is known stands in the text
        if "layers" in configuration.get("config", {}):
            _name_all(configuration, type(self.model).__name__)
            writer.file_writer.add_summary(_as_graph(json.dumps(configuration)), 0)

    def _writer(self, run: str) -> Any:
        if run not in self._writers:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ImportError(
                    "TensorBoard needs tensorboard: pip install unpad[tensorboard]. As a table: "
                    "CSVLogger."
                ) from None
            self._writers[run] = SummaryWriter(Path(self.log_dir) / run)
        return self._writers[run]

    def _close(self) -> None:
        with written_in_place(self.log_dir, "TensorBoard"):
            for writer in self._writers.values():
                writer.close()
        self._writers.clear()

    def __getstate__(self) -> dict[str, Any]:
        # An open file cannot be pickled or copied.
        return {**vars(self), "_writers": {}}


def _name_all(part: dict[str, Any], name: str) -> None:
    """Gives each layer of a configuration that has no name one: TensorBoard asks for names."""
    config = part["config"]
    config["name"] = config.get("name") or name
    for i, layer in enumerate(config.get("layers") or []):
        _name_all(layer, f"{i} {layer['class_name']}")


def _as_graph(configuration: str) -> Any:
    """What TensorBoard's page of graphs draws of a model's configuration, as Keras writes it."""
    from tensorboard.compat.proto import summary_pb2

    summary: Any = getattr(summary_pb2, "Summary")()  # noqa: B009
    value = summary.value.add(tag="keras")
    value.metadata.plugin_data.plugin_name = "graph_keras_model"
    value.metadata.plugin_data.content = b"1"
    value.tensor.dtype = _STRING
    value.tensor.string_val.append(configuration.encode())
    return summary
