"""The corrected patterns of twelve engineering documents, a library each."""
