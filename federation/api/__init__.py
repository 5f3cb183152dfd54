"""The documents people write: one model per kind, strict, errors as one sentence.

In: values as YAML or JSON gave them. Out: pydantic models (`parse.parse_document`).
"""
