"""What `python -m unpad` is asked to do, beside running a script."""

from .doctor import doctor

__all__ = ["doctor"]
