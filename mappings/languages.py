"""The sentences by language: English is packaged and sets the keys and fields; another language has the same ones.

A site may replace sentences, or bring a whole language, in its overlay (`mappings.overlay`).
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping
from types import MappingProxyType

from mappings.schema import Sentence, Sentences
from mappings.strict_yaml import KnowledgeError

ENGLISH = "en"


def sentences_of(languages: Mapping[str, Sentences], language: str) -> Mapping[str, Sentence]:
    """The sentences of one language, by id. Raises KnowledgeError when the language is not there."""
    if language not in languages:
        raise KnowledgeError(
            f"sentences/{language}.yaml", "file", "there is no such language", "restore it from the release"
        )
    return MappingProxyType(languages[language].__pydantic_extra__)


def check_languages(languages: Mapping[str, Sentences]) -> None:
    """Raise KnowledgeError at the first sentence that is missing, unknown, or whose fields are wrong."""
    english = sentences_of(languages, ENGLISH)
    for name, language in languages.items():
        file, sentences = f"sentences/{name}.yaml", language.__pydantic_extra__
        for key, sentence in sentences.items():
            _check_text(file, key, sentence.text, sentence.fields)
            if sentence.one:
                _check_text(file, f"{key}.one", sentence.one, sentence.fields)
                if "count" not in sentence.fields:
                    raise KnowledgeError(
                        file, f"{key}.one", "nothing is counted here", "remove it, or count in {count}"
                    )
        for key in (*english, *sentences):
            if key not in sentences:
                raise KnowledgeError(file, key, "this sentence is missing", "translate it: English has it")
            if key not in english:
                raise KnowledgeError(file, key, "English has no such sentence", "correct the key or remove it")
            if {*sentences[key].fields} != {*english[key].fields}:
                odd = ", ".join(sorted({*sentences[key].fields} ^ {*english[key].fields}))
                raise KnowledgeError(
                    file, f"{key}.fields", f"the fields differ from English: {odd}", "use the same fields"
                )


def with_texts(
    english: Mapping[str, Sentence], base: Mapping[str, Sentence], texts: Mapping[str, str], file: str
) -> Mapping[str, Sentence]:
    """`base` with other texts for some sentences; `base` is empty for a language that is not packaged.

    Raises KnowledgeError for a key that English has not, for other fields than English, and where sentences are left
    without a text.
    """
    said = dict(base)
    for key, text in texts.items():
        if key not in english:
            raise KnowledgeError(file, f"sentences.{key}", "there is no such sentence", "correct the key or remove it")
        _check_text(file, f"sentences.{key}", text, english[key].fields)
        said[key] = english[key].model_copy(update={"text": text, "one": ""})
    missing = [key for key in english if key not in said]
    if missing:
        raise KnowledgeError(
            file, f"sentences.{missing[0]}", f"{len(missing)} sentences have no text", "translate all, or use English"
        )
    return MappingProxyType(said)


def _check_text(file: str, place: str, text: str, declared: Collection[str]) -> None:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as failure:
        raise KnowledgeError(file, place, "unbalanced braces", "name each field in braces") from failure
    if any(not field.isidentifier() for field in fields):
        raise KnowledgeError(
            file, place, "a field is not a plain name", "write fields as {name}, without format or index"
        )
    if {*fields} != {*declared}:
        odd = ", ".join(sorted({*fields} ^ {*declared}))
        raise KnowledgeError(
            file,
            f"{place}.fields",
            f"text and declared fields differ: {odd}",
            "correct the name in the text, or declare the field",
        )
