"""What every layer is made of: specs on a model's edges, symbols, trials, the layer itself."""
