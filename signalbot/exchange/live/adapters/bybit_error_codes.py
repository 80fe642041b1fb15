"""What Bybit's codes (``retCode``) mean: 110xxx of contracts, 170xxx of spot, 10xxx of both."""

from typing import Final

from signalbot.exchange.live.adapters.error_responses import codes_in
from signalbot.exchange.live.transport.error_codes import ErrorCodes

CODES: Final = ErrorCodes(
    rejected=codes_in(
        # parameters, accounts and symbols
        "7001 10001 10017 10029 110018 110019 110031 110032 110037 110049 110050 110070 170105"
        " 170115 170116 170117 170121 170130 170202 170203 170241 181001 3100116 3100198"
        # price, size and number of orders
        " 110003 110009 110016 110020 110021 110022 110023 110042 110089 110090 110094 110105"
        " 130006 170010 170011 170019 170124 170132 170133 170134 170135 170136 170137 170140"
        " 170148 170159 170192 170193 170194 170195 170196 170197 170198 170204 170206 170210"
        " 170217 170218 170228 170229 170371 170372 12137 -1140 -1197 30208 110118 110120 170199"
        " 170200 170341 170381 170382 170810"
        # the position does not allow it
        " 110005 110011 110017 110034 110035 110039 110040 110041 110046 110057 110058 110059"
        " 110060 110061"
        # the market does not
        " 110063 110066 110074 110085 110095 110098 110099 110101 110103 110121 110126 170031"
        " 170151 170157 170209 170221 170223 170226 170227"
        # cancelling what has ended; what it came to is looked up
        " 110008 110010 170139 170142 170190"
        # leverage, margin mode
        " 110013 110015 110024 110028 110029 110036 110038 110047 110048 110073 3400045"
    ),
    duplicate=codes_in("10014 12141 30001 110030 110072 140030 170141"),
    would_trigger=codes_in("30074 30075 110092 110093 130074"),
    no_margin=codes_in(
        "110004 110006 110007 110012 110014 110044 110045 110051 110052 110053 130021 131001"
        " 170033 170034 170131 3200300"
    ),
    access_denied=codes_in(
        "10003 10004 10005 10007 10008 10010 10020 10024 10027 10028 33004 -2015 110065 110067"
        " 110068 110069 131004 170201 170224"
    ),
    clock=frozenset(("10002", "-1021")),
    limited=codes_in("10009 10018"),
    # Counted by the second and account (https://bybit-exchange.github.io/docs/v5/rate-limit); 10429
    # and 429 are the system's own protection, which a moment's wait is enough for as well.
    account_limited=codes_in("429 10006 10429 170005 170222"),
    already_set=codes_in("34040 110025 110026 110027 110043 34036 140025 140026 140027 140043"),
    not_found=codes_in("20001 30034 110001 140001 170213"),
    # Time-outs behind the gateway, "submitted to the system" and "is being processed"; ccxt calls
    # some of them bad requests or invalid orders.
    unknown=codes_in(
        "5004 10000 10016 110079 170001 170007 170032 170035 170146 170147 170149 170191"
    ),
)
