"""The laws, asked of any model that can be called."""
