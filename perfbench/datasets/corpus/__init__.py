"""A corpus: all market files of several folders, archives, lists and URLs, listed without being unpacked.

``listing.list_corpus`` lists, ``opening.open_member`` unpacks one file and describes it, ``description`` describes the whole.
"""
