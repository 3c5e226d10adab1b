"""From file and environment to a `Config`, or to one message that names every problem."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from parsekit.config.config import HOST_SECTIONS, Config
from parsekit.config.file import chosen_file
from parsekit.config.problems import Problem, kind_of, nearest, problems_of
from parsekit.config.settings import HostSettings
from parsekit.config.texts import unusable_texts
from parsekit.errors import ConfigInvalid
from parsekit.redaction.settings import remember_secrets

ENV_PREFIX = "PARSEKIT__"
#: Section and key; nothing in the configuration is nested deeper.
_DEPTH = 2

Sections = Mapping[str, type[BaseModel]]
S = TypeVar("S", bound=BaseModel)


def load_config(
    path: Path | None = None,
    *,
    plugin_sections: Sections | None = None,
    absent: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Read, merge and validate.

    The file is ``path``, else ``$PARSEKIT_CONFIG``, else ``parsekit.json`` in the user's
    configuration folder, else ``/etc/parsekit/parsekit.json``, else none; that of the current
    folder is read only where it is named. ``PARSEKIT__SECTION__KEY`` wins over it.
    ``plugin_sections`` are the models that plugins declared; ``absent`` maps sections of plugins
    that are known but not installed to the distribution that would bring them: such a section is
    accepted unread.

    Raises `ConfigInvalid` naming each key, where it stands, what is wrong with it and the nearest
    valid name.
    """
    models: dict[str, type[BaseModel]] = {**HOST_SECTIONS, **(plugin_sections or {})}
    absent = {name: dist for name, dist in (absent or {}).items() if name not in models}
    tree, origins, problems = _merged(path, models, environ)
    # Before anything of it can stand in a message.
    remember_secrets("", {**tree, **{key: environ[key] for key in environ if key[:4] == "AWS_"}})
    if faults := unusable_texts(tree):
        raise _invalid(problems + faults, origins)
    host, sections, more = _validated(tree, models, absent)
    if host is None or problems or more:
        raise _invalid(problems + more, origins)
    return Config(
        host=host,
        sections=sections,
        origins=origins,
        present=frozenset(name for name in tree if name in models or name in absent),
        absent_plugins={name: absent[name] for name in tree if name in absent},
    )


def load_section(name: str, model: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """One section of the host's, from the same places, for who needs neither others nor plugins.

    Raises `ConfigInvalid` for mistakes in it; those in others are left to who reads them.
    """
    tree, origins, problems = _merged(None, HOST_SECTIONS, environ)
    remember_secrets("", tree)
    own = tree.get(name, {})
    if faults := unusable_texts({name: own}):
        raise _invalid(problems + faults, origins)
    value, found = _model(model, own, f"{name}.", _key_names(model), {})
    if value is None or problems or found:
        raise _invalid(problems + found, origins)
    return cast("S", value)


def _invalid(problems: list[Problem], origins: Mapping[str, str]) -> ConfigInvalid:
    return ConfigInvalid(*(str(problem.located(origins)) for problem in problems))


def _merged(
    path: Path | None, models: Sections, environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str], list[Problem]]:
    file = chosen_file(path, environ)
    tree = _read(file) if file else {}
    origins = {key: str(file) for key in _leaves(tree)}
    problems = []
    for name, text in environ.items():
        if not name.upper().startswith(ENV_PREFIX):
            continue
        keys = _spelled(name[len(ENV_PREFIX) :].split("__"), models)
        if len(keys) > _DEPTH or not all(keys):
            problems.append(Problem(name, "has the wrong form; use PARSEKIT__SECTION__KEY"))
            continue
        _put(tree, keys, _value(text))
        origins[".".join(keys)] = f"${name}"
    return tree, origins, problems


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        tree = json.loads(text, object_pairs_hook=partial(_no_repeats, file))
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise ConfigInvalid(f"{file}: can't be read: {reason}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigInvalid(f"{file}: is not UTF-8 text: byte {exc.start}") from exc
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno} column {exc.colno}"
        raise ConfigInvalid(f"{file}: is not JSON: {exc.msg.lower()} at {where}") from exc
    except ValueError as exc:
        digits = sys.get_int_max_str_digits()
        text = f"{file}: holds a number of more than {digits} digits; write a smaller one"
        raise ConfigInvalid(text) from exc
    except RecursionError:
        raise ConfigInvalid(f"{file}: is nested too deep for a configuration") from None
    if not isinstance(tree, dict):
        raise ConfigInvalid(f"{file}: holds {kind_of(tree)}, want an object in braces")
    return tree


def _no_repeats(file: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigInvalid(f"{file}: {key}: stands twice in the same object; keep one")
    return dict(pairs)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and not prefix:
            yield from _leaves(value, f"{key}.")
        else:
            yield f"{prefix}{key}"


def _spelled(keys: list[str], models: Sections) -> list[str]:
    """Give an environment key, whose case is lost, the spelling of the model's key."""
    if len(keys) == 1:
        return [_same(keys[0], _key_names(HostSettings))]
    section = _same(keys[0], tuple(models))
    model = models.get(section)
    return [section, *(_same(key, _key_names(model) if model else ()) for key in keys[1:])]


def _same(key: str, names: tuple[str, ...]) -> str:
    return next((name for name in names if name.lower() == key.lower()), key.lower())


def _key_names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    if len(keys) == 1:
        tree[keys[0]] = value
        return
    section = tree.setdefault(keys[0], {})
    if isinstance(section, dict):
        section[keys[1]] = value


def _value(text: str) -> Any:
    """Numbers, booleans, null and lists as JSON writes them; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _validated(
    tree: Mapping[str, Any], models: Sections, absent: Mapping[str, str]
) -> tuple[HostSettings | None, dict[str, BaseModel], list[Problem]]:
    top = {key: value for key, value in tree.items() if key not in models and key not in absent}
    choices = (*_key_names(HostSettings), *models, *absent)
    sections: dict[str, BaseModel] = {}
    host, problems = _model(HostSettings, top, "", choices, sections)
    for name, model in models.items():  # the host's own come first
        value, found = _model(model, tree.get(name, {}), f"{name}.", _key_names(model), sections)
        problems += found
        if value is not None:
            sections[name] = value
    return host, sections, problems


def _model(
    model: type[BaseModel],
    value: Any,
    prefix: str,
    choices: tuple[str, ...],
    before: Mapping[str, BaseModel],
) -> tuple[Any, list[Problem]]:
    """Validate one section; its validators see those that were right ``before`` it as context."""
    if not isinstance(value, dict):
        return None, [Problem(prefix.rstrip("."), f"is {kind_of(value)}, want an object in braces")]
    names = {*_key_names(model), *model.model_fields}
    problems = [
        Problem(f"{prefix}{key}", "is not a known key" + nearest(key, choices))
        for key in value
        if key not in names
    ]
    known = {key: item for key, item in value.items() if key in names}
    try:
        return model.model_validate(known, strict=None, context=before), problems
    except ValidationError as exc:
        return None, problems + problems_of(exc, prefix)
    except ConfigInvalid as exc:  # of a file that the section names, and reads at once
        found = (text.partition(": ") for text in exc.problems)
        return None, problems + [Problem(key, text) for key, _, text in found]
