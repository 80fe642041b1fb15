"""Renders errors as problem details (RFC 9457), limited in length."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from signalbot.config.problems import InvalidConfig
from signalbot.domain.errors import (
    Conflict,
    LedgerError,
    NotAllowed,
    NotFound,
    SignalbotError,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[SignalbotError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


class FieldError(BaseModel):
    """One error of a request."""

    where: str = Field(examples=["sizing.risk_percent"])
    message: str = Field(examples=["must be a number above 0"])


class ProblemDetails(BaseModel):
    """RFC 9457."""

    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no such strategy"])
    errors: list[FieldError] = Field(default=[], description="All errors of the request.")


_MAX_ERRORS = 20
_MAX_TEXT_LENGTH = 500


def problem_response(
    status: HTTPStatus,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build the response to a failed request."""
    listed = [
        FieldError(where=_short(each.where), message=_short(each.message))
        for each in errors[:_MAX_ERRORS]
    ]
    details = ProblemDetails(
        title=status.phrase, status=status.value, detail=_short(detail), errors=listed
    )
    return JSONResponse(
        details.model_dump(exclude_defaults=True),
        status_code=status.value,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_LENGTH else f"{text[:_MAX_TEXT_LENGTH]} and more"


def install_handlers(app: FastAPI) -> None:
    """Render every error of ``app`` as problem details."""
    app.add_exception_handler(SignalbotError, _on_signalbot_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_failure)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
}
"""Error responses that any route may return."""


def add_problem_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Add the schema that ``RESPONSES`` refers to; modifies ``document``."""
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    inner = schema.pop("$defs", {})
    document["components"]["schemas"] |= {"ProblemDetails": schema, **inner}
    return document


def error_response(error: SignalbotError) -> JSONResponse:
    """Build the response to ``error``."""
    if isinstance(error, InvalidConfig):
        errors = [FieldError(where=each.path, message=each.message) for each in error.problems]
        detail = "the definition is invalid; nothing was changed"
        return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)
    if isinstance(error, LedgerError):
        raise error
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return problem_response(status, str(error))
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


async def _on_signalbot_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SignalbotError)  # noqa: S101 - only installed for it
    return error_response(error)


async def _on_bad_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - only installed for it
    errors = [
        FieldError(where=".".join(str(part) for part in each["loc"][1:]), message=each["msg"])
        for each in error.errors()
    ]
    return problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "the request is invalid", errors=errors
    )


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - only installed for it
    status = HTTPStatus(error.status_code)
    headers = None if error.headers is None else dict(error.headers)
    return problem_response(status, error.detail or status.phrase, headers=headers)


async def _on_failure(_: Request, __: Exception) -> JSONResponse:
    """Return a generic error; uvicorn logs the details."""
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal error: see the daemon's log"
    )
