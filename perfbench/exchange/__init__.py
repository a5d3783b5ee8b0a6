"""Local exchange: market files served through the live stream and the API of a betting exchange.

Unmodified clients of any release connect to it. It never contacts the real exchange. Its server needs the extra ``exchange``, its
settings do not.
"""
