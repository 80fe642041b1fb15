"""The configuration of a soak run: a crowd on paper, one on advice, everybody is told."""

HEAD = """
[daemon]
state_dir = "state"
log_format = "json"
log_level = "info"
[api]
listen = "127.0.0.1:{port}"
requests_per_second = 10000
[notify]
daily_summary = "12:00"
operator = ["{notices}/operator"]
[notify.operator_events]
closed = "silent"
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = 11
speed = {speed}
reject_probability = 0.02
partial_fill_probability = 0.05
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
annual_volatility_percent = 150
[exchanges.sim.simulated.symbols."ETH/USDT:USDT"]
price = 3000
annual_volatility_percent = 100
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
params = {{ fast = 2, slow = 5, stop_atr = 2.0, take_profit_r = [0.5, 1.0] }}
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["ETH/USDT:USDT"]
[defaults.sizing]
mode = "quote"
quote_amount = 1000
[defaults.protection]
on_opposite_signal = "reverse"
"""
USER = """
[users.{name}]
mode = "{mode}"
notify = ["{notices}/{name}"]
account = {{ exchange = "sim", leverage = {leverage}, paper_balance = 1000000 }}
[users.{name}.subscriptions.trend]
[users.{name}.subscriptions.tv]
"""
_ADVISED_EVERY = 10


def names(users: int) -> list[str]:
    return [f"u{number:03}" for number in range(users)]


def config(*, users: int, speed: int, port: int, notices: str) -> str:
    """Every tenth user is only advised; ``notices`` is where everybody is told."""
    people = (
        USER.format(
            name=name,
            mode="paper" if place % _ADVISED_EVERY else "signals",
            leverage=1 + place % 5,
            notices=notices,
        )
        for place, name in enumerate(names(users))
    )
    return HEAD.format(port=port, notices=notices, speed=speed) + "".join(people)
