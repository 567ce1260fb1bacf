"""Importing this file installs the aliases: what a server of forks does before it forks."""

from .aliases import install

__all__: list[str] = []

install()
