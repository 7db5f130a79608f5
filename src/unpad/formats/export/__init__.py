"""Models for other programs: torch's graphs, and ONNX files made of them."""
