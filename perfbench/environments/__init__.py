"""Turn an environment spec (``pkg==1.2 python==3.12``, a checkout, a git URL, ``here``) into an interpreter path.

Resolved by uv, built once, cached by content hash.
"""
