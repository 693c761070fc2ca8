"""Protocols that are not ours, as data: what is said to a partner, and what its answers mean. Pure.

A dialect is JSON (`Partner.dialect`): named operations, each a call made of a template, and a description of where in
the answer stands what we want to know. `description` has its shape and its rules, `templates` how requests are made,
`answers` how an answer becomes an outcome, `listings` how listed values are read. docs/federation.md explains it.
"""

from services.integration.domain.dialects.answers import Heard, judged
from services.integration.domain.dialects.description import (
    Auth,
    Contract,
    Dialect,
    Doubt,
    Listed,
    Manner,
    RestCall,
    SoapCall,
    Told,
    call_faults,
    dialect_of,
    manner_faults,
    named_in,
)
from services.integration.domain.dialects.listings import Held, NotListed, Pages
from services.integration.domain.dialects.templates import Unsayable, path_of, rendered

__all__ = [
    "Auth",
    "Contract",
    "Dialect",
    "Doubt",
    "Heard",
    "Held",
    "Listed",
    "Manner",
    "NotListed",
    "Pages",
    "RestCall",
    "SoapCall",
    "Told",
    "Unsayable",
    "call_faults",
    "dialect_of",
    "judged",
    "manner_faults",
    "named_in",
    "path_of",
    "rendered",
]
