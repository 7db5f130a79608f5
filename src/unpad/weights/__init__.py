"""What weights begin as, are kept to and pay: by Keras's names; and activations."""
