"""What exchanges say when the doctor asks them: a loopback exchange, well, off, and away."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.doctor.patient import Patient
from tests.keeping.rig import free_port
from tests.loopback.binance import binance

CONFIG = """
[exchanges.binance]
ccxt_id = "binanceusdm"
[exchanges.binance.ccxt]
timeout = 2000
{urls}
[strategies.far]
kind = "ema_cross"
exchange = "binance"
symbols = [{symbols}]
timeframe = "1m"
"""
