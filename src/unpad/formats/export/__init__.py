"""Models for other programs: the graphs that torch.export makes, and ONNX."""
