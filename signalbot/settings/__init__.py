"""Settings as plain, frozen dataclasses: complete, validated, and without TOML or pydantic.

``config`` parses the file into these; all other packages only read them. Trading settings of a
subscription are in ``domain.settings``, of accounts in ``domain.users``, of notices in
``domain.notices``.
"""
