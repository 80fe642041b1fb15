"""An exchange's certificate is checked: by the system's authorities, or by the one named."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signalbot.domain.errors import Unavailable
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection


def _certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@asynccontextmanager
async def _exchange(file: Path) -> AsyncIterator[str]:
    """Binance's clock behind TLS; nothing else is asked for here."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"serverTime": int(datetime.now(UTC).timestamp() * 1000)})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/fapi/v1"
    finally:
        await runner.cleanup()


async def _measured(url: str, **more: Any) -> int:
    config = {"urls": {"api": {"fapiPublic": url}}, **more}
    connection = Connection("x", ClientProfile("binanceusdm"), config=config)
    await connection.open()
    try:
        return await connection.measure_clock()
    finally:
        await connection.close()


async def test_an_authority_of_ones_own_is_believed_when_it_is_named(tmp_path: Path) -> None:
    """``cafile`` replaces the system's authorities."""
    file = _certificate(tmp_path)
    async with _exchange(file) as url:
        assert abs(await _measured(url, cafile=str(file))) < 5_000


async def test_an_unknown_authority_is_not_believed(tmp_path: Path) -> None:
    """Not a byte of a request goes to whoever answers at the address."""
    async with _exchange(_certificate(tmp_path)) as url:
        with pytest.raises(Unavailable):
            await _measured(url)


async def test_verification_can_be_turned_off_for_a_test_server(tmp_path: Path) -> None:
    """``verify = false``: said by the configuration, never assumed."""
    async with _exchange(_certificate(tmp_path)) as url:
        assert abs(await _measured(url, verify=False)) < 5_000
