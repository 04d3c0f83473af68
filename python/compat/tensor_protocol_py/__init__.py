"""The package of tensor-iroh's Python builds, with its module tensor_protocol.  All is weft.compat.tensor_protocol."""

from weft.compat.tensor_protocol import *  # noqa: F403
from weft.compat.tensor_protocol import __all__  # noqa: F401
