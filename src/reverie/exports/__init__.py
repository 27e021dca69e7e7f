"""Models as files that other programs run: ONNX, torch.export, and web pages."""
