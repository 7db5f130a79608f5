"""Models as ONNX, for its runtimes."""
