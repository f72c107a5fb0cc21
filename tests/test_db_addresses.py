"""Roads to PostgreSQL: TLS with certificates of a private authority, and poolers, which are refused in a sentence."""

import asyncio
import os
import pwd
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import config, db, doctor
from app.errors import DatabaseAway
from tests.databases import Databases
from tests.graphql import SETTINGS
from tests.postgres import Server
from tests.scratch import scratch_folder

PATIENCE_S = 20


class Authority:
    """A private one. Keys and certificates are files in its folder, readable by PostgreSQL."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        made = self._sign(self._key.public_key(), name, is_authority=True)
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of a server or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        paths = self._folder / f"{self._name}-{name}.crt", self._folder / f"{self._name}-{name}.key"
        paths[0].write_bytes(self._sign(key.public_key(), name).public_bytes(serialization.Encoding.PEM))
        paths[1].touch(mode=0o600)
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _sign(
        self, key: ec.EllipticCurvePublicKey, name: str, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = [x509.DNSName(name)]
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )


#: How a client asks for TLS, instead of a version.
TLS_REQUEST = 80877103


async def _start_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The first word of a client: its code, and the message as it came."""
    length = await reader.readexactly(4)
    rest = await reader.readexactly(struct.unpack("!i", length)[0] - 4)
    return struct.unpack("!i", rest[:4])[0], length + rest


class Front:
    """PostgreSQL behind TLS on a port of localhost, with a certificate of a private authority for `name`.

    The test's own PostgreSQL was built without TLS: so the front speaks it, as PostgreSQL would, and hands on what comes.
    """

    def __init__(self, folder: Path, name: str, server: Server) -> None:
        self.ours, self.others = Authority(folder, "ours"), Authority(folder, "others")
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*self.ours.issue(name))
        self._server = server
        self.ciphers: list[object] = []
        self.port = 0

    def url(self, options: str, database: str = "postgres") -> str:
        return f"postgres://postgres@localhost:{self.port}/{database}?{options}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, _ = await _start_of(reader)
        assert code == TLS_REQUEST
        writer.write(b"S")
        try:
            await writer.start_tls(self._tls)
        except (ssl.SSLError, ConnectionError):
            return  # the client did not like our certificate
        self.ciphers.append(writer.get_extra_info("cipher"))
        below, above = await asyncio.open_unix_connection(str(self._server.folder / ".s.PGSQL.5432"))
        await asyncio.gather(_pump(reader, above), _pump(below, writer))


@pytest.fixture(params=["localhost"])
async def front(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Front]:
    with scratch_folder() as folder:
        made = Front(folder, request.param, server)
        async with _listening(made.serve) as made.port:
            yield made


@pytest.fixture
async def _closed() -> AsyncIterator[None]:
    yield
    await db.close()


pytestmark = pytest.mark.usefixtures("_closed")


# TLS


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_private_authority_is_trusted(front: Front, mode: str) -> None:
    await db.connect(front.url(f"sslmode={mode}&sslrootcert={front.ours.certificate}"))

    assert await db.fetch("SELECT 1 AS one") == [{"one": 1}] and front.ciphers


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_another_authority_is_not(front: Front, mode: str) -> None:
    with pytest.raises(DatabaseAway) as refusal:
        await db.connect(front.url(f"sslmode={mode}&sslrootcert={front.others.certificate}"))
    assert isinstance(refusal.value.__cause__, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("front", ["another.example.cz"], indirect=True)
@pytest.mark.parametrize(("mode", "is_refused"), [("verify-ca", False), ("verify-full", True)])
async def test_a_certificate_of_another_host_is_refused_where_the_name_is_verified(
    front: Front, mode: str, is_refused: bool
) -> None:
    url = front.url(f"sslmode={mode}&sslrootcert={front.ours.certificate}")

    if is_refused:
        with pytest.raises(DatabaseAway) as refusal:
            await db.connect(url)
        assert isinstance(refusal.value.__cause__, ssl.SSLCertVerificationError)
    else:
        await db.connect(url)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "there is no file '/nowhere/ca.pem'"),
        ("sslmode=full", "sslmode=full in the database URL: it is one of disable"),
        ("sslrootcert=/nowhere/ca.pem", "does nothing without sslmode"),
        ("sslmode=require&sslcrl=x", "Unknown options in the database URL: sslcrl"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_a_sentence(options: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await db.connect(f"postgres://postgres@localhost/postgres?{options}")


# Poolers


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Its port. In the end nothing of it is left."""
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    listening = await asyncio.start_server(begin, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _pooler(server: Server, *, word: str | None = None) -> AsyncIterator[int]:
    """Stands before PostgreSQL as a pooler does: greets with a key of its own, or refuses settings. Its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, started = await _start_of(reader)
        if code == TLS_REQUEST:
            writer.write(b"N")
            _, started = await _start_of(reader)
        if word is not None:
            body = b"SFATAL\0C08P01\0M" + word.encode() + b"\0\0"
            writer.write(b"E" + struct.pack("!i", len(body) + 4) + body)
            writer.close()
            return
        below, above = await asyncio.open_unix_connection(str(server.folder / ".s.PGSQL.5432"))
        above.write(started)
        await asyncio.gather(_hand_on(below, writer), _pump(reader, above))

    async with _listening(serve) as port:
        yield port


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Message by message, with another key in the greeting."""
    while kind := await reader.read(1):
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        if kind == b"K":
            body = struct.pack("!i", 7) + body[4:]
        writer.write(kind + struct.pack("!i", length) + body)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except ConnectionError:
        pass  # given up, which is an end too
    finally:
        writer.close()


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.server


@pytest.mark.parametrize("word", [None, "unsupported startup parameter: jit"])
async def test_a_pooler_is_refused_in_a_sentence(server: Server, word: str | None) -> None:
    async with _pooler(server, word=word) as port:
        with pytest.raises(db.PoolerInTheWay, match="needs PostgreSQL itself"):
            await asyncio.wait_for(db.connect(f"postgres://postgres@127.0.0.1:{port}/postgres"), PATIENCE_S)

    left = await _connections(server)
    assert left == 0


async def _connections(server: Server) -> int:
    """Of ours, once those that were given up are gone."""
    watcher = await asyncpg.connect(server.url("postgres"))
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'divize' AND datname = 'postgres'"
    async with asyncio.timeout(PATIENCE_S):
        while (found := await watcher.fetchval(count)) > 0:
            await asyncio.sleep(0.02)
    await watcher.close()
    return int(found)


async def test_the_doctor_says_so_too(server: Server) -> None:
    async with _pooler(server) as port:
        url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        settings = config.load(**{**SETTINGS, "database_url": url})
        (finding,) = await doctor.examine(settings, ["database"])

    assert "needs PostgreSQL itself" in finding.seen and finding.mend


@asynccontextmanager
async def _pgbouncer(server: Server, folder: Path, *, mode: str, ignored: str) -> AsyncIterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\npostgres = host={server.folder} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\nauth_file = {folder}/users\n"
        f"pool_mode = {mode}\nignore_startup_parameters = {ignored}\n"
    )
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    process = subprocess.Popen(  # noqa: ASYNC220
        [str(shutil.which("pgbouncer")), "-q", str(folder / "pgbouncer.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
    )
    try:
        await _until_it_listens(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


@pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="pgbouncer is not installed: .ci/run installs it"
)
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
@pytest.mark.parametrize("ignored", ["", "jit, default_transaction_isolation"])
async def test_a_real_pgbouncer_is_refused(server: Server, mode: str, ignored: str) -> None:
    with scratch_folder() as folder:
        if os.geteuid() == 0:
            folder.chmod(0o755)
        async with _pgbouncer(server, folder, mode=mode, ignored=ignored) as port:
            url = f"postgres://postgres@127.0.0.1:{port}/postgres"
            with pytest.raises(db.PoolerInTheWay, match="pgbouncer"):
                await asyncio.wait_for(db.connect(url), PATIENCE_S)
