"""The public contract of the assessment document, as the JSON Schema that the service publishes."""

from __future__ import annotations

from importlib.resources import files

SCHEMA_PATH = "/schema/assessment-1.json"


def assessment_schema() -> bytes:
    """The JSON Schema of the assessment document, as kept in the repository."""
    return files(__package__).joinpath("assessment.schema.json").read_bytes()
