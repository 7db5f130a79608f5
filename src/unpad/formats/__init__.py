"""What is read and written: files, and what of a layer, a model or a training goes into them."""
