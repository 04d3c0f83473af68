"""The UniFFI module's name.  All of it is weft.compat.tensor_protocol."""

from weft.compat.tensor_protocol import *  # noqa: F403
from weft.compat.tensor_protocol import __all__  # noqa: F401
