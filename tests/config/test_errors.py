"""All problems are reported together, each with its position, value and fix."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from signalbot.config.load import load
from signalbot.config.problems import InvalidConfig
from signalbot.domain.errors import ConfigError
from tests.config.config_files import MINIMAL, load_text, only_problem, problems_of, write

SIM = '[exchanges.sim]\nccxt_id = "simulated"\n'
TREND = (
    '[strategies.trend]\nkind = "ema_cross"\nexchange = "sim"\n'
    'symbols = ["BTC/USDT:USDT"]\ntimeframe = "5m"\n'
)

ONE_WRONG_VALUE: Mapping[str, tuple[str, str, str]] = {
    # what is added to the minimal file: path, beginning and end of the message
    'daemn = 1': ("daemn", "unknown key 'daemn'", "did you mean 'daemon'?"),
    '[Users.bob]': ("Users", "unknown key 'Users'", "did you mean 'users'?"),
    '_env_file = "x"': ("_env_file", "unknown key '_env_file'", "'users'"),
    '[users.alice]\nleverge = 5': (
        "users.alice.leverge",
        "unknown key 'leverge'",
        "'subscriptions'",
    ),
    '[users.alice]\nleverage = 5': (
        "users.alice.leverage",
        "unknown key 'leverage' here",
        "it belongs in users.alice.account",
    ),
    '[users.alice.risk]\nmax_open_position = 5': (
        "users.alice.risk.max_open_position",
        "unknown key 'max_open_position'",
        "did you mean 'max_open_positions'?",
    ),
    '[users.alice.filters]\nmax_signal_age_ms = 5': (
        "users.alice.filters.max_signal_age_ms",
        "unknown key",
        "did you mean 'max_signal_age'?",
    ),
    '[daemon]\nlog_level = "inof"': (
        "daemon.log_level",
        "'inof' is not one of 'debug', 'info', 'warning', 'error'",
        "did you mean 'info'?",
    ),
    '[daemon]\nlog_format = 5': ("daemon.log_format", "5 is not one of", "'json'"),
    '[daemon]\nmaster_key_file = ""': ("daemon.master_key_file", "'' is empty", "quotes"),
    '[api]\nlisten = "8787"': ("api.listen", "'8787' is not an address and port", "'[::1]:8787'"),
    '[api]\nlisten = "::1:8787"': ("api.listen", "'::1:8787' is not an address", "'[::1]:8787'"),
    '[api]\nlisten = "127.0.0.1:70000"': ("api.listen", "'127.0.0.1:70000' is not", "8787'"),
    '[api]\nlisten = 8787': ("api.listen", "8787 is not an address", "'[::1]:8787'"),
    '[api]\nlisten = "0.0.0.0:8787"': (
        "api.listen",
        "'0.0.0.0:8787' is open to others",
        "set tls_behind_proxy = true if a proxy in front adds TLS",
    ),
    '[api]\nlisten = "bot.example.com:80"': ("api.listen", "'bot.example.com:80' is open", "TLS"),
    '[exchanges.b]\nccxt_id = "Binance USDM"': (
        "exchanges.b.ccxt_id",
        "'Binance USDM' is not the id of an exchange in ccxt",
        "'binanceusdm'",
    ),
    '[exchanges.b]\nccxt_id = "okx"\nsandbox = "yes"': (
        "exchanges.b.sandbox",
        "'yes' is not true or false",
        "",
    ),
    '[exchanges.b]\nsandbox = true': ("exchanges.b.ccxt_id", "is missing: Its id in ccxt", ""),
    '[exchanges.b]\nccxt_id = "okx"\nccxt = 5': ("exchanges.b.ccxt", "5 is not a table", ""),
    '[exchanges.sim.simulated]\nspeed = 0': (
        "exchanges.sim.simulated.speed",
        "0 is not a number above 0",
        "",
    ),
    '[exchanges.sim.simulated]\nlatency = 50': (
        "exchanges.sim.simulated.latency",
        "50 is not a duration such as '5m'",
        "'250ms'",
    ),
    '[exchanges.sim.simulated]\nreject_probability = 1.5': (
        "exchanges.sim.simulated.reject_probability",
        "1.5 is not a number from 0 to 1",
        "",
    ),
    '[exchanges.sim.simulated]\nseed = 1.0': (
        "exchanges.sim.simulated.seed",
        "1.0 is not a whole number of at least 0",
        "",
    ),
    '[exchanges.sim.simulated.symbols.BTCUSDT]\nprice = 5': (
        "exchanges.sim.simulated.symbols.BTCUSDT",
        "'BTCUSDT' is not a market: write BASE/QUOTE:SETTLE",
        "for spot",
    ),
    '[exchanges.sim.simulated.symbols."FOO/USDT"]\nprice = 0.001': (
        "exchanges.sim.simulated.symbols",
        '{"FOO/USDT": {"price": 0.001}} makes FOO/USDT invalid',
        "tick 0.01 is larger than the price 0.001",
    ),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = ["btc/usdt"]\n'
    'timeframe = "5m"': ("strategies.x.symbols.0", "'btc/usdt' is not a market", "for spot"),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = ["BTC/USD:BTC"]\n'
    'timeframe = "5m"': (
        "strategies.x.symbols.0",
        "'BTC/USD:BTC' is an inverse contract, settled in BTC and not in USD",
        "linear perpetuals, as 'BTC/USDT:USDT', can be traded",
    ),
    '[strategies.x]\nkind = "webhook"\nexchange = "sim"\nsymbols = ["BTC/USDT:USDT-260327"]': (
        "strategies.x.symbols.0",
        "'BTC/USDT:USDT-260327' is a contract with an expiry date",
        "can be traded",
    ),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = []\ntimeframe = "5m"': (
        "strategies.x.symbols",
        "[] is empty: name at least one",
        "",
    ),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = ["A/B", "A/B"]\n'
    'timeframe = "5m"': ("strategies.x.symbols", '["A/B", "A/B"] names \'A/B\' twice', ""),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = "A/B"\ntimeframe = "5m"': (
        "strategies.x.symbols",
        "'A/B' is not a list: write it in [ ]",
        "",
    ),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = ["A/B"]\n'
    'timeframe = "7m"': ("strategies.x.timeframe", "'7m' is not one of '1m', '3m'", "'1d'"),
    '[strategies.x]\nkind = "ema_cross"\nexchange = "sim"\nsymbols = ["A/B"]\n'
    'timeframe = "5m"\nsignal_ttl = "0s"': (
        "strategies.x.signal_ttl",
        "'0s' is not a duration from '1ms' to '366d'",
        "",
    ),
    '[defaults.filters]\nmin_strength = "strong"': (
        "defaults.filters.min_strength",
        "'strong' is not one of 'WEAK', 'MODERATE', 'STRONG', 'VERY_STRONG'",
        "did you mean 'STRONG'?",
    ),
    '[defaults.filters]\nhours = ["8-22"]': (
        "defaults.filters.hours.0",
        "'8-22' is not a span of the day",
        "'08:00-22:00'",
    ),
    '[defaults.filters]\nhours = ["00:00-24:00"]': (
        "defaults.filters.hours.0",
        "'00:00-24:00' starts where it ends",
        "any hour",
    ),
    '[defaults.filters]\nhours = [08:00:00]': (
        "defaults.filters.hours.0",
        "08:00:00 is not a span of the day",
        "",
    ),
    '[defaults.filters]\ntime_zone = "europe/berlin"': (
        "defaults.filters.time_zone",
        "'europe/berlin' is not an IANA time zone",
        "did you mean 'Europe/Berlin'?",
    ),
    '[defaults.filters]\ntime_zone = "UTC+3"': (
        "defaults.filters.time_zone",
        "'UTC+3' is not an IANA time zone: write 'Europe/Istanbul'",
        "or 'Etc/GMT-3' (its sign is inverted)",
    ),
    '[defaults.filters]\ntime_zone = "+05:30"': (
        "defaults.filters.time_zone",
        "'+05:30' is not an IANA time zone",
        "write 'Asia/Kolkata'",
    ),
    '[defaults.filters]\ntime_zone = "PST"': (
        "defaults.filters.time_zone",
        "'PST' is not an IANA time zone",
        "did you mean 'America/Los_Angeles'?",
    ),
    '[defaults.filters]\ntime_zone = "America"': (
        "defaults.filters.time_zone",
        "'America' is not an IANA time zone",
        "",
    ),
    '[defaults.filters]\ntime_zone = "../../etc/passwd"': (
        "defaults.filters.time_zone",
        "'../../etc/passwd' is not an IANA time zone",
        "",
    ),
    '[defaults.filters]\nmin_confidence = nan': (
        "defaults.filters.min_confidence",
        "NaN is not a number from 0 to 1 or 'none'",
        "",
    ),
    '[defaults.filters]\nsymbols = [5]': (
        "defaults.filters.symbols.0",
        "5 is not text: write it in quotes",
        "",
    ),
    '[defaults.sizing]\nrisk_percent = 0': (
        "defaults.sizing.risk_percent",
        "0 is not a number above 0 and at most 100",
        "",
    ),
    '[defaults.sizing]\nrisk_percent = inf': (
        "defaults.sizing.risk_percent",
        "Infinity is not a number above 0",
        "",
    ),
    '[defaults.sizing]\nrisk_percent = "1.0"': (
        "defaults.sizing.risk_percent",
        "'1.0' is not a number above 0",
        "",
    ),
    '[defaults.sizing]\nmode = "riks"': (
        "defaults.sizing.mode",
        "'riks' is not one of 'risk', 'quote', 'balance'",
        "did you mean 'risk'?",
    ),
    '[defaults.risk]\nmax_open_positions = 0': (
        "defaults.risk.max_open_positions",
        "0 is not a whole number of at least 1 or 'none'",
        "",
    ),
    '[defaults.risk]\nmax_open_positions = true': (
        "defaults.risk.max_open_positions",
        "true is not a whole number",
        "",
    ),
    '[defaults.risk]\ncooldown = "5 minutes"': (
        "defaults.risk.cooldown",
        "'5 minutes' is not a duration such as '5m'",
        "",
    ),
    '[defaults.protection]\nstop_loss = 2.0': (
        "defaults.protection.stop_loss",
        "2.0 is not a table",
        "",
    ),
    '[defaults.protection]\ntake_profits = [{ percent = 1, share = 60 }, '
    '{ percent = 2, share = 40.5 }]': (
        "defaults.protection.take_profits",
        '[{"percent": 1, "share": 60}, {"percent": 2, "share": 40.5}]',
        "has shares that add up to 100.5 percent: at most 100 are possible",
    ),
    '[defaults.protection]\ntake_profits = [{ percent = 1 }]': (
        "defaults.protection.take_profits.0.share",
        "is missing: Percent of the position that is closed there.",
        "",
    ),
    '[defaults.ai]\nenabled = 1': ("defaults.ai.enabled", "1 is not true or false", ""),
    '[users.bob]\nmode = "paper"': ("users.bob.account", "is missing: The account", ""),
    '[users.bob]\naccount = { exchange = "sim", leverage = 126 }': (
        "users.bob.account.leverage",
        "126 is not a whole number from 1 to 125",
        "",
    ),
    '[users.bob]\naccount = { exchange = "sim", margin_mode = "Isolated" }': (
        "users.bob.account.margin_mode",
        "'Isolated' is not one of 'isolated', 'cross'",
        "did you mean 'isolated'?",
    ),
    '[users.bob]\nmode = "real"\naccount = { exchange = "sim" }': (
        "users.bob.mode",
        "'real' is not one of 'signals', 'paper', 'live'",
        "",
    ),
    '[users.bob]\nnotify = ["secret:"]\naccount = { exchange = "sim" }': (
        "users.bob.notify.0",
        "'secret:' is neither an apprise URL nor 'secret:NAME'",
        "",
    ),
    # what one value says about another
    '[exchanges.Sim2]\nccxt_id = "simulated"': (
        "exchanges.Sim2",
        "'Sim2' is not a name: up to 40 of a-z, 0-9, _ and -, beginning with a letter or digit",
        "",
    ),
    f'[users.{"x" * 41}]\naccount = {{ exchange = "sim" }}': (
        f"users.{'x' * 41}",
        f"'{'x' * 41}' is not a name",
        "",
    ),
    '[users.bob]\naccount = { exchange = "simm" }': (
        "users.bob.account.exchange",
        "'simm' is not one of the exchanges of this file",
        "did you mean 'sim'?",
    ),
    '[users.bob]\naccount = { exchange = "kraken" }': (
        "users.bob.account.exchange",
        "'kraken' is not one of the exchanges of this file",
        "known are 'sim'",
    ),
    '[users.alice.subscriptions.trent]': (
        "users.alice.subscriptions.trent",
        "'trent' is not one of the strategies of this file",
        "did you mean 'trend'?",
    ),
    '[exchanges.okx]\nccxt_id = "okx"\n[users.bob]\naccount = { exchange = "okx" }\n'
    "subscriptions = { trend = {} }": (
        "users.bob.subscriptions.trend",
        "'trend' trades on 'sim', but the account of 'bob' is on 'okx'",
        "set mode = 'signals' for this user",
    ),
    '[exchanges.okx]\nccxt_id = "okx"\n[exchanges.sim.simulated]\nspeed = 60': (
        "exchanges.sim.simulated.speed",
        "60 needs every exchange to be simulated, and 'okx' is not",
        "",
    ),
    '[exchanges.other]\nccxt_id = "simulated"\nsimulated = { speed = 60 }': (
        "exchanges.other.simulated.speed",
        "60 is not the 1 of 'sim': all exchanges share one clock",
        "",
    ),
    '[users.alice.protection]\nstop_loss = { source = "none" }': (
        "users.alice.protection.stop_loss.source",
        "sizing mode 'risk' sizes by the stop, but the stop_loss source is 'none'",
        "choose sizing mode 'quote' or 'balance'",
    ),
    '[defaults.sizing]\nmode = "quote"\n[defaults.protection]\nstop_loss = { source = "none" }\n'
    '[users.alice.sizing]\nmode = "risk"': (
        "users.alice.sizing.mode",
        "sizing mode 'risk' sizes by the stop",
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("added", ONE_WRONG_VALUE)
def test_a_wrong_value_is_named_with_its_place_and_its_cure(tmp_path: Path, added: str) -> None:
    """One mistake, one problem: the file, the line, the key, the value, and what would be right."""
    path, begins, ends = ONE_WRONG_VALUE[added]
    top_level = not added.startswith("[")
    text = f"{added}\n{MINIMAL}" if top_level else f"{MINIMAL}{added}\n"
    problem = only_problem(tmp_path, text)
    assert problem.path == path
    assert problem.message.startswith(begins)
    assert problem.message.endswith(ends)
    assert problem.where == str(tmp_path / "config.toml")
    assert problem.line is not None
    first = 1 if top_level else MINIMAL.count("\n") + 1
    assert first <= problem.line <= first + added.count("\n")


def test_a_path_that_no_table_stands_for_points_to_the_nearest_line(tmp_path: Path) -> None:
    """What is missing has the line of the table it is missing from."""
    problem = only_problem(tmp_path, f"{SIM}[strategies]\n\n{TREND.replace('kind', '#kind')}")
    assert problem.path == "strategies.trend.kind"
    assert problem.line == 5


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    """Types, bounds, unknown keys, missing keys and broken references, in the order of the file."""
    problems = problems_of(
        tmp_path,
        """
        [daemon]
        log_level = "loud"
        [exchanges.sim]
        ccxt_id = "simulated"
        speed = 5
        [strategies.trend]
        kind = "ema_cross"
        exchange = "simm"
        symbols = ["BTCUSDT", "ETHUSDT"]
        [users.alice]
        mode = "papr"
        account = { exchange = "sim", leverage = 500 }
        [users.alice.subscriptions.tren]
        [users.Bob.account]
        exchange = "simm"
        """,
    )
    assert [(problem.line, problem.path) for problem in problems] == [
        (3, "daemon.log_level"),
        (6, "exchanges.sim.speed"),
        (7, "strategies.trend.timeframe"),
        (9, "strategies.trend.exchange"),
        (10, "strategies.trend.symbols.0"),
        (10, "strategies.trend.symbols.1"),
        (12, "users.alice.mode"),
        (13, "users.alice.account.leverage"),
        (14, "users.alice.subscriptions.tren"),
        (15, "users.Bob"),
        (16, "users.Bob.account.exchange"),
    ]


def test_the_error_reads_as_one_line_per_problem(tmp_path: Path) -> None:
    """Editors and people can jump from the line to the place."""
    path = write(tmp_path, MINIMAL + '[daemon]\nlog_level = "loud"\nstate = "x"\n')
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value).splitlines() == [
        f"{path}:13: daemon.log_level: 'loud' is not one of 'debug', 'info', 'warning', 'error'",
        f"{path}:14: daemon.state: unknown key 'state': did you mean 'state_dir'?",
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("[daemon]\nlog_level = loud\n", 2, 13, "is not TOML: Invalid value"),
        ('a = 1\n\nb = "x\n', 3, 7, "is not TOML: "),
        ("[a]\nx = 1\nx = 2\n", 3, None, "is not TOML: Cannot overwrite a value"),
        ("[a\n", 1, 3, "is not TOML: "),
        ("[a]\nx = [1,\n", None, None, "is not TOML: Invalid value at the end of the file"),
        (f"x = {'9' * 5000}\n", None, None, "is not TOML: Exceeds the limit"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(
    tmp_path: Path, text: str, line: int | None, column: int | None, what: str
) -> None:
    """At the parser's position, if it reports one."""
    problem = only_problem(tmp_path, text)
    assert problem.where == str(tmp_path / "config.toml")
    assert problem.line == line
    assert column in (None, problem.column)
    assert problem.message.startswith(what)


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    """Missing, a directory, or not text: never a traceback."""
    for path, message in [
        (tmp_path / "missing.toml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
    ]:
        with pytest.raises(InvalidConfig, match=message):
            load(path, {})
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# Prüfung".encode("latin-1"))
    with pytest.raises(InvalidConfig, match="is not UTF-8 text"):
        load(latin, {})


def test_files_from_other_editors_are_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends change neither meaning nor line numbers."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert set(load(path, {}).users) == {"alice"}
    path.write_bytes((MINIMAL + "[daemon]\nx = 1\n").replace("\n", "\r\n").encode())
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert caught.value.problems[0].line == 13


def test_secrets_are_not_repeated_in_errors(tmp_path: Path) -> None:
    """An error is shown, logged and pasted into chats; a notification URL must not be."""
    text = MINIMAL + '[users.bob]\naccount = { exchange = "sim" }\nnotify = '
    for value in ('"tgram://123:HUSH/1"', '["HUSH"]', '{ url = "tgram://HUSH" }'):
        error = str(problems_of(tmp_path, text + value + "\n")[0])
        assert "***" in error
        assert "HUSH" not in error


def test_a_reference_into_a_missing_section_is_reported(tmp_path: Path) -> None:
    """There is no nearest name where there are no names."""
    problem = only_problem(tmp_path, '[users.bob.account]\nexchange = "sim"\n')
    assert problem.message == (
        "'sim' is not one of the exchanges of this file: the file has no [exchanges.…] at all"
    )


def test_one_mistake_in_the_defaults_is_reported_once(tmp_path: Path) -> None:
    """A thousand users who inherit it do not make a thousand mistakes of it."""
    users = "".join(
        f'[users.u{n}]\naccount = {{ exchange = "sim" }}\nsubscriptions = {{ trend = {{}} }}\n'
        for n in range(50)
    )
    stop = '[defaults.protection.stop_loss]\nsource = "none"\n'
    assert only_problem(tmp_path, SIM + TREND + stop + users).path == (
        "defaults.protection.stop_loss.source"
    )


@pytest.mark.parametrize(
    "added",
    [
        '[exchanges.okx]\nccxt_id = "okx"\n[users.bob]\nmode = "signals"\n'
        'account = { exchange = "okx" }\nsubscriptions = { trend = {} }\n',
        '[api]\nlisten = "0.0.0.0:8787"\ntls_behind_proxy = true\n',
        '[api]\nlisten = "localhost:1"\n',
        '[api]\nlisten = "[::1]:1"\n',
        '[api]\nlisten = "127.8.8.8:1"\n',
        '[users.alice.protection]\nstop_loss = { source = "none" }\n'
        '[users.alice.sizing]\nmode = "quote"\n',
        '[exchanges.two]\nccxt_id = "simulated"\n',
        '[exchanges.okx]\nccxt_id = "okx"\n[exchanges.sim.simulated]\nspeed = 1.0\n',
        f'[users.{"x" * 40}]\naccount = {{ exchange = "sim", leverage = 125 }}\n',
        '[users.0-_]\naccount = { exchange = "sim" }\n',
        "[defaults.protection]\ntake_profits = [{ percent = 0.1, share = 99.9 }, "
        "{ percent = 200, share = 0.1 }]\n",
        "[defaults.protection]\ntake_profits = []\n",
        '[defaults.filters]\ntime_zone = "UTC"\nhours = ["22:00-06:00"]\nsymbols = []\n',
    ],
)
def test_what_is_just_right_is_no_error(tmp_path: Path, added: str) -> None:
    """Bounds are included, and exceptions from the rules hold."""
    assert "alice" in load_text(tmp_path, MINIMAL + added).users
