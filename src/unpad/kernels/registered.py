"""The operators as torch knows them: `torch.ops.unpad`.

What a graph is made of (torch.compile, torch.export, fake or functional tensors) calls these; plain
tensors are computed by the same functions without the dispatcher.
"""

from __future__ import annotations

import torch

LIBRARY = torch.library.Library("unpad", "DEF")
